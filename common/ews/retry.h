/* retry.h - whether a call that failed is made again, and when: the one table of it.
 *
 * Two policies. *Fail-fast* never waits: what cannot be mended at once (another version, another
 * endpoint) is the caller's error; so do the daemons, whose MTA keeps the queue. *Fault-tolerant*
 * waits and tries again within a budget that holds for all waits of a call together, and within the
 * call's deadline; so do the tool and the plugin.
 *
 * How long it waits, best source first: what the error says (BackOffMilliseconds, "Suggested backoff
 * time", Retry-After in seconds or as a date, what is left of a back-off of the throttle), or
 * decorrelated jitter between EXG_EWS_FIRST_WAIT_MS and EXG_EWS_LONGEST_WAIT_MS. A wait that would
 * not fit is not begun: the error is reported at once, with how long it was asked to wait.
 *
 * Not decided here: a call that must not be repeated is not, once its last byte is out (call.c).
 *
 * Threads:  a plain object of the call's.
 * Source:   Microsoft's pages "EWS throttling in Exchange" and "ResponseCode"; RFC 9110 15; Marc
 *           Brooker, "Exponential Backoff And Jitter", 2015.
 */
#ifndef EXG_EWS_RETRY_H
#define EXG_EWS_RETRY_H

#include <glib.h>
#include <stdbool.h>

#define EXG_EWS_FIRST_WAIT_MS   1000
#define EXG_EWS_LONGEST_WAIT_MS 60000

typedef struct {
    bool tolerant;    /* false: fail-fast */
    gint64 budget_ms; /* for a call, from its start; 0: an hour */
} ExgEwsRetryPolicy;

typedef enum {
    EXG_EWS_GIVE_UP,
    EXG_EWS_TRY_VERSION,   /* at once, in another version */
    EXG_EWS_TRY_ELSEWHERE, /* at once at another endpoint, where there is one; else later */
    EXG_EWS_TRY_LATER,
    EXG_EWS_TRY_TWICE, /* later, at most twice */
} ExgEwsRemedy;

/* What may help. `proven`: the credentials were accepted before. */
ExgEwsRemedy exg_ews_remedy_of(const GError *error, bool proven);

/* Whether it calls for a discovery of the endpoint. */
bool exg_ews_wants_discovery(const GError *error);

/* The waits of one call. */
typedef struct {
    bool tolerant;
    gint64 until_us; /* the end of the budget, or the deadline if that is sooner */
    gint64 wait_ms;  /* the last one */
    guint doubtful;  /* tries after EXG_EWS_TRY_TWICE */
} ExgEwsRetry;

void exg_ews_retry_init(ExgEwsRetry *retry, const ExgEwsRetryPolicy *policy, gint64 deadline_us);
/* Whether to wait and try again, and how long. If only time was lacking, the error says so
 * afterwards. */
bool exg_ews_retry_wait(ExgEwsRetry *retry, ExgEwsRemedy remedy, GError *error,
                        gint64 *ret_wait_ms);

/* The milliseconds in "… Suggested backoff time 5000 milliseconds …", or -1. */
gint64 exg_ews_suggested_wait_ms(const char *text);

#endif
