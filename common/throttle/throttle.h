/* throttle.h - caps, back-off and circuit breakers in front of Exchange, shared by the programs of
 * one host.
 *
 * Whoever wants to send asks for a *permit* for (endpoint, service account, mailbox) and gives it
 * back with what came of the request. In between stand, from the mailbox outwards:
 *
 *   caps        so many requests in flight per mailbox, per account and per endpoint. Waiting
 *               requests are served round-robin over mailboxes, first come first served within one.
 *   limits      an account's and an endpoint's cap shrinks when Exchange says that it is busy, and
 *               grows again (limit-private.h).
 *   back-off    Exchange asked to be left alone for a time: the endpoint, account or mailbox is
 *   closed for that time, one hour at most.
 *               One that keeps refusing at the lowest limit without naming a time is closed for 1
 *               s, growing to 60 s.
 *   breakers    an endpoint that could not be reached several times in a row, and an account that
 *               was refused twice in a row, are closed but for one probing request per interval (1
 *               s … 60 s; 15 min … 1 h, so that no five attempts, which lock an account, fall
 *               into one hour). What succeeds opens them.
 *   proof       an account that has not logged in within the last minute has as many requests under
 *               way as may fail before it is closed, so that a wrong password is tried twice and
 *               not 64 times.
 *
 * What is closed refuses at once, and whoever waits for it is refused too: nothing ever sleeps
 * through a back-off.
 *
 * Which of the three a busy answer concerns is derived from its facts: an enhanced status of 4.2.x
 * means the mailbox, ErrorExceededConnectionCount the account, all else the endpoint. The time that
 * comes with ErrorServerBusy closes the mailbox alone, whose budget it is with impersonation; it
 * closes the endpoint once three mailboxes were told so within 10 s, and where the account has a cap
 * of its own. Codes that
 * tell of a fault rather than of load (a database that is down …) change no limit.
 *
 * Shared: with a file, back-offs and breakers (not what is in flight) are known to all processes
 *         that name the same file. A thread of the
 * throttle's own does the file work; the engine never waits for it. It looks for news at most every
 * half second and only while there are requests; one that comes after a pause of a second or more
 * is held until the news are in, a quarter of a second at most. Of several processes only one sends
 * the probe. A file that is corrupt is replaced, one that cannot be used is done without: mail
 * never waits for it.
 *
 * Threads:  the engine's. A cancellable may be cancelled from any thread.
 * Memory:   reference counted; waiting requests and permits hold references. An idle mailbox is
 *           forgotten; endpoints and accounts, which are configuration, stay.
 * Errors:   BUSY 451 4.3.2 (back-off, too many waiting, deadline passed while waiting), AUTH 451
 *           4.7.0, UNREACHABLE 451 4.4.1, each with what is left to wait as retry_after_ms and
 *           stage "throttle"; G_IO_ERROR_CANCELLED. In all of them nothing was sent.
 * Limits:   `max_waiting` requests wait; EXG_THROTTLE_MAX_PAUSED mailboxes are remembered as
 *           closed, past that the one closed first is forgotten.
 * Cost:     O(1) per request, and O(log n) for its deadline.
 * Bugs:     Exchange does not say whose budget ErrorServerBusy means; the first two mailboxes of a
 *           server that is busy with all are taken for the ones it means.
 */
#ifndef EXG_THROTTLE_THROTTLE_H
#define EXG_THROTTLE_THROTTLE_H

#include "common/io/engine.h"

#define EXG_THROTTLE_MAX_PAUSED     10000
#define EXG_THROTTLE_MAX_BACKOFF_MS ((gint64)3600 * 1000)

typedef struct ExgThrottle ExgThrottle;
typedef struct ExgPermit ExgPermit;

typedef struct {
    guint max_per_mailbox;   /* 0: 2 */
    guint max_per_account;   /* 0: no cap, as long as Exchange does not ask for one. For delegate access: 10 */
    guint max_per_endpoint;  /* 0: 64 */
    guint max_waiting;       /* 0: 10000 */
    guint unreachable_after; /* failures in a row that open an endpoint's breaker; 0: 5 */
    const char *file;        /* shared by the processes of this host; NULL: nothing is shared */
} ExgThrottleOptions;

ExgThrottle *exg_throttle_new(ExgEngine *engine, const ExgThrottleOptions *options);
ExgThrottle *exg_throttle_ref(ExgThrottle *throttle);
/* The last one writes what the file does not know yet. */
void exg_throttle_unref(ExgThrottle *throttle);

typedef struct {
    const char *endpoint; /* any string that names it, such as its URL */
    const char *account;
    const char *mailbox; /* NULL: the account's own view, which has no cap of its own */
} ExgThrottleTarget;

/* Either a permit (transfer full), or NULL and why not. */
typedef void (*ExgThrottleFunc)(ExgPermit *permit, const GError *error, gpointer data);

/* Asks for a permit. The answer comes from the engine exactly once, never inside the call.
 * `deadline_us` is absolute (clock.h). */
void exg_throttle_take(ExgThrottle *throttle, const ExgThrottleTarget *target, gint64 deadline_us,
                       GCancellable *cancellable, ExgThrottleFunc function, gpointer data);

/* Gives the permit back with what came of the request: NULL means success. What was cancelled or
 * failed on this side does not count. */
void exg_permit_release(ExgPermit *permit, const GError *outcome);
/* Gives it back without an outcome. NULL-safe. */
void exg_permit_free(ExgPermit *permit);

/* For fail-over: the first of `count` endpoints that is not closed; if all are, the one that opens
 * first. A closed endpoint whose probe is due is named to one caller per second, so that the others
 * need not wait for what becomes of it. */
guint exg_throttle_first_usable(ExgThrottle *throttle, const char *const *endpoints, guint count);

/* The account's credentials are of that time: if it was closed before, the next request may try
 * them. */
void exg_throttle_renew_account(ExgThrottle *throttle, const char *account, gint64 changed_real_us);
/* For a program that does not live long enough to be refused twice: once will do. */
void exg_throttle_close_account_at_once(ExgThrottle *throttle, const char *account);

typedef struct {
    guint in_flight;
    guint waiting;
    guint limit;       /* how many may be in flight now */
    gint64 closed_ms;  /* what is left of a back-off, or until the next probe; 0: open */
    guint64 granted;   /* permits since the start */
    guint64 refused;   /* requests without a permit, those that were cancelled not counted */
    guint64 throttled; /* answers by which Exchange asked for less */
    guint mailboxes;   /* remembered now, of all endpoints */
    bool shared;       /* the file works */
} ExgThrottleStatistics;
/* Of these endpoints together: counts are summed up, `limit` is the highest and `closed_ms` the
 * shortest of theirs. */
void exg_throttle_get_statistics(ExgThrottle *throttle, const char *const *endpoints,
                                 ExgThrottleStatistics *ret_statistics);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgThrottle, exg_throttle_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgPermit, exg_permit_free)

#endif
