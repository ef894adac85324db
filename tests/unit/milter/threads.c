/* The threads that libmilter asks for, with a libmilter of our own: workers serve a session, and are
 * idle without one. */
#include "milter/threads.h"

#include "common/base/error.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"

static struct {
    GMutex lock;
    GCond changed;
    guint served, idle, ended; /* sessions being served; workers without one; ended workers */
    guint begun;               /* sessions that have ever been served */
    guint may_end;             /* of those that serve or are idle */
} mta;

static void
wait_for(const guint *value, guint wanted)
{
    while (*value != wanted)
        g_cond_wait(&mta.changed, &mta.lock);
}

/* As libmilter's: stays until it may end. */
static void *
worker(void *session)
{
    guint *kind = session != NULL ? &mta.served : &mta.idle;
    pthread_detach(pthread_self());
    g_mutex_lock(&mta.lock);
    (*kind)++;
    mta.begun += session != NULL;
    g_cond_broadcast(&mta.changed);
    while (mta.may_end == 0)
        g_cond_wait(&mta.changed, &mta.lock);
    mta.may_end--;
    (*kind)--;
    mta.ended++;
    g_cond_broadcast(&mta.changed);
    g_mutex_unlock(&mta.lock);
    return NULL;
}

static void *
controller(void *unused)
{
    return worker(NULL);
}

static int
start(void *(*routine)(void *), void *session)
{
    pthread_t thread;
    return pthread_create(&thread, NULL, routine, session);
}

static void
assert_workers(guint workers, guint pending)
{
    /* a worker has ended for itself a moment before it has for the pool */
    ExgThreadsStatistics statistics = exg_threads_statistics();
    while (statistics.workers != workers || statistics.pending != pending) {
        g_thread_yield();
        statistics = exg_threads_statistics();
    }
}

static void
let_end(guint count)
{
    g_mutex_lock(&mta.lock);
    guint until = mta.ended + count;
    mta.may_end += count;
    g_cond_broadcast(&mta.changed);
    wait_for(&mta.ended, until);
    g_mutex_unlock(&mta.lock);
}

static void
await(const guint *value, guint wanted)
{
    g_mutex_lock(&mta.lock);
    wait_for(value, wanted);
    g_mutex_unlock(&mta.lock);
}

static gpointer
look_at_nothing(gpointer data)
{
    return NULL;
}

/* The crew it begins with tells which routine is the worker. Runs first. */
static void
test_crew(void)
{
    /* what others start is left alone */
    g_thread_join(g_thread_new("other", look_at_nothing, NULL));
    assert_workers(0, 0);
    exg_threads_adopt();
    g_assert_cmpint(start(controller, NULL), ==, 0);
    g_assert_cmpint(start(worker, NULL), ==, 0);
    g_assert_cmpint(start(worker, NULL), ==, 0);
    await(&mta.idle, 3);
    assert_workers(2, 0);
}

/* A session too many waits for a worker to end, and is served then. */
static void
test_bounded(void)
{
    exg_threads_set_max(4);
    for (guint i = 0; i < 7; i++)
        g_assert_cmpint(start(worker, &mta), ==, 0);
    await(&mta.served, 2);
    assert_workers(4, 5);
    while (exg_threads_statistics().pending > 0) { /* whoever ends makes room for one */
        let_end(1);
        g_assert_cmpuint(exg_threads_statistics().workers, <=, 4);
    }
    exg_threads_set_max(G_MAXUINT);
    await(&mta.begun, 7);
}

static guint complaints;

static void
count_complaints(ExgLogLevel level, const char *line, gpointer data)
{
    complaints += level == EXG_LOG_WARNING;
}

/* libmilter would neither serve nor close the session any more. */
static void
test_refused(void)
{
    exg_log_set_sink(count_complaints, NULL);
    exg_failpoint_configure("milter-thread=error,times=5");
    g_assert_cmpint(start(worker, &mta), ==, 0);
    g_assert_cmpint(start(worker, &mta), ==, 0);
    await(&mta.begun, 9);
    exg_failpoint_configure(NULL);
    exg_log_set_sink(NULL, NULL);
    g_assert_cmpuint(exg_threads_statistics().pending, ==, 0);
    g_assert_cmpuint(complaints, ==, 1);
}

/* Whoever waits leaves others behind that do not. */
static void
test_spare(void)
{
    guint before = exg_threads_statistics().workers;
    g_assert_cmpuint(before, >=, 2);
    for (guint i = 1; i <= before + 3; i++) {
        exg_threads_begin_wait();
        ExgThreadsStatistics statistics = exg_threads_statistics();
        g_assert_cmpuint(statistics.waiting, ==, i);
        g_assert_cmpuint(statistics.workers, ==, MAX(before, i + EXG_THREADS_SPARE));
    }
    /* but no more than there may be */
    guint most = exg_threads_statistics().workers;
    exg_threads_set_max(most);
    exg_threads_begin_wait();
    g_assert_cmpuint(exg_threads_statistics().workers, ==, most);
    exg_threads_end_wait();
    for (guint i = 0; i < before + 3; i++)
        exg_threads_end_wait();
    g_assert_cmpuint(exg_threads_statistics().waiting, ==, 0);
    exg_threads_set_max(G_MAXUINT);
}

static void
test_try(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(exg_threads_try(50, &error));
    g_assert_no_error(error);
}

/* What is left ends. */
static void
test_end(void)
{
    g_mutex_lock(&mta.lock);
    mta.may_end = G_MAXINT;
    g_cond_broadcast(&mta.changed);
    g_mutex_unlock(&mta.lock);
    assert_workers(0, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/milter/threads/1-crew", test_crew);
    g_test_add_func("/milter/threads/2-bounded", test_bounded);
    g_test_add_func("/milter/threads/3-refused", test_refused);
    g_test_add_func("/milter/threads/4-spare", test_spare);
    g_test_add_func("/milter/threads/5-try", test_try);
    g_test_add_func("/milter/threads/6-end", test_end);
    return g_test_run();
}
