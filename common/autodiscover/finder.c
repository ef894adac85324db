#include "common/autodiscover/finder.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/io/worker.h"

#define MAX_QUEUED 1000

/* A look-up or a discovery under way, and those who wait for it. */
typedef struct {
    ExgDiscoveryFinder *finder; /* a reference */
    char *address, *domain;
    GQueue waiters;
    GCancellable *stop;
} Flight;

/* The cache's file may be slow: all of it is done by one thread, in the order asked for. */
typedef struct Job Job;
struct Job {
    ExgDiscoveryFinder *finder; /* a reference */
    void (*work)(Job *job);
    char *domain;
    char *endpoint; /* what was found */
    ExgDiscoveryStep step;
    ExgErrorCode failure; /* what failed, where `failed` */
    bool failed;
    Flight *flight; /* that looks up, or NULL */
};

typedef struct {
    Flight *flight;
    GTask *task;
    ExgTimer deadline;
    GSource *cancelled; /* or NULL */
} Waiter;

struct ExgDiscoveryFinder {
    gint references;
    ExgEngine *engine;
    ExgDiscoveryOptions options;
    ExgDiscoveryCache *cache;
    ExgWorkerPool *file;
    GHashTable *flights; /* address to Flight */
};

ExgDiscoveryFinder *
exg_discovery_finder_new(ExgEngine *engine, const ExgDiscoveryOptions *options,
                         ExgDiscoveryCache *cache)
{
    ExgDiscoveryFinder *finder = g_new0(ExgDiscoveryFinder, 1);
    finder->references = 1;
    finder->engine = exg_engine_ref(engine);
    finder->options = *options;
    if (options->http.authenticator != NULL)
        exg_http_authenticator_ref(options->http.authenticator);
    finder->cache = exg_discovery_cache_ref(cache);
    finder->file = exg_worker_pool_new(engine, 1, MAX_QUEUED);
    finder->flights = g_hash_table_new(g_str_hash, g_str_equal);
    return finder;
}

ExgDiscoveryFinder *
exg_discovery_finder_ref(ExgDiscoveryFinder *finder)
{
    g_atomic_int_inc(&finder->references);
    return finder;
}

void
exg_discovery_finder_unref(ExgDiscoveryFinder *finder)
{
    if (finder == NULL || !g_atomic_int_dec_and_test(&finder->references))
        return;
    g_hash_table_unref(finder->flights);
    exg_worker_pool_free(finder->file); /* a job holds a reference: there is none to wait for */
    exg_http_authenticator_unref(finder->options.http.authenticator);
    exg_discovery_cache_unref(finder->cache);
    exg_engine_unref(finder->engine);
    g_free(finder);
}

/* --- those who wait --------------------------------------------------------------------------- */

/* Takes what is returned. */
static void
leave(Waiter *waiter, const char *endpoint, GError *error)
{
    exg_timer_cancel(&waiter->deadline);
    if (waiter->cancelled != NULL) {
        g_source_destroy(waiter->cancelled);
        g_source_unref(waiter->cancelled);
    }
    g_queue_remove(&waiter->flight->waiters, waiter);
    g_autoptr(GTask) task = waiter->task;
    g_free(waiter);
    if (endpoint != NULL)
        g_task_return_pointer(task, g_strdup(endpoint), g_free);
    else
        g_task_return_error(task, error);
}

/* Nobody waits any more: the answer is of no interest. */
static void
leave_alone(Waiter *waiter, GError *error)
{
    Flight *flight = waiter->flight;
    if (flight->waiters.length == 1)
        g_cancellable_cancel(flight->stop);
    leave(waiter, NULL, error);
}

static void
on_deadline(gpointer data)
{
    Waiter *waiter = data;
    GError *error = exg_error_new(EXG_ERROR_UNREACHABLE, "The Exchange of %s was not found in time",
                                  waiter->flight->domain);
    exg_error_set_stage(error, "discover");
    leave_alone(waiter, error);
}

static gboolean
on_cancelled(GCancellable *cancellable, gpointer data)
{
    GError *error = NULL;
    (void)g_cancellable_set_error_if_cancelled(cancellable, &error);
    leave_alone(data, error);
    return G_SOURCE_REMOVE;
}

static void
join(Flight *flight, GTask *task, gint64 deadline_us)
{
    ExgEngine *engine = flight->finder->engine;
    Waiter *waiter = g_new0(Waiter, 1);
    waiter->flight = flight;
    waiter->task = task;
    exg_timer_init(&waiter->deadline, engine, on_deadline, waiter);
    exg_timer_set(&waiter->deadline, deadline_us);
    if (g_task_get_cancellable(task) != NULL) {
        waiter->cancelled = g_cancellable_source_new(g_task_get_cancellable(task));
        g_source_set_callback(waiter->cancelled, G_SOURCE_FUNC(on_cancelled), waiter, NULL);
        g_source_attach(waiter->cancelled, exg_engine_context(engine));
    }
    g_queue_push_tail(&flight->waiters, waiter);
}

/* --- the cache -------------------------------------------------------------------------------- */

static void
job_free(Job *job)
{
    exg_discovery_finder_unref(job->finder);
    g_free(job->domain);
    g_free(job->endpoint);
    g_free(job);
}

static void looked_up(Flight *flight, const Job *job);

static void
job_work(gpointer data)
{
    Job *job = data;
    job->work(job);
}

static void
job_done(gpointer data)
{
    Job *job = data;
    if (job->flight != NULL)
        looked_up(job->flight, job);
    job_free(job);
}

static Job *
job_new(ExgDiscoveryFinder *finder, const char *domain, void (*work)(Job *job))
{
    Job *job = g_new0(Job, 1);
    job->finder = exg_discovery_finder_ref(finder);
    job->domain = g_strdup(domain);
    job->work = work;
    return job;
}

/* Where so much is waiting already the cache is done without. Takes the job. */
static void
job_run(Job *job)
{
    if (!exg_worker_run(job->finder->file, job_work, job_done, job, NULL))
        job_done(job);
}

static void
work_find(Job *job)
{
    static const ExgErrorCode codes[] = {EXG_ERROR_AUTH, EXG_ERROR_UNREACHABLE};
    ExgDiscoveryCache *cache = job->finder->cache;
    g_autoptr(ExgDiscoveryEntry) known = exg_discovery_cache_find(cache, job->domain);
    if (known != NULL)
        job->endpoint = g_strdup(known->endpoint);
    for (guint i = 0; known == NULL && !job->failed && i < G_N_ELEMENTS(codes); i++) {
        job->failure = codes[i];
        job->failed = exg_discovery_cache_has_failed(cache, job->domain, codes[i]);
    }
}

static void
work_put(Job *job)
{
    exg_discovery_cache_put(job->finder->cache, job->domain, job->endpoint,
                            exg_discovery_step_name(job->step), NULL);
}

static void
work_fail(Job *job)
{
    exg_discovery_cache_fail(job->finder->cache, job->domain, job->failure);
}

static void
work_forget(Job *job)
{
    exg_discovery_cache_forget(job->finder->cache, job->domain);
}

/* Where no server said anything, it may be our own network that is down, and not for ten minutes. */
static bool
is_worth_keeping(const GError *error)
{
    const ExgErrorFacts *facts = exg_error_facts(error);
    return error->domain == EXG_ERROR &&
           (error->code == EXG_ERROR_AUTH || (facts != NULL && facts->http_status != 0));
}

static void
remember(const Flight *flight, const ExgDiscoveryResult *result, const GError *error)
{
    if (result == NULL && !is_worth_keeping(error))
        return;
    Job *job = job_new(flight->finder, flight->domain, result != NULL ? work_put : work_fail);
    if (result != NULL) {
        job->endpoint = g_strdup(result->endpoint);
        job->step = result->step;
    } else {
        job->failure = (ExgErrorCode)error->code;
    }
    job_run(job);
}

/* What the cache remembers of a failure. */
static GError *
known_failure(const Job *job)
{
    GError *error = exg_error_new(
        job->failure,
        "The Exchange of %s was looked for in vain a while ago: %s; `exgate discover` tells more",
        job->domain,
        job->failure == EXG_ERROR_AUTH ? "the credentials were refused" : "nobody gave an answer");
    exg_error_set_stage(error, "discover");
    return error;
}

/* --- flights ---------------------------------------------------------------------------------- */

/* Tells all who wait. Takes the error. */
static void
land(Flight *flight, const char *endpoint, GError *error)
{
    ExgDiscoveryFinder *finder = flight->finder;
    /* Whoever asks from here on begins anew. */
    if (g_hash_table_lookup(finder->flights, flight->address) == flight)
        g_hash_table_remove(finder->flights, flight->address);
    while (flight->waiters.length > 0)
        leave(g_queue_peek_head(&flight->waiters), endpoint,
              endpoint == NULL ? g_error_copy(error) : NULL);
    g_clear_error(&error);
    g_object_unref(flight->stop);
    g_free(flight->address);
    g_free(flight->domain);
    g_free(flight);
    exg_discovery_finder_unref(finder);
}

static void
on_discovered(GObject *source, GAsyncResult *outcome, gpointer data)
{
    Flight *flight = data;
    GError *error = NULL;
    g_autoptr(ExgDiscoveryResult) result = exg_discovery_finish(outcome, &error);
    remember(flight, result, error);
    land(flight, result != NULL ? result->endpoint : NULL, error);
}

static void
looked_up(Flight *flight, const Job *job)
{
    ExgDiscoveryFinder *finder = flight->finder;
    if (job->endpoint != NULL || flight->waiters.length == 0)
        land(flight, job->endpoint, NULL);
    else if (job->failed)
        land(flight, NULL, known_failure(job));
    else
        exg_discovery_async(finder->engine, &finder->options, flight->address, EXG_NO_DEADLINE,
                            flight->stop, on_discovered, flight);
}

static Flight *
flight_new(ExgDiscoveryFinder *finder, const char *domain, const char *address)
{
    Flight *flight = g_new0(Flight, 1);
    flight->finder = exg_discovery_finder_ref(finder);
    flight->address = g_strdup(address);
    flight->domain = g_strdup(domain);
    flight->stop = g_cancellable_new();
    g_hash_table_replace(finder->flights, flight->address, flight);
    return flight;
}

static void
look_up(Flight *flight)
{
    Job *job = job_new(flight->finder, flight->domain, work_find);
    job->flight = flight;
    job_run(job);
}

void
exg_discovery_finder_find_async(ExgDiscoveryFinder *finder, const char *address, gint64 deadline_us,
                                GCancellable *cancellable, GAsyncReadyCallback callback,
                                gpointer data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, data);
    g_task_set_source_tag(task, exg_discovery_finder_find_async);
    GError *error = NULL;
    g_autofree char *domain = exg_discovery_domain(address, &error);
    if (domain == NULL) {
        g_task_return_error(task, error);
        return;
    }
    Flight *flight = g_hash_table_lookup(finder->flights, address);
    if (flight != NULL && !g_cancellable_is_cancelled(flight->stop)) {
        join(flight, g_steal_pointer(&task), deadline_us);
        return;
    }
    flight = flight_new(finder, domain, address);
    join(flight, g_steal_pointer(&task), deadline_us);
    look_up(flight);
}

char *
exg_discovery_finder_find_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, NULL), NULL);
    return g_task_propagate_pointer(G_TASK(result), error);
}

void
exg_discovery_finder_forget(ExgDiscoveryFinder *finder, const char *address)
{
    g_autofree char *domain = exg_discovery_domain(address, NULL);
    if (domain != NULL)
        job_run(job_new(finder, domain, work_forget));
}
