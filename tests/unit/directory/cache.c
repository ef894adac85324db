#include "common/directory/cache-file-private.h"
#include "tests/unit/directory/fixture.h"

#include <glib/gstdio.h>
#include <sqlite3.h>

static ExgDirectoryCache *
cache_new(Fixture *fixture)
{
    return exg_directory_cache_new(fixture->engine, fixture->path, 0, 0);
}

/* What the cache knows, after a look into its file. */
static ExgDirectoryVerdict
known(Fixture *fixture, ExgDirectoryCache *cache, const char *key)
{
    guint done = 0;
    exg_directory_cache_fetch(cache, key, count_up, &done);
    while (done == 0)
        exg_engine_iterate(fixture->engine, true);
    const ExgDirectoryEntry *entry = exg_directory_cache_find(cache, key);
    return entry != NULL ? entry->verdict : EXG_DIRECTORY_CANNOT_TELL;
}

static void
put_user(ExgDirectoryCache *cache, const char *key)
{
    exg_directory_cache_put(cache, key, EXG_DIRECTORY_DELIVERABLE, EXG_RECIPIENT_MAILBOX);
}

static void
put_nobody(ExgDirectoryCache *cache, const char *key)
{
    exg_directory_cache_put(cache, key, EXG_DIRECTORY_NO_SUCH, EXG_RECIPIENT_NOBODY);
}

static void
silence(ExgLogLevel level, const char *line, gpointer data)
{
    if (level <= EXG_LOG_WARNING && data != NULL)
        (*(guint *)data)++;
}

static void
test_memory(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 3, 2);
    g_assert_null(exg_directory_cache_find(cache, "a"));
    put_user(cache, "a");
    put_user(cache, "b");
    exg_directory_cache_put(cache, "c", EXG_DIRECTORY_NOT_A_MAILBOX, EXG_RECIPIENT_GROUP);
    g_assert_nonnull(exg_directory_cache_find(cache, "a")); /* so b is the one to go */
    put_user(cache, "d");
    g_assert_null(exg_directory_cache_find(cache, "b"));
    g_assert_nonnull(exg_directory_cache_find(cache, "a"));
    g_assert_nonnull(exg_directory_cache_find(cache, "c"));

    /* one that changes its side has room on the other */
    put_nobody(cache, "a");
    put_user(cache, "e");
    g_assert_nonnull(exg_directory_cache_find(cache, "c"));
    g_assert_cmpint(exg_directory_cache_find(cache, "a")->verdict, ==, EXG_DIRECTORY_NO_SUCH);
    put_user(cache, "a"); /* c, d, e are there already */
    g_assert_cmpint(exg_directory_cache_find(cache, "a")->verdict, ==, EXG_DIRECTORY_DELIVERABLE);
    g_assert_null(exg_directory_cache_find(cache, "d"));
}

/* Somebody guesses addresses: none that exists is lost, in memory or in the file, and the file stays small. */
static void
test_attack(Fixture *fixture, gconstpointer data)
{
    {
        g_autoptr(ExgDirectoryCache)
            cache = exg_directory_cache_new(fixture->engine, fixture->path, 100, 50);
        g_autoptr(GError) busy = exg_error_new(EXG_ERROR_BUSY, "busy");
        for (guint i = 0; i < 100; i++) {
            g_autofree char *key = g_strdup_printf("user%u", i);
            put_user(cache, key);
        }
        for (guint i = 0; i < 5000; i++) {
            g_autofree char *key = g_strdup_printf("guess%u", i);
            if (i % 10 == 0)
                exg_directory_cache_fail(cache, key, EXG_RECIPIENT_UNKNOWN, busy);
            else
                put_nobody(cache, key);
            if (i % 100 == 0)
                settle(fixture, cache);
        }
        for (guint i = 0; i < 100; i++) {
            g_autofree char *key = g_strdup_printf("user%u", i);
            g_assert_nonnull(exg_directory_cache_find(cache, key));
        }
        g_assert_null(exg_directory_cache_find(cache, "guess4949"));
        g_assert_nonnull(exg_directory_cache_find(cache, "guess4950"));
        g_assert_nonnull(exg_directory_cache_find(cache, "guess4999"));
    }
    g_autoptr(ExgDirectoryFile) file = exg_directory_file_new(fixture->path);
    exg_directory_file_prune(file, 1000, 20);
    guint users = 0, guesses = 0;
    ExgRecipientKind kind;
    gint64 found_us;
    for (guint i = 0; i < 5000; i++) {
        g_autofree char *user = g_strdup_printf("user%u", i);
        g_autofree char *guess = g_strdup_printf("guess%u", i);
        users += exg_directory_file_find(file, user, &kind, &found_us);
        guesses += exg_directory_file_find(file, guess, &kind, &found_us);
    }
    g_assert_cmpuint(users, ==, 100);
    g_assert_cmpuint(guesses, ==, 20);
    exg_directory_file_prune(file, 30, 20);
    users = 0;
    for (guint i = 0; i < 100; i++) {
        g_autofree char *user = g_strdup_printf("user%u", i);
        users += exg_directory_file_find(file, user, &kind, &found_us);
    }
    g_assert_cmpuint(users, ==, 30);
}

static void
test_file(Fixture *fixture, gconstpointer data)
{
    static const ExgRecipientKind kinds[] = {EXG_RECIPIENT_NOBODY, EXG_RECIPIENT_MAILBOX,
                                             EXG_RECIPIENT_GROUP, EXG_RECIPIENT_CONTACT,
                                             EXG_RECIPIENT_PUBLIC_FOLDER};
    g_autoptr(ExgDirectoryFile) file = exg_directory_file_new(fixture->path);
    ExgRecipientKind kind = EXG_RECIPIENT_UNKNOWN;
    gint64 found_us = 0, now_us = exg_clock_real_us();
    g_assert_false(exg_directory_file_find(file, "ann", &kind, &found_us));
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        exg_directory_file_store(file, "ann", kinds[i], now_us + i);
        g_assert_true(exg_directory_file_find(file, "ann", &kind, &found_us));
        g_assert_cmpint(kind, ==, kinds[i]);
        g_assert_cmpint(found_us, ==, now_us + i);
    }
    /* an older word does not replace a newer one */
    exg_directory_file_store(file, "ann", EXG_RECIPIENT_NOBODY, now_us);
    g_assert_true(exg_directory_file_find(file, "ann", &kind, &found_us));
    g_assert_cmpint(kind, ==, EXG_RECIPIENT_PUBLIC_FOLDER);
    exg_directory_file_forget(file, "ann");
    g_assert_false(exg_directory_file_find(file, "ann", &kind, &found_us));

    /* what is too old goes, and what comes from the future */
    exg_directory_file_store(file, "old", EXG_RECIPIENT_MAILBOX, now_us - 7 * DAY_US - 1);
    exg_directory_file_store(file, "future", EXG_RECIPIENT_MAILBOX, now_us + DAY_US);
    exg_directory_file_store(file, "good", EXG_RECIPIENT_MAILBOX, now_us - 6 * DAY_US);
    exg_directory_file_prune(file, 10, 10);
    g_assert_false(exg_directory_file_find(file, "old", &kind, &found_us));
    g_assert_false(exg_directory_file_find(file, "future", &kind, &found_us));
    g_assert_true(exg_directory_file_find(file, "good", &kind, &found_us));
    exg_directory_file_free(NULL);
}

/* --- damage ----------------------------------------------------------------------------------- */

static void
execute(const char *path, const char *sql)
{
    sqlite3 *database = NULL;
    g_assert_cmpint(sqlite3_open(path, &database), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(database, sql, NULL, NULL, NULL), ==, SQLITE_OK);
    sqlite3_close(database);
}

static void
write_text(const char *path)
{
    g_assert_true(g_file_set_contents(path, "These are my notes, and not a database.\n", -1, NULL));
}

static void
write_foreign(const char *path)
{
    execute(path, "CREATE TABLE deliveries (key TEXT)");
}

static void
write_later_layout(const char *path)
{
    execute(path, "PRAGMA application_id = 1163413316; PRAGMA user_version = 99;"
                  "CREATE TABLE recipients (address BLOB)");
}

/* A file of the cache with its middle overwritten. */
static void
write_damaged(const char *path)
{
    g_autoptr(ExgDirectoryFile) file = exg_directory_file_new(path);
    for (guint i = 0; i < 2000; i++) {
        g_autofree char *key = g_strdup_printf("user%u@example.com", i);
        exg_directory_file_store(file, key, EXG_RECIPIENT_MAILBOX, exg_clock_real_us());
    }
    g_clear_pointer(&file, exg_directory_file_free);
    g_autofree char *content = NULL;
    gsize length;
    g_assert_true(g_file_get_contents(path, &content, &length, NULL));
    g_assert_cmpuint(length, >, 20000);
    memset(content + 4096, 0xa5, length - 8192);
    g_assert_true(g_file_set_contents(path, content, (gssize)length, NULL));
}

static void
write_nothing(const char *path)
{
    g_assert_true(g_file_set_contents(path, "", 0, NULL));
}

/* Tips are kept with whom they are about, over a restart, and go with him. */
static void
test_tips(Fixture *fixture, gconstpointer data)
{
    const ExgDirectoryTips told = {
        .full = true, .moderated = true, .max_message_bytes = 123456, .n_members = 7};
    g_autoptr(ExgDirectoryCache) cache = cache_new(fixture);
    exg_directory_cache_put_tips(cache, "ann", &told); /* who is that? */
    g_assert_null(exg_directory_cache_find(cache, "ann"));
    put_user(cache, "ann");
    exg_directory_cache_fail_tips(cache, "ann");
    g_assert_cmpint(exg_directory_cache_find(cache, "ann")->tips_failed_us, >, 0);
    exg_directory_cache_put_tips(cache, "ann", &told);
    put_user(cache, "ann"); /* another process looks him up, without tips */
    exg_directory_cache_put(cache, "all", EXG_DIRECTORY_NOT_A_MAILBOX, EXG_RECIPIENT_GROUP);
    exg_directory_cache_put_tips(cache, "all", &told);
    for (guint i = 0; i < 2; i++) {
        const ExgDirectoryEntry *entry = exg_directory_cache_find(cache, "ann");
        g_assert_true(entry->tips.known && entry->tips.full && entry->tips.moderated);
        g_assert_false(entry->tips.restricted || entry->tips.out_of_office);
        g_assert_cmpint(entry->tips.max_message_bytes, ==, 123456);
        g_assert_cmpint(entry->tips.n_members, ==, 7);
        g_assert_cmpint(entry->tips.told_us, >, 0);
        g_assert_cmpint(entry->tips_failed_us, ==, 0);
        g_clear_pointer(&cache, exg_directory_cache_unref);
        cache = cache_new(fixture);
        known(fixture, cache, "ann");
    }
    put_nobody(cache, "ann");
    g_assert_false(exg_directory_cache_find(cache, "ann")->tips.known);
    g_assert_cmpint(known(fixture, cache, "all"), ==, EXG_DIRECTORY_NOT_A_MAILBOX);
    exg_directory_cache_forget(cache, "all");
    put_user(cache, "all");
    settle(fixture, cache);
    g_clear_pointer(&cache, exg_directory_cache_unref);
    cache = cache_new(fixture);
    g_assert_cmpint(known(fixture, cache, "all"), ==, EXG_DIRECTORY_DELIVERABLE);
    g_assert_false(exg_directory_cache_find(cache, "all")->tips.known);
    g_assert_cmpint(known(fixture, cache, "ann"), ==, EXG_DIRECTORY_NO_SUCH);
    g_assert_false(exg_directory_cache_find(cache, "ann")->tips.known);
}

static void
test_set_aside(Fixture *fixture, gconstpointer data)
{
    static const struct {
        void (*write)(const char *path);
        bool aside;
    } rows[] = {{write_text, true},
                {write_foreign, true},
                {write_later_layout, true},
                {write_damaged, true},
                {write_nothing, false}};
    g_autofree char *aside = g_strconcat(fixture->path, ".aside", NULL);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        guint warnings = 0;
        exg_log_set_sink(silence, &warnings);
        rows[i].write(fixture->path);
        g_autoptr(ExgDirectoryCache) cache = cache_new(fixture);
        g_assert_cmpint(known(fixture, cache, "ann"), ==, EXG_DIRECTORY_CANNOT_TELL);
        g_assert_true(g_file_test(aside, G_FILE_TEST_EXISTS) == rows[i].aside);
        put_user(cache, "ann");
        g_clear_pointer(&cache, exg_directory_cache_unref);
        cache = cache_new(fixture);
        g_assert_cmpint(known(fixture, cache, "ann"), ==, EXG_DIRECTORY_DELIVERABLE);
        g_assert_cmpuint(warnings, ==, rows[i].aside);
        g_clear_pointer(&cache, exg_directory_cache_unref);
        g_remove(fixture->path);
        g_remove(aside);
        exg_log_set_sink(silence, NULL);
    }
}

/* Somebody takes the file away from under two processes, or damages it: both go on with one new file. */
static void
test_replaced(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) mine = cache_new(fixture);
    g_autoptr(ExgDirectoryCache) yours = cache_new(fixture);
    put_user(mine, "ann");
    settle(fixture, mine);
    g_assert_cmpint(known(fixture, yours, "ann"), ==, EXG_DIRECTORY_DELIVERABLE);
    g_assert_cmpint(g_remove(fixture->path), ==, 0);
    put_user(mine, "bob");
    settle(fixture, mine);
    g_assert_cmpint(known(fixture, yours, "bob"), ==, EXG_DIRECTORY_DELIVERABLE);

    write_text(fixture->path);
    put_user(yours, "cat");
    settle(fixture, yours);
    g_assert_cmpint(known(fixture, mine, "cat"), ==, EXG_DIRECTORY_DELIVERABLE);
}

/* Where no file can be, memory does; and when one can, it is made. */
static void
test_no_file(Fixture *fixture, gconstpointer data)
{
    guint warnings = 0;
    exg_log_set_sink(silence, &warnings);
    g_assert_cmpint(g_mkdir(fixture->path, 0700), ==, 0);
    g_autoptr(ExgDirectoryCache) cache = cache_new(fixture);
    for (guint i = 0; i < 100; i++) {
        put_user(cache, "ann");
        g_assert_cmpint(known(fixture, cache, "ann"), ==, EXG_DIRECTORY_DELIVERABLE);
    }
    g_assert_cmpuint(warnings, ==, 1);
    g_assert_cmpint(g_rmdir(fixture->path), ==, 0);
    exg_clock_advance(61 * SECOND_US);
    put_user(cache, "ann");
    settle(fixture, cache);
    g_assert_true(g_file_test(fixture->path, G_FILE_TEST_IS_REGULAR));
    g_assert_cmpuint(warnings, ==, 1);
    exg_log_set_sink(silence, NULL);
}

/* A process that holds the file for long delays nobody but itself: what cannot be read is not known. */
static void
test_locked(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = cache_new(fixture);
    put_user(cache, "ann");
    settle(fixture, cache);
    sqlite3 *database = NULL;
    g_assert_cmpint(sqlite3_open(fixture->path, &database), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(database, "BEGIN EXCLUSIVE", NULL, NULL, NULL), ==, SQLITE_OK);
    gint64 fastest_us = G_MAXINT64; /* of three, since the machine may be busy as well */
    for (guint i = 0; i < 3; i++) {
        gint64 begun_us = g_get_monotonic_time();
        put_user(cache, "bob");
        fastest_us = MIN(fastest_us, g_get_monotonic_time() - begun_us);
    }
    g_assert_cmpint(fastest_us, <, SECOND_US / 2);
    g_assert_cmpint(exg_directory_cache_find(cache, "bob")->verdict, ==, EXG_DIRECTORY_DELIVERABLE);
    settle(fixture, cache);
    sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(database);
    g_clear_pointer(&cache, exg_directory_cache_unref);
    cache = cache_new(fixture);
    g_assert_cmpint(known(fixture, cache, "ann"), ==, EXG_DIRECTORY_DELIVERABLE);
    g_assert_cmpint(known(fixture, cache, "bob"), ==, EXG_DIRECTORY_CANNOT_TELL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    exg_log_set_sink(silence, NULL);
#define ADD(name)                                                                                  \
    g_test_add("/directory-cache/" #name, Fixture, NULL, set_up, test_##name, tear_down)
    ADD(memory);
    ADD(attack);
    ADD(file);
    ADD(tips);
    ADD(set_aside);
    ADD(replaced);
    ADD(no_file);
    ADD(locked);
    return g_test_run();
}
