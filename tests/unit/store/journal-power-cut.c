/* What the journal has promised is there after a power cut at any moment; without syncs it is not. */
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/store/journal-file.h"
#include "tests/lib/scratch.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEP_MS    ((gint64)1000 * 3600)
#define SETTLE_MS  ((gint64)1000)
#define DELIVERIES 4 /* per opening */
#define OPENINGS   2
#define KILLS_MAX  2000

/* What the journal's user was told, as numbers of deliveries. */
typedef struct {
    guint begun, done;
} Told;

typedef struct {
    char *directory, *path;
    guint alarms;
} Fixture;

static void
count_alarm(ExgLogLevel level, const char *line, gpointer data)
{
    (void)line;
    if (level == EXG_LOG_ERROR)
        ((Fixture *)data)->alarms++;
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->directory = test_scratch_new();
    fixture->path = g_build_filename(fixture->directory, "journal.db", NULL);
    exg_log_set_sink(count_alarm, fixture);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    (void)data;
    exg_log_set_sink(NULL, NULL);
    exg_failpoint_configure(NULL);
    test_scratch_free(fixture->directory);
    g_free(fixture->path);
}

static ExgJournalFile *
open_file(const Fixture *fixture)
{
    const ExgJournalOptions options = {
        .path = fixture->path, .keep_ms = KEEP_MS, .settle_ms = SETTLE_MS};
    return exg_journal_file_open(&options, NULL);
}

/* --- the process that dies -------------------------------------------------------------------- */

static bool
begin(ExgJournalFile *file, guint number, ExgJournalVerdict *ret_verdict)
{
    g_autofree char *key = g_strdup_printf("key %u", number);
    g_autofree char *item_id = NULL;
    gint64 wait_ms = 0;
    const ExgJournalIntent intent = {.key = key, .recipient = "a@example.com"};
    return exg_journal_file_begin(file, &intent, ret_verdict, &item_id, &wait_ms, NULL);
}

/* A delivery in two transactions: the intent; then what came of it, which for every third is nothing. */
static bool
deliver(ExgJournalFile *file, guint number, Told *told, int said)
{
    g_autofree char *key = g_strdup_printf("key %u", number);
    ExgJournalVerdict verdict = EXG_JOURNAL_FAILED;
    if (!exg_journal_file_start(file, NULL) || !begin(file, number, &verdict) ||
        verdict != EXG_JOURNAL_BEGUN || !exg_journal_file_commit(file, NULL))
        return false;
    told->begun = number + 1;
    if (write(said, told, sizeof *told) != sizeof *told)
        return false;
    if (!exg_journal_file_start(file, NULL) ||
        !(number % 3 == 2 ? exg_journal_file_forget(file, key, NULL)
                          : exg_journal_file_done(file, key, "item", NULL)) ||
        !exg_journal_file_commit(file, NULL))
        return false;
    told->done = number + 1;
    return write(said, told, sizeof *told) == sizeof *told;
}

static void
deliver_all(const Fixture *fixture, int said)
{
    Told told = {0};
    for (guint number = 0; number < OPENINGS * DELIVERIES;) {
        ExgJournalFile *file = open_file(fixture);
        if (file == NULL)
            _exit(1);
        do {
            if (!deliver(file, number, &told, said))
                _exit(1);
        } while (++number % DELIVERIES != 0);
        exg_journal_file_close(file);
    }
    _exit(0);
}

/* --- afterwards ------------------------------------------------------------------------------- */

static bool
is_as_told(ExgJournalFile *file, const Told *told)
{
    if (exg_journal_file_is_suspect(file) || !exg_journal_file_start(file, NULL))
        return false;
    bool right = true;
    for (guint number = 0; number < told->begun; number++) {
        ExgJournalVerdict verdict = EXG_JOURNAL_FAILED;
        right &= begin(file, number, &verdict);
        if (number % 3 == 2 && number < told->done)
            right &= verdict == EXG_JOURNAL_BEGUN;
        else if (number < told->done)
            right &= verdict == EXG_JOURNAL_DONE;
        else if (number % 3 == 2) /* what it was about to write may be there */
            right &= verdict == EXG_JOURNAL_UNDER_WAY || verdict == EXG_JOURNAL_BEGUN;
        else
            right &= verdict == EXG_JOURNAL_UNDER_WAY || verdict == EXG_JOURNAL_DONE;
    }
    return exg_journal_file_commit(file, NULL) && right;
}

static bool
keeps_its_word(Fixture *fixture, const char *failpoints, bool *ret_killed)
{
    int pipe_ends[2];
    g_assert_cmpint(pipe(pipe_ends), ==, 0);
    test_scratch_empty(fixture->directory);
    exg_failpoint_configure(failpoints);
    pid_t process = fork();
    g_assert_cmpint(process, >=, 0);
    if (process == 0)
        deliver_all(fixture, pipe_ends[1]);
    close(pipe_ends[1]);
    int status = 0;
    g_assert_cmpint(waitpid(process, &status, 0), ==, process);
    exg_failpoint_configure("power-cut=error"); /* the disk that nobody has to wait for */
    *ret_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    g_assert_true(*ret_killed || status == 0);
    Told told = {0};
    while (read(pipe_ends[0], &told, sizeof told) == sizeof told)
        ;
    close(pipe_ends[0]);
    g_assert_true(*ret_killed || told.done == OPENINGS * DELIVERIES);
    ExgJournalFile *file = open_file(fixture);
    g_assert_nonnull(file);
    bool kept = is_as_told(file, &told);
    exg_journal_file_close(file);
    return kept;
}

static guint
count_lies(Fixture *fixture, const char *always, const char *where, guint step)
{
    guint lies = 0, kills = 0;
    for (bool killed = true; killed; kills++) {
        g_assert_cmpuint(kills, <, KILLS_MAX);
        char failpoints[100]; /* a child that never returns would leave a block behind */
        g_snprintf(failpoints, sizeof failpoints, "%s;%s=kill,after=%u", always, where,
                   kills * step);
        if (!keeps_its_word(fixture, failpoints, &killed) && lies++ == 0)
            g_test_message("the first: %s", failpoints);
    }
    g_test_message("%s, %s: %u kills, %u lies", always, where, kills - 1, lies);
    g_assert_cmpuint(kills, >, 5);
    return lies;
}

static void
test_promises(Fixture *fixture, gconstpointer always)
{
    g_random_set_seed(4);
    g_assert_cmpuint(count_lies(fixture, always, "power-cut-write", 2), ==, 0);
    g_assert_cmpuint(count_lies(fixture, always, "power-cut-sync", 1), ==, 0);
    g_assert_cmpuint(count_lies(fixture, always, "power-cut-flush", 47), ==, 0);
    g_assert_cmpuint(fixture->alarms, ==, 0);
}

static void
test_unsynced(Fixture *fixture, gconstpointer always)
{
    g_random_set_seed(4);
    g_assert_cmpuint(count_lies(fixture, always, "power-cut-write", 6), >, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD_TEST(name, always, function)                                                           \
    g_test_add("/store/journal-power-cut/" name, Fixture, always, set_up, function, tear_down)
    ADD_TEST("promises", "power-cut=error", test_promises);
    ADD_TEST("promises-torn", "power-cut-torn=error", test_promises);
    ADD_TEST("unsynced", "power-cut=error;journal-unsynced=error", test_unsynced);
    ADD_TEST("unsynced-torn", "power-cut-torn=error;journal-unsynced=error", test_unsynced);
    return g_test_run();
}
