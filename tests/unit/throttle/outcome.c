#include "common/base/error.h"
#include "common/throttle/outcome-private.h"

#include <gio/gio.h>

typedef struct {
    ExgErrorCode code;
    const char *service_code;
    const char *enhanced;
    int http_status;
    const char *stage;
    /* a letter for each that is true: r(eached) u(nreachable) l(ogged in) a(uth refused) s(erved) b(usy) */
    const char *expected;
    ExgThrottleScope scope;
} Case;

static const Case cases[] = {
    {EXG_ERROR_UNREACHABLE, NULL, "", 0, "connect", "u", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_UNREACHABLE, NULL, "", 0, "wait", "", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_UNREACHABLE, NULL, "", 0, "token", "", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_AUTH, NULL, "", 401, "token", "", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_BUSY, NULL, "", 503, "token", "", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_UNREACHABLE, NULL, "", 302, "answer", "u", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_BUSY, "ErrorServerBusy", "4.3.2", 200, NULL, "rlb", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_BUSY, "ErrorExceededConnectionCount", "4.3.2", 500, NULL, "rlb",
     EXG_THROTTLE_ACCOUNT},
    {EXG_ERROR_BUSY, "ErrorServerBusy", "4.2.1", 200, NULL, "rlb", EXG_THROTTLE_MAILBOX},
    {EXG_ERROR_BUSY, NULL, "4.3.2", 503, NULL, "rb", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_BUSY, NULL, "4.3.2", 429, NULL, "rb", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_BUSY, NULL, "4.3.2", 0, NULL, "rb", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_BUSY, NULL, "4.3.0", 500, NULL, "r", EXG_THROTTLE_ENDPOINT},
    /* a database that is down is no reason to slow down */
    {EXG_ERROR_BUSY, "ErrorMailboxStoreUnavailable", "4.3.2", 200, NULL, "rls",
     EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_BUSY, "ErrorMailboxMoveInProgress", "4.2.1", 200, NULL, "rls",
     EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_AUTH, NULL, "", 401, NULL, "ra", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_AUTH, NULL, "", 0, "auth", "ra", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_AUTH, NULL, "", 0, "ticket", "", EXG_THROTTLE_ENDPOINT}, /* none, so no attempt */
    {EXG_ERROR_AUTH, "ErrorPasswordExpired", "4.7.0", 200, NULL, "ra", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_NO_MAILBOX, "ErrorNonExistentMailbox", "5.1.1", 200, NULL, "rls",
     EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_QUOTA, NULL, "", 0, NULL, "rls", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_TOO_LARGE, NULL, "", 413, NULL, "r", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_PROTOCOL, NULL, "", 404, NULL, "r", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_PROTOCOL, NULL, "", 0, NULL, "", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_CONFIG, NULL, "4.7.5", 0, "tls", "", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_AMBIGUOUS, NULL, "", 0, NULL, "", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_AMBIGUOUS, NULL, "", 500, NULL, "r", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_AMBIGUOUS, NULL, "4.3.2", 503, NULL, "rb", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_AMBIGUOUS, "ErrorTimeoutExpired", "", 200, NULL, "rls", EXG_THROTTLE_ENDPOINT},
    {EXG_ERROR_RESOURCES, NULL, "", 0, NULL, "", EXG_THROTTLE_ENDPOINT},
};

static char *
letters(const ExgThrottleOutcome *outcome)
{
    return g_strconcat(outcome->reached ? "r" : "", outcome->unreachable ? "u" : "",
                       outcome->logged_in ? "l" : "", outcome->refused_login ? "a" : "",
                       outcome->served ? "s" : "", outcome->busy ? "b" : "", NULL);
}

static void
test_table(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        const Case *one = &cases[i];
        g_autoptr(GError) error = exg_error_new(one->code, "case %u", i);
        exg_error_set_service_code(error, one->service_code);
        exg_error_set_reply(error, 451, one->enhanced);
        exg_error_set_http_status(error, one->http_status);
        exg_error_set_stage(error, one->stage);
        ExgThrottleOutcome outcome = exg_throttle_outcome_of(error);
        g_autofree char *found = letters(&outcome);
        if (!g_str_equal(found, one->expected))
            g_error("%s, %s, HTTP %d: %s, not %s", error->message, one->service_code,
                    one->http_status, found, one->expected);
        g_assert_cmpint(outcome.scope, ==, one->scope);
        bool unclear = outcome.busy && g_strcmp0(one->service_code, "ErrorServerBusy") == 0;
        g_assert_cmpint(outcome.pause_scope, ==, unclear ? EXG_THROTTLE_MAILBOX : one->scope);
    }
}

static void
test_others(void)
{
    ExgThrottleOutcome outcome = exg_throttle_outcome_of(NULL);
    g_autofree char *success = letters(&outcome);
    g_assert_cmpstr(success, ==, "rls");
    g_autoptr(GError) cancelled = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CANCELLED, "stop");
    outcome = exg_throttle_outcome_of(cancelled);
    g_autofree char *nothing = letters(&outcome);
    g_assert_cmpstr(nothing, ==, "");
    g_assert_cmpint(outcome.retry_after_ms, ==, -1);
}

/* A wait that was asked for counts whatever it comes with, and is told by what. */
static void
test_retry_after(void)
{
    g_autoptr(GError) error = exg_error_new(EXG_ERROR_AMBIGUOUS, "no answer");
    exg_error_set_http_status(error, 503);
    exg_error_set_retry_after(error, 7000);
    ExgThrottleOutcome outcome = exg_throttle_outcome_of(error);
    g_assert_cmpint(outcome.retry_after_ms, ==, 7000);
    g_assert_cmpstr(outcome.code, ==, "HTTP 503");
    g_autofree char *long_code = g_strnfill(1000, 'E');
    exg_error_set_service_code(error, long_code);
    outcome = exg_throttle_outcome_of(error);
    g_assert_cmpuint(strlen(outcome.code), ==, EXG_THROTTLE_MAX_CODE_BYTES - 1);
}

int
main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/throttle/outcome/table", test_table);
    g_test_add_func("/throttle/outcome/others", test_others);
    g_test_add_func("/throttle/outcome/retry-after", test_retry_after);
    return g_test_run();
}
