#include "common/ews/people/get-mail-tips-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

static void
test_request(void)
{
    static const ExgEwsTarget self = {.access = EXG_EWS_SELF};
    const gconstpointer recipients[] = {"a@example.com", "b<@example.com"};
    const ExgEwsPortion portion = {"svc@example.com", recipients, 2};
    g_autofree char *request = ews_test_request(
        exg_ews_call_payload(&exg_ews_get_mail_tips_operation, EWS_TEST_VERSION, &self, &portion));
    g_assert_nonnull(strstr(request,
                            "<m:SendingAs><t:EmailAddress>svc@example.com</t:EmailAddress>"
                            "<t:RoutingType>SMTP</t:RoutingType></m:SendingAs><m:Recipients>"
                            "<t:Mailbox><t:EmailAddress>a@example.com"));
    g_assert_nonnull(strstr(request, "b&lt;@example.com"));
    g_assert_nonnull(
        strstr(request, "</m:Recipients><m:MailTipsRequested>All</m:MailTipsRequested>"));
    g_assert_null(strstr(request, "Impersonation"));
}

#define RESPONSE(messages)                                                                         \
    EWS_TEST_SOAP("<m:GetMailTipsResponse ResponseClass=\"Success\"><m:ResponseCode>NoError"       \
                  "</m:ResponseCode><m:ResponseMessages>" messages                                 \
                  "</m:ResponseMessages></m:GetMailTipsResponse>")
#define MESSAGE(class, code, inside)                                                               \
    "<m:MailTipsResponseMessageType ResponseClass=\"" class "\"><m:ResponseCode>" code             \
                                                            "</m:ResponseCode>" inside             \
                                                            "</m:MailTipsResponseMessageType>"
#define TIPS(pending, inside)                                                                      \
    MESSAGE("Success", "NoError",                                                                  \
            "<m:MailTips><t:RecipientAddress/><t:PendingMailTips>" pending                         \
            "</t:PendingMailTips>" inside "</m:MailTips>")
#define ALL                                                                                        \
    "<t:OutOfOffice><t:ReplyBody><t:Message>away</t:Message></t:ReplyBody></t:OutOfOffice>"        \
    "<t:MailboxFull>1</t:MailboxFull><t:CustomMailTip>tip</t:CustomMailTip>"                       \
    "<t:TotalMemberCount>7</t:TotalMemberCount><t:ExternalMemberCount>2</t:ExternalMemberCount>"   \
    "<t:MaxMessageSize>37748736</t:MaxMessageSize><t:DeliveryRestricted>true"                      \
    "</t:DeliveryRestricted><t:IsModerated>false</t:IsModerated><t:InvalidRecipient>false"         \
    "</t:InvalidRecipient>"
#define TWO RESPONSE(TIPS("", ALL) MESSAGE("Error", "ErrorServerBusy", ""))

static GPtrArray *
read_tips(const char *body, guint count, GError **error)
{
    ExgEwsPortion portion = {.count = count};
    return ews_test_answer(&exg_ews_get_mail_tips_operation, 200, body, &portion, error);
}

static void
test_tips(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) results = read_tips(TWO, 2, &error);
    g_assert_no_error(error);
    const ExgEwsMailTips *tips = results->pdata[0], *busy = results->pdata[1];
    g_assert_no_error(tips->error);
    g_assert_cmpstr(tips->out_of_office, ==, "away");
    g_assert_cmpstr(tips->custom_tip, ==, "tip");
    g_assert_cmpint(tips->mailbox_full, ==, EXG_EWS_YES);
    g_assert_cmpint(tips->total_member_count, ==, 7);
    g_assert_cmpint(tips->external_member_count, ==, 2);
    g_assert_cmpint(tips->max_message_bytes, ==, 37748736);
    g_assert_cmpint(tips->delivery_restricted, ==, EXG_EWS_YES);
    g_assert_cmpint(tips->moderated, ==, EXG_EWS_NO);
    g_assert_cmpint(tips->invalid_recipient, ==, EXG_EWS_NO);
    g_assert_false(tips->is_pending);
    g_assert_error(busy->error, EXG_ERROR, EXG_ERROR_BUSY);
}

/* What the server had no time for is unknown, whatever stands there. */
static void
test_pending(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) results = read_tips(
        RESPONSE(TIPS("OutOfOfficeMessage MailboxFullStatus", ALL) TIPS("All", ALL) TIPS("", "")),
        3, &error);
    g_assert_no_error(error);
    const ExgEwsMailTips *some = results->pdata[0];
    g_assert_null(some->out_of_office);
    g_assert_cmpint(some->mailbox_full, ==, EXG_EWS_UNKNOWN);
    g_assert_cmpint(some->delivery_restricted, ==, EXG_EWS_YES);
    g_assert_true(some->is_pending);
    for (guint i = 1; i < 3; i++) {
        const ExgEwsMailTips *none = results->pdata[i];
        g_assert_no_error(none->error);
        g_assert_cmpint(none->invalid_recipient, ==, EXG_EWS_UNKNOWN);
        g_assert_cmpint(none->delivery_restricted, ==, EXG_EWS_UNKNOWN);
        g_assert_cmpint(none->max_message_bytes, ==, -1);
        g_assert_cmpint(none->total_member_count, ==, -1);
        g_assert_null(none->custom_tip);
    }
}

static void
test_errors(void)
{
    static const struct {
        const char *body;
        ExgErrorCode code;
    } cases[] = {
        {RESPONSE(TIPS("", ALL)), EXG_ERROR_PROTOCOL}, /* one instead of two */
        {RESPONSE(""), EXG_ERROR_PROTOCOL},
        {EWS_TEST_SOAP(
             "<m:GetMailTipsResponse ResponseClass=\"Error\"><m:ResponseCode>ErrorServerBusy"
             "</m:ResponseCode></m:GetMailTipsResponse>"),
         EXG_ERROR_BUSY},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(read_tips(cases[i].body, 2, &error));
        g_assert_error(error, EXG_ERROR, (int)cases[i].code);
    }
    g_autoptr(GPtrArray) results = read_tips(RESPONSE(MESSAGE("Success", "NoError", "")), 1, NULL);
    g_assert_error(((ExgEwsMailTips *)results->pdata[0])->error, EXG_ERROR, EXG_ERROR_PROTOCOL);
    ExgEwsPortion two = {.count = 2};
    ews_test_cut(&exg_ews_get_mail_tips_operation, TWO, &two);
}

static void
test_template(void)
{
    g_autofree char *body = ews_test_template("response/getmailtips-ok.xml");
    if (body == NULL)
        return;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) results = read_tips(body, 1, &error);
    g_assert_no_error(error);
    const ExgEwsMailTips *tips = results->pdata[0];
    g_assert_cmpstr(tips->out_of_office, ==, "");
    g_assert_cmpint(tips->mailbox_full, ==, EXG_EWS_NO);
    g_assert_cmpint(tips->max_message_bytes, ==, 37748736);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/get-mail-tips/request", test_request);
    g_test_add_func("/ews/get-mail-tips/A16.8,A17.3-tips", test_tips);
    g_test_add_func("/ews/get-mail-tips/pending", test_pending);
    g_test_add_func("/ews/get-mail-tips/errors", test_errors);
    g_test_add_func("/ews/get-mail-tips/template", test_template);
    return g_test_run();
}
