/* Who waits, and where: gates, lanes, mailboxes and waiters of a throttle. */
#include "common/throttle/throttle-private.h"

#include "common/base/clock.h"
#include "common/base/error.h"

#define AUTH_FAILURES_TO_CLOSE 2
#define OWN_VIEW               '\n'

/* --- gates and lanes -------------------------------------------------------------------------- */

ExgThrottleGate *
exg_throttle_get_gate(ExgThrottle *throttle, ExgThrottleScope scope, const char *key)
{
    bool is_endpoint = scope == EXG_THROTTLE_ENDPOINT;
    GHashTable *table = is_endpoint ? throttle->endpoints : throttle->accounts;
    ExgThrottleGate *gate = g_hash_table_lookup(table, key);
    if (gate == NULL) {
        const ExgThrottleOptions *options = &throttle->options;
        gate = exg_throttle_gate_new(
            scope, key, is_endpoint ? options->max_per_endpoint : options->max_per_account,
            is_endpoint ? options->unreachable_after : AUTH_FAILURES_TO_CLOSE);
        g_hash_table_insert(table, gate->key, gate);
    }
    return gate;
}

ExgThrottleLane *
exg_throttle_get_lane(ExgThrottle *throttle, const ExgThrottleTarget *target)
{
    const ExgThrottleGate *endpoint = exg_throttle_get_gate(throttle, EXG_THROTTLE_ENDPOINT,
                                                            target->endpoint);
    const ExgThrottleGate *account = exg_throttle_get_gate(throttle, EXG_THROTTLE_ACCOUNT,
                                                           target->account);
    /* As many as there are pairs in the configuration: a few. */
    for (guint i = 0; i < throttle->lanes->len; i++) {
        ExgThrottleLane *lane = g_ptr_array_index(throttle->lanes, i);
        if (lane->endpoint == endpoint && lane->account == account)
            return lane;
    }
    ExgThrottleLane *lane = g_new0(ExgThrottleLane, 1);
    lane->endpoint = (ExgThrottleGate *)endpoint;
    lane->account = (ExgThrottleGate *)account;
    g_ptr_array_add(throttle->lanes, lane);
    return lane;
}

/* --- mailboxes -------------------------------------------------------------------------------- */

char *
exg_throttle_mailbox_key(const ExgThrottleTarget *target)
{
    if (target->mailbox == NULL)
        return g_strdup_printf("%c%s", OWN_VIEW, target->account);
    return g_ascii_strdown(target->mailbox, -1);
}

ExgThrottleMailbox *
exg_throttle_get_mailbox(ExgThrottle *throttle, const char *key)
{
    ExgThrottleMailbox *mailbox = g_hash_table_lookup(throttle->mailboxes, key);
    if (mailbox == NULL) {
        mailbox = g_new0(ExgThrottleMailbox, 1);
        mailbox->key = g_strdup(key);
        mailbox->max = key[0] == OWN_VIEW ? G_MAXUINT : throttle->options.max_per_mailbox;
        mailbox->in_ready.data = mailbox;
        g_hash_table_insert(throttle->mailboxes, mailbox->key, mailbox);
    }
    return mailbox;
}

void
exg_throttle_mailbox_free(ExgThrottleMailbox *mailbox)
{
    g_free(mailbox->key);
    g_free(mailbox);
}

static void
set_lane(ExgThrottleMailbox *mailbox, ExgThrottleLane *lane)
{
    if (mailbox->lane == lane)
        return;
    if (mailbox->lane != NULL)
        g_queue_unlink(&mailbox->lane->ready, &mailbox->in_ready);
    mailbox->lane = lane;
    if (lane != NULL)
        g_queue_push_tail_link(&lane->ready, &mailbox->in_ready);
}

static void
unlist_pause(ExgThrottle *throttle, ExgThrottleMailbox *mailbox)
{
    g_queue_unlink(&throttle->paused, &mailbox->in_paused);
    mailbox->in_paused.data = NULL;
    throttle->dirty_mailboxes -= mailbox->dirty;
    mailbox->dirty = false;
}

void
exg_throttle_mailbox_update(ExgThrottle *throttle, ExgThrottleMailbox *mailbox)
{
    const ExgThrottleWaiter *first = g_queue_peek_head(&mailbox->waiters);
    set_lane(mailbox, first != NULL && mailbox->in_flight < mailbox->max ? first->lane : NULL);
    if (first != NULL || mailbox->in_flight > 0)
        return;
    if (mailbox->in_paused.data != NULL && mailbox->pause.until_us <= exg_clock_monotonic_us())
        unlist_pause(throttle, mailbox);
    if (mailbox->in_paused.data == NULL)
        g_hash_table_remove(throttle->mailboxes, mailbox->key);
}

bool
exg_throttle_mailbox_pause(ExgThrottle *throttle, ExgThrottleMailbox *mailbox, gint64 until_us,
                           gint64 since_real_us, bool asked, const char *code)
{
    if (!exg_throttle_pause_extend(&mailbox->pause, until_us, since_real_us, asked, code))
        return false;
    if (mailbox->in_paused.data != NULL)
        unlist_pause(throttle, mailbox);
    mailbox->in_paused.data = mailbox;
    g_queue_push_tail_link(&throttle->paused, &mailbox->in_paused);

    gint64 now_us = exg_clock_monotonic_us();
    ExgThrottleWaiter *waiter;
    while ((waiter = g_queue_peek_head(&mailbox->waiters)) != NULL)
        exg_throttle_waiter_refuse(
            waiter, exg_throttle_pause_error(&mailbox->pause, EXG_THROTTLE_MAILBOX, now_us));

    /* Each pause makes room for itself, so what has run out does not gather. */
    ExgThrottleMailbox *oldest;
    while (
        (oldest = g_queue_peek_head(&throttle->paused)) != mailbox &&
        (throttle->paused.length > EXG_THROTTLE_MAX_PAUSED || oldest->pause.until_us <= now_us)) {
        unlist_pause(throttle, oldest);
        exg_throttle_mailbox_update(throttle, oldest);
    }
    return true;
}

/* --- waiters ---------------------------------------------------------------------------------- */

static void
waiter_unref(gpointer data)
{
    ExgThrottleWaiter *waiter = data;
    if (!g_atomic_int_dec_and_test(&waiter->references))
        return;
    g_clear_error(&waiter->error);
    g_clear_object(&waiter->cancellable);
    exg_engine_unref(waiter->engine);
    g_free(waiter);
}

GError *
exg_throttle_waiter_late_error(const ExgThrottleWaiter *waiter)
{
    gint64 waited_us = exg_clock_monotonic_us() - waiter->since_us;
    GError *error = exg_error_new(
        EXG_ERROR_BUSY,
        "No turn at Exchange came up in %" G_GINT64_FORMAT
        " s: %u requests are in flight, of %u that may be, and %u wait",
        waited_us / G_USEC_PER_SEC, waiter->lane->endpoint->in_flight,
        MIN(waiter->lane->endpoint->limit.now, waiter->lane->account->limit.now),
        waiter->throttle->waiting);
    exg_error_set_reply(error, 451, "4.3.2");
    exg_error_set_stage(error, "throttle");
    return error;
}

static void
deadline_passed(gpointer data)
{
    exg_throttle_waiter_refuse(data, exg_throttle_waiter_late_error(data));
}

static GError *
cancelled_error(void)
{
    return g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CANCELLED, "The request was cancelled");
}

static void
cancel_now(gpointer data)
{
    ExgThrottleWaiter *waiter = data;
    if (!waiter->answered && waiter->error == NULL)
        exg_throttle_waiter_refuse(waiter, cancelled_error());
    waiter_unref(waiter);
}

/* In any thread. */
static void
cancelled(GCancellable *cancellable, gpointer data)
{
    ExgThrottleWaiter *waiter = data;
    g_atomic_int_inc(&waiter->references);
    exg_engine_post(waiter->engine, cancel_now, waiter);
}

ExgThrottleWaiter *
exg_throttle_waiter_new(ExgThrottle *throttle, gint64 deadline_us, GCancellable *cancellable,
                        ExgThrottleFunc function, gpointer data)
{
    ExgThrottleWaiter *waiter = g_new0(ExgThrottleWaiter, 1);
    waiter->references = 1;
    waiter->throttle = exg_throttle_ref(throttle);
    waiter->engine = exg_engine_ref(throttle->engine);
    waiter->in_lane.data = waiter;
    waiter->in_mailbox.data = waiter;
    waiter->since_us = exg_clock_monotonic_us();
    waiter->deadline_us = deadline_us;
    waiter->function = function;
    waiter->data = data;
    exg_timer_init(&waiter->deadline, throttle->engine, deadline_passed, waiter);
    if (g_cancellable_is_cancelled(cancellable)) {
        exg_throttle_waiter_refuse(waiter, cancelled_error());
        return waiter;
    }
    waiter->cancellable = cancellable != NULL ? g_object_ref(cancellable) : NULL;
    return waiter;
}

void
exg_throttle_waiter_enqueue(ExgThrottleWaiter *waiter, ExgThrottleMailbox *mailbox)
{
    ExgThrottle *throttle = waiter->throttle;
    waiter->mailbox = mailbox;
    g_queue_push_tail_link(&waiter->lane->waiters, &waiter->in_lane);
    g_queue_push_tail_link(&mailbox->waiters, &waiter->in_mailbox);
    throttle->waiting++;
    waiter->lane->endpoint->waiting++;
    exg_throttle_mailbox_update(throttle, mailbox);
    exg_timer_set(&waiter->deadline, waiter->deadline_us);
    if (waiter->cancellable != NULL)
        waiter->cancel_handler = g_cancellable_connect(waiter->cancellable, G_CALLBACK(cancelled),
                                                       waiter, NULL);
}

void
exg_throttle_waiter_dequeue(ExgThrottleWaiter *waiter)
{
    if (waiter->mailbox == NULL)
        return;
    ExgThrottle *throttle = waiter->throttle;
    ExgThrottleMailbox *mailbox = g_steal_pointer(&waiter->mailbox);
    g_queue_unlink(&waiter->lane->waiters, &waiter->in_lane);
    g_queue_unlink(&mailbox->waiters, &waiter->in_mailbox);
    throttle->waiting--;
    waiter->lane->endpoint->waiting--;
    exg_throttle_mailbox_update(throttle, mailbox);
}

void
exg_throttle_waiter_refuse(ExgThrottleWaiter *waiter, GError *error)
{
    ExgThrottle *throttle = waiter->throttle;
    exg_throttle_waiter_dequeue(waiter);
    exg_timer_cancel(&waiter->deadline);
    waiter->error = error;
    if (waiter->lane != NULL && error->domain == EXG_ERROR)
        waiter->lane->endpoint->refused++;
    g_queue_push_tail_link(&throttle->refused, &waiter->in_lane);
    exg_throttle_schedule_turn(throttle);
}

void
exg_throttle_waiter_answer(ExgThrottleWaiter *waiter, ExgPermit *permit)
{
    g_autoptr(ExgThrottle) throttle = g_steal_pointer(&waiter->throttle);
    exg_timer_cancel(&waiter->deadline);
    if (waiter->cancel_handler != 0)
        g_cancellable_disconnect(waiter->cancellable, waiter->cancel_handler);
    waiter->answered = true;
    waiter->function(permit, waiter->error, waiter->data);
    waiter_unref(waiter);
}
