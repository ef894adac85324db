/* GetUserAvailability: when somebody is busy, in the time zone of the request. */
#include "tests/exchange-sim/call.h"
#include "tests/exchange-sim/text.h"

#include <stdio.h>
#include <string.h>

#define DAY_S        (24 * 3600)
#define MAX_PERIOD_S (42 * DAY_S)

/* --- the request's time zone ------------------------------------------------------------------ */

typedef struct {
    int bias_s, month, order, day, time_s; /* day: Sunday is 0 */
} Change;

typedef struct {
    int bias_s;
    Change standard, daylight;
} Zone;

static int
number_of(const ExgXmlNode *node, const char *name)
{
    return (int)g_ascii_strtoll(exg_sim_type_child(node, name)->text, NULL, 10);
}

static Change
read_change(const ExgXmlNode *node)
{
    static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
    const char *day = exg_sim_type_child(node, "DayOfWeek")->text;
    int hour = 0, minute = 0, second = 0;
    sscanf(exg_sim_type_child(node, "Time")->text, "%d:%d:%d", &hour, &minute, &second);
    Change change = {.bias_s = number_of(node, "Bias") * 60,
                     .month = CLAMP(number_of(node, "Month"), 0, 12),
                     .order = CLAMP(number_of(node, "DayOrder"), 1, 5),
                     .time_s = hour * 3600 + minute * 60 + second};
    while (change.day < 6 && !g_str_equal(days[change.day], day))
        change.day++;
    return change;
}

static Zone
read_zone(const ExgXmlNode *node)
{
    return (Zone){number_of(node, "Bias") * 60,
                  read_change(exg_sim_type_child(node, "StandardTime")),
                  read_change(exg_sim_type_child(node, "DaylightTime"))};
}

/* When a change takes place in a year, as seconds since 1970 by the clock on the wall. */
static gint64
time_of_change(const Change *change, int year)
{
    g_autoptr(GDateTime) first = g_date_time_new_utc(year, change->month, 1, 0, 0, 0);
    int weekday = g_date_time_get_day_of_week(first) % 7;
    int days = g_date_get_days_in_month((GDateMonth)change->month, (GDateYear)year);
    int day = (change->day - weekday + 7) % 7 + (change->order - 1) * 7;
    while (day >= days)
        day -= 7;
    return g_date_time_to_unix(first) + (gint64)day * DAY_S + change->time_s;
}

/* What has to be added at a time of the clock on the wall to get UTC. */
static int
bias_at(const Zone *zone, gint64 wall)
{
    int standard = zone->bias_s + zone->standard.bias_s;
    int daylight = zone->bias_s + zone->daylight.bias_s;
    if (standard == daylight || zone->standard.month == 0 || zone->daylight.month == 0)
        return standard;
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(wall);
    gint64 begin = time_of_change(&zone->daylight, g_date_time_get_year(time));
    gint64 end = time_of_change(&zone->standard, g_date_time_get_year(time));
    bool in_summer = begin < end ? wall >= begin && wall < end : wall >= begin || wall < end;
    return in_summer ? daylight : standard;
}

static gint64
to_wall(const Zone *zone, gint64 utc)
{
    gint64 wall = utc - zone->bias_s - zone->daylight.bias_s;
    return bias_at(zone, wall) == zone->bias_s + zone->daylight.bias_s
               ? wall
               : utc - zone->bias_s - zone->standard.bias_s;
}

/* --- the answer ------------------------------------------------------------------------------- */

typedef struct {
    Zone zone;
    gint64 start, end; /* seconds since 1970 */
    gint64 interval_s;
    const char *view;
} Question;

static Question
read_question(const ExgXmlNode *operation)
{
    const ExgXmlNode *options = exg_sim_type_child(operation, "FreeBusyViewOptions");
    const ExgXmlNode *window = exg_sim_type_child(options, "TimeWindow");
    const ExgXmlNode *interval = exg_sim_type_child(options, "MergedFreeBusyIntervalInMinutes");
    const ExgXmlNode *view = exg_sim_type_child(options, "RequestedView");
    Question question = {.zone = read_zone(exg_sim_type_child(operation, "TimeZone")),
                         .interval_s = 30 * 60,
                         .view = view != NULL ? view->text : "MergedOnly"};
    exg_sim_time_parse(exg_sim_type_child(window, "StartTime")->text, &question.start);
    exg_sim_time_parse(exg_sim_type_child(window, "EndTime")->text, &question.end);
    question.start += bias_at(&question.zone, question.start);
    question.end += bias_at(&question.zone, question.end);
    if (interval != NULL)
        question.interval_s = g_ascii_strtoll(interval->text, NULL, 10) * 60;
    return question;
}

static char
digit_of(const char *type)
{
    static const char *const types[] = {"Free", "Tentative", "Busy",
                                        "OOF",  "NoData",    "WorkingElsewhere"};
    char digit = '0';
    while (digit < '5' && !g_str_equal(types[digit - '0'], type))
        digit++;
    return digit;
}

static char *
merge(const ExgSimMailbox *mailbox, const Question *question)
{
    GString *merged = g_string_new(NULL);
    for (gint64 at = question->start; at < question->end; at += question->interval_s) {
        char digit = '0';
        for (guint i = 0; i < mailbox->busy->len; i++) {
            const ExgSimBusy *busy = g_ptr_array_index(mailbox->busy, i);
            if (busy->start < at + question->interval_s && busy->end > at)
                digit = MAX(digit, digit_of(busy->type));
        }
        g_string_append_c(merged, digit);
    }
    return g_string_free(merged, FALSE);
}

static void
write_time(ExgXmlWriter *writer, const char *element, const Zone *zone, gint64 utc)
{
    g_autofree char *text = exg_sim_time_format(to_wall(zone, utc));
    text[strlen(text) - 1] = '\0'; /* without the Z */
    exg_xml_element(writer, element, text);
}

static void
write_event(ExgXmlWriter *writer, const ExgSimBusy *busy, const Question *question)
{
    exg_xml_start(writer, "t:CalendarEvent");
    write_time(writer, "t:StartTime", &question->zone, busy->start);
    write_time(writer, "t:EndTime", &question->zone, busy->end);
    exg_xml_element(writer, "t:BusyType", busy->type);
    if (g_str_has_prefix(question->view, "Detailed")) {
        exg_xml_start(writer, "t:CalendarEventDetails");
        exg_xml_element(writer, "t:ID", "00000000");
        exg_xml_element(writer, "t:Subject", busy->subject);
        exg_xml_element(writer, "t:Location", "");
        exg_xml_element(writer, "t:IsMeeting", "true");
        exg_xml_element(writer, "t:IsRecurring", "false");
        exg_xml_element(writer, "t:IsException", "false");
        exg_xml_element(writer, "t:IsReminderSet", "true");
        exg_xml_element(writer, "t:IsPrivate", "false");
        exg_xml_end(writer);
    }
    exg_xml_end(writer);
}

static void
write_events(ExgXmlWriter *writer, const ExgSimMailbox *mailbox, const Question *question)
{
    exg_xml_start(writer, "t:CalendarEventArray");
    for (guint i = 0; i < mailbox->busy->len; i++) {
        const ExgSimBusy *busy = g_ptr_array_index(mailbox->busy, i);
        if (busy->start < question->end && busy->end > question->start)
            write_event(writer, busy, question);
    }
    exg_xml_end(writer);
}

static void
write_never(ExgXmlWriter *writer, const char *element)
{
    exg_xml_start(writer, element);
    exg_xml_element(writer, "t:Bias", "0");
    exg_xml_element(writer, "t:Time", "00:00:00");
    exg_xml_element(writer, "t:DayOrder", "0");
    exg_xml_element(writer, "t:Month", "0");
    exg_xml_element(writer, "t:DayOfWeek", "Sunday");
    exg_xml_end(writer);
}

/* Everybody works from 8 to 17 UTC. */
static void
write_working_hours(ExgXmlWriter *writer)
{
    exg_xml_start(writer, "t:WorkingHours");
    exg_xml_start(writer, "t:TimeZone");
    exg_xml_element(writer, "t:Bias", "0");
    write_never(writer, "t:StandardTime");
    write_never(writer, "t:DaylightTime");
    exg_xml_end(writer);
    exg_xml_start(writer, "t:WorkingPeriodArray");
    exg_xml_start(writer, "t:WorkingPeriod");
    exg_xml_element(writer, "t:DayOfWeek", "Monday Tuesday Wednesday Thursday Friday");
    exg_xml_element(writer, "t:StartTimeInMinutes", "480");
    exg_xml_element(writer, "t:EndTimeInMinutes", "1020");
    exg_xml_end(writer);
    exg_xml_end(writer);
    exg_xml_end(writer);
}

static void
write_view(ExgSimCall *call, const ExgSimMailbox *mailbox, const Question *question)
{
    ExgXmlWriter *writer = &call->writer;
    bool merged = strstr(question->view, "Merged") != NULL;
    exg_xml_start(writer, "m:FreeBusyView");
    exg_xml_element(writer, "t:FreeBusyViewType", question->view);
    if (merged) {
        g_autofree char *digits = merge(mailbox, question);
        exg_xml_element(writer, "t:MergedFreeBusy", digits);
    }
    if (!g_str_equal(question->view, "MergedOnly"))
        write_events(writer, mailbox, question);
    write_working_hours(writer);
    exg_xml_end(writer);
}

bool
exg_sim_get_user_availability(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *operation = call->envelope.operation;
    const ExgXmlNode *array = exg_sim_message_child(operation, "MailboxDataArray");
    Question question = read_question(operation);
    if (question.start >= question.end)
        return exg_sim_refuse_invalid(refusal, "ErrorInvalidTimeInterval", NULL);
    if (question.end - question.start > MAX_PERIOD_S)
        return exg_sim_refuse(refusal, "ErrorTimeIntervalTooBig", NULL);
    exg_xml_start(&call->writer, "m:GetUserAvailabilityResponse");
    exg_xml_start(&call->writer, "m:FreeBusyResponseArray");
    for (const ExgXmlNode *node = array->first_child; node != NULL; node = node->next) {
        g_auto(ExgSimRefusal) failure = {0}, ignored = {0};
        const ExgXmlNode *email = exg_sim_type_child(node, "Email");
        const ExgSimMailbox *mailbox = exg_sim_directory_find(
            call->directory, exg_sim_type_child(email, "Address")->text);
        bool injected = exg_sim_call_take_injected(call, &failure);
        if (!injected && mailbox == NULL)
            exg_sim_refuse(&failure, "ErrorMailRecipientNotFound", NULL);
        else if (!injected && mailbox->is_private &&
                 mailbox != exg_sim_call_own_mailbox(call, &ignored))
            exg_sim_refuse(&failure, "ErrorNoFreeBusyAccess", NULL);
        exg_xml_start(&call->writer, "m:FreeBusyResponse");
        exg_sim_call_start_message(call, "m:ResponseMessage", &failure);
        exg_xml_end(&call->writer);
        if (failure.code == NULL)
            write_view(call, mailbox, &question);
        exg_xml_end(&call->writer);
    }
    return true;
}
