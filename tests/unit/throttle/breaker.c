/* What closes an account or an endpoint, the single probes that open it again, and the way to another endpoint. */
#include "tests/unit/throttle/fixture.h"

#include <string.h>

static const ExgThrottleOptions defaults = {0};
static const ExgThrottleOptions one_at_a_time = {.max_per_endpoint = 1};

static void
set_up(Fixture *fixture, gconstpointer options)
{
    fixture_init(fixture, options);
}

static void
tear_down(Fixture *fixture, gconstpointer options)
{
    fixture_clear(fixture);
}

static void
test_auth(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    g_autoptr(GError) failed = auth_error();
    request(fixture, "a@example.com", failed);
    request(fixture, "a@example.com", NULL); /* not in a row */
    request(fixture, "a@example.com", failed);
    request(fixture, "a@example.com", failed);
    guint attempts = 0;
    gint64 expected_ms = 900000;
    for (guint i = 0; i < 8; i++) {
        gint64 left_ms = refused(fixture, "b@example.com", EXG_ERROR_AUTH);
        g_assert_cmpint(left_ms, >, expected_ms - 1000);
        g_assert_cmpint(left_ms, <=, expected_ms);
        advance_ms(fixture, left_ms + 1);
        /* One probe; whoever comes meanwhile is refused. */
        Answer answers[3] = {0};
        for (guint j = 0; j < 3; j++)
            take(fixture, "b@example.com", &answers[j]);
        settle(fixture);
        g_assert_cmpuint(count_permits(answers, 3), ==, 1);
        g_assert_nonnull(answers[0].permit);
        g_assert_error(answers[2].error, EXG_ERROR, EXG_ERROR_AUTH);
        g_assert_nonnull(strstr(answers[2].error->message, "the next attempt is at"));
        release(fixture, &answers[0], failed);
        attempts++;
        answer_clear(&answers[1]);
        answer_clear(&answers[2]);
        expected_ms = MIN(expected_ms * 2, 3600000);
    }
    g_assert_cmpuint(attempts, ==, 8);
    advance_ms(fixture, 3600001);
    request(fixture, "a@example.com", NULL);
    request(fixture, "a@example.com", NULL);
}

/* A wrong password under steady incoming mail: of the five attempts that lock an account, no more than four fall into any
 * hour, and into the half hour that Windows usually counts over no more than three. */
static void
test_lock_out(Fixture *fixture, gconstpointer options)
{
    enum { DAY_S = 24 * 3600, STEP_S = 20 };
    g_autoptr(GError) failed = auth_error();
    gint attempts[64];
    guint count = 0;
    for (gint now_s = 0; now_s < DAY_S; now_s += STEP_S) {
        Answer answer = {0};
        take_now(fixture, "a@example.com", &answer);
        if (answer.permit != NULL) {
            g_assert_cmpuint(count, <, G_N_ELEMENTS(attempts));
            attempts[count++] = now_s;
            release(fixture, &answer, failed);
        }
        answer_clear(&answer);
        advance_ms(fixture, STEP_S * 1000);
    }
    g_assert_cmpuint(count, >=, 24);
    for (guint i = 4; i < count; i++)
        g_assert_cmpint(attempts[i] - attempts[i - 4], >, 3600);
    for (guint i = 3; i < count; i++)
        g_assert_cmpint(attempts[i] - attempts[i - 3], >, 1800);
    /* New credentials are tried at once, and then mail flows. */
    exg_throttle_renew_account(fixture->throttle, ACCOUNT, exg_clock_real_us() + 1);
    request(fixture, "a@example.com", NULL);
    request(fixture, "a@example.com", NULL);
}

/* A probe that never answers, or is cancelled, is followed by one other per interval and no more. */
static void
test_lost_probe(Fixture *fixture, gconstpointer options)
{
    g_autoptr(GError) failed = auth_error();
    request(fixture, "a@example.com", failed);
    request(fixture, "a@example.com", failed);
    advance_ms(fixture, 900001);
    Answer probe = {0};
    take_now(fixture, "a@example.com", &probe);
    g_assert_nonnull(probe.permit);
    answer_clear(&probe);
    settle(fixture);
    refused(fixture, "a@example.com", EXG_ERROR_AUTH);
    advance_ms(fixture, 900001);
    take_now(fixture, "a@example.com", &probe);
    g_assert_nonnull(probe.permit);
    /* While it is under way there is no other, however long it takes. */
    advance_ms(fixture, 4000000);
    refused(fixture, "a@example.com", EXG_ERROR_AUTH);
    release(fixture, &probe, NULL);
    request(fixture, "a@example.com", NULL);
}

/* A wrong password at the start is tried twice, not as often as requests may be in flight. */
static void
test_proof(Fixture *fixture, gconstpointer options)
{
    Answer answers[20] = {0};
    for (guint i = 0; i < 20; i++)
        take_account(fixture, ACCOUNT, i, &answers[i]);
    settle(fixture);
    g_assert_cmpuint(count_permits(answers, 20), ==, 2);
    g_autoptr(GError) failed = auth_error();
    release(fixture, &answers[0], failed);
    settle(fixture);
    g_assert_cmpuint(count_permits(answers, 20), ==, 1);
    release(fixture, &answers[1], failed);
    settle(fixture);
    g_assert_cmpuint(count_permits(answers, 20), ==, 0);
    for (guint i = 2; i < 20; i++) {
        g_assert_error(answers[i].error, EXG_ERROR, EXG_ERROR_AUTH);
        answer_clear(&answers[i]);
    }
}

static void
test_proof_runs_out(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    Answer answers[20] = {0};
    for (guint i = 0; i < 20; i++)
        take_account(fixture, ACCOUNT, i, &answers[i]);
    settle(fixture);
    g_assert_cmpuint(count_permits(answers, 20), ==, 20);
    for (guint i = 0; i < 20; i++)
        answer_clear(&answers[i]);
    advance_ms(fixture, 61000);
    for (guint i = 0; i < 20; i++)
        take_account(fixture, ACCOUNT, i, &answers[i]);
    settle(fixture);
    g_assert_cmpuint(count_permits(answers, 20), ==, 2);
    /* Two that take their time hold up the others for a moment only. */
    advance_ms(fixture, 5002);
    g_assert_cmpuint(count_permits(answers, 20), ==, 3);
    advance_ms(fixture, 5002);
    g_assert_cmpuint(count_permits(answers, 20), ==, 4);
    release(fixture, &answers[0], NULL);
    settle(fixture);
    g_assert_cmpuint(count_permits(answers, 20), ==, 19);
    for (guint i = 0; i < 20; i++)
        answer_clear(&answers[i]);
}

/* What logged in before the password was changed proves nothing about the new one. */
static void
test_old_success(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    Answer old = {0}, first = {0}, second = {0};
    take_now(fixture, "old@example.com", &old);
    take_now(fixture, "a@example.com", &first);
    take_now(fixture, "a@example.com", &second);
    g_autoptr(GError) failed = auth_error();
    release(fixture, &first, failed);
    release(fixture, &second, failed);
    release(fixture, &old, NULL);
    refused(fixture, "a@example.com", EXG_ERROR_AUTH);
}

static void
test_unreachable(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    g_autoptr(GError) failed = unreachable_error();
    for (guint i = 0; i < 4; i++)
        request(fixture, "a@example.com", failed);
    request(fixture, "a@example.com", NULL);
    for (guint i = 0; i < 4; i++)
        request(fixture, "a@example.com", failed);
    Answer holder = {0}, waiting = {0};
    take_now(fixture, "a@example.com", &holder);
    Answer second = {0};
    take_now(fixture, "a@example.com", &second);
    take(fixture, "a@example.com", &waiting);
    settle(fixture);
    release(fixture, &holder, failed);
    settle(fixture);
    g_assert_error(waiting.error, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    g_assert_cmpstr(exg_error_facts(waiting.error)->enhanced, ==, "4.4.1");
    answer_clear(&waiting);
    /* What was under way when it closed makes it no worse. */
    release(fixture, &second, failed);
    gint64 expected_ms = 1000;
    for (guint i = 0; i < 9; i++) {
        gint64 left_ms = refused(fixture, "b@example.com", EXG_ERROR_UNREACHABLE);
        g_assert_cmpint(left_ms, >, expected_ms - 1000);
        g_assert_cmpint(left_ms, <=, expected_ms);
        advance_ms(fixture, left_ms + 1);
        Answer probe = {0};
        take_now(fixture, "c@example.com", &probe);
        g_assert_nonnull(probe.permit);
        refused(fixture, "b@example.com", EXG_ERROR_UNREACHABLE);
        release(fixture, &probe, failed);
        expected_ms = MIN(expected_ms * 2, 60000);
    }
    advance_ms(fixture, 60001);
    request(fixture, "a@example.com", NULL);
    request(fixture, "a@example.com", NULL);
}

/* A refused log-in or a full mailbox is an answer too. */
static void
test_any_answer_is_reachable(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    g_autoptr(GError) failed = unreachable_error();
    g_autoptr(GError) full = exg_error_new(EXG_ERROR_QUOTA, "The mailbox is full");
    for (guint i = 0; i < 20; i++)
        request(fixture, "a@example.com", i % 5 == 4 ? full : failed);
    request(fixture, "a@example.com", NULL);
}

static void
test_what_does_not_count(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    g_autoptr(GError) cancelled = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CANCELLED, "stop");
    g_autoptr(GError) local = exg_error_new(EXG_ERROR_RESOURCES, "out of descriptors");
    g_autoptr(GError) failed = unreachable_error();
    for (guint i = 0; i < 4; i++)
        request(fixture, "a@example.com", failed);
    for (guint i = 0; i < 10; i++) {
        Answer dropped = {0};
        take_now(fixture, "a@example.com", &dropped);
        answer_clear(&dropped);
        request(fixture, "a@example.com", cancelled);
        request(fixture, "a@example.com", local);
    }
    g_assert_cmpuint(statistics(fixture).limit, ==, 64);
    /* Not counted as a success either: this is the fifth in a row. */
    request(fixture, "a@example.com", failed);
    refused(fixture, "a@example.com", EXG_ERROR_UNREACHABLE);
}

static void
test_renew(Fixture *fixture, gconstpointer options)
{
    g_autoptr(GError) failed = auth_error();
    request(fixture, "a@example.com", failed);
    request(fixture, "a@example.com", failed);
    refused(fixture, "a@example.com", EXG_ERROR_AUTH);
    exg_throttle_renew_account(fixture->throttle, ACCOUNT, exg_clock_real_us() + 1);
    request(fixture, "a@example.com", NULL);
    request(fixture, "b@example.com", NULL);
}

/* What was refused already is not tried again, however often it is read. */
static void
test_not_renewed(Fixture *fixture, gconstpointer options)
{
    g_autoptr(GError) failed = auth_error();
    gint64 written_us = exg_clock_real_us();
    advance_ms(fixture, 1000);
    request(fixture, "a@example.com", failed);
    request(fixture, "a@example.com", failed);
    exg_throttle_renew_account(fixture->throttle, ACCOUNT, written_us);
    refused(fixture, "a@example.com", EXG_ERROR_AUTH);
}

static void
test_brief(Fixture *fixture, gconstpointer options)
{
    g_autoptr(GError) failed = auth_error();
    exg_throttle_close_account_at_once(fixture->throttle, ACCOUNT);
    request(fixture, "a@example.com", failed);
    refused(fixture, "a@example.com", EXG_ERROR_AUTH);
}

/* --- fail-over -------------------------------------------------------------------------------- */

static void
fail_endpoint(Fixture *fixture, const char *endpoint, const GError *outcome)
{
    Answer answer = {0};
    take_from(fixture, endpoint, "a@example.com", &answer);
    settle(fixture);
    release(fixture, &answer, outcome);
    settle(fixture);
}

static void
test_first_usable(Fixture *fixture, gconstpointer options)
{
    static const char *const endpoints[] = {"one", "two", "three"};
    ExgThrottle *throttle = fixture->throttle;
    g_assert_cmpuint(exg_throttle_first_usable(throttle, endpoints, 3), ==, 0);
    g_autoptr(GError) failed = unreachable_error();
    for (guint i = 0; i < 5; i++)
        fail_endpoint(fixture, "one", failed);
    g_assert_cmpuint(exg_throttle_first_usable(throttle, endpoints, 3), ==, 1);
    g_autoptr(GError) minute = busy("ErrorInsufficientResources", "4.3.2", 60000);
    fail_endpoint(fixture, "two", minute);
    g_assert_cmpuint(exg_throttle_first_usable(throttle, endpoints, 3), ==, 2);
    g_autoptr(GError) hour = busy("ErrorInsufficientResources", "4.3.2", 3600000);
    fail_endpoint(fixture, "three", hour);
    /* All are closed: the one that opens first. */
    g_assert_cmpuint(exg_throttle_first_usable(throttle, endpoints, 3), ==, 0);
    advance_ms(fixture, 60001);
    /* The first one's probe is due; it is named once, the others go where it works. */
    g_assert_cmpuint(exg_throttle_first_usable(throttle, endpoints, 3), ==, 0);
    g_assert_cmpuint(exg_throttle_first_usable(throttle, endpoints, 3), ==, 1);
    fail_endpoint(fixture, "one", NULL);
    g_assert_cmpuint(exg_throttle_first_usable(throttle, endpoints, 3), ==, 0);
}

/* A full endpoint holds up nobody who waits for another. */
static void
test_endpoints_are_apart(Fixture *fixture, gconstpointer options)
{
    prove(fixture);
    Answer holder = {0}, waiting = {0}, other = {0};
    take_now(fixture, "a@example.com", &holder);
    take(fixture, "b@example.com", &waiting);
    take_from(fixture, "other", "c@example.com", &other);
    settle(fixture);
    g_assert_cmpuint(waiting.answers, ==, 0);
    g_assert_nonnull(other.permit);
    answer_clear(&other);
    answer_clear(&holder);
    settle(fixture);
    g_assert_nonnull(waiting.permit);
    answer_clear(&waiting);
}

#define ADD(name, options, function)                                                               \
    g_test_add("/throttle/" name, Fixture, options, set_up, function, tear_down)

int
main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    ADD("auth/breaker", &defaults, test_auth);
    ADD("A11.6,F14-lock-out", &defaults, test_lock_out);
    ADD("auth/lost-probe", &defaults, test_lost_probe);
    ADD("auth/F14-proof", &defaults, test_proof);
    ADD("auth/proof-runs-out", &defaults, test_proof_runs_out);
    ADD("auth/old-success", &defaults, test_old_success);
    ADD("auth/renew", &defaults, test_renew);
    ADD("auth/F14-not-renewed", &defaults, test_not_renewed);
    ADD("auth/brief", &defaults, test_brief);
    ADD("unreachable/breaker", &defaults, test_unreachable);
    ADD("unreachable/any-answer", &defaults, test_any_answer_is_reachable);
    ADD("unreachable/what-does-not-count", &defaults, test_what_does_not_count);
    ADD("fail-over/first-usable", &defaults, test_first_usable);
    ADD("fail-over/apart", &one_at_a_time, test_endpoints_are_apart);
    return g_test_run();
}
