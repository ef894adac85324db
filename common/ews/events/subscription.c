#include "common/ews/events/subscription.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/ews/item-private.h"

#define FIRST_WAIT_MS   1000
#define LONGEST_WAIT_MS 300000
#define CALL_MS         60000

/* Owned by its owner and by each call under way, which outlives it. */
struct ExgEwsSubscription {
    guint references;
    bool dead; /* the owner has freed it */
    ExgEwsService *service, *streams;
    char *mailbox;
    ExgEwsAccess access;
    ExgEwsFolderId folder;
    guint kinds, minutes;
    gint64 silence_ms, call_ms;
    ExgEwsSubscriptionHandler handler;
    gpointer user;
    char *id;    /* the server's; NULL: none */
    char *state; /* NULL: not known yet */
    bool quiet;  /* the changes up to the first state are nobody's business */
    guint count;
    gint64 wait_ms;            /* after the last failure; 0: there was none */
    bool silent;               /* the stream was given up for its silence */
    GCancellable *cancellable; /* of the call under way */
    ExgTimer timer;            /* watches the stream, or waits */
    bool waiting;
};

static void subscribe(ExgEwsSubscription *self);
static void synchronise(ExgEwsSubscription *self);
static void listen(ExgEwsSubscription *self);

static void
unref(ExgEwsSubscription *self)
{
    if (--self->references > 0)
        return;
    exg_ews_service_unref(self->service);
    exg_ews_service_unref(self->streams);
    exg_ews_folder_id_clear(&self->folder);
    g_clear_object(&self->cancellable);
    g_free(self->mailbox);
    g_free(self->id);
    g_free(self->state);
    g_free(self);
}

static ExgEwsTarget
target_of(const ExgEwsSubscription *self)
{
    return (ExgEwsTarget){self->mailbox, self->access};
}

/* A call begins: it holds a reference, and can be cancelled. */
static GCancellable *
begin_call(ExgEwsSubscription *self)
{
    self->references++;
    g_clear_object(&self->cancellable);
    self->cancellable = g_cancellable_new();
    return self->cancellable;
}

static void
on_unsubscribed(GObject *source, GAsyncResult *result, gpointer data)
{
    ExgEwsSubscription *self = data;
    (void)exg_ews_unsubscribe_finish(self->streams, result, NULL);
    unref(self);
}

/* Without waiting for the answer. The server has room for a few, and keeps one for half an hour. */
static void
leave(ExgEwsSubscription *self)
{
    ExgEwsTarget target = target_of(self);
    if (self->id == NULL)
        return;
    self->references++;
    exg_ews_unsubscribe_async(self->streams, &target, self->id,
                              exg_clock_deadline_ms(self->call_ms), NULL, on_unsubscribed, self);
    g_clear_pointer(&self->id, g_free);
}

/* Something went wrong: all is done anew after a while. */
static void
fail(ExgEwsSubscription *self, const GError *error)
{
    const ExgErrorFacts *facts = exg_error_facts(error);
    gint64 asked_ms = facts != NULL ? facts->retry_after_ms : -1;
    self->wait_ms = CLAMP(self->wait_ms * 2, FIRST_WAIT_MS, LONGEST_WAIT_MS);
    leave(self);
    self->waiting = true;
    exg_timer_set(&self->timer, exg_clock_deadline_ms(MAX(self->wait_ms, asked_ms)));
    if (self->handler.trouble != NULL)
        self->handler.trouble(error, MAX(self->wait_ms, asked_ms), self->user);
}

/* --- listening -------------------------------------------------------------------------------- */

static void
watch(ExgEwsSubscription *self)
{
    self->waiting = false;
    exg_timer_set(&self->timer, exg_clock_deadline_ms(self->silence_ms));
}

static void
timer_due(gpointer data)
{
    ExgEwsSubscription *self = data;
    if (self->waiting) {
        subscribe(self);
        return;
    }
    self->silent = true;
    g_cancellable_cancel(self->cancellable);
}

static void
on_events(const GPtrArray *events, gpointer data)
{
    ExgEwsSubscription *self = data;
    if (self->dead)
        return;
    self->wait_ms = 0;
    watch(self);
    if (events->len > 0 && self->handler.events != NULL)
        self->handler.events(events, self->user);
}

static void
on_stream_end(GObject *source, GAsyncResult *result, gpointer data)
{
    ExgEwsSubscription *self = data;
    g_autoptr(GError) error = NULL;
    bool closed = exg_ews_streaming_events_finish(self->streams, result, &error);
    exg_timer_cancel(&self->timer);
    if (!self->dead && closed) {
        listen(self);
    } else if (!self->dead) {
        g_autoptr(GError) silence = exg_error_new(EXG_ERROR_UNREACHABLE,
                                                  "The stream of notifications fell silent");
        fail(self, self->silent ? silence : error);
    }
    unref(self);
}

static void
listen(ExgEwsSubscription *self)
{
    const char *const ids[] = {self->id, NULL};
    ExgEwsTarget target = target_of(self);
    self->silent = false;
    watch(self);
    GCancellable *cancellable = begin_call(self);
    exg_ews_streaming_events_async(self->streams, &target, ids, self->minutes, on_events, self,
                                   cancellable, on_stream_end, self);
}

/* --- what happened meanwhile ------------------------------------------------------------------ */

static void
on_changes(GObject *source, GAsyncResult *result, gpointer data)
{
    ExgEwsSubscription *self = data;
    g_autoptr(ExgEwsChanges) changes = NULL;
    g_autoptr(GError) error = NULL;
    bool good = exg_ews_sync_folder_items_finish(self->service, result, &changes, &error);
    if (self->dead) {
        unref(self);
        return;
    }
    if (!good) {
        if (exg_ews_sync_is_lost(error))
            g_clear_pointer(&self->state, g_free);
        fail(self, error);
        unref(self);
        return;
    }
    g_free(self->state);
    self->state = g_strdup(changes->state);
    if (!self->quiet && changes->changes->len > 0 && self->handler.changes != NULL)
        self->handler.changes(changes, self->user);
    if (!self->dead && !changes->is_last) {
        synchronise(self);
    } else if (!self->dead) {
        self->quiet = false;
        if (self->handler.ready != NULL)
            self->handler.ready(self->user);
        if (!self->dead)
            listen(self);
    }
    unref(self);
}

static void
synchronise(ExgEwsSubscription *self)
{
    const ExgEwsItemSync sync = {
        .folder = self->folder,
        .state = self->state,
        .max_changes = EXG_EWS_MAX_SYNC_CHANGES,
        .id_only = self->quiet,
    };
    ExgEwsTarget target = target_of(self);
    GCancellable *cancellable = begin_call(self);
    exg_ews_sync_folder_items_async(self->service, &target, &sync,
                                    exg_clock_deadline_ms(self->call_ms), cancellable, on_changes,
                                    self);
}

/* --- subscribing ------------------------------------------------------------------------------ */

/* From here on events gather on the server; what came before is in the synchronisation. */
static void
on_subscribed(GObject *source, GAsyncResult *result, gpointer data)
{
    ExgEwsSubscription *self = data;
    g_autoptr(GError) error = NULL;
    char *id = NULL;
    bool good = exg_ews_subscribe_finish(self->streams, result, &id, &error);
    if (good) {
        g_free(self->id);
        self->id = id;
        self->count++;
    }
    if (!self->dead && good)
        synchronise(self);
    else if (!self->dead)
        fail(self, error);
    unref(self);
}

static void
subscribe(ExgEwsSubscription *self)
{
    ExgEwsTarget target = target_of(self);
    GCancellable *cancellable = begin_call(self);
    exg_ews_subscribe_async(self->streams, &target, &self->folder, 1, self->kinds,
                            exg_clock_deadline_ms(self->call_ms), cancellable, on_subscribed, self);
}

ExgEwsSubscription *
exg_ews_subscription_new(ExgEngine *engine, ExgEwsService *service, ExgEwsService *streams,
                         const ExgEwsTarget *target, const ExgEwsSubscriptionOptions *options,
                         const ExgEwsSubscriptionHandler *handler, gpointer user)
{
    ExgEwsSubscription *self = g_new0(ExgEwsSubscription, 1);
    self->references = 1;
    self->service = exg_ews_service_ref(service);
    self->streams = exg_ews_service_ref(streams);
    self->mailbox = g_strdup(target->mailbox);
    self->access = target->access;
    self->folder = exg_ews_folder_id_copy(&options->folder);
    self->kinds = options->kinds;
    self->minutes = options->minutes != 0 ? options->minutes : EXG_EWS_MAX_STREAM_MINUTES;
    self->silence_ms = options->silence_ms != 0 ? options->silence_ms : EXG_EWS_SILENCE_MS;
    self->call_ms = options->call_ms != 0 ? options->call_ms : CALL_MS;
    self->handler = *handler;
    self->user = user;
    self->state = g_strdup(options->state);
    self->quiet = self->state == NULL;
    exg_timer_init(&self->timer, engine, timer_due, self);
    subscribe(self);
    return self;
}

void
exg_ews_subscription_free(ExgEwsSubscription *self)
{
    if (self == NULL)
        return;
    self->dead = true;
    exg_timer_cancel(&self->timer);
    g_cancellable_cancel(self->cancellable);
    leave(self);
    unref(self);
}

guint
exg_ews_subscription_count(const ExgEwsSubscription *self)
{
    return self->count;
}
