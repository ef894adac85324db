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
#include <stdbool.h>
#include <stdio.h>

typedef struct ExgTable ExgTable;

/* `titles`: of the columns, NULL-terminated; NULL: a table of two columns without titles. */
ExgTable *exg_table_new(const char *const *titles);
/* As many cells as columns; a NULL is printed as "-". */
void exg_table_add(ExgTable *table, const char *const *cells);
/* Aligned; the last column is not padded. */
void exg_table_print(const ExgTable *table, FILE *file);
/* In no more than `width` columns, where cells can be broken so; titles in bold if `colour`. */
void exg_table_print_within(const ExgTable *table, guint width, bool colour, FILE *file);
/* As the terminal wants it, on standard output. */
void exg_table_show(const ExgTable *table);
void exg_table_free(ExgTable *table);

/* Columns that a text takes on a terminal. */
guint exg_text_width(const char *text);
/* The text, cut to `width` columns with "…" (or "~") at its end if it is longer. (transfer full) */
char *exg_text_shorten(const char *text, guint width);

/* The width of the terminal that standard output is, COLUMNS if it is none, or 80. */
guint exg_output_width(void);
/* Whether standard output is a terminal that shows colours, and nobody set NO_COLOR. */
bool exg_output_has_colour(void);
/* Whether more than ASCII can be printed. */
bool exg_output_is_utf8(void);

/* Fit for a terminal. (transfer full) */
char *exg_printable(const char *text);

/* Opens and closes an object ('{') or an array ('['); `name` is NULL in an array. */
void exg_json_open(GString *json, const char *name, char bracket);
void exg_json_close(GString *json, char bracket);
/* Appends `"name": value`, after a comma unless a bracket stands before it; just the value where
 * `name` is NULL. A NULL and a negative number are null. */
void exg_json_text(GString *json, const char *name, const char *value);
void exg_json_number(GString *json, const char *name, gint64 value);
void exg_json_bool(GString *json, const char *name, bool value);
/* "error": what kind it is, the server's code, and the sentence; or null. */
void exg_json_error(GString *json, const GError *error);
/* As "2026-11-21T20:04:05.123Z"; a negative one is null. */
void exg_json_time(GString *json, const char *name, gint64 time_ms);

/* Prints it, with a newline. */
void exg_json_print(const GString *json);

/* "43s", "12min", "5h20min", "3d4h". (transfer full), as are the next two. */
char *exg_format_age(gint64 ms);
/* In the zone of this host: "2026-11-21 21:04:05 +0100". */
char *exg_format_time(gint64 time_ms);
/* "12.3 MiB" */
char *exg_format_size(guint64 bytes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgTable, exg_table_free)

#endif
