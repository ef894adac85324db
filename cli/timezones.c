/* exgate timezones: the time zones as the server knows them. */
#include "cli/tool.h"
#include "common/base/clock.h"
#include "common/ews/calendar/get-server-time-zones.h"
#include "common/ews/calendar/windows-zone.h"

#include <sysexits.h>

static char *
offset_text(int bias_min)
{
    int minutes = -bias_min;
    return g_strdup_printf("UTC%c%02d:%02d", minutes < 0 ? '-' : '+', ABS(minutes) / 60,
                           ABS(minutes) % 60);
}

/* "UTC+01:00, from 03:00 on the last Sunday of October" */
static char *
describe_change(const ExgEwsZoneRule *rule, const ExgEwsZoneChange *change, bool changes)
{
    static const char *const orders[] = {"first", "second", "third", "fourth", "last"};
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    g_autofree char *offset = offset_text(rule->bias_min + change->bias_min);
    if (!changes)
        return g_steal_pointer(&offset);
    return g_strdup_printf("%s, from %02d:%02d on the %s %s of %s", offset, change->time_s / 3600,
                           change->time_s / 60 % 60, orders[CLAMP(change->order, 1, 5) - 1],
                           exg_ews_day_name(change->day_of_week),
                           months[CLAMP(change->month, 1, 12) - 1]);
}

static void
print_rule(const ExgEwsTimeZone *zone)
{
    g_autoptr(ExgTable) table = exg_table_new(NULL);
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(exg_clock_real_us() / G_USEC_PER_SEC);
    g_autoptr(GError) error = NULL;
    g_autofree char *iana = exg_ews_windows_zone_iana_name(zone->id);
    g_autofree char *standard = NULL, *daylight = NULL;
    ExgEwsZoneRule rule;
    if (exg_ews_time_zone_rule(zone, g_date_time_get_year(now), &rule, &error)) {
        bool changes = rule.standard.bias_min != rule.daylight.bias_min;
        standard = describe_change(&rule, &rule.standard, changes);
        daylight = changes ? describe_change(&rule, &rule.daylight, true) : g_strdup("none");
    } else {
        standard = g_strdup(error->message);
    }
    const char *const lines[][3] = {{"id", zone->id, NULL},
                                    {"name", zone->name, NULL},
                                    {"elsewhere", iana, NULL},
                                    {"standard time", standard, NULL},
                                    {"daylight time", daylight, NULL}};
    for (guint i = 0; i < G_N_ELEMENTS(lines); i++)
        exg_table_add(table, lines[i]);
    exg_table_show(table);
}

static void
print_table(const GPtrArray *zones)
{
    static const char *const titles[] = {"ID", "NAME", NULL};
    g_autoptr(ExgTable) table = exg_table_new(titles);
    for (guint i = 0; i < zones->len; i++) {
        const ExgEwsTimeZone *zone = g_ptr_array_index(zones, i);
        const char *const cells[] = {zone->id, zone->name, NULL};
        exg_table_add(table, cells);
    }
    exg_table_show(table);
}

static void
print_json(const GPtrArray *zones)
{
    g_autoptr(GString) json = g_string_new("[");
    for (guint i = 0; i < zones->len; i++) {
        const ExgEwsTimeZone *zone = g_ptr_array_index(zones, i);
        g_autofree char *iana = exg_ews_windows_zone_iana_name(zone->id);
        exg_json_open(json, NULL, '{');
        exg_json_text(json, "id", zone->id);
        exg_json_text(json, "name", zone->name);
        exg_json_text(json, "iana", iana);
        exg_json_close(json, '{');
    }
    exg_json_close(json, '[');
    exg_json_print(json);
}

int
exg_command_timezones(int argc, char **argv)
{
    g_autofree char *id = NULL;
    const GOptionEntry own[] = {
        {"id", 0, 0, G_OPTION_ARG_FILENAME, &id, "Only this one, with its rules", "ID"},
        G_OPTION_ENTRY_NULL,
    };
    const ExgToolUsage usage = {
        .summary = "Lists the time zones that the server knows.",
        .own = own,
    };
    g_auto(ExgTool) tool = {0};
    int status = exg_tool_parse(&tool, &usage, &argc, &argv);
    if (status == EX_OK)
        status = exg_tool_open(&tool);
    if (status != EX_OK)
        return status;
    /* a name of the IANA's will do as well */
    const char *windows = id != NULL ? exg_ews_windows_zone_find(id) : NULL;
    const char *const ids[] = {windows != NULL ? windows : id, NULL};
    exg_ews_get_server_time_zones_async(tool.service, ids, id != NULL, exg_tool_deadline_us(&tool),
                                        tool.cancellable, exg_tool_done, &tool);
    g_autoptr(GPtrArray) zones = NULL;
    g_autoptr(GError) error = NULL;
    if (!exg_ews_get_server_time_zones_finish(tool.service, exg_tool_wait(&tool), &zones, &error))
        return exg_tool_complain(error);
    if (id != NULL && zones->len == 0)
        return exg_complain(EX_UNAVAILABLE, "the server knows no time zone %s", id);
    if (tool.json)
        print_json(zones);
    else if (id != NULL)
        print_rule(g_ptr_array_index(zones, 0));
    else
        print_table(zones);
    return EX_OK;
}
