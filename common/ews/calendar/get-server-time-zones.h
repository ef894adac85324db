/* get-server-time-zones.h - GetServerTimeZones: the time zones as the server knows them.
 *
 * Memory:   a zone owns all that is in it.
 * Source:   MS-OXWSGTZ; Exchange 2010 and newer.
 */
#ifndef EXG_EWS_CALENDAR_GET_SERVER_TIME_ZONES_H
#define EXG_EWS_CALENDAR_GET_SERVER_TIME_ZONES_H

#include "common/ews/service.h"
#include "common/ews/calendar/zone-rule.h"

typedef struct {
    char *id;
    char *name;
    gint64 bias_s; /* what has to be added to get UTC */
} ExgEwsZonePeriod;

typedef enum {
    EXG_EWS_FROM_THE_BEGINNING,
    EXG_EWS_AT_A_TIME,
    EXG_EWS_EACH_YEAR_BY_WEEKDAY,
    EXG_EWS_EACH_YEAR_BY_DATE
} ExgEwsTransitionKind;

typedef struct {
    ExgEwsTransitionKind kind;
    bool to_group;   /* `to` names a group of transitions, not a period */
    char *to;
    gint64 time;     /* at a time: seconds since 1970 by the clock of the zone */
    gint64 offset_s; /* each year: from midnight … */
    int month;       /* … of the day in this month */
    int day;         /* … by date */
    int day_of_week; /* … by weekday; Monday: 1 */
    int occurrence;  /* 1 to 4, 5: the last one */
} ExgEwsTransition;

typedef struct {
    char *id;
    GPtrArray *transitions; /* of ExgEwsTransition, to periods */
} ExgEwsTransitionGroup;

typedef struct {
    char *id;   /* "W. Europe Standard Time" */
    char *name; /* "(UTC+01:00) Amsterdam, Berlin, …" */
    /* Empty unless asked for in full: */
    GPtrArray *periods;     /* of ExgEwsZonePeriod */
    GPtrArray *groups;      /* of ExgEwsTransitionGroup */
    GPtrArray *transitions; /* of ExgEwsTransition, to groups: which one holds from when on */
} ExgEwsTimeZone;

void exg_ews_time_zone_free(ExgEwsTimeZone *zone);
/* How the zone behaves in a year. Errors: EXG_ERROR_PROTOCOL for a zone that makes no sense, or is
 * more than standard and daylight time. */
bool exg_ews_time_zone_rule(const ExgEwsTimeZone *zone, int year, ExgEwsZoneRule *ret_rule,
                            GError **error);

/* `ids`: which ones; NULL or empty: all. `full`: with periods and transitions. */
void exg_ews_get_server_time_zones_async(ExgEwsService *service, const char *const *ids, bool full,
                                         gint64 deadline_us, GCancellable *cancellable,
                                         GAsyncReadyCallback callback, gpointer data);
/* `*ret_zones`: of ExgEwsTimeZone; (transfer full). */
bool exg_ews_get_server_time_zones_finish(ExgEwsService *service, GAsyncResult *result,
                                          GPtrArray **ret_zones, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsTimeZone, exg_ews_time_zone_free)

#endif
