#include "common/base/error.h"
#include "common/throttle/gate-private.h"

#include <string.h>

#define SECOND ((gint64)G_USEC_PER_SEC)
/* 2020-01-01 12:03:10 UTC */
#define REAL_US ((gint64)1577880190 * G_USEC_PER_SEC)

static void
test_pause(void)
{
    ExgThrottlePause pause = {0};
    g_assert_cmpint(exg_throttle_pause_left_us(&pause, 5 * SECOND), ==, 0);
    g_assert_true(exg_throttle_pause_extend(&pause, 60 * SECOND, REAL_US, true, "ErrorServerBusy"));
    g_assert_false(exg_throttle_pause_extend(&pause, 59 * SECOND, REAL_US + 1, true, "Other"));
    g_autoptr(GError) error = exg_throttle_pause_error(&pause, EXG_THROTTLE_ENDPOINT, 18 * SECOND);
    g_assert_cmpstr(error->message, ==,
                    "Exchange asked to wait at 12:03:10; 42 s are left (ErrorServerBusy)");
    const ExgErrorFacts *facts = exg_error_facts(error);
    g_assert_cmpint(facts->retry_after_ms, ==, 42000);
    g_assert_cmpint(facts->smtp_code, ==, 451);
    g_assert_cmpstr(facts->enhanced, ==, "4.3.2");
    g_assert_cmpstr(facts->service_code, ==, "ErrorServerBusy");

    /* The last moment is still a second, and a code need not be known. */
    ExgThrottlePause own = {0};
    g_assert_true(exg_throttle_pause_extend(&own, 1, REAL_US, false, ""));
    g_autoptr(GError) last = exg_throttle_pause_error(&own, EXG_THROTTLE_MAILBOX, 0);
    g_assert_cmpstr(last->message, ==,
                    "Exchange was still busy at 12:03:10 with this mailbox; 1 s are left");
    g_assert_cmpint(exg_error_facts(last)->retry_after_ms, ==, 1);
    g_assert_null(exg_error_facts(last)->service_code);
}

static const ExgThrottleOutcome unreachable = {
    .unreachable = true, .scope = EXG_THROTTLE_ENDPOINT, .retry_after_ms = -1};
static const ExgThrottleOutcome success = {.reached = true,
                                           .logged_in = true,
                                           .served = true,
                                           .scope = EXG_THROTTLE_ENDPOINT,
                                           .retry_after_ms = -1};

static bool
pass_with(ExgThrottleGate *gate, const ExgThrottleOutcome *outcome, gint64 now_us)
{
    static guint64 serial;
    ExgThrottlePass pass = exg_throttle_gate_enter(gate, ++serial, now_us);
    bool changed = exg_throttle_gate_learn(gate, &pass, outcome, now_us);
    exg_throttle_gate_leave(gate, &pass);
    return changed;
}

static void
test_breaker(void)
{
    ExgThrottleGate *gate = exg_throttle_gate_new(EXG_THROTTLE_ENDPOINT, "key", 4, 2);
    g_assert_false(pass_with(gate, &unreachable, 0));
    g_assert_cmpint(exg_throttle_gate_state(gate, 0), ==, EXG_THROTTLE_OPEN);
    g_assert_true(pass_with(gate, &unreachable, 0));
    g_assert_cmpint(exg_throttle_gate_state(gate, SECOND - 1), ==, EXG_THROTTLE_SHUT);
    g_assert_cmpint(exg_throttle_gate_left_us(gate, 0), ==, SECOND);
    g_assert_cmpint(exg_throttle_gate_state(gate, SECOND), ==, EXG_THROTTLE_PROBE);

    ExgThrottlePass probe = exg_throttle_gate_enter(gate, 100, SECOND);
    g_assert_true(probe.probe);
    g_assert_cmpint(exg_throttle_gate_state(gate, 100 * SECOND), ==, EXG_THROTTLE_SHUT);
    g_autoptr(GError) error = exg_throttle_gate_error(gate, 100 * SECOND);
    g_assert_error(error, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    g_assert_nonnull(strstr(error->message, "the next attempt is in 1 s"));
    /* Without an outcome the next one follows at the usual time. */
    exg_throttle_gate_leave(gate, &probe);
    g_assert_cmpint(exg_throttle_gate_state(gate, 2 * SECOND - 1), ==, EXG_THROTTLE_SHUT);
    g_assert_cmpint(exg_throttle_gate_state(gate, 2 * SECOND), ==, EXG_THROTTLE_PROBE);
    g_assert_true(pass_with(gate, &success, 2 * SECOND));
    g_assert_cmpint(exg_throttle_gate_state(gate, 2 * SECOND), ==, EXG_THROTTLE_OPEN);
    g_assert_false(pass_with(gate, &success, 2 * SECOND));
    exg_throttle_gate_free(gate);
}

/* A back-off goes before a breaker: the probe waits for its end too. */
static void
test_pause_before_breaker(void)
{
    ExgThrottleGate *gate = exg_throttle_gate_new(EXG_THROTTLE_ENDPOINT, "key", 4, 1);
    g_assert_true(pass_with(gate, &unreachable, 0));
    g_assert_true(exg_throttle_pause_extend(&gate->pause, 10 * SECOND, REAL_US, true, "HTTP 503"));
    g_assert_cmpint(exg_throttle_gate_state(gate, 10 * SECOND - 1), ==, EXG_THROTTLE_SHUT);
    g_autoptr(GError) error = exg_throttle_gate_error(gate, 0);
    g_assert_error(error, EXG_ERROR, EXG_ERROR_BUSY);
    g_assert_null(exg_error_facts(error)->service_code);
    g_assert_cmpint(exg_throttle_gate_state(gate, 10 * SECOND), ==, EXG_THROTTLE_PROBE);
    exg_throttle_gate_free(gate);
}

int
main(int argc, char *argv[])
{
    g_setenv("TZ", "UTC0", TRUE);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/throttle/gate/pause", test_pause);
    g_test_add_func("/throttle/gate/breaker", test_breaker);
    g_test_add_func("/throttle/gate/pause-before-breaker", test_pause_before_breaker);
    return g_test_run();
}
