#include "common/ews/calendar/get-server-time-zones-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

static void
test_schema(void)
{
    static const ExgEwsTarget self = {.access = EXG_EWS_SELF};
    char *ids[] = {(char *)"UTC", (char *)"a&b", NULL}, *none[] = {NULL};
    const struct {
        ExgEwsTimeZonesQuestion question;
        const char *payload;
    } cases[] = {
        {{ids, true},
         "ReturnFullTimeZoneData=\"true\"><m:Ids><t:Id>UTC</t:Id><t:Id>a&amp;b</t:Id></m:Ids>"},
        {{none, false}, "<m:GetServerTimeZones ReturnFullTimeZoneData=\"false\"/>"},
        {{NULL, true}, "<m:GetServerTimeZones ReturnFullTimeZoneData=\"true\"/>"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *request = ews_test_request(exg_ews_call_payload(
            &exg_ews_get_server_time_zones_operation, EWS_TEST_VERSION, &self, &cases[i].question));
        g_assert_nonnull(strstr(request, cases[i].payload));
        ews_test_validate(request);
    }
}

#define RESPONSE(zones)                                                                            \
    EWS_TEST_SOAP("<m:GetServerTimeZonesResponse><m:ResponseMessages>"                             \
                  "<m:GetServerTimeZonesResponseMessage ResponseClass=\"Success\">"                \
                  "<m:ResponseCode>NoError</m:ResponseCode><m:TimeZoneDefinitions>" zones          \
                  "</m:TimeZoneDefinitions></m:GetServerTimeZonesResponseMessage>"                 \
                  "</m:ResponseMessages></m:GetServerTimeZonesResponse>")
#define ZONE(periods, groups, transitions)                                                         \
    "<t:TimeZoneDefinition Id=\"Z\" Name=\"(UTC) Z\"><t:Periods>" periods                          \
    "</t:Periods><t:TransitionsGroups>" groups "</t:TransitionsGroups><t:Transitions>" transitions \
    "</t:Transitions></t:TimeZoneDefinition>"
#define PERIOD(id, name, bias) "<t:Period Bias=\"" bias "\" Name=\"" name "\" Id=\"" id "\"/>"
#define GROUP(id, transitions)                                                                     \
    "<t:TransitionsGroup Id=\"" id "\">" transitions "</t:TransitionsGroup>"
#define TO(kind, id) "<t:To Kind=\"" kind "\">" id "</t:To>"
#define FIRST(group) "<t:Transition>" TO("Group", group) "</t:Transition>"
#define FROM(time, group)                                                                          \
    "<t:AbsoluteDateTransition>" TO("Group", group) "<t:DateTime>" time                            \
                                                    "</t:DateTime></t:AbsoluteDateTransition>"
#define YEARLY(period, offset, month, day, occurrence)                                             \
    "<t:RecurringDayTransition>" TO("Period", period) "<t:TimeOffset>" offset                      \
                                                      "</t:TimeOffset><t:Month>" month             \
                                                      "</t:Month><t:DayOfWeek>" day                \
                                                      "</t:DayOfWeek><t:Occurrence>" occurrence    \
                                                      "</t:Occurrence></t:RecurringDayTransition>"
#define SIMPLE(period) "<t:Transition>" TO("Period", period) "</t:Transition>"
#define PERIODS        PERIOD("s", "Standard", "-PT60M") PERIOD("d", "Daylight", "-PT120M")
#define SUMMER(day)                                                                                \
    YEARLY("d", "PT2H", "3", "Sunday", day) YEARLY("s", "PT3H", "10", "Sunday", "-1")

static GPtrArray *
read_zones(const char *body, GError **error)
{
    return ews_test_answer(&exg_ews_get_server_time_zones_operation, 200, body, NULL, error);
}

static bool
rule_of(const char *body, int year, ExgEwsZoneRule *ret_rule)
{
    g_autoptr(GError) error = NULL, none = NULL;
    g_autoptr(GPtrArray) zones = read_zones(body, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(zones->len, ==, 1);
    if (exg_ews_time_zone_rule(zones->pdata[0], year, ret_rule, &none))
        return true;
    g_assert_error(none, EXG_ERROR, EXG_ERROR_PROTOCOL);
    return false;
}

static void
test_rule(void)
{
    ExgEwsZoneRule rule;
    g_assert_true(
        rule_of(RESPONSE(ZONE(PERIODS, GROUP("0", SUMMER("-1")), FIRST("0"))), 2026, &rule));
    g_assert_cmpint(rule.bias_min, ==, -60);
    g_assert_cmpint(rule.standard.bias_min, ==, 0);
    g_assert_cmpint(rule.standard.time_s, ==, 3 * 3600);
    g_assert_cmpint(rule.standard.month, ==, 10);
    g_assert_cmpint(rule.standard.order, ==, 5); /* -1 */
    g_assert_cmpint(rule.standard.day_of_week, ==, 7);
    g_assert_cmpint(rule.daylight.bias_min, ==, -60);
    g_assert_cmpint(rule.daylight.month, ==, 3);
}

/* A zone without daylight time has two changes nevertheless. */
static void
test_fixed(void)
{
    ExgEwsZoneRule rule, wanted;
    g_assert_true(
        rule_of(RESPONSE(ZONE(PERIODS, GROUP("0", SIMPLE("s")), FIRST("0"))), 2026, &rule));
    exg_ews_zone_rule_init_fixed(&wanted, -60);
    g_assert_cmpmem(&rule, sizeof rule, &wanted, sizeof wanted);
}

/* By date, whatever the groups are called and wherever they stand. */
static void
test_groups(void)
{
    static const char body[] = RESPONSE(ZONE(PERIODS,
                                             GROUP("10", SUMMER("4")) GROUP("0", SIMPLE("s"))
                                                 GROUP("9", SUMMER("3")) GROUP("2", SUMMER("2")),
                                             FROM("2016-01-01T00:00:00", "10") FIRST("0")
                                                 FROM("2015-06-01T00:00:00Z", "9")
                                                     FROM("2007-01-01T00:00:00", "2")));
    static const struct {
        int year, order;
    } cases[] = {{1990, 5}, {2006, 5}, {2007, 2}, {2014, 2}, {2015, 3}, {2016, 4}, {2039, 4}};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        ExgEwsZoneRule rule;
        g_assert_true(rule_of(body, cases[i].year, &rule));
        g_assert_cmpint(rule.daylight.order, ==, cases[i].order);
    }
}

static void
test_no_rule(void)
{
    static const char *const zones[] = {
        RESPONSE("<t:TimeZoneDefinition Id=\"Z\"/>"),
        RESPONSE(ZONE(PERIODS, "", FIRST("0"))),
        RESPONSE(ZONE(PERIODS, GROUP("0", SUMMER("1")), "")),
        RESPONSE(ZONE(PERIODS, GROUP("0", SUMMER("1")), FROM("2030-01-01T00:00:00", "0"))),
        RESPONSE(ZONE("", GROUP("0", SUMMER("1")), FIRST("0"))),
        RESPONSE(ZONE(PERIODS, GROUP("0", ""), FIRST("0"))),
        RESPONSE(ZONE(PERIODS, GROUP("0", SUMMER("1") SIMPLE("s")), FIRST("0"))),
        RESPONSE(ZONE(PERIODS, GROUP("0", SUMMER("7")), FIRST("0"))),
        RESPONSE(ZONE(PERIODS, GROUP("0", YEARLY("s", "PT3H", "13", "Sunday", "1")), FIRST("0"))),
        RESPONSE(ZONE(PERIOD("s", "Other", "PT0S"), GROUP("0", SIMPLE("s")), FIRST("0"))),
        RESPONSE(ZONE(PERIOD("s", "Standard", "an hour"), GROUP("0", SIMPLE("s")), FIRST("0"))),
        RESPONSE(ZONE(PERIOD("s", "Standard", "P2D") PERIOD("d", "Daylight", "P2D"),
                      GROUP("0", SUMMER("1")), FIRST("0"))),
    };
    for (guint i = 0; i < G_N_ELEMENTS(zones); i++) {
        ExgEwsZoneRule rule;
        /* with what cannot be read left out, half of a summer may look like none */
        if (rule_of(zones[i], 2026, &rule) && rule.daylight.month != 12)
            g_error("zone %u has a rule", i);
    }
}

static void
test_kinds(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) zones = read_zones(
        RESPONSE(ZONE(
            PERIODS,
            GROUP("0", "<t:RecurringDateTransition>" TO(
                           "Period",
                           "s") "<t:TimeOffset>PT1H</t:TimeOffset><t:Month>2</t:Month><t:Day>30"
                                "</t:Day></t:RecurringDateTransition><t:Other/>"),
            FIRST("0")) "<t:TimeZoneDefinition Id=\"Y\" Name=\"N\"/>"),
        &error);
    g_assert_no_error(error);
    g_assert_cmpuint(zones->len, ==, 2);
    const ExgEwsTimeZone *zone = zones->pdata[0];
    g_assert_cmpstr(zone->id, ==, "Z");
    g_assert_cmpint(((ExgEwsZonePeriod *)zone->periods->pdata[1])->bias_s, ==, -7200);
    const ExgEwsTransitionGroup *group = zone->groups->pdata[0];
    g_assert_cmpuint(group->transitions->len, ==, 1);
    const ExgEwsTransition *transition = group->transitions->pdata[0];
    g_assert_cmpint(transition->kind, ==, EXG_EWS_EACH_YEAR_BY_DATE);
    g_assert_cmpint(transition->day, ==, 30);
    g_assert_cmpuint(((ExgEwsTimeZone *)zones->pdata[1])->periods->len, ==, 0);
}

static void
test_cut(void)
{
    ews_test_cut(&exg_ews_get_server_time_zones_operation,
                 RESPONSE(ZONE(PERIODS, GROUP("0", SUMMER("-1")), FIRST("0"))), NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/get-server-time-zones/B1-schema", test_schema);
    g_test_add_func("/ews/get-server-time-zones/B1.1-rule", test_rule);
    g_test_add_func("/ews/get-server-time-zones/B1.1-fixed", test_fixed);
    g_test_add_func("/ews/get-server-time-zones/B1.2-groups", test_groups);
    g_test_add_func("/ews/get-server-time-zones/B1.1-no-rule", test_no_rule);
    g_test_add_func("/ews/get-server-time-zones/B1-kinds", test_kinds);
    g_test_add_func("/ews/get-server-time-zones/cut", test_cut);
    return g_test_run();
}
