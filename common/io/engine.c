/* The engine's GSource: an epoll descriptor polled by GLib, and a heap of timers as its ready time. */
#include "common/io/engine.h"

#include "common/base/clock.h"
#include "common/base/error.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_PER_ROUND 256

typedef struct {
    GSource source;
    ExgEngine *engine;
    gpointer tag;
} EngineSource;

struct ExgEngine {
    gint references;
    GMainContext *context;
    GMainLoop *loop;
    GThread *thread; /* of exg_engine_start() */
    GThread *owner;  /* the thread that is running the engine; atomic */
    GSource *source;
    int epoll;
    GPtrArray *timers; /* binary heap of ExgTimer, the earliest first */
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

/* GLib's ready time is on the system's monotonic clock, ours may have been moved by a test. */
static void
update_ready_time(ExgEngine *engine)
{
    gint64 ready = -1;
    if (engine->timers->len > 0) {
        gint64 shift = exg_clock_monotonic_us() - g_get_monotonic_time();
        ready = MAX(timer_at(engine, 1)->due_us - MAX(shift, 0), 0);
    }
    if (g_source_get_ready_time(engine->source) != ready)
        g_source_set_ready_time(engine->source, ready);
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
    update_ready_time(engine);
}

void
exg_timer_set(ExgTimer *timer, gint64 due_us)
{
    if (timer->position != 0 && timer->due_us == due_us)
        return;
    exg_timer_cancel(timer);
    if (due_us == EXG_NO_DEADLINE)
        return;
    timer->due_us = due_us;
    g_ptr_array_add(timer->engine->timers, timer);
    sift_up(timer->engine, timer, timer->engine->timers->len);
    update_ready_time(timer->engine);
}

static void
run_timers(ExgEngine *engine)
{
    /* Only what is due now: a timer that sets itself again must not keep the sockets waiting. */
    gint64 now = exg_clock_monotonic_us();
    while (engine->timers->len > 0 && timer_at(engine, 1)->due_us <= now) {
        ExgTimer *timer = timer_at(engine, 1);
        exg_timer_cancel(timer);
        timer->function(timer->data);
    }
    update_ready_time(engine);
}

/* --- sockets ---------------------------------------------------------------------------------- */

static guint32
epoll_events(guint events)
{
    return (events & EXG_IO_READ ? (guint32)EPOLLIN : 0) | (events & EXG_IO_WRITE ? (guint32)EPOLLOUT : 0);
}

ExgWatch *
exg_watch_new(ExgEngine *engine, int fd, guint events, ExgWatchFunc function, gpointer data)
{
    ExgWatch *watch = g_new0(ExgWatch, 1);
    *watch = (ExgWatch){.engine = engine, .fd = fd, .events = events, .function = function, .data = data};
    struct epoll_event event = {.events = epoll_events(events), .data.ptr = watch};
    if (epoll_ctl(engine->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        g_error("cannot watch descriptor %d: %s", fd, g_strerror(errno));
    return watch;
}

void
exg_watch_set_events(ExgWatch *watch, guint events)
{
    if (watch->events == events)
        return;
    watch->events = events;
    struct epoll_event event = {.events = epoll_events(events), .data.ptr = watch};
    if (epoll_ctl(watch->engine->epoll, EPOLL_CTL_MOD, watch->fd, &event) < 0)
        g_error("cannot watch descriptor %d: %s", watch->fd, g_strerror(errno));
}

void
exg_watch_free(ExgWatch *watch)
{
    if (watch == NULL)
        return;
    ExgEngine *engine = watch->engine;
    (void)epoll_ctl(engine->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
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
        guint ready = (event->events & EPOLLIN ? EXG_IO_READ : 0u) | (event->events & EPOLLOUT ? EXG_IO_WRITE : 0u);
        if (event->events & (EPOLLERR | EPOLLHUP))
            ready |= EXG_IO_READ | EXG_IO_WRITE;
        ready &= watch->events;
        if (ready != 0)
            watch->function(watch->fd, ready, watch->data);
        else if (event->events & (EPOLLERR | EPOLLHUP))
            /* Nobody listens for now, and a hang-up cannot be masked: forget it until events are set again. */
            (void)epoll_ctl(engine->epoll, EPOLL_CTL_MOD, watch->fd,
                            &(struct epoll_event){.events = EPOLLET, .data.ptr = watch});
    }
    engine->round = NULL;
    engine->round_count = 0;
}

/* --- the source ------------------------------------------------------------------------------- */

static gboolean
source_check(GSource *source)
{
    EngineSource *self = (EngineSource *)source;
    return (g_source_query_unix_fd(source, self->tag) & G_IO_IN) != 0;
}

static gboolean
source_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    ExgEngine *engine = ((EngineSource *)source)->engine;
    run_timers(engine);
    run_watches(engine);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {.check = source_check, .dispatch = source_dispatch};

ExgEngine *
exg_engine_new(GError **error)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) {
        exg_error_set(error, EXG_ERROR_RESOURCES, "Cannot create an epoll descriptor: %s", g_strerror(errno));
        return NULL;
    }
    ExgEngine *engine = g_new0(ExgEngine, 1);
    engine->references = 1;
    engine->epoll = epoll;
    engine->context = g_main_context_new();
    engine->loop = g_main_loop_new(engine->context, FALSE);
    engine->timers = g_ptr_array_new();
    engine->source = g_source_new(&source_funcs, sizeof(EngineSource));
    g_source_set_name(engine->source, "exgate engine");
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
    g_source_destroy(engine->source);
    g_source_unref(engine->source);
    g_main_loop_unref(engine->loop);
    g_main_context_unref(engine->context);
    g_ptr_array_unref(engine->timers);
    close(engine->epoll);
    g_free(engine);
}

GMainContext *
exg_engine_context(ExgEngine *engine)
{
    return engine->context;
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

void
exg_engine_run(ExgEngine *engine)
{
    enter(engine);
    g_main_loop_run(engine->loop);
    leave(engine);
}

bool
exg_engine_iterate(ExgEngine *engine, bool may_block)
{
    enter(engine);
    update_ready_time(engine); /* the clock may have been moved */
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

static void
quit_now(gpointer data)
{
    g_main_loop_quit(((ExgEngine *)data)->loop);
}

void
exg_engine_quit(ExgEngine *engine)
{
    /* Posted, so that a quit before the loop has begun to run is not lost. */
    exg_engine_post(engine, quit_now, engine);
}

void
exg_engine_stop(ExgEngine *engine)
{
    if (engine->thread == NULL)
        return;
    exg_engine_quit(engine);
    g_thread_join(g_steal_pointer(&engine->thread));
}

bool
exg_engine_is_current(ExgEngine *engine)
{
    return g_atomic_pointer_get(&engine->owner) == g_thread_self();
}

typedef struct {
    ExgEngineFunc function;
    gpointer data;
} Posted;

static gboolean
run_posted(gpointer data)
{
    Posted *posted = data;
    posted->function(posted->data);
    return G_SOURCE_REMOVE;
}

void
exg_engine_post(ExgEngine *engine, ExgEngineFunc function, gpointer data)
{
    Posted *posted = g_new(Posted, 1);
    *posted = (Posted){function, data};
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, run_posted, posted, g_free);
    g_source_attach(source, engine->context);
    g_source_unref(source);
}
