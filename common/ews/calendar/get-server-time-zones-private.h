/* get-server-time-zones-private.h - the request and the answer of GetServerTimeZones without the way
 * between them. */
#ifndef EXG_EWS_CALENDAR_GET_SERVER_TIME_ZONES_PRIVATE_H
#define EXG_EWS_CALENDAR_GET_SERVER_TIME_ZONES_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/calendar/get-server-time-zones.h"

typedef struct {
    char **ids; /* NULL: all */
    bool full;
} ExgEwsTimeZonesQuestion;

/* Its context is an ExgEwsTimeZonesQuestion, its result a GPtrArray of ExgEwsTimeZone. */
extern const ExgEwsOperation exg_ews_get_server_time_zones_operation;

#endif
