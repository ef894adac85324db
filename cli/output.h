/* output.h - how the commands print: tables for people, JSON for programs, and nothing that a
 * terminal would obey.
 *
 * Much of what is printed came from the network. In a table each character that is not printable
 * becomes "?", as do bytes that are no UTF-8; in JSON it is escaped, or becomes U+FFFD.
 *
 * Threads:  the main thread.
 * Memory:   what is given is copied.
 */
#ifndef EXG_CLI_OUTPUT_H
#define EXG_CLI_OUTPUT_H

#include <glib.h>
#include <stdio.h>

typedef struct ExgTable ExgTable;

/* `titles`: of the columns, NULL-terminated; NULL: a table of two columns without titles. */
ExgTable *exg_table_new(const char *const *titles);
/* As many cells as columns; a NULL is printed as "-". */
void exg_table_add(ExgTable *table, const char *const *cells);
/* Aligned; the last column is not padded. */
void exg_table_print(const ExgTable *table, FILE *file);
void exg_table_free(ExgTable *table);

/* Fit for a terminal. (transfer full) */
char *exg_printable(const char *text);

/* Appends `"name": value`, after a comma unless a bracket stands before it. A NULL and a negative
 * number are null. */
void exg_json_text(GString *json, const char *name, const char *value);
void exg_json_number(GString *json, const char *name, gint64 value);
/* As "2026-11-21T20:04:05.123Z"; a negative one is null. */
void exg_json_time(GString *json, const char *name, gint64 time_ms);

/* "43s", "12min", "5h20min", "3d4h". (transfer full), as are the next two. */
char *exg_format_age(gint64 ms);
/* In the zone of this host: "2026-11-21 21:04:05 +0100". */
char *exg_format_time(gint64 time_ms);
/* "12.3 MiB" */
char *exg_format_size(guint64 bytes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgTable, exg_table_free)

#endif
