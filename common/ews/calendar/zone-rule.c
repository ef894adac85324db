#include "common/ews/calendar/zone-rule-private.h"

#include "common/ews/envelope-private.h"
#include "common/ews/value-private.h"

#include <stdio.h>

#define DAY_S (24 * 3600)

static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                   "Friday", "Saturday", "Sunday"};

const char *
exg_ews_day_name(int day_of_week)
{
    return days[day_of_week - 1];
}

int
exg_ews_day_find(const char *name)
{
    for (int i = 0; i < (int)G_N_ELEMENTS(days); i++)
        if (g_str_equal(days[i], name))
            return i + 1;
    return 0;
}

void
exg_ews_zone_rule_init_fixed(ExgEwsZoneRule *rule, int bias_min)
{
    *rule = (ExgEwsZoneRule){
        .bias_min = bias_min,
        .standard = {.month = 1, .order = 1, .day_of_week = 1},
        .daylight = {.month = 12, .order = 5, .day_of_week = 7},
    };
}

/* --- from the host's zone --------------------------------------------------------------------- */

static int
offset_at(GTimeZone *zone, gint64 seconds)
{
    return g_time_zone_get_offset(zone,
                                  g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, seconds));
}

/* The first second with another offset, after `from` and not after `to`; 0: none. At most one
 * change lies between them. */
static gint64
find_change(GTimeZone *zone, gint64 from, gint64 to)
{
    int offset = offset_at(zone, from);
    if (offset_at(zone, to) == offset)
        return 0;
    while (to - from > 1) {
        gint64 middle = from + (to - from) / 2;
        if (offset_at(zone, middle) == offset)
            from = middle;
        else
            to = middle;
    }
    return to;
}

static void
set_change(ExgEwsZoneChange *change, GTimeZone *zone, gint64 seconds)
{
    int before = offset_at(zone, seconds - 1);
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(seconds);
    g_autoptr(GDateTime) wall = g_date_time_add_seconds(utc, before);
    int day = g_date_time_get_day_of_month(wall);
    int days_in_month = g_date_get_days_in_month((GDateMonth)g_date_time_get_month(wall),
                                                 (GDateYear)g_date_time_get_year(wall));
    change->time_s = g_date_time_get_hour(wall) * 3600 + g_date_time_get_minute(wall) * 60 +
                     g_date_time_get_second(wall);
    change->month = g_date_time_get_month(wall);
    change->order = day + 7 > days_in_month ? 5 : (day - 1) / 7 + 1;
    change->day_of_week = g_date_time_get_day_of_week(wall);
}

void
exg_ews_zone_rule_init(ExgEwsZoneRule *rule, GTimeZone *zone, gint64 seconds)
{
    gint64 changes[2];
    guint n_changes = 0;
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(seconds);
    g_autoptr(GDateTime) new_year = g_date_time_new_utc(g_date_time_get_year(now), 1, 1, 0, 0, 0);
    gint64 first = g_date_time_to_unix(new_year);
    for (gint64 day = first; day < first + 365 * DAY_S; day += DAY_S) {
        gint64 change = find_change(zone, day, day + DAY_S);
        if (change != 0 && n_changes < G_N_ELEMENTS(changes))
            changes[n_changes] = change;
        n_changes += change != 0;
    }
    exg_ews_zone_rule_init_fixed(rule, -offset_at(zone, seconds) / 60);
    if (n_changes != 2)
        return;
    int offsets[] = {offset_at(zone, changes[0]), offset_at(zone, changes[1])};
    guint to_daylight = offsets[0] > offsets[1] ? 0 : 1;
    /* Another offset than before the first change: the zone has moved for good. */
    if (offset_at(zone, first) != offsets[1])
        return;
    rule->bias_min = -offsets[1 - to_daylight] / 60;
    rule->daylight.bias_min = -(offsets[to_daylight] - offsets[1 - to_daylight]) / 60;
    set_change(&rule->daylight, zone, changes[to_daylight]);
    set_change(&rule->standard, zone, changes[1 - to_daylight]);
}

/* --- in requests and answers ------------------------------------------------------------------ */

static void
write_number(ExgXmlWriter *writer, const char *element, int number)
{
    char text[16];
    g_snprintf(text, sizeof text, "%d", number);
    exg_xml_element(writer, element, text);
}

static void
write_change(ExgXmlWriter *writer, const char *element, const ExgEwsZoneChange *change)
{
    g_autofree char *time = g_strdup_printf("%02d:%02d:%02d", change->time_s / 3600,
                                            change->time_s / 60 % 60, change->time_s % 60);
    exg_xml_start(writer, element);
    write_number(writer, "t:Bias", change->bias_min);
    exg_xml_element(writer, "t:Time", time);
    write_number(writer, "t:DayOrder", change->order);
    write_number(writer, "t:Month", change->month);
    exg_xml_element(writer, "t:DayOfWeek", exg_ews_day_name(change->day_of_week));
    exg_xml_end(writer);
}

void
exg_ews_zone_rule_write(ExgXmlWriter *writer, const ExgEwsZoneRule *rule)
{
    exg_xml_start(writer, "t:TimeZone");
    write_number(writer, "t:Bias", rule->bias_min);
    write_change(writer, "t:StandardTime", &rule->standard);
    write_change(writer, "t:DaylightTime", &rule->daylight);
    exg_xml_end(writer);
}

static bool
read_change(const ExgXmlNode *node, ExgEwsZoneChange *ret_change)
{
    int hour, minute, second;
    int day = exg_ews_day_find(exg_ews_child_text(node, "DayOfWeek"));
    int month = (int)exg_ews_child_number(node, "Month", 1, 12, 0);
    if (day == 0 || month == 0 ||
        sscanf(exg_ews_child_text(node, "Time"), "%2d:%2d:%2d", &hour, &minute, &second) != 3 ||
        hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return false;
    ret_change->bias_min = (int)exg_ews_child_number(node, "Bias", -DAY_S / 60, DAY_S / 60, 0);
    ret_change->time_s = hour * 3600 + minute * 60 + second;
    ret_change->month = month;
    ret_change->order = (int)exg_ews_child_number(node, "DayOrder", 1, 5, 5);
    ret_change->day_of_week = day;
    return true;
}

void
exg_ews_zone_rule_read(const ExgXmlNode *node, ExgEwsZoneRule *ret_rule)
{
    const ExgXmlNode *standard = exg_xml_node_child(node, EXG_EWS_TYPES_SPACE, "StandardTime");
    const ExgXmlNode *daylight = exg_xml_node_child(node, EXG_EWS_TYPES_SPACE, "DaylightTime");
    int bias_min = (int)exg_ews_child_number(node, "Bias", -DAY_S / 60, DAY_S / 60, 0);
    if (!read_change(standard, &ret_rule->standard) || !read_change(daylight, &ret_rule->daylight))
        exg_ews_zone_rule_init_fixed(ret_rule, bias_min);
    ret_rule->bias_min = bias_min;
}
