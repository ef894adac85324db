/* gate-private.h - the state of an endpoint or an account: its back-off, its breaker, its limit;
 * and the back-off of a mailbox.
 *
 * Threads:  plain objects of their owner's; the time is passed in.
 */
#ifndef EXG_THROTTLE_GATE_PRIVATE_H
#define EXG_THROTTLE_GATE_PRIVATE_H

#include "common/throttle/limit-private.h"
#include "common/throttle/outcome-private.h"

/* --- back-off --------------------------------------------------------------------------------- */

typedef struct {
    gint64 until_us; /* monotonic; 0: never */
    gint64 since_real_us;
    bool asked; /* by Exchange; else it is of our own making */
    char code[EXG_THROTTLE_MAX_CODE_BYTES];
} ExgThrottlePause;

/* A pause only gets longer. Answers whether it did. */
bool exg_throttle_pause_extend(ExgThrottlePause *pause, gint64 until_us, gint64 since_real_us,
                               bool asked, const char *code);
static inline gint64
exg_throttle_pause_left_us(const ExgThrottlePause *pause, gint64 now_us)
{
    return MAX(pause->until_us - now_us, 0);
}
GError *exg_throttle_pause_error(const ExgThrottlePause *pause, ExgThrottleScope scope,
                                 gint64 now_us);

/* --- breaker ---------------------------------------------------------------------------------- */

typedef struct {
    guint failures;        /* in a row */
    gint64 interval_us;    /* between probes; 0: all may pass */
    gint64 probe_us;       /* when the next may pass */
    gint64 since_real_us;  /* the last failure */
    guint64 newest_failed; /* the serial of the permit that was granted last among those that failed */
    bool probing;          /* one is under way */
} ExgThrottleBreaker;

/* --- gate ------------------------------------------------------------------------------------- */

typedef enum {
    EXG_THROTTLE_OPEN,
    EXG_THROTTLE_PROBE, /* closed, but one may pass as the probe */
    EXG_THROTTLE_SHUT
} ExgThrottleState;

/* Where a gate stands between its probe's being due and its right to send it, with other processes
 * after the same. */
typedef enum {
    EXG_THROTTLE_UNCLAIMED,
    EXG_THROTTLE_CLAIMING,
    EXG_THROTTLE_CLAIMED
} ExgThrottleClaim;

#define EXG_THROTTLE_SUSPECTS 3

/* A mailbox that was told to wait. */
typedef struct {
    guint mailbox;  /* hash of its key */
    gint64 told_us; /* 0: none */
} ExgThrottleSuspect;

typedef struct {
    ExgThrottleScope scope; /* ENDPOINT or ACCOUNT */
    char *key;
    guint in_flight;
    ExgThrottleLimit limit;
    ExgThrottlePause pause;
    ExgThrottleBreaker breaker;
    guint failures_to_close;
    ExgThrottleSuspect suspects[EXG_THROTTLE_SUSPECTS];
    gint64 busy_wait_us;     /* the next back-off of our own making */
    gint64 proven_until_us;  /* ACCOUNT: no proof of the credentials is needed until then */
    gint64 proof_since_us;   /* when the last request that may prove them was let through */
    gint64 renewed_real_us;  /* ACCOUNT: when its credentials were changed */
    /* of the throttle */
    gint64 offered_until_us; /* fail-over has named its probe to somebody */
    ExgThrottleClaim claim;
    gint64 claim_until_us;   /* CLAIMED: others may claim it from then on */
    bool dirty;   /* the shared file does not know yet */
    guint64 seen; /* the last reading of the shared file in which its breaker was closed */
    guint64 granted, refused, throttled;
    guint waiting;
} ExgThrottleGate;

/* How a request went through a gate. */
typedef struct {
    guint64 serial; /* counts permits */
    guint epoch;    /* the limit's */
    guint level;    /* how many were in flight with it */
    bool probe;
} ExgThrottlePass;

ExgThrottleGate *exg_throttle_gate_new(ExgThrottleScope scope, const char *key, guint max,
                                       guint failures_to_close);
void exg_throttle_gate_free(ExgThrottleGate *gate);

ExgThrottleState exg_throttle_gate_state(const ExgThrottleGate *gate, gint64 now_us);
/* Why a gate that is shut, or open for a probe only, lets nobody through. */
GError *exg_throttle_gate_error(const ExgThrottleGate *gate, gint64 now_us);
gint64 exg_throttle_gate_left_us(const ExgThrottleGate *gate, gint64 now_us);

/* Whether one more fits. If only the account's missing proof forbids it, `*ret_again_us` becomes
 * when it will not any more. */
bool exg_throttle_gate_has_room(const ExgThrottleGate *gate, gint64 now_us, gint64 *ret_again_us);
ExgThrottlePass exg_throttle_gate_enter(ExgThrottleGate *gate, guint64 serial, gint64 now_us);
/* Before the pass leaves. Answers whether the pause or the breaker changed. */
bool exg_throttle_gate_learn(ExgThrottleGate *gate, const ExgThrottlePass *pass,
                             const ExgThrottleOutcome *outcome, gint64 now_us);
/* A mailbox has been told to wait, and it may be that all are meant. Answers whether they are: if
 * EXG_THROTTLE_SUSPECTS different ones were told so of late. */
bool exg_throttle_gate_suspect(ExgThrottleGate *gate, const char *mailbox, gint64 now_us);
void exg_throttle_gate_leave(ExgThrottleGate *gate, const ExgThrottlePass *pass);

#endif
