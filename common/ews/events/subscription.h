/* subscription.h - a folder, watched for ever: streaming notifications that are looked after.
 *
 * Subscribes, listens, and listens again when the server closes the stream in its time. A stream
 * that says nothing for `silence_ms` (the server promises a word more often than that), that breaks, or
 * whose subscription the server has forgotten, is given up and replaced; what happened meanwhile is
 * found with SyncFolderItems, so nothing is missed. After a failure it waits, longer each time.
 *
 * What it reports may be reported twice, as an event and as a change.
 *
 * Threads:  the engine's.
 * Memory:   one owner. Freeing it from a function of its own is allowed; nothing is called after that.
 * Source:   MS-OXWSNTIF, MS-OXWSSYNC.
 */
#ifndef EXG_EWS_EVENTS_SUBSCRIPTION_H
#define EXG_EWS_EVENTS_SUBSCRIPTION_H

#include "common/ews/events/streaming-events.h"
#include "common/ews/folders/sync-folder-items.h"

#define EXG_EWS_SILENCE_MS 120000

typedef struct ExgEwsSubscription ExgEwsSubscription;

/* Each may be NULL. */
typedef struct {
    /* Something happened; of ExgEwsEvent. */
    void (*events)(const GPtrArray *events, gpointer user);
    /* What had happened while nobody listened. Its state is the one to come back with. */
    void (*changes)(const ExgEwsChanges *changes, gpointer user);
    /* It listens from here on. */
    void (*ready)(gpointer user);
    /* It does not listen, and tries again after that time. */
    void (*trouble)(const GError *error, gint64 wait_ms, gpointer user);
} ExgEwsSubscriptionHandler;

typedef struct {
    ExgEwsFolderId folder;
    guint kinds;       /* of ExgEwsEventKind */
    const char *state; /* of SyncFolderItems, where to begin; NULL: with what comes from now on */
    guint minutes;     /* of one stream; 0: EXG_EWS_MAX_STREAM_MINUTES */
    gint64 silence_ms; /* 0: EXG_EWS_SILENCE_MS */
    gint64 call_ms;    /* deadline of each other call; 0: a minute */
} ExgEwsSubscriptionOptions;

/* `streams`: a service to the same endpoint over an HTTP client of its own, for what holds a
 * connection; it goes without a throttle. Both are referenced, all else is copied. */
ExgEwsSubscription *exg_ews_subscription_new(ExgEngine *engine, ExgEwsService *service,
                                             ExgEwsService *streams, const ExgEwsTarget *target,
                                             const ExgEwsSubscriptionOptions *options,
                                             const ExgEwsSubscriptionHandler *handler,
                                             gpointer user);
/* Unsubscribes without waiting for the answer. */
void exg_ews_subscription_free(ExgEwsSubscription *subscription);

/* For statistics and tests: how often it subscribed. */
guint exg_ews_subscription_count(const ExgEwsSubscription *subscription);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsSubscription, exg_ews_subscription_free)

#endif
