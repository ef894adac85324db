#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/store/journal-admin.h"
#include "common/store/journal-file.h"
#include "tests/lib/scratch.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEP_MS   (7 * 24 * 3600 * (gint64)1000)
#define SETTLE_MS ((gint64)90000)

/* A service's side of the file, and the administrator's. */
typedef struct {
    char *directory;
    char *path;
    ExgJournalFile *file;
    ExgJournalAdmin *admin;
} Fixture;

static ExgJournalAdmin *
open_admin(const char *path, bool writable, GError **error)
{
    const ExgJournalAdminOptions options = {
        .path = path, .settle_ms = SETTLE_MS, .writable = writable, .busy_timeout_ms = 50};
    return exg_journal_admin_open(&options, error);
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
    fixture->directory = test_scratch_new();
    fixture->path = g_build_filename(fixture->directory, "journal.db", NULL);
    const ExgJournalOptions options = {
        .path = fixture->path, .keep_ms = KEEP_MS, .settle_ms = SETTLE_MS};
    g_autoptr(GError) error = NULL;
    fixture->file = exg_journal_file_open(&options, &error);
    g_assert_no_error(error);
    fixture->admin = open_admin(fixture->path, true, &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    exg_journal_admin_close(fixture->admin);
    exg_journal_file_close(fixture->file);
    test_scratch_free(fixture->directory);
    g_free(fixture->path);
}

/* --- the service ------------------------------------------------------------------------------ */

/* A key that begins with these digits. (transfer full) */
static char *
key_of(const char *digits)
{
    g_autofree char *zeros = g_strnfill(64 - strlen(digits), '0');
    return g_strconcat("v1:", digits, zeros, NULL);
}

static ExgJournalVerdict
begin_in(ExgJournalFile *file, const char *digits, const char *recipient)
{
    g_autofree char *key = key_of(digits);
    const ExgJournalIntent intent = {
        .key = key, .recipient = recipient, .message_id = "<1@a>", .queue_id = "4xyz"};
    ExgJournalVerdict verdict;
    g_autofree char *item_id = NULL;
    gint64 wait_ms;
    g_assert_true(exg_journal_file_start(file, NULL));
    g_assert_true(exg_journal_file_begin(file, &intent, &verdict, &item_id, &wait_ms, NULL));
    g_assert_true(exg_journal_file_commit(file, NULL));
    return verdict;
}

static void
begin(Fixture *fixture, const char *digits, const char *recipient)
{
    g_assert_cmpint(begin_in(fixture->file, digits, recipient), ==, EXG_JOURNAL_BEGUN);
}

static void
leave_open(Fixture *fixture, const char *digits)
{
    g_autofree char *key = key_of(digits);
    begin(fixture, digits, "ann@example.com");
    g_assert_true(exg_journal_file_start(fixture->file, NULL));
    g_assert_true(
        exg_journal_file_leave_open(fixture->file, key, exg_clock_real_us() / 1000, NULL));
    g_assert_true(exg_journal_file_commit(fixture->file, NULL));
}

static void
finish(Fixture *fixture, const char *digits)
{
    g_autofree char *key = key_of(digits);
    begin(fixture, digits, "ann@example.com");
    g_assert_true(exg_journal_file_start(fixture->file, NULL));
    g_assert_true(exg_journal_file_done(fixture->file, key, "item", NULL));
    g_assert_true(exg_journal_file_commit(fixture->file, NULL));
}

/* A process begins and is killed. */
static void
abandon(Fixture *fixture, const char *digits)
{
    /* SQLite's connections do not survive a fork. */
    exg_journal_admin_close(g_steal_pointer(&fixture->admin));
    exg_journal_file_close(g_steal_pointer(&fixture->file));
    const ExgJournalOptions options = {
        .path = fixture->path, .keep_ms = KEEP_MS, .settle_ms = SETTLE_MS};
    pid_t child = fork();
    if (child == 0) {
        ExgJournalFile *file = exg_journal_file_open(&options, NULL);
        begin_in(file, digits, "ann@example.com");
        kill(getpid(), SIGKILL);
    }
    int status;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFSIGNALED(status));
    fixture->file = exg_journal_file_open(&options, NULL);
    fixture->admin = open_admin(fixture->path, true, NULL);
    g_assert_nonnull(fixture->file);
    g_assert_nonnull(fixture->admin);
}

/* --- the administrator ------------------------------------------------------------------------ */

static ExgJournalRow *
find(Fixture *fixture, const char *prefix)
{
    g_autoptr(GError) error = NULL;
    ExgJournalRow *row = NULL;
    guint matches = 77;
    g_assert_true(exg_journal_admin_find(fixture->admin, prefix, &row, &matches, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(matches, ==, row != NULL ? 1 : 0);
    return row;
}

static void
check_state(Fixture *fixture, const char *prefix, ExgJournalRowState state)
{
    g_autoptr(ExgJournalRow) row = find(fixture, prefix);
    g_assert_nonnull(row);
    g_assert_cmpint(row->state, ==, state);
}

/* Settles and answers the error's code, or EXG_N_ERRORS. */
static int
settle(Fixture *fixture, const ExgJournalRow *row, const char *item_id)
{
    g_autoptr(GError) error = NULL;
    if (exg_journal_admin_settle(fixture->admin, row, item_id, &error)) {
        g_assert_no_error(error);
        return EXG_N_ERRORS;
    }
    g_assert_true(error->domain == EXG_ERROR);
    g_assert_null(strchr(error->message, '\n'));
    return error->code;
}

static int
find_and_settle(Fixture *fixture, const char *prefix, const char *item_id)
{
    g_autoptr(ExgJournalRow) row = find(fixture, prefix);
    g_assert_nonnull(row);
    return settle(fixture, row, item_id);
}

static GPtrArray *
list(Fixture *fixture, bool done, const char *recipient, guint limit, bool *ret_more)
{
    const ExgJournalFilter filter = {.done = done, .recipient = recipient, .limit = limit};
    g_autoptr(GError) error = NULL;
    GPtrArray *rows = NULL;
    g_assert_true(exg_journal_admin_list(fixture->admin, &filter, &rows, ret_more, &error));
    g_assert_no_error(error);
    return rows;
}

static void
check_list(Fixture *fixture, bool done, const char *recipient, guint limit, const char *expected,
           bool expect_more)
{
    bool more = !expect_more;
    g_autoptr(GPtrArray) rows = list(fixture, done, recipient, limit, &more);
    g_autoptr(GString) found = g_string_new(NULL);
    for (guint i = 0; i < rows->len; i++) {
        const ExgJournalRow *row = g_ptr_array_index(rows, i);
        g_string_append_len(found, row->key + 3, 6);
        g_string_append_c(found, ' ');
    }
    g_assert_cmpstr(found->str, ==, expected);
    g_assert_true(more == expect_more);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void
test_list(Fixture *fixture, gconstpointer data)
{
    check_list(fixture, false, NULL, 10, "", false);
    check_list(fixture, true, NULL, 10, "", false);
    static const char *const digits[] = {"cccccc", "aaaaaa", "bbbbbb"};
    for (guint i = 0; i < 3; i++) {
        begin(fixture, digits[i], i == 1 ? "Ann@Example.com" : "bob@example.com");
        exg_clock_advance(1000000);
    }
    finish(fixture, "dddddd");
    exg_clock_advance(1000000);
    finish(fixture, "eeeeee");
    check_list(fixture, false, NULL, 10, "cccccc aaaaaa bbbbbb ", false);
    check_list(fixture, false, NULL, 3, "cccccc aaaaaa bbbbbb ", false);
    check_list(fixture, false, NULL, 2, "cccccc aaaaaa ", true);
    check_list(fixture, false, "ann@example.COM", 10, "aaaaaa ", false);
    check_list(fixture, false, "nobody@example.com", 10, "", false);
    check_list(fixture, false, "' OR 1 --", 10, "", false);
    check_list(fixture, true, NULL, 10, "eeeeee dddddd ", false);
    check_list(fixture, true, NULL, 1, "eeeeee ", true);
}

static void
test_row(Fixture *fixture, gconstpointer data)
{
    gint64 before_ms = exg_clock_real_us() / 1000;
    begin(fixture, "abc123", "ann@example.com");
    g_autoptr(ExgJournalRow) row = find(fixture, "v1:abc123");
    g_assert_cmpint(strlen(row->key), ==, 67);
    g_assert_cmpstr(row->recipient, ==, "ann@example.com");
    g_assert_cmpstr(row->message_id, ==, "<1@a>");
    g_assert_cmpstr(row->queue_id, ==, "4xyz");
    g_assert_null(row->item_id);
    g_assert_cmpint(row->begun_ms, >=, before_ms);
    g_assert_cmpint(row->state, ==, EXG_JOURNAL_ROW_UNDER_WAY);
    g_assert_cmpint(row->process, ==, getpid());
    finish(fixture, "abc124");
    g_autoptr(ExgJournalRow) done = find(fixture, "v1:abc124");
    g_assert_cmpint(done->state, ==, EXG_JOURNAL_ROW_DONE);
    g_assert_cmpstr(done->item_id, ==, "item");
    g_assert_cmpint(done->settled_ms, >=, before_ms);
}

static void
test_find(Fixture *fixture, gconstpointer data)
{
    static const char *const good[] = {"v1:abc123", "abc123", "ABC123", "v1:ABC1230",
                                       "abc12300000"};
    static const char *const bad[] = {"",       "v1:",       "v1:abc12",     "abc12",   "v1:abc12g",
                                      "abc12%", "v2:abc123", "v1:v1:abc123", " abc123", "abc123\n"};
    begin(fixture, "abc123", "ann@example.com");
    begin(fixture, "abc1240", "ann@example.com");
    begin(fixture, "abc1241", "ann@example.com");
    begin(fixture, "ffffff", "ann@example.com");
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(ExgJournalRow) row = find(fixture, good[i]);
        g_assert_nonnull(row);
        g_assert_true(g_str_has_prefix(row->key, "v1:abc1230000"));
    }
    g_autoptr(ExgJournalRow) last = find(fixture, "ffffff");
    g_assert_nonnull(last);
    g_autoptr(ExgJournalRow) whole = find(fixture, last->key);
    g_assert_nonnull(whole);
    g_assert_null(find(fixture, "abc125"));
    g_assert_null(find(fixture, "fffffff"));
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        ExgJournalRow *row = NULL;
        guint matches = 77;
        g_assert_false(exg_journal_admin_find(fixture->admin, bad[i], &row, &matches, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_REJECTED);
        g_assert_cmpuint(matches, ==, 77);
    }
    g_autofree char *too_long = g_strconcat(last->key, "0", NULL);
    ExgJournalRow *row = NULL;
    guint matches;
    g_assert_false(exg_journal_admin_find(fixture->admin, too_long, &row, &matches, NULL));
    g_assert_true(exg_journal_admin_find(fixture->admin, "abc124", &row, &matches, NULL));
    g_assert_cmpuint(matches, ==, 2);
    g_assert_null(row);
}

static void
test_settle_hit(Fixture *fixture, gconstpointer data)
{
    leave_open(fixture, "abc123");
    check_state(fixture, "abc123", EXG_JOURNAL_ROW_SETTLING);
    /* Found is found, however early. */
    g_assert_cmpint(find_and_settle(fixture, "abc123", "AAM="), ==, EXG_N_ERRORS);
    check_state(fixture, "abc123", EXG_JOURNAL_ROW_DONE);
    g_assert_cmpint(begin_in(fixture->file, "abc123", "ann@example.com"), ==, EXG_JOURNAL_DONE);
    g_assert_cmpint(find_and_settle(fixture, "abc123", "BBM="), ==, EXG_ERROR_REJECTED);
    g_assert_cmpint(find_and_settle(fixture, "abc123", NULL), ==, EXG_ERROR_REJECTED);
    g_autoptr(ExgJournalRow) row = find(fixture, "abc123");
    g_assert_cmpstr(row->item_id, ==, "AAM=");
}

static void
test_settle_miss(Fixture *fixture, gconstpointer data)
{
    leave_open(fixture, "abc123");
    g_autoptr(ExgJournalRow) row = find(fixture, "abc123");
    g_assert_cmpint(row->wait_ms, >, SETTLE_MS - 5000);
    g_autoptr(GError) error = NULL;
    g_assert_false(exg_journal_admin_settle(fixture->admin, row, NULL, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_BUSY);
    g_assert_cmpint(exg_error_facts(error)->retry_after_ms, >, SETTLE_MS - 5000);
    check_state(fixture, "abc123", EXG_JOURNAL_ROW_SETTLING);
    exg_clock_advance((SETTLE_MS + 1) * 1000);
    check_state(fixture, "abc123", EXG_JOURNAL_ROW_OPEN);
    g_assert_cmpint(settle(fixture, row, NULL), ==, EXG_N_ERRORS);
    g_assert_null(find(fixture, "abc123"));
    g_assert_cmpint(begin_in(fixture->file, "abc123", "ann@example.com"), ==, EXG_JOURNAL_BEGUN);
}

static void
test_under_way(Fixture *fixture, gconstpointer data)
{
    begin(fixture, "abc123", "ann@example.com");
    g_assert_cmpint(find_and_settle(fixture, "abc123", "AAM="), ==, EXG_ERROR_BUSY);
    g_assert_cmpint(find_and_settle(fixture, "abc123", NULL), ==, EXG_ERROR_BUSY);
    exg_clock_advance((SETTLE_MS + 1) * 1000);
    g_assert_cmpint(find_and_settle(fixture, "abc123", NULL), ==, EXG_ERROR_BUSY);
    check_state(fixture, "abc123", EXG_JOURNAL_ROW_UNDER_WAY);
}

static void
test_abandoned(Fixture *fixture, gconstpointer data)
{
    abandon(fixture, "abc123");
    abandon(fixture, "abc124");
    exg_clock_advance((SETTLE_MS + 1) * 1000);
    check_state(fixture, "abc123", EXG_JOURNAL_ROW_ABANDONED);
    g_assert_cmpint(find_and_settle(fixture, "abc123", NULL), ==, EXG_ERROR_BUSY);
    check_state(fixture, "abc123", EXG_JOURNAL_ROW_SETTLING);
    exg_clock_advance((SETTLE_MS + 1) * 1000);
    g_assert_cmpint(find_and_settle(fixture, "abc123", NULL), ==, EXG_N_ERRORS);
    g_assert_cmpint(find_and_settle(fixture, "abc124", "AAM="), ==, EXG_N_ERRORS);
    check_state(fixture, "abc124", EXG_JOURNAL_ROW_DONE);
}

/* Between the look and the outcome a retry was sent, settled, or forgotten. */
static void
test_changed(Fixture *fixture, gconstpointer data)
{
    leave_open(fixture, "abc123");
    exg_clock_advance((SETTLE_MS + 1) * 1000);
    g_autoptr(ExgJournalRow) seen = find(fixture, "abc123");
    const ExgJournalIntent again = {
        .key = seen->key, .recipient = "ann@example.com", .asked = true};
    ExgJournalVerdict verdict;
    char *item_id = NULL;
    gint64 wait_ms;
    g_assert_true(exg_journal_file_start(fixture->file, NULL));
    g_assert_true(
        exg_journal_file_begin(fixture->file, &again, &verdict, &item_id, &wait_ms, NULL));
    g_assert_true(exg_journal_file_commit(fixture->file, NULL));
    g_assert_cmpint(verdict, ==, EXG_JOURNAL_BEGUN);
    g_assert_cmpint(settle(fixture, seen, NULL), ==, EXG_ERROR_BUSY);

    /* It is open once more, by another attempt, and that has settled too. */
    g_assert_true(exg_journal_file_start(fixture->file, NULL));
    g_assert_true(
        exg_journal_file_leave_open(fixture->file, seen->key, exg_clock_real_us() / 1000, NULL));
    g_assert_true(exg_journal_file_commit(fixture->file, NULL));
    exg_clock_advance((SETTLE_MS + 1) * 1000);
    check_state(fixture, "abc123", EXG_JOURNAL_ROW_OPEN);
    g_assert_cmpint(settle(fixture, seen, NULL), ==, EXG_ERROR_BUSY);
    check_state(fixture, "abc123", EXG_JOURNAL_ROW_OPEN);

    g_autoptr(ExgJournalRow) now = find(fixture, "abc123");
    g_assert_true(exg_journal_file_start(fixture->file, NULL));
    g_assert_true(exg_journal_file_forget(fixture->file, seen->key, NULL));
    g_assert_true(exg_journal_file_commit(fixture->file, NULL));
    g_assert_cmpint(settle(fixture, now, "AAM="), ==, EXG_ERROR_BUSY);
    g_assert_null(find(fixture, "abc123"));
}

/* A writer that does not come to an end is waited for, not for ever. Readers need not wait. */
static void
test_locked(Fixture *fixture, gconstpointer data)
{
    leave_open(fixture, "abc123");
    g_assert_true(exg_journal_file_start(fixture->file, NULL));
    g_assert_cmpint(find_and_settle(fixture, "abc123", "AAM="), ==, EXG_ERROR_BUSY);
    guint64 count = 77;
    g_autoptr(GError) error = NULL;
    g_assert_false(exg_journal_admin_prune(fixture->admin, 0, &count, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_BUSY);
    g_assert_cmpuint(count, ==, 0);
    g_assert_true(exg_journal_file_commit(fixture->file, NULL));
    g_assert_cmpint(find_and_settle(fixture, "abc123", "AAM="), ==, EXG_N_ERRORS);
}

static void
test_prune(Fixture *fixture, gconstpointer data)
{
    g_assert_true(exg_journal_file_start(fixture->file, NULL));
    for (guint i = 0; i < 2500; i++) {
        g_autofree char *key = g_strdup_printf("v1:%064x", i);
        const ExgJournalIntent intent = {.key = key, .recipient = "ann@example.com"};
        ExgJournalVerdict verdict;
        g_autofree char *item_id = NULL;
        gint64 wait_ms;
        exg_journal_file_begin(fixture->file, &intent, &verdict, &item_id, &wait_ms, NULL);
        exg_journal_file_done(fixture->file, key, "item", NULL);
    }
    g_assert_true(exg_journal_file_commit(fixture->file, NULL));
    leave_open(fixture, "abc123");
    exg_clock_advance((gint64)3600 * G_USEC_PER_SEC);
    finish(fixture, "abc124");
    guint64 count = 77;
    g_assert_true(exg_journal_admin_prune(fixture->admin, 2 * 3600000, &count, NULL));
    g_assert_cmpuint(count, ==, 0);
    g_assert_true(exg_journal_admin_prune(fixture->admin, 1800000, &count, NULL));
    g_assert_cmpuint(count, ==, 2500);
    check_state(fixture, "abc123", EXG_JOURNAL_ROW_OPEN);
    check_state(fixture, "abc124", EXG_JOURNAL_ROW_DONE);
}

static void
test_summary(Fixture *fixture, gconstpointer data)
{
    ExgJournalSummary summary;
    g_assert_true(exg_journal_admin_summarize(fixture->admin, &summary, NULL));
    g_assert_cmpuint(summary.open, ==, 0);
    g_assert_cmpuint(summary.done, ==, 0);
    g_assert_cmpint(summary.oldest_open_ms, ==, -1);
    g_assert_cmpint(summary.suspect_until_ms, ==, 0);
    leave_open(fixture, "abc123");
    exg_clock_advance((gint64)60 * G_USEC_PER_SEC);
    begin(fixture, "abc124", "ann@example.com");
    finish(fixture, "abc125");
    g_assert_true(exg_journal_admin_summarize(fixture->admin, &summary, NULL));
    g_assert_cmpuint(summary.open, ==, 2);
    g_assert_cmpuint(summary.done, ==, 1);
    g_assert_cmpint(summary.oldest_open_ms, >=, 60000);
    g_assert_cmpint(summary.oldest_open_ms, <, 90000);
    g_assert_cmpuint(summary.size_bytes, >, 0);

    /* The service finds its file gone, and says so in the new one. */
    exg_journal_admin_close(g_steal_pointer(&fixture->admin));
    g_assert_cmpint(g_unlink(fixture->path), ==, 0);
    begin(fixture, "abc126", "ann@example.com");
    fixture->admin = open_admin(fixture->path, false, NULL);
    g_assert_true(exg_journal_admin_summarize(fixture->admin, &summary, NULL));
    g_assert_cmpuint(summary.open, ==, 1);
    g_assert_cmpint(summary.suspect_until_ms, >, exg_clock_real_us() / 1000);
    exg_clock_advance((KEEP_MS + 1) * 1000);
    g_assert_true(exg_journal_admin_summarize(fixture->admin, &summary, NULL));
    g_assert_cmpint(summary.suspect_until_ms, ==, 0);
}

static void
test_read_only(Fixture *fixture, gconstpointer data)
{
    leave_open(fixture, "abc123");
    exg_journal_admin_close(fixture->admin);
    fixture->admin = open_admin(fixture->path, false, NULL);
    check_list(fixture, false, NULL, 10, "abc123 ", false);
    g_assert_cmpint(find_and_settle(fixture, "abc123", "AAM="), ==, EXG_ERROR_CONFIG);
    guint64 count;
    g_assert_false(exg_journal_admin_prune(fixture->admin, 0, &count, NULL));
    check_state(fixture, "abc123", EXG_JOURNAL_ROW_SETTLING);
    /* Without a service there is no write-ahead log yet. */
    exg_journal_file_close(g_steal_pointer(&fixture->file));
    exg_journal_admin_close(fixture->admin);
    fixture->admin = open_admin(fixture->path, false, NULL);
    check_list(fixture, false, NULL, 10, "abc123 ", false);
}

static void
check_refused(const char *path, const char *expected)
{
    for (int writable = 0; writable < 2; writable++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(open_admin(path, writable != 0, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
        g_assert_nonnull(strstr(error->message, path));
        g_assert_nonnull(strstr(error->message, expected));
    }
}

static void
test_no_journal(Fixture *fixture, gconstpointer data)
{
    g_autofree char *path = g_build_filename(fixture->directory, "other.db", NULL);
    check_refused(path, "No such file");
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));

    g_assert_true(g_file_set_contents(path, "", 0, NULL));
    check_refused(path, "not a delivery journal");
    struct stat status;
    g_assert_cmpint(stat(path, &status), ==, 0);
    g_assert_cmpint(status.st_size, ==, 0);

    g_autofree char *garbage = g_strnfill(8192, 'x');
    g_assert_true(g_file_set_contents(path, garbage, -1, NULL));
    check_refused(path, "damaged");
    g_autofree char *after = NULL;
    g_assert_true(g_file_get_contents(path, &after, NULL, NULL));
    g_assert_cmpstr(after, ==, garbage);

    g_assert_cmpint(g_unlink(path), ==, 0);
    sqlite3 *database;
    g_assert_cmpint(sqlite3_open(path, &database), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(database, "CREATE TABLE deliveries (key TEXT)", NULL, NULL, NULL),
                    ==, SQLITE_OK);
    sqlite3_close(database);
    check_refused(path, "not a delivery journal");

    check_refused(fixture->directory, "Not a regular file");
    g_autofree char *link = g_build_filename(fixture->directory, "link.db", NULL);
    g_assert_cmpint(symlink(fixture->path, link), ==, 0);
    check_refused(link, "Not a regular file");
}

/* A journal cut anywhere is an error or a shorter list, never a crash, and is not changed. */
static void
test_cut(Fixture *fixture, gconstpointer data)
{
    for (guint i = 0; i < 40; i++) {
        g_autofree char *digits = g_strdup_printf("%06x", i);
        leave_open(fixture, digits);
    }
    exg_journal_admin_close(g_steal_pointer(&fixture->admin));
    exg_journal_file_close(g_steal_pointer(&fixture->file));
    g_autofree char *whole = NULL;
    gsize length;
    g_assert_true(g_file_get_contents(fixture->path, &whole, &length, NULL));
    g_autofree char *path = g_build_filename(fixture->directory, "cut.db", NULL);
    guint opened = 0;
    for (gsize cut = 0; cut < length; cut += 509) {
        g_assert_true(g_file_set_contents(path, whole, (gssize)cut, NULL));
        g_autoptr(GError) error = NULL;
        g_autoptr(ExgJournalAdmin) admin = open_admin(path, true, &error);
        if (admin == NULL) {
            g_assert_nonnull(error);
            continue;
        }
        opened++;
        const ExgJournalFilter filter = {.limit = 100};
        g_autoptr(GPtrArray) rows = NULL;
        bool more;
        g_assert_true(exg_journal_admin_list(admin, &filter, &rows, &more, &error) ==
                      (error == NULL));
    }
    g_test_message("%u cut files could be opened", opened);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add("/journal-admin/" #name, Fixture, NULL, set_up, test_##name, tear_down)
    ADD(list);
    ADD(row);
    ADD(find);
    ADD(settle_hit);
    ADD(settle_miss);
    ADD(under_way);
    ADD(abandoned);
    ADD(changed);
    ADD(locked);
    ADD(prune);
    ADD(summary);
    ADD(read_only);
    ADD(no_journal);
    ADD(cut);
    return g_test_run();
}
