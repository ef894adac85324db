/* limit-private.h - how many requests at a time an endpoint or an account takes, learned from what
 * it refuses.
 *
 * A refusal cuts the limit to half of what was in flight and leaves a *ceiling* one below it. Up to
 * the ceiling the limit grows by one for each round of successes; there it stays, and tries one
 * more only now and then: 15 s apart at first, less after a try that went well, twice as much after
 * one that was refused (which costs that one, and no cut). So against a server that takes K at a
 * time the limit settles at K, and refusals become as rare as the tries.
 *
 * All requests that were under way when the limit changed are of an earlier *epoch*: what becomes
 * of them says nothing about the limit now, so a burst of refusals is one cut.
 *
 * Threads:  a plain object of its owner's.
 * Source:   additive increase, multiplicative decrease: Chiu and Jain, 1989.
 */
#ifndef EXG_THROTTLE_LIMIT_PRIVATE_H
#define EXG_THROTTLE_LIMIT_PRIVATE_H

#include <glib.h>
#include <stdbool.h>

typedef struct {
    guint max;
    guint now;             /* how many may be in flight */
    guint ceiling;         /* the most that is believed to be taken */
    guint credit;          /* successes towards the next step */
    guint epoch;
    guint refused_lowest;  /* refusals in a row at the limit of 1 */
    bool trying;           /* one more than the ceiling */
    gint64 try_us;         /* when to try next */
    gint64 try_interval_us;
} ExgThrottleLimit;

void exg_throttle_limit_init(ExgThrottleLimit *limit, guint max);
/* `epoch`: the limit's when the request was let through. `full`: as many were in flight as may
 * be. */
void exg_throttle_limit_succeeded(ExgThrottleLimit *limit, guint epoch, bool full, gint64 now_us);
/* `level`: how many were in flight, this one included. */
void exg_throttle_limit_refused(ExgThrottleLimit *limit, guint epoch, guint level, gint64 now_us);

#endif
