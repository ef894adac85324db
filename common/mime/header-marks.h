/* header-marks.h - the header fields by which a filter in front marks a message, such as the
 * verdict of a spam filter.
 *
 * A rule is "NAME: VALUE": a field of that name whose value begins with VALUE, in any case and as a
 * whole word. "Yes" fits "Yes, score=9.1" and not "Yesterday"; "*****" fits five stars and more. A
 * NAME alone fits whatever its value is. Rules stand in one text, with commas between them.
 *
 * Threads:  immutable; the reference count is atomic.
 * Errors:   EXG_ERROR_CONFIG, one short phrase that quotes the rule.
 * Limits:   EXG_HEADER_MARKS_MAX rules.
 */
#ifndef EXG_MIME_HEADER_MARKS_H
#define EXG_MIME_HEADER_MARKS_H

#include <glib.h>
#include <stdbool.h>

#define EXG_HEADER_MARKS_MAX 32

typedef struct ExgHeaderMarks ExgHeaderMarks;

ExgHeaderMarks *exg_header_marks_new(const char *rules, GError **error);
ExgHeaderMarks *exg_header_marks_ref(ExgHeaderMarks *marks);
/* NULL-safe. */
void exg_header_marks_unref(ExgHeaderMarks *marks);

/* The field as a rule spells it, or NULL if none is about it. `marks` may be NULL. */
const char *exg_header_marks_field(const ExgHeaderMarks *marks, const char *name, gsize length);
/* Whether the value (unfolded) of such a field marks the message. */
bool exg_header_marks_fit(const ExgHeaderMarks *marks, const char *field, const char *value,
                          gsize length);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgHeaderMarks, exg_header_marks_unref)

#endif
