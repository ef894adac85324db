#include "common/ews/calendar/get-user-availability-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/value-private.h"
#include "common/ews/calendar/windows-zone.h"
#include "common/ews/calendar/zone-rule-private.h"

#define MAX_PORTION      100
#define MIN_INTERVAL_MIN 5
#define MAX_INTERVAL_MIN 1440

static const char *const attendee_types[EXG_EWS_N_ATTENDEE_TYPES] = {
    [EXG_EWS_OPTIONAL] = "Optional", [EXG_EWS_ORGANIZER] = "Organizer",
    [EXG_EWS_REQUIRED] = "Required", [EXG_EWS_RESOURCE] = "Resource",
    [EXG_EWS_ROOM] = "Room",
};

static const char *const views[EXG_EWS_N_VIEWS] = {
    [EXG_EWS_VIEW_NONE] = "None",          [EXG_EWS_VIEW_MERGED_ONLY] = "MergedOnly",
    [EXG_EWS_VIEW_FREE_BUSY] = "FreeBusy", [EXG_EWS_VIEW_FREE_BUSY_MERGED] = "FreeBusyMerged",
    [EXG_EWS_VIEW_DETAILED] = "Detailed",  [EXG_EWS_VIEW_DETAILED_MERGED] = "DetailedMerged",
};

static const char *const busy_types[EXG_EWS_N_BUSY_TYPES] = {
    [EXG_EWS_FREE] = "Free",      [EXG_EWS_TENTATIVE] = "Tentative",
    [EXG_EWS_BUSY] = "Busy",      [EXG_EWS_OUT_OF_OFFICE] = "OOF",
    [EXG_EWS_NO_DATA] = "NoData", [EXG_EWS_WORKING_ELSEWHERE] = "WorkingElsewhere",
};

/* --- memory ----------------------------------------------------------------------------------- */

static void
free_event(gpointer data)
{
    ExgEwsCalendarEvent *event = data;
    g_free(event->id);
    g_free(event->subject);
    g_free(event->location);
    g_free(event);
}

static void
free_availability(gpointer data)
{
    ExgEwsAvailability *availability = data;
    if (availability == NULL)
        return;
    g_clear_error(&availability->error);
    g_free(availability->merged);
    g_clear_pointer(&availability->events, g_ptr_array_unref);
    g_clear_pointer(&availability->working_periods, g_ptr_array_unref);
    g_free(availability);
}

static void
free_attendee(gpointer data)
{
    ExgEwsAttendee *attendee = data;
    g_free((char *)attendee->address);
    g_free(attendee);
}

static void
free_question(gpointer data)
{
    ExgEwsAvailabilityQuestion *question = data;
    g_time_zone_unref(question->zone);
    g_free(question);
}

static const ExgEwsBatch batch = {.max_portion = MAX_PORTION,
                                  .result_size = sizeof(ExgEwsAvailability),
                                  .free_result = free_availability};

/* --- the request ------------------------------------------------------------------------------ */

static const char *
zone_id(gconstpointer context)
{
    const ExgEwsPortion *portion = context;
    const ExgEwsAvailabilityQuestion *question = portion->question;
    return exg_ews_windows_zone_find(g_time_zone_get_identifier(question->zone));
}

static void
write_time(ExgXmlWriter *writer, const char *element, GTimeZone *zone, gint64 seconds)
{
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(seconds);
    g_autoptr(GDateTime) wall = g_date_time_to_timezone(utc, zone);
    g_autofree char *text = g_date_time_format(wall, "%Y-%m-%dT%H:%M:%S");
    exg_xml_element(writer, element, text);
}

static void
write_attendee(ExgXmlWriter *writer, const ExgEwsAttendee *attendee)
{
    exg_xml_start(writer, "t:MailboxData");
    exg_xml_start(writer, "t:Email");
    exg_xml_element(writer, "t:Address", attendee->address);
    exg_xml_element(writer, "t:RoutingType", "SMTP");
    exg_xml_end(writer);
    exg_xml_element(writer, "t:AttendeeType", attendee_types[attendee->type]);
    exg_xml_element(writer, "t:ExcludeConflicts", attendee->exclude_conflicts ? "true" : "false");
    exg_xml_end(writer);
}

static void
write_options(ExgXmlWriter *writer, const ExgEwsAvailabilityQuestion *question)
{
    g_autofree char *interval = g_strdup_printf("%u", question->interval_min);
    exg_xml_start(writer, "t:FreeBusyViewOptions");
    exg_xml_start(writer, "t:TimeWindow");
    write_time(writer, "t:StartTime", question->zone, question->start);
    write_time(writer, "t:EndTime", question->zone, question->end);
    exg_xml_end(writer);
    exg_xml_element(writer, "t:MergedFreeBusyIntervalInMinutes", interval);
    exg_xml_element(writer, "t:RequestedView", views[question->view]);
    exg_xml_end(writer);
}

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsPortion *portion = context;
    const ExgEwsAvailabilityQuestion *question = portion->question;
    ExgEwsZoneRule rule;
    exg_ews_zone_rule_init(&rule, question->zone, question->start);
    exg_xml_start(writer, "m:GetUserAvailabilityRequest");
    exg_ews_zone_rule_write(writer, &rule);
    exg_xml_start(writer, "m:MailboxDataArray");
    for (guint i = 0; i < portion->count; i++)
        write_attendee(writer, portion->things[i]);
    exg_xml_end(writer);
    write_options(writer, question);
}

/* --- the answer ------------------------------------------------------------------------------- */

/* The index of a word, or `otherwise`. */
static guint
find_word(const char *const *words, guint count, const char *word, guint otherwise)
{
    for (guint i = 0; i < count; i++)
        if (g_str_equal(words[i], word))
            return i;
    return otherwise;
}

static const ExgXmlNode *
types_child(const ExgXmlNode *node, const char *name)
{
    return exg_xml_node_child(node, EXG_EWS_TYPES_SPACE, name);
}

/* NULL for one without its times. */
static ExgEwsCalendarEvent *
read_event(const ExgXmlNode *node, GTimeZone *zone)
{
    const ExgXmlNode *details = types_child(node, "CalendarEventDetails");
    gint64 start, end;
    if (!exg_ews_read_time(exg_ews_child_text(node, "StartTime"), zone, &start) ||
        !exg_ews_read_time(exg_ews_child_text(node, "EndTime"), zone, &end))
        return NULL;
    ExgEwsCalendarEvent *event = g_new0(ExgEwsCalendarEvent, 1);
    event->start = start;
    event->end = end;
    event->type = find_word(busy_types, EXG_EWS_N_BUSY_TYPES, exg_ews_child_text(node, "BusyType"),
                            EXG_EWS_NO_DATA);
    event->id = g_strdup(exg_ews_child_text(details, "ID"));
    event->subject = g_strdup(exg_ews_child_text(details, "Subject"));
    event->location = g_strdup(exg_ews_child_text(details, "Location"));
    event->is_meeting = exg_ews_child_bool(details, "IsMeeting", false);
    event->is_recurring = exg_ews_child_bool(details, "IsRecurring", false);
    event->is_exception = exg_ews_child_bool(details, "IsException", false);
    event->is_reminder_set = exg_ews_child_bool(details, "IsReminderSet", false);
    event->is_private = exg_ews_child_bool(details, "IsPrivate", false);
    return event;
}

static GPtrArray *
read_events(const ExgXmlNode *view, GTimeZone *zone)
{
    GPtrArray *events = g_ptr_array_new_with_free_func(free_event);
    const ExgXmlNode *list = types_child(view, "CalendarEventArray");
    for (const ExgXmlNode *node = types_child(list, "CalendarEvent"); node != NULL;
         node = exg_xml_node_next_same(node)) {
        ExgEwsCalendarEvent *event = read_event(node, zone);
        if (event != NULL)
            g_ptr_array_add(events, event);
    }
    return events;
}

static guint8
read_days(const char *text)
{
    guint8 days = 0;
    g_auto(GStrv) names = g_strsplit_set(text, " \t\r\n", -1);
    for (guint i = 0; names[i] != NULL; i++) {
        int day = exg_ews_day_find(names[i]);
        if (day > 0)
            days |= (guint8)(1u << (day - 1));
    }
    return days;
}

static GPtrArray *
read_working_periods(const ExgXmlNode *hours)
{
    GPtrArray *periods = g_ptr_array_new_with_free_func(g_free);
    const ExgXmlNode *list = types_child(hours, "WorkingPeriodArray");
    for (const ExgXmlNode *node = types_child(list, "WorkingPeriod"); node != NULL;
         node = exg_xml_node_next_same(node)) {
        ExgEwsWorkingPeriod *period = g_new0(ExgEwsWorkingPeriod, 1);
        period->days = read_days(exg_ews_child_text(node, "DayOfWeek"));
        period->start_min = (int)exg_ews_child_number(node, "StartTimeInMinutes", 0, 1440, 0);
        period->end_min = (int)exg_ews_child_number(node, "EndTimeInMinutes", 0, 1440, 0);
        g_ptr_array_add(periods, period);
    }
    return periods;
}

/* One digit per interval, nothing else. */
static char *
read_merged(const ExgXmlNode *view)
{
    GString *digits = g_string_new(NULL);
    for (const char *at = exg_ews_child_text(view, "MergedFreeBusy"); *at != '\0'; at++)
        g_string_append_c(
            digits, *at >= '0' && *at < '0' + EXG_EWS_N_BUSY_TYPES ? *at : '0' + EXG_EWS_NO_DATA);
    return g_string_free(digits, FALSE);
}

static bool
read_one(const ExgEwsOperation *operation, const ExgXmlNode *response, const ExgEwsPortion *portion,
         gpointer result, GError **error)
{
    const ExgEwsAvailabilityQuestion *question = portion->question;
    ExgEwsAvailability *availability = result;
    const ExgXmlNode *message = exg_xml_node_child(response, EXG_EWS_MESSAGES_SPACE,
                                                   "ResponseMessage");
    const ExgXmlNode *view = exg_xml_node_child(response, EXG_EWS_MESSAGES_SPACE, "FreeBusyView");
    if (message == NULL)
        return exg_ews_answer_senseless(operation, error, "a mailbox has no response message");
    if (!exg_ews_message_check(operation, message, error))
        return false;
    if (view == NULL)
        return exg_ews_answer_senseless(operation, error, "success without a FreeBusyView");
    const ExgXmlNode *hours = types_child(view, "WorkingHours");
    availability->view = find_word(views, EXG_EWS_N_VIEWS,
                                   exg_ews_child_text(view, "FreeBusyViewType"), EXG_EWS_VIEW_NONE);
    availability->merged = read_merged(view);
    availability->events = read_events(view, question->zone);
    availability->working_periods = read_working_periods(hours);
    exg_ews_zone_rule_read(types_child(hours, "TimeZone"), &availability->working_zone);
    return true;
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *response, gpointer portion,
       gpointer *ret_result, GError **error)
{
    const ExgXmlNode *list = exg_xml_node_child(response, EXG_EWS_MESSAGES_SPACE,
                                                "FreeBusyResponseArray");
    if (list == NULL)
        return exg_ews_answer_senseless(operation, error, "it has no FreeBusyResponseArray");
    return exg_ews_batch_read(&batch, operation, list->first_child, portion, read_one, ret_result,
                              error);
}

const ExgEwsOperation exg_ews_get_user_availability_operation = {
    .name = "GetUserAvailability",
    .n_messages = 1,
    .bare = true,
    .time_zone = zone_id,
    .write = write_request,
    .decode = decode,
    .free_result = (GDestroyNotify)g_ptr_array_unref,
};

/* --- the call --------------------------------------------------------------------------------- */

static bool
check_question(const ExgEwsAvailabilityQuestion *question, GError **error)
{
    if (question->start >= question->end)
        return exg_error_set(error, EXG_ERROR_PROTOCOL,
                             "The time to look at ends before it begins");
    if (question->interval_min < MIN_INTERVAL_MIN || question->interval_min > MAX_INTERVAL_MIN)
        return exg_error_set(error, EXG_ERROR_PROTOCOL,
                             "An interval of %u minutes is not between %d and %d",
                             question->interval_min, MIN_INTERVAL_MIN, MAX_INTERVAL_MIN);
    if (question->view == EXG_EWS_VIEW_NONE)
        return exg_error_set(error, EXG_ERROR_PROTOCOL, "There is nothing to look at");
    return true;
}

void
exg_ews_get_user_availability_async(ExgEwsService *service, const ExgEwsTarget *target,
                                    const ExgEwsAttendee *attendees, guint n_attendees,
                                    const ExgEwsAvailabilityQuestion *question, gint64 deadline_us,
                                    GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer data)
{
    GError *error = NULL;
    if (!check_question(question, &error)) {
        exg_ews_batch_refuse(&batch, error, cancellable, callback, data);
        return;
    }
    ExgEwsAvailabilityQuestion *copy = g_new0(ExgEwsAvailabilityQuestion, 1);
    *copy = *question;
    copy->zone = question->zone != NULL ? g_time_zone_ref(question->zone) : g_time_zone_new_utc();
    GPtrArray *asked = g_ptr_array_new_full(n_attendees, free_attendee);
    for (guint i = 0; i < n_attendees; i++) {
        ExgEwsAttendee *attendee = g_new0(ExgEwsAttendee, 1);
        *attendee = attendees[i];
        attendee->address = g_strdup(attendees[i].address);
        g_ptr_array_add(asked, attendee);
    }
    exg_ews_batch_start(service, &exg_ews_get_user_availability_operation, &batch, target, copy,
                        free_question, asked, deadline_us, cancellable, callback, data);
}

bool
exg_ews_get_user_availability_finish(ExgEwsService *service, GAsyncResult *result,
                                     GPtrArray **ret_availabilities, GError **error)
{
    return exg_ews_batch_finish(result, &batch, ret_availabilities, error);
}
