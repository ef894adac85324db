#include "common/ews/value-private.h"

static void
test_bool(void)
{
    static const char *const yes[] = {"true", "1", "on"}, *const no[] = {"false", "0", "off"},
                             *const neither[] = {NULL, "", "TRUE", "yes", "10", " 1"};
    for (guint i = 0; i < G_N_ELEMENTS(yes); i++) {
        g_assert_true(exg_ews_read_bool(yes[i], false));
        g_assert_true(exg_ews_read_bool(yes[i], true));
        g_assert_false(exg_ews_read_bool(no[i], false));
        g_assert_false(exg_ews_read_bool(no[i], true));
    }
    for (guint i = 0; i < G_N_ELEMENTS(neither); i++) {
        g_assert_false(exg_ews_read_bool(neither[i], false));
        g_assert_true(exg_ews_read_bool(neither[i], true));
    }
}

static void
assert_time(const char *text, GTimeZone *zone, gint64 wanted)
{
    gint64 seconds = -1;
    g_assert_true(exg_ews_read_time(text, zone, &seconds));
    g_assert_cmpint(seconds, ==, wanted);
}

static void
test_time(void)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_offset(3600);
    gint64 untouched = 7;
    assert_time("2026-11-21T20:04:05Z", zone, 1795291445);
    assert_time("2026-11-21T20:04:05.1234567Z", NULL, 1795291445);
    assert_time("2026-11-21T22:04:05+02:00", zone, 1795291445);
    assert_time("2026-11-21T20:04:05", NULL, 1795291445);
    assert_time("2026-11-21T21:04:05", zone, 1795291445);
    g_assert_false(exg_ews_read_time("", NULL, &untouched));
    g_assert_false(exg_ews_read_time("2026-11-21", NULL, &untouched));
    g_assert_false(exg_ews_read_time("2026-13-21T20:04:05Z", NULL, &untouched));
    g_assert_cmpint(untouched, ==, 7);
}

static void
test_duration(void)
{
    static const struct {
        const char *text;
        gint64 seconds;
    } good[] = {
        {"PT0S", 0},          {"PT60M", 3600},       {"-PT60M", -3600},         {"PT2H", 7200},
        {"-PT5H30M", -19800}, {"P1DT1H1M1S", 90061}, {"PT2H59M59.999S", 10799}, {"P1D", 86400},
    };
    static const char *const bad[] = {
        "",       "P",     "PT",      "60M", "PT60",          "P60M",
        "PT1S1H", "PT-1H", "PT1HT1M", "P1Y", "PT9999999999H", "PT1H "};
    gint64 seconds;
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_true(exg_ews_read_duration(good[i].text, &seconds));
        g_assert_cmpint(seconds, ==, good[i].seconds);
    }
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        if (exg_ews_read_duration(bad[i], &seconds))
            g_error("'%s' is a duration", bad[i]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/value/A17.3-bool", test_bool);
    g_test_add_func("/ews/value/A20.3-time", test_time);
    g_test_add_func("/ews/value/duration", test_duration);
    return g_test_run();
}
