#include "common/ews/people/get-user-oof-settings-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

static void
test_request(void)
{
    const ExgEwsTarget target = {"a&b@example.com", EXG_EWS_IMPERSONATION};
    g_autofree char *request = ews_test_request(exg_ews_call_payload(
        &exg_ews_get_user_oof_settings_operation, EWS_TEST_VERSION, &target, target.mailbox));
    g_assert_nonnull(strstr(request,
                            "<m:GetUserOofSettingsRequest><t:Mailbox><t:Address>a&amp;b@example.com"
                            "</t:Address></t:Mailbox></m:GetUserOofSettingsRequest>"));
    g_assert_nonnull(strstr(request, "<t:ExchangeImpersonation>"));
}

#define RESPONSE(class, code, inside)                                                              \
    EWS_TEST_SOAP("<m:GetUserOofSettingsResponse><m:ResponseMessage ResponseClass=\"" class        \
                  "\"><m:ResponseCode>" code "</m:ResponseCode></m:ResponseMessage>" inside        \
                  "</m:GetUserOofSettingsResponse>")
#define SETTINGS(state, times)                                                                     \
    RESPONSE("Success", "NoError",                                                                 \
             "<t:OofSettings><t:OofState>" state "</t:OofState><t:ExternalAudience>Known"          \
             "</t:ExternalAudience>" times "<t:InternalReply><t:Message>in</t:Message>"            \
             "</t:InternalReply><t:ExternalReply/></t:OofSettings>"                                \
             "<m:AllowExternalOof>None</m:AllowExternalOof>")
#define TIMES                                                                                      \
    "<t:Duration><t:StartTime>2026-11-21T20:04:05</t:StartTime><t:EndTime>2026-11-21T20:04:15Z"    \
    "</t:EndTime></t:Duration>"

static ExgEwsOofSettings *
read_settings(const char *body, GError **error)
{
    return ews_test_answer(&exg_ews_get_user_oof_settings_operation, 200, body, NULL, error);
}

static void
test_settings(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgEwsOofSettings) scheduled = read_settings(SETTINGS("Scheduled", TIMES), &error);
    g_assert_no_error(error);
    g_assert_cmpint(scheduled->state, ==, EXG_EWS_OOF_SCHEDULED);
    g_assert_cmpint(scheduled->audience, ==, EXG_EWS_OOF_KNOWN);
    g_assert_cmpint(scheduled->allowed_audience, ==, EXG_EWS_OOF_NONE);
    g_assert_cmpint(scheduled->start, ==, 1795291445);
    g_assert_cmpstr(scheduled->internal_reply, ==, "in");
    g_assert_cmpstr(scheduled->external_reply, ==, "");
    g_assert_false(exg_ews_oof_settings_apply(scheduled, 1795291444));
    g_assert_true(exg_ews_oof_settings_apply(scheduled, 1795291445));
    g_assert_false(exg_ews_oof_settings_apply(scheduled, 1795291455));
    g_autoptr(ExgEwsOofSettings) enabled = read_settings(SETTINGS("Enabled", ""), &error);
    g_assert_no_error(error);
    g_assert_true(exg_ews_oof_settings_apply(enabled, 0));
    g_assert_cmpint(enabled->start, ==, 0);
    g_autoptr(ExgEwsOofSettings) disabled = read_settings(SETTINGS("Disabled", TIMES), &error);
    g_assert_no_error(error);
    g_assert_false(exg_ews_oof_settings_apply(disabled, 1795291446));
}

static void
test_errors(void)
{
    static const struct {
        const char *body;
        ExgErrorCode code;
    } cases[] = {
        {RESPONSE("Error", "ErrorMailRecipientNotFound", ""), EXG_ERROR_NO_MAILBOX},
        {RESPONSE("Error", "ErrorAccessDenied", ""), EXG_ERROR_DENIED},
        {RESPONSE("Success", "NoError", ""), EXG_ERROR_PROTOCOL},
        {SETTINGS("Scheduled", ""), EXG_ERROR_PROTOCOL},
        {SETTINGS("Perhaps", TIMES), EXG_ERROR_PROTOCOL},
        {EWS_TEST_SOAP("<m:GetUserOofSettingsResponse/>"), EXG_ERROR_PROTOCOL},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(read_settings(cases[i].body, &error));
        g_assert_error(error, EXG_ERROR, (int)cases[i].code);
    }
    ews_test_cut(&exg_ews_get_user_oof_settings_operation, SETTINGS("Scheduled", TIMES), NULL);
}

static void
test_template(void)
{
    g_autofree char *body = ews_test_template("response/getuseroofsettings.xml");
    if (body == NULL)
        return;
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgEwsOofSettings) settings = read_settings(body, &error);
    g_assert_no_error(error);
    g_assert_cmpint(settings->state, ==, EXG_EWS_OOF_DISABLED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/get-user-oof-settings/request", test_request);
    g_test_add_func("/ews/get-user-oof-settings/A20.3-settings", test_settings);
    g_test_add_func("/ews/get-user-oof-settings/errors", test_errors);
    g_test_add_func("/ews/get-user-oof-settings/template", test_template);
    return g_test_run();
}
