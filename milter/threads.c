#include "milter/threads.h"

#include "common/base/error.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"

#include <errno.h>

#define RETRY_US 20000

typedef struct {
    ExgThreadRoutine routine;
    void *argument;
    GList link;
} Job;

static struct {
    GMutex lock;
    GCond changed;
    ExgThreadCreate create;
    ExgThreadRoutine worker;    /* NULL: not known yet */
    ExgThreadRoutine candidate; /* started once without a session */
    guint candidates;           /* of those, alive */
    guint max, workers, waiting;
    GQueue pending; /* Job.link */
    bool has_launcher, has_complained;
} pool = {.max = G_MAXUINT};

static __thread bool is_adopted, is_libmilters;

/* --- making threads --------------------------------------------------------------------------- */

static void
ended(ExgThreadRoutine routine)
{
    g_mutex_lock(&pool.lock);
    if (routine == pool.worker)
        pool.workers--;
    else if (routine == pool.candidate)
        pool.candidates--;
    g_cond_signal(&pool.changed);
    g_mutex_unlock(&pool.lock);
}

static void *
run(void *data)
{
    Job job = *(Job *)data;
    g_free(data);
    is_libmilters = true;
    void *result = job.routine(job.argument);
    ended(job.routine);
    return result;
}

/* With a small stack. Answers what pthread_create(3) does. */
static int
make(pthread_t *thread, ExgThreadRoutine routine, void *argument)
{
    if (EXG_FAIL_POINT_ERROR("milter-thread"))
        return EAGAIN;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return EAGAIN;
    (void)pthread_attr_setstacksize(&attributes, EXG_THREADS_STACK_BYTES);
    Job *job = g_new0(Job, 1);
    *job = (Job){.routine = routine, .argument = argument};
    int reason = pool.create(thread, &attributes, run, job);
    pthread_attr_destroy(&attributes);
    if (reason != 0)
        g_free(job);
    return reason;
}

static bool
make_worker(void *argument)
{
    pthread_t thread;
    int reason = make(&thread, pool.worker, argument);
    if (reason == 0) {
        pool.workers++;
        pool.has_complained = false;
        return true;
    }
    if (!pool.has_complained)
        exg_log(EXG_LOG_WARNING, NULL,
                "no thread can be made for a session, which waits until there is one: %s",
                g_strerror(reason));
    pool.has_complained = true;
    return false;
}

/* The launcher: makes the threads that could not be made at once. */
static gpointer
launch(gpointer data)
{
    g_mutex_lock(&pool.lock);
    for (;;) {
        while (pool.pending.length == 0 || pool.workers >= pool.max)
            g_cond_wait(&pool.changed, &pool.lock);
        Job *job = pool.pending.head->data;
        if (make_worker(job->argument)) {
            g_queue_unlink(&pool.pending, &job->link);
            g_free(job);
        } else {
            (void)g_cond_wait_until(&pool.changed, &pool.lock, g_get_monotonic_time() + RETRY_US);
        }
    }
    return NULL;
}

static void
put_off(void *argument)
{
    Job *job = g_new0(Job, 1);
    *job = (Job){.routine = pool.worker, .argument = argument};
    job->link.data = job;
    g_queue_push_tail_link(&pool.pending, &job->link);
    g_cond_signal(&pool.changed);
}

/* Libmilter's workers are those that it starts twice without a session: the crew that it begins with. */
static void
learn(ExgThreadRoutine routine)
{
    if (pool.candidate == routine) {
        pool.worker = routine;
        pool.workers = pool.candidates;
    }
    pool.candidate = routine;
    pool.candidates = 0;
}

static int
make_watched(pthread_t *thread, ExgThreadRoutine routine, void *argument)
{
    if (is_adopted && argument == NULL && pool.worker == NULL)
        learn(routine);
    if (routine != pool.worker || argument == NULL) {
        int reason = make(thread, routine, argument);
        if (reason == 0 && routine == pool.worker)
            pool.workers++;
        else if (reason == 0 && routine == pool.candidate)
            pool.candidates++;
        return reason;
    }
    /* Behind those that wait already, so that none waits for ever. */
    bool is_made = pool.pending.length == 0 && pool.workers < pool.max && make_worker(argument);
    if (!is_made)
        put_off(argument);
    *thread = pthread_self(); /* libmilter does not look at it */
    return 0;
}

int
exg_threads_create(ExgThreadCreate create, pthread_t *thread, const pthread_attr_t *attributes,
                   ExgThreadRoutine routine, void *argument)
{
    g_mutex_lock(&pool.lock);
    bool is_ours = attributes == NULL && (is_adopted || routine == pool.worker);
    if (is_ours)
        pool.create = create;
    int reason = is_ours ? make_watched(thread, routine, argument) : 0;
    g_mutex_unlock(&pool.lock);
    return is_ours ? reason : create(thread, attributes, routine, argument);
}

/* --- the face --------------------------------------------------------------------------------- */

void
exg_threads_set_max(guint max)
{
    g_mutex_lock(&pool.lock);
    pool.max = max;
    g_cond_signal(&pool.changed);
    g_mutex_unlock(&pool.lock);
}

void
exg_threads_adopt(void)
{
    g_mutex_lock(&pool.lock);
    bool needs_launcher = !pool.has_launcher;
    pool.has_launcher = true;
    g_mutex_unlock(&pool.lock);
    if (needs_launcher)
        g_thread_unref(g_thread_new("launcher", launch, NULL));
    is_adopted = true;
}

void
exg_threads_begin_wait(void)
{
    g_mutex_lock(&pool.lock);
    pool.waiting++;
    bool needs_more = pool.worker != NULL && pool.workers < pool.waiting + EXG_THREADS_SPARE;
    if (needs_more && pool.workers < pool.max)
        (void)make_worker(NULL);
    g_mutex_unlock(&pool.lock);
}

void
exg_threads_end_wait(void)
{
    g_mutex_lock(&pool.lock);
    pool.waiting--;
    g_mutex_unlock(&pool.lock);
}

bool
exg_threads_is_libmilters(void)
{
    return is_libmilters;
}

ExgThreadsStatistics
exg_threads_statistics(void)
{
    g_mutex_lock(&pool.lock);
    ExgThreadsStatistics statistics = {pool.workers, pool.waiting, pool.pending.length};
    g_mutex_unlock(&pool.lock);
    return statistics;
}

/* --- trying ----------------------------------------------------------------------------------- */

typedef struct {
    GMutex lock;
    GCond go;
    bool may_go;
} Gate;

static void *
stand(void *data)
{
    Gate *gate = data;
    g_mutex_lock(&gate->lock);
    while (!gate->may_go)
        g_cond_wait(&gate->go, &gate->lock);
    g_mutex_unlock(&gate->lock);
    return NULL;
}

bool
exg_threads_try(guint count, GError **error)
{
    Gate gate = {.may_go = false};
    g_mutex_init(&gate.lock);
    g_cond_init(&gate.go);
    g_autofree pthread_t *threads = g_new(pthread_t, count);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, EXG_THREADS_STACK_BYTES);
    guint made = 0;
    int reason = EXG_FAIL_POINT_ERROR("milter-threads-try") ? EAGAIN : 0;
    while (made < count && reason == 0) {
        reason = pthread_create(&threads[made], &attributes, stand, &gate);
        made += reason == 0;
    }
    pthread_attr_destroy(&attributes);
    g_mutex_lock(&gate.lock);
    gate.may_go = true;
    g_cond_broadcast(&gate.go);
    g_mutex_unlock(&gate.lock);
    for (guint i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
    g_mutex_clear(&gate.lock);
    g_cond_clear(&gate.go);
    if (reason == 0)
        return true;
    return exg_error_set(error, EXG_ERROR_RESOURCES, "only %u of %u threads can be made: %s", made,
                         count, g_strerror(reason));
}
