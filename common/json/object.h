/* object.h - a JSON object that came from outside: its texts and numbers.
 *
 * json-glib's parser recurses for each bracket, leaks on some malformed texts and frees what it has
 * read as it is. So what it may see is looked through before, and texts are taken out of it: a token
 * may be among them.
 *
 * Threads:  pure functions.
 * Memory:   texts belong to the object, and are wiped when it is freed.
 * Limits:   `max_bytes` of the text, EXG_JSON_MAX_DEPTH brackets within each other.
 * Source:   RFC 8259.
 * Bugs:     A text with a backslash in it is json-glib's to decode, and copies of it stay in free
 *           memory.
 */
#ifndef EXG_JSON_OBJECT_H
#define EXG_JSON_OBJECT_H

#include <glib.h>
#include <stdbool.h>

#define EXG_JSON_MAX_DEPTH 16

typedef struct ExgJsonObject ExgJsonObject;

/* NULL: `json` is not one object, is not UTF-8, or passes a limit. */
ExgJsonObject *exg_json_object_read(const char *json, gsize length, gsize max_bytes);
void exg_json_object_free(ExgJsonObject *object);

/* A text, or NULL. */
const char *exg_json_object_text(const ExgJsonObject *object, const char *name);
/* A number, also where it is written as a text; `fallback` where there is none from 0 to `max`. */
gint64 exg_json_object_number(const ExgJsonObject *object, const char *name, gint64 max,
                              gint64 fallback);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgJsonObject, exg_json_object_free)

#endif
