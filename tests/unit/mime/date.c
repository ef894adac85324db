#include "common/mime/date.h"

#include <string.h>

#define NONE G_MININT64

static const struct {
    const char *text;
    gint64 seconds;
} rows[] = {
    {"Thu, 01 Jan 1970 00:00:00 +0000", 0},
    {"Sat, 21 Nov 2026 10:11:12 +0100", 1795252272},
    {" Sat, 21 Nov 2026 10:11:12 +0100 (CET)", 1795252272},
    {"21 Nov 2026 10:11:12 +0100", 1795252272},
    {"Sat, 21 Nov 2026 04:11:12 -0500", 1795252272},
    {"Sat, 21 Nov 2026 14:41:12 +0530", 1795252272},
    {"Sat, 21 Nov 2026 09:11:12 -0000", 1795252272},
    {"sat, 21 NOV 2026 09:11:12 gmt", 1795252272},
    {"Sat,21 Nov 2026 09:11:12 UT", 1795252272},
    {"Sat, 21 Nov 2026 09:11:12 UTC", 1795252272},
    {"Sat, 21 Nov 2026 09:11:12 Z", 1795252272},
    {"Sat, 21 Nov 2026 09:11:12 A", 1795252272},
    {"Sat, 21 Nov 2026 09:11:12 CET", 1795252272}, /* RFC 5322 4.3: not known, so -0000 */
    {"Sat, 21 Nov 2026 04:11:12 EST", 1795252272},
    {"Sat, 21 Nov 2026 05:11:12 EDT", 1795252272},
    {"Sat, 21 Nov 2026 03:11:12 CST", 1795252272},
    {"Sat, 21 Nov 2026 04:11:12 CDT", 1795252272},
    {"Sat, 21 Nov 2026 02:11:12 MST", 1795252272},
    {"Sat, 21 Nov 2026 03:11:12 MDT", 1795252272},
    {"Sat, 21 Nov 2026 01:11:12 PST", 1795252272},
    {"Sat, 21 Nov 2026 02:11:12 PDT", 1795252272},
    {"Sat, 21 Nov 26 09:11:12 +0000", 1795252272},
    {"Sat, 21 Nov 126 09:11:12 +0000", 1795252272},
    {"Sun, 21 Nov 99 00:00:00 +0000", 943142400},
    {"1 Jan 70 0:00 GMT", NONE},
    {"1 Jan 70 00:00 GMT", 0},
    {"Sat (day) , (a (nested \\) one)) 21\tNov\t2026 09 : 11 : 12 (x) +0000 (y)(z)", 1795252272},
    {"Sat,\r\n 21 Nov 2026 09:11:12 +0000\r\n", 1795252272},
    {"Thu, 29 Feb 2024 12:00:00 +0000", 1709208000},
    {"Sat, 31 Dec 2016 23:59:60 +0000", 1483228800},
    {"Wed, 31 Dec 1969 23:59:59 +0000", -1},
    {"31 Dec 9999 23:59:59 +0000", 253402300799},
    {"1 Jan 1900 00:00:00 +0000", -2208988800},

    {"", NONE},
    {" ", NONE},
    {"(", NONE},
    {"Sat", NONE},
    {"Sat,", NONE},
    {"Xyz, 21 Nov 2026 09:11:12 +0000", NONE},
    {"Saturday, 21 Nov 2026 09:11:12 +0000", NONE},
    {"Sat 21 Nov 2026 09:11:12 +0000", NONE},
    {"Sat, 21 Nov 2026 09:11:12", NONE},
    {"Sat, 21 Nov 2026 09:11:12 ", NONE},
    {"Sat, 21 Nov 2026 09:11:12 +", NONE},
    {"Sat, 21 Nov 2026 09:11:12 +000", NONE},
    {"Sat, 21 Nov 2026 09:11:12 +00000", NONE},
    {"Sat, 21 Nov 2026 09:11:12 +0060", NONE},
    {"Sat, 21 Nov 2026 09:11:12 +0000 x", NONE},
    {"Sat, 21 Nov 2026 09:11:12 +0000 (x", NONE},
    {"Sat, 21 Nov 2026 09:11:12 +0000 (x\\", NONE},
    {"Sat, 21 Nov 2026 09:11:12 TOOLONGAZONE", NONE},
    {"Sat, 21 Nov 2026 09:11:12 +0000 (((((((((9 deep)))))))))", NONE},
    {"Sat, 21 Nov 2026 24:00:00 +0000", NONE},
    {"Sat, 21 Nov 2026 09:60:00 +0000", NONE},
    {"Sat, 21 Nov 2026 09:11:61 +0000", NONE},
    {"Sat, 21 Nov 2026 9:11:12 +0000", NONE},
    {"Sat, 21 Nov 2026 09:11: +0000", NONE},
    {"Sat, 21 Nov 2026 -09:11:12 +0000", NONE},
    {"Sat, 00 Nov 2026 09:11:12 +0000", NONE},
    {"Sat, 31 Nov 2026 09:11:12 +0000", NONE},
    {"Thu, 29 Feb 2026 09:11:12 +0000", NONE},
    {"Sat, 121 Nov 2026 09:11:12 +0000", NONE},
    {"Sat, 21 Nov 1899 09:11:12 +0000", NONE},
    {"Sat, 21 Nov 12026 09:11:12 +0000", NONE},
    {"Sat, 21 Nov 6 09:11:12 +0000", NONE},
    {"Sat, 21 11 2026 09:11:12 +0000", NONE},
    {"Sat, 21 November 2026 09:11:12 +0000", NONE},
    {"2026-11-21T09:11:12Z", NONE},
    {"Sat, 21 Nov 2026 09:11:12 \xc3\xbc", NONE},
};

static bool
parse(const char *text, gsize length, gint64 *ret_seconds)
{
    g_autofree char *copy = g_memdup2(text, length);
    return exg_date_parse(copy, length, ret_seconds);
}

static void
test_rows(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        gint64 seconds = NONE;
        g_autofree char *shown = g_strescape(rows[i].text, NULL);
        g_test_message("%s", shown);
        bool good = parse(rows[i].text, strlen(rows[i].text), &seconds);
        g_assert_cmpint(seconds, ==, rows[i].seconds);
        g_assert_true(good == (rows[i].seconds != NONE));
        /* Cut anywhere, it may be a date or none, but is never read past its end. */
        for (gsize cut = 0; cut < strlen(rows[i].text); cut++)
            (void)parse(rows[i].text, cut, &seconds);
    }
    gint64 seconds = NONE;
    g_assert_false(parse("Sat, 21 Nov 2026 09:11:12 +0000\0", 32, &seconds));
    g_assert_cmpint(seconds, ==, NONE);
}

/* What is written is read back as the same second. */
static void
test_append(void)
{
    static const gint64 seconds[] = {0, 951782399, 951868800, 1795291445, 253402300799};
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < G_N_ELEMENTS(seconds); i++) {
        gint64 read = -1;
        g_string_truncate(text, 0);
        exg_date_append(text, seconds[i]);
        g_assert_true(exg_date_parse(text->str, text->len, &read));
        g_assert_cmpint(read, ==, seconds[i]);
    }
    g_string_truncate(text, 0);
    exg_date_append(text, 1795291445);
    g_assert_cmpstr(text->str, ==, "Sat, 21 Nov 2026 20:04:05 +0000");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mime/date/rows", test_rows);
    g_test_add_func("/date/append", test_append);
    return g_test_run();
}
