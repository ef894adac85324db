#include "common/ews/people/get-searchable-mailboxes-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

static const ExgEwsTarget self = {.access = EXG_EWS_SELF};

static void
test_schema(void)
{
    ExgEwsSearchableQuestion questions[] = {{(char *)"a&b", true}, {NULL, false}};
    for (guint i = 0; i < G_N_ELEMENTS(questions); i++) {
        g_autofree char *request = ews_test_request(exg_ews_call_payload(
            &exg_ews_get_searchable_mailboxes_operation, EWS_TEST_VERSION, &self, &questions[i]));
        g_assert_true((strstr(request, "<m:SearchFilter>a&amp;b</m:SearchFilter>") != NULL) ==
                      (i == 0));
        g_assert_nonnull(strstr(request, i == 0 ? ">true</m:ExpandGroupMembership>"
                                                : ">false</m:ExpandGroupMembership>"));
        ews_test_validate(request);
    }
}

#define RESPONSE(class, code, inside)                                                              \
    EWS_TEST_SOAP(                                                                                 \
        "<m:GetSearchableMailboxesResponse ResponseClass=\"" class "\"><m:ResponseCode>" code      \
                                                                   "</m:ResponseCode>" inside "</" \
                                                                   "m:"                            \
                                                                   "GetSearchableMailboxesRespons" \
                                                                   "e>")
#define MAILBOX                                                                                    \
    "<t:SearchableMailbox><t:Guid>G</t:Guid><t:PrimarySmtpAddress>a@example.com"                   \
    "</t:PrimarySmtpAddress><t:IsExternalMailbox>0</t:IsExternalMailbox><t:ExternalEmailAddress/>" \
    "<t:DisplayName>A</t:DisplayName><t:IsMembershipGroup>1</t:IsMembershipGroup>"                 \
    "<t:ReferenceId>R</t:ReferenceId></t:SearchableMailbox>"
#define FAILED                                                                                     \
    "<t:FailedMailbox><t:Mailbox>b@example.com</t:Mailbox><t:ErrorCode>-7</t:ErrorCode>"           \
    "<t:ErrorMessage>no</t:ErrorMessage><t:IsArchive>true</t:IsArchive></t:FailedMailbox>"
#define BOTH                                                                                       \
    RESPONSE("Success", "NoError",                                                                 \
             "<m:SearchableMailboxes>" MAILBOX "</m:SearchableMailboxes>"                          \
             "<m:FailedMailboxes>" FAILED "</m:FailedMailboxes>")

static void
assert_found(const char *body, guint mailboxes, guint failures)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgEwsSearchable) found = ews_test_answer(&exg_ews_get_searchable_mailboxes_operation,
                                                        200, body, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(found->mailboxes->len, ==, mailboxes);
    g_assert_cmpuint(found->failures->len, ==, failures);
    if (mailboxes > 0) {
        const ExgEwsSearchableMailbox *mailbox = found->mailboxes->pdata[0];
        g_assert_cmpstr(mailbox->guid, ==, "G");
        g_assert_cmpstr(mailbox->primary_address, ==, "a@example.com");
        g_assert_cmpstr(mailbox->external_address, ==, "");
        g_assert_false(mailbox->is_external);
        g_assert_true(mailbox->is_group);
    }
    if (failures > 0) {
        const ExgEwsUnsearchableMailbox *failure = found->failures->pdata[0];
        g_assert_cmpstr(failure->mailbox, ==, "b@example.com");
        g_assert_cmpint(failure->error_code, ==, -7);
        g_assert_true(failure->is_archive);
    }
}

static void
test_results(void)
{
    assert_found(BOTH, 1, 1);
    assert_found(RESPONSE("Success", "NoError", ""), 0, 0);
    assert_found(
        RESPONSE("Success", "NoError", "<m:FailedMailboxes>" FAILED "</m:FailedMailboxes>"), 0, 1);
    assert_found(RESPONSE("Success", "NoError",
                          "<m:SearchableMailboxes>" MAILBOX FAILED "</m:SearchableMailboxes>"),
                 1, 1);
}

static void
test_errors(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(ews_test_answer(&exg_ews_get_searchable_mailboxes_operation, 200,
                                  RESPONSE("Error", "ErrorAccessDenied", ""), NULL, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_DENIED);
    ews_test_cut(&exg_ews_get_searchable_mailboxes_operation, BOTH, NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/get-searchable-mailboxes/B7-schema", test_schema);
    g_test_add_func("/ews/get-searchable-mailboxes/B7-results", test_results);
    g_test_add_func("/ews/get-searchable-mailboxes/B7-errors", test_errors);
    return g_test_run();
}
