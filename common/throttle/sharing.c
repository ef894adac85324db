/* What a throttle tells the other processes of the host, and what it hears from them.
 *
 * The shared file is visited by a thread (share-private.h). A visit writes what has changed here and, if another process has written since,
 * reads all rows. Back-offs of both sides are merged, the later end wins. Of a breaker the file's row holds, and no row means open; unless it has
 * changed here since the visit began, in which case the next visit tells the others. */
#include "common/throttle/throttle-private.h"

#include "common/base/clock.h"
#include "common/base/log.h"

#define NEWS_US     (G_USEC_PER_SEC / 2) /* ask again when the last news are older */
#define STALE_US    (1 * G_USEC_PER_SEC) /* decide nothing on news that are older */
#define PATIENCE_US (G_USEC_PER_SEC / 4) /* … but wait no longer than this for newer ones */

/* --- times ------------------------------------------------------------------------------------ */

static gint64
to_real_ms(gint64 monotonic_us)
{
    return (exg_clock_real_us() + monotonic_us - exg_clock_monotonic_us()) / 1000;
}

static gint64
to_monotonic_us(gint64 real_ms)
{
    return real_ms * 1000 + exg_clock_monotonic_us() - exg_clock_real_us();
}

/* --- what to write ---------------------------------------------------------------------------- */

static void
write_pause(ExgThrottleSync *sync, ExgThrottleScope scope, const char *key,
            const ExgThrottlePause *pause)
{
    if (exg_throttle_pause_left_us(pause, exg_clock_monotonic_us()) == 0)
        return;
    ExgThrottleRow row = {
        .scope = scope,
        .kind = EXG_THROTTLE_PAUSED,
        .key = g_strdup(key),
        .since_ms = pause->since_real_us / 1000,
        .until_ms = to_real_ms(pause->until_us),
        .asked = pause->asked,
    };
    g_strlcpy(row.code, pause->code, sizeof row.code);
    g_array_append_val(sync->write, row);
}

static void
write_breaker(ExgThrottleSync *sync, const ExgThrottleGate *gate)
{
    const ExgThrottleBreaker *breaker = &gate->breaker;
    ExgThrottleRow row = {
        .scope = gate->scope,
        .kind = EXG_THROTTLE_BROKEN,
        .key = g_strdup(gate->key),
        .gone = breaker->interval_us == 0,
        .since_ms = breaker->since_real_us / 1000,
        .until_ms = to_real_ms(breaker->probe_us),
        .interval_ms = breaker->interval_us / 1000,
    };
    g_array_append_val(sync->write, row);
}

static void
write_claim(ExgThrottleSync *sync, const ExgThrottleGate *gate)
{
    ExgThrottleRow row = {
        .scope = gate->scope,
        .kind = EXG_THROTTLE_BROKEN,
        .key = g_strdup(gate->key),
        .claim = true,
        .until_ms = (exg_clock_real_us() + gate->breaker.interval_us) / 1000,
    };
    g_array_append_val(sync->write, row);
}

static void
write_gates(ExgThrottleSync *sync, GHashTable *gates, bool claims)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, gates);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        ExgThrottleGate *gate = value;
        if (gate->dirty) {
            gate->dirty = false;
            write_pause(sync, gate->scope, gate->key, &gate->pause);
            write_breaker(sync, gate);
        }
        if (claims && gate->claim == EXG_THROTTLE_CLAIMING)
            write_claim(sync, gate);
    }
}

static ExgThrottleSync *
collect(ExgThrottle *throttle, bool claims)
{
    ExgThrottleSync *sync = exg_throttle_sync_new();
    write_gates(sync, throttle->endpoints, claims);
    write_gates(sync, throttle->accounts, claims);
    /* Those closed last are at the tail. */
    for (GList *link = throttle->paused.tail; throttle->dirty_mailboxes > 0; link = link->prev) {
        ExgThrottleMailbox *mailbox = link->data;
        if (!mailbox->dirty)
            continue;
        mailbox->dirty = false;
        throttle->dirty_mailboxes--;
        write_pause(sync, EXG_THROTTLE_MAILBOX, mailbox->key, &mailbox->pause);
    }
    return sync;
}

/* The file forgot, or never heard: everything is to be told again. */
static void
make_dirty(ExgThrottle *throttle)
{
    GHashTable *tables[] = {throttle->endpoints, throttle->accounts};
    for (guint i = 0; i < G_N_ELEMENTS(tables); i++) {
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, tables[i]);
        while (g_hash_table_iter_next(&iter, NULL, &value))
            ((ExgThrottleGate *)value)->dirty = true;
    }
    for (GList *link = throttle->paused.head; link != NULL; link = link->next)
        ((ExgThrottleMailbox *)link->data)->dirty = true;
    throttle->dirty_mailboxes = throttle->paused.length;
}

/* --- what was read ---------------------------------------------------------------------------- */

static void
apply_breaker(ExgThrottle *throttle, ExgThrottleGate *gate, const ExgThrottleRow *row)
{
    ExgThrottleBreaker *breaker = &gate->breaker;
    gate->seen = throttle->readings;
    if (gate->dirty)
        return;
    breaker->interval_us = row->interval_ms * 1000;
    breaker->since_real_us = row->since_ms * 1000;
    breaker->probe_us = to_monotonic_us(row->until_ms);
    breaker->failures = MAX(breaker->failures, gate->failures_to_close);
    if (row->since_ms * 1000 >= gate->renewed_real_us)
        return;
    /* These credentials are newer than the refusal. */
    breaker->probe_us = exg_clock_monotonic_us();
    gate->dirty = true;
    throttle->wanted = true;
}

static void
apply_row(ExgThrottle *throttle, const ExgThrottleRow *row)
{
    gint64 until_us = to_monotonic_us(row->until_ms);
    gint64 since_real_us = row->since_ms * 1000;
    bool is_pause = row->kind == EXG_THROTTLE_PAUSED;
    if (row->scope == EXG_THROTTLE_MAILBOX && is_pause) {
        ExgThrottleMailbox *mailbox = exg_throttle_get_mailbox(throttle, row->key);
        if (!exg_throttle_mailbox_pause(throttle, mailbox, until_us, since_real_us, row->asked,
                                        row->code))
            exg_throttle_mailbox_update(throttle, mailbox);
    } else if (row->scope == EXG_THROTTLE_ENDPOINT || row->scope == EXG_THROTTLE_ACCOUNT) {
        ExgThrottleGate *gate = exg_throttle_get_gate(throttle, row->scope, row->key);
        if (is_pause)
            (void)exg_throttle_pause_extend(&gate->pause, until_us, since_real_us, row->asked,
                                            row->code);
        else if (row->kind == EXG_THROTTLE_BROKEN)
            apply_breaker(throttle, gate, row);
    }
}

/* Breakers without a row were closed by another process's success. */
static void
mend_unseen(ExgThrottle *throttle, GHashTable *gates)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, gates);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        ExgThrottleGate *gate = value;
        if (gate->breaker.interval_us == 0 || gate->dirty || gate->seen == throttle->readings)
            continue;
        gate->breaker.interval_us = 0;
        gate->breaker.failures = 0;
    }
}

static void
apply_all(ExgThrottle *throttle, GArray *rows)
{
    throttle->readings++;
    for (guint i = 0; i < rows->len; i++)
        apply_row(throttle, &g_array_index(rows, ExgThrottleRow, i));
    if (rows->len == EXG_THROTTLE_MAX_ROWS)
        return; /* not all were read */
    mend_unseen(throttle, throttle->endpoints);
    mend_unseen(throttle, throttle->accounts);
}

static void
settle_claims(ExgThrottle *throttle, const ExgThrottleSync *sync)
{
    gint64 now_us = exg_clock_monotonic_us();
    for (guint i = 0; i < sync->write->len; i++) {
        const ExgThrottleRow *row = &g_array_index(sync->write, ExgThrottleRow, i);
        if (!row->claim)
            continue;
        ExgThrottleGate *gate = exg_throttle_get_gate(throttle, row->scope, row->key);
        if (gate->claim != EXG_THROTTLE_CLAIMING)
            continue;
        bool won = row->won || sync->failure != NULL;
        gate->claim = won ? EXG_THROTTLE_CLAIMED : EXG_THROTTLE_UNCLAIMED;
        gate->claim_until_us = now_us + gate->breaker.interval_us;
        if (won) /* what was read shows our own claim */
            gate->breaker.probe_us = MIN(gate->breaker.probe_us, now_us);
        else /* the row that says for how long comes with the reading; if not, with the next */
            gate->breaker.probe_us = MAX(gate->breaker.probe_us, now_us + STALE_US);
    }
}

/* --- visits ----------------------------------------------------------------------------------- */

static void
begin_visit(ExgThrottle *throttle)
{
    if (throttle->sync != NULL) {
        throttle->wanted = true;
        return;
    }
    gint64 now_us = exg_clock_monotonic_us();
    throttle->wanted = false;
    throttle->visited_us = now_us;
    throttle->sync = collect(throttle, true);
    exg_timer_set(&throttle->patience, now_us + PATIENCE_US);
    exg_throttle_share_visit(throttle->share, throttle->sync);
}

static void
note_failure(ExgThrottle *throttle, const char *failure)
{
    if (failure != NULL && throttle->shared)
        exg_log(EXG_LOG_DEBUG, NULL, "back-offs are not shared with other programs: %s", failure);
    throttle->shared = failure == NULL;
}

static void
visit_ended(gpointer data)
{
    ExgThrottle *throttle = data;
    g_autoptr(ExgThrottleSync) sync = g_steal_pointer(&throttle->sync);
    exg_timer_cancel(&throttle->patience);
    throttle->held = false;
    throttle->stalled = false;
    throttle->news_us = throttle->visited_us;
    note_failure(throttle, sync->failure);
    if (sync->failure != NULL || sync->replaced)
        make_dirty(throttle);
    if (sync->read != NULL)
        apply_all(throttle, sync->read);
    settle_claims(throttle, sync);
    if (sync->replaced)
        throttle->wanted = true;
    /* One that failed is tried again when there are requests, not at once. */
    if (throttle->wanted && sync->failure == NULL)
        begin_visit(throttle);
    exg_throttle_schedule_turn(throttle);
}

static void
patience_over(gpointer data)
{
    ExgThrottle *throttle = data;
    throttle->held = false;
    throttle->stalled = true;
    exg_throttle_schedule_turn(throttle);
}

void
exg_throttle_sharing_init(ExgThrottle *throttle, const char *file)
{
    exg_timer_init(&throttle->patience, throttle->engine, patience_over, throttle);
    if (file != NULL)
        throttle->share = exg_throttle_share_new(throttle->engine, file, visit_ended, throttle);
    throttle->shared = throttle->share != NULL;
}

void
exg_throttle_sharing_clear(ExgThrottle *throttle)
{
    exg_timer_cancel(&throttle->patience);
    if (throttle->share == NULL)
        return;
    g_autoptr(ExgThrottleSync) last = collect(throttle, false);
    exg_throttle_share_free(throttle->share, last->write->len > 0 ? last : NULL);
    exg_throttle_sync_free(throttle->sync);
}

void
exg_throttle_sharing_refresh(ExgThrottle *throttle)
{
    if (throttle->share == NULL || throttle->stalled)
        return;
    gint64 age_us = exg_clock_monotonic_us() - throttle->news_us;
    if (throttle->news_us != 0 && age_us < NEWS_US)
        return;
    if (throttle->news_us == 0 || age_us >= STALE_US)
        throttle->held = true;
    if (throttle->sync == NULL)
        begin_visit(throttle);
}

void
exg_throttle_sharing_gate_changed(ExgThrottle *throttle, ExgThrottleGate *gate)
{
    if (throttle->share == NULL)
        return;
    gate->dirty = true;
    begin_visit(throttle);
}

void
exg_throttle_sharing_mailbox_changed(ExgThrottle *throttle, ExgThrottleMailbox *mailbox)
{
    if (throttle->share == NULL)
        return;
    throttle->dirty_mailboxes += !mailbox->dirty;
    mailbox->dirty = true;
    begin_visit(throttle);
}

bool
exg_throttle_sharing_may_probe(ExgThrottle *throttle, ExgThrottleGate *gate)
{
    if (throttle->share == NULL || throttle->stalled)
        return true;
    if (gate->claim == EXG_THROTTLE_CLAIMED && exg_clock_monotonic_us() < gate->claim_until_us)
        return true;
    if (gate->claim != EXG_THROTTLE_CLAIMING) {
        gate->claim = EXG_THROTTLE_CLAIMING;
        begin_visit(throttle);
    }
    return false;
}
