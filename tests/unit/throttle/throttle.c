#include "tests/unit/throttle/fixture.h"

#include <string.h>

static const ExgThrottleOptions defaults = {0};

static void
set_up(Fixture *fixture, gconstpointer options)
{
    fixture_init(fixture, options != NULL ? options : &defaults);
}

static void
tear_down(Fixture *fixture, gconstpointer options)
{
    fixture_clear(fixture);
}

/* --- caps ------------------------------------------------------------------------------------- */

static void
test_mailbox_cap(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    Answer answers[4] = {0};
    take(fixture, "a@example.com", &answers[0]);
    take(fixture, "A@Example.COM", &answers[1]);
    take(fixture, "a@example.com", &answers[2]);
    take(fixture, "b@example.com", &answers[3]);
    settle(fixture);
    g_assert_nonnull(answers[0].permit);
    g_assert_nonnull(answers[1].permit);
    g_assert_cmpuint(answers[2].answers, ==, 0);
    g_assert_nonnull(answers[3].permit);
    g_assert_cmpuint(statistics(fixture).in_flight, ==, 3);
    g_assert_cmpuint(statistics(fixture).waiting, ==, 1);
    release(fixture, &answers[1], NULL);
    settle(fixture);
    g_assert_nonnull(answers[2].permit);
    for (guint i = 0; i < G_N_ELEMENTS(answers); i++)
        answer_clear(&answers[i]);
    settle(fixture);
    g_assert_cmpuint(statistics(fixture).mailboxes, ==, 0);
}

/* Fail-over: what is counted is counted of all the endpoints. */
static void
test_statistics_of_several(Fixture *fixture, gconstpointer options)
{
    static const char *const both[] = {ENDPOINT, "https://other/", NULL};
    static const char *const none[] = {NULL};
    g_autoptr(GError) away = busy("ErrorServerBusy", "4.3.2", 60000);
    Answer one = {0}, other = {0};
    ExgThrottleStatistics found;
    prove(fixture);
    take(fixture, "a@example.com", &one);
    take_from(fixture, both[1], "b@example.com", &other);
    settle(fixture);
    exg_throttle_get_statistics(fixture->throttle, both, &found);
    g_assert_cmpuint(found.in_flight, ==, 2);
    g_assert_cmpuint(found.granted, ==, 3);
    g_assert_cmpuint(found.limit, ==, 64);
    g_assert_cmpint(found.closed_ms, ==, 0);
    release(fixture, &other, away);
    release(fixture, &one, NULL);
    settle(fixture);
    exg_throttle_get_statistics(fixture->throttle, both, &found);
    g_assert_cmpuint(found.in_flight, ==, 0);
    g_assert_cmpuint(found.throttled, ==, 1);
    g_assert_cmpint(found.closed_ms, ==, 0); /* one is open */
    exg_throttle_get_statistics(fixture->throttle, none, &found);
    g_assert_cmpuint(found.granted, ==, 0);
    g_assert_cmpint(found.closed_ms, ==, 0);
}

static const ExgThrottleOptions delegate = {.max_per_account = 10, .max_per_endpoint = 16};

static void
test_account_and_endpoint_cap(Fixture *fixture, gconstpointer options)
{
    Answer first[20] = {0}, second[20] = {0};
    take_account(fixture, "one", 0, &first[0]);
    take_account(fixture, "two", 0, &second[0]);
    settle(fixture);
    release(fixture, &first[0], NULL);
    release(fixture, &second[0], NULL);
    for (guint i = 0; i < 20; i++)
        take_account(fixture, "one", i, &first[i]);
    settle(fixture);
    g_assert_cmpuint(count_permits(first, 20), ==, 10);
    for (guint i = 0; i < 20; i++)
        take_account(fixture, "two", 100 + i, &second[i]);
    settle(fixture);
    g_assert_cmpuint(count_permits(second, 20), ==, 6);
    for (guint i = 0; i < 20; i++) {
        answer_clear(&first[i]);
        settle(fixture);
        answer_clear(&second[i]);
        settle(fixture);
    }
    g_assert_cmpuint(statistics(fixture).granted, ==, 42);
}

/* The account's own view has no cap of its own. */
static void
test_own_view(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    Answer answers[5] = {0};
    for (guint i = 0; i < 5; i++)
        take(fixture, NULL, &answers[i]);
    settle(fixture);
    g_assert_cmpuint(count_permits(answers, 5), ==, 5);
    for (guint i = 0; i < 5; i++)
        answer_clear(&answers[i]);
}

/* --- order ------------------------------------------------------------------------------------ */

static const ExgThrottleOptions one_at_a_time = {.max_per_endpoint = 1};

/* A mailbox with a long line does not keep the others waiting, and each line keeps its order. */
static void
test_round_robin(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    Answer many[50] = {0}, few[3][2] = {0};
    for (guint i = 0; i < 50; i++)
        take(fixture, "many@example.com", &many[i]);
    for (guint i = 0; i < 3; i++) {
        g_autofree char *mailbox = g_strdup_printf("few%u@example.com", i);
        take(fixture, mailbox, &few[i][0]);
        take(fixture, mailbox, &few[i][1]);
    }
    guint start = answers_given;
    for (guint left = 56; left > 0; left--) {
        settle(fixture);
        for (guint i = 0; i < 50; i++)
            if (many[i].permit != NULL)
                exg_permit_release(g_steal_pointer(&many[i].permit), NULL);
        for (guint i = 0; i < 6; i++)
            if (few[i / 2][i % 2].permit != NULL)
                exg_permit_release(g_steal_pointer(&few[i / 2][i % 2].permit), NULL);
    }
    settle(fixture);
    for (guint i = 0; i < 50; i++) {
        g_assert_cmpuint(many[i].answers, ==, 1);
        g_assert_true(i == 0 || many[i].order > many[i - 1].order);
    }
    for (guint i = 0; i < 3; i++) {
        g_assert_cmpuint(few[i][0].order - start, ==, 2 + i);
        g_assert_cmpuint(few[i][1].order - start, ==, 6 + i);
    }
}

/* --- who does not wait to the end ------------------------------------------------------------- */

static void
test_deadline(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    Answer holder = {0}, early = {0}, late = {0}, patient = {0};
    const ExgThrottleTarget target = {ENDPOINT, ACCOUNT, "a@example.com"};
    take_now(fixture, "a@example.com", &holder);
    gint64 now_us = exg_clock_monotonic_us();
    exg_throttle_take(fixture->throttle, &target, now_us + G_USEC_PER_SEC, NULL, answered, &early);
    exg_throttle_take(fixture->throttle, &target, now_us, NULL, answered, &late);
    take(fixture, "a@example.com", &patient);
    settle(fixture);
    g_assert_error(late.error, EXG_ERROR, EXG_ERROR_BUSY);
    g_assert_cmpuint(early.answers, ==, 0);
    advance_ms(fixture, 1002);
    g_assert_error(early.error, EXG_ERROR, EXG_ERROR_BUSY);
    g_assert_cmpstr(exg_error_facts(early.error)->enhanced, ==, "4.3.2");
    g_assert_nonnull(strstr(early.error->message, "in 1 s"));
    release(fixture, &holder, NULL);
    settle(fixture);
    g_assert_nonnull(patient.permit);
    g_assert_cmpuint(statistics(fixture).refused, ==, 2);
    answer_clear(&early);
    answer_clear(&late);
    answer_clear(&patient);
}

static gpointer
cancel_in_a_thread(gpointer data)
{
    g_cancellable_cancel(data);
    return NULL;
}

static void
test_cancel(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    Answer holder = {0}, answers[3] = {0};
    const ExgThrottleTarget target = {ENDPOINT, ACCOUNT, "a@example.com"};
    take_now(fixture, "a@example.com", &holder);
    g_autoptr(GCancellable) here = g_cancellable_new();
    g_autoptr(GCancellable) there = g_cancellable_new();
    exg_throttle_take(fixture->throttle, &target, EXG_NO_DEADLINE, here, answered, &answers[0]);
    exg_throttle_take(fixture->throttle, &target, EXG_NO_DEADLINE, there, answered, &answers[1]);
    take(fixture, "a@example.com", &answers[2]);
    settle(fixture);
    g_cancellable_cancel(here);
    g_assert_cmpuint(answers[0].answers, ==, 0);
    settle(fixture);
    g_assert_error(answers[0].error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_thread_join(g_thread_new("cancels", cancel_in_a_thread, there));
    settle(fixture);
    g_assert_error(answers[1].error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_assert_cmpuint(answers[2].answers, ==, 0);

    Answer before = {0};
    exg_throttle_take(fixture->throttle, &target, EXG_NO_DEADLINE, here, answered, &before);
    g_assert_cmpuint(before.answers, ==, 0);
    settle(fixture);
    g_assert_error(before.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    answer_clear(&before);

    release(fixture, &holder, NULL);
    settle(fixture);
    g_assert_nonnull(answers[2].permit);
    g_assert_cmpuint(statistics(fixture).refused, ==, 0);
    for (guint i = 0; i < 3; i++)
        answer_clear(&answers[i]);
}

/* Cancelled in the very round in which its turn comes: either answer is right, but only one. */
static void
test_cancel_meets_permit(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    Answer holder = {0}, answer = {0};
    const ExgThrottleTarget target = {ENDPOINT, ACCOUNT, "a@example.com"};
    take_now(fixture, "a@example.com", &holder);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    exg_throttle_take(fixture->throttle, &target, EXG_NO_DEADLINE, cancellable, answered, &answer);
    settle(fixture);
    release(fixture, &holder, NULL);
    g_cancellable_cancel(cancellable);
    settle(fixture);
    g_assert_cmpuint(answer.answers, ==, 1);
    answer_clear(&answer);
    settle(fixture);
    g_assert_cmpuint(statistics(fixture).in_flight, ==, 0);
}

static const ExgThrottleOptions short_line = {.max_per_endpoint = 1, .max_waiting = 3};

static void
test_bounded(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    Answer answers[6] = {0};
    take_now(fixture, "a@example.com", &answers[0]);
    for (guint i = 1; i < 6; i++)
        take(fixture, "b@example.com", &answers[i]);
    settle(fixture);
    for (guint i = 1; i < 4; i++)
        g_assert_cmpuint(answers[i].answers, ==, 0);
    g_assert_error(answers[4].error, EXG_ERROR, EXG_ERROR_BUSY);
    g_assert_error(answers[5].error, EXG_ERROR, EXG_ERROR_BUSY);
    g_assert_cmpuint(statistics(fixture).refused, ==, 2);
    for (guint i = 0; i < 6; i++) {
        answer_clear(&answers[i]);
        settle(fixture);
    }
    g_assert_cmpuint(statistics(fixture).mailboxes, ==, 0);
}

/* --- back-off --------------------------------------------------------------------------------- */

static void
test_backoff(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    Answer holders[2] = {0}, waiting = {0};
    take_now(fixture, "a@example.com", &holders[0]);
    take_now(fixture, "a@example.com", &holders[1]);
    take(fixture, "a@example.com", &waiting);
    settle(fixture);
    g_autoptr(GError) minute = busy("ErrorInsufficientResources", "4.3.2", 60000);
    release(fixture, &holders[0], minute);
    settle(fixture);
    /* Who waits is told at once. */
    g_assert_error(waiting.error, EXG_ERROR, EXG_ERROR_BUSY);
    const ExgErrorFacts *facts = exg_error_facts(waiting.error);
    g_assert_cmpstr(facts->service_code, ==, "ErrorInsufficientResources");
    g_assert_cmpstr(facts->enhanced, ==, "4.3.2");
    g_assert_true(
        g_regex_match_simple("^Exchange asked to wait at \\d\\d:\\d\\d:\\d\\d; 60 s are left "
                             "\\(ErrorInsufficientResources\\)$",
                             waiting.error->message, 0, 0));
    answer_clear(&waiting);

    /* What was under way ends well, or asks for less: neither shortens it. */
    release(fixture, &holders[1], NULL);
    advance_ms(fixture, 20000);
    gint64 left_ms = refused(fixture, "b@example.com", EXG_ERROR_BUSY);
    g_assert_cmpint(left_ms, >, 30000);
    g_assert_cmpint(left_ms, <=, 40000);
    g_assert_cmpint(statistics(fixture).closed_ms, >, 30000);
    /* Not a moment too early. */
    advance_ms(fixture, left_ms - 1000);
    g_assert_cmpint(refused(fixture, "b@example.com", EXG_ERROR_BUSY), <=, 1000);
    advance_ms(fixture, 1001);
    request(fixture, "b@example.com", NULL);
    g_assert_cmpint(statistics(fixture).closed_ms, ==, 0);
}

static void
test_backoff_gets_longer_only(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    Answer holders[3] = {0};
    for (guint i = 0; i < 3; i++)
        take_now(fixture, i < 2 ? "a@example.com" : "b@example.com", &holders[i]);
    g_autoptr(GError) minute = busy("ErrorInsufficientResources", "4.3.2", 60000);
    g_autoptr(GError) second = busy("ErrorInsufficientResources", "4.3.2", 1000);
    g_autoptr(GError) ages = busy("ErrorInsufficientResources", "4.3.2", (gint64)86400 * 1000);
    release(fixture, &holders[0], minute);
    release(fixture, &holders[1], second);
    g_assert_cmpint(refused(fixture, "a@example.com", EXG_ERROR_BUSY), >, 50000);
    release(fixture, &holders[2], ages);
    gint64 left_ms = refused(fixture, "a@example.com", EXG_ERROR_BUSY);
    g_assert_cmpint(left_ms, >, 3500 * 1000);
    g_assert_cmpint(left_ms, <=, EXG_THROTTLE_MAX_BACKOFF_MS);
    advance_ms(fixture, EXG_THROTTLE_MAX_BACKOFF_MS + 1);
    request(fixture, "a@example.com", NULL);
}

static void
test_mailbox_backoff(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    Answer holders[2] = {0}, waiting = {0};
    take_now(fixture, "a@example.com", &holders[0]);
    take_now(fixture, "a@example.com", &holders[1]);
    take(fixture, "a@example.com", &waiting);
    g_autoptr(GError) minute = busy("ErrorServerBusy", "4.2.1", 60000);
    release(fixture, &holders[0], minute);
    settle(fixture);
    g_assert_error(waiting.error, EXG_ERROR, EXG_ERROR_BUSY);
    g_assert_nonnull(strstr(waiting.error->message, "with this mailbox"));
    answer_clear(&waiting);
    release(fixture, &holders[1], NULL);
    g_assert_cmpint(refused(fixture, "A@example.com", EXG_ERROR_BUSY), >, 50000);
    request(fixture, "b@example.com", NULL);
    g_assert_cmpint(statistics(fixture).closed_ms, ==, 0);
    advance_ms(fixture, 60001);
    request(fixture, "a@example.com", NULL);
    g_assert_cmpuint(statistics(fixture).mailboxes, ==, 0);
}

/* Budgets are the mailboxes': one over its own does not keep the mail of the others waiting. */
static void
test_one_mailbox_busy(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    g_autoptr(GError) minute = busy("ErrorServerBusy", "4.3.2", 60000);
    guint limit = statistics(fixture).limit;
    request(fixture, "a@example.com", minute);
    g_assert_cmpint(refused(fixture, "a@example.com", EXG_ERROR_BUSY), >, 50000);
    g_assert_cmpint(statistics(fixture).closed_ms, ==, 0);
    g_assert_cmpuint(statistics(fixture).throttled, ==, 1);
    g_assert_cmpuint(statistics(fixture).limit, <, limit);
    request(fixture, "b@example.com", NULL);
    /* The same one again and again is still one. */
    for (guint i = 0; i < 5; i++) {
        advance_ms(fixture, 60001);
        request(fixture, "a@example.com", minute);
        request(fixture, "b@example.com", NULL);
    }
}

/* Three in a short time, and it is all of them. */
static void
test_many_mailboxes_busy(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    g_autoptr(GError) minute = busy("ErrorServerBusy", "4.3.2", 60000);
    request(fixture, "a@example.com", minute);
    advance_ms(fixture, 11000); /* long ago */
    request(fixture, "b@example.com", minute);
    advance_ms(fixture, 4000);
    request(fixture, "c@example.com", minute);
    g_assert_cmpint(statistics(fixture).closed_ms, ==, 0);
    advance_ms(fixture, 4000);
    request(fixture, "d@example.com", minute);
    g_assert_cmpint(statistics(fixture).closed_ms, >, 50000);
    g_assert_cmpint(refused(fixture, "e@example.com", EXG_ERROR_BUSY), >, 50000);
}

/* Where the account is charged for all, as with delegate access, it is never one mailbox alone. */
static void
test_account_charged(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    g_autoptr(GError) minute = busy("ErrorServerBusy", "4.3.2", 60000);
    request(fixture, "a@example.com", minute);
    g_assert_cmpint(refused(fixture, "b@example.com", EXG_ERROR_BUSY), >, 50000);
}

/* Without a time to wait the limit shrinks first; only at its lowest does a refusal close the endpoint. */
static void
test_busy_without_time(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    g_autoptr(GError) full = busy("ErrorServerBusy", "4.3.2", -1);
    request(fixture, "a@example.com", full);
    g_assert_cmpuint(statistics(fixture).limit, ==, 1);
    request(fixture, "a@example.com", full);
    request(fixture, "a@example.com", NULL); /* not in a row */
    request(fixture, "a@example.com", full);
    request(fixture, "a@example.com", full);
    gint64 expected_ms = 1000;
    for (guint i = 0; i < 10; i++) {
        gint64 left_ms = refused(fixture, "a@example.com", EXG_ERROR_BUSY);
        g_assert_cmpint(left_ms, >=, expected_ms * 3 / 4 - 100);
        g_assert_cmpint(left_ms, <=, MIN(expected_ms * 5 / 4, 60000));
        advance_ms(fixture, left_ms + 1);
        request(fixture, "a@example.com", full);
        expected_ms = MIN(expected_ms * 2, 60000);
    }
    advance_ms(fixture, 60001);
    request(fixture, "a@example.com", NULL);
    request(fixture, "a@example.com", full); /* a try of two at a time, which is taken back */
    request(fixture, "a@example.com", full);
    request(fixture, "a@example.com", full);
    g_assert_cmpint(refused(fixture, "a@example.com", EXG_ERROR_BUSY), <=, 1250);
}

/* Mail for a database that is down must not slow the mail for the others. */
static void
test_faults_are_no_load(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    g_autoptr(GError) down = busy("ErrorMailboxStoreUnavailable", "4.3.2", -1);
    for (guint i = 0; i < 100; i++)
        request(fixture, "a@example.com", down);
    g_assert_cmpuint(statistics(fixture).limit, ==, 64);
    g_assert_cmpuint(statistics(fixture).throttled, ==, 0);
}

/* A connection count is the account's: another account goes on. */
static void
test_account_limit(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    g_autoptr(GError) crowded = busy("ErrorExceededConnectionCount", "4.3.2", 30000);
    request(fixture, "a@example.com", crowded);
    refused(fixture, "a@example.com", EXG_ERROR_BUSY);
    g_assert_cmpuint(statistics(fixture).limit, ==, 64);
    Answer other = {0};
    take_account(fixture, "other", 1, &other);
    settle(fixture);
    g_assert_nonnull(other.permit);
    answer_clear(&other);
}

/* --- size ------------------------------------------------------------------------------------- */

#define MAILBOXES 10000

static const ExgThrottleOptions large = {.max_waiting = 3 * MAILBOXES};

static void
test_many_mailboxes(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    g_autofree Answer *answers = g_new0(Answer, 3 * MAILBOXES);
    gint64 start_us = g_get_monotonic_time();
    for (guint i = 0; i < 3 * MAILBOXES; i++)
        take_account(fixture, ACCOUNT, i % MAILBOXES, &answers[i]);
    g_assert_cmpuint(statistics(fixture).mailboxes, ==, MAILBOXES);
    for (guint done = 0; done < 3 * MAILBOXES;) {
        settle(fixture);
        g_assert_cmpuint(statistics(fixture).in_flight, <=, 64);
        /* Round-robin: they come in the order of their mailboxes. */
        g_assert_nonnull(answers[done].permit);
        for (; done < 3 * MAILBOXES && answers[done].permit != NULL; done++)
            release(fixture, &answers[done], NULL);
    }
    settle(fixture);
    g_assert_cmpuint(statistics(fixture).mailboxes, ==, 0);
    g_test_message("%d requests in %" G_GINT64_FORMAT " us", 3 * MAILBOXES,
                   g_get_monotonic_time() - start_us);

    /* All are refused when the endpoint closes. */
    Answer last = {0};
    take_now(fixture, "last@example.com", &last);
    for (guint i = 0; i < MAILBOXES; i++)
        take_account(fixture, ACCOUNT, i, &answers[i]);
    settle(fixture);
    guint permits = count_permits(answers, MAILBOXES);
    g_assert_cmpuint(permits, ==, 63);
    g_autoptr(GError) minute = busy("ErrorInsufficientResources", "4.3.2", 60000);
    release(fixture, &last, minute);
    settle(fixture);
    for (guint i = 0; i < MAILBOXES; i++) {
        g_assert_cmpuint(answers[i].answers, ==, 1);
        answer_clear(&answers[i]);
    }
}

/* So many mailboxes in back-off that not all are remembered. */
static void
test_many_paused(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    g_autoptr(GError) minute = busy("ErrorServerBusy", "4.2.1", 60000);
    for (guint i = 0; i < EXG_THROTTLE_MAX_PAUSED + 10; i++) {
        g_autofree char *mailbox = g_strdup_printf("m%u@example.com", i);
        Answer answer = {0};
        take(fixture, mailbox, &answer);
        settle(fixture);
        release(fixture, &answer, minute);
    }
    settle(fixture);
    g_assert_cmpuint(statistics(fixture).mailboxes, ==, EXG_THROTTLE_MAX_PAUSED);
    refused(fixture, "m10009@example.com", EXG_ERROR_BUSY);
    request(fixture, "m0@example.com", NULL);
    /* When the time is over the next one clears them away. */
    advance_ms(fixture, 60001);
    request(fixture, "last@example.com", minute);
    g_assert_cmpuint(statistics(fixture).mailboxes, ==, 1);
}

/* --- life cycle ------------------------------------------------------------------------------- */

typedef struct {
    Fixture *fixture;
    guint left;
} Chain;

/* Gives back and takes again, inside the answer. */
static void
chain(ExgPermit *permit, const GError *error, gpointer data)
{
    Chain *self = data;
    g_assert_no_error(error);
    exg_permit_release(permit, NULL);
    if (--self->left == 0)
        return;
    const ExgThrottleTarget target = {ENDPOINT, ACCOUNT, "a@example.com"};
    exg_throttle_take(self->fixture->throttle, &target, EXG_NO_DEADLINE, NULL, chain, self);
}

static void
test_reentrant(Fixture *fixture, gconstpointer options)
{
    const ExgThrottleTarget target = {ENDPOINT, ACCOUNT, "a@example.com"};
    Chain self = {fixture, 10000};
    exg_throttle_take(fixture->throttle, &target, EXG_NO_DEADLINE, NULL, chain, &self);
    guint rounds = 0;
    while (self.left > 0) {
        exg_engine_iterate(fixture->engine, true);
        rounds++;
    }
    g_assert_cmpuint(rounds, >, 10); /* the sockets had their turns */
}

static void
test_outlives_its_owner(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    Answer holders[2] = {0}, waiting = {0};
    take_now(fixture, "a@example.com", &holders[0]);
    take_now(fixture, "a@example.com", &holders[1]);
    take(fixture, "a@example.com", &waiting);
    exg_throttle_unref(g_steal_pointer(&fixture->throttle));
    settle(fixture);
    answer_clear(&holders[0]);
    settle(fixture);
    g_assert_nonnull(waiting.permit);
    answer_clear(&waiting);
    answer_clear(&holders[1]);
    exg_permit_free(NULL);
    exg_throttle_unref(NULL);
}

#define ADD(name, options, function)                                                               \
    g_test_add("/throttle/" name, Fixture, options, set_up, function, tear_down)

int
main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    ADD("caps/A18.5-mailbox", NULL, test_mailbox_cap);
    ADD("caps/A18.5-account-and-endpoint", &delegate, test_account_and_endpoint_cap);
    ADD("caps/own-view", NULL, test_own_view);
    ADD("order/round-robin", &one_at_a_time, test_round_robin);
    ADD("wait/deadline", &one_at_a_time, test_deadline);
    ADD("wait/cancel", &one_at_a_time, test_cancel);
    ADD("wait/cancel-meets-permit", &one_at_a_time, test_cancel_meets_permit);
    ADD("wait/bounded", &short_line, test_bounded);
    ADD("backoff/endpoint", NULL, test_backoff);
    ADD("backoff/gets-longer-only", NULL, test_backoff_gets_longer_only);
    ADD("backoff/mailbox", NULL, test_mailbox_backoff);
    ADD("backoff/A13.6-one-mailbox", NULL, test_one_mailbox_busy);
    ADD("backoff/A13.6-many-mailboxes", NULL, test_many_mailboxes_busy);
    ADD("backoff/A13.6-account-charged", &delegate, test_account_charged);
    ADD("backoff/without-time", NULL, test_busy_without_time);
    ADD("backoff/faults-are-no-load", NULL, test_faults_are_no_load);
    ADD("backoff/account", NULL, test_account_limit);
    ADD("statistics/several", NULL, test_statistics_of_several);
    ADD("size/mailboxes", &large, test_many_mailboxes);
    ADD("size/paused", NULL, test_many_paused);
    ADD("life/reentrant", NULL, test_reentrant);
    ADD("life/outlives-its-owner", NULL, test_outlives_its_owner);
    return g_test_run();
}
