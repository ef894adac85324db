#include "common/io/worker.h"

#include "common/base/error.h"

typedef struct {
    ExgEngine *engine;
    GMutex lock;
    GCond changed;
    bool open;           /* the gate that jobs wait at */
    guint running, most; /* at once */
    guint worked, done;
} Site;

static void
site_init(Site *site)
{
    *site = (Site){.engine = exg_engine_new(NULL)};
    g_mutex_init(&site->lock);
    g_cond_init(&site->changed);
}

static void
site_clear(Site *site)
{
    exg_engine_unref(site->engine);
    g_mutex_clear(&site->lock);
    g_cond_clear(&site->changed);
}

static void
work(gpointer data)
{
    Site *site = data;
    g_assert_false(exg_engine_is_current(site->engine));
    g_mutex_lock(&site->lock);
    site->running++;
    site->most = MAX(site->most, site->running);
    g_cond_broadcast(&site->changed);
    while (!site->open)
        g_cond_wait(&site->changed, &site->lock);
    site->running--;
    site->worked++;
    g_mutex_unlock(&site->lock);
}

static void
done(gpointer data)
{
    Site *site = data;
    g_assert_true(exg_engine_is_current(site->engine));
    site->done++;
}

static void
await_running(Site *site, guint count)
{
    g_mutex_lock(&site->lock);
    while (site->running < count)
        g_cond_wait(&site->changed, &site->lock);
    g_mutex_unlock(&site->lock);
}

static void
open_gate(Site *site)
{
    g_mutex_lock(&site->lock);
    site->open = true;
    g_cond_broadcast(&site->changed);
    g_mutex_unlock(&site->lock);
}

static void
run_ok(ExgWorkerPool *pool, Site *site)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(exg_worker_run(pool, work, done, site, &error));
    g_assert_no_error(error);
}

/* Three threads and two places in the queue: the sixth job is refused, and there is room again when one has ended. */
static void
test_limits(void)
{
    Site site;
    site_init(&site);
    ExgWorkerPool *pool = exg_worker_pool_new(site.engine, 3, 2);
    for (guint i = 0; i < 5; i++)
        run_ok(pool, &site);
    for (guint i = 0; i < 2; i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(exg_worker_run(pool, work, done, &site, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_RESOURCES);
        await_running(&site, 3);
    }
    open_gate(&site);
    while (site.done < 5)
        exg_engine_iterate(site.engine, true);
    for (guint i = 0; i < 5; i++)
        run_ok(pool, &site);
    while (site.done < 10)
        exg_engine_iterate(site.engine, true);
    g_assert_cmpuint(site.worked, ==, 10);
    g_assert_cmpuint(site.most, ==, 3);
    exg_worker_pool_free(pool);
    site_clear(&site);
}

/* Freeing waits for what runs and what waits, and `done` still runs afterwards. */
static void
test_free_waits(void)
{
    Site site;
    site_init(&site);
    ExgWorkerPool *pool = exg_worker_pool_new(site.engine, 2, 100);
    for (guint i = 0; i < 50; i++)
        run_ok(pool, &site);
    await_running(&site, 2);
    open_gate(&site);
    exg_worker_pool_free(pool);
    g_assert_cmpuint(site.worked, ==, 50);
    g_assert_cmpuint(site.done, ==, 0);
    while (exg_engine_iterate(site.engine, false))
        continue;
    g_assert_cmpuint(site.done, ==, 50);
    site_clear(&site);
}

typedef struct {
    ExgWorkerPool *pool;
    ExgEngine *engine;
    guint worked, done;
} Relay;

static void
relay_work(gpointer data)
{
    ((Relay *)data)->worked++; /* one job at a time: no lock */
}

static void
relay_done(gpointer data)
{
    Relay *relay = data;
    if (++relay->done == 1000)
        exg_engine_quit(relay->engine);
    else
        g_assert_true(exg_worker_run(relay->pool, relay_work, relay_done, relay, NULL));
}

/* One job at a time fits into a pool of one thread without a queue, for the place is free when `done` is called. */
static void
test_relay(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    g_autoptr(ExgWorkerPool) pool = exg_worker_pool_new(engine, 1, 0);
    Relay relay = {pool, engine, 0, 0};
    g_assert_true(exg_worker_run(pool, relay_work, relay_done, &relay, NULL));
    exg_engine_run(engine);
    g_assert_cmpuint(relay.worked, ==, 1000);
}

static void
test_unused(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    exg_worker_pool_free(NULL);
    exg_worker_pool_free(exg_worker_pool_new(engine, 0, 0));
    ExgWorkerPool *pool = exg_worker_pool_new(engine, 0, 0); /* one thread all the same */
    Relay relay = {.pool = pool, .engine = engine};
    g_assert_true(exg_worker_run(pool, relay_work, NULL, &relay, NULL));
    exg_worker_pool_free(pool);
    g_assert_cmpuint(relay.worked, ==, 1);
    g_assert_false(exg_engine_iterate(engine, false));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/worker/limits", test_limits);
    g_test_add_func("/worker/free-waits", test_free_waits);
    g_test_add_func("/worker/relay", test_relay);
    g_test_add_func("/worker/unused", test_unused);
    return g_test_run();
}
