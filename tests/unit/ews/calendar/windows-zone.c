#include "common/ews/calendar/windows-zone.h"

#include <stdbool.h>
#include <string.h>

static void
test_find(void)
{
    static const struct {
        const char *iana, *windows;
    } cases[] = {
        {"Europe/Vienna", "W. Europe Standard Time"},
        {"Europe/Berlin", "W. Europe Standard Time"},
        {"Europe/London", "GMT Standard Time"},
        {"Europe/Kyiv", "FLE Standard Time"},
        {"Europe/Kiev", "FLE Standard Time"},
        {"America/New_York", "Eastern Standard Time"},
        {"America/Los_Angeles", "Pacific Standard Time"},
        {"Asia/Kolkata", "India Standard Time"},
        {"Asia/Calcutta", "India Standard Time"},
        {"Australia/Sydney", "AUS Eastern Standard Time"},
        {"Etc/UTC", "UTC"},
        {"UTC", "UTC"},
        {"Europe", NULL},
        {"Europe/Vienn", NULL},
        {"Europe/Berlin Europe/Busingen", NULL},
        {"", NULL},
        {" ", NULL},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpstr(exg_ews_windows_zone_find(cases[i].iana), ==, cases[i].windows);
}

static void
test_back(void)
{
    g_autofree char *berlin = exg_ews_windows_zone_iana_name("W. Europe Standard Time");
    g_autofree char *new_york = exg_ews_windows_zone_iana_name("Eastern Standard Time");
    g_assert_cmpstr(berlin, ==, "Europe/Berlin");
    g_assert_cmpstr(new_york, ==, "America/New_York");
    g_assert_null(exg_ews_windows_zone_iana_name("Europe/Berlin"));
}

/* The table is whole: no name twice, and each zone's usual name leads back to it. */
static void
test_table(void)
{
    static const char *const rows[][2] = {
#define ROW(windows_id, iana_names) {windows_id, iana_names},
#include "common/ews/calendar/windows-zone-table.inc"
#undef ROW
    };
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_auto(GStrv) names = g_strsplit(rows[i][1], " ", -1);
        g_autofree char *usual = exg_ews_windows_zone_iana_name(rows[i][0]);
        g_assert_cmpstr(usual, ==, names[0]);
        for (guint j = 0; names[j] != NULL; j++) {
            g_assert_cmpstr(exg_ews_windows_zone_find(names[j]), ==, rows[i][0]);
            g_assert_true(g_hash_table_add(seen, g_strdup(names[j])));
        }
    }
    g_assert_cmpuint(G_N_ELEMENTS(rows), >, 130);
    g_assert_cmpuint(g_hash_table_size(seen), >, 500);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/windows-zone/B1.3-find", test_find);
    g_test_add_func("/ews/windows-zone/B1.3-back", test_back);
    g_test_add_func("/ews/windows-zone/B1.3-table", test_table);
    return g_test_run();
}
