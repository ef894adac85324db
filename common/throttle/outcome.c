#include "common/throttle/outcome-private.h"

#include "common/base/error.h"

/* ResponseCodes that ask for less. Others that are temporary as well tell of something broken, often a single database:
 * to slow down for them would stop the mail of all for the fault of some. */
static bool
tells_of_load(const ExgErrorFacts *facts)
{
    static const char *const codes[] = {
        "ErrorExceededConnectionCount", "ErrorInsufficientResources",
        "ErrorNotEnoughMemory",         "ErrorServerBusy",
        "ErrorTooManyObjectsOpened",
    };
    if (facts->service_code == NULL)
        return facts->http_status == 0 || facts->http_status == 429 || facts->http_status == 503;
    for (guint i = 0; i < G_N_ELEMENTS(codes); i++)
        if (g_str_equal(facts->service_code, codes[i]))
            return true;
    return false;
}

static ExgThrottleScope
scope_of(const ExgErrorFacts *facts)
{
    if (g_str_has_prefix(facts->enhanced, "4.2."))
        return EXG_THROTTLE_MAILBOX;
    if (g_strcmp0(facts->service_code, "ErrorExceededConnectionCount") == 0)
        return EXG_THROTTLE_ACCOUNT;
    return EXG_THROTTLE_ENDPOINT;
}

/* Budgets are those of the mailbox that is impersonated, as a rule; but ErrorServerBusy does not say whose was used
 * up, and a server that is busy with all says it as well. */
static ExgThrottleScope
pause_scope_of(const ExgErrorFacts *facts)
{
    if (g_strcmp0(facts->service_code, "ErrorServerBusy") == 0)
        return EXG_THROTTLE_MAILBOX;
    return scope_of(facts);
}

static void
set_code(ExgThrottleOutcome *outcome, const ExgErrorFacts *facts)
{
    if (facts->service_code != NULL)
        g_strlcpy(outcome->code, facts->service_code, sizeof outcome->code);
    else if (facts->http_status != 0)
        g_snprintf(outcome->code, sizeof outcome->code, "HTTP %d", facts->http_status);
}

ExgThrottleOutcome
exg_throttle_outcome_of(const GError *error)
{
    ExgThrottleOutcome outcome = {
        .scope = EXG_THROTTLE_ENDPOINT, .retry_after_ms = -1, .pause_scope = EXG_THROTTLE_ENDPOINT};
    if (error == NULL) {
        outcome.reached = outcome.logged_in = outcome.served = true;
        return outcome;
    }
    const ExgErrorFacts *facts = exg_error_facts(error);
    /* What is wrong with a token endpoint is not wrong with Exchange, and has pauses of its own. */
    if (facts == NULL || g_strcmp0(facts->stage, "token") == 0)
        return outcome;

    /* Only a SOAP answer, or one about the mailbox or the message, comes from behind the log-in. */
    bool spoke_soap = facts->service_code != NULL;
    outcome.reached = spoke_soap || facts->http_status != 0;
    outcome.logged_in = outcome.served = spoke_soap;
    switch ((ExgErrorCode)error->code) {
    case EXG_ERROR_UNREACHABLE:
        /* Waiting for a connection of our own until the deadline tells nothing about the server. */
        outcome.unreachable = !spoke_soap && g_strcmp0(facts->stage, "wait") != 0;
        outcome.reached = spoke_soap;
        break;
    case EXG_ERROR_BUSY:
        outcome.reached = true;
        outcome.busy = tells_of_load(facts);
        break;
    case EXG_ERROR_AUTH:
        /* Without a ticket nobody was asked: that is no attempt that counts towards a lock-out. */
        if (g_strcmp0(facts->stage, "ticket") == 0)
            break;
        outcome.reached = outcome.refused_login = true;
        outcome.logged_in = outcome.served = false;
        break;
    case EXG_ERROR_DENIED:
    case EXG_ERROR_NO_MAILBOX:
    case EXG_ERROR_QUOTA:
    case EXG_ERROR_TOO_LARGE:
    case EXG_ERROR_REJECTED:
        /* A status alone may be a proxy's before the log-in. */
        outcome.reached = true;
        outcome.logged_in = outcome.served = spoke_soap || facts->http_status == 0;
        break;
    case EXG_ERROR_AMBIGUOUS:
        /* It may have been stored, but the status still asks for less. */
        outcome.busy = facts->http_status != 0 && tells_of_load(facts);
        break;
    case EXG_ERROR_PROTOCOL:
    case EXG_ERROR_CONFIG:
    case EXG_ERROR_RESOURCES:
    case EXG_N_ERRORS:
        break;
    }
    outcome.retry_after_ms = facts->retry_after_ms;
    if (outcome.busy)
        outcome.served = false;
    if (outcome.busy || outcome.retry_after_ms >= 0) {
        outcome.scope = scope_of(facts);
        outcome.pause_scope = pause_scope_of(facts);
        set_code(&outcome, facts);
    }
    return outcome;
}
