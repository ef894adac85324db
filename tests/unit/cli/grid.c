#include "cli/grid.h"

#include <stdlib.h>
#include <string.h>

#define MONDAY 1795392000 /* 2026-11-23 00:00 UTC */

static char *
print(const ExgGridRow *rows, guint n_rows, guint interval_min, guint n_intervals, guint width,
      bool colour)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
    const ExgGridShape shape = {
        .start = MONDAY,
        .zone = zone,
        .interval_min = interval_min,
        .n_intervals = n_intervals,
        .width = width,
        .colour = colour,
    };
    char *text = NULL;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    exg_grid_print(rows, n_rows, &shape, file);
    fclose(file);
    return text;
}

#define LEGEND ". free   t tentative   B busy   O out of office   e elsewhere   ? not known\n"

static void
test_day(void)
{
    const ExgGridRow rows[] = {{.name = "ann", .digits = "000001111222233334444555"},
                               {.name = "bob", .note = "no mailbox"}};
    char *text = print(rows, 2, 60, 24, 80, false);
    g_assert_cmpstr(text, ==,
                    "Monday, 23 November 2026, UTC+00:00\n"
                    "     00 03 06 09 12 15 18 21\n"
                    "ann  .....ttttBBBBOOOO????eee\n"
                    "bob  no mailbox\n"
                    "\n" LEGEND);
    free(text);
}

/* What is missing is not known, and so is a digit that nobody has heard of. */
static void
test_short_digits(void)
{
    const ExgGridRow row = {.name = "a", .digits = "09"};
    char *text = print(&row, 1, 1440, 3, 80, false);
    g_assert_cmpstr(text, ==,
                    "Monday, 23 November 2026, UTC+00:00\n"
                    "   00\n"
                    "a  .\n"
                    "\n"
                    "Tuesday, 24 November 2026, UTC+00:00\n"
                    "   00\n"
                    "a  ?\n"
                    "\n"
                    "Wednesday, 25 November 2026, UTC+00:00\n"
                    "   00\n"
                    "a  ?\n"
                    "\n" LEGEND);
    free(text);
}

/* Whatever the width and the interval are, no line is wider, and each interval is drawn once. */
static void
test_widths(void)
{
    static const guint intervals[] = {5, 7, 15, 30, 60, 90, 1440};
    const ExgGridRow rows[] = {
        {.name = "a-very-long-name-that-does-not-fit@a-very-long-domain.example.com", .digits = ""},
        {.name = "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97"
                 "\xa5\xe6\x9c\xac\xe8\xaa\x9e",
         .digits = ""},
    };
    for (guint i = 0; i < G_N_ELEMENTS(intervals); i++) {
        for (guint width = 32; width <= 200; width += 7) {
            guint count = 2 * 1440 / intervals[i];
            char *text = print(rows, 2, intervals[i], count, width, false);
            char *end = strstr(text, "\n\n. free");
            g_assert_nonnull(end);
            *end = '\0';
            g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
            guint drawn = 0;
            for (guint j = 0; lines[j] != NULL; j++) {
                bool is_day = strstr(lines[j], "UTC") != NULL;
                if (!is_day)
                    g_assert_cmpuint(g_utf8_strlen(lines[j], -1), <=, width);
                for (char *at = lines[j]; *at != '\0'; at++)
                    drawn += *at == '?';
            }
            g_assert_cmpuint(drawn, ==, 2 * count);
            free(text);
        }
    }
}

static void
test_colour(void)
{
    const ExgGridRow row = {.name = "a", .digits = "22"};
    char *text = print(&row, 1, 30, 2, 80, true);
    g_assert_nonnull(strstr(text, "\033[31mBB\033[0m\n"));
    g_assert_true(g_str_has_prefix(text, "\033[1mMonday, 23 November 2026\033[0m"));
    free(text);
}

/* Addresses come from the command line, notes from the network. */
static void
test_hostile(void)
{
    const ExgGridRow rows[] = {{.name = "a\x1b[31m", .digits = "0"},
                               {.name = "b", .note = "c\x1b]0;x\x07\n"}};
    char *text = print(rows, 2, 30, 1, 80, false);
    g_assert_null(strchr(text, '\x1b'));
    g_assert_nonnull(strstr(text, "a?[31m  .\n"));
    g_assert_nonnull(strstr(text, "c?]0;x??\n"));
    free(text);
    text = print(NULL, 0, 30, 0, 80, false);
    g_assert_cmpstr(text, ==, LEGEND);
    free(text);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/grid/day", test_day);
    g_test_add_func("/cli/grid/short-digits", test_short_digits);
    g_test_add_func("/cli/grid/widths", test_widths);
    g_test_add_func("/cli/grid/colour", test_colour);
    g_test_add_func("/cli/grid/hostile", test_hostile);
    return g_test_run();
}
