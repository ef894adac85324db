#include "common/ews/retry.h"

#include "common/base/clock.h"
#include "common/base/error.h"

#include <string.h>

#define DEFAULT_BUDGET_MS (3600 * G_GINT64_CONSTANT(1000))
#define MAX_WAIT_MS       (24 * DEFAULT_BUDGET_MS)

/* --- the table -------------------------------------------------------------------------------- */

/* By ResponseCode. What is not here is not repeated. */
static const struct {
    const char *code;
    ExgEwsRemedy remedy;
} codes[] = {
    {"ErrorADOperation", EXG_EWS_TRY_LATER},
    {"ErrorADUnavailable", EXG_EWS_TRY_LATER},
    {"ErrorBatchProcessingStopped", EXG_EWS_TRY_LATER},
    {"ErrorClientDisconnected", EXG_EWS_TRY_LATER},
    {"ErrorConnectionFailed", EXG_EWS_TRY_LATER},
    {"ErrorConnectionFailedTransientError", EXG_EWS_TRY_LATER},
    {"ErrorCrossSiteRequest", EXG_EWS_TRY_LATER},
    {"ErrorExceededConnectionCount", EXG_EWS_TRY_LATER},
    {"ErrorIncorrectSchemaVersion", EXG_EWS_TRY_VERSION},
    {"ErrorInsufficientResources", EXG_EWS_TRY_LATER},
    {"ErrorInternalServerError", EXG_EWS_TRY_TWICE},
    {"ErrorInternalServerTransientError", EXG_EWS_TRY_LATER},
    {"ErrorInvalidRequest", EXG_EWS_TRY_VERSION},
    {"ErrorInvalidSchemaVersionForMailboxVersion", EXG_EWS_TRY_VERSION},
    {"ErrorInvalidServerVersion", EXG_EWS_TRY_VERSION},
    {"ErrorMailboxFailover", EXG_EWS_TRY_LATER},
    {"ErrorMailboxLogonFailed", EXG_EWS_TRY_LATER},
    {"ErrorMailboxMoveInProgress", EXG_EWS_TRY_LATER},
    {"ErrorMailboxStoreUnavailable", EXG_EWS_TRY_LATER},
    {"ErrorNewEventStreamConnectionOpened", EXG_EWS_TRY_LATER},
    {"ErrorNoRespondingCASInDestinationSite", EXG_EWS_TRY_LATER},
    {"ErrorNotEnoughMemory", EXG_EWS_TRY_LATER},
    {"ErrorProxyCallFailed", EXG_EWS_TRY_LATER},
    {"ErrorProxyRequestProcessingFailed", EXG_EWS_TRY_LATER},
    {"ErrorRequestAborted", EXG_EWS_TRY_LATER},
    {"ErrorServerBusy", EXG_EWS_TRY_LATER},
    {"ErrorTimeoutExpired", EXG_EWS_TRY_LATER},
    {"ErrorTooManyObjectsOpened", EXG_EWS_TRY_LATER},
};

/* By HTTP status, of an answer without SOAP. */
static const struct {
    int status;
    ExgEwsRemedy remedy;
} statuses[] = {
    {408, EXG_EWS_TRY_LATER}, {425, EXG_EWS_TRY_LATER}, {429, EXG_EWS_TRY_LATER},
    {500, EXG_EWS_TRY_TWICE}, {502, EXG_EWS_TRY_LATER}, {503, EXG_EWS_TRY_LATER},
    {504, EXG_EWS_TRY_LATER},
};

static ExgEwsRemedy
remedy_of_code(const char *code)
{
    for (guint i = 0; i < G_N_ELEMENTS(codes); i++)
        if (g_str_equal(codes[i].code, code))
            return codes[i].remedy;
    return EXG_EWS_GIVE_UP;
}

static ExgEwsRemedy
remedy_of_status(int status)
{
    for (guint i = 0; i < G_N_ELEMENTS(statuses); i++)
        if (statuses[i].status == status)
            return statuses[i].remedy;
    return EXG_EWS_GIVE_UP;
}

ExgEwsRemedy
exg_ews_remedy_of(const GError *error, bool proven)
{
    const ExgErrorFacts *facts = exg_error_facts(error);
    if (facts == NULL || error->code == EXG_ERROR_AMBIGUOUS)
        return EXG_EWS_GIVE_UP;
    bool throttled = g_strcmp0(facts->stage, "throttle") == 0;
    /* Credentials that have never been accepted are not tried again, or the account would be locked
     * out. */
    if (error->code == EXG_ERROR_AUTH)
        return proven && !throttled && facts->http_status == 401 ? EXG_EWS_TRY_TWICE
                                                                 : EXG_EWS_GIVE_UP;
    if (error->code == EXG_ERROR_UNREACHABLE)
        return EXG_EWS_TRY_ELSEWHERE;
    if (throttled)
        return EXG_EWS_TRY_LATER;
    if (facts->service_code != NULL)
        return remedy_of_code(facts->service_code);
    return error->code == EXG_ERROR_BUSY ? remedy_of_status(facts->http_status) : EXG_EWS_GIVE_UP;
}

/* What exchangelib lists, and never acts on, less what is an ordinary answer about one name
 * (ErrorNameResolutionNoResults), and with what says that the mailbox is elsewhere. */
bool
exg_ews_wants_discovery(const GError *error)
{
    static const char *const wanted[] = {"ErrorAutoDiscoverFailed",
                                         "ErrorConnectionFailed",
                                         "ErrorCrossSiteRequest",
                                         "ErrorIncorrectSchemaVersion",
                                         "ErrorInvalidCrossForestCredentials",
                                         "ErrorInvalidIdReturnedByResolveNames",
                                         "ErrorInvalidNetworkServiceContext",
                                         "ErrorMailboxMoveInProgress",
                                         "ErrorMailboxStoreUnavailable",
                                         "ErrorNameResolutionNoMailbox",
                                         "ErrorNoRespondingCASInDestinationSite",
                                         "ErrorNotEnoughMemory",
                                         "ErrorWrongServerVersion",
                                         "ErrorWrongServerVersionDelegate",
                                         NULL};
    const ExgErrorFacts *facts = exg_error_facts(error);
    if (facts == NULL || g_strcmp0(facts->stage, "throttle") == 0)
        return false;
    if (facts->service_code != NULL)
        return g_strv_contains(wanted, facts->service_code);
    return error->code == EXG_ERROR_UNREACHABLE || facts->http_status == 404;
}

/* --- waiting ---------------------------------------------------------------------------------- */

void
exg_ews_retry_init(ExgEwsRetry *self, const ExgEwsRetryPolicy *policy, gint64 deadline_us)
{
    gint64 budget_ms = policy->budget_ms > 0 ? policy->budget_ms : DEFAULT_BUDGET_MS;
    *self = (ExgEwsRetry){
        .tolerant = policy->tolerant,
        .until_us = MIN(exg_clock_deadline_ms(MIN(budget_ms, MAX_WAIT_MS)), deadline_us),
        .wait_ms = EXG_EWS_FIRST_WAIT_MS,
    };
}

static gint64
jitter_ms(gint64 previous_ms)
{
    gint64 most_ms = MIN(3 * previous_ms, EXG_EWS_LONGEST_WAIT_MS);
    return g_random_int_range(EXG_EWS_FIRST_WAIT_MS,
                              (gint32)MAX(most_ms, EXG_EWS_FIRST_WAIT_MS) + 1);
}

bool
exg_ews_retry_wait(ExgEwsRetry *self, ExgEwsRemedy remedy, GError *error, gint64 *ret_wait_ms)
{
    if (!self->tolerant || remedy == EXG_EWS_GIVE_UP || remedy == EXG_EWS_TRY_VERSION)
        return false;
    if (remedy == EXG_EWS_TRY_TWICE && self->doubtful++ >= 2)
        return false;
    gint64 asked_ms = exg_error_facts(error)->retry_after_ms;
    if (asked_ms <= 0)
        self->wait_ms = jitter_ms(self->wait_ms);
    gint64 wait_ms = asked_ms > 0 ? MIN(asked_ms, MAX_WAIT_MS) : self->wait_ms;
    if (exg_clock_deadline_ms(wait_ms) >= self->until_us) {
        g_autofree char *why = asked_ms > 0 ? g_strdup_printf("when asked to wait for %.3f s",
                                                              (double)wait_ms / 1000)
                                            : g_strdup("for want of time");
        char *text = g_strdup_printf("%s (gave up %s)", error->message, why);
        g_free(error->message);
        error->message = text;
        return false;
    }
    *ret_wait_ms = wait_ms;
    return true;
}

gint64
exg_ews_suggested_wait_ms(const char *text)
{
    static const char words[] = "suggested backoff time";
    for (const char *at = text; *at != '\0'; at++) {
        if (g_ascii_strncasecmp(at, words, strlen(words)) != 0)
            continue;
        at += strlen(words);
        at += strspn(at, " :=");
        if (!g_ascii_isdigit(*at))
            return -1;
        return (gint64)MIN(g_ascii_strtoull(at, NULL, 10), (guint64)MAX_WAIT_MS);
    }
    return -1;
}
