/* zone-rule.h - how a time zone behaves in one year, as questions about calendars have to tell it.
 *
 * Threads:  pure functions.
 * Source:   MS-OXWAVLS (SerializableTimeZone).
 */
#ifndef EXG_EWS_CALENDAR_ZONE_RULE_H
#define EXG_EWS_CALENDAR_ZONE_RULE_H

#include <glib.h>
#include <stdbool.h>

/* When standard or daylight time begins: "at 03:00 on the last Sunday of October". */
typedef struct {
    int bias_min;    /* besides the rule's */
    int time_s;      /* of the day, by the clock before the change */
    int month;       /* from 1 */
    int order;       /* which of these days in the month: 1 to 4, 5: the last one */
    int day_of_week; /* Monday: 1 */
} ExgEwsZoneChange;

typedef struct {
    int bias_min; /* what has to be added to the standard time to get UTC */
    ExgEwsZoneChange standard, daylight;
} ExgEwsZoneRule;

/* A zone without daylight time. It needs both changes nevertheless, or some servers refuse it. */
void exg_ews_zone_rule_init_fixed(ExgEwsZoneRule *rule, int bias_min);
/* The rule of a zone that this host knows, in the year (of UTC) of `seconds`. A year with other
 * changes than one to daylight time and one back has no rule: the zone is then taken as it is at
 * that time. */
void exg_ews_zone_rule_init(ExgEwsZoneRule *rule, GTimeZone *zone, gint64 seconds);

/* "Monday" for 1 … "Sunday" for 7 */
const char *exg_ews_day_name(int day_of_week);
/* 0: none of them */
int exg_ews_day_find(const char *name);

#endif
