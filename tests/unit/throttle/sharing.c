/* What the throttles of several processes know of each other. */
#include "common/throttle/throttle-private.h"
#include "tests/lib/scratch.h"
#include "tests/unit/throttle/fixture.h"

#include <sqlite3.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Two that share a file, on one engine. */
typedef struct {
    char *directory, *path;
    Fixture one, two;
} Pair;

static void
add_second(Pair *pair)
{
    const ExgThrottleOptions options = {.file = pair->path};
    pair->two.engine = exg_engine_ref(pair->one.engine);
    pair->two.throttle = exg_throttle_new(pair->two.engine, &options);
}

static void
set_up_files(Pair *pair)
{
    pair->directory = test_scratch_new();
    pair->path = g_build_filename(pair->directory, "throttle.db", NULL);
}

static void
set_up(Pair *pair, gconstpointer data)
{
    exg_clock_stop(); /* so that no visit takes too long */
    set_up_files(pair);
    const ExgThrottleOptions options = {.file = pair->path};
    fixture_init(&pair->one, &options);
    add_second(pair);
}

static void
remove_files(Pair *pair)
{
    test_scratch_free(pair->directory);
    g_free(pair->path);
}

static void
tear_down(Pair *pair, gconstpointer data)
{
    fixture_clear(&pair->one);
    fixture_clear(&pair->two);
    remove_files(pair);
}

/* Until the visit under way, if there is one, has ended. */
static void
let_visit_end(Fixture *fixture)
{
    while (fixture->throttle->sync != NULL)
        exg_engine_iterate(fixture->engine, true);
    settle(fixture);
}

/* What comes after that is told what is in the file by then: no visit begun before is under way any more. */
static void
let_time_pass(Pair *pair, gint64 ms)
{
    let_visit_end(&pair->one);
    let_visit_end(&pair->two);
    exg_clock_advance(ms * 1000);
}

/* Until what was learned has been written. */
static void
let_news_travel(Pair *pair, Fixture *fixture)
{
    let_time_pass(pair, 1001);
    exg_throttle_sharing_refresh(fixture->throttle);
    let_visit_end(fixture);
}

static void
test_backoff(Pair *pair, gconstpointer data)
{
    request(&pair->one, "a@example.com", NULL);
    request(&pair->two, "a@example.com", NULL);
    g_autoptr(GError) minute = busy("ErrorInsufficientResources", "4.3.2", 60000);
    request(&pair->one, "a@example.com", minute);
    let_news_travel(pair, &pair->one);
    /* Idle for long: not even the first request gets through. */
    let_time_pass(pair, 1001);
    gint64 left_ms = refused(&pair->two, "b@example.com", EXG_ERROR_BUSY);
    g_assert_cmpint(left_ms, >, 50000);
    g_assert_cmpint(left_ms, <, 59000);
    Answer answer = {0};
    take_now(&pair->two, "b@example.com", &answer);
    g_assert_cmpstr(exg_error_facts(answer.error)->service_code, ==, "ErrorInsufficientResources");
    answer_clear(&answer);
    let_time_pass(pair, 60000);
    request(&pair->two, "a@example.com", NULL);
    request(&pair->one, "a@example.com", NULL);
    g_assert_true(statistics(&pair->one).shared);
}

static void
test_mailbox(Pair *pair, gconstpointer data)
{
    g_autoptr(GError) minute = busy("ErrorServerBusy", "4.2.1", 60000);
    for (guint i = 0; i < 300; i++) {
        g_autofree char *mailbox = g_strdup_printf("m%u@example.com", i);
        request(&pair->one, mailbox, minute);
    }
    let_news_travel(pair, &pair->one);
    let_time_pass(pair, 1001);
    for (guint i = 0; i < 300; i++) {
        g_autofree char *mailbox = g_strdup_printf("m%u@example.com", i);
        refused(&pair->two, mailbox, EXG_ERROR_BUSY);
    }
    request(&pair->two, "other@example.com", NULL);
    let_time_pass(pair, 60001);
    request(&pair->two, "m7@example.com", minute);
    let_news_travel(pair, &pair->two);
    g_assert_cmpuint(statistics(&pair->two).mailboxes, ==, 1);
}

/* Who waits hears of it within about a second, while requests come. */
static void
test_who_waits(Pair *pair, gconstpointer data)
{
    request(&pair->two, "a@example.com", NULL);
    Answer holders[2] = {0}, waiting = {0};
    take_now(&pair->two, "a@example.com", &holders[0]);
    take_now(&pair->two, "a@example.com", &holders[1]);
    take(&pair->two, "a@example.com", &waiting);
    settle(&pair->two);
    g_autoptr(GError) minute = busy("ErrorInsufficientResources", "4.3.2", 60000);
    request(&pair->one, "b@example.com", minute);
    let_news_travel(pair, &pair->one);
    Answer another = {0};
    take(&pair->two, "c@example.com", &another);
    while (waiting.answers == 0)
        exg_engine_iterate(pair->two.engine, true);
    g_assert_error(waiting.error, EXG_ERROR, EXG_ERROR_BUSY);
    settle(&pair->two);
    g_assert_error(another.error, EXG_ERROR, EXG_ERROR_BUSY);
    for (guint i = 0; i < 2; i++)
        answer_clear(&holders[i]);
    answer_clear(&waiting);
    answer_clear(&another);
}

/* Of two processes one sends the probe, and both learn what became of it. */
static void
test_probe(Pair *pair, gconstpointer data)
{
    g_autoptr(GError) failed = auth_error();
    request(&pair->one, "a@example.com", failed);
    request(&pair->one, "a@example.com", failed);
    let_news_travel(pair, &pair->one);
    let_time_pass(pair, 1001);
    refused(&pair->two, "a@example.com", EXG_ERROR_AUTH);

    gint64 interval_ms = 900000;
    for (guint i = 0; i < 3; i++) {
        let_time_pass(pair, interval_ms);
        Answer first = {0}, second = {0};
        take(&pair->one, "a@example.com", &first);
        take(&pair->two, "a@example.com", &second);
        while (first.answers == 0 || second.answers == 0)
            exg_engine_iterate(pair->one.engine, true);
        g_assert_true((first.permit != NULL) != (second.permit != NULL));
        Fixture *prober = first.permit != NULL ? &pair->one : &pair->two;
        Fixture *other = first.permit != NULL ? &pair->two : &pair->one;
        release(prober, first.permit != NULL ? &first : &second, failed);
        answer_clear(&first);
        answer_clear(&second);
        let_news_travel(pair, prober);
        let_time_pass(pair, 1001);
        interval_ms = MIN(interval_ms * 2, 3600000);
        gint64 left_ms = refused(other, "a@example.com", EXG_ERROR_AUTH);
        g_assert_cmpint(left_ms, >, interval_ms - 5000);
        g_assert_cmpint(left_ms, <=, interval_ms);
    }
    let_time_pass(pair, interval_ms);
    request(&pair->two, "a@example.com", NULL);
    let_news_travel(pair, &pair->two);
    let_time_pass(pair, 1001);
    request(&pair->one, "a@example.com", NULL);
    request(&pair->one, "a@example.com", NULL);
}

/* A process that starts with a new password tries it at once, and only once. */
static void
test_renew(Pair *pair, gconstpointer data)
{
    g_autoptr(GError) failed = auth_error();
    request(&pair->one, "a@example.com", failed);
    request(&pair->one, "a@example.com", failed);
    let_news_travel(pair, &pair->one);
    let_time_pass(pair, 1001);
    exg_throttle_renew_account(pair->two.throttle, ACCOUNT, exg_clock_real_us() + 1);
    request(&pair->two, "a@example.com", failed);
    let_news_travel(pair, &pair->two);
    let_time_pass(pair, 1001);
    refused(&pair->two, "a@example.com", EXG_ERROR_AUTH);
    refused(&pair->one, "a@example.com", EXG_ERROR_AUTH);
    exg_throttle_renew_account(pair->two.throttle, ACCOUNT, exg_clock_real_us() + 1);
    request(&pair->two, "a@example.com", NULL);
    let_news_travel(pair, &pair->two);
    let_time_pass(pair, 1001);
    request(&pair->one, "a@example.com", NULL);
}

/* One that starts with the old password does not. */
static void
test_not_renewed(Pair *pair, gconstpointer data)
{
    g_autoptr(GError) failed = auth_error();
    gint64 written_us = exg_clock_real_us();
    let_time_pass(pair, 1001);
    request(&pair->one, "a@example.com", failed);
    request(&pair->one, "a@example.com", failed);
    let_news_travel(pair, &pair->one);
    let_time_pass(pair, 1001);
    exg_throttle_renew_account(pair->two.throttle, ACCOUNT, written_us);
    refused(&pair->two, "a@example.com", EXG_ERROR_AUTH);
}

/* A process that ends tells what it knows. */
static void
test_end(Pair *pair, gconstpointer data)
{
    g_autoptr(GError) minute = busy("ErrorInsufficientResources", "4.3.2", 60000);
    Answer answer = {0};
    take_now(&pair->one, "a@example.com", &answer);
    release(&pair->one, &answer, minute);
    exg_throttle_unref(g_steal_pointer(&pair->one.throttle));
    refused(&pair->two, "a@example.com", EXG_ERROR_BUSY);
}

static void
damage(const Pair *pair)
{
    static const char *const suffixes[] = {"", "-wal"};
    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *path = g_strconcat(pair->path, suffixes[i], NULL);
        g_assert_true(g_file_set_contents(path, "no database at all", -1, NULL));
    }
}

/* What one side knew it tells again when the file has been replaced. */
static void
test_damaged(Pair *pair, gconstpointer data)
{
    g_autoptr(GError) minute = busy("ErrorInsufficientResources", "4.3.2", 60000);
    request(&pair->two, "a@example.com", NULL);
    request(&pair->one, "a@example.com", minute);
    let_news_travel(pair, &pair->one);
    damage(pair);
    for (guint i = 0; i < 3; i++)
        let_news_travel(pair, &pair->one);
    for (guint i = 0; i < 3; i++)
        let_news_travel(pair, &pair->two);
    g_assert_true(statistics(&pair->one).shared);
    g_assert_true(statistics(&pair->two).shared);
    refused(&pair->two, "a@example.com", EXG_ERROR_BUSY);
}

/* Mail goes on without a file. */
static void
test_unusable(void)
{
    const ExgThrottleOptions options = {.file = "/nonexistent/directory/throttle.db"};
    Fixture fixture;
    fixture_init(&fixture, &options);
    request(&fixture, "a@example.com", NULL);
    g_assert_false(statistics(&fixture).shared);
    g_autoptr(GError) failed = auth_error();
    request(&fixture, "a@example.com", failed);
    request(&fixture, "a@example.com", failed);
    refused(&fixture, "a@example.com", EXG_ERROR_AUTH);
    advance_ms(&fixture, 900001);
    request(&fixture, "a@example.com", failed);
    refused(&fixture, "a@example.com", EXG_ERROR_AUTH);
    fixture_clear(&fixture);
}

/* Somebody holds the file's lock for long. */
static void
test_locked(Pair *pair, gconstpointer data)
{
    request(&pair->one, "a@example.com", NULL);
    sqlite3 *database;
    g_assert_cmpint(sqlite3_open(pair->path, &database), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(database, "BEGIN EXCLUSIVE", NULL, NULL, NULL), ==, SQLITE_OK);
    g_autoptr(GError) minute = busy("ErrorInsufficientResources", "4.3.2", 5000);
    gint64 start_us = g_get_monotonic_time();
    request(&pair->one, "a@example.com", minute);
    refused(&pair->one, "a@example.com", EXG_ERROR_BUSY);
    exg_clock_advance(5001 * 1000);
    request(&pair->one, "a@example.com", NULL);
    g_assert_cmpint(g_get_monotonic_time() - start_us, <, 10 * G_USEC_PER_SEC);
    g_assert_cmpint(sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL), ==, SQLITE_OK);
    sqlite3_close(database);
}

/* The real thing: another process, and the clock as it goes. */
static void
test_processes(void)
{
    Pair pair = {0};
    set_up_files(&pair);
    int go[2];
    g_assert_cmpint(pipe(go), ==, 0);
    pid_t child = fork(); /* while there are no threads */
    if (child == 0) {
        const ExgThrottleOptions options = {.file = pair.path};
        Fixture mine;
        char byte;
        fixture_init(&mine, &options);
        (void)!read(go[0], &byte, 1);
        g_autoptr(GError) minute = busy("ErrorInsufficientResources", "4.3.2", 60000);
        request(&mine, "a@example.com", minute);
        fixture_clear(&mine);
        _exit(0);
    }
    const ExgThrottleOptions options = {.file = pair.path};
    fixture_init(&pair.one, &options);
    request(&pair.one, "a@example.com", NULL);
    let_visit_end(
        &pair.one); /* or the other one might find the file locked, and go without having told */
    g_assert_cmpint(write(go[1], "x", 1), ==, 1);
    int status;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_cmpint(status, ==, 0);
    gint64 start_us = g_get_monotonic_time();
    bool closed = false;
    while (!closed && g_get_monotonic_time() - start_us < 30 * G_USEC_PER_SEC) {
        Answer answer = {0};
        take_now(&pair.one, "b@example.com", &answer);
        closed = answer.error != NULL;
        answer_clear(&answer);
        settle(&pair.one);
        g_usleep(10000);
    }
    g_assert_true(closed);
    g_test_message("noticed after %" G_GINT64_FORMAT " ms",
                   (g_get_monotonic_time() - start_us) / 1000);
    refused(&pair.one, "b@example.com", EXG_ERROR_BUSY);
    close(go[0]);
    close(go[1]);
    fixture_clear(&pair.one);
    remove_files(&pair);
}

#define ADD(name, function)                                                                        \
    g_test_add("/throttle/sharing/" name, Pair, NULL, set_up, function, tear_down)

int
main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/throttle/sharing/processes", test_processes);
    ADD("back-off", test_backoff);
    ADD("mailbox", test_mailbox);
    ADD("who-waits", test_who_waits);
    ADD("probe", test_probe);
    ADD("renew", test_renew);
    ADD("not-renewed", test_not_renewed);
    ADD("end", test_end);
    ADD("damaged", test_damaged);
    g_test_add_func("/throttle/sharing/unusable", test_unusable);
    ADD("locked", test_locked);
    return g_test_run();
}
