#include "common/sqlite/database.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS    20
#define PATIENT_TIMEOUT_MS 60000

typedef enum { ADD, FIND, N_STATEMENTS } Statement;

static const char schema[] = "CREATE TABLE IF NOT EXISTS words (word TEXT PRIMARY KEY)";
static const char *const statements[N_STATEMENTS] = {
    [ADD] = "INSERT INTO words VALUES (?1)",
    [FIND] = "SELECT count(*) FROM words WHERE word = ?1",
};

typedef struct {
    char *directory, *path, *wal;
    ExgDatabase database, other;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->directory = g_dir_make_tmp("exgate-database-XXXXXX", NULL);
    g_assert_nonnull(fixture->directory);
    fixture->path = g_build_filename(fixture->directory, "words", NULL);
    fixture->wal = g_strconcat(fixture->path, "-wal", NULL);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    (void)data;
    exg_database_close(&fixture->database);
    exg_database_close(&fixture->other);
    g_unlink(fixture->path);
    g_assert_cmpint(g_rmdir(fixture->directory), ==, 0);
    g_free(fixture->wal);
    g_free(fixture->path);
    g_free(fixture->directory);
}

static void
open_and_set_up(ExgDatabase *database, const char *path)
{
    g_assert_cmpint(exg_database_open(database, path, BUSY_TIMEOUT_MS), ==, SQLITE_OK);
    g_assert_cmpint(exg_database_check(database), ==, SQLITE_OK);
    g_assert_cmpint(exg_database_use_wal(database, "FULL"), ==, SQLITE_OK);
    g_assert_cmpint(exg_database_set_up(database, schema, statements, N_STATEMENTS), ==, SQLITE_OK);
}

static int
add(ExgDatabase *database, const char *word)
{
    sqlite3_bind_text(database->prepared[ADD], 1, word, -1, SQLITE_STATIC);
    return exg_database_run(database->prepared[ADD]);
}

static gint64
count(ExgDatabase *database)
{
    gint64 number = -1;
    g_assert_cmpint(exg_database_ask(database, "SELECT count(*) FROM words", &number), ==,
                    SQLITE_OK);
    return number;
}

static void
test_keeps_rows(Fixture *fixture, gconstpointer data)
{
    (void)data;
    open_and_set_up(&fixture->database, fixture->path);
    g_assert_true(g_file_test(fixture->wal, G_FILE_TEST_EXISTS));
    gint64 synchronous = -1;
    g_assert_cmpint(exg_database_ask(&fixture->database, "PRAGMA synchronous", &synchronous), ==,
                    SQLITE_OK);
    g_assert_cmpint(synchronous, ==, 2);
    g_assert_cmpint(add(&fixture->database, "one"), ==, SQLITE_OK);
    exg_database_close(&fixture->database);
    g_assert_null(fixture->database.handle);
    exg_database_close(&fixture->database);

    open_and_set_up(&fixture->database, fixture->path);
    g_assert_cmpint(count(&fixture->database), ==, 1);
}

static void
test_run(Fixture *fixture, gconstpointer data)
{
    (void)data;
    open_and_set_up(&fixture->database, fixture->path);
    g_assert_cmpint(add(&fixture->database, "one"), ==, SQLITE_OK);
    g_assert_cmpint(add(&fixture->database, "one"), ==, SQLITE_CONSTRAINT);
    g_assert_nonnull(strstr(exg_database_message(&fixture->database, SQLITE_CONSTRAINT), "words"));
    /* Ready again after the failure, and without the word bound before. */
    g_assert_cmpint(exg_database_run(fixture->database.prepared[ADD]), ==, SQLITE_OK);
    g_assert_cmpint(count(&fixture->database), ==, 2);
    /* One that answers rows was not meant. */
    g_assert_cmpint(exg_database_run(fixture->database.prepared[FIND]), ==, SQLITE_ROW);
}

static void
test_ask(Fixture *fixture, gconstpointer data)
{
    (void)data;
    open_and_set_up(&fixture->database, fixture->path);
    gint64 number = 7;
    g_assert_cmpint(exg_database_ask(&fixture->database, "SELECT 1 WHERE 0", &number), ==,
                    SQLITE_DONE);
    g_assert_cmpint(exg_database_ask(&fixture->database, "SELECT 1 FROM none", &number), ==,
                    SQLITE_ERROR);
    g_assert_cmpint(number, ==, 7);
    g_assert_cmpint(exg_database_ask(&fixture->database, "SELECT 1 << 40", &number), ==, SQLITE_OK);
    g_assert_cmpint(number, ==, G_GINT64_CONSTANT(1) << 40);
}

static void
test_roll_back(Fixture *fixture, gconstpointer data)
{
    (void)data;
    open_and_set_up(&fixture->database, fixture->path);
    g_assert_cmpint(exg_database_execute(&fixture->database, "BEGIN IMMEDIATE"), ==, SQLITE_OK);
    g_assert_cmpint(add(&fixture->database, "one"), ==, SQLITE_OK);
    exg_database_roll_back(&fixture->database);
    g_assert_cmpint(count(&fixture->database), ==, 0);
    exg_database_roll_back(&fixture->database); /* none is open */
    g_assert_cmpint(add(&fixture->database, "one"), ==, SQLITE_OK);
    g_assert_cmpint(count(&fixture->database), ==, 1);
}

static void
test_busy(Fixture *fixture, gconstpointer data)
{
    (void)data;
    open_and_set_up(&fixture->database, fixture->path);
    open_and_set_up(&fixture->other, fixture->path);
    g_assert_cmpint(exg_database_execute(&fixture->other, "BEGIN IMMEDIATE"), ==, SQLITE_OK);
    int code = add(&fixture->database, "one");
    g_assert_cmpint(code, ==, SQLITE_BUSY);
    g_assert_false(exg_database_is_corruption(code));
    exg_database_roll_back(&fixture->other);
    g_assert_cmpint(add(&fixture->database, "one"), ==, SQLITE_OK);
}

static gpointer
let_go_soon(gpointer data)
{
    ExgDatabase *database = data;
    g_usleep(30 * 1000);
    exg_database_roll_back(database);
    return NULL;
}

/* Another process is making the file: that is waited for, though SQLite's pragma would not. */
static void
test_log_waits(Fixture *fixture, gconstpointer data)
{
    (void)data;
    ExgDatabase *maker = &fixture->other, *late = &fixture->database;
    g_assert_cmpint(exg_database_open(maker, fixture->path, BUSY_TIMEOUT_MS), ==, SQLITE_OK);
    g_assert_cmpint(exg_database_open(late, fixture->path, BUSY_TIMEOUT_MS), ==, SQLITE_OK);
    g_assert_cmpint(exg_database_execute(maker, "BEGIN IMMEDIATE"), ==, SQLITE_OK);
    g_assert_cmpint(exg_database_use_wal(late, "FULL"), ==, SQLITE_BUSY);
    exg_database_close(late);
    g_assert_cmpint(exg_database_open(late, fixture->path, PATIENT_TIMEOUT_MS), ==, SQLITE_OK);
    GThread *thread = g_thread_new("maker", let_go_soon, maker);
    g_assert_cmpint(exg_database_use_wal(late, "FULL"), ==, SQLITE_OK);
    g_thread_join(thread);
}

static void
test_in_place(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_assert_false(exg_database_is_in_place(&fixture->database, fixture->path));
    open_and_set_up(&fixture->database, fixture->path);
    g_assert_true(exg_database_is_in_place(&fixture->database, fixture->path));
    /* Also told of the one that was open: who sets it aside has closed it before. */
    exg_database_close(&fixture->database);
    g_assert_true(exg_database_is_in_place(&fixture->database, fixture->path));

    g_autofree char *another = g_strconcat(fixture->path, ".new", NULL);
    g_assert_true(g_file_set_contents(another, "", 0, NULL));
    g_assert_cmpint(g_rename(another, fixture->path), ==, 0);
    g_assert_false(exg_database_is_in_place(&fixture->database, fixture->path));
    g_assert_cmpint(g_unlink(fixture->path), ==, 0);
    g_assert_false(exg_database_is_in_place(&fixture->database, fixture->path));
}

static void
test_no_database(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autofree char *text = g_strnfill(4096, 'x');
    g_assert_true(g_file_set_contents(fixture->path, text, -1, NULL));
    g_assert_cmpint(exg_database_open(&fixture->database, fixture->path, BUSY_TIMEOUT_MS), ==,
                    SQLITE_OK);
    int code = exg_database_check(&fixture->database);
    g_assert_true(exg_database_is_corruption(code));
    g_assert_cmpint(exg_database_set_up(&fixture->database, schema, statements, N_STATEMENTS), ==,
                    SQLITE_NOTADB);
    g_assert_null(fixture->database.prepared);
    exg_database_close(&fixture->database);
    g_assert_cmpstr(exg_database_message(&fixture->database, code), ==, sqlite3_errstr(code));
}

/* Every page but the first is overwritten: what the header says is right, what it leads to is not. */
static void
test_damaged(Fixture *fixture, gconstpointer data)
{
    (void)data;
    open_and_set_up(&fixture->database, fixture->path);
    g_assert_cmpint(add(&fixture->database, "one"), ==, SQLITE_OK);
    exg_database_close(&fixture->database);
    g_autofree char *content = NULL;
    gsize length = 0;
    g_assert_true(g_file_get_contents(fixture->path, &content, &length, NULL));
    g_assert_cmpuint(length, >, 4096);
    memset(content + 4096, 0xa5, length - 4096);
    g_assert_true(g_file_set_contents(fixture->path, content, (gssize)length, NULL));

    g_assert_cmpint(exg_database_open(&fixture->database, fixture->path, BUSY_TIMEOUT_MS), ==,
                    SQLITE_OK);
    g_assert_cmpint(exg_database_check(&fixture->database), ==, SQLITE_CORRUPT);
}

static void
test_bad_statement(Fixture *fixture, gconstpointer data)
{
    (void)data;
    static const char *const wrong[] = {"SELECT 1", "SELECT none FROM words", "SELECT 2"};
    g_assert_cmpint(exg_database_open(&fixture->database, fixture->path, BUSY_TIMEOUT_MS), ==,
                    SQLITE_OK);
    int code = exg_database_set_up(&fixture->database, schema, wrong, G_N_ELEMENTS(wrong));
    g_assert_cmpint(code, ==, SQLITE_ERROR);
    g_assert_nonnull(strstr(exg_database_message(&fixture->database, code), "none"));
}

static void
test_cannot_open(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_autofree char *nowhere = g_build_filename(fixture->directory, "none", "words", NULL);
    g_assert_cmpint(exg_database_open(&fixture->database, nowhere, BUSY_TIMEOUT_MS), ==,
                    SQLITE_CANTOPEN);
    g_assert_cmpstr(exg_database_message(&fixture->database, SQLITE_CANTOPEN), ==,
                    g_strerror(ENOENT));
    exg_database_close(&fixture->database);

    g_autofree char *target = g_build_filename(fixture->directory, "target", NULL);
    g_assert_cmpint(symlink(target, fixture->path), ==, 0);
    int code = exg_database_open(&fixture->database, fixture->path, BUSY_TIMEOUT_MS);
    g_assert_cmpint(code, ==, SQLITE_CANTOPEN);
    g_assert_false(g_file_test(target, G_FILE_TEST_EXISTS));
}

static void
test_is_corruption(void)
{
    g_assert_true(exg_database_is_corruption(SQLITE_CORRUPT));
    g_assert_true(exg_database_is_corruption(SQLITE_CORRUPT_VTAB));
    g_assert_true(exg_database_is_corruption(SQLITE_NOTADB));
    g_assert_false(exg_database_is_corruption(SQLITE_OK));
    g_assert_false(exg_database_is_corruption(SQLITE_ERROR));
    g_assert_false(exg_database_is_corruption(SQLITE_IOERR));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD_TEST(name, function)                                                                   \
    g_test_add("/sqlite/database/" name, Fixture, NULL, set_up, function, tear_down)
    ADD_TEST("keeps-rows", test_keeps_rows);
    ADD_TEST("run", test_run);
    ADD_TEST("ask", test_ask);
    ADD_TEST("roll-back", test_roll_back);
    ADD_TEST("busy", test_busy);
    ADD_TEST("log-waits", test_log_waits);
    ADD_TEST("in-place", test_in_place);
    ADD_TEST("no-database", test_no_database);
    ADD_TEST("damaged", test_damaged);
    ADD_TEST("bad-statement", test_bad_statement);
    ADD_TEST("cannot-open", test_cannot_open);
    g_test_add_func("/sqlite/database/is-corruption", test_is_corruption);
    return g_test_run();
}
