/* fixture.h - a throttle on an engine, and what it answered. For the tests of this directory. */
#ifndef EXG_TESTS_UNIT_THROTTLE_FIXTURE_H
#define EXG_TESTS_UNIT_THROTTLE_FIXTURE_H

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/throttle/throttle.h"

#define ENDPOINT "https://mail.example.com/EWS/Exchange.asmx"
#define ACCOUNT  "exgate@example.com"

typedef struct {
    ExgEngine *engine;
    ExgThrottle *throttle;
} Fixture;

typedef struct {
    guint answers;
    guint order; /* among all answers, from 1 */
    ExgPermit *permit;
    GError *error;
} Answer;

static guint answers_given;

G_GNUC_UNUSED static void
fixture_init(Fixture *fixture, const ExgThrottleOptions *options)
{
    answers_given = 0;
    fixture->engine = exg_engine_new(NULL);
    fixture->throttle = exg_throttle_new(fixture->engine, options);
}

/* Runs what is ready. */
G_GNUC_UNUSED static void
settle(Fixture *fixture)
{
    while (exg_engine_iterate(fixture->engine, false))
        ;
}

G_GNUC_UNUSED static void
fixture_clear(Fixture *fixture)
{
    exg_throttle_unref(fixture->throttle);
    settle(fixture);
    exg_engine_unref(fixture->engine);
}

G_GNUC_UNUSED static void
answered(ExgPermit *permit, const GError *error, gpointer data)
{
    Answer *answer = data;
    g_assert_true((permit != NULL) != (error != NULL));
    answer->answers++;
    answer->order = ++answers_given;
    answer->permit = permit;
    answer->error = error != NULL ? g_error_copy(error) : NULL;
}

G_GNUC_UNUSED static void
answer_clear(Answer *answer)
{
    exg_permit_free(g_steal_pointer(&answer->permit));
    g_clear_error(&answer->error);
    *answer = (Answer){0};
}

G_GNUC_UNUSED static void
take_from(Fixture *fixture, const char *endpoint, const char *mailbox, Answer *answer)
{
    const ExgThrottleTarget target = {endpoint, ACCOUNT, mailbox};
    exg_throttle_take(fixture->throttle, &target, EXG_NO_DEADLINE, NULL, answered, answer);
}

G_GNUC_UNUSED static void
take(Fixture *fixture, const char *mailbox, Answer *answer)
{
    guint before = answer->answers;
    take_from(fixture, ENDPOINT, mailbox, answer);
    g_assert_cmpuint(answer->answers, ==, before); /* never inside the call */
}

/* Takes, and waits for the answer. */
G_GNUC_UNUSED static void
take_now(Fixture *fixture, const char *mailbox, Answer *answer)
{
    take(fixture, mailbox, answer);
    while (answer->answers == 0)
        exg_engine_iterate(fixture->engine, true);
    g_assert_cmpuint(answer->answers, ==, 1);
}

G_GNUC_UNUSED static void
release(Fixture *fixture, Answer *answer, const GError *outcome)
{
    g_assert_nonnull(answer->permit);
    exg_permit_release(g_steal_pointer(&answer->permit), outcome);
    answer_clear(answer);
}

/* One request with this outcome. */
G_GNUC_UNUSED static void
request(Fixture *fixture, const char *mailbox, const GError *outcome)
{
    Answer answer = {0};
    take_now(fixture, mailbox, &answer);
    g_assert_no_error(answer.error);
    release(fixture, &answer, outcome);
    settle(fixture);
}

/* One request that is refused at once, with this code; answers how long it says to wait. */
G_GNUC_UNUSED static gint64
refused(Fixture *fixture, const char *mailbox, ExgErrorCode code)
{
    Answer answer = {0};
    take_now(fixture, mailbox, &answer);
    g_assert_error(answer.error, EXG_ERROR, (int)code);
    const ExgErrorFacts *facts = exg_error_facts(answer.error);
    g_assert_cmpint(facts->smtp_code, ==, 451);
    g_assert_cmpstr(facts->stage, ==, "throttle");
    gint64 wait_ms = facts->retry_after_ms;
    answer_clear(&answer);
    return wait_ms;
}

G_GNUC_UNUSED static void
advance_ms(Fixture *fixture, gint64 ms)
{
    exg_clock_advance(ms * 1000);
    settle(fixture);
}

/* (transfer full) */
G_GNUC_UNUSED static GError *
busy(const char *service_code, const char *enhanced, gint64 retry_after_ms)
{
    GError *error = exg_error_new(EXG_ERROR_BUSY, "Exchange answered %s", service_code);
    exg_error_set_service_code(error, service_code);
    exg_error_set_reply(error, 451, enhanced);
    exg_error_set_retry_after(error, retry_after_ms);
    return error;
}

G_GNUC_UNUSED static ExgThrottleStatistics
statistics(Fixture *fixture)
{
    ExgThrottleStatistics found;
    exg_throttle_get_statistics(fixture->throttle, (const char *const[]){ENDPOINT, NULL}, &found);
    return found;
}

/* A request that succeeds: from now on the account needs no proof. */
G_GNUC_UNUSED static void
prove(Fixture *fixture)
{
    request(fixture, "proof@example.com", NULL);
}

G_GNUC_UNUSED static void
take_account(Fixture *fixture, const char *account, guint number, Answer *answer)
{
    g_autofree char *mailbox = g_strdup_printf("m%u@example.com", number);
    const ExgThrottleTarget target = {ENDPOINT, account, mailbox};
    exg_throttle_take(fixture->throttle, &target, EXG_NO_DEADLINE, NULL, answered, answer);
}

G_GNUC_UNUSED static guint
count_permits(const Answer *answers, guint count)
{
    guint permits = 0;
    for (guint i = 0; i < count; i++)
        permits += answers[i].permit != NULL;
    return permits;
}

/* (transfer full) */
G_GNUC_UNUSED static GError *
auth_error(void)
{
    GError *error = exg_error_new(EXG_ERROR_AUTH, "Exchange refused the service account");
    exg_error_set_http_status(error, 401);
    return error;
}

/* (transfer full) */
G_GNUC_UNUSED static GError *
unreachable_error(void)
{
    GError *error = exg_error_new(EXG_ERROR_UNREACHABLE, "Cannot connect");
    exg_error_set_stage(error, "connect");
    return error;
}

#endif
