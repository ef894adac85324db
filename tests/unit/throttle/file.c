#include "common/base/clock.h"
#include "common/throttle/file-private.h"
#include "common/throttle/throttle.h"
#include "tests/lib/scratch.h"

#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    char *directory, *path;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data)
{
    fixture->directory = test_scratch_new();
    fixture->path = g_build_filename(fixture->directory, "throttle.db", NULL);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    test_scratch_free(fixture->directory);
    g_free(fixture->path);
}

static gint64
now_ms(void)
{
    return exg_clock_real_us() / 1000;
}

static void
add(ExgThrottleSync *sync, ExgThrottleRowKind kind, const char *key, gint64 until_ms)
{
    ExgThrottleRow row = {.scope = EXG_THROTTLE_ENDPOINT,
                          .kind = kind,
                          .key = g_strdup(key),
                          .since_ms = now_ms(),
                          .until_ms = until_ms,
                          .interval_ms = 1000,
                          .asked = true,
                          .code = "ErrorServerBusy"};
    g_array_append_val(sync->write, row);
}

static ExgThrottleRow *
last_row(ExgThrottleSync *sync)
{
    return &g_array_index(sync->write, ExgThrottleRow, sync->write->len - 1);
}

/* The row that a new reader finds under a key, or NULL. */
static const ExgThrottleRow *
find(const ExgThrottleSync *sync, const char *key)
{
    for (guint i = 0; i < sync->read->len; i++) {
        const ExgThrottleRow *row = &g_array_index(sync->read, ExgThrottleRow, i);
        if (g_str_equal(row->key, key))
            return row;
    }
    return NULL;
}

static void
visit(ExgThrottleFile *file, ExgThrottleSync *sync)
{
    exg_throttle_file_visit(file, sync);
    g_assert_cmpstr(sync->failure, ==, NULL);
}

static void
write_one(ExgThrottleFile *file, ExgThrottleRowKind kind, const char *key, gint64 until_ms)
{
    g_autoptr(ExgThrottleSync) sync = exg_throttle_sync_new();
    add(sync, kind, key, until_ms);
    visit(file, sync);
}

static ExgThrottleSync *
read_anew(const char *path)
{
    ExgThrottleFile *file = exg_throttle_file_new(path);
    ExgThrottleSync *sync = exg_throttle_sync_new();
    visit(file, sync);
    g_assert_nonnull(sync->read);
    exg_throttle_file_free(file);
    return sync;
}

static void
test_rows(Fixture *fixture, gconstpointer data)
{
    ExgThrottleFile *file = exg_throttle_file_new(fixture->path);
    gint64 now = now_ms();
    write_one(file, EXG_THROTTLE_PAUSED, "pause", now + 60000);
    write_one(file, EXG_THROTTLE_PAUSED, "pause", now + 1000); /* shorter: no */
    write_one(file, EXG_THROTTLE_PAUSED, "over", now - 1);
    write_one(file, EXG_THROTTLE_PAUSED, "ages", now + 10 * EXG_THROTTLE_MAX_BACKOFF_MS);
    write_one(file, EXG_THROTTLE_BROKEN, "broken", now + 60000);
    write_one(file, EXG_THROTTLE_BROKEN, "broken", now + 1000);
    g_autoptr(ExgThrottleSync) sync = read_anew(fixture->path);
    g_assert_cmpuint(sync->read->len, ==, 3);
    const ExgThrottleRow *row = find(sync, "pause");
    g_assert_cmpint(row->until_ms, ==, now + 60000);
    g_assert_cmpstr(row->code, ==, "ErrorServerBusy");
    g_assert_true(row->asked);
    g_assert_cmpint(find(sync, "ages")->until_ms, <=, now_ms() + EXG_THROTTLE_MAX_BACKOFF_MS);
    row = find(sync, "broken");
    g_assert_cmpint(row->until_ms, ==, now + 1000);
    g_assert_cmpint(row->interval_ms, ==, 1000);

    g_autoptr(ExgThrottleSync) mend = exg_throttle_sync_new();
    add(mend, EXG_THROTTLE_BROKEN, "broken", 0);
    last_row(mend)->gone = true;
    visit(file, mend);
    g_autoptr(ExgThrottleSync) after = read_anew(fixture->path);
    g_assert_null(find(after, "broken"));
    exg_throttle_file_free(file);
}

/* A file is read only when another connection has changed it. */
static void
test_unchanged(Fixture *fixture, gconstpointer data)
{
    ExgThrottleFile *file = exg_throttle_file_new(fixture->path);
    ExgThrottleFile *other = exg_throttle_file_new(fixture->path);
    g_autoptr(ExgThrottleSync) first = exg_throttle_sync_new();
    visit(file, first);
    g_assert_nonnull(first->read);
    write_one(file, EXG_THROTTLE_PAUSED, "mine", now_ms() + 60000);
    g_autoptr(ExgThrottleSync) second = exg_throttle_sync_new();
    visit(file, second);
    g_assert_null(second->read);
    write_one(other, EXG_THROTTLE_PAUSED, "theirs", now_ms() + 60000);
    g_autoptr(ExgThrottleSync) third = exg_throttle_sync_new();
    visit(file, third);
    g_assert_nonnull(third->read);
    g_assert_nonnull(find(third, "theirs"));
    exg_throttle_file_free(file);
    exg_throttle_file_free(other);
}

static bool
claims(ExgThrottleFile *file, const char *key)
{
    g_autoptr(ExgThrottleSync) sync = exg_throttle_sync_new();
    add(sync, EXG_THROTTLE_BROKEN, key, now_ms() + 10000);
    last_row(sync)->claim = true;
    visit(file, sync);
    return last_row(sync)->won;
}

static void
test_claim(Fixture *fixture, gconstpointer data)
{
    ExgThrottleFile *file = exg_throttle_file_new(fixture->path);
    ExgThrottleFile *other = exg_throttle_file_new(fixture->path);
    write_one(file, EXG_THROTTLE_BROKEN, "a", now_ms() + 5000);
    g_assert_false(claims(file, "a"));
    exg_clock_advance(5001 * 1000);
    g_assert_true(claims(other, "a"));
    g_assert_false(claims(file, "a"));
    g_assert_false(claims(other, "a"));
    exg_clock_advance(10001 * 1000);
    g_assert_true(claims(file, "a"));
    g_assert_true(claims(file, "mended meanwhile"));
    exg_throttle_file_free(file);
    exg_throttle_file_free(other);
}

static void
execute(const char *path, const char *sql)
{
    sqlite3 *database;
    g_assert_cmpint(sqlite3_open(path, &database), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(database, sql, NULL, NULL, NULL), ==, SQLITE_OK);
    sqlite3_close(database);
}

/* Whatever stands in the file, the next visit finds or makes one that works. */
static void
test_damaged(Fixture *fixture, gconstpointer data)
{
    ExgThrottleFile *file = exg_throttle_file_new(fixture->path);
    write_one(file, EXG_THROTTLE_PAUSED, "a", now_ms() + 60000);
    exg_throttle_file_free(file);
    g_autofree char *whole = NULL;
    gsize length;
    g_assert_true(g_file_get_contents(fixture->path, &whole, &length, NULL));
    g_assert_cmpuint(length, >, 4096);
    for (gsize cut = 0; cut < length; cut += cut < 110 ? 1 : 511) {
        g_assert_true(g_file_set_contents(fixture->path, whole, (gssize)cut, NULL));
        file = exg_throttle_file_new(fixture->path);
        g_autoptr(ExgThrottleSync) first = exg_throttle_sync_new();
        add(first, EXG_THROTTLE_PAUSED, "b", now_ms() + 60000);
        exg_throttle_file_visit(file, first);
        if (first->failure != NULL) {
            g_autoptr(ExgThrottleSync) again = exg_throttle_sync_new();
            add(again, EXG_THROTTLE_PAUSED, "b", now_ms() + 60000);
            visit(file, again);
        }
        exg_throttle_file_free(file);
        g_autoptr(ExgThrottleSync) sync = read_anew(fixture->path);
        g_assert_nonnull(find(sync, "b"));
    }
    g_autofree char *aside = g_strconcat(fixture->path, ".corrupt", NULL);
    g_assert_true(g_file_test(aside, G_FILE_TEST_EXISTS));
}

static void
test_other_version(Fixture *fixture, gconstpointer data)
{
    ExgThrottleFile *file = exg_throttle_file_new(fixture->path);
    write_one(file, EXG_THROTTLE_PAUSED, "a", now_ms() + 60000);
    exg_throttle_file_free(file);
    execute(fixture->path, "PRAGMA user_version = 77; DROP TABLE closed; CREATE TABLE closed (x)");
    g_autoptr(ExgThrottleSync) sync = read_anew(fixture->path);
    g_assert_cmpuint(sync->read->len, ==, 0);
}

/* The name may be a slip: another program's file is left as it is. */
static void
test_other_program(Fixture *fixture, gconstpointer data)
{
    execute(fixture->path, "CREATE TABLE journal (x); INSERT INTO journal VALUES (1)");
    ExgThrottleFile *file = exg_throttle_file_new(fixture->path);
    for (guint i = 0; i < 2; i++) {
        g_autoptr(ExgThrottleSync) sync = exg_throttle_sync_new();
        add(sync, EXG_THROTTLE_PAUSED, "a", now_ms() + 60000);
        exg_throttle_file_visit(file, sync);
        g_assert_nonnull(sync->failure);
        g_assert_nonnull(strstr(sync->failure, "another program"));
        g_assert_null(sync->read);
    }
    exg_throttle_file_free(file);
    execute(fixture->path, "UPDATE journal SET x = 2");
}

static void
test_removed(Fixture *fixture, gconstpointer data)
{
    ExgThrottleFile *file = exg_throttle_file_new(fixture->path);
    g_autoptr(ExgThrottleSync) first = exg_throttle_sync_new();
    visit(file, first);
    g_assert_false(first->replaced);
    g_assert_cmpint(unlink(fixture->path), ==, 0);
    g_autoptr(ExgThrottleSync) second = exg_throttle_sync_new();
    add(second, EXG_THROTTLE_PAUSED, "a", now_ms() + 60000);
    visit(file, second);
    g_assert_true(second->replaced);
    g_autoptr(ExgThrottleSync) third = exg_throttle_sync_new();
    visit(file, third);
    g_assert_false(third->replaced);
    g_autoptr(ExgThrottleSync) sync = read_anew(fixture->path);
    g_assert_nonnull(find(sync, "a"));
    exg_throttle_file_free(file);
}

static void
test_unusable(Fixture *fixture, gconstpointer data)
{
    g_autofree char *path = g_build_filename(fixture->directory, "missing", "throttle.db", NULL);
    ExgThrottleFile *file = exg_throttle_file_new(path);
    g_autoptr(ExgThrottleSync) sync = exg_throttle_sync_new();
    exg_throttle_file_visit(file, sync);
    g_assert_nonnull(sync->failure);
    exg_throttle_file_free(file);
    exg_throttle_file_free(NULL);
    exg_throttle_sync_free(NULL);
}

static void
test_prune(Fixture *fixture, gconstpointer data)
{
    ExgThrottleFile *file = exg_throttle_file_new(fixture->path);
    write_one(file, EXG_THROTTLE_BROKEN, "old", now_ms());
    exg_clock_advance(2 * EXG_THROTTLE_MAX_BACKOFF_MS * 1000);
    write_one(file, EXG_THROTTLE_BROKEN, "new", now_ms());
    g_autoptr(ExgThrottleSync) sync = read_anew(fixture->path);
    g_assert_null(find(sync, "old"));
    g_assert_nonnull(find(sync, "new"));
    exg_throttle_file_free(file);
}

#define ADD(name, function)                                                                        \
    g_test_add("/throttle/file/" name, Fixture, NULL, set_up, function, tear_down)

int
main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    ADD("rows", test_rows);
    ADD("unchanged", test_unchanged);
    ADD("claim", test_claim);
    ADD("damaged", test_damaged);
    ADD("other-version", test_other_version);
    ADD("other-program", test_other_program);
    ADD("removed", test_removed);
    ADD("unusable", test_unusable);
    ADD("prune", test_prune);
    return g_test_run();
}
