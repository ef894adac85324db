#include "common/throttle/gate-private.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/throttle/throttle.h"

#define BUSY_FIRST_US    (1 * G_USEC_PER_SEC)
#define BUSY_LONGEST_US  (60 * G_USEC_PER_SEC)
#define BUSY_REPEATS     2
#define SUSPICION_US     (10 * G_USEC_PER_SEC)
#define PROVEN_US        (60 * G_USEC_PER_SEC)
#define PROOF_SILENCE_US (5 * G_USEC_PER_SEC) /* credentials that are wrong are refused sooner */

typedef struct {
    gint64 shortest_us, longest_us;
} Intervals;

static const Intervals intervals[] = {
    [EXG_THROTTLE_ENDPOINT] = {1 * G_USEC_PER_SEC, 60 * G_USEC_PER_SEC},
    /* Two refusals close it, so that there are four attempts within any hour: five lock an account. */
    [EXG_THROTTLE_ACCOUNT] = {900 * (gint64)G_USEC_PER_SEC, 3600 * (gint64)G_USEC_PER_SEC},
};

/* "12:03:10", of the host's time zone. */
static char *
time_of_day(gint64 real_us)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(real_us / G_USEC_PER_SEC);
    return time != NULL ? g_date_time_format(time, "%H:%M:%S") : g_strdup("?");
}

static GError *
finish_error(GError *error, const char *enhanced, gint64 left_us)
{
    exg_error_set_reply(error, 451, enhanced);
    exg_error_set_retry_after(error, (left_us + 999) / 1000);
    exg_error_set_stage(error, "throttle");
    return error;
}

/* --- back-off --------------------------------------------------------------------------------- */

bool
exg_throttle_pause_extend(ExgThrottlePause *pause, gint64 until_us, gint64 since_real_us,
                          bool asked, const char *code)
{
    if (until_us <= pause->until_us)
        return false;
    pause->until_us = until_us;
    pause->since_real_us = since_real_us;
    pause->asked = asked;
    g_strlcpy(pause->code, code, sizeof pause->code);
    return true;
}

GError *
exg_throttle_pause_error(const ExgThrottlePause *pause, ExgThrottleScope scope, gint64 now_us)
{
    gint64 left_us = exg_throttle_pause_left_us(pause, now_us);
    g_autofree char *since = time_of_day(pause->since_real_us);
    GError *error = exg_error_new(
        EXG_ERROR_BUSY, "Exchange %s at %s%s; %" G_GINT64_FORMAT " s are left%s%s%s",
        pause->asked ? "asked to wait" : "was still busy", since,
        scope == EXG_THROTTLE_MAILBOX ? " with this mailbox" : "",
        (left_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC, pause->code[0] != '\0' ? " (" : "",
        pause->code, pause->code[0] != '\0' ? ")" : "");
    if (g_str_has_prefix(pause->code, "Error"))
        exg_error_set_service_code(error, pause->code);
    return finish_error(error, "4.3.2", left_us);
}

/* --- breaker ---------------------------------------------------------------------------------- */

/* Answers whether it closed the gate, or for longer than before. */
static bool
breaker_failed(ExgThrottleGate *gate, const ExgThrottlePass *pass, gint64 now_us)
{
    ExgThrottleBreaker *breaker = &gate->breaker;
    const Intervals *range = &intervals[gate->scope];
    breaker->failures = MIN(breaker->failures + 1, G_MAXUINT16);
    breaker->newest_failed = MAX(breaker->newest_failed, pass->serial);
    if (breaker->interval_us == 0) {
        if (breaker->failures < gate->failures_to_close)
            return false;
        breaker->interval_us = range->shortest_us;
    } else {
        /* What was under way when the gate was closed says nothing new. */
        if (!pass->probe)
            return false;
        breaker->interval_us = MIN(breaker->interval_us * 2, range->longest_us);
    }
    breaker->probe_us = now_us + breaker->interval_us;
    breaker->since_real_us = exg_clock_real_us();
    return true;
}

static bool
breaker_succeeded(ExgThrottleBreaker *breaker)
{
    bool was_closed = breaker->interval_us != 0;
    breaker->failures = 0;
    breaker->interval_us = 0;
    return was_closed;
}

static GError *
breaker_error(const ExgThrottleGate *gate, gint64 now_us)
{
    const ExgThrottleBreaker *breaker = &gate->breaker;
    /* A probe that takes its time is over at some point soon. */
    gint64 left_us = MAX(breaker->probe_us - now_us, G_USEC_PER_SEC);
    g_autofree char *since = time_of_day(breaker->since_real_us);
    if (gate->scope == EXG_THROTTLE_ACCOUNT) {
        g_autofree char *next = time_of_day(exg_clock_real_us() + left_us);
        GError *error = exg_error_new(
            EXG_ERROR_AUTH,
            "Exchange refused the service account at %s; to keep it from being locked out, the "
            "next attempt is at %s",
            since, next);
        return finish_error(error, "4.7.0", left_us);
    }
    GError *error = exg_error_new(
        EXG_ERROR_UNREACHABLE,
        "Exchange could not be reached at %s; the next attempt is in %" G_GINT64_FORMAT " s", since,
        (left_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC);
    return finish_error(error, "4.4.1", left_us);
}

/* --- gate ------------------------------------------------------------------------------------- */

ExgThrottleGate *
exg_throttle_gate_new(ExgThrottleScope scope, const char *key, guint max, guint failures_to_close)
{
    ExgThrottleGate *gate = g_new0(ExgThrottleGate, 1);
    gate->scope = scope;
    gate->key = g_strdup(key);
    gate->failures_to_close = failures_to_close;
    gate->busy_wait_us = BUSY_FIRST_US;
    exg_throttle_limit_init(&gate->limit, max);
    return gate;
}

void
exg_throttle_gate_free(ExgThrottleGate *gate)
{
    g_free(gate->key);
    g_free(gate);
}

ExgThrottleState
exg_throttle_gate_state(const ExgThrottleGate *gate, gint64 now_us)
{
    const ExgThrottleBreaker *breaker = &gate->breaker;
    if (now_us < gate->pause.until_us)
        return EXG_THROTTLE_SHUT;
    if (breaker->interval_us == 0)
        return EXG_THROTTLE_OPEN;
    return breaker->probing || now_us < breaker->probe_us ? EXG_THROTTLE_SHUT : EXG_THROTTLE_PROBE;
}

GError *
exg_throttle_gate_error(const ExgThrottleGate *gate, gint64 now_us)
{
    if (now_us < gate->pause.until_us)
        return exg_throttle_pause_error(&gate->pause, gate->scope, now_us);
    return breaker_error(gate, now_us);
}

gint64
exg_throttle_gate_left_us(const ExgThrottleGate *gate, gint64 now_us)
{
    gint64 left_us = exg_throttle_pause_left_us(&gate->pause, now_us);
    if (gate->breaker.interval_us != 0)
        left_us = MAX(left_us, gate->breaker.probe_us - now_us);
    return left_us;
}

bool
exg_throttle_gate_has_room(const ExgThrottleGate *gate, gint64 now_us, gint64 *ret_again_us)
{
    if (gate->in_flight >= gate->limit.now)
        return false;
    if (gate->scope != EXG_THROTTLE_ACCOUNT || now_us < gate->proven_until_us)
        return true;
    guint failures = MIN(gate->breaker.failures, gate->failures_to_close - 1);
    gint64 silent_us = gate->proof_since_us + PROOF_SILENCE_US;
    if (gate->in_flight < gate->failures_to_close - failures || now_us >= silent_us)
        return true;
    *ret_again_us = silent_us;
    return false;
}

ExgThrottlePass
exg_throttle_gate_enter(ExgThrottleGate *gate, guint64 serial, gint64 now_us)
{
    ExgThrottlePass pass = {
        .serial = serial, .epoch = gate->limit.epoch, .level = ++gate->in_flight};
    gate->granted++;
    if (now_us >= gate->proven_until_us)
        gate->proof_since_us = now_us;
    if (gate->breaker.interval_us != 0) {
        pass.probe = true;
        gate->breaker.probing = true;
        gate->claim = EXG_THROTTLE_UNCLAIMED;
        /* From here on, so that a probe that is lost or never answered is followed by the next at the usual time. */
        gate->breaker.probe_us = now_us + gate->breaker.interval_us;
    }
    return pass;
}

static bool
learn_breaker(ExgThrottleGate *gate, const ExgThrottlePass *pass, const ExgThrottleOutcome *outcome,
              gint64 now_us)
{
    if (gate->scope == EXG_THROTTLE_ENDPOINT) {
        if (outcome->unreachable)
            return breaker_failed(gate, pass, now_us);
        return outcome->reached && breaker_succeeded(&gate->breaker);
    }
    if (outcome->refused_login) {
        gate->proven_until_us = 0;
        return breaker_failed(gate, pass, now_us);
    }
    /* What logged in before the refused one did may have done so with the credentials of that time. */
    if (!outcome->logged_in || pass->serial < gate->breaker.newest_failed)
        return false;
    gate->proven_until_us = now_us + PROVEN_US;
    return breaker_succeeded(&gate->breaker);
}

/* Refused for load, and not told for how long. */
static bool
learn_busy(ExgThrottleGate *gate, const ExgThrottleOutcome *outcome, gint64 now_us)
{
    if (gate->limit.refused_lowest < BUSY_REPEATS)
        return false;
    gate->limit.refused_lowest = BUSY_REPEATS - 1;
    /* Jitter, so that the hosts of a site do not come back together. */
    gint64 wait_us = (gint64)((double)gate->busy_wait_us * g_random_double_range(0.75, 1.25));
    gate->busy_wait_us = MIN(gate->busy_wait_us * 2, BUSY_LONGEST_US);
    return exg_throttle_pause_extend(&gate->pause, now_us + MIN(wait_us, BUSY_LONGEST_US),
                                     exg_clock_real_us(), false, outcome->code);
}

bool
exg_throttle_gate_learn(ExgThrottleGate *gate, const ExgThrottlePass *pass,
                        const ExgThrottleOutcome *outcome, gint64 now_us)
{
    bool changed = learn_breaker(gate, pass, outcome, now_us);
    bool concerned = outcome->scope == gate->scope;
    if (outcome->served) {
        gate->busy_wait_us = BUSY_FIRST_US;
        exg_throttle_limit_succeeded(&gate->limit, pass->epoch, gate->in_flight >= gate->limit.now,
                                     now_us);
    }
    if (outcome->busy && concerned) {
        gate->throttled++;
        exg_throttle_limit_refused(&gate->limit, pass->epoch, MAX(pass->level, gate->in_flight),
                                   now_us);
    }
    if (outcome->retry_after_ms > 0 && outcome->pause_scope == gate->scope)
        changed |= exg_throttle_pause_extend(
            &gate->pause, now_us + MIN(outcome->retry_after_ms, EXG_THROTTLE_MAX_BACKOFF_MS) * 1000,
            exg_clock_real_us(), true, outcome->code);
    else if (outcome->retry_after_ms <= 0 && outcome->busy && concerned)
        changed |= learn_busy(gate, outcome, now_us);
    return changed;
}

bool
exg_throttle_gate_suspect(ExgThrottleGate *gate, const char *mailbox, gint64 now_us)
{
    guint hash = g_str_hash(mailbox);
    ExgThrottleSuspect *place = &gate->suspects[0];
    for (guint i = 0; i < EXG_THROTTLE_SUSPECTS; i++) {
        ExgThrottleSuspect *suspect = &gate->suspects[i];
        if (suspect->told_us != 0 && suspect->mailbox == hash) {
            place = suspect;
            break;
        }
        if (suspect->told_us < place->told_us)
            place = suspect;
    }
    *place = (ExgThrottleSuspect){hash, now_us};
    guint recent = 0;
    for (guint i = 0; i < EXG_THROTTLE_SUSPECTS; i++)
        recent += gate->suspects[i].told_us != 0 &&
                  now_us - gate->suspects[i].told_us <= SUSPICION_US;
    return recent == EXG_THROTTLE_SUSPECTS;
}

void
exg_throttle_gate_leave(ExgThrottleGate *gate, const ExgThrottlePass *pass)
{
    gate->in_flight--;
    if (pass->probe)
        gate->breaker.probing = false;
}
