#include "common/sqlite/power-cut.h"

#include "common/base/failpoint.h"
#include "common/sqlite/database.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_BYTES  20000
#define WORDS       12
#define KILLS_MAX   4000
#define FLUSH_STEP  41 /* there are many sectors: every so many-th */
#define UNLIKE_ROWS (-1)

static const char schema[] = "CREATE TABLE IF NOT EXISTS words (word INTEGER PRIMARY KEY, text)";
static const char *const statements[] = {"INSERT INTO words VALUES (?1, printf('%.1000c', 'x'))"};

typedef struct {
    char *directory, *path;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->directory = g_dir_make_tmp("exgate-power-cut-XXXXXX", NULL);
    g_assert_nonnull(fixture->directory);
    fixture->path = g_build_filename(fixture->directory, "words", NULL);
}

static void
remove_files(const Fixture *fixture)
{
    static const char *const suffixes[] = {"", "-journal", "-wal"};
    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *path = g_strconcat(fixture->path, suffixes[i], NULL);
        g_unlink(path);
    }
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    (void)data;
    exg_failpoint_configure(NULL);
    remove_files(fixture);
    g_assert_cmpint(g_rmdir(fixture->directory), ==, 0);
    g_free(fixture->path);
    g_free(fixture->directory);
}

/* --- a single file ---------------------------------------------------------------------------- */

static sqlite3_file *
open_file(const char *path)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(exg_power_cut_vfs());
    sqlite3_file *file = g_malloc0((gsize)vfs->szOsFile);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB;
    g_assert_cmpint(vfs->xOpen(vfs, path, file, flags, NULL), ==, SQLITE_OK);
    return file;
}

static void
close_file(sqlite3_file *file)
{
    g_assert_cmpint(file->pMethods->xClose(file), ==, SQLITE_OK);
    g_free(file);
}

static void
write_file(sqlite3_file *file, const guint8 *bytes, gsize length, gsize offset)
{
    int code = file->pMethods->xWrite(file, bytes, (int)length, (sqlite3_int64)offset);
    g_assert_cmpint(code, ==, SQLITE_OK);
}

static void
assert_disk_is(const char *path, const guint8 *bytes, gsize length)
{
    g_autofree char *content = NULL;
    gsize there = 0;
    g_assert_true(g_file_get_contents(path, &content, &there, NULL));
    g_assert_cmpmem(content, there, bytes, length);
}

static void
assert_file_is(sqlite3_file *file, const guint8 *bytes, gsize length)
{
    guint8 buffer[FILE_BYTES + 100];
    sqlite3_int64 size = -1;
    g_assert_cmpint(file->pMethods->xFileSize(file, &size), ==, SQLITE_OK);
    g_assert_cmpint(size, ==, length);
    memset(buffer, 0xee, sizeof buffer);
    g_assert_cmpint(file->pMethods->xRead(file, buffer, (int)length, 0), ==, SQLITE_OK);
    g_assert_cmpmem(buffer, length, bytes, length);
    /* Past the end there are zeros, and the answer says so. */
    gsize begin = length - MIN(length, 700);
    g_assert_cmpint(file->pMethods->xRead(file, buffer, 800, (sqlite3_int64)begin), ==,
                    SQLITE_IOERR_SHORT_READ);
    g_assert_cmpmem(buffer, length - begin, bytes + begin, length - begin);
    for (gsize i = length - begin; i < 800; i++)
        g_assert_cmpint(buffer[i], ==, 0);
}

/* Writes, truncates and syncs by lot, beside an array that shows what has to be there. */
static void
test_reads_its_writes(Fixture *fixture, gconstpointer specification)
{
    exg_failpoint_configure(specification);
    g_autoptr(GRand) dice = g_rand_new_with_seed(3);
    guint8 model[FILE_BYTES + 100] = {0};
    gsize length = 0;
    sqlite3_file *file = open_file(fixture->path);
    for (guint step = 0; step < 2000; step++) {
        gint way = g_rand_int_range(dice, 0, 20);
        if (way == 0) {
            length = (gsize)g_rand_int_range(dice, 0, (gint)length + 1);
            memset(model + length, 0, sizeof model - length);
            g_assert_cmpint(file->pMethods->xTruncate(file, (sqlite3_int64)length), ==, SQLITE_OK);
        } else if (way == 1) {
            g_assert_cmpint(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL), ==, SQLITE_OK);
            assert_disk_is(fixture->path, model, length);
        } else {
            gsize offset = (gsize)g_rand_int_range(dice, 0, (gint)MIN(length + 2000, 18000));
            gsize size = (gsize)g_rand_int_range(dice, 1, 2000);
            memset(model + offset, g_rand_int_range(dice, 1, 256), size);
            length = MAX(length, offset + size);
            write_file(file, model + offset, size, offset);
        }
        if (step % 10 == 0)
            assert_file_is(file, model, length);
    }
    close_file(file);
    assert_disk_is(fixture->path, model, length);
}

static void
wait_for_kill(pid_t process)
{
    int status = 0;
    g_assert_cmpint(waitpid(process, &status, 0), ==, process);
    g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Two halves are written, and one of them synced; then the process dies. Answers the file's length. */
static gsize
die_after_half(const char *path, char *ret_content)
{
    pid_t process = fork();
    g_assert_cmpint(process, >=, 0);
    if (process == 0) {
        guint8 bytes[FILE_BYTES];
        sqlite3_file *file = open_file(path);
        memset(bytes, 'a', sizeof bytes);
        write_file(file, bytes, FILE_BYTES / 2, 0);
        file->pMethods->xSync(file, SQLITE_SYNC_FULL);
        memset(bytes, 'b', sizeof bytes);
        write_file(file, bytes, FILE_BYTES - 2000, 2000);
        kill(getpid(), SIGKILL);
    }
    wait_for_kill(process);
    g_autofree char *content = NULL;
    gsize length = 0;
    g_assert_true(g_file_get_contents(path, &content, &length, NULL));
    g_assert_cmpuint(length, <=, FILE_BYTES);
    memcpy(ret_content, content, length);
    return length;
}

static void
test_lost(Fixture *fixture, gconstpointer specification)
{
    char content[FILE_BYTES];
    exg_failpoint_configure(specification);
    g_assert_cmpuint(die_after_half(fixture->path, content), ==, FILE_BYTES / 2);
    for (gsize i = 0; i < FILE_BYTES / 2; i++)
        g_assert_cmpint(content[i], ==, 'a');
}

static void
test_torn(Fixture *fixture, gconstpointer specification)
{
    char content[FILE_BYTES] = {0};
    exg_failpoint_configure(specification);
    g_random_set_seed(1);
    gsize length = die_after_half(fixture->path, content);
    g_assert_cmpuint(length, >=, FILE_BYTES / 2);
    guint changes = 0;
    for (gsize i = 0; i < length; i++) {
        g_assert_true(i >= 2000 || content[i] == 'a');
        changes += i > 0 && content[i] != content[i - 1];
    }
    g_assert_cmpuint(changes, >, 5);
}

static void
test_one_process(Fixture *fixture, gconstpointer specification)
{
    exg_failpoint_configure(specification);
    ExgDatabase database = {.vfs = exg_power_cut_vfs()};
    g_assert_cmpint(exg_database_open(&database, fixture->path, 20), ==, SQLITE_OK);
    g_assert_cmpint(exg_database_use_wal(&database, "FULL"), ==, SQLITE_OK);
    pid_t process = fork();
    g_assert_cmpint(process, >=, 0);
    if (process == 0) {
        ExgDatabase other = {0};
        int code = exg_database_open(&other, fixture->path, 20);
        if (code == SQLITE_OK)
            code = exg_database_execute(&other, "CREATE TABLE other (x)");
        _exit(code);
    }
    int status = 0;
    g_assert_cmpint(waitpid(process, &status, 0), ==, process);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, SQLITE_BUSY);
    exg_database_close(&database);
}

/* --- a database ------------------------------------------------------------------------------- */

/* Inserts rows one by one and says so after each. The log is short, so that it is moved into the database now and then. */
static void
insert_words(const char *path, const char *synchronous, int said)
{
    ExgDatabase database = {.vfs = exg_power_cut_vfs()};
    if (exg_database_open(&database, path, 1000) != SQLITE_OK ||
        exg_database_use_wal(&database, synchronous) != SQLITE_OK ||
        exg_database_execute(&database, "PRAGMA wal_autocheckpoint = 5") != SQLITE_OK ||
        exg_database_set_up(&database, schema, statements, G_N_ELEMENTS(statements)) != SQLITE_OK)
        _exit(1);
    for (guint8 i = 0; i < WORDS; i++) {
        sqlite3_bind_int(database.prepared[0], 1, i);
        if (exg_database_run(database.prepared[0]) != SQLITE_OK || write(said, &i, 1) != 1)
            _exit(1);
    }
    exg_database_close(&database);
    _exit(0);
}

/* How many rows there are after the crash, all from the first on; UNLIKE_ROWS if it is no sound database of that kind. */
static int
count_words(const char *path)
{
    ExgDatabase database = {.vfs = exg_power_cut_vfs()};
    gint64 count = 0, last = -1;
    bool sound = exg_database_open(&database, path, 1000) == SQLITE_OK &&
                 exg_database_check(&database) == SQLITE_OK &&
                 exg_database_execute(&database, schema) == SQLITE_OK &&
                 exg_database_ask(&database, "SELECT count(*) FROM words", &count) == SQLITE_OK &&
                 exg_database_ask(&database, "SELECT coalesce(max(word), -1) FROM words", &last) ==
                     SQLITE_OK &&
                 last == count - 1;
    exg_database_close(&database);
    return sound ? (int)count : UNLIKE_ROWS;
}

/* Whether a process that is killed there has kept its word. `*ret_killed`: it got that far. */
static bool
keeps_its_word(Fixture *fixture, const char *failpoints, const char *synchronous, bool *ret_killed)
{
    int pipe_ends[2];
    g_assert_cmpint(pipe(pipe_ends), ==, 0);
    remove_files(fixture);
    exg_failpoint_configure(failpoints);
    pid_t process = fork();
    g_assert_cmpint(process, >=, 0);
    if (process == 0)
        insert_words(fixture->path, synchronous, pipe_ends[1]);
    close(pipe_ends[1]);
    int status = 0;
    g_assert_cmpint(waitpid(process, &status, 0), ==, process);
    *ret_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    g_assert_true(*ret_killed || status == 0);
    guint8 said[WORDS];
    gssize told = read(pipe_ends[0], said, sizeof said);
    g_assert_cmpint(told, >=, 0);
    close(pipe_ends[0]);
    exg_failpoint_configure("power-cut=error"); /* the disk that nobody has to wait for */
    int there = count_words(fixture->path);
    /* The one that it was about to report may be there. */
    return there == told || there == told + 1;
}

static guint
count_lies(Fixture *fixture, const char *kind, const char *where, const char *synchronous,
           guint step)
{
    guint lies = 0, kills = 0;
    for (bool killed = true; killed; kills++) {
        g_assert_cmpuint(kills, <, KILLS_MAX);
        char failpoints[100]; /* a child that never returns would leave a block behind */
        g_snprintf(failpoints, sizeof failpoints, "%s=error;%s=kill,after=%u", kind, where,
                   kills * step);
        if (!keeps_its_word(fixture, failpoints, synchronous, &killed) && lies++ == 0)
            g_test_message("the first: %s", failpoints);
    }
    g_test_message("%s, %s: %u kills, %u lies", kind, where, kills - 1, lies);
    g_assert_cmpuint(kills, >, 5);
    return lies;
}

static void
test_committed_stays(Fixture *fixture, gconstpointer kind)
{
    g_random_set_seed(2);
    g_assert_cmpuint(count_lies(fixture, kind, "power-cut-write", "FULL", 1), ==, 0);
    g_assert_cmpuint(count_lies(fixture, kind, "power-cut-sync", "FULL", 1), ==, 0);
    g_assert_cmpuint(count_lies(fixture, kind, "power-cut-flush", "FULL", FLUSH_STEP), ==, 0);
}

/* The other way round: without syncs there is damage, so what is above says something. */
static void
test_unsynced_lies(Fixture *fixture, gconstpointer kind)
{
    g_random_set_seed(2);
    g_assert_cmpuint(count_lies(fixture, kind, "power-cut-write", "OFF", 5), >, 0);
}

static void
test_off(void)
{
    g_assert_null(exg_power_cut_vfs());
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sqlite/power-cut/off", test_off);
#define ADD_TEST(name, kind, function)                                                             \
    g_test_add("/sqlite/power-cut/" name, Fixture, kind, set_up, function, tear_down)
    ADD_TEST("reads-its-writes", "power-cut=error", test_reads_its_writes);
    ADD_TEST("reads-its-writes-torn", "power-cut-torn=error", test_reads_its_writes);
    ADD_TEST("lost", "power-cut=error", test_lost);
    ADD_TEST("torn", "power-cut-torn=error", test_torn);
    ADD_TEST("one-process", "power-cut=error", test_one_process);
    ADD_TEST("committed-stays", "power-cut", test_committed_stays);
    ADD_TEST("committed-stays-torn", "power-cut-torn", test_committed_stays);
    ADD_TEST("unsynced-lies", "power-cut", test_unsynced_lies);
    ADD_TEST("unsynced-lies-torn", "power-cut-torn", test_unsynced_lies);
    return g_test_run();
}
