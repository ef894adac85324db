/* Threads that wait for the directory: many at once, past their deadline, while the engine is held
 * up, and one that is told by another's look-up. */
#include "tests/unit/directory/fixture.h"

#define THREADS 16
#define ROUNDS  200

typedef struct {
    ExgDirectory *directory;
    const char *address;
    gint64 deadline_us;
    ExgDirectoryFinding *finding;
    gint done;
} Visitor;

static gpointer
visit(gpointer data)
{
    Visitor *visitor = data;
    visitor->finding = exg_directory_check_blocking(visitor->directory, "192.0.2.1",
                                                    visitor->address, visitor->deadline_us);
    g_atomic_int_set(&visitor->done, 1);
    return NULL;
}

static void
assert_finding(const ExgDirectoryFinding *finding, ExgDirectoryVerdict verdict,
               ExgDirectoryOrigin origin)
{
    g_assert_nonnull(finding);
    g_assert_cmpint(finding->verdict, ==, verdict);
    g_assert_cmpint(finding->origin, ==, origin);
}

/* The engine stays with the test's thread, which plays the source. */
static void
asked_and_cached(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    g_autoptr(ExgDirectory) directory = directory_new(fixture, cache);
    Visitor visitors[4];
    GThread *threads[G_N_ELEMENTS(visitors)];
    for (guint i = 0; i < G_N_ELEMENTS(visitors); i++) {
        visitors[i] = (Visitor){directory, "ann@x", exg_clock_deadline_ms(60000), NULL, 0};
        threads[i] = g_thread_new("visitor", visit, &visitors[i]);
    }
    store_says(fixture, STORE_HAS_IT);
    for (guint i = 0; i < G_N_ELEMENTS(visitors); i++) {
        while (!g_atomic_int_get(&visitors[i].done))
            exg_engine_iterate(fixture->engine, false);
        g_thread_join(threads[i]);
        g_assert_cmpint(visitors[i].finding->verdict, ==, EXG_DIRECTORY_DELIVERABLE);
        g_assert_null(visitors[i].finding->why);
        exg_directory_finding_free(visitors[i].finding);
    }
    g_assert_cmpuint(fixture->opened, ==, 1);
}

/* A reason outlives the callback that it came in. */
static void
reason(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    g_autoptr(ExgDirectory) directory = directory_new(fixture, cache);
    Visitor visitor = {directory, "ann@x", EXG_NO_DEADLINE, NULL, 0};
    GThread *thread = g_thread_new("visitor", visit, &visitor);
    store_says(fixture, EXG_ERROR_AUTH);
    g_thread_join(thread);
    assert_finding(visitor.finding, EXG_DIRECTORY_CANNOT_TELL, EXG_DIRECTORY_ASKED);
    g_assert_error(visitor.finding->why, EXG_ERROR, EXG_ERROR_AUTH);
    exg_directory_finding_free(visitor.finding);
}

/* The source is silent until the deadline; then it is the engine that says so. */
static void
deadline(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    g_autoptr(ExgDirectory) directory = directory_new(fixture, cache);
    Visitor visitor = {directory, "ann@x", exg_clock_deadline_ms(20), NULL, 0};
    GThread *thread = g_thread_new("visitor", visit, &visitor);
    wait_for_call(fixture, &fixture->opening);
    while (!g_atomic_int_get(&visitor.done))
        exg_engine_iterate(fixture->engine, false);
    g_thread_join(thread);
    assert_finding(visitor.finding, EXG_DIRECTORY_CANNOT_TELL, EXG_DIRECTORY_ASKED);
    g_assert_nonnull(visitor.finding->why);
    exg_directory_finding_free(visitor.finding);
    store_says(fixture, STORE_HAS_IT);
}

/* Nobody runs the engine: the thread comes back all the same, and what it asked comes to nothing
 * later, even without the directory. */
static void
engine_held_up(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    ExgDirectory *directory = directory_new(fixture, cache);
    Visitor visitor = {directory, "ann@x", exg_clock_deadline_ms(1), NULL, 0};
    GThread *thread = g_thread_new("visitor", visit, &visitor);
    g_thread_join(thread);
    assert_finding(visitor.finding, EXG_DIRECTORY_CANNOT_TELL, EXG_DIRECTORY_ASKED);
    g_assert_error(visitor.finding->why, EXG_ERROR, EXG_ERROR_BUSY);
    exg_directory_finding_free(visitor.finding);
    exg_directory_free(directory);
    store_says(fixture, STORE_HAS_IT);
}

typedef struct {
    ExgDirectory *directory;
    guint number;
} Crowd;

static gpointer
crowd(gpointer data)
{
    const Crowd *self = data;
    for (guint i = 0; i < ROUNDS; i++) {
        g_autofree char *address = g_strdup_printf("user%u@x", (self->number + i) % 20);
        g_autoptr(ExgDirectoryFinding) finding = exg_directory_check_blocking(
            self->directory, NULL, address, exg_clock_deadline_ms(60000));
        g_assert_cmpint(finding->verdict, ==, EXG_DIRECTORY_DELIVERABLE);
    }
    return NULL;
}

static void
open_at_once(ExgDirectorySource *source, const char *address, gint64 deadline_us,
             GCancellable *cancellable, ExgSourceMailboxFunc function, gpointer data)
{
    function(NULL, data);
}

static void
nothing(ExgDirectorySource *source)
{
}

/* Many threads beside an engine in a thread of its own, and an end from any thread. */
static void
many(Fixture *fixture, gconstpointer data)
{
    static const ExgDirectorySourceClass class = {.open_mailbox = open_at_once, .free = nothing};
    ExgDirectorySource source = {&class};
    g_autoptr(ExgDirectoryCache)
        cache = exg_directory_cache_new(fixture->engine, fixture->path, 0, 0);
    const ExgDirectoryOptions options = {
        .source = &source, .cache = cache, .positive_life_ms = 3600 * 1000, .timeout_ms = 60000};
    ExgDirectory *directory = exg_directory_new(fixture->engine, &options);
    exg_engine_start(fixture->engine);
    Crowd crowds[THREADS];
    GThread *threads[THREADS];
    for (guint i = 0; i < THREADS; i++) {
        crowds[i] = (Crowd){directory, i};
        threads[i] = g_thread_new("visitor", crowd, &crowds[i]);
    }
    for (guint i = 0; i < THREADS; i++)
        g_thread_join(threads[i]);
    exg_directory_post_free(directory);
    exg_engine_stop(fixture->engine);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)
    ADD("/check-blocking/asked-and-cached", asked_and_cached);
    ADD("/check-blocking/reason", reason);
    ADD("/check-blocking/deadline", deadline);
    ADD("/check-blocking/engine-held-up", engine_held_up);
    ADD("/check-blocking/many", many);
    return g_test_run();
}
