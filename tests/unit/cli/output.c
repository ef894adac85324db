#include "cli/output.h"

#include "common/base/error.h"

#include <string.h>

static void
check_printable(const char *text, const char *expected)
{
    g_autofree char *clean = exg_printable(text);
    g_assert_cmpstr(clean, ==, expected);
}

static void
test_printable(void)
{
    check_printable("", "");
    check_printable("<1@example.com>", "<1@example.com>");
    check_printable("J\xc3\xbcrgen", "J\xc3\xbcrgen");
    check_printable("a\nb\tc\x1b[31md\x7f", "a?b?c?[31md?");
    check_printable("\xc2\x9b"
                    "31m",
                    "?31m"); /* CSI as one character */
    check_printable("a\xe2\x80\xae"
                    "b",
                    "a?b"); /* right-to-left override */
    check_printable("\xff\xfe", "??");
    check_printable("a\xc3", "a?");         /* cut */
    check_printable("\xed\xa0\x80", "???"); /* a surrogate */
}

static char *
print_within(ExgTable *table, guint width, bool colour)
{
    char *text = NULL;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    exg_table_print_within(table, width, colour, file);
    fclose(file);
    exg_table_free(table);
    return text;
}

static char *
print(ExgTable *table)
{
    return print_within(table, G_MAXUINT, false);
}

static void
test_table(void)
{
    static const char *const titles[] = {"A", "BCD", "E", NULL};
    static const char *const rows[][4] = {
        {"1", "2", "3"}, {"long one", NULL, "x y"}, {"\xe6\x97\xa5", "\x1b", "\n"}};
    ExgTable *table = exg_table_new(titles);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        exg_table_add(table, rows[i]);
    char *text = print(table);
    g_assert_cmpstr(text, ==,
                    "A         BCD  E\n"
                    "1         2    3\n"
                    "long one  -    x y\n"
                    "\xe6\x97\xa5        ?    ?\n");
    free(text);

    table = exg_table_new(NULL);
    static const char *const line[] = {"name", "value"};
    exg_table_add(table, line);
    text = print(table);
    g_assert_cmpstr(text, ==, "name  value\n");
    free(text);
    text = print(exg_table_new(NULL));
    g_assert_cmpstr(text, ==, "");
    free(text);
}

/* Cells break at blanks, or where there is none, anywhere; nothing is lost. */
static void
test_narrow_table(void)
{
    static const char *const titles[] = {"NAME", "WHAT IT IS", NULL};
    static const char *const rows[][3] = {{"one", "a sentence that goes on", NULL},
                                          {"two", "0123456789abcdefghijklmnop", NULL},
                                          {"three", "", NULL}};
    ExgTable *table = exg_table_new(titles);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        exg_table_add(table, rows[i]);
    char *text = print_within(table, 20, true);
    g_assert_cmpstr(text, ==,
                    "\033[1mNAME   WHAT IT IS\033[0m\n"
                    "one    a sentence\n"
                    "       that goes on\n"
                    "two    0123456789abc\n"
                    "       defghijklmnop\n"
                    "three\n");
    free(text);
}

static void
test_widths(void)
{
    static const char *const cells[] = {
        "a@example.com", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
        "many words that would not fit on one line of a terminal at all", "", NULL};
    static const char *const titles[] = {"A", "B", "C", "D", NULL};
    for (guint width = 40; width < 120; width++) {
        ExgTable *table = exg_table_new(titles);
        exg_table_add(table, cells);
        char *text = print_within(table, width, false);
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        for (guint i = 0; lines[i] != NULL; i++) {
            g_assert_cmpuint(exg_text_width(lines[i]), <=, width);
            g_assert_false(g_str_has_suffix(lines[i], " "));
        }
        free(text);
    }
    /* less than any column can have: it is as narrow as it gets */
    ExgTable *table = exg_table_new(titles);
    exg_table_add(table, cells);
    char *text = print_within(table, 1, false);
    g_assert_nonnull(strstr(text, "terminal"));
    free(text);
}

static void
check_shortened(const char *text, guint width, const char *expected)
{
    g_autofree char *shortened = exg_text_shorten(text, width);
    g_assert_cmpstr(shortened, ==, expected);
}

static void
test_shorten(void)
{
    check_shortened("", 0, "");
    check_shortened("abc", 3, "abc");
    check_shortened("abcd", 3, "ab~");
    check_shortened("abcd", 1, "~");
    check_shortened("\xe6\x97\xa5\xe6\x9c\xac", 3, "\xe6\x97\xa5~");
    check_shortened("\xe6\x97\xa5\xe6\x9c\xac", 4, "\xe6\x97\xa5\xe6\x9c\xac");
    g_assert_cmpuint(exg_text_width("e\xcc\x81"), ==, 1); /* a combining accent */
}

static void
test_json_nesting(void)
{
    g_autoptr(GString) json = g_string_new("[");
    g_autoptr(GError) error = exg_error_new(EXG_ERROR_BUSY, "wait");
    g_autoptr(GError) foreign = g_error_new(G_FILE_ERROR, 0, "x");
    exg_error_set_service_code(error, "ErrorServerBusy");
    exg_json_open(json, NULL, '{');
    exg_json_open(json, "a", '[');
    exg_json_text(json, NULL, "1");
    exg_json_text(json, NULL, "2");
    exg_json_close(json, '[');
    exg_json_bool(json, "b", true);
    exg_json_error(json, NULL);
    exg_json_close(json, '{');
    exg_json_open(json, NULL, '{');
    exg_json_error(json, error);
    exg_json_error(json, foreign);
    exg_json_close(json, '{');
    exg_json_close(json, '[');
    g_assert_cmpstr(json->str, ==,
                    "[{\"a\": [\"1\", \"2\"], \"b\": true, \"error\": null}, "
                    "{\"error\": {\"kind\": \"busy\", \"code\": \"ErrorServerBusy\", "
                    "\"message\": \"wait\"}, \"error\": {\"kind\": \"internal\", \"code\": null, "
                    "\"message\": \"x\"}}]");
}

static void
test_terminal(void)
{
    /* standard output of a test is none */
    g_unsetenv("COLUMNS");
    g_assert_cmpuint(exg_output_width(), ==, 80);
    g_setenv("COLUMNS", "100", TRUE);
    g_assert_cmpuint(exg_output_width(), ==, 100);
    g_setenv("COLUMNS", "-1", TRUE);
    g_assert_cmpuint(exg_output_width(), ==, 80);
    g_assert_false(exg_output_has_colour());
}

static void
test_json(void)
{
    g_autoptr(GString) json = g_string_new("{");
    exg_json_text(json, "a", "quote \" backslash \\ line\nescape \x1b del \x7f end");
    exg_json_text(json, "b", NULL);
    exg_json_text(json, "c", "\xc3\xbc\xff");
    exg_json_text(json, "d", "ends in [");
    exg_json_number(json, "e", 0);
    exg_json_number(json, "f", G_MAXINT64);
    exg_json_number(json, "g", -1);
    exg_json_time(json, "h", 1795291445123);
    exg_json_time(json, "i", 0);
    exg_json_time(json, "j", -1);
    exg_json_time(json, "k", G_MAXINT64);
    g_assert_cmpstr(
        json->str, ==,
        "{\"a\": \"quote \\\" backslash \\\\ line\\u000aescape \\u001b del \\u007f end\", "
        "\"b\": null, \"c\": \"\xc3\xbc\xef\xbf\xbd\", \"d\": \"ends in [\", \"e\": 0, "
        "\"f\": 9223372036854775807, \"g\": null, "
        "\"h\": \"2026-11-21T20:04:05.123Z\", \"i\": \"1970-01-01T00:00:00.000Z\", "
        "\"j\": null, \"k\": null");
}

static void
check_text(char *text, const char *expected)
{
    g_assert_cmpstr(text, ==, expected);
    g_free(text);
}

static void
test_formats(void)
{
    check_text(exg_format_age(-5), "0s");
    check_text(exg_format_age(59999), "59s");
    check_text(exg_format_age(60000), "1min");
    check_text(exg_format_age(3599999), "59min");
    check_text(exg_format_age(2 * 3600000 + 600000), "2h10min");
    check_text(exg_format_age((gint64)76 * 3600000), "3d4h");
    check_text(exg_format_size(0), "0.0 KiB");
    check_text(exg_format_size(1536), "1.5 KiB");
    check_text(exg_format_size(13 * 1024 * 1024), "13.0 MiB");
    check_text(exg_format_time(1795291445123), "2026-11-21 20:04:05 +0000");
    check_text(exg_format_time(G_MAXINT64), "?");
}

int
main(int argc, char **argv)
{
    g_setenv("TZ", "UTC", TRUE);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/output/printable", test_printable);
    g_test_add_func("/output/table", test_table);
    g_test_add_func("/output/narrow-table", test_narrow_table);
    g_test_add_func("/output/widths", test_widths);
    g_test_add_func("/output/shorten", test_shorten);
    g_test_add_func("/output/json", test_json);
    g_test_add_func("/output/json-nesting", test_json_nesting);
    g_test_add_func("/output/terminal", test_terminal);
    g_test_add_func("/output/formats", test_formats);
    return g_test_run();
}
