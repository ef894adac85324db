#include "cli/output.h"

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
print(ExgTable *table)
{
    char *text = NULL;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    exg_table_print(table, file);
    fclose(file);
    exg_table_free(table);
    return text;
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
    g_test_add_func("/output/json", test_json);
    g_test_add_func("/output/formats", test_formats);
    return g_test_run();
}
