/* subscribe-private.h - the requests and the answers of Subscribe and Unsubscribe without the way between
 * them. */
#ifndef EXG_EWS_EVENTS_SUBSCRIBE_PRIVATE_H
#define EXG_EWS_EVENTS_SUBSCRIBE_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/events/subscribe.h"

typedef struct {
    GArray *folders; /* of ExgEwsFolderId; empty: all */
    guint kinds;
} ExgEwsSubscriptionOrder;

/* Its context is an ExgEwsSubscriptionOrder, its result the subscription's id. */
extern const ExgEwsOperation exg_ews_subscribe_operation;
/* Its context is the subscription's id, its result nothing. */
extern const ExgEwsOperation exg_ews_unsubscribe_operation;

/* The names of events, in the order of their bits: "NewMailEvent" … NULL ends them. */
extern const char *const exg_ews_event_names[];

#endif
