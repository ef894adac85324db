/* engine.h - one thread, one GMainContext, one epoll descriptor for all its sockets and timers.
 *
 * Every socket of the process (the LMTP server's, curl's) is a watch in the engine's epoll
 * descriptor, and every time-out is a timer in its heap. Both together are one GSource, so the cost
 * of a wake-up depends on what is ready, not on how many sockets there are. GTasks and idle sources
 * of GLib work on the same context.
 *
 * A round runs, in this order: the timers that are due, what was posted, the sockets that are
 * ready, and what was put off to the end of the round. What a function of one round sets or posts
 * runs in the next.
 *
 * Two ways to run it: exg_engine_run() in the calling thread (the daemons), or exg_engine_start()
 * in a thread of its own (blocking callers: the command-line tool, libmilter's threads). While it
 * runs, its context is the thread-default one.
 *
 * Threads:  only exg_engine_post(), _quit(), _ref(), _unref() and _is_current() may be called from
 *           other threads. Watches and timers belong to the engine's thread (or to the creator's,
 *           before the engine runs).
 * Memory:   reference counted. Watches, timers and laters must be gone before the last reference is
 *           dropped. What was posted and has not run by then never runs.
 * Errors:   exg_engine_new: EXG_ERROR_RESOURCES.
 * Rule:     callbacks must not block; blocking work goes to worker.h.
 */
#ifndef EXG_IO_ENGINE_H
#define EXG_IO_ENGINE_H

#include <gio/gio.h>
#include <stdbool.h>

typedef struct ExgEngine ExgEngine;

ExgEngine *exg_engine_new(GError **error);
ExgEngine *exg_engine_ref(ExgEngine *engine);
/* The last reference may be dropped by any thread but a started engine's own. */
void exg_engine_unref(ExgEngine *engine);

GMainContext *exg_engine_context(ExgEngine *engine);

/* Calls a function at each such signal, as long as the engine lives. */
void exg_engine_on_signal(ExgEngine *engine, int number, GSourceFunc function, gpointer data);

/* Runs in the calling thread until exg_engine_quit(). A quit asked for before the run ends it after
 * one round. */
void exg_engine_run(ExgEngine *engine);
/* One round, for tests: waits for something to do if `may_block`. Answers whether something was
 * done. */
bool exg_engine_iterate(ExgEngine *engine, bool may_block);
/* Runs in a new thread; exg_engine_stop() ends and joins it. Before that, all that was posted until
 * then is run. */
void exg_engine_start(ExgEngine *engine);
void exg_engine_stop(ExgEngine *engine);
void exg_engine_quit(ExgEngine *engine);
/* Whether the caller is the engine's thread. */
bool exg_engine_is_current(ExgEngine *engine);

/* Runs `function(data)` on the engine's thread, in the order posted, never inside the call. */
typedef void (*ExgEngineFunc)(gpointer data);
void exg_engine_post(ExgEngine *engine, ExgEngineFunc function, gpointer data);

/* --- sockets ---------------------------------------------------------------------------------- */

typedef struct ExgWatch ExgWatch;
typedef enum { EXG_IO_READ = 1, EXG_IO_WRITE = 2 } ExgIoEvents;

/* `events` are the ExgIoEvents that are ready. An error or a hang-up reports all that was asked
 * for, so that the next read or write shows it. */
typedef void (*ExgWatchFunc)(int fd, guint events, gpointer data);

/* Watches a descriptor, which stays the caller's. `events` may be 0 (nothing for now). */
ExgWatch *exg_watch_new(ExgEngine *engine, int fd, guint events, ExgWatchFunc function,
                        gpointer data);
void exg_watch_set_events(ExgWatch *watch, guint events);
/* Call before the descriptor is closed. After it the function is not called again, not even in the
 * round under way. */
void exg_watch_free(ExgWatch *watch);

/* --- timers ----------------------------------------------------------------------------------- */

typedef void (*ExgTimerFunc)(gpointer data);

/* Embedded in its owner; idle until set. */
typedef struct {
    ExgEngine *engine; /* not a reference: the owner holds one */
    ExgTimerFunc function;
    gpointer data;
    gint64 due_us;
    guint position; /* in the heap, counted from 1; 0: not set */
} ExgTimer;

void exg_timer_init(ExgTimer *timer, ExgEngine *engine, ExgTimerFunc function, gpointer data);
/* Fires once at `due_us` on the monotonic clock (clock.h), up to a millisecond late; setting again
 * moves it. EXG_NO_DEADLINE: never. */
void exg_timer_set(ExgTimer *timer, gint64 due_us);
void exg_timer_cancel(ExgTimer *timer);
static inline bool
exg_timer_is_set(const ExgTimer *timer)
{
    return timer->position != 0;
}

/* --- at the end of the round -------------------------------------------------------------------- */

/* Embedded in its owner; idle until set. Unlike a post it can be cancelled, and costs no memory. */
typedef struct {
    ExgEngine *engine; /* not a reference: the owner holds one */
    ExgTimerFunc function;
    gpointer data;
    GList link;
    bool set;
} ExgLater;

void exg_later_init(ExgLater *later, ExgEngine *engine, ExgTimerFunc function, gpointer data);
/* Runs the function once when all that is ready now has been handled. Setting again changes
 * nothing. */
void exg_later_set(ExgLater *later);
void exg_later_cancel(ExgLater *later);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEngine, exg_engine_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgWatch, exg_watch_free)

#endif
