/* outcome-private.h - what the end of a request says about the endpoint, the account and the
 * mailbox.
 *
 * Threads:  a pure function.
 */
#ifndef EXG_THROTTLE_OUTCOME_PRIVATE_H
#define EXG_THROTTLE_OUTCOME_PRIVATE_H

#include <glib.h>
#include <stdbool.h>

#define EXG_THROTTLE_MAX_CODE_BYTES 64

/* Also the `kind` of a row of the shared file: the numbers stay. */
typedef enum {
    EXG_THROTTLE_ENDPOINT = 1,
    EXG_THROTTLE_ACCOUNT = 2,
    EXG_THROTTLE_MAILBOX = 3
} ExgThrottleScope;

typedef struct {
    bool reached;          /* the endpoint answered */
    bool unreachable;      /* it did not, and the request had not been sent in full */
    bool logged_in;        /* the account was accepted */
    bool refused_login;
    bool served;           /* well or badly, but not refused for load */
    bool busy;             /* refused for load */
    ExgThrottleScope scope; /* of `busy` */
    gint64 retry_after_ms; /* -1: not said */
    ExgThrottleScope pause_scope; /* of `retry_after_ms`; narrower where it is not said whom it means */
    char code[EXG_THROTTLE_MAX_CODE_BYTES]; /* "ErrorServerBusy", "HTTP 503" or "" */
} ExgThrottleOutcome;

/* NULL: success. All is false for what does not count: cancelled, or failed on this side. */
ExgThrottleOutcome exg_throttle_outcome_of(const GError *error);

#endif
