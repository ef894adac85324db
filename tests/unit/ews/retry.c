#include "common/ews/retry.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/ews/answer-private.h"
#include "common/ews/response-code.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

static ExgEwsRemedy
remedy_of_code(const char *code)
{
    g_autoptr(GError) error = exg_ews_response_code_error(code, "", false);
    return exg_ews_remedy_of(error, true);
}

static void
test_codes(void)
{
    static const char *const transient[] = {"ErrorServerBusy",
                                            "ErrorExceededConnectionCount",
                                            "ErrorTimeoutExpired",
                                            "ErrorTooManyObjectsOpened",
                                            "ErrorInternalServerTransientError",
                                            "ErrorConnectionFailed",
                                            "ErrorConnectionFailedTransientError",
                                            "ErrorMailboxStoreUnavailable",
                                            "ErrorMailboxFailover",
                                            "ErrorMailboxMoveInProgress",
                                            "ErrorADUnavailable",
                                            "ErrorADOperation",
                                            "ErrorInsufficientResources",
                                            "ErrorNotEnoughMemory",
                                            "ErrorBatchProcessingStopped",
                                            "ErrorMailboxLogonFailed",
                                            "ErrorNoRespondingCASInDestinationSite",
                                            "ErrorProxyRequestProcessingFailed",
                                            "ErrorProxyCallFailed",
                                            "ErrorCrossSiteRequest",
                                            "ErrorRequestAborted",
                                            "ErrorClientDisconnected",
                                            "ErrorNewEventStreamConnectionOpened"};
    for (guint i = 0; i < G_N_ELEMENTS(transient); i++)
        g_assert_cmpint(remedy_of_code(transient[i]), ==, EXG_EWS_TRY_LATER);
    g_assert_cmpint(remedy_of_code("ErrorInternalServerError"), ==, EXG_EWS_TRY_TWICE);
    g_assert_cmpint(remedy_of_code("ErrorItemNotFound"), ==, EXG_EWS_GIVE_UP);
    g_assert_cmpint(remedy_of_code("ErrorNonExistentMailbox"), ==, EXG_EWS_GIVE_UP);
    g_assert_cmpint(remedy_of_code("ErrorNeverHeardOf"), ==, EXG_EWS_GIVE_UP);
    g_assert_cmpint(remedy_of_code("urlparse"), ==, EXG_EWS_GIVE_UP);
    g_assert_cmpint(remedy_of_code("ErrorInvalidServerVersion"), ==, EXG_EWS_TRY_VERSION);
}

static bool
no_result(const ExgEwsOperation *self, const ExgXmlNode *message, gpointer context,
          gpointer *ret_result, GError **error)
{
    return exg_ews_message_check(self, message, error);
}

static const ExgEwsOperation reading = {.name = "GetFolder", .n_messages = 1, .decode = no_result};
static const ExgEwsOperation storing = {
    .name = "CreateItem", .once = true, .n_messages = 1, .decode = no_result};

static ExgEwsRemedy
remedy_of_status(const ExgEwsOperation *operation, int status, bool proven)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(ews_test_answer(operation, status, "", NULL, &error));
    g_assert_nonnull(error);
    return exg_ews_remedy_of(error, proven);
}

static void
test_statuses(void)
{
    static const int transient[] = {408, 425, 429, 502, 503, 504};
    static const int final[] = {400, 403, 404, 405, 410, 413, 415, 456, 501, 301, 302, 307};
    for (guint i = 0; i < G_N_ELEMENTS(transient); i++)
        g_assert_cmpint(remedy_of_status(&reading, transient[i], true), ==, EXG_EWS_TRY_LATER);
    for (guint i = 0; i < G_N_ELEMENTS(final); i++)
        g_assert_cmpint(remedy_of_status(&reading, final[i], true), ==, EXG_EWS_GIVE_UP);
    g_assert_cmpint(remedy_of_status(&reading, 500, true), ==, EXG_EWS_TRY_TWICE);
    /* whose outcome is not known is not for a policy to decide */
    g_assert_cmpint(remedy_of_status(&storing, 503, true), ==, EXG_EWS_GIVE_UP);
    g_assert_cmpint(remedy_of_status(&storing, 500, true), ==, EXG_EWS_GIVE_UP);
}

static void
test_login(void)
{
    g_assert_cmpint(remedy_of_status(&reading, 401, false), ==, EXG_EWS_GIVE_UP);
    g_assert_cmpint(remedy_of_status(&reading, 401, true), ==, EXG_EWS_TRY_TWICE);
    g_autoptr(GError) closed = exg_error_new(EXG_ERROR_AUTH, "closed");
    exg_error_set_stage(closed, "throttle");
    g_assert_cmpint(exg_ews_remedy_of(closed, true), ==, EXG_EWS_GIVE_UP);
}

static void
test_others(void)
{
    g_autoptr(GError) lost = exg_error_new(EXG_ERROR_UNREACHABLE, "lost");
    g_assert_cmpint(exg_ews_remedy_of(lost, false), ==, EXG_EWS_TRY_ELSEWHERE);
    g_autoptr(GError) certificate = exg_error_new(EXG_ERROR_CONFIG, "certificate");
    g_assert_cmpint(exg_ews_remedy_of(certificate, true), ==, EXG_EWS_GIVE_UP);
    g_autoptr(GError) cancelled = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CANCELLED, "x");
    g_assert_cmpint(exg_ews_remedy_of(cancelled, true), ==, EXG_EWS_GIVE_UP);
    g_autoptr(GError) backing_off = exg_error_new(EXG_ERROR_BUSY, "backing off");
    exg_error_set_stage(backing_off, "throttle");
    g_assert_cmpint(exg_ews_remedy_of(backing_off, true), ==, EXG_EWS_TRY_LATER);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static GError *
busy(gint64 asked_ms)
{
    GError *error = exg_error_new(EXG_ERROR_BUSY, "busy");
    exg_error_set_retry_after(error, asked_ms);
    return error;
}

static void
test_fail_fast(void)
{
    static const ExgEwsRetryPolicy fail_fast = {0};
    ExgEwsRetry retry;
    exg_ews_retry_init(&retry, &fail_fast, EXG_NO_DEADLINE);
    g_autoptr(GError) error = busy(1);
    gint64 wait_ms = -7;
    g_assert_false(exg_ews_retry_wait(&retry, EXG_EWS_TRY_LATER, error, &wait_ms));
    g_assert_cmpint(wait_ms, ==, -7);
    g_assert_cmpstr(error->message, ==, "busy");
}

static void
test_jitter(void)
{
    static const ExgEwsRetryPolicy tolerant = {.tolerant = true};
    ExgEwsRetry retry;
    exg_ews_retry_init(&retry, &tolerant, EXG_NO_DEADLINE);
    g_autoptr(GError) error = busy(-1);
    gint64 previous_ms = EXG_EWS_FIRST_WAIT_MS, total_ms = 0;
    bool differ = false;
    for (guint i = 0; i < 1000; i++) {
        gint64 wait_ms = 0;
        g_assert_true(exg_ews_retry_wait(&retry, EXG_EWS_TRY_LATER, error, &wait_ms));
        g_assert_cmpint(wait_ms, >=, EXG_EWS_FIRST_WAIT_MS);
        g_assert_cmpint(wait_ms, <=, MIN(3 * previous_ms, EXG_EWS_LONGEST_WAIT_MS));
        differ = differ || wait_ms != previous_ms;
        previous_ms = wait_ms;
        total_ms += wait_ms;
    }
    g_assert_true(differ);
    g_assert_cmpint(total_ms, >, 1000 * 5000); /* it grows */
}

static void
test_budget(void)
{
    static const ExgEwsRetryPolicy tolerant = {.tolerant = true, .budget_ms = 60000};
    ExgEwsRetry retry;
    exg_ews_retry_init(&retry, &tolerant, EXG_NO_DEADLINE);
    gint64 waited_ms = 0;
    for (;;) {
        g_autoptr(GError) error = busy(9000);
        gint64 wait_ms = 0;
        if (!exg_ews_retry_wait(&retry, EXG_EWS_TRY_LATER, error, &wait_ms)) {
            g_assert_nonnull(strstr(error->message, "gave up when asked to wait for 9.000 s"));
            break;
        }
        g_assert_cmpint(wait_ms, ==, 9000); /* what was asked, without jitter */
        waited_ms += wait_ms;
        exg_clock_advance(wait_ms * 1000);
    }
    g_assert_cmpint(waited_ms, ==, 54000);
}

/* Where nobody says otherwise: an hour, beginning with a second. */
static void
test_defaults(void)
{
    static const ExgEwsRetryPolicy tolerant = {.tolerant = true};
    ExgEwsRetry retry;
    exg_ews_retry_init(&retry, &tolerant, EXG_NO_DEADLINE);
    gint64 wait_ms = 0;
    g_autoptr(GError) fits = busy(3599 * 1000);
    g_assert_true(exg_ews_retry_wait(&retry, EXG_EWS_TRY_LATER, fits, &wait_ms));
    g_autoptr(GError) too_long = busy(3601 * 1000);
    g_assert_false(exg_ews_retry_wait(&retry, EXG_EWS_TRY_LATER, too_long, &wait_ms));
    g_autoptr(GError) unasked = busy(-1);
    g_assert_true(exg_ews_retry_wait(&retry, EXG_EWS_TRY_LATER, unasked, &wait_ms));
    g_assert_cmpint(wait_ms, >=, 1000);
    g_assert_cmpint(wait_ms, <=, 3000);
}

static void
test_deadline(void)
{
    static const ExgEwsRetryPolicy tolerant = {.tolerant = true};
    ExgEwsRetry retry;
    exg_ews_retry_init(&retry, &tolerant, exg_clock_deadline_ms(100000));
    gint64 wait_ms = 0;
    g_autoptr(GError) short_wait = busy(50000);
    g_assert_true(exg_ews_retry_wait(&retry, EXG_EWS_TRY_LATER, short_wait, &wait_ms));
    g_autoptr(GError) long_wait = busy(3600 * 1000);
    g_assert_false(exg_ews_retry_wait(&retry, EXG_EWS_TRY_LATER, long_wait, &wait_ms));
    exg_clock_advance(G_GINT64_CONSTANT(99500) * 1000);
    g_autoptr(GError) unasked = busy(-1);
    g_assert_false(exg_ews_retry_wait(&retry, EXG_EWS_TRY_LATER, unasked, &wait_ms));
    g_assert_true(g_str_has_suffix(unasked->message, " (gave up for want of time)"));
}

static void
test_twice(void)
{
    static const ExgEwsRetryPolicy tolerant = {.tolerant = true};
    ExgEwsRetry retry;
    exg_ews_retry_init(&retry, &tolerant, EXG_NO_DEADLINE);
    g_autoptr(GError) error = busy(-1);
    gint64 wait_ms = 0;
    g_assert_true(exg_ews_retry_wait(&retry, EXG_EWS_TRY_TWICE, error, &wait_ms));
    g_assert_true(exg_ews_retry_wait(&retry, EXG_EWS_TRY_TWICE, error, &wait_ms));
    g_assert_false(exg_ews_retry_wait(&retry, EXG_EWS_TRY_TWICE, error, &wait_ms));
}

/* --- hints ------------------------------------------------------------------------------------ */

#define BUSY(text, xml)                                                                            \
    EWS_TEST_SOAP("<m:GetFolderResponse><m:ResponseMessages><m:GetFolderResponseMessage "          \
                  "ResponseClass=\"Error\"><m:MessageText>" text "</m:MessageText>"                \
                  "<m:ResponseCode>ErrorServerBusy</m:ResponseCode>" xml                           \
                  "</m:GetFolderResponseMessage></m:ResponseMessages></m:GetFolderResponse>")
#define VALUE(name, value) "<t:Value Name=\"" name "\">" value "</t:Value>"

static gint64
hint_of(const char *answer)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(ews_test_answer(&reading, 200, answer, NULL, &error));
    return exg_error_facts(error)->retry_after_ms;
}

static void
test_hints(void)
{
    g_assert_cmpint(hint_of(BUSY("", "")), ==, -1);
    g_assert_cmpint(hint_of(BUSY("", "<m:MessageXml>" VALUE("Policy", "x")
                                         VALUE("BackOffMilliseconds", "5000") "</m:MessageXml>")),
                    ==, 5000);
    g_assert_cmpint(
        hint_of(BUSY("", "<m:MessageXml>" VALUE("BackOffMilliseconds", "soon") "</m:MessageXml>")),
        ==, -1);
    g_assert_cmpint(hint_of(BUSY("Busy. Suggested backoff time 7500 milliseconds.", "")), ==, 7500);
    g_assert_cmpint(
        hint_of(BUSY("Suggested backoff time 7500 ms",
                     "<m:MessageXml>" VALUE("BackOffMilliseconds", "5") "</m:MessageXml>")),
        ==, 5);
    g_assert_cmpint(exg_ews_suggested_wait_ms("Suggested Backoff Time: 12"), ==, 12);
    g_assert_cmpint(exg_ews_suggested_wait_ms("Suggested backoff time"), ==, -1);
    g_assert_cmpint(exg_ews_suggested_wait_ms("Suggested backoff time ages"), ==, -1);
    g_assert_cmpint(exg_ews_suggested_wait_ms("suggested backoff time 99999999999999999999999"), >,
                    0);
}

/* Which errors say that the mailbox has moved, or that this is not its server. */
static void
test_discovery(void)
{
    static const struct {
        ExgErrorCode code;
        const char *service_code, *stage;
        int status;
        bool wanted;
    } cases[] = {
        {EXG_ERROR_BUSY, "ErrorMailboxMoveInProgress", "answer", 200, true},
        {EXG_ERROR_BUSY, "ErrorCrossSiteRequest", "answer", 500, true},
        {EXG_ERROR_CONFIG, "ErrorWrongServerVersionDelegate", "answer", 200, true},
        {EXG_ERROR_BUSY, "ErrorServerBusy", "answer", 200, false},
        {EXG_ERROR_NO_MAILBOX, "ErrorNonExistentMailbox", "answer", 200, false},
        {EXG_ERROR_UNREACHABLE, NULL, "connect", 0, true},
        {EXG_ERROR_UNREACHABLE, NULL, "throttle", 0, false}, /* nothing was tried */
        {EXG_ERROR_PROTOCOL, NULL, "answer", 404, true},
        {EXG_ERROR_PROTOCOL, NULL, "answer", 400, false},
        {EXG_ERROR_AUTH, NULL, "auth", 401, false},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = exg_error_new(cases[i].code, "x");
        exg_error_set_service_code(error, cases[i].service_code);
        exg_error_set_stage(error, cases[i].stage);
        exg_error_set_http_status(error, cases[i].status);
        g_assert_cmpint(exg_ews_wants_discovery(error), ==, cases[i].wanted);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/retry/A12,A12.1,A12.4,A16.4-response-codes", test_codes);
    g_test_add_func("/ews/retry/A11.2,A11.3,A11.6,F13-statuses", test_statuses);
    g_test_add_func("/ews/retry/A11.5,F14-refused-credentials", test_login);
    g_test_add_func("/ews/retry/A12.2-lost-connections-and-others", test_others);
    g_test_add_func("/ews/retry/A13.1-fail-fast", test_fail_fast);
    g_test_add_func("/ews/retry/A13.5,F15-jitter", test_jitter);
    g_test_add_func("/ews/retry/A13.2,A13.3,A13.4-budget", test_budget);
    g_test_add_func("/ews/retry/A2,A13.2-defaults", test_defaults);
    g_test_add_func("/ews/retry/A13.3,F27-deadline", test_deadline);
    g_test_add_func("/ews/retry/A12.4-internal-error-twice", test_twice);
    g_test_add_func("/ews/retry/A13.8,A16.1,F26-hints", test_hints);
    g_test_add_func("/ews/retry/A12.5,F23-discovery", test_discovery);
    return g_test_run();
}
