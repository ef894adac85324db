#include "common/base/disposition.h"
#include "common/base/error.h"

static void
test_facts(void)
{
    g_autoptr(GError)
        error = exg_error_new(EXG_ERROR_BUSY, "Exchange answered %s", "ErrorServerBusy");
    g_assert_cmpstr(error->message, ==, "Exchange answered ErrorServerBusy");
    g_assert_cmpint(exg_error_facts(error)->retry_after_ms, ==, -1);
    exg_error_set_retry_after(error, 1500);
    exg_error_set_service_code(error, "ErrorServerBusy");
    exg_error_set_service_code(error, "ErrorServerBusy");
    exg_error_set_request_id(error, "abc");
    exg_error_set_http_status(error, 500);
    exg_error_set_stage(error, "answer");
    exg_error_set_reply(error, 451, "4.3.2");

    g_autoptr(GError) copy = g_error_copy(error);
    g_clear_error(&error);
    const ExgErrorFacts *facts = exg_error_facts(copy);
    g_assert_cmpint(facts->retry_after_ms, ==, 1500);
    g_assert_cmpstr(facts->service_code, ==, "ErrorServerBusy");
    g_assert_cmpstr(facts->request_id, ==, "abc");
    g_assert_cmpint(facts->http_status, ==, 500);
    g_assert_cmpstr(facts->stage, ==, "answer");
    g_assert_cmpstr(facts->enhanced, ==, "4.3.2");
}

static void
test_foreign(void)
{
    g_autoptr(GError) error = g_error_new(g_quark_from_static_string("elsewhere"), 1, "no");
    g_assert_null(exg_error_facts(error));
    ExgDisposition disposition = exg_disposition_of(error);
    g_assert_cmpint(disposition.smtp_code, ==, 451);
    g_assert_false(disposition.permanent);
    g_assert_false(exg_error_set(NULL, EXG_ERROR_AUTH, "nobody listens"));
    exg_error_set_retry_after(NULL, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/error/facts", test_facts);
    g_test_add_func("/error/foreign", test_foreign);
    return g_test_run();
}
