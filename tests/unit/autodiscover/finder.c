/* What is remembered of discoveries, and who shares them. */
#include "common/autodiscover/finder.h"

#include "common/base/clock.h"
#include "common/base/failpoint.h"
#include "tests/lib/names.h"
#include "tests/lib/scratch.h"
#include "tests/lib/world.h"

#include <string.h>

typedef struct {
    World world;
    char *directory, *path;
    ExgDiscoveryCache *cache;
    ExgDiscoveryFinder *finder;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    world_init(&f->world);
    world_add_hosts(&f->world);
    f->directory = test_scratch_new();
    f->path = g_build_filename(f->directory, "discovery.db", NULL);
    f->cache = exg_discovery_cache_new(f->path);
    f->finder = exg_discovery_finder_new(f->world.engine, &f->world.options, f->cache);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    exg_failpoint_configure(NULL);
    exg_discovery_finder_unref(f->finder);
    exg_discovery_cache_unref(f->cache);
    world_clear(&f->world);
    test_scratch_free(f->directory);
    g_free(f->path);
}

/* --- one look-up -------------------------------------------------------------------------------- */

typedef struct {
    char *endpoint;
    GError *error;
    bool done;
} Find;

static void
on_found(GObject *source, GAsyncResult *result, gpointer data)
{
    Find *find = data;
    g_assert_false(find->done);
    find->done = true;
    find->endpoint = exg_discovery_finder_find_finish(result, &find->error);
    g_assert_true((find->endpoint != NULL) != (find->error != NULL));
}

static void
find_start(Fixture *f, const char *address, gint64 deadline_us, GCancellable *cancellable,
           Find *find)
{
    *find = (Find){0};
    GMainContext *context = exg_engine_context(f->world.engine);
    g_main_context_push_thread_default(context);
    exg_discovery_finder_find_async(f->finder, address, deadline_us, cancellable, on_found, find);
    g_main_context_pop_thread_default(context);
    g_assert_false(find->done);
}

static void
find_wait(Fixture *f, const Find *find)
{
    while (!find->done)
        search_round(&f->world);
}

static void
find_clear(Find *find)
{
    g_free(find->endpoint);
    g_clear_error(&find->error);
}

static void
expect(Fixture *f, const char *address, const char *endpoint)
{
    Find find;
    find_start(f, address, EXG_NO_DEADLINE, NULL, &find);
    find_wait(f, &find);
    g_assert_no_error(find.error);
    g_assert_cmpstr(find.endpoint, ==, endpoint);
    find_clear(&find);
}

static void
expect_error(Fixture *f, const char *address, ExgErrorCode code, const char *part)
{
    Find find;
    find_start(f, address, EXG_NO_DEADLINE, NULL, &find);
    find_wait(f, &find);
    g_assert_error(find.error, EXG_ERROR, (int)code);
    g_assert_nonnull(strstr(find.error->message, part));
    find_clear(&find);
}

/* To the host that answers: others may still be under way when it has. */
static guint
requests(Fixture *f)
{
    g_auto(GStrv) asked = test_web_headers(f->world.web, "https://" HOST, "Host");
    return g_strv_length(asked);
}

/* What the file holds once all that was asked for is done: the next look-up comes after it. */
static GPtrArray *
entries(Fixture *f)
{
    Find find;
    find_start(f, "x@elsewhere.example", EXG_NO_DEADLINE, NULL, &find);
    find_wait(f, &find);
    find_clear(&find);
    g_autoptr(ExgDiscoveryCache) cache = exg_discovery_cache_new(f->path);
    return exg_discovery_cache_list(cache);
}

/* Neither as it is nor as HTTP carries it. */
static void
assert_no_secret(Fixture *f)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *path = g_strconcat(f->path, suffixes[i], NULL);
        g_autofree char *text = NULL;
        gsize length = 0;
        if (!g_file_get_contents(path, &text, &length, NULL))
            continue;
        g_assert_null(memmem(text, length, "secret", strlen("secret")));
        g_assert_null(memmem(text, length, "YW5uOnNlY3JldA", strlen("YW5uOnNlY3JldA")));
    }
}

/* --- what is kept ------------------------------------------------------------------------------- */

static void
test_success(Fixture *f, gconstpointer data)
{
    world_answer_soap(&f->world, HOST, SOAP_SETTINGS(EWS));
    expect(f, ADDRESS, EWS);
    world_expect_trusted(&f->world, HOST);
    g_autoptr(GPtrArray) list = entries(f);
    assert_no_secret(f);
    g_assert_cmpuint(list->len, ==, 1);
    const ExgDiscoveryEntry *entry = list->pdata[0];
    g_assert_cmpstr(entry->domain, ==, DOMAIN);
    g_assert_cmpstr(entry->endpoint, ==, EWS);
    g_assert_cmpstr(entry->kind, ==, "host");
    guint before = requests(f);
    g_autofree char *names = g_strdup(test_names_asked());
    expect(f, ADDRESS, EWS);
    expect(f, "bob@Contoso.Example", EWS);
    g_assert_cmpuint(requests(f), ==, before);
    g_assert_cmpstr(test_names_asked(), ==, names);
    exg_clock_advance(EXG_DISCOVERY_LIFE_US);
    expect(f, ADDRESS, EWS);
    g_assert_cmpuint(requests(f), >, before);
}

/* Another server's refusal is no endpoint; it is not asked again for a while either. */
static void
test_refusal(Fixture *f, gconstpointer data)
{
    world_answer_soap(&f->world, HOST, SOAP_USER("InvalidDomain", ""));
    expect_error(f, ADDRESS, EXG_ERROR_UNREACHABLE, HOST);
    guint before = requests(f);
    expect_error(f, ADDRESS, EXG_ERROR_UNREACHABLE, "a while ago");
    g_assert_cmpuint(requests(f), ==, before);
    g_autoptr(GPtrArray) list = entries(f);
    g_assert_cmpuint(list->len, ==, 1);
    g_assert_null(((ExgDiscoveryEntry *)list->pdata[0])->endpoint);
    exg_clock_advance(EXG_DISCOVERY_FAILURE_LIFE_US);
    expect_error(f, ADDRESS, EXG_ERROR_UNREACHABLE, HOST);
    g_assert_cmpuint(requests(f), >, before);
}

static void
test_wrong_password(Fixture *f, gconstpointer data)
{
    world_answer_status(&f->world, HOST, "/autodiscover/autodiscover.svc", 401);
    for (guint i = 0; i < 3; i++)
        expect_error(f, ADDRESS, EXG_ERROR_AUTH, i == 0 ? HOST : "the credentials were refused");
    g_assert_cmpuint(test_web_credentials(f->world.web, HOST), ==, 1);
}

/* Nothing about one user is said of the domain, and where nobody answered, nothing at all. */
static void
test_not_kept(Fixture *f, gconstpointer data)
{
    expect_error(f, "ann@nowhere.example", EXG_ERROR_UNREACHABLE, "nowhere.example");
    g_autofree char *nobody = test_web_answer(200, NULL, "text/xml", SOAP_USER("InvalidUser", ""));
    test_web_rule(f->world.web, "https", HOST, "/autodiscover/autodiscover.svc", TEST_WEB_ONCE,
                  nobody, 0);
    world_answer_soap(&f->world, HOST, SOAP_SETTINGS(EWS));
    expect_error(f, "nobody@" DOMAIN, EXG_ERROR_NO_MAILBOX, "nobody");
    g_autoptr(GPtrArray) list = entries(f);
    g_assert_cmpuint(list->len, ==, 0);
    expect(f, ADDRESS, EWS);
}

static void
test_forget(Fixture *f, gconstpointer data)
{
    g_autofree char *old = test_web_answer(200, NULL, "application/json",
                                           JSON_SETTINGS("https://old." DOMAIN "/EWS"));
    test_web_rule(f->world.web, "https", HOST, "/autodiscover/autodiscover.json", TEST_WEB_ONCE,
                  old, 0);
    world_answer_json(&f->world, HOST, JSON_SETTINGS(EWS));
    expect(f, ADDRESS, "https://old." DOMAIN "/EWS");
    expect(f, ADDRESS, "https://old." DOMAIN "/EWS");
    exg_discovery_finder_forget(f->finder, ADDRESS);
    expect(f, ADDRESS, EWS);
    exg_discovery_finder_forget(f->finder, "no address");
}

static void
test_no_address(Fixture *f, gconstpointer data)
{
    expect_error(f, "nobody", EXG_ERROR_CONFIG, "no address");
}

/* --- who shares ----------------------------------------------------------------------------------- */

static void
test_shared(Fixture *f, gconstpointer data)
{
    enum { MANY = 20 };
    Find finds[MANY];
    world_answer_json(&f->world, HOST, JSON_SETTINGS(EWS));
    for (guint i = 0; i < MANY; i++)
        find_start(f, ADDRESS, EXG_NO_DEADLINE, NULL, &finds[i]);
    for (guint i = 0; i < MANY; i++) {
        find_wait(f, &finds[i]);
        g_assert_cmpstr(finds[i].endpoint, ==, EWS);
        find_clear(&finds[i]);
    }
    g_assert_cmpuint(requests(f), ==, 1);
}

/* One that waits may give up, or be called off; the others get their answer. */
static void
test_leaving(Fixture *f, gconstpointer data)
{
    enum { MANY = 3 };
    Find finds[MANY];
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autofree char *text = test_web_answer(200, NULL, "application/json", JSON_SETTINGS(EWS));
    test_web_rule(f->world.web, "https", HOST, "/", TEST_WEB_HOLD, text, 0);
    find_start(f, ADDRESS, exg_clock_deadline_ms(50), NULL, &finds[0]);
    find_start(f, ADDRESS, EXG_NO_DEADLINE, cancellable, &finds[1]);
    find_start(f, ADDRESS, EXG_NO_DEADLINE, NULL, &finds[2]);
    find_wait(f, &finds[0]);
    g_assert_error(finds[0].error, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    g_assert_nonnull(strstr(finds[0].error->message, "in time"));
    g_cancellable_cancel(cancellable);
    find_wait(f, &finds[1]);
    g_assert_error(finds[1].error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    test_web_release(f->world.web);
    find_wait(f, &finds[2]);
    g_assert_cmpstr(finds[2].endpoint, ==, EWS);
    for (guint i = 0; i < MANY; i++)
        find_clear(&finds[i]);
}

/* When all have gone the discovery ends, at whatever point; who comes then begins a new one. */
static void
test_left_alone(Fixture *f, gconstpointer data)
{
    test_web_rule(f->world.web, "https", HOST, "/", TEST_WEB_SILENT, NULL, 0);
    for (guint rounds = 0; rounds < 24; rounds += 4) {
        g_autoptr(GCancellable) cancellable = g_cancellable_new();
        Find find, next;
        find_start(f, ADDRESS, EXG_NO_DEADLINE, cancellable, &find);
        for (guint i = 0; i < rounds; i++)
            search_round(&f->world);
        g_cancellable_cancel(cancellable);
        find_start(f, ADDRESS, exg_clock_deadline_ms(1), NULL, &next);
        find_wait(f, &find);
        find_wait(f, &next);
        g_assert_error(find.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
        g_assert_error(next.error, EXG_ERROR, EXG_ERROR_UNREACHABLE);
        find_clear(&find);
        find_clear(&next);
    }
    g_autoptr(GPtrArray) list = exg_discovery_cache_list(f->cache);
    g_assert_cmpuint(list->len, ==, 0);
}

static void
test_slow_domain(Fixture *f, gconstpointer data)
{
    test_web_add_black_hole(f->world.web, "slow.example");
    test_web_add_black_hole(f->world.web, "autodiscover.slow.example");
    world_answer_json(&f->world, HOST, JSON_SETTINGS(EWS));
    Find slow;
    find_start(f, "ann@slow.example", EXG_NO_DEADLINE, NULL, &slow);
    expect(f, ADDRESS, EWS);
    g_assert_false(slow.done);
    exg_clock_advance(EXG_DISCOVERY_TIMEOUT_MS * 1000);
    find_wait(f, &slow);
    g_assert_error(slow.error, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    find_clear(&slow);
}

/* --- a disk that stalls ----------------------------------------------------------------------------- */

static void
set_true(gpointer data)
{
    *(bool *)data = true;
}

/* The engine goes on while the file is waited for, whichever way it is used. */
static void
test_stalled_file(Fixture *f, gconstpointer data)
{
    world_answer_json(&f->world, HOST, JSON_SETTINGS(EWS));
    for (guint i = 0; i < 2; i++) {
        exg_failpoint_configure("discovery-file=delay:1000,times=1");
        if (i == 1) /* and what was found before is forgotten, behind the stall */
            exg_discovery_finder_forget(f->finder, ADDRESS);
        Find find;
        find_start(f, ADDRESS, EXG_NO_DEADLINE, NULL, &find);
        bool turned = false;
        ExgTimer timer;
        exg_timer_init(&timer, f->world.engine, set_true, &turned);
        exg_timer_set(&timer, exg_clock_deadline_ms(20));
        while (!turned)
            search_round(&f->world);
        g_assert_false(find.done);
        find_wait(f, &find);
        g_assert_cmpstr(find.endpoint, ==, EWS);
        g_assert_cmpuint(requests(f), ==, i + 1);
        find_clear(&find);
    }
}

/* The finder may go while its file is stalled. */
static void
test_stalled_end(Fixture *f, gconstpointer data)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    exg_failpoint_configure("discovery-file=delay:300,times=1");
    Find find;
    find_start(f, ADDRESS, EXG_NO_DEADLINE, cancellable, &find);
    g_cancellable_cancel(cancellable);
    find_wait(f, &find);
    g_assert_error(find.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    find_clear(&find);
    ExgDiscoveryFinder *other = exg_discovery_finder_new(f->world.engine, &f->world.options,
                                                         f->cache);
    exg_discovery_finder_unref(f->finder);
    f->finder = other;
    expect_error(f, ADDRESS, EXG_ERROR_UNREACHABLE, HOST); /* after the stall */
    g_assert_cmpuint(test_web_requests(f->world.web, DOMAIN), ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function)                                                                        \
    g_test_add("/autodiscover/finder/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("C3.2,C3.4,C8.1,F19-what-was-found", test_success);
    ADD("C3.2,C7.3-refusal", test_refusal);
    ADD("C3.2-wrong-password", test_wrong_password);
    ADD("C1.2,C3.2-not-kept", test_not_kept);
    ADD("C7.1-forget", test_forget);
    ADD("no-address", test_no_address);
    ADD("C9.1,F3-shared", test_shared);
    ADD("leaving", test_leaving);
    ADD("left-alone", test_left_alone);
    ADD("C9.1,F3-slow-domain", test_slow_domain);
    ADD("stalled-file", test_stalled_file);
    ADD("stalled-end", test_stalled_end);
    return g_test_run();
}
