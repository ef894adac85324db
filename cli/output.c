#include "cli/output.h"

#include <string.h>

#define GAP 2 /* blanks between columns */

struct ExgTable {
    guint columns;
    GPtrArray *rows; /* of string vectors, the titles first */
};

char *
exg_printable(const char *text)
{
    GString *clean = g_string_new(NULL);
    while (*text != '\0') {
        gunichar character = g_utf8_get_char_validated(text, -1);
        if (character == (gunichar)-1 || character == (gunichar)-2) {
            g_string_append_c(clean, '?');
            text++;
            continue;
        }
        if (g_unichar_isprint(character))
            g_string_append_unichar(clean, character);
        else
            g_string_append_c(clean, '?');
        text = g_utf8_next_char(text);
    }
    return g_string_free(clean, FALSE);
}

/* --- tables ----------------------------------------------------------------------------------- */

static guint
width_of(const char *text)
{
    guint width = 0;
    for (; *text != '\0'; text = g_utf8_next_char(text)) {
        gunichar character = g_utf8_get_char(text);
        width += g_unichar_iszerowidth(character) ? 0 : g_unichar_iswide(character) ? 2 : 1;
    }
    return width;
}

static void
free_cells(gpointer cells)
{
    g_strfreev(cells);
}

ExgTable *
exg_table_new(const char *const *titles)
{
    ExgTable *table = g_new0(ExgTable, 1);
    table->columns = titles != NULL ? g_strv_length((char **)titles) : 2;
    table->rows = g_ptr_array_new_with_free_func(free_cells);
    if (titles != NULL)
        exg_table_add(table, titles);
    return table;
}

void
exg_table_add(ExgTable *table, const char *const *cells)
{
    char **copies = g_new0(char *, table->columns + 1);
    for (guint i = 0; i < table->columns; i++)
        copies[i] = exg_printable(cells[i] != NULL ? cells[i] : "-");
    g_ptr_array_add(table->rows, copies);
}

void
exg_table_print(const ExgTable *table, FILE *file)
{
    g_autofree guint *widths = g_new0(guint, table->columns);
    for (guint row = 0; row < table->rows->len; row++) {
        char **cells = g_ptr_array_index(table->rows, row);
        for (guint i = 0; i < table->columns; i++)
            widths[i] = MAX(widths[i], width_of(cells[i]));
    }
    for (guint row = 0; row < table->rows->len; row++) {
        char **cells = g_ptr_array_index(table->rows, row);
        for (guint i = 0; i + 1 < table->columns; i++)
            fprintf(file, "%s%*s", cells[i], (int)(widths[i] - width_of(cells[i]) + GAP), "");
        fprintf(file, "%s\n", cells[table->columns - 1]);
    }
}

void
exg_table_free(ExgTable *table)
{
    if (table == NULL)
        return;
    g_ptr_array_unref(table->rows);
    g_free(table);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void
append_quoted(GString *json, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    g_string_append_c(json, '"');
    for (const char *at = valid; *at != '\0'; at++) {
        guchar byte = (guchar)*at;
        if (byte == '"' || byte == '\\')
            g_string_append_printf(json, "\\%c", byte);
        else if (byte < 0x20 || byte == 0x7f)
            g_string_append_printf(json, "\\u%04x", byte);
        else
            g_string_append_c(json, *at);
    }
    g_string_append_c(json, '"');
}

static void
append_name(GString *json, const char *name)
{
    if (json->len > 0 && strchr("{[", json->str[json->len - 1]) == NULL)
        g_string_append(json, ", ");
    append_quoted(json, name);
    g_string_append(json, ": ");
}

void
exg_json_text(GString *json, const char *name, const char *value)
{
    append_name(json, name);
    if (value != NULL)
        append_quoted(json, value);
    else
        g_string_append(json, "null");
}

void
exg_json_number(GString *json, const char *name, gint64 value)
{
    append_name(json, name);
    if (value >= 0)
        g_string_append_printf(json, "%" G_GINT64_FORMAT, value);
    else
        g_string_append(json, "null");
}

void
exg_json_time(GString *json, const char *name, gint64 time_ms)
{
    g_autoptr(GDateTime) time = time_ms >= 0 ? g_date_time_new_from_unix_utc(time_ms / 1000) : NULL;
    if (time == NULL) {
        exg_json_text(json, name, NULL);
        return;
    }
    g_autofree char *seconds = g_date_time_format(time, "%Y-%m-%dT%H:%M:%S");
    g_autofree char *text = g_strdup_printf("%s.%03dZ", seconds, (int)(time_ms % 1000));
    exg_json_text(json, name, text);
}

/* --- for people ------------------------------------------------------------------------------- */

char *
exg_format_age(gint64 ms)
{
    gint64 seconds = MAX(ms, 0) / 1000;
    if (seconds < 60)
        return g_strdup_printf("%" G_GINT64_FORMAT "s", seconds);
    gint64 minutes = seconds / 60;
    if (minutes < 60)
        return g_strdup_printf("%" G_GINT64_FORMAT "min", minutes);
    gint64 hours = minutes / 60;
    if (hours < 24)
        return g_strdup_printf("%" G_GINT64_FORMAT "h%" G_GINT64_FORMAT "min", hours, minutes % 60);
    return g_strdup_printf("%" G_GINT64_FORMAT "d%" G_GINT64_FORMAT "h", hours / 24, hours % 24);
}

char *
exg_format_time(gint64 time_ms)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(time_ms / 1000);
    return time != NULL ? g_date_time_format(time, "%Y-%m-%d %H:%M:%S %z") : g_strdup("?");
}

char *
exg_format_size(guint64 bytes)
{
    return bytes < 1024 * 1024 ? g_strdup_printf("%.1f KiB", (double)bytes / 1024)
                               : g_strdup_printf("%.1f MiB", (double)bytes / (1024 * 1024));
}
