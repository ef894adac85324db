#include "cli/output.h"

#include "common/base/disposition.h"
#include "common/base/error.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define GAP           2 /* blanks between columns */
#define NARROWEST     8 /* column of a table that has to be broken */
#define DEFAULT_WIDTH 80
#define MAX_WIDTH     1000

struct ExgTable {
    guint columns;
    bool titled;
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
width_of_char(const char *at)
{
    gunichar character = g_utf8_get_char(at);
    return g_unichar_iszerowidth(character) ? 0 : g_unichar_iswide(character) ? 2 : 1;
}

guint
exg_text_width(const char *text)
{
    guint width = 0;
    for (; *text != '\0'; text = g_utf8_next_char(text))
        width += width_of_char(text);
    return width;
}

/* Where the first `width` columns of a text end. */
static const char *
end_of(const char *text, guint width)
{
    for (guint used = 0; *text != '\0'; text = g_utf8_next_char(text)) {
        used += width_of_char(text);
        if (used > width)
            break;
    }
    return text;
}

char *
exg_text_shorten(const char *text, guint width)
{
    if (exg_text_width(text) <= width)
        return g_strdup(text);
    const char *end = end_of(text, MAX(width, 1) - 1);
    return g_strdup_printf("%.*s%s", (int)(end - text), text, exg_output_is_utf8() ? "…" : "~");
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
    table->titled = titles != NULL;
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

static guint *
measure(const ExgTable *table)
{
    guint *widths = g_new0(guint, table->columns);
    for (guint row = 0; row < table->rows->len; row++) {
        char **cells = g_ptr_array_index(table->rows, row);
        for (guint i = 0; i < table->columns; i++)
            widths[i] = MAX(widths[i], exg_text_width(cells[i]));
    }
    return widths;
}

/* Takes from the widest column until the table fits. */
static void
squeeze(guint *widths, guint columns, guint width)
{
    guint total = GAP * (columns - 1);
    for (guint i = 0; i < columns; i++)
        total += widths[i];
    while (total > width) {
        guint widest = 0;
        for (guint i = 1; i < columns; i++)
            if (widths[i] >= widths[widest])
                widest = i;
        if (widths[widest] <= NARROWEST)
            return;
        guint excess = total - width, second = NARROWEST;
        for (guint i = 0; i < columns; i++)
            if (i != widest)
                second = MAX(second, widths[i]);
        guint step = MIN(excess, MAX(widths[widest] - MIN(second, widths[widest]), 1));
        widths[widest] -= step;
        total -= step;
    }
}

/* The next line of a cell: up to a blank if there is one, else as much as there is room for. Moves
 * `*text` on to what is left. */
static int
take_line(const char **text, guint width, const char **ret_line)
{
    const char *line = *text, *end = end_of(line, width);
    if (end == line && *line != '\0')
        end = g_utf8_next_char(line); /* wider than all the room there is */
    const char *stop = end;
    if (*end != '\0' && *end != ' ') {
        const char *blank = end;
        while (blank > line && *blank != ' ')
            blank--;
        if (blank > line)
            stop = blank;
    }
    *text = stop;
    while (**text == ' ')
        (*text)++;
    *ret_line = line;
    return (int)(stop - line);
}

static void
print_row(char **cells, const guint *widths, guint columns, bool bold, FILE *file)
{
    g_autofree const char **rest = g_new0(const char *, columns);
    for (guint i = 0; i < columns; i++)
        rest[i] = cells[i];
    bool more = true;
    while (more) {
        guint owed = 0; /* blanks, which are not printed at the end of a line */
        more = false;
        fputs(bold ? "\033[1m" : "", file);
        for (guint i = 0; i < columns; i++) {
            const char *line;
            int length = take_line(&rest[i], widths[i], &line);
            g_autofree char *piece = g_strndup(line, (gsize)length);
            if (length > 0) {
                fprintf(file, "%*s%s", (int)owed, "", piece);
                owed = 0;
            }
            owed += widths[i] - MIN(exg_text_width(piece), widths[i]) + GAP;
            more = more || *rest[i] != '\0';
        }
        fputs(bold ? "\033[0m\n" : "\n", file);
    }
}

void
exg_table_print_within(const ExgTable *table, guint width, bool colour, FILE *file)
{
    g_autofree guint *widths = measure(table);
    squeeze(widths, table->columns, width);
    for (guint row = 0; row < table->rows->len; row++) {
        bool bold = colour && row == 0 && table->titled;
        print_row(g_ptr_array_index(table->rows, row), widths, table->columns, bold, file);
    }
}

void
exg_table_print(const ExgTable *table, FILE *file)
{
    exg_table_print_within(table, G_MAXUINT, false, file);
}

void
exg_table_show(const ExgTable *table)
{
    bool wraps = isatty(STDOUT_FILENO) || g_getenv("COLUMNS") != NULL;
    exg_table_print_within(table, wraps ? exg_output_width() : G_MAXUINT, exg_output_has_colour(),
                           stdout);
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
    if (name == NULL)
        return;
    append_quoted(json, name);
    g_string_append(json, ": ");
}

void
exg_json_open(GString *json, const char *name, char bracket)
{
    append_name(json, name);
    g_string_append_c(json, bracket);
}

void
exg_json_close(GString *json, char bracket)
{
    g_string_append_c(json, bracket == '{' ? '}' : ']');
}

void
exg_json_bool(GString *json, const char *name, bool value)
{
    append_name(json, name);
    g_string_append(json, value ? "true" : "false");
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

void
exg_json_error(GString *json, const GError *error)
{
    if (error == NULL) {
        exg_json_text(json, "error", NULL);
        return;
    }
    const ExgErrorFacts *facts = exg_error_facts(error);
    exg_json_open(json, "error", '{');
    exg_json_text(json, "kind", exg_disposition_of(error).label);
    exg_json_text(json, "code", facts != NULL ? facts->service_code : NULL);
    exg_json_text(json, "message", error->message);
    exg_json_close(json, '{');
}

void
exg_json_print(const GString *json)
{
    puts(json->str);
}

/* --- the terminal ----------------------------------------------------------------------------- */

guint
exg_output_width(void)
{
    struct winsize size;
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    const char *columns = g_getenv("COLUMNS");
    guint64 width;
    if (columns != NULL && g_ascii_string_to_unsigned(columns, 10, 1, MAX_WIDTH, &width, NULL))
        return (guint)width;
    return DEFAULT_WIDTH;
}

bool
exg_output_has_colour(void)
{
    const char *no = g_getenv("NO_COLOR"), *terminal = g_getenv("TERM");
    return isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0') && terminal != NULL &&
           !g_str_equal(terminal, "dumb");
}

bool
exg_output_is_utf8(void)
{
    return g_get_charset(NULL);
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
