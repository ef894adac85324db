/* get-user-availability-private.h - the request and the answer of GetUserAvailability without the way
 * between them. */
#ifndef EXG_EWS_CALENDAR_GET_USER_AVAILABILITY_PRIVATE_H
#define EXG_EWS_CALENDAR_GET_USER_AVAILABILITY_PRIVATE_H

#include "common/ews/batch-private.h"
#include "common/ews/calendar/get-user-availability.h"

/* The context is an ExgEwsPortion of ExgEwsAttendee, the question being an
 * ExgEwsAvailabilityQuestion; the result a GPtrArray of ExgEwsAvailability. */
extern const ExgEwsOperation exg_ews_get_user_availability_operation;

#endif
