/* get-user-availability.h - GetUserAvailability: when are these people free?
 *
 * Times are asked for and answered in one zone. Its rule is computed from what this host knows of it;
 * GetServerTimeZones has the server's view.
 *
 * Limits:   any number of mailboxes, 100 in a call; Exchange takes at most 42 days.
 * Source:   MS-OXWAVLS. Suggestions of meeting times are not asked for.
 */
#ifndef EXG_EWS_CALENDAR_GET_USER_AVAILABILITY_H
#define EXG_EWS_CALENDAR_GET_USER_AVAILABILITY_H

#include "common/ews/service.h"
#include "common/ews/calendar/zone-rule.h"

typedef enum {
    EXG_EWS_OPTIONAL,
    EXG_EWS_ORGANIZER,
    EXG_EWS_REQUIRED,
    EXG_EWS_RESOURCE,
    EXG_EWS_ROOM,
    EXG_EWS_N_ATTENDEE_TYPES
} ExgEwsAttendeeType;

typedef enum {
    EXG_EWS_VIEW_NONE, /* in answers only: nothing may be seen */
    EXG_EWS_VIEW_MERGED_ONLY,
    EXG_EWS_VIEW_FREE_BUSY,
    EXG_EWS_VIEW_FREE_BUSY_MERGED,
    EXG_EWS_VIEW_DETAILED,
    EXG_EWS_VIEW_DETAILED_MERGED,
    EXG_EWS_N_VIEWS
} ExgEwsFreeBusyView;

/* As in the digits of a merged view. */
typedef enum {
    EXG_EWS_FREE,
    EXG_EWS_TENTATIVE,
    EXG_EWS_BUSY,
    EXG_EWS_OUT_OF_OFFICE,
    EXG_EWS_NO_DATA,
    EXG_EWS_WORKING_ELSEWHERE,
    EXG_EWS_N_BUSY_TYPES
} ExgEwsBusyType;

typedef struct {
    const char *address; /* SMTP */
    ExgEwsAttendeeType type;
    bool exclude_conflicts;
} ExgEwsAttendee;

typedef struct {
    gint64 start, end;   /* seconds since 1970 */
    GTimeZone *zone;     /* NULL: UTC */
    guint interval_min;  /* of the merged view: 5 to 1440 */
    ExgEwsFreeBusyView view;
} ExgEwsAvailabilityQuestion;

/* Texts are "" where there is none, or where we may not see them. */
typedef struct {
    gint64 start, end; /* seconds since 1970 */
    ExgEwsBusyType type;
    char *id;
    char *subject;
    char *location;
    bool is_meeting, is_recurring, is_exception, is_reminder_set, is_private;
} ExgEwsCalendarEvent;

typedef struct {
    guint8 days; /* bit 0: Monday … bit 6: Sunday */
    int start_min, end_min; /* of the day */
} ExgEwsWorkingPeriod;

typedef struct {
    GError *error;              /* NO_MAILBOX, DENIED … : the rest is then empty */
    ExgEwsFreeBusyView view;    /* what the server shows: perhaps less than was asked for */
    char *merged;               /* a digit (ExgEwsBusyType) per interval from the start on; "": none */
    GPtrArray *events;          /* of ExgEwsCalendarEvent */
    GPtrArray *working_periods; /* of ExgEwsWorkingPeriod */
    ExgEwsZoneRule working_zone; /* that they are in; without meaning if there are none */
} ExgEwsAvailability;

/* Errors in the question itself: EXG_ERROR_PROTOCOL. */
void exg_ews_get_user_availability_async(ExgEwsService *service, const ExgEwsTarget *target,
                                         const ExgEwsAttendee *attendees, guint n_attendees,
                                         const ExgEwsAvailabilityQuestion *question,
                                         gint64 deadline_us, GCancellable *cancellable,
                                         GAsyncReadyCallback callback, gpointer data);
/* `*ret_availabilities`: of ExgEwsAvailability, one per attendee in their order; (transfer full). */
bool exg_ews_get_user_availability_finish(ExgEwsService *service, GAsyncResult *result,
                                          GPtrArray **ret_availabilities, GError **error);

#endif
