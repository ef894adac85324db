#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/store/journal.h"
#include "tests/lib/scratch.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEP_MS   (7 * 24 * 3600 * (gint64)1000)
#define SETTLE_MS ((gint64)90000)

typedef struct {
    char *directory;
    char *path;
    ExgEngine *engine;
    ExgJournal *journal;
} Fixture;

static void
discard(ExgLogLevel level, const char *line, gpointer data)
{
    if (level == EXG_LOG_ERROR)
        g_atomic_int_inc((gint *)data);
}

static gint alarms; /* lines that say error; atomic, for the writer thread says them */

static ExgJournal *
open_journal(Fixture *fixture)
{
    const ExgJournalOptions options = {
        .path = fixture->path, .keep_ms = KEEP_MS, .settle_ms = SETTLE_MS};
    g_autoptr(GError) error = NULL;
    ExgJournal *journal = exg_journal_open(fixture->engine, &options, &error);
    g_assert_no_error(error);
    return journal;
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
    g_atomic_int_set(&alarms, 0);
    fixture->directory = test_scratch_new();
    fixture->path = g_build_filename(fixture->directory, "journal.db", NULL);
    fixture->engine = exg_engine_new(NULL);
    fixture->journal = open_journal(fixture);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    exg_journal_close(fixture->journal);
    exg_engine_unref(fixture->engine);
    test_scratch_free(fixture->directory);
    g_free(fixture->path);
}

typedef struct {
    bool called;
    ExgJournalVerdict verdict;
    char *item_id;
    gint64 wait_ms;
} Heard;

static void
hear(const ExgJournalAnswer *answer, gpointer data)
{
    Heard *heard = data;
    g_assert_false(heard->called);
    heard->called = true;
    heard->verdict = answer->verdict;
    heard->wait_ms = answer->wait_ms;
    heard->item_id = g_strdup(answer->item_id);
    g_assert_true((answer->error != NULL) == (answer->verdict == EXG_JOURNAL_FAILED));
}

static Heard
begin(Fixture *fixture, const char *key, bool asked)
{
    Heard heard = {0};
    const ExgJournalIntent intent = {.key = key, .recipient = "a@example.com", .asked = asked};
    exg_journal_begin(fixture->journal, &intent, hear, &heard);
    g_assert_false(heard.called);
    while (!heard.called)
        exg_engine_iterate(fixture->engine, true);
    return heard;
}

/* Outcomes are not answered: whoever waits for one has to look again and again. */
static void
run_for_a_moment(Fixture *fixture)
{
    exg_engine_iterate(fixture->engine, false);
    g_usleep(1000);
}

static void
reopen(Fixture *fixture)
{
    exg_journal_close(fixture->journal);
    fixture->journal = open_journal(fixture);
}

static void
test_done(Fixture *fixture, gconstpointer data)
{
    g_assert_cmpint(begin(fixture, "k", false).verdict, ==, EXG_JOURNAL_BEGUN);
    exg_journal_done(fixture->journal, "k", "item-1");
    reopen(fixture);
    Heard heard = begin(fixture, "k", false);
    g_assert_cmpint(heard.verdict, ==, EXG_JOURNAL_DONE);
    g_assert_cmpstr(heard.item_id, ==, "item-1");
    g_free(heard.item_id);
    g_assert_cmpint(begin(fixture, "other", false).verdict, ==, EXG_JOURNAL_BEGUN);
}

static void
test_forget(Fixture *fixture, gconstpointer data)
{
    g_assert_cmpint(begin(fixture, "k", false).verdict, ==, EXG_JOURNAL_BEGUN);
    exg_journal_forget(fixture->journal, "k");
    g_assert_cmpint(begin(fixture, "k", false).verdict, ==, EXG_JOURNAL_BEGUN);
    /* A done row is not forgotten by mistake. */
    exg_journal_done(fixture->journal, "k", "item");
    exg_journal_forget(fixture->journal, "k");
    Heard heard = begin(fixture, "k", false);
    g_assert_cmpint(heard.verdict, ==, EXG_JOURNAL_DONE);
    g_free(heard.item_id);
}

static void
test_open_settles(Fixture *fixture, gconstpointer data)
{
    g_assert_cmpint(begin(fixture, "k", false).verdict, ==, EXG_JOURNAL_BEGUN);
    exg_journal_leave_open(fixture->journal, "k");
    Heard heard = begin(fixture, "k", false);
    g_assert_cmpint(heard.verdict, ==, EXG_JOURNAL_UNDER_WAY);
    g_assert_cmpint(heard.wait_ms, >, SETTLE_MS - 5000);
    /* Not even one who has asked may send before the time is over. */
    g_assert_cmpint(begin(fixture, "k", true).verdict, ==, EXG_JOURNAL_UNDER_WAY);
    exg_clock_advance((SETTLE_MS + 1) * 1000);
    g_assert_cmpint(begin(fixture, "k", false).verdict, ==, EXG_JOURNAL_OPEN);
    g_assert_cmpint(begin(fixture, "k", false).verdict, ==, EXG_JOURNAL_OPEN);
    g_assert_cmpint(begin(fixture, "k", true).verdict, ==, EXG_JOURNAL_BEGUN);
    exg_journal_done(fixture->journal, "k", "item");
    heard = begin(fixture, "k", false);
    g_assert_cmpint(heard.verdict, ==, EXG_JOURNAL_DONE);
    g_free(heard.item_id);
}

static void
test_renew(Fixture *fixture, gconstpointer data)
{
    g_assert_cmpint(begin(fixture, "k", false).verdict, ==, EXG_JOURNAL_BEGUN);
    exg_journal_done(fixture->journal, "k", "item");
    Heard heard = {0};
    const ExgJournalIntent intent = {.key = "k", .recipient = "a@example.com", .renew = true};
    exg_journal_begin(fixture->journal, &intent, hear, &heard);
    while (!heard.called)
        exg_engine_iterate(fixture->engine, true);
    g_assert_cmpint(heard.verdict, ==, EXG_JOURNAL_BEGUN);
}

/* A process is killed with a delivery under way; while it lives its row is not touched. */
static void
test_owner(Fixture *fixture, gconstpointer data)
{
    int ready[2], finish[2];
    g_assert_cmpint(pipe(ready), ==, 0);
    g_assert_cmpint(pipe(finish), ==, 0);
    exg_journal_close(g_steal_pointer(&fixture->journal));
    pid_t child = fork();
    if (child == 0) {
        Fixture mine = {.path = fixture->path, .engine = exg_engine_new(NULL)};
        mine.journal = open_journal(&mine);
        if (begin(&mine, "k", false).verdict != EXG_JOURNAL_BEGUN)
            _exit(1);
        (void)!write(ready[1], "x", 1);
        char byte;
        (void)!read(finish[0], &byte, 1);
        _exit(0);
    }
    char byte;
    g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
    fixture->journal = open_journal(fixture);
    g_assert_cmpint(begin(fixture, "k", false).verdict, ==, EXG_JOURNAL_UNDER_WAY);
    exg_clock_advance((SETTLE_MS + 1) * 1000);
    g_assert_cmpint(begin(fixture, "k", false).verdict, ==, EXG_JOURNAL_UNDER_WAY);
    kill(child, SIGKILL);
    g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
    /* Now it settles first, then it is open. */
    g_assert_cmpint(begin(fixture, "k", false).verdict, ==, EXG_JOURNAL_UNDER_WAY);
    exg_clock_advance((SETTLE_MS + 1) * 1000);
    g_assert_cmpint(begin(fixture, "k", false).verdict, ==, EXG_JOURNAL_OPEN);
    close(ready[0]);
    close(ready[1]);
    close(finish[0]);
    close(finish[1]);
}

static void
test_commit_fails(Fixture *fixture, gconstpointer data)
{
    exg_failpoint_configure("journal-commit-fails=error,times=1");
    g_assert_cmpint(begin(fixture, "k", false).verdict, ==, EXG_JOURNAL_FAILED);
    g_assert_cmpint(g_atomic_int_get(&alarms), ==, 1);
    exg_failpoint_configure(NULL);
    g_assert_cmpint(begin(fixture, "k", false).verdict, ==, EXG_JOURNAL_BEGUN);
}

/* The outcome could not be written: the row is asked about later, it does not block for ever. */
static void
test_outcome_lost(Fixture *fixture, gconstpointer data)
{
    g_assert_cmpint(begin(fixture, "k", false).verdict, ==, EXG_JOURNAL_BEGUN);
    exg_failpoint_configure("journal-commit-fails=error,times=1");
    exg_journal_done(fixture->journal, "k", "item");
    while (g_atomic_int_get(&alarms) == 0)
        run_for_a_moment(fixture);
    exg_failpoint_configure(NULL);
    g_assert_cmpint(begin(fixture, "k", false).verdict, ==, EXG_JOURNAL_UNDER_WAY);
    exg_clock_advance((SETTLE_MS + 1) * 1000);
    g_assert_cmpint(begin(fixture, "k", false).verdict, ==, EXG_JOURNAL_OPEN);
}

static void
test_damaged(Fixture *fixture, gconstpointer data)
{
    begin(fixture, "k", false);
    exg_journal_done(fixture->journal, "k", "item");
    exg_journal_close(g_steal_pointer(&fixture->journal));
    g_autofree char *garbage = g_strnfill(8192, 'x');
    g_assert_true(g_file_set_contents(fixture->path, garbage, -1, NULL));
    fixture->journal = open_journal(fixture);
    g_assert_cmpint(g_atomic_int_get(&alarms), ==, 1);
    g_assert_true(exg_journal_is_suspect(fixture->journal));
    g_assert_cmpint(begin(fixture, "k", false).verdict, ==, EXG_JOURNAL_BEGUN);
    reopen(fixture);
    g_assert_true(exg_journal_is_suspect(fixture->journal));
    exg_clock_advance((KEEP_MS + 1000) * 1000);
    begin(fixture, "l", false);
    g_assert_false(exg_journal_is_suspect(fixture->journal));
}

/* Somebody deletes the file of a running service. */
static void
test_removed(Fixture *fixture, gconstpointer data)
{
    begin(fixture, "k", false);
    g_assert_false(exg_journal_is_suspect(fixture->journal));
    g_assert_cmpint(g_unlink(fixture->path), ==, 0);
    g_assert_cmpint(begin(fixture, "l", false).verdict, ==, EXG_JOURNAL_BEGUN);
    g_assert_true(exg_journal_is_suspect(fixture->journal));
    exg_journal_done(fixture->journal, "l", "item");
    reopen(fixture);
    Heard heard = begin(fixture, "l", false);
    g_assert_cmpint(heard.verdict, ==, EXG_JOURNAL_DONE);
    g_free(heard.item_id);
}

static void
test_unusable(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    const ExgJournalOptions options = {
        .path = "/nonexistent/journal.db", .keep_ms = KEEP_MS, .settle_ms = SETTLE_MS};
    g_autoptr(GError) error = NULL;
    g_assert_null(exg_journal_open(engine, &options, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_nonnull(strstr(error->message, "/nonexistent/journal.db"));
}

/* No room on the disk: later there may be, and so it is no fault of the configuration. */
static void
test_no_room(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    char *directory = test_scratch_new();
    g_autofree char *path = g_build_filename(directory, "journal.db", NULL);
    const ExgJournalOptions options = {.path = path, .keep_ms = KEEP_MS, .settle_ms = SETTLE_MS};
    struct rlimit old;
    g_assert_no_errno(getrlimit(RLIMIT_FSIZE, &old));
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = old.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    g_assert_no_errno(setrlimit(RLIMIT_FSIZE, &none));
    g_autoptr(GError) error = NULL;
    ExgJournal *journal = exg_journal_open(engine, &options, &error);
    g_assert_no_errno(setrlimit(RLIMIT_FSIZE, &old));
    g_assert_null(journal);
    g_assert_error(error, EXG_ERROR, EXG_ERROR_RESOURCES);
    g_assert_nonnull(strstr(error->message, path));
    g_clear_error(&error);
    journal = exg_journal_open(engine, &options, &error);
    g_assert_no_error(error);
    exg_journal_close(journal);
    signal(SIGXFSZ, handler);
    test_scratch_free(directory);
}

static void
count_begun(const ExgJournalAnswer *answer, gpointer data)
{
    g_assert_cmpint(answer->verdict, ==, EXG_JOURNAL_BEGUN);
    (*(guint *)data)++;
}

static void
test_group_commit(Fixture *fixture, gconstpointer data)
{
    guint begun = 0;
    for (guint i = 0; i < 5000; i++) {
        g_autofree char *key = g_strdup_printf("k%u", i);
        const ExgJournalIntent intent = {.key = key, .recipient = "a@example.com"};
        exg_journal_begin(fixture->journal, &intent, count_begun, &begun);
    }
    while (begun < 5000)
        exg_engine_iterate(fixture->engine, true);
    ExgJournalStatistics statistics;
    exg_journal_get_statistics(fixture->journal, &statistics);
    g_assert_cmpuint(statistics.operations, ==, 5000);
    g_assert_cmpuint(statistics.commits, <, 2500);
}

static void
test_shared_commit(Fixture *fixture, gconstpointer data)
{
    for (guint i = 0; i < 200; i++) {
        g_autofree char *key = g_strdup_printf("k%u", i);
        g_assert_cmpint(begin(fixture, key, false).verdict, ==, EXG_JOURNAL_BEGUN);
        exg_journal_done(fixture->journal, key, "item");
    }
    ExgJournalStatistics statistics;
    exg_journal_get_statistics(fixture->journal, &statistics);
    g_assert_cmpuint(statistics.operations, >=, 399); /* the last outcome is still on its way */
    g_assert_cmpuint(statistics.commits, <, 350);     /* 200, unless the machine dawdles */
}

/* Without an intent to go along with, an outcome is written all the same. */
static void
test_lone_outcome(Fixture *fixture, gconstpointer data)
{
    g_assert_cmpint(begin(fixture, "k", false).verdict, ==, EXG_JOURNAL_BEGUN);
    exg_journal_done(fixture->journal, "k", "item");
    ExgJournalStatistics statistics = {0};
    while (statistics.operations < 2) {
        run_for_a_moment(fixture);
        exg_journal_get_statistics(fixture->journal, &statistics);
    }
    g_assert_cmpuint(statistics.commits, ==, 2);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    exg_log_set_sink(discard, &alarms);
#define ADD(name) g_test_add("/journal/" #name, Fixture, NULL, set_up, test_##name, tear_down)
    ADD(done);
    ADD(forget);
    ADD(open_settles);
    ADD(renew);
    ADD(owner);
    ADD(commit_fails);
    ADD(outcome_lost);
    ADD(damaged);
    ADD(removed);
    ADD(group_commit);
    ADD(shared_commit);
    ADD(lone_outcome);
    g_test_add_func("/journal/unusable", test_unusable);
    g_test_add_func("/journal/no-room", test_no_room);
    return g_test_run();
}
