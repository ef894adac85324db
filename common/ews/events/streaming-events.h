/* streaming-events.h - GetStreamingEvents: listens to subscriptions, over an answer that goes on for minutes.
 *
 * The answer holds a connection: give a service over an HTTP client of its own, or the pool has one
 * session less.
 *
 * It ends well when the server closes it after the time asked for; the subscriptions are then as
 * they were, and one listens again. Any other end is an error, and events may have been missed.
 *
 * Errors:   those of calls; about unknown subscriptions with their ids in the text.
 * Source:   MS-OXWSNTIF.
 */
#ifndef EXG_EWS_EVENTS_STREAMING_EVENTS_H
#define EXG_EWS_EVENTS_STREAMING_EVENTS_H

#include "common/ews/events/subscribe.h"

#define EXG_EWS_MAX_STREAM_MINUTES 30

/* Strings are NULL where the event does not tell. */
typedef struct {
    ExgEwsEventKind kind;
    char *subscription_id;
    gint64 time;         /* seconds since 1970; -1: not told */
    char *item_id;       /* NULL: it concerns a folder … */
    char *folder_id;     /* … this one */
    char *parent_id;     /* the folder in which it happened */
    char *old_item_id, *old_folder_id, *old_parent_id; /* of what was moved or copied */
} ExgEwsEvent;

void exg_ews_event_free(ExgEwsEvent *event);

/* For each word of the server, which may be that nothing has happened: then there are none.
 * `events`: of ExgEwsEvent, valid during the call. */
typedef void (*ExgEwsEventsFunc)(const GPtrArray *events, gpointer user);

/* `minutes`: 1 to EXG_EWS_MAX_STREAM_MINUTES. */
void exg_ews_streaming_events_async(ExgEwsService *service, const ExgEwsTarget *target,
                                    const char *const *subscription_ids, guint minutes,
                                    ExgEwsEventsFunc function, gpointer user,
                                    GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer data);
bool exg_ews_streaming_events_finish(ExgEwsService *service, GAsyncResult *result, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsEvent, exg_ews_event_free)

#endif
