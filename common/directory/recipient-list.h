/* recipient-list.h - a text of addresses, one in a line: the map, what a cache is warmed up with, and
 * how it is exported.
 *
 *     # a comment
 *     ann@example.com
 *     all@example.com        group
 *     bob@example.com        mailbox   2026-11-22T09:30:00Z
 *
 * Behind the address stand what it is (mailbox, group, contact, public-folder, nobody) and when that
 * was found out, where the reader has a use for them. Other text behind these is an error.
 *
 * Threads:  pure functions.
 * Memory:   a line is valid while its function runs.
 * Errors:   EXG_ERROR_CONFIG: "line 3: …". Nothing is quoted.
 * Limits:   EXG_RECIPIENT_LIST_MAX_BYTES, EXG_RECIPIENT_LIST_MAX_LINE bytes per line, an address of
 *           EXG_RECIPIENT_LIST_MAX_ADDRESS.
 */
#ifndef EXG_DIRECTORY_RECIPIENT_LIST_H
#define EXG_DIRECTORY_RECIPIENT_LIST_H

#include "common/directory/finding.h"

#define EXG_RECIPIENT_LIST_MAX_BYTES   (64 * 1024 * 1024)
#define EXG_RECIPIENT_LIST_MAX_LINE    1024
#define EXG_RECIPIENT_LIST_MAX_ADDRESS 512

typedef struct {
    const char *address;   /* folded */
    ExgRecipientKind kind; /* UNKNOWN: not said */
    gint64 found_us;       /* on the real clock; 0: not said */
} ExgRecipientLine;

/* False with an error set ends the reading; it is given the line's number. */
typedef bool (*ExgRecipientLineFunc)(const ExgRecipientLine *line, gpointer data, GError **error);

bool exg_recipient_list_read(const char *text, gsize length, ExgRecipientLineFunc function,
                             gpointer data, GError **error);
/* The whole of a file or of a pipe, "-" being standard input. */
bool exg_recipient_list_load(const char *path, char **ret_text, gsize *ret_length, GError **error);
/* Appends a line. */
void exg_recipient_list_write(GString *text, const ExgRecipientLine *line);

#endif
