#include "common/throttle/throttle-private.h"

#include "common/base/clock.h"
#include "common/base/error.h"

#define ANSWERS_PER_TURN 256

struct ExgPermit {
    ExgThrottle *throttle;
    ExgThrottleLane *lane;
    ExgThrottleMailbox *mailbox;
    ExgThrottlePass endpoint, account;
};

static void run_turn(gpointer data);

static guint
or_default(guint value, guint fallback)
{
    return value != 0 ? value : fallback;
}

static void
turn_due(gpointer data)
{
    exg_throttle_schedule_turn(data);
}

ExgThrottle *
exg_throttle_new(ExgEngine *engine, const ExgThrottleOptions *options)
{
    ExgThrottle *throttle = g_new0(ExgThrottle, 1);
    throttle->references = 1;
    throttle->engine = exg_engine_ref(engine);
    throttle->options = (ExgThrottleOptions){
        .max_per_mailbox = or_default(options->max_per_mailbox, 2),
        .max_per_account = or_default(options->max_per_account, G_MAXUINT),
        .max_per_endpoint = or_default(options->max_per_endpoint, 64),
        .max_waiting = or_default(options->max_waiting, 10000),
        .unreachable_after = or_default(options->unreachable_after, 5),
    };
    throttle->endpoints = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                                (GDestroyNotify)exg_throttle_gate_free);
    throttle->accounts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                               (GDestroyNotify)exg_throttle_gate_free);
    throttle->mailboxes = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                                (GDestroyNotify)exg_throttle_mailbox_free);
    throttle->lanes = g_ptr_array_new_with_free_func(g_free);
    exg_later_init(&throttle->turn, engine, run_turn, throttle);
    exg_timer_init(&throttle->again, engine, turn_due, throttle);
    exg_throttle_sharing_init(throttle, options->file);
    return throttle;
}

ExgThrottle *
exg_throttle_ref(ExgThrottle *throttle)
{
    g_atomic_int_inc(&throttle->references);
    return throttle;
}

void
exg_throttle_unref(ExgThrottle *throttle)
{
    if (throttle == NULL || !g_atomic_int_dec_and_test(&throttle->references))
        return;
    exg_throttle_sharing_clear(throttle);
    exg_later_cancel(&throttle->turn);
    exg_timer_cancel(&throttle->again);
    g_hash_table_unref(throttle->mailboxes);
    g_ptr_array_unref(throttle->lanes);
    g_hash_table_unref(throttle->endpoints);
    g_hash_table_unref(throttle->accounts);
    exg_engine_unref(throttle->engine);
    g_free(throttle);
}

/* --- what is closed --------------------------------------------------------------------------- */

static ExgThrottleState
lane_state(const ExgThrottleLane *lane, gint64 now_us)
{
    return MAX(exg_throttle_gate_state(lane->endpoint, now_us),
               exg_throttle_gate_state(lane->account, now_us));
}

static GError *
lane_error(const ExgThrottleLane *lane, gint64 now_us)
{
    bool endpoint = exg_throttle_gate_state(lane->endpoint, now_us) == EXG_THROTTLE_SHUT;
    return exg_throttle_gate_error(endpoint ? lane->endpoint : lane->account, now_us);
}

static GError *
closed_error(const ExgThrottleLane *lane, const ExgThrottleMailbox *mailbox, gint64 now_us)
{
    if (lane_state(lane, now_us) == EXG_THROTTLE_SHUT)
        return lane_error(lane, now_us);
    if (mailbox != NULL && now_us < mailbox->pause.until_us)
        return exg_throttle_pause_error(&mailbox->pause, EXG_THROTTLE_MAILBOX, now_us);
    return NULL;
}

/* --- taking ----------------------------------------------------------------------------------- */

static GError *
crowded_error(const ExgThrottle *throttle)
{
    GError *error = exg_error_new(EXG_ERROR_BUSY, "%u requests wait for Exchange already",
                                  throttle->waiting);
    exg_error_set_reply(error, 451, "4.3.2");
    exg_error_set_stage(error, "throttle");
    return error;
}

void
exg_throttle_take(ExgThrottle *throttle, const ExgThrottleTarget *target, gint64 deadline_us,
                  GCancellable *cancellable, ExgThrottleFunc function, gpointer data)
{
    ExgThrottleWaiter *waiter = exg_throttle_waiter_new(throttle, deadline_us, cancellable,
                                                        function, data);
    if (waiter->error != NULL)
        return;
    exg_throttle_sharing_refresh(throttle);
    g_autofree char *key = exg_throttle_mailbox_key(target);
    ExgThrottleLane *lane = exg_throttle_get_lane(throttle, target);
    waiter->lane = lane;
    GError *error = NULL;
    if (exg_clock_monotonic_us() >= deadline_us)
        error = exg_throttle_waiter_late_error(waiter);
    else if (throttle->waiting >= throttle->options.max_waiting)
        error = crowded_error(throttle);
    else if (!throttle->held)
        error = closed_error(lane, g_hash_table_lookup(throttle->mailboxes, key),
                             exg_clock_monotonic_us());
    if (error != NULL) {
        exg_throttle_waiter_refuse(waiter, error);
        return;
    }
    exg_throttle_waiter_enqueue(waiter, exg_throttle_get_mailbox(throttle, key));
    exg_throttle_schedule_turn(throttle);
}

/* --- turns ------------------------------------------------------------------------------------ */

static ExgPermit *
permit_new(ExgThrottle *throttle, ExgThrottleLane *lane, ExgThrottleMailbox *mailbox, gint64 now_us)
{
    ExgPermit *permit = g_new0(ExgPermit, 1);
    guint64 serial = ++throttle->serial;
    permit->throttle = exg_throttle_ref(throttle);
    permit->lane = lane;
    permit->mailbox = mailbox;
    permit->endpoint = exg_throttle_gate_enter(lane->endpoint, serial, now_us);
    permit->account = exg_throttle_gate_enter(lane->account, serial, now_us);
    mailbox->in_flight++;
    return permit;
}

static void
refuse_all(ExgThrottleLane *lane, gint64 now_us)
{
    ExgThrottleWaiter *waiter;
    while ((waiter = g_queue_peek_head(&lane->waiters)) != NULL)
        exg_throttle_waiter_refuse(waiter, lane_error(lane, now_us));
}

static bool
has_room(ExgThrottle *throttle, const ExgThrottleLane *lane, gint64 now_us)
{
    gint64 again_us = EXG_NO_DEADLINE;
    if (exg_throttle_gate_has_room(lane->endpoint, now_us, &again_us) &&
        exg_throttle_gate_has_room(lane->account, now_us, &again_us))
        return true;
    if (again_us != EXG_NO_DEADLINE &&
        (!exg_timer_is_set(&throttle->again) || again_us < throttle->again.due_us))
        exg_timer_set(&throttle->again, again_us);
    return false;
}

/* Whether a lane whose probe is due may send it. */
static bool
may_probe(ExgThrottle *throttle, const ExgThrottleLane *lane, gint64 now_us)
{
    bool may = true;
    ExgThrottleGate *gates[] = {lane->endpoint, lane->account};
    for (guint i = 0; i < G_N_ELEMENTS(gates); i++)
        if (exg_throttle_gate_state(gates[i], now_us) == EXG_THROTTLE_PROBE)
            may &= exg_throttle_sharing_may_probe(throttle, gates[i]);
    return may;
}

/* Lets one request of the lane through, if it can. */
static bool
serve_one(ExgThrottle *throttle, ExgThrottleLane *lane)
{
    if (lane->waiters.length == 0)
        return false;
    gint64 now_us = exg_clock_monotonic_us();
    ExgThrottleState state = lane_state(lane, now_us);
    if (state == EXG_THROTTLE_SHUT) {
        refuse_all(lane, now_us);
        return false;
    }
    ExgThrottleMailbox *mailbox = g_queue_peek_head(&lane->ready);
    if (mailbox == NULL || !has_room(throttle, lane, now_us))
        return false;
    if (state == EXG_THROTTLE_PROBE && !may_probe(throttle, lane, now_us))
        return false;

    ExgThrottleWaiter *waiter = g_queue_peek_head(&mailbox->waiters);
    ExgPermit *permit = permit_new(throttle, lane, mailbox, now_us);
    /* To the tail of the ring, wherever it is then. */
    g_queue_unlink(&lane->ready, &mailbox->in_ready);
    g_queue_push_tail_link(&lane->ready, &mailbox->in_ready);
    exg_throttle_waiter_dequeue(waiter);
    exg_throttle_waiter_answer(waiter, permit);
    return true;
}

/* One of each lane in turn. Answers how many were served. */
static guint
serve_lanes(ExgThrottle *throttle)
{
    guint served = 0;
    for (bool any = true; any && served < ANSWERS_PER_TURN;) {
        any = false;
        for (guint i = 0; i < throttle->lanes->len && !throttle->held; i++) {
            if (!serve_one(throttle, g_ptr_array_index(throttle->lanes, i)))
                continue;
            any = true;
            served++;
        }
    }
    return served;
}

static void
run_turn(gpointer data)
{
    g_autoptr(ExgThrottle) throttle = exg_throttle_ref(data);
    guint answers = serve_lanes(throttle);
    for (; answers < 2 * ANSWERS_PER_TURN && throttle->refused.length > 0; answers++) {
        ExgThrottleWaiter *waiter = g_queue_peek_head(&throttle->refused);
        g_queue_unlink(&throttle->refused, &waiter->in_lane);
        exg_throttle_waiter_answer(waiter, NULL);
    }
    /* The sockets must not wait for a long line. */
    if (answers >= ANSWERS_PER_TURN)
        exg_throttle_schedule_turn(throttle);
}

/* --- giving back ------------------------------------------------------------------------------ */

void
exg_permit_free(ExgPermit *permit)
{
    if (permit == NULL)
        return;
    g_autoptr(ExgThrottle) throttle = g_steal_pointer(&permit->throttle);
    exg_throttle_gate_leave(permit->lane->endpoint, &permit->endpoint);
    exg_throttle_gate_leave(permit->lane->account, &permit->account);
    permit->mailbox->in_flight--;
    exg_throttle_mailbox_update(throttle, permit->mailbox);
    exg_throttle_schedule_turn(throttle);
    g_free(permit);
}

static void
learn_mailbox(ExgThrottle *throttle, ExgThrottleMailbox *mailbox, const ExgThrottleOutcome *outcome,
              gint64 now_us)
{
    if (outcome->pause_scope != EXG_THROTTLE_MAILBOX || outcome->retry_after_ms <= 0)
        return;
    gint64 wait_us = MIN(outcome->retry_after_ms, EXG_THROTTLE_MAX_BACKOFF_MS) * 1000;
    if (exg_throttle_mailbox_pause(throttle, mailbox, now_us + wait_us, exg_clock_real_us(), true,
                                   outcome->code))
        exg_throttle_sharing_mailbox_changed(throttle, mailbox);
}

/* Where only the mailbox was told to wait: whether all are meant after all. */
static void
widen(ExgPermit *permit, ExgThrottleOutcome *outcome, gint64 now_us)
{
    if (outcome->retry_after_ms <= 0 || outcome->pause_scope != EXG_THROTTLE_MAILBOX ||
        outcome->scope == EXG_THROTTLE_MAILBOX)
        return;
    /* With a cap of its own, it is the account that is charged. */
    bool is_accounts = permit->throttle->options.max_per_account != G_MAXUINT;
    bool suspected = exg_throttle_gate_suspect(permit->lane->endpoint, permit->mailbox->key,
                                               now_us);
    if (is_accounts || suspected)
        outcome->pause_scope = outcome->scope;
}

void
exg_permit_release(ExgPermit *permit, const GError *outcome)
{
    ExgThrottle *throttle = permit->throttle;
    gint64 now_us = exg_clock_monotonic_us();
    ExgThrottleOutcome learned = exg_throttle_outcome_of(outcome);
    ExgThrottleLane *lane = permit->lane;
    widen(permit, &learned, now_us);
    if (exg_throttle_gate_learn(lane->endpoint, &permit->endpoint, &learned, now_us))
        exg_throttle_sharing_gate_changed(throttle, lane->endpoint);
    if (exg_throttle_gate_learn(lane->account, &permit->account, &learned, now_us))
        exg_throttle_sharing_gate_changed(throttle, lane->account);
    learn_mailbox(throttle, permit->mailbox, &learned, now_us);
    exg_permit_free(permit);
}

/* --- asking ----------------------------------------------------------------------------------- */

guint
exg_throttle_first_usable(ExgThrottle *throttle, const char *const *endpoints, guint count)
{
    exg_throttle_sharing_refresh(throttle);
    gint64 now_us = exg_clock_monotonic_us();
    gint64 soonest_us = G_MAXINT64;
    guint best = 0;
    for (guint i = 0; i < count; i++) {
        ExgThrottleGate *gate = exg_throttle_get_gate(throttle, EXG_THROTTLE_ENDPOINT,
                                                      endpoints[i]);
        ExgThrottleState state = exg_throttle_gate_state(gate, now_us);
        if (state == EXG_THROTTLE_OPEN)
            return i;
        if (state == EXG_THROTTLE_PROBE && now_us >= gate->offered_until_us) {
            gate->offered_until_us = now_us + G_USEC_PER_SEC;
            return i;
        }
        gint64 left_us = exg_throttle_gate_left_us(gate, now_us);
        if (left_us < soonest_us) {
            soonest_us = left_us;
            best = i;
        }
    }
    return best;
}

void
exg_throttle_renew_account(ExgThrottle *throttle, const char *account, gint64 changed_real_us)
{
    ExgThrottleGate *gate = exg_throttle_get_gate(throttle, EXG_THROTTLE_ACCOUNT, account);
    gate->renewed_real_us = changed_real_us;
    if (gate->breaker.interval_us == 0 || gate->breaker.since_real_us >= changed_real_us)
        return;
    gate->breaker.probe_us = exg_clock_monotonic_us();
    exg_throttle_sharing_gate_changed(throttle, gate);
}

void
exg_throttle_close_account_at_once(ExgThrottle *throttle, const char *account)
{
    exg_throttle_get_gate(throttle, EXG_THROTTLE_ACCOUNT, account)->failures_to_close = 1;
}

static void
add_gate(ExgThrottleStatistics *sum, const ExgThrottleGate *gate, gint64 now_us)
{
    gint64 left_us = exg_throttle_gate_left_us(gate, now_us);
    sum->in_flight += gate->in_flight;
    sum->waiting += gate->waiting;
    sum->limit = MAX(sum->limit, gate->limit.now);
    sum->closed_ms = MIN(sum->closed_ms, left_us > 0 ? (left_us + 999) / 1000 : 0);
    sum->granted += gate->granted;
    sum->refused += gate->refused;
    sum->throttled += gate->throttled;
}

void
exg_throttle_get_statistics(ExgThrottle *throttle, const char *const *endpoints,
                            ExgThrottleStatistics *ret_statistics)
{
    gint64 now_us = exg_clock_monotonic_us();
    *ret_statistics = (ExgThrottleStatistics){
        .closed_ms = endpoints[0] != NULL ? G_MAXINT64 : 0,
        .mailboxes = g_hash_table_size(throttle->mailboxes),
        .shared = throttle->shared,
    };
    for (guint i = 0; endpoints[i] != NULL; i++)
        add_gate(ret_statistics,
                 exg_throttle_get_gate(throttle, EXG_THROTTLE_ENDPOINT, endpoints[i]), now_us);
}
