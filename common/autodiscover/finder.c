#include "common/autodiscover/finder.h"

#include "common/base/clock.h"
#include "common/base/error.h"

/* A discovery under way, and those who wait for it. */
typedef struct {
    ExgDiscoveryFinder *finder; /* a reference */
    char *address, *domain;
    GQueue waiters;
    GCancellable *stop;
} Flight;

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

/* --- discoveries ------------------------------------------------------------------------------ */

/* Where no server said anything, it may be our own network that is down, and not for ten minutes. */
static bool
is_worth_keeping(const GError *error)
{
    const ExgErrorFacts *facts = exg_error_facts(error);
    return error->domain == EXG_ERROR &&
           (error->code == EXG_ERROR_AUTH || (facts != NULL && facts->http_status != 0));
}

static void
on_discovered(GObject *source, GAsyncResult *outcome, gpointer data)
{
    Flight *flight = data;
    ExgDiscoveryFinder *finder = flight->finder;
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgDiscoveryResult) result = exg_discovery_finish(outcome, &error);
    if (result != NULL)
        exg_discovery_cache_put(finder->cache, flight->domain, result->endpoint,
                                exg_discovery_step_name(result->step), NULL);
    else if (is_worth_keeping(error))
        exg_discovery_cache_fail(finder->cache, flight->domain, (ExgErrorCode)error->code);
    /* Whoever asks from here on begins anew. */
    if (g_hash_table_lookup(finder->flights, flight->address) == flight)
        g_hash_table_remove(finder->flights, flight->address);
    while (flight->waiters.length > 0)
        leave(g_queue_peek_head(&flight->waiters), result != NULL ? result->endpoint : NULL,
              result != NULL ? NULL : g_error_copy(error));
    g_object_unref(flight->stop);
    g_free(flight->address);
    g_free(flight->domain);
    g_free(flight);
    exg_discovery_finder_unref(finder);
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
    exg_discovery_async(finder->engine, &finder->options, address, EXG_NO_DEADLINE, flight->stop,
                        on_discovered, flight);
    return flight;
}

/* What the cache remembers of a failure, or NULL. */
static GError *
known_failure(const ExgDiscoveryFinder *finder, const char *domain)
{
    static const ExgErrorCode codes[] = {EXG_ERROR_AUTH, EXG_ERROR_UNREACHABLE};
    for (guint i = 0; i < G_N_ELEMENTS(codes); i++) {
        if (!exg_discovery_cache_has_failed(finder->cache, domain, codes[i]))
            continue;
        GError *error = exg_error_new(codes[i],
                                      "The Exchange of %s was looked for in vain a while ago: %s; "
                                      "`exgate discover` tells more",
                                      domain,
                                      codes[i] == EXG_ERROR_AUTH ? "the credentials were refused"
                                                                 : "nobody gave an answer");
        exg_error_set_stage(error, "discover");
        return error;
    }
    return NULL;
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
    g_autoptr(ExgDiscoveryEntry)
        known = domain != NULL ? exg_discovery_cache_find(finder->cache, domain) : NULL;
    if (known != NULL) {
        g_task_return_pointer(task, g_strdup(known->endpoint), g_free);
        return;
    }
    if (domain != NULL)
        error = known_failure(finder, domain);
    if (error != NULL) {
        g_task_return_error(task, error);
        return;
    }
    Flight *flight = g_hash_table_lookup(finder->flights, address);
    if (flight == NULL || g_cancellable_is_cancelled(flight->stop))
        flight = flight_new(finder, domain, address);
    join(flight, g_steal_pointer(&task), deadline_us);
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
        exg_discovery_cache_forget(finder->cache, domain);
}
