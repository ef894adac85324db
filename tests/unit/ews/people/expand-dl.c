#include "common/ews/people/expand-dl-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "common/ews/mailbox-private.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

static const ExgEwsTarget self = {.access = EXG_EWS_SELF};

static char *
request(const ExgEwsMailbox *list)
{
    return ews_test_request(
        exg_ews_call_payload(&exg_ews_expand_dl_operation, EWS_TEST_VERSION, &self, list));
}

static void
test_schema(void)
{
    g_autoptr(ExgEwsMailbox) public = exg_ews_mailbox_new("list<&@example.com", "PublicDL");
    g_autofree char *text = request(public);
    g_assert_nonnull(strstr(text,
                            "<m:ExpandDL><m:Mailbox><t:EmailAddress>list&lt;&amp;@example.com"
                            "</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType><t:MailboxType>"
                            "PublicDL</t:MailboxType></m:Mailbox></m:ExpandDL>"));
    ews_test_validate(text);

    g_autoptr(ExgEwsMailbox) private = exg_ews_mailbox_new(NULL, "PrivateDL");
    g_free(private->name);
    private->name = g_strdup("Friends");
    g_free(private->item_id);
    private->item_id = g_strdup("AAMk=");
    g_autofree char *own = request(private);
    g_assert_nonnull(strstr(own, "<t:Name>Friends</t:Name><t:RoutingType>"));
    g_assert_nonnull(strstr(own, "<t:ItemId Id=\"AAMk=\"/></m:Mailbox>"));
    ews_test_validate(own);
}

#define RESPONSE(class, code, inside)                                                              \
    EWS_TEST_SOAP("<m:ExpandDLResponse><m:ResponseMessages><m:ExpandDLResponseMessage "            \
                  "ResponseClass=\"" class "\"><m:ResponseCode>" code "</m:ResponseCode>" inside   \
                                           "</m:ExpandDLResponseMessage></m:ResponseMessages></"   \
                                           "m:ExpandDLResponse>")
#define MEMBERS(attributes, members) "<m:DLExpansion " attributes ">" members "</m:DLExpansion>"
#define MEMBER(address, type)                                                                      \
    "<t:Mailbox><t:Name>N</t:Name><t:EmailAddress>" address                                        \
    "</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType><t:MailboxType>" type                     \
    "</t:MailboxType></t:Mailbox>"
#define TWO MEMBER("a@example.com", "Mailbox") MEMBER("b@example.com", "PublicDL")

static ExgEwsExpansion *
expand(const char *body, GError **error)
{
    return ews_test_answer(&exg_ews_expand_dl_operation, 200, body, NULL, error);
}

static void
assert_two(const char *body, bool complete)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgEwsExpansion) expansion = expand(body, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(expansion->members->len, ==, 2);
    const ExgEwsMailbox *a = g_ptr_array_index(expansion->members, 0);
    const ExgEwsMailbox *b = g_ptr_array_index(expansion->members, 1);
    g_assert_cmpstr(a->address, ==, "a@example.com");
    g_assert_false(exg_ews_mailbox_is_list(a));
    g_assert_cmpstr(b->address, ==, "b@example.com");
    g_assert_true(exg_ews_mailbox_is_list(b));
    g_assert_true(expansion->complete == complete);
}

static void
test_members(void)
{
    assert_two(RESPONSE("Success", "NoError",
                        MEMBERS("TotalItemsInView=\"2\" IncludesLastItemInRange=\"true\"", TWO)),
               true);
    assert_two(RESPONSE("Success", "NoError", MEMBERS("IncludesLastItemInRange=\"1\"", TWO)), true);
    assert_two(RESPONSE("Success", "NoError", MEMBERS("", TWO)), true);
    assert_two(RESPONSE("Success", "NoError", MEMBERS("IncludesLastItemInRange=\"0\"", TWO)),
               false);
    assert_two(RESPONSE("Warning", "ErrorNameResolutionMultipleResults",
                        MEMBERS("IncludesLastItemInRange=\"true\"", TWO)),
               true);
}

static void
test_errors(void)
{
    static const struct {
        const char *body;
        ExgErrorCode code;
    } cases[] = {
        {RESPONSE("Error", "ErrorNameResolutionNoResults", ""), EXG_ERROR_NO_MAILBOX},
        {RESPONSE("Error", "ErrorServerBusy", ""), EXG_ERROR_BUSY},
        {RESPONSE("Error", "ErrorNameResolutionMultipleResults", MEMBERS("", TWO)),
         EXG_ERROR_PROTOCOL},
        {RESPONSE("Success", "NoError", ""), EXG_ERROR_PROTOCOL},
        {RESPONSE("Success", "", MEMBERS("", TWO)), EXG_ERROR_PROTOCOL},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(expand(cases[i].body, &error));
        g_assert_error(error, EXG_ERROR, (int)cases[i].code);
    }
}

static void
test_cut(void)
{
    ews_test_cut(&exg_ews_expand_dl_operation, RESPONSE("Success", "NoError", MEMBERS("", TWO)),
                 NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/expand-dl/B6-schema", test_schema);
    g_test_add_func("/ews/expand-dl/B6,A17.3-members", test_members);
    g_test_add_func("/ews/expand-dl/B6-errors", test_errors);
    g_test_add_func("/ews/expand-dl/cut", test_cut);
    return g_test_run();
}
