#include "common/ews/items/send-message-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

static const ExgEwsTarget target = {"rcpt@example.com", EXG_EWS_IMPERSONATION};

static char *
request_of(ExgEwsOutgoing *outgoing)
{
    static const char content[] = "Subject: x\r\n\r\nHello.\r\n";
    g_autoptr(ExgMessage) message = ews_test_message(content, strlen(content));
    outgoing->message = message;
    char *text = ews_test_request(
        exg_ews_call_payload(&exg_ews_send_message_operation, EWS_TEST_VERSION, &target, outgoing));
    ews_test_validate(text);
    return text;
}

static void
test_requests(void)
{
    static const char *const bcc[] = {"<&>@example.com", "bob@example.com", NULL};
    ExgEwsOutgoing saved = {.sending = EXG_EWS_SEND_AND_SAVE, .bcc = bcc};
    ExgEwsOutgoing elsewhere = {.sending = EXG_EWS_SEND_AND_SAVE, .saved_in = {.id = "FQ="}};
    ExgEwsOutgoing unsaved = {.sending = EXG_EWS_SEND_ONLY};
    g_autofree char *first = request_of(&saved), *second = request_of(&elsewhere);
    g_autofree char *third = request_of(&unsaved);
    g_assert_nonnull(strstr(first, "MessageDisposition=\"SendAndSaveCopy\""));
    g_assert_nonnull(strstr(first, "<t:DistinguishedFolderId Id=\"sentitems\"/>"));
    g_assert_nonnull(strstr(first, "<t:EmailAddress>&lt;&amp;&gt;@example.com</t:EmailAddress>"));
    g_assert_nonnull(strstr(second, "<t:FolderId Id=\"FQ=\"/>"));
    g_assert_null(strstr(second, "BccRecipients"));
    g_assert_nonnull(strstr(third, "MessageDisposition=\"SendOnly\""));
    g_assert_null(strstr(third, "SavedItemFolderId"));
}

#define ANSWER(class, code)                                                                        \
    EWS_TEST_SOAP("<m:CreateItemResponse><m:ResponseMessages><m:CreateItemResponseMessage "        \
                  "ResponseClass=\"" class "\"><m:ResponseCode>" code                              \
                                           "</m:ResponseCode><m:Items/>"                           \
                                           "</m:CreateItemResponseMessage></m:ResponseMessages></" \
                                           "m:CreateItemResponse>")

static void
test_answers(void)
{
    static const struct {
        const char *body;
        int code;
    } cases[] = {{ANSWER("Error", "ErrorQuotaExceeded"), EXG_ERROR_QUOTA},
                 {ANSWER("Error", "ErrorTimeoutExpired"), EXG_ERROR_AMBIGUOUS},
                 {ANSWER("Success", "ErrorInvalidRecipients"), EXG_ERROR_AMBIGUOUS}};
    g_autoptr(GError) none = NULL;
    /* what was sent has no id */
    g_assert_null(ews_test_answer(&exg_ews_send_message_operation, 200,
                                  ANSWER("Success", "NoError"), NULL, &none));
    g_assert_no_error(none);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(
            ews_test_answer(&exg_ews_send_message_operation, 200, cases[i].body, NULL, &error));
        g_assert_error(error, EXG_ERROR, cases[i].code);
    }
}

static void
test_once(void)
{
    g_assert_true(exg_ews_send_message_operation.once);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/send-message/requests", test_requests);
    g_test_add_func("/ews/send-message/answers", test_answers);
    g_test_add_func("/ews/send-message/F2-once", test_once);
    return g_test_run();
}
