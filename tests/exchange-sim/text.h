/* text.h - the small formats that the simulated Exchange reads and writes: base64, times, mail
 * headers, log values.
 *
 * Written for the simulator alone, so that it does not share a mistake with the library it tests.
 *
 * Threads:  pure functions.
 * Memory:   returned strings are (transfer full).
 */
#ifndef EXG_SIM_TEXT_H
#define EXG_SIM_TEXT_H

#include <glib.h>
#include <stdbool.h>

/* Strict base64: white space is skipped, everything else must be of the alphabet, with right
 * padding. `*ret_bytes` is followed by a zero that is not counted. */
bool exg_sim_base64_decode(const char *text, gsize length, guint8 **ret_bytes, gsize *ret_length);

/* xs:dateTime to seconds since 1970; a time without zone is UTC. */
bool exg_sim_time_parse(const char *text, gint64 *ret_seconds);
/* "2026-11-21T20:04:05Z" */
char *exg_sim_time_format(gint64 seconds);
/* The same with milliseconds, of the present time. */
char *exg_sim_time_now(void);

/* How many bytes the header block of a message has, with the empty line that ends it. */
gsize exg_sim_mime_header_length(const char *message, gsize length);
/* The unfolded value of the first header field of that name, or NULL. */
char *exg_sim_mime_field(const char *message, gsize length, const char *name);
/* Appends the addresses in a header field's value, lower-cased. */
void exg_sim_mime_addresses(const char *value, GPtrArray *addresses);
/* The Date: field as seconds since 1970, or -1. */
gint64 exg_sim_mime_date(const char *value);

/* A value for a line of key=value words: control characters, spaces and quotes become %XX; "-" for
 * none. */
char *exg_sim_word(const char *value);
char *exg_sim_word_decode(const char *word);

/* The part after a prefix, or NULL if `text` does not begin with it. */
const char *exg_sim_after(const char *text, const char *prefix);
/* A decimal number that is the whole text. */
bool exg_sim_number(const char *text, guint64 max, guint64 *ret_value);

#endif
