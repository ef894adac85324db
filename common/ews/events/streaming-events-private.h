/* streaming-events-private.h - the request and the envelopes of GetStreamingEvents without the way between
 * them. */
#ifndef EXG_EWS_EVENTS_STREAMING_EVENTS_PRIVATE_H
#define EXG_EWS_EVENTS_STREAMING_EVENTS_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/envelope-splitter-private.h"
#include "common/ews/events/streaming-events.h"

typedef struct {
    gint references;
    GStrv ids;
    guint minutes;
    ExgEwsEventsFunc function;
    gpointer user;
    ExgEwsEnvelopeSplitter splitter;
    bool closed; /* the server said that it is over */
} ExgEwsListening;

typedef struct {
    GPtrArray *events; /* of ExgEwsEvent */
    bool closed;
} ExgEwsNews;

/* One envelope of the answer. Its context is an ExgEwsListening, its result an ExgEwsNews. */
extern const ExgEwsOperation exg_ews_streaming_events_envelope;
/* The whole. Its context is an ExgEwsListening, its result nothing. */
extern const ExgEwsOperation exg_ews_streaming_events_operation;

#endif
