/* Threads of our own rather than a GThreadPool, so that a job is either refused or certain to run. */
#include "common/io/worker.h"

#include "common/base/error.h"

typedef struct {
    ExgWorkerFunc work, done;
    gpointer data;
} Job;

struct ExgWorkerPool {
    ExgEngine *engine;
    guint max_threads, max_queued;
    GMutex lock; /* of all below */
    GCond wake;
    GQueue jobs; /* waiting */
    GPtrArray *threads;
    guint unfinished; /* jobs waiting or running */
    bool closing;
};

/* The next job, or NULL when the pool closes and nothing is left to do. */
static Job *
next_job(ExgWorkerPool *pool)
{
    g_mutex_lock(&pool->lock);
    while (pool->jobs.length == 0 && !pool->closing)
        g_cond_wait(&pool->wake, &pool->lock);
    Job *job = g_queue_pop_head(&pool->jobs);
    g_mutex_unlock(&pool->lock);
    return job;
}

static void
finish_job(ExgWorkerPool *pool, Job *job)
{
    g_mutex_lock(&pool->lock);
    pool->unfinished--;
    g_mutex_unlock(&pool->lock);
    if (job->done != NULL)
        exg_engine_post(pool->engine, job->done, job->data);
    g_free(job);
}

static gpointer
thread_main(gpointer data)
{
    ExgWorkerPool *pool = data;
    Job *job;
    while ((job = next_job(pool)) != NULL) {
        job->work(job->data);
        finish_job(pool, job);
    }
    return NULL;
}

ExgWorkerPool *
exg_worker_pool_new(ExgEngine *engine, guint max_threads, guint max_queued)
{
    ExgWorkerPool *pool = g_new0(ExgWorkerPool, 1);
    pool->engine = exg_engine_ref(engine);
    pool->max_threads = MAX(max_threads, 1);
    pool->max_queued = max_queued;
    pool->threads = g_ptr_array_new();
    g_mutex_init(&pool->lock);
    g_cond_init(&pool->wake);
    return pool;
}

void
exg_worker_pool_free(ExgWorkerPool *pool)
{
    if (pool == NULL)
        return;
    g_mutex_lock(&pool->lock);
    pool->closing = true;
    g_cond_broadcast(&pool->wake);
    g_mutex_unlock(&pool->lock);
    for (guint i = 0; i < pool->threads->len; i++)
        g_thread_join(g_ptr_array_index(pool->threads, i));
    g_ptr_array_unref(pool->threads);
    g_cond_clear(&pool->wake);
    g_mutex_clear(&pool->lock);
    exg_engine_unref(pool->engine);
    g_free(pool);
}

static bool
add_thread(ExgWorkerPool *pool, GError **error)
{
    g_autoptr(GError) reason = NULL;
    GThread *thread = g_thread_try_new("exgate-worker", thread_main, pool, &reason);
    if (thread != NULL)
        g_ptr_array_add(pool->threads, thread);
    else if (pool->threads->len == 0) /* else the others get to it */
        return exg_error_set(error, EXG_ERROR_RESOURCES, "Cannot start a worker thread: %s",
                             reason->message);
    return true;
}

static bool
enqueue(ExgWorkerPool *pool, ExgWorkerFunc work, ExgWorkerFunc done, gpointer data, GError **error)
{
    if (pool->unfinished >= (guint64)pool->max_threads + pool->max_queued)
        return exg_error_set(error, EXG_ERROR_RESOURCES,
                             "All %u workers are busy and %u jobs wait already", pool->max_threads,
                             pool->max_queued);
    bool all_busy = pool->unfinished >= pool->threads->len;
    if (all_busy && pool->threads->len < pool->max_threads && !add_thread(pool, error))
        return false;
    Job *job = g_new(Job, 1);
    *job = (Job){work, done, data};
    g_queue_push_tail(&pool->jobs, job);
    pool->unfinished++;
    g_cond_signal(&pool->wake);
    return true;
}

bool
exg_worker_run(ExgWorkerPool *pool, ExgWorkerFunc work, ExgWorkerFunc done, gpointer data,
               GError **error)
{
    g_mutex_lock(&pool->lock);
    bool taken = enqueue(pool, work, done, data, error);
    g_mutex_unlock(&pool->lock);
    return taken;
}
