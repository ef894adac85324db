/* The cache's file in an administrator's hands: what is in there, out with it, in with it; and that
 * a service beside it notices. */
#include "common/directory/cache-admin.h"
#include "tests/unit/directory/fixture.h"

#include <glib/gstdio.h>
#include <sqlite3.h>

static const ExgDirectoryTips full_mailbox = {
    .full = true, .out_of_office = true, .max_message_bytes = 5000000};

static ExgDirectoryCache *
cache_new(Fixture *fixture)
{
    ExgDirectoryCache *cache = exg_directory_cache_new(fixture->engine, fixture->path, 0, 0);
    exg_directory_cache_put(cache, "ann@x", EXG_DIRECTORY_DELIVERABLE, EXG_RECIPIENT_MAILBOX);
    exg_directory_cache_put_tips(cache, "ann@x", &full_mailbox);
    exg_directory_cache_put(cache, "bob@y", EXG_DIRECTORY_DELIVERABLE, EXG_RECIPIENT_MAILBOX);
    exg_directory_cache_put(cache, "all@x", EXG_DIRECTORY_NOT_A_MAILBOX, EXG_RECIPIENT_GROUP);
    exg_directory_cache_put(cache, "ghost@xx", EXG_DIRECTORY_NO_SUCH, EXG_RECIPIENT_NOBODY);
    settle(fixture, cache);
    return cache;
}

static ExgDirectoryAdmin *
admin_open(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    ExgDirectoryAdmin *admin = exg_directory_admin_open(fixture->path, false, &error);
    g_assert_no_error(error);
    return admin;
}

static void
append(const ExgDirectoryRecord *record, gpointer data)
{
    g_string_append_printf(data, "%s %s%s%s\n", record->address,
                           exg_recipient_kind_name(record->kind), record->tips.known ? " tips" : "",
                           record->tips.full ? " full" : "");
    g_assert_cmpint(record->found_us, >, 0);
}

static void
assert_records(ExgDirectoryAdmin *admin, const ExgDirectoryFilter *filter, const char *expected)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    g_assert_true(exg_directory_admin_each(admin, filter, append, text, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(text->str, ==, expected);
}

static void
looking(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = cache_new(fixture);
    g_autoptr(ExgDirectoryAdmin) admin = admin_open(fixture);
    assert_records(admin, &(ExgDirectoryFilter){0},
                   "all@x group\nann@x mailbox tips full\nbob@y mailbox\nghost@xx nobody\n");
    assert_records(admin, &(ExgDirectoryFilter){.limit = 2},
                   "all@x group\nann@x mailbox tips "
                   "full\n");
    assert_records(admin, &(ExgDirectoryFilter){.kind = EXG_RECIPIENT_GROUP}, "all@x group\n");
    assert_records(admin, &(ExgDirectoryFilter){.domain = "y"}, "bob@y mailbox\n");
    assert_records(admin, &(ExgDirectoryFilter){.kind = EXG_RECIPIENT_MAILBOX, .domain = "X"},
                   "ann@x mailbox tips full\n");
    ExgDirectorySummary summary;
    g_assert_true(exg_directory_admin_summarize(admin, &summary, NULL));
    g_assert_cmpuint(summary.count[EXG_RECIPIENT_MAILBOX], ==, 2);
    g_assert_cmpuint(summary.count[EXG_RECIPIENT_GROUP], ==, 1);
    g_assert_cmpuint(summary.count[EXG_RECIPIENT_CONTACT], ==, 0);
    g_assert_cmpuint(summary.count[EXG_RECIPIENT_NOBODY], ==, 1);
    g_assert_cmpuint(summary.with_tips, ==, 1);
    g_assert_cmpint(summary.oldest_us, <=, summary.newest_us);
    g_assert_cmpuint(summary.size_bytes, >, 0);
}

static void
flushing(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = cache_new(fixture);
    g_autoptr(ExgDirectoryAdmin) admin = admin_open(fixture);
    guint count = 99;
    g_assert_true(exg_directory_admin_forget(admin, "nobody@here", &count, NULL));
    g_assert_cmpuint(count, ==, 0);
    g_assert_true(exg_directory_admin_forget(admin, "ann@x", &count, NULL));
    g_assert_cmpuint(count, ==, 1);
    assert_records(admin, &(ExgDirectoryFilter){.domain = "x"}, "all@x group\n");
    g_assert_true(exg_directory_admin_flush(
        admin, &(ExgDirectoryFilter){.kind = EXG_RECIPIENT_NOBODY}, &count, NULL));
    g_assert_cmpuint(count, ==, 1);
    g_assert_true(exg_directory_admin_flush(admin, &(ExgDirectoryFilter){0}, &count, NULL));
    g_assert_cmpuint(count, ==, 2);
    assert_records(admin, &(ExgDirectoryFilter){0}, "");
    ExgDirectorySummary summary;
    g_assert_true(exg_directory_admin_summarize(admin, &summary, NULL));
    g_assert_cmpuint(summary.with_tips, ==, 0);
    g_assert_cmpint(summary.oldest_us, ==, 0);
}

/* What is in memory goes with the stamp, and only with it. */
static void
stamp(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectoryCache) cache = cache_new(fixture);
    g_autoptr(ExgDirectoryAdmin) admin = admin_open(fixture);
    g_autofree char *path = g_strconcat(fixture->path, EXG_DIRECTORY_STAMP_SUFFIX, NULL);
    guint count;
    for (guint i = 0; i < 2; i++) { /* made, and touched */
        exg_directory_cache_put(cache, "ann@x", EXG_DIRECTORY_DELIVERABLE, EXG_RECIPIENT_MAILBOX);
        settle(fixture, cache);
        g_assert_true(exg_directory_admin_forget(admin, "ann@x", &count, NULL));
        exg_clock_advance(EXG_DIRECTORY_STAMP_MS * 1000);
        g_assert_nonnull(exg_directory_cache_find(cache, "ann@x"));
        do { /* the file system's clock may not have ticked since */
            g_assert_true(exg_directory_admin_stamp(admin, NULL));
            exg_clock_advance(EXG_DIRECTORY_STAMP_MS * 1000);
        } while (exg_directory_cache_find(cache, "ann@x") != NULL);
    }
    g_assert_true(g_file_test(path, G_FILE_TEST_IS_REGULAR));
}

static void
putting(Fixture *fixture, gconstpointer data)
{
    const gint64 now_us = exg_clock_real_us();
    for (guint i = 0; i < 2; i++) { /* a file that is not there is made */
        g_autoptr(GError) error = NULL;
        g_autoptr(ExgDirectoryAdmin) admin = exg_directory_admin_open(fixture->path, true, &error);
        g_assert_no_error(error);
        g_assert_true(exg_directory_admin_begin(admin, NULL));
        g_assert_true(
            exg_directory_admin_put(admin, "ann@x", EXG_RECIPIENT_MAILBOX, now_us - i, NULL));
        g_assert_true(exg_directory_admin_put(admin, "ann@x", EXG_RECIPIENT_GROUP,
                                              now_us - SECOND_US, NULL)); /* older */
        if (i == 0) {
            g_assert_true(exg_directory_admin_commit(admin, NULL));
            continue;
        }
        g_assert_true(exg_directory_admin_put(admin, "bob@x", EXG_RECIPIENT_MAILBOX, now_us, NULL));
    }
    g_autoptr(ExgDirectoryAdmin)
        admin = admin_open(fixture); /* what was not committed is not there */
    assert_records(admin, &(ExgDirectoryFilter){0}, "ann@x mailbox\n");
}

static void
refusals(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(exg_directory_admin_open(fixture->path, false, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_false(g_file_test(fixture->path, G_FILE_TEST_EXISTS));
    g_clear_error(&error);

    /* somebody else's database is not touched */
    sqlite3 *database = NULL;
    g_assert_cmpint(sqlite3_open(fixture->path, &database), ==, SQLITE_OK);
    sqlite3_exec(database, "CREATE TABLE t (x); INSERT INTO t VALUES (1)", NULL, NULL, NULL);
    sqlite3_close(database);
    g_assert_null(exg_directory_admin_open(fixture->path, true, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_clear_error(&error);
    g_assert_cmpint(g_remove(fixture->path), ==, 0);

    g_assert_true(
        g_file_set_contents(fixture->path, "no database, but long enough for one", -1, NULL));
    g_assert_null(exg_directory_admin_open(fixture->path, false, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    exg_directory_admin_close(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    exg_clock_stop();
#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)
    ADD("/directory-cache-admin/looking", looking);
    ADD("/directory-cache-admin/flushing", flushing);
    ADD("/directory-cache-admin/stamp", stamp);
    ADD("/directory-cache-admin/putting", putting);
    ADD("/directory-cache-admin/refusals", refusals);
    return g_test_run();
}
