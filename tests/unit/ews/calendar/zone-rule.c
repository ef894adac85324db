#include "common/ews/calendar/zone-rule-private.h"

#include <string.h>

#define NOON_2026 G_GINT64_CONSTANT(1795291445) /* 2026-11-21 */

static void
assert_change(const ExgEwsZoneChange *change, int bias_min, int time_s, int month, int order,
              int day)
{
    g_assert_cmpint(change->bias_min, ==, bias_min);
    g_assert_cmpint(change->time_s, ==, time_s);
    g_assert_cmpint(change->month, ==, month);
    g_assert_cmpint(change->order, ==, order);
    g_assert_cmpint(change->day_of_week, ==, day);
}

static bool
rule_of(ExgEwsZoneRule *rule, const char *name, gint64 seconds)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(name);
    if (zone == NULL) {
        g_test_skip("this host has no time zones (tzdata)");
        return false;
    }
    exg_ews_zone_rule_init(rule, zone, seconds);
    return true;
}

static void
test_north(void)
{
    ExgEwsZoneRule rule;
    if (!rule_of(&rule, "Europe/Vienna", NOON_2026))
        return;
    g_assert_cmpint(rule.bias_min, ==, -60);
    assert_change(&rule.standard, 0, 3 * 3600, 10, 5, 7);
    assert_change(&rule.daylight, -60, 2 * 3600, 3, 5, 7);
    g_assert_true(rule_of(&rule, "America/New_York", NOON_2026));
    g_assert_cmpint(rule.bias_min, ==, 300);
    assert_change(&rule.standard, 0, 2 * 3600, 11, 1, 7);
    assert_change(&rule.daylight, -60, 2 * 3600, 3, 2, 7);
}

static void
test_south(void)
{
    ExgEwsZoneRule rule;
    if (!rule_of(&rule, "Australia/Sydney", NOON_2026))
        return;
    g_assert_cmpint(rule.bias_min, ==, -600);
    assert_change(&rule.standard, 0, 3 * 3600, 4, 1, 7);
    assert_change(&rule.daylight, -60, 2 * 3600, 10, 1, 7);
    /* half an hour */
    g_assert_true(rule_of(&rule, "Australia/Lord_Howe", NOON_2026));
    g_assert_cmpint(rule.bias_min, ==, -630);
    g_assert_cmpint(rule.daylight.bias_min, ==, -30);
}

static void
test_fixed(void)
{
    static const struct {
        const char *name;
        int bias_min;
    } zones[] = {{"UTC", 0}, {"Asia/Kolkata", -330}, {"America/Phoenix", 420}};
    for (guint i = 0; i < G_N_ELEMENTS(zones); i++) {
        ExgEwsZoneRule rule;
        if (!rule_of(&rule, zones[i].name, NOON_2026))
            return;
        g_assert_cmpint(rule.bias_min, ==, zones[i].bias_min);
        assert_change(&rule.standard, 0, 0, 1, 1, 1);
        assert_change(&rule.daylight, 0, 0, 12, 5, 7);
    }
    /* in 2016 Istanbul went to summer time and stayed there: as it was at that time */
    ExgEwsZoneRule rule;
    g_assert_true(rule_of(&rule, "Europe/Istanbul", 1466000000)); /* 2016-06-15 */
    g_assert_cmpint(rule.bias_min, ==, -180);
    assert_change(&rule.standard, 0, 0, 1, 1, 1);
}

static void
test_days(void)
{
    g_assert_cmpint(exg_ews_day_find("Monday"), ==, 1);
    g_assert_cmpint(exg_ews_day_find("Sunday"), ==, 7);
    g_assert_cmpint(exg_ews_day_find("Weekday"), ==, 0);
    g_assert_cmpint(exg_ews_day_find(""), ==, 0);
    g_assert_cmpstr(exg_ews_day_name(1), ==, "Monday");
}

static void
read_rule(const char *text, ExgEwsZoneRule *ret_rule)
{
    static const ExgXmlLimits limits = {.total_bytes = 4096, .depth = 8, .attributes = 8};
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgXmlTree) tree = exg_xml_tree_parse(text, strlen(text), &limits, 100, &error);
    g_assert_no_error(error);
    exg_ews_zone_rule_read(exg_xml_tree_root(tree)->first_child, ret_rule);
}

static char *
write_rule(const ExgEwsZoneRule *rule)
{
    g_auto(ExgXmlWriter) writer;
    exg_xml_writer_init(&writer);
    exg_xml_start(&writer, "x");
    exg_xml_attribute(&writer, "xmlns:t",
                      "http://schemas.microsoft.com/exchange/services/2006/types");
    exg_ews_zone_rule_write(&writer, rule);
    gsize length;
    return exg_xml_writer_steal(&writer, &length);
}

static void
test_round(void)
{
    const ExgEwsZoneRule rule = {
        .bias_min = 210, .standard = {0, 86399, 11, 1, 7}, .daylight = {-60, 61, 3, 5, 3}};
    g_autofree char *text = write_rule(&rule);
    g_assert_nonnull(strstr(text,
                            "<t:TimeZone><t:Bias>210</t:Bias><t:StandardTime><t:Bias>0</t:Bias>"
                            "<t:Time>23:59:59</t:Time><t:DayOrder>1</t:DayOrder><t:Month>11"
                            "</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:StandardTime>"));
    ExgEwsZoneRule again;
    read_rule(text, &again);
    g_assert_cmpmem(&again, sizeof again, &rule, sizeof rule);
    /* what makes no sense is a zone without daylight time */
    char *month = strstr(text, "<t:Month>11");
    month[9] = '4';
    ExgEwsZoneRule fixed, wanted;
    read_rule(text, &fixed);
    exg_ews_zone_rule_init_fixed(&wanted, 210);
    g_assert_cmpmem(&fixed, sizeof fixed, &wanted, sizeof wanted);
    exg_ews_zone_rule_read(NULL, &fixed);
    exg_ews_zone_rule_init_fixed(&wanted, 0);
    g_assert_cmpmem(&fixed, sizeof fixed, &wanted, sizeof wanted);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/zone-rule/B2-north", test_north);
    g_test_add_func("/ews/zone-rule/B2-south", test_south);
    g_test_add_func("/ews/zone-rule/B1.1-fixed", test_fixed);
    g_test_add_func("/ews/zone-rule/days", test_days);
    g_test_add_func("/ews/zone-rule/B2-round", test_round);
    return g_test_run();
}
