#include "common/autodiscover/cache.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "tests/lib/scratch.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define URL "https://mail.contoso.example/EWS/Exchange.asmx"

typedef struct {
    char *directory, *path;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    f->directory = test_scratch_new();
    f->path = g_build_filename(f->directory, "discovery.db", NULL);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    test_scratch_free(f->directory);
    g_free(f->path);
}

static void
expect(ExgDiscoveryCache *cache, const char *domain, const char *endpoint)
{
    g_autoptr(ExgDiscoveryEntry) entry = exg_discovery_cache_find(cache, domain);
    g_assert_cmpstr(entry != NULL ? entry->endpoint : NULL, ==, endpoint);
}

static void
test_both_levels(Fixture *f, gconstpointer data)
{
    const char *const paths[] = {f->path, NULL};
    for (guint i = 0; i < 2; i++) {
        g_autoptr(ExgDiscoveryCache) cache = exg_discovery_cache_new(paths[i]);
        expect(cache, "contoso.example", NULL);
        exg_discovery_cache_put(cache, "contoso.example", URL, "host", "basic");
        g_autoptr(ExgDiscoveryEntry) entry = exg_discovery_cache_find(cache, "contoso.example");
        g_assert_cmpstr(entry->endpoint, ==, URL);
        g_assert_cmpstr(entry->kind, ==, "host");
        g_assert_cmpstr(entry->scheme, ==, "basic");
        expect(cache, "fabrikam.example", NULL);
        exg_discovery_cache_forget(cache, "contoso.example");
        exg_discovery_cache_forget(cache, "contoso.example");
        expect(cache, "contoso.example", NULL);
    }
    g_autoptr(ExgDiscoveryCache) writer = exg_discovery_cache_new(f->path);
    g_autoptr(ExgDiscoveryCache) reader = exg_discovery_cache_new(f->path);
    exg_discovery_cache_put(writer, "contoso.example", URL, "srv", NULL);
    expect(reader, "contoso.example", URL);
    exg_discovery_cache_put(writer, "shouting.example", "HTTPS://MAIL.SHOUTING.EXAMPLE/", "host",
                            NULL); /* as a server may write it */
    expect(reader, "shouting.example", "HTTPS://MAIL.SHOUTING.EXAMPLE/");
    exg_discovery_cache_forget(writer, "shouting.example");
    exg_discovery_cache_put(writer, "fabrikam.example", URL, "srv", NULL);
    exg_discovery_cache_fail(writer, "dead.example", EXG_ERROR_UNREACHABLE);
    g_autoptr(GPtrArray) entries = exg_discovery_cache_list(reader);
    g_assert_cmpuint(entries->len, ==, 3);
    g_assert_cmpstr(((ExgDiscoveryEntry *)entries->pdata[1])->kind, ==, "unreachable");
    exg_discovery_cache_clear(reader);
    g_autoptr(GPtrArray) none = exg_discovery_cache_list(writer);
    g_assert_cmpuint(none->len, ==, 0);
}

static void
test_life(Fixture *f, gconstpointer data)
{
    g_autoptr(ExgDiscoveryCache) cache = exg_discovery_cache_new(f->path);
    exg_discovery_cache_put(cache, "contoso.example", URL, "host", NULL);
    exg_discovery_cache_fail(cache, "dead.example", EXG_ERROR_UNREACHABLE);
    exg_discovery_cache_fail(cache, "contoso.example", EXG_ERROR_NO_MAILBOX); /* about one user */
    g_assert_false(exg_discovery_cache_has_failed(cache, "contoso.example", EXG_ERROR_NO_MAILBOX));
    g_assert_true(exg_discovery_cache_has_failed(cache, "dead.example", EXG_ERROR_UNREACHABLE));
    g_assert_false(exg_discovery_cache_has_failed(cache, "dead.example", EXG_ERROR_AUTH));
    exg_clock_advance(EXG_DISCOVERY_FAILURE_LIFE_US);
    g_assert_false(exg_discovery_cache_has_failed(cache, "dead.example", EXG_ERROR_UNREACHABLE));
    expect(cache, "contoso.example", URL);
    exg_clock_advance(EXG_DISCOVERY_LIFE_US - EXG_DISCOVERY_FAILURE_LIFE_US);
    expect(cache, "contoso.example", NULL);
    /* What is found ends what failed. */
    exg_discovery_cache_fail(cache, "dead.example", EXG_ERROR_AUTH);
    exg_discovery_cache_put(cache, "dead.example", URL, "host", NULL);
    g_assert_false(exg_discovery_cache_has_failed(cache, "dead.example", EXG_ERROR_AUTH));
}

static void
test_bad_files(Fixture *f, gconstpointer data)
{
    g_autofree char *aside = g_strconcat(f->path, ".aside", NULL);
    const char *const contents[] = {
        "", "not a database, but something that somebody else wrote here", "SQLite format 3"};
    for (guint i = 0; i < G_N_ELEMENTS(contents); i++) {
        g_assert_true(g_file_set_contents(f->path, contents[i], -1, NULL));
        g_autoptr(ExgDiscoveryCache) cache = exg_discovery_cache_new(f->path);
        expect(cache, "contoso.example", NULL);
        exg_discovery_cache_put(cache, "contoso.example", URL, "host", NULL);
        g_autoptr(ExgDiscoveryCache) other = exg_discovery_cache_new(f->path);
        expect(other, "contoso.example", URL);
    }
    g_assert_true(g_file_test(aside, G_FILE_TEST_EXISTS));
    /* A directory that is not there: memory does. */
    g_autoptr(ExgDiscoveryCache) lost = exg_discovery_cache_new("/nowhere/at/all/discovery.db");
    exg_discovery_cache_put(lost, "contoso.example", URL, "host", NULL);
    expect(lost, "contoso.example", URL);
}

/* A process that makes the file as soon as it may; answers its status. */
static int
make_file(const char *path, int start)
{
    char nothing;
    ssize_t length = read(start, &nothing, 1);
    g_autoptr(ExgDiscoveryCache) cache = exg_discovery_cache_new(path);
    exg_discovery_cache_put(cache, "contoso.example", URL, "host", NULL);
    return length != 0;
}

/* Of several processes that make the file at the same time, none takes it for somebody else's. */
static void
test_made_at_once(Fixture *f, gconstpointer data)
{
    enum { MAKERS = 2, FILES = 40 };
    for (guint i = 0; i < FILES; i++) {
        char path[200]; /* a child that never returns would leave a block behind */
        g_snprintf(path, sizeof path, "%s-%u", f->path, i);
        int start[2];
        g_assert_cmpint(pipe(start), ==, 0);
        pid_t makers[MAKERS];
        for (guint j = 0; j < MAKERS; j++) {
            if ((makers[j] = fork()) == 0) {
                close(start[1]);
                _exit(make_file(path, start[0]));
            }
            g_assert_cmpint(makers[j], >, 0);
        }
        close(start[0]);
        close(start[1]);
        for (guint j = 0; j < MAKERS; j++) {
            int status = -1;
            g_assert_cmpint(waitpid(makers[j], &status, 0), ==, makers[j]);
            g_assert_cmpint(status, ==, 0);
        }
        g_autofree char *aside = g_strconcat(path, ".aside", NULL);
        g_assert_false(g_file_test(aside, G_FILE_TEST_EXISTS));
    }
}

/* --- eight threads, two processes --------------------------------------------------------------- */

enum { THREADS = 8, ROUNDS = 60, DOMAINS = 7 };

typedef struct {
    ExgDiscoveryCache *cache;
    guint number;
    gint wrong;
} Hammer;

static gpointer
hammer(gpointer data)
{
    Hammer *self = data;
    for (guint i = 0; i < ROUNDS; i++) {
        g_autofree char *domain = g_strdup_printf("d%u.example", (i + self->number) % DOMAINS);
        g_autofree char *url = g_strdup_printf("https://mail.%s/EWS", domain);
        if (i % 3 == 0)
            exg_discovery_cache_put(self->cache, domain, url, "host", "basic");
        if (i % 17 == 16)
            exg_discovery_cache_clear(self->cache);
        if (i % 11 == 10)
            exg_discovery_cache_forget(self->cache, domain);
        g_autoptr(ExgDiscoveryEntry) entry = exg_discovery_cache_find(self->cache, domain);
        if (entry != NULL && !g_str_equal(entry->endpoint, url))
            g_atomic_int_inc(&self->wrong);
    }
    return NULL;
}

static gint
hammer_all(const char *path)
{
    g_autoptr(ExgDiscoveryCache) cache = exg_discovery_cache_new(path);
    Hammer hammers[THREADS];
    GThread *threads[THREADS];
    gint wrong = 0;
    for (guint i = 0; i < THREADS; i++) {
        hammers[i] = (Hammer){.cache = cache, .number = i};
        threads[i] = g_thread_new("hammer", hammer, &hammers[i]);
    }
    for (guint i = 0; i < 5; i++) { /* damage from outside */
        g_autofree char *junk = g_strnfill(4096, (char)('a' + i));
        FILE *file = g_fopen(path, "r+");
        if (file != NULL) {
            (void)fseek(file, i * 1024, SEEK_SET);
            (void)fwrite(junk, 1, 4096, file);
            fclose(file);
        }
        g_usleep(10000);
    }
    for (guint i = 0; i < THREADS; i++) {
        g_thread_join(threads[i]);
        wrong += hammers[i].wrong;
    }
    return wrong;
}

static void
test_hammer(Fixture *f, gconstpointer data)
{
    pid_t child = fork();
    if (child == 0)
        _exit(hammer_all(f->path) == 0 ? 0 : 1);
    g_assert_cmpint(child, >, 0);
    g_assert_cmpint(hammer_all(f->path), ==, 0);
    int status = -1;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_cmpint(status, ==, 0);
    /* It works as before, and a whole file is found afterwards. */
    g_autoptr(ExgDiscoveryCache) cache = exg_discovery_cache_new(f->path);
    exg_discovery_cache_put(cache, "after.example", URL, "host", NULL);
    expect(cache, "after.example", URL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK); /* what was set aside is told as a warning */
#define ADD(name, function)                                                                        \
    g_test_add("/autodiscover/cache/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("C8.1,C8.2-both-levels", test_both_levels);
    ADD("C8.5,C8.7-life", test_life);
    ADD("C8.4,C8.6,F20-bad-files", test_bad_files);
    ADD("C8.7-made-at-once", test_made_at_once);
    ADD("C8.7,F3-hammer", test_hammer);
    return g_test_run();
}
