/* The engine's GSource: an epoll descriptor polled by GLib, a heap of timers that bounds the wait, and two queues. */
#include "common/io/engine.h"

#include "common/base/clock.h"
#include "common/base/error.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_PER_ROUND 256

typedef struct {
    GSource source;
    ExgEngine *engine;
    gpointer tag;
} EngineSource;

typedef struct {
    ExgEngineFunc function;
    gpointer data;
} Posted;

struct ExgEngine {
    gint references;
    GMainContext *context;
    GThread *thread; /* of exg_engine_start() */
    GThread *owner;  /* the thread that is running the engine; atomic */
    bool quitting;
    GSource *source;
    int epoll;
    guint watches;
    GPtrArray *timers;      /* binary heap of ExgTimer, the earliest first */
    gint64 timers_after_us; /* while timers run: those set now are due later than this */
    GQueue laters;          /* links of ExgLater */
    GMutex lock;            /* of `posted` */
    GArray *posted;         /* Posted, oldest first */
    /* The round under way, so that a watch freed in it is not called any more. */
    struct epoll_event *round;
    int round_at, round_count;
};

struct ExgWatch {
    ExgEngine *engine;
    int fd;
    guint events;
    ExgWatchFunc function;
    gpointer data;
};

/* --- timers ----------------------------------------------------------------------------------- */

static inline ExgTimer *
timer_at(ExgEngine *engine, guint position)
{
    return g_ptr_array_index(engine->timers, position - 1);
}

static inline void
place(ExgEngine *engine, ExgTimer *timer, guint position)
{
    g_ptr_array_index(engine->timers, position - 1) = timer;
    timer->position = position;
}

static void
sift_up(ExgEngine *engine, ExgTimer *timer, guint position)
{
    for (; position > 1 && timer_at(engine, position / 2)->due_us > timer->due_us; position /= 2)
        place(engine, timer_at(engine, position / 2), position);
    place(engine, timer, position);
}

static void
sift_down(ExgEngine *engine, ExgTimer *timer, guint position)
{
    guint count = engine->timers->len;
    for (;;) {
        guint child = position * 2;
        if (child > count)
            break;
        if (child < count && timer_at(engine, child + 1)->due_us < timer_at(engine, child)->due_us)
            child++;
        if (timer_at(engine, child)->due_us >= timer->due_us)
            break;
        place(engine, timer_at(engine, child), position);
        position = child;
    }
    place(engine, timer, position);
}

void
exg_timer_init(ExgTimer *timer, ExgEngine *engine, ExgTimerFunc function, gpointer data)
{
    *timer = (ExgTimer){.engine = engine, .function = function, .data = data};
}

void
exg_timer_cancel(ExgTimer *timer)
{
    if (timer->position == 0)
        return;
    ExgEngine *engine = timer->engine;
    guint position = timer->position;
    ExgTimer *last = timer_at(engine, engine->timers->len);
    g_ptr_array_set_size(engine->timers, (gint)engine->timers->len - 1);
    timer->position = 0;
    if (last != timer) {
        if (position > 1 && timer_at(engine, position / 2)->due_us > last->due_us)
            sift_up(engine, last, position);
        else
            sift_down(engine, last, position);
    }
}

void
exg_timer_set(ExgTimer *timer, gint64 due_us)
{
    ExgEngine *engine = timer->engine;
    exg_timer_cancel(timer);
    if (due_us == EXG_NO_DEADLINE)
        return;
    timer->due_us = MAX(due_us, engine->timers_after_us);
    g_ptr_array_add(engine->timers, timer);
    sift_up(engine, timer, engine->timers->len);
}

static bool
is_timer_due(ExgEngine *engine, gint64 now_us)
{
    return engine->timers->len > 0 && timer_at(engine, 1)->due_us <= now_us;
}

static void
run_timers(ExgEngine *engine)
{
    /* Only what is due now: a timer that sets itself again must keep neither the sockets nor other timers waiting. */
    gint64 now_us = exg_clock_monotonic_us();
    engine->timers_after_us = now_us + 1;
    while (is_timer_due(engine, now_us)) {
        ExgTimer *timer = timer_at(engine, 1);
        exg_timer_cancel(timer);
        timer->function(timer->data);
    }
    engine->timers_after_us = G_MININT64;
}

/* --- posts and laters ------------------------------------------------------------------------- */

void
exg_engine_post(ExgEngine *engine, ExgEngineFunc function, gpointer data)
{
    Posted posted = {function, data};
    g_mutex_lock(&engine->lock);
    bool first = engine->posted->len == 0;
    g_array_append_val(engine->posted, posted);
    g_mutex_unlock(&engine->lock);
    /* Later ones ride on the first one's wake-up; the engine's own thread looks before it sleeps. */
    if (first && !exg_engine_is_current(engine))
        g_main_context_wakeup(engine->context);
}

static bool
has_posted(ExgEngine *engine)
{
    g_mutex_lock(&engine->lock);
    bool has = engine->posted->len > 0;
    g_mutex_unlock(&engine->lock);
    return has;
}

static void
run_posted(ExgEngine *engine)
{
    if (!has_posted(engine))
        return;
    g_autoptr(GArray) empty = g_array_new(FALSE, FALSE, sizeof(Posted));
    g_mutex_lock(&engine->lock);
    g_autoptr(GArray) batch = g_steal_pointer(&engine->posted);
    engine->posted = g_steal_pointer(&empty);
    g_mutex_unlock(&engine->lock);
    for (guint i = 0; i < batch->len; i++) {
        const Posted *posted = &g_array_index(batch, Posted, i);
        posted->function(posted->data);
    }
}

void
exg_later_init(ExgLater *later, ExgEngine *engine, ExgTimerFunc function, gpointer data)
{
    *later = (ExgLater){.engine = engine, .function = function, .data = data};
}

void
exg_later_set(ExgLater *later)
{
    if (later->set)
        return;
    later->set = true;
    later->link.data = later;
    g_queue_push_tail_link(&later->engine->laters, &later->link);
}

void
exg_later_cancel(ExgLater *later)
{
    if (!later->set)
        return;
    later->set = false;
    g_queue_unlink(&later->engine->laters, &later->link);
}

static void
run_laters(ExgEngine *engine)
{
    GList end = {NULL, NULL, NULL}; /* what is set meanwhile goes behind it */
    g_queue_push_tail_link(&engine->laters, &end);
    for (GList *link; (link = g_queue_peek_head_link(&engine->laters)) != &end;) {
        ExgLater *later = link->data;
        exg_later_cancel(later);
        later->function(later->data);
    }
    g_queue_unlink(&engine->laters, &end);
}

/* --- sockets ---------------------------------------------------------------------------------- */

static guint32
epoll_events(guint events)
{
    return (events & EXG_IO_READ ? (guint32)EPOLLIN : 0) |
           (events & EXG_IO_WRITE ? (guint32)EPOLLOUT : 0);
}

/* A watch that wants nothing is not in the epoll descriptor at all: a hang-up cannot be masked there and would
 * wake us for ever. */
static void
tell_epoll(ExgWatch *watch, guint before)
{
    int operation = before == 0          ? EPOLL_CTL_ADD
                    : watch->events == 0 ? EPOLL_CTL_DEL
                                         : EPOLL_CTL_MOD;
    struct epoll_event event = {.events = epoll_events(watch->events), .data.ptr = watch};
    if (epoll_ctl(watch->engine->epoll, operation, watch->fd, &event) < 0)
        g_error("cannot watch descriptor %d: %s", watch->fd, g_strerror(errno));
}

ExgWatch *
exg_watch_new(ExgEngine *engine, int fd, guint events, ExgWatchFunc function, gpointer data)
{
    ExgWatch *watch = g_new0(ExgWatch, 1);
    *watch = (ExgWatch){.engine = engine, .fd = fd, .function = function, .data = data};
    engine->watches++;
    exg_watch_set_events(watch, events);
    return watch;
}

void
exg_watch_set_events(ExgWatch *watch, guint events)
{
    guint before = watch->events;
    if (before == events)
        return;
    watch->events = events;
    tell_epoll(watch, before);
}

void
exg_watch_free(ExgWatch *watch)
{
    if (watch == NULL)
        return;
    ExgEngine *engine = watch->engine;
    if (watch->events != 0)
        (void)epoll_ctl(engine->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    engine->watches--;
    for (int i = engine->round_at; i < engine->round_count; i++)
        if (engine->round[i].data.ptr == watch)
            engine->round[i].data.ptr = NULL;
    g_free(watch);
}

static void
run_watches(ExgEngine *engine)
{
    struct epoll_event events[EVENTS_PER_ROUND];
    int count = epoll_wait(engine->epoll, events, EVENTS_PER_ROUND, 0);
    engine->round = events;
    engine->round_count = MAX(count, 0);
    for (engine->round_at = 0; engine->round_at < engine->round_count;) {
        const struct epoll_event *event = &events[engine->round_at++];
        ExgWatch *watch = event->data.ptr;
        if (watch == NULL)
            continue;
        guint ready = (event->events & EPOLLIN ? EXG_IO_READ : 0u) |
                      (event->events & EPOLLOUT ? EXG_IO_WRITE : 0u);
        if (event->events & (EPOLLERR | EPOLLHUP))
            ready |= EXG_IO_READ | EXG_IO_WRITE;
        ready &= watch->events; /* a function called earlier in this round may have changed them */
        if (ready != 0)
            watch->function(watch->fd, ready, watch->data);
    }
    engine->round = NULL;
    engine->round_count = 0;
}

/* --- the source ------------------------------------------------------------------------------- */

/* Whether there is something to do without looking at the sockets. */
static bool
is_pending(ExgEngine *engine, gint64 now_us)
{
    return engine->laters.length > 0 || is_timer_due(engine, now_us) || has_posted(engine);
}

static gboolean
source_prepare(GSource *source, gint *timeout_ms)
{
    ExgEngine *engine = ((EngineSource *)source)->engine;
    gint64 now_us = exg_clock_monotonic_us();
    *timeout_ms = -1;
    if (is_pending(engine, now_us))
        return TRUE;
    if (engine->timers->len > 0)
        *timeout_ms = (gint)MIN((timer_at(engine, 1)->due_us - now_us) / 1000 + 1, G_MAXINT);
    return FALSE;
}

static bool
is_socket_ready(GSource *source)
{
    return (g_source_query_unix_fd(source, ((EngineSource *)source)->tag) & G_IO_IN) != 0;
}

static gboolean
source_check(GSource *source)
{
    return is_socket_ready(source) ||
           is_pending(((EngineSource *)source)->engine, exg_clock_monotonic_us());
}

static gboolean
source_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    ExgEngine *engine = ((EngineSource *)source)->engine;
    run_timers(engine);
    run_posted(engine);
    if (is_socket_ready(source))
        run_watches(engine);
    run_laters(engine);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {
    .prepare = source_prepare, .check = source_check, .dispatch = source_dispatch};

ExgEngine *
exg_engine_new(GError **error)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) {
        exg_error_set(error, EXG_ERROR_RESOURCES, "Cannot create an epoll descriptor: %s",
                      g_strerror(errno));
        return NULL;
    }
    ExgEngine *engine = g_new0(ExgEngine, 1);
    engine->references = 1;
    engine->epoll = epoll;
    engine->context = g_main_context_new();
    engine->timers = g_ptr_array_new();
    engine->timers_after_us = G_MININT64;
    engine->posted = g_array_new(FALSE, FALSE, sizeof(Posted));
    g_mutex_init(&engine->lock);
    engine->source = g_source_new(&source_funcs, sizeof(EngineSource));
    g_source_set_name(engine->source, "exgate engine");
    /* Nobody iterates the context while it is dispatched. Otherwise GLib takes the descriptor out of the poll and puts it
     * back in around each dispatch, and wakes itself up for both. */
    g_source_set_can_recurse(engine->source, TRUE);
    EngineSource *self = (EngineSource *)engine->source;
    self->engine = engine;
    self->tag = g_source_add_unix_fd(engine->source, epoll, G_IO_IN);
    g_source_attach(engine->source, engine->context);
    return engine;
}

ExgEngine *
exg_engine_ref(ExgEngine *engine)
{
    g_atomic_int_inc(&engine->references);
    return engine;
}

void
exg_engine_unref(ExgEngine *engine)
{
    if (engine == NULL || !g_atomic_int_dec_and_test(&engine->references))
        return;
    exg_engine_stop(engine);
    g_warn_if_fail(engine->watches == 0 && engine->timers->len == 0 && engine->laters.length == 0);
    g_source_destroy(engine->source);
    g_source_unref(engine->source);
    g_main_context_unref(engine->context);
    g_ptr_array_unref(engine->timers);
    g_array_unref(engine->posted);
    g_mutex_clear(&engine->lock);
    close(engine->epoll);
    g_free(engine);
}

GMainContext *
exg_engine_context(ExgEngine *engine)
{
    return engine->context;
}

void
exg_engine_on_signal(ExgEngine *engine, int number, GSourceFunc function, gpointer data)
{
    g_autoptr(GSource) source = g_unix_signal_source_new(number);
    g_source_set_callback(source, function, data, NULL);
    g_source_attach(source, engine->context);
}

static void
enter(ExgEngine *engine)
{
    g_main_context_push_thread_default(engine->context);
    g_atomic_pointer_set(&engine->owner, g_thread_self());
}

static void
leave(ExgEngine *engine)
{
    g_atomic_pointer_set(&engine->owner, NULL);
    g_main_context_pop_thread_default(engine->context);
}

static void
quit_now(gpointer data)
{
    ((ExgEngine *)data)->quitting = true;
}

/* A quit asked for twice must not end the next run. */
static void
forget_quits(ExgEngine *engine)
{
    g_mutex_lock(&engine->lock);
    for (guint i = engine->posted->len; i-- > 0;)
        if (g_array_index(engine->posted, Posted, i).function == quit_now)
            g_array_remove_index(engine->posted, i);
    g_mutex_unlock(&engine->lock);
}

void
exg_engine_quit(ExgEngine *engine)
{
    /* Posted, so that a quit before the run is not lost, and what was posted before it still runs. */
    exg_engine_post(engine, quit_now, engine);
}

void
exg_engine_run(ExgEngine *engine)
{
    enter(engine);
    while (!engine->quitting)
        g_main_context_iteration(engine->context, TRUE);
    engine->quitting = false;
    forget_quits(engine);
    leave(engine);
}

bool
exg_engine_iterate(ExgEngine *engine, bool may_block)
{
    enter(engine);
    bool done = g_main_context_iteration(engine->context, may_block);
    leave(engine);
    return done;
}

static gpointer
thread_main(gpointer data)
{
    exg_engine_run(data);
    return NULL;
}

void
exg_engine_start(ExgEngine *engine)
{
    g_return_if_fail(engine->thread == NULL);
    engine->thread = g_thread_new("exgate-engine", thread_main, engine);
}

void
exg_engine_stop(ExgEngine *engine)
{
    if (engine->thread == NULL)
        return;
    exg_engine_quit(engine);
    g_thread_join(g_steal_pointer(&engine->thread));
    forget_quits(engine);
}

bool
exg_engine_is_current(ExgEngine *engine)
{
    return g_atomic_pointer_get(&engine->owner) == g_thread_self();
}
