#include "common/ews/people/resolve-candidates-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

static char *
request(const ExgEwsResolveOptions *options)
{
    static const ExgEwsTarget self = {.access = EXG_EWS_SELF};
    const gconstpointer names[] = {"Ann <&"};
    const ExgEwsPortion portion = {options, names, 1};
    return ews_test_request(exg_ews_call_payload(&exg_ews_resolve_candidates_operation,
                                                 EWS_TEST_VERSION, &self, &portion));
}

static void
test_schema(void)
{
    for (ExgEwsSearchScope scope = 0; scope < EXG_EWS_N_SEARCH_SCOPES; scope++) {
        for (ExgEwsContactShape shape = 0; shape < EXG_EWS_N_CONTACT_SHAPES; shape++) {
            const ExgEwsResolveOptions options = {scope, shape, shape == 1 ? "AAMk=" : NULL};
            g_autofree char *text = request(&options);
            g_assert_nonnull(strstr(text, "<m:UnresolvedEntry>Ann &lt;&amp;</m:UnresolvedEntry>"));
            ews_test_validate(text);
        }
    }
    const ExgEwsResolveOptions full = {EXG_EWS_SEARCH_CONTACTS_THEN_DIRECTORY, EXG_EWS_CONTACT_ALL,
                                       "AAMk="};
    g_autofree char *text = request(&full);
    g_assert_nonnull(strstr(
        text,
        "<m:ResolveNames ReturnFullContactData=\"true\" SearchScope=\"ContactsActiveDirectory\" "
        "ContactDataShape=\"AllProperties\"><m:ParentFolderIds><t:FolderId Id=\"AAMk=\"/>"));
    const ExgEwsResolveOptions usual = {0};
    g_autofree char *plain = request(&usual);
    g_assert_nonnull(
        strstr(plain, "<m:ResolveNames ReturnFullContactData=\"false\"><m:UnresolvedEntry>"));
    g_assert_null(exg_ews_resolve_candidates_operation.minimum_version);
    g_assert_cmpstr(exg_ews_resolve_shaped_candidates_operation.minimum_version, ==,
                    "Exchange2010_SP2");
}

#define RESPONSE(class, code, inside)                                                              \
    EWS_TEST_SOAP("<m:ResolveNamesResponse><m:ResponseMessages><m:ResolveNamesResponseMessage "    \
                  "ResponseClass=\"" class "\"><m:ResponseCode>" code "</m:ResponseCode>" inside   \
                                           "</m:ResolveNamesResponseMessage></"                    \
                                           "m:ResponseMessages></m:ResolveNamesResponse>")
#define SET(attributes, entries) "<m:ResolutionSet " attributes ">" entries "</m:ResolutionSet>"
#define ONE(address, contact)                                                                      \
    "<t:Resolution><t:Mailbox><t:Name>N</t:Name><t:EmailAddress>" address                          \
    "</t:EmailAddress></t:Mailbox>" contact "</t:Resolution>"
#define CONTACT                                                                                    \
    "<t:Contact><t:DisplayName>Ann A.</t:DisplayName><t:GivenName>Ann</t:GivenName>"               \
    "<t:EmailAddresses><t:Entry Key=\"EmailAddress1\">SMTP:a@example.com</t:Entry><t:Entry "       \
    "Key=\"EmailAddress2\"/></t:EmailAddresses><t:PhoneNumbers><t:Entry Key=\"MobilePhone\">+1"    \
    "</t:Entry></t:PhoneNumbers><t:ContactSource>Store</t:ContactSource></t:Contact>"
#define MANY(last)                                                                                 \
    RESPONSE("Warning", "ErrorNameResolutionMultipleResults",                                      \
             SET(last, ONE("a@example.com", CONTACT) ONE("b@example.com", "")))

static const ExgEwsCandidates *
read_answer(const char *body, GPtrArray **ret_results)
{
    g_autoptr(GError) error = NULL;
    ExgEwsPortion portion = {.count = 1};
    *ret_results = ews_test_answer(&exg_ews_resolve_candidates_operation, 200, body, &portion,
                                   &error);
    g_assert_no_error(error);
    g_assert_cmpuint((*ret_results)->len, ==, 1);
    return (*ret_results)->pdata[0];
}

static void
test_several(void)
{
    g_autoptr(GPtrArray) results = NULL;
    const ExgEwsCandidates *found = read_answer(MANY("IncludesLastItemInRange=\"true\""), &results);
    g_assert_no_error(found->error);
    g_assert_true(found->complete);
    g_assert_cmpuint(found->candidates->len, ==, 2);
    const ExgEwsCandidate *a = found->candidates->pdata[0], *b = found->candidates->pdata[1];
    g_assert_cmpstr(a->mailbox->address, ==, "a@example.com");
    g_assert_cmpstr(a->contact->given_name, ==, "Ann");
    g_assert_cmpstr(a->contact->surname, ==, "");
    g_assert_cmpstr(a->contact->source, ==, "Store");
    g_assert_cmpuint(a->contact->addresses->len, ==, 1);
    g_assert_cmpstr(((ExgEwsContactEntry *)a->contact->phone_numbers->pdata[0])->value, ==, "+1");
    g_assert_null(b->contact);
}

/* A missing attribute is no crash, "1" no warning. */
static void
test_last(void)
{
    static const struct {
        const char *body;
        bool complete;
    } cases[] = {
        {MANY(""), true},
        {MANY("IncludesLastItemInRange=\"1\""), true},
        {MANY("IncludesLastItemInRange=\"false\""), false},
        {MANY("IncludesLastItemInRange=\"0\""), false},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GPtrArray) results = NULL;
        g_assert_true(read_answer(cases[i].body, &results)->complete == cases[i].complete);
    }
}

static void
test_errors(void)
{
    static const struct {
        const char *body, *service_code;
        ExgErrorCode code;
    } cases[] = {
        {RESPONSE("Error", "ErrorNameResolutionNoResults", ""), "ErrorNameResolutionNoResults",
         EXG_ERROR_NO_MAILBOX},
        {RESPONSE("Error", "ErrorNameResolutionNoMailbox", ""), "ErrorNameResolutionNoMailbox",
         EXG_ERROR_DENIED},
        {RESPONSE("Success", "NoError", ""), NULL, EXG_ERROR_PROTOCOL},
        {RESPONSE("Error", "ErrorServerBusy", ""), "ErrorServerBusy", EXG_ERROR_BUSY},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GPtrArray) results = NULL;
        const ExgEwsCandidates *found = read_answer(cases[i].body, &results);
        g_assert_error(found->error, EXG_ERROR, (int)cases[i].code);
        g_assert_cmpstr(exg_error_facts(found->error)->service_code, ==, cases[i].service_code);
        g_assert_null(found->candidates);
    }
    ExgEwsPortion portion = {.count = 1};
    ews_test_cut(&exg_ews_resolve_candidates_operation, MANY(""), &portion);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/resolve-candidates/B5,B9.1-schema", test_schema);
    g_test_add_func("/ews/resolve-candidates/A16.7,B5-several", test_several);
    g_test_add_func("/ews/resolve-candidates/B5,A17.3-last", test_last);
    g_test_add_func("/ews/resolve-candidates/B5,A16.8-errors", test_errors);
    return g_test_run();
}
