#include "common/ews/calendar/get-user-availability-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

#define START G_GINT64_CONSTANT(1795291445) /* 2026-11-21T20:04:05Z */

static char *
request_in(GTimeZone *zone)
{
    static const ExgEwsTarget target = {"svc@example.com", EXG_EWS_IMPERSONATION};
    const ExgEwsAttendee ann = {"a&b@example.com", EXG_EWS_ROOM, true};
    const gconstpointer attendees[] = {&ann};
    const ExgEwsAvailabilityQuestion question = {.start = START,
                                                 .end = START + 3600,
                                                 .zone = zone,
                                                 .interval_min = 5,
                                                 .view = EXG_EWS_VIEW_DETAILED};
    const ExgEwsPortion portion = {&question, attendees, 1};
    return ews_test_request(exg_ews_call_payload(&exg_ews_get_user_availability_operation,
                                                 EWS_TEST_VERSION, &target, &portion));
}

static void
test_request(void)
{
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autofree char *request = request_in(utc);
    g_assert_null(strstr(request, "Suggestion"));
    g_assert_nonnull(strstr(
        request,
        "<t:TimeZoneContext><t:TimeZoneDefinition Id=\"UTC\"/></t:TimeZoneContext></s:Header>"));
    g_assert_nonnull(
        strstr(request, "<m:GetUserAvailabilityRequest><t:TimeZone><t:Bias>0</t:Bias>"));
    g_assert_nonnull(strstr(
        request, "<m:MailboxDataArray><t:MailboxData><t:Email><t:Address>a&amp;b@example.com"
                 "</t:Address><t:RoutingType>SMTP</t:RoutingType></t:Email><t:AttendeeType>Room"
                 "</t:AttendeeType><t:ExcludeConflicts>true</t:ExcludeConflicts>"));
    g_assert_nonnull(
        strstr(request, "<t:TimeWindow><t:StartTime>2026-11-21T20:04:05</t:StartTime>"
                        "<t:EndTime>2026-11-21T21:04:05</t:EndTime></t:TimeWindow>"
                        "<t:MergedFreeBusyIntervalInMinutes>5</t:MergedFreeBusyIntervalInMinutes>"
                        "<t:RequestedView>Detailed</t:RequestedView>"));
}

static void
test_zone(void)
{
    g_autoptr(GTimeZone) vienna = g_time_zone_new_identifier("Europe/Vienna");
    g_autoptr(GTimeZone) offset = g_time_zone_new_offset(5400);
    if (vienna != NULL) {
        g_autofree char *request = request_in(vienna);
        g_assert_nonnull(strstr(request, "Id=\"W. Europe Standard Time\""));
        g_assert_nonnull(strstr(request, "<t:StartTime>2026-11-21T21:04:05</t:StartTime>"));
        g_assert_nonnull(strstr(request, "<t:TimeZone><t:Bias>-60</t:Bias>"));
    }
    /* Windows has no name for this one */
    g_autofree char *nameless = request_in(offset);
    g_assert_null(strstr(nameless, "TimeZoneContext"));
    g_assert_nonnull(strstr(nameless, "<t:TimeZone><t:Bias>-90</t:Bias>"));
}

#define RESPONSE(responses)                                                                        \
    EWS_TEST_SOAP("<m:GetUserAvailabilityResponse><m:FreeBusyResponseArray>" responses             \
                  "</m:FreeBusyResponseArray></m:GetUserAvailabilityResponse>")
#define ANSWER(class, code, view)                                                                  \
    "<m:FreeBusyResponse><m:ResponseMessage ResponseClass=\"" class "\"><m:ResponseCode>" code     \
                                                                    "</m:ResponseCode></"          \
                                                                    "m:ResponseMessage>" view      \
                                                                    "</m:FreeBusyResponse>"
#define VIEW                                                                                       \
    "<m:FreeBusyView><t:FreeBusyViewType>DetailedMerged</t:FreeBusyViewType><t:MergedFreeBusy>"    \
    "012345?</t:MergedFreeBusy><t:CalendarEventArray><t:CalendarEvent><t:StartTime>"               \
    "2026-11-21T21:34:05</t:StartTime><t:EndTime>2026-11-21T22:04:05+01:00</"                      \
    "t:EndTime><t:BusyType>"                                                                       \
    "WorkingElsewhere</t:BusyType><t:CalendarEventDetails><t:ID>I</t:ID><t:Subject>S</t:Subject>"  \
    "<t:Location>L</t:Location><t:IsMeeting>1</t:IsMeeting><t:IsPrivate>true</t:IsPrivate>"        \
    "</t:CalendarEventDetails></t:CalendarEvent><t:CalendarEvent><t:StartTime>x</t:StartTime>"     \
    "</t:CalendarEvent></t:CalendarEventArray><t:WorkingHours><t:TimeZone><t:Bias>-60</t:Bias>"    \
    "</t:TimeZone><t:WorkingPeriodArray><t:WorkingPeriod><t:DayOfWeek>Monday Sunday Someday"       \
    "</t:DayOfWeek><t:StartTimeInMinutes>480</t:StartTimeInMinutes><t:EndTimeInMinutes>1440"       \
    "</t:EndTimeInMinutes></t:WorkingPeriod></t:WorkingPeriodArray></t:WorkingHours>"              \
    "</m:FreeBusyView>"
#define THREE                                                                                      \
    RESPONSE(ANSWER("Error", "ErrorNoFreeBusyAccess", "") ANSWER(                                  \
        "Success", "NoError", VIEW) "<m:FreeBusyResponse>" VIEW "</m:FreeBusyResponse>")

static GPtrArray *
read_answer(const char *body, guint count, GError **error)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_offset(3600);
    const ExgEwsAvailabilityQuestion question = {.zone = zone};
    ExgEwsPortion portion = {.question = &question, .count = count};
    return ews_test_answer(&exg_ews_get_user_availability_operation, 200, body, &portion, error);
}

/* Neither an error nor a response message that is missing costs the others theirs. */
static void
test_results(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) results = read_answer(THREE, 3, &error);
    g_assert_no_error(error);
    const ExgEwsAvailability *denied = results->pdata[0], *good = results->pdata[1];
    const ExgEwsAvailability *without = results->pdata[2];
    g_assert_cmpstr(exg_error_facts(denied->error)->service_code, ==, "ErrorNoFreeBusyAccess");
    g_assert_error(without->error, EXG_ERROR, EXG_ERROR_PROTOCOL);
    g_assert_no_error(good->error);
    g_assert_cmpint(good->view, ==, EXG_EWS_VIEW_DETAILED_MERGED);
    g_assert_cmpstr(good->merged, ==, "0123454");
    g_assert_cmpuint(good->events->len, ==, 1);
    const ExgEwsCalendarEvent *event = good->events->pdata[0];
    g_assert_cmpint(event->start, ==, START + 1800); /* without a zone: that of the question */
    g_assert_cmpint(event->end, ==, START + 3600);
    g_assert_cmpint(event->type, ==, EXG_EWS_WORKING_ELSEWHERE);
    g_assert_cmpstr(event->id, ==, "I");
    g_assert_cmpstr(event->subject, ==, "S");
    g_assert_cmpstr(event->location, ==, "L");
    g_assert_true(event->is_meeting && event->is_private && !event->is_recurring);
    const ExgEwsWorkingPeriod *period = good->working_periods->pdata[0];
    g_assert_cmpuint(period->days, ==, 0x41);
    g_assert_cmpint(period->start_min, ==, 480);
    g_assert_cmpint(period->end_min, ==, 1440);
    g_assert_cmpint(good->working_zone.bias_min, ==, -60);
}

static void
test_errors(void)
{
    static const char *const bodies[] = {
        RESPONSE(ANSWER("Success", "NoError", VIEW)), /* one instead of two */
        RESPONSE(""),
        EWS_TEST_SOAP("<m:GetUserAvailabilityResponse/>"),
    };
    for (guint i = 0; i < G_N_ELEMENTS(bodies); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(read_answer(bodies[i], 2, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
    }
    g_autoptr(GPtrArray) results = read_answer(RESPONSE(ANSWER("Success", "NoError", "")), 1, NULL);
    g_assert_error(((ExgEwsAvailability *)results->pdata[0])->error, EXG_ERROR, EXG_ERROR_PROTOCOL);
}

static void
test_cut(void)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
    const ExgEwsAvailabilityQuestion question = {.zone = zone};
    ExgEwsPortion portion = {.question = &question, .count = 3};
    ews_test_cut(&exg_ews_get_user_availability_operation, THREE, &portion);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/get-user-availability/B2,B2.2,B9.3-request", test_request);
    g_test_add_func("/ews/get-user-availability/B1.3,B2-zone", test_zone);
    g_test_add_func("/ews/get-user-availability/B2.1,A16.8-results", test_results);
    g_test_add_func("/ews/get-user-availability/B2.1-errors", test_errors);
    g_test_add_func("/ews/get-user-availability/cut", test_cut);
    return g_test_run();
}
