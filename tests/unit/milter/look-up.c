/* Look-ups by threads that wait: no more than there may be, in time, and not twice for what was found
 * a moment ago. The engine runs in a thread of its own; the source answers when the test says so. */
#include "milter/look-up.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "milter/counts.h"

#include <string.h>

typedef struct {
    ExgDirectorySource source;
    GMutex lock;
    GCond changed;
    guint asked;
    bool is_silent; /* whoever asks has to wait for release() */
    GQueue waiting; /* Asked */
} Source;

typedef struct {
    ExgSourceMailboxFunc function;
    gpointer data;
    bool is_there;
} Asked;

typedef struct {
    ExgEngine *engine;
    ExgDirectoryCache *cache;
    ExgMilterSettings *settings;
    ExgLookUps *look_ups;
    Source *source;
} Fixture;

static void
answer_one(gpointer data)
{
    Asked *asked = data;
    g_autoptr(GError) none = exg_error_new(EXG_ERROR_NO_MAILBOX, "no such mailbox");
    asked->function(asked->is_there ? NULL : none, asked->data);
    g_free(asked);
}

static void
open_mailbox(ExgDirectorySource *self, const char *address, gint64 deadline_us,
             GCancellable *cancellable, ExgSourceMailboxFunc function, gpointer data)
{
    Source *source = (Source *)self;
    Asked *asked = g_new(Asked, 1);
    *asked = (Asked){function, data, g_str_has_prefix(address, "ann")};
    g_mutex_lock(&source->lock);
    source->asked++;
    bool is_silent = source->is_silent;
    if (is_silent)
        g_queue_push_tail(&source->waiting, asked);
    g_cond_broadcast(&source->changed);
    g_mutex_unlock(&source->lock);
    if (!is_silent)
        answer_one(asked);
}

static void
identify(ExgDirectorySource *self, const char *address, gint64 deadline_us,
         GCancellable *cancellable, ExgSourceKindFunc function, gpointer data)
{
    function(EXG_RECIPIENT_NOBODY, NULL, data);
}

static void
source_free(ExgDirectorySource *self)
{
    Source *source = (Source *)self;
    g_assert_true(g_queue_is_empty(&source->waiting));
    g_mutex_clear(&source->lock);
    g_cond_clear(&source->changed);
    g_free(source);
}

static ExgMilterSettings *
settings_new(Fixture *fixture, gint64 timeout_ms)
{
    static const ExgDirectorySourceClass class = {
        .open_mailbox = open_mailbox, .identify = identify, .free = source_free};
    static const char text[] = "[exchange]\nendpoint = https://x.test/EWS\nusername = u\n"
                               "password_file = /p\n";
    fixture->source = g_new0(Source, 1);
    fixture->source->source.class = &class;
    g_mutex_init(&fixture->source->lock);
    g_cond_init(&fixture->source->changed);
    const ExgDirectoryOptions options = {
        .source = &fixture->source->source,
        .cache = fixture->cache,
        .order = {{EXG_STEP_OPEN, EXG_STEP_RESOLVE}},
        .positive_life_ms = 3600 * 1000,
        .negative_life_ms = 3600 * 1000,
        .failure_life_ms = 0,
        .timeout_ms = 60000,
    };
    g_autoptr(ExgConf) conf = exg_conf_parse(text, strlen(text), "exgate.conf", NULL);
    return exg_milter_settings_new(fixture->engine, exg_policy_new(conf, NULL),
                                   exg_directory_new(fixture->engine, &options), timeout_ms);
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
    fixture->engine = exg_engine_new(NULL);
    fixture->cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    fixture->settings = settings_new(fixture, 60000);
    fixture->look_ups = exg_look_ups_new(4);
    exg_engine_start(fixture->engine);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    exg_milter_settings_unref(fixture->settings);
    exg_engine_stop(fixture->engine);
    exg_look_ups_free(fixture->look_ups);
    exg_directory_cache_unref(fixture->cache);
    exg_engine_unref(fixture->engine);
}

static ExgDirectoryFinding *
look_up(Fixture *fixture, const char *mailbox)
{
    return exg_look_up(fixture->look_ups, fixture->settings, "192.0.2.1", mailbox);
}

static void
assert_found(Fixture *fixture, const char *mailbox, ExgDirectoryVerdict verdict,
             ExgDirectoryOrigin origin)
{
    g_autoptr(ExgDirectoryFinding) finding = look_up(fixture, mailbox);
    g_assert_cmpint(finding->verdict, ==, verdict);
    g_assert_cmpint(finding->origin, ==, origin);
}

static guint64
count_of(ExgCount what)
{
    ExgCounts counts;
    exg_counts_get(&counts);
    return counts.counts[what];
}

/* A mailbox is not asked for again by way of the engine; that nobody is there may change. */
static void
recent(Fixture *fixture, gconstpointer data)
{
    guint64 before = count_of(EXG_COUNT_RECENT), asked = count_of(EXG_COUNT_ASKED);
    assert_found(fixture, "ann@x", EXG_DIRECTORY_DELIVERABLE, EXG_DIRECTORY_ASKED);
    for (guint i = 0; i < 10; i++)
        assert_found(fixture, i % 2 == 0 ? "ann@x" : "ANN@X", EXG_DIRECTORY_DELIVERABLE,
                     EXG_DIRECTORY_CACHED);
    g_assert_cmpuint(count_of(EXG_COUNT_RECENT), ==, before + 10);
    g_assert_cmpuint(count_of(EXG_COUNT_ASKED), ==, asked + 1);
    assert_found(fixture, "bob@x", EXG_DIRECTORY_NO_SUCH, EXG_DIRECTORY_ASKED);
    assert_found(fixture, "bob@x", EXG_DIRECTORY_NO_SUCH, EXG_DIRECTORY_CACHED);
    g_assert_cmpuint(count_of(EXG_COUNT_RECENT), ==, before + 10);
    g_assert_cmpuint(fixture->source->asked, ==, 2);
}

/* What another Exchange has found does not count after a reload. */
static void
reloaded(Fixture *fixture, gconstpointer data)
{
    assert_found(fixture, "ann@x", EXG_DIRECTORY_DELIVERABLE, EXG_DIRECTORY_ASKED);
    exg_milter_settings_unref(fixture->settings);
    guint64 before = count_of(EXG_COUNT_RECENT);
    fixture->settings = settings_new(fixture, 60000);
    assert_found(fixture, "ann@x", EXG_DIRECTORY_DELIVERABLE, EXG_DIRECTORY_CACHED);
    g_assert_cmpuint(count_of(EXG_COUNT_RECENT), ==, before);
    assert_found(fixture, "ann@x", EXG_DIRECTORY_DELIVERABLE, EXG_DIRECTORY_CACHED);
    g_assert_cmpuint(count_of(EXG_COUNT_RECENT), ==, before + 1);
}

static gpointer
visit(gpointer data)
{
    return look_up(data, "ann-slow@x");
}

static void
release(gpointer data)
{
    Source *source = data;
    source->is_silent = false;
    for (Asked *asked; (asked = g_queue_pop_head(&source->waiting)) != NULL;)
        answer_one(asked);
}

/* One too many is told at once, and those that are known still are. */
static void
bounded(Fixture *fixture, gconstpointer data)
{
    GThread *threads[4];
    assert_found(fixture, "ann@x", EXG_DIRECTORY_DELIVERABLE, EXG_DIRECTORY_ASKED);
    assert_found(fixture, "bob-known@x", EXG_DIRECTORY_NO_SUCH, EXG_DIRECTORY_ASKED);
    fixture->source->is_silent = true;
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("visitor", visit, fixture);
    while (exg_look_ups_count(fixture->look_ups) < G_N_ELEMENTS(threads))
        g_thread_yield();
    guint64 before = count_of(EXG_COUNT_NO_ROOM);
    g_autoptr(ExgDirectoryFinding) finding = look_up(fixture, "bob@x");
    g_assert_cmpint(finding->verdict, ==, EXG_DIRECTORY_CANNOT_TELL);
    g_assert_cmpuint(count_of(EXG_COUNT_NO_ROOM), ==, before + 1);
    assert_found(fixture, "ann@x", EXG_DIRECTORY_DELIVERABLE, EXG_DIRECTORY_CACHED);
    /* also what the engine alone knows */
    assert_found(fixture, "bob-known@x", EXG_DIRECTORY_NO_SUCH, EXG_DIRECTORY_CACHED);

    exg_look_ups_set_max(fixture->look_ups, 5);
    g_mutex_lock(&fixture->source->lock); /* all but the first have joined its look-up */
    while (fixture->source->asked < 4)
        g_cond_wait(&fixture->source->changed, &fixture->source->lock);
    g_mutex_unlock(&fixture->source->lock);
    exg_engine_post(fixture->engine, release, fixture->source);
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++) {
        g_autoptr(ExgDirectoryFinding) found = g_thread_join(threads[i]);
        g_assert_cmpint(found->verdict, ==, EXG_DIRECTORY_DELIVERABLE);
    }
    g_assert_cmpuint(exg_look_ups_count(fixture->look_ups), ==, 0);
    /* looked up for when the MTA comes again */
    assert_found(fixture, "bob@x", EXG_DIRECTORY_NO_SUCH, EXG_DIRECTORY_CACHED);
}

static void
deadline(Fixture *fixture, gconstpointer data)
{
    exg_milter_settings_unref(fixture->settings);
    fixture->settings = settings_new(fixture, 20);
    fixture->source->is_silent = true;
    g_autoptr(ExgDirectoryFinding) finding = look_up(fixture, "ann@x");
    g_assert_cmpint(finding->verdict, ==, EXG_DIRECTORY_CANNOT_TELL);
    g_assert_cmpuint(exg_look_ups_count(fixture->look_ups), ==, 0);
    exg_engine_post(fixture->engine, release, fixture->source);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/milter/look-up/recent", Fixture, NULL, set_up, recent, tear_down);
    g_test_add("/milter/look-up/reloaded", Fixture, NULL, set_up, reloaded, tear_down);
    g_test_add("/milter/look-up/bounded", Fixture, NULL, set_up, bounded, tear_down);
    g_test_add("/milter/look-up/deadline", Fixture, NULL, set_up, deadline, tear_down);
    return g_test_run();
}
