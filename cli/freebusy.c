/* exgate freebusy: who is busy when. */
#include "cli/grid.h"
#include "cli/tool.h"
#include "common/base/clock.h"
#include "common/ews/calendar/get-user-availability.h"

#include <stdio.h>
#include <sysexits.h>

#define DEFAULT_INTERVAL_MIN 30
#define MAX_DAYS             42 /* Exchange takes no more */
#define DAY_S                ((gint64)24 * 3600)

typedef struct {
    char *from, *to, *zone_name;
    int interval_min;
    gboolean details;
    GTimeZone *zone;
    ExgEwsAvailabilityQuestion question;
} Wish;

static void
wish_clear(Wish *wish)
{
    g_free(wish->from);
    g_free(wish->to);
    g_free(wish->zone_name);
    if (wish->zone != NULL)
        g_time_zone_unref(wish->zone);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Wish, wish_clear)

/* --- times ------------------------------------------------------------------------------------ */

static gint64
midnight(GTimeZone *zone, gint64 seconds, int days_later)
{
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(seconds);
    g_autoptr(GDateTime) there = g_date_time_to_timezone(utc, zone);
    g_autoptr(GDateTime) day = g_date_time_add_days(there, days_later);
    g_autoptr(GDateTime)
        begin = g_date_time_new(zone, g_date_time_get_year(day), g_date_time_get_month(day),
                                g_date_time_get_day_of_month(day), 0, 0, 0);
    return g_date_time_to_unix(begin);
}

/* "today", "tomorrow", "2026-11-23", "2026-11-23 08:00", or "08:00" of the day `reference` is in.
 * `*ret_day`: a day was named, not a time. */
static bool
parse_time(const char *text, GTimeZone *zone, gint64 reference, gint64 *ret_seconds, bool *ret_day)
{
    int year, month, day, hour, minute, end = 0;
    *ret_day = true;
    if (g_str_equal(text, "today") || g_str_equal(text, "tomorrow")) {
        gint64 now = exg_clock_real_us() / G_USEC_PER_SEC;
        *ret_seconds = midnight(zone, now, g_str_equal(text, "tomorrow"));
        return true;
    }
    if (sscanf(text, "%2d:%2d%n", &hour, &minute, &end) == 2 && text[end] == '\0') {
        g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(reference);
        g_autoptr(GDateTime) there = g_date_time_to_timezone(utc, zone);
        g_date_time_get_ymd(there, &year, &month, &day);
        *ret_day = false;
    } else if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) != 3) {
        return false;
    } else if (text[end] == ' ' || text[end] == 'T') {
        text += end + 1;
        if (sscanf(text, "%2d:%2d%n", &hour, &minute, &end) != 2 || text[end] != '\0')
            return false;
        *ret_day = false;
    } else if (text[end] != '\0') {
        return false;
    }
    if (*ret_day)
        hour = minute = 0;
    g_autoptr(GDateTime) time = g_date_time_new(zone, year, month, day, hour, minute, 0);
    if (time == NULL)
        return false;
    *ret_seconds = g_date_time_to_unix(time);
    return true;
}

static int
complain_of_time(const char *option, const char *text)
{
    return exg_complain(EX_USAGE,
                        "%s %s: a time is expected, such as today, tomorrow, 2026-11-23, "
                        "\"2026-11-23 08:00\" or 08:00",
                        option, text);
}

static int
settle_times(Wish *wish)
{
    ExgEwsAvailabilityQuestion *question = &wish->question;
    wish->zone = wish->zone_name != NULL ? g_time_zone_new_identifier(wish->zone_name)
                                         : g_time_zone_new_local();
    if (wish->zone == NULL)
        return exg_complain(EX_USAGE, "--zone %s: a name such as Europe/Vienna is expected",
                            wish->zone_name);
    if (wish->interval_min < 5 || wish->interval_min > 1440)
        return exg_complain(EX_USAGE, "--interval %d: a number from 5 to 1440 is expected",
                            wish->interval_min);
    bool day;
    gint64 now = exg_clock_real_us() / G_USEC_PER_SEC;
    question->start = midnight(wish->zone, now, 0);
    if (wish->from != NULL && !parse_time(wish->from, wish->zone, now, &question->start, &day))
        return complain_of_time("--from", wish->from);
    question->end = midnight(wish->zone, question->start, 1);
    if (wish->to != NULL) {
        if (!parse_time(wish->to, wish->zone, question->start, &question->end, &day))
            return complain_of_time("--to", wish->to);
        if (day) /* all of it */
            question->end = midnight(wish->zone, question->end, 1);
    }
    if (question->end <= question->start)
        return exg_complain(EX_USAGE, "--to is not after --from");
    if (question->end - question->start > MAX_DAYS * DAY_S)
        return exg_complain(EX_USAGE, "Exchange tells no more than %d days at a time", MAX_DAYS);
    question->zone = wish->zone;
    question->interval_min = (guint)wish->interval_min;
    question->view = EXG_EWS_VIEW_DETAILED_MERGED;
    return EX_OK;
}

/* --- output ----------------------------------------------------------------------------------- */

static const char *const type_names[EXG_EWS_N_BUSY_TYPES] = {
    [EXG_EWS_FREE] = "free",         [EXG_EWS_TENTATIVE] = "tentative",
    [EXG_EWS_BUSY] = "busy",         [EXG_EWS_OUT_OF_OFFICE] = "out of office",
    [EXG_EWS_NO_DATA] = "not known", [EXG_EWS_WORKING_ELSEWHERE] = "elsewhere",
};

static void
print_grid(const ExgTool *tool, const Wish *wish, const GPtrArray *answers)
{
    const ExgEwsAvailabilityQuestion *question = &wish->question;
    gint64 interval_s = (gint64)question->interval_min * 60;
    const ExgGridShape shape = {
        .start = question->start,
        .zone = wish->zone,
        .interval_min = question->interval_min,
        .n_intervals = (guint)((question->end - question->start + interval_s - 1) / interval_s),
        .width = exg_output_width(),
        .utf8 = exg_output_is_utf8(),
        .colour = exg_output_has_colour(),
    };
    g_autofree ExgGridRow *rows = g_new0(ExgGridRow, answers->len);
    for (guint i = 0; i < answers->len; i++) {
        const ExgEwsAvailability *answer = g_ptr_array_index(answers, i);
        rows[i] = (ExgGridRow){.name = tool->operands[i],
                               .digits = answer->merged,
                               .note = answer->error != NULL ? answer->error->message : NULL};
    }
    exg_grid_print(rows, answers->len, &shape, stdout);
}

static char *
format_time(const Wish *wish, gint64 seconds, const char *format)
{
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(seconds);
    g_autoptr(GDateTime) there = g_date_time_to_timezone(utc, wish->zone);
    return g_date_time_format(there, format);
}

static void
print_events(const ExgTool *tool, const Wish *wish, const GPtrArray *answers)
{
    static const char *const titles[] = {"WHO", "FROM", "TO", "TYPE", "SUBJECT", "WHERE", NULL};
    g_autoptr(ExgTable) table = exg_table_new(titles);
    guint rows = 0;
    for (guint i = 0; i < answers->len; i++) {
        const ExgEwsAvailability *answer = g_ptr_array_index(answers, i);
        for (guint j = 0; answer->error == NULL && j < answer->events->len; j++, rows++) {
            const ExgEwsCalendarEvent *event = g_ptr_array_index(answer->events, j);
            g_autofree char *from = format_time(wish, event->start, "%m-%d %H:%M");
            g_autofree char *to = format_time(wish, event->end, "%m-%d %H:%M");
            const char *const cells[] = {
                tool->operands[i], from, to, type_names[event->type], event->subject,
                event->location,   NULL};
            exg_table_add(table, cells);
        }
    }
    if (rows > 0) {
        printf("\n");
        exg_table_show(table);
    }
}

static void
append_answer(GString *json, const char *address, const ExgEwsAvailability *answer)
{
    exg_json_open(json, NULL, '{');
    exg_json_text(json, "address", address);
    exg_json_text(json, "merged", answer->error == NULL ? answer->merged : NULL);
    exg_json_open(json, "events", '[');
    for (guint i = 0; answer->error == NULL && i < answer->events->len; i++) {
        const ExgEwsCalendarEvent *event = g_ptr_array_index(answer->events, i);
        exg_json_open(json, NULL, '{');
        exg_json_time(json, "start", event->start * 1000);
        exg_json_time(json, "end", event->end * 1000);
        exg_json_text(json, "type", type_names[event->type]);
        exg_json_text(json, "subject", event->subject);
        exg_json_text(json, "location", event->location);
        exg_json_close(json, '{');
    }
    exg_json_close(json, '[');
    exg_json_error(json, answer->error);
    exg_json_close(json, '{');
}

static void
print_json(const ExgTool *tool, const Wish *wish, const GPtrArray *answers)
{
    g_autoptr(GString) json = g_string_new("{");
    exg_json_time(json, "from", wish->question.start * 1000);
    exg_json_time(json, "to", wish->question.end * 1000);
    exg_json_number(json, "interval_min", wish->interval_min);
    exg_json_open(json, "attendees", '[');
    for (guint i = 0; i < answers->len; i++)
        append_answer(json, tool->operands[i], g_ptr_array_index(answers, i));
    exg_json_close(json, '[');
    exg_json_close(json, '{');
    exg_json_print(json);
}

static int
ask(ExgTool *tool, const Wish *wish)
{
    g_autofree ExgEwsAttendee *attendees = g_new0(ExgEwsAttendee, tool->n_operands);
    for (guint i = 0; i < tool->n_operands; i++)
        attendees[i] = (ExgEwsAttendee){.address = tool->operands[i], .type = EXG_EWS_REQUIRED};
    const ExgEwsTarget target = {.access = EXG_EWS_SELF};
    exg_ews_get_user_availability_async(tool->service, &target, attendees, tool->n_operands,
                                        &wish->question, exg_tool_deadline_us(tool),
                                        tool->cancellable, exg_tool_done, tool);
    g_autoptr(GPtrArray) answers = NULL;
    g_autoptr(GError) error = NULL;
    if (!exg_ews_get_user_availability_finish(tool->service, exg_tool_wait(tool), &answers, &error))
        return exg_tool_complain(error);
    if (exg_tool_common_failure(answers) != NULL)
        return exg_tool_complain(exg_tool_common_failure(answers));
    if (tool->json)
        print_json(tool, wish, answers);
    else
        print_grid(tool, wish, answers);
    if (wish->details && !tool->json)
        print_events(tool, wish, answers);
    int status = EX_OK;
    for (guint i = 0; i < answers->len; i++) {
        const ExgEwsAvailability *answer = g_ptr_array_index(answers, i);
        status = exg_tool_first_status(status, answer->error);
    }
    return status;
}

int
exg_command_freebusy(int argc, char **argv)
{
    g_auto(Wish) wish = {.interval_min = DEFAULT_INTERVAL_MIN};
    const GOptionEntry own[] = {
        {"from", 0, 0, G_OPTION_ARG_FILENAME, &wish.from, "From this day or time on; today",
         "TIME"},
        {"to", 0, 0, G_OPTION_ARG_FILENAME, &wish.to, "Up to this; the end of the first day",
         "TIME"},
        {"interval", 0, 0, G_OPTION_ARG_INT, &wish.interval_min, "What a character stands for; 30",
         "MINUTES"},
        {"zone", 0, 0, G_OPTION_ARG_FILENAME, &wish.zone_name,
         "The time zone of it all; this host's", "NAME"},
        {"details", 'd', 0, G_OPTION_ARG_NONE, &wish.details,
         "And a list of what may be seen of the appointments", NULL},
        G_OPTION_ENTRY_NULL,
    };
    const ExgToolUsage usage = {
        .operands = "ADDRESS…",
        .min = 1,
        .max = G_MAXUINT,
        .summary = "Shows when people and rooms are busy. TIME is today, tomorrow, 2026-11-23,\n"
                   "\"2026-11-23 08:00\" or 08:00.",
        .own = own,
    };
    g_auto(ExgTool) tool = {0};
    int status = exg_tool_parse(&tool, &usage, &argc, &argv);
    if (status == EX_OK)
        status = settle_times(&wish);
    if (status == EX_OK)
        status = exg_tool_open(&tool);
    return status == EX_OK ? ask(&tool, &wish) : status;
}
