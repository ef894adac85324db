/* throttle-private.h - how a throttle keeps its gates, its mailboxes and who waits.
 *
 *   ExgThrottle ── gates         endpoints and accounts, by key
 *               ── lanes         a pair of them in use: where requests wait ── mailboxes     by
 *               key, while they have requests in flight or waiting, or are closed
 *
 * A waiter is in two lists, its mailbox's (first come, first served) and its lane's (to refuse them
 * all when it closes). A mailbox that has a waiter and may have one more in flight is *ready*: it
 * stands in the ring of its first waiter's lane, and each turn takes one waiter of the mailbox at
 * the head and puts the mailbox at the tail.
 */
#ifndef EXG_THROTTLE_THROTTLE_PRIVATE_H
#define EXG_THROTTLE_THROTTLE_PRIVATE_H

#include "common/throttle/gate-private.h"
#include "common/throttle/share-private.h"
#include "common/throttle/throttle.h"

typedef struct {
    ExgThrottleGate *endpoint, *account;
    GQueue waiters; /* ExgThrottleWaiter.in_lane */
    GQueue ready;   /* ExgThrottleMailbox.in_ready */
} ExgThrottleLane;

typedef struct {
    char *key;
    guint max;
    guint in_flight;
    GQueue waiters;         /* ExgThrottleWaiter.in_mailbox */
    ExgThrottleLane *lane;  /* whose ring it is in, or NULL */
    GList in_ready;
    ExgThrottlePause pause;
    GList in_paused;        /* of the throttle; its data is NULL while it is not in */
    bool dirty;             /* the shared file does not know the pause yet */
} ExgThrottleMailbox;

typedef struct {
    gint references; /* one of the throttle's, one for each post that is under way */
    ExgThrottle *throttle;
    ExgEngine *engine;
    ExgThrottleLane *lane;
    ExgThrottleMailbox *mailbox;
    GList in_mailbox;
    GList in_lane;  /* or in the throttle's list of refused ones */
    GError *error;  /* refused: why */
    bool answered;
    gint64 since_us, deadline_us;
    ExgTimer deadline;
    GCancellable *cancellable;
    gulong cancel_handler;
    ExgThrottleFunc function;
    gpointer data;
} ExgThrottleWaiter;

struct ExgThrottle {
    gint references;
    ExgEngine *engine;
    ExgThrottleOptions options; /* without the file */
    GHashTable *endpoints, *accounts; /* key -> ExgThrottleGate */
    GPtrArray *lanes;
    GHashTable *mailboxes;      /* key -> ExgThrottleMailbox */
    GQueue paused;              /* ExgThrottleMailbox.in_paused, the one closed first at the head */
    guint dirty_mailboxes;      /* of them */
    GQueue refused;             /* waiters that are to be told */
    guint waiting;
    guint64 serial;
    ExgLater turn;
    ExgTimer again;             /* a turn for which only time has to pass */
    /* sharing.c */
    ExgThrottleShare *share;    /* NULL: nothing is shared */
    ExgThrottleSync *sync;      /* under way */
    ExgTimer patience;          /* with the sync under way */
    bool held;                  /* nobody is let through before the news are in */
    bool stalled;               /* the file takes too long: go on without */
    bool shared;                /* the last sync went well */
    bool wanted;                /* another sync, after the one under way */
    gint64 visited_us;          /* when the last visit was begun */
    gint64 news_us;             /* when the last one that has ended was begun; 0: never */
    guint64 readings;
};

/* --- queue.c ---------------------------------------------------------------------------------- */

ExgThrottleGate *exg_throttle_get_gate(ExgThrottle *throttle, ExgThrottleScope scope,
                                       const char *key);
ExgThrottleLane *exg_throttle_get_lane(ExgThrottle *throttle, const ExgThrottleTarget *target);
/* An address in lower case, or for an account's own view a key that cannot be one. (transfer
 * full) */
char *exg_throttle_mailbox_key(const ExgThrottleTarget *target);
/* Finds or makes it. One that is idle goes with the next exg_throttle_mailbox_update(). */
ExgThrottleMailbox *exg_throttle_get_mailbox(ExgThrottle *throttle, const char *key);
void exg_throttle_mailbox_update(ExgThrottle *throttle, ExgThrottleMailbox *mailbox);
/* Closes it and refuses who waits. Answers whether that is news. */
bool exg_throttle_mailbox_pause(ExgThrottle *throttle, ExgThrottleMailbox *mailbox, gint64 until_us,
                                gint64 since_real_us, bool asked, const char *code);
void exg_throttle_mailbox_free(ExgThrottleMailbox *mailbox);

ExgThrottleWaiter *exg_throttle_waiter_new(ExgThrottle *throttle, gint64 deadline_us,
                                           GCancellable *cancellable, ExgThrottleFunc function,
                                           gpointer data);
/* Into the line of its lane, which is set. */
void exg_throttle_waiter_enqueue(ExgThrottleWaiter *waiter, ExgThrottleMailbox *mailbox);
GError *exg_throttle_waiter_late_error(const ExgThrottleWaiter *waiter);
/* Out of the line, where it is in one. */
void exg_throttle_waiter_dequeue(ExgThrottleWaiter *waiter);
/* To be told at the next turn. Takes the error. */
void exg_throttle_waiter_refuse(ExgThrottleWaiter *waiter, GError *error);
/* Calls the function; the last thing to do with a waiter. */
void exg_throttle_waiter_answer(ExgThrottleWaiter *waiter, ExgPermit *permit);

/* --- throttle.c ------------------------------------------------------------------------------- */

/* A turn at the end of the engine's round: who can be served is served, who waits for what is
 * closed is refused. */
static inline void
exg_throttle_schedule_turn(ExgThrottle *throttle)
{
    exg_later_set(&throttle->turn);
}

/* --- sharing.c -------------------------------------------------------------------------------- */

void exg_throttle_sharing_init(ExgThrottle *throttle, const char *file);
void exg_throttle_sharing_clear(ExgThrottle *throttle);
/* Before a decision: asks for news where they are older than half a second. */
void exg_throttle_sharing_refresh(ExgThrottle *throttle);
void exg_throttle_sharing_gate_changed(ExgThrottle *throttle, ExgThrottleGate *gate);
void exg_throttle_sharing_mailbox_changed(ExgThrottle *throttle, ExgThrottleMailbox *mailbox);
/* Whether this process may send the probe of a gate whose probe is due; asks for the right to where
 * it has to. */
bool exg_throttle_sharing_may_probe(ExgThrottle *throttle, ExgThrottleGate *gate);

#endif
