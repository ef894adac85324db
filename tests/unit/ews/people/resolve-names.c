#include "common/ews/people/resolve-names-private.h"

#include "common/base/error.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

static void
test_schema(void)
{
    static const char *const addresses[] = {"rcpt@example.com", "<&\"\x05@example.com",
                                            "j\xc3\xbcrgen@example.com"};
    for (guint i = 0; i < G_N_ELEMENTS(addresses); i++) {
        g_autofree char *request = ews_test_request(
            exg_ews_resolve_names_body(EWS_TEST_VERSION, addresses[i]));
        g_assert_nonnull(
            strstr(request, "ReturnFullContactData=\"true\" SearchScope=\"ActiveDirectory\""));
        g_assert_nonnull(strstr(request, "<m:UnresolvedEntry>smtp:"));
        ews_test_validate(request);
    }
}

#define RESPONSE(class, code, inside)                                                              \
    EWS_TEST_SOAP("<m:ResolveNamesResponse><m:ResponseMessages><m:ResolveNamesResponseMessage "    \
                  "ResponseClass=\"" class "\"><m:ResponseCode>" code "</m:ResponseCode>" inside   \
                                           "</m:ResolveNamesResponseMessage></"                    \
                                           "m:ResponseMessages></m:ResolveNamesResponse>")
#define SET(last, entries)                                                                         \
    "<m:ResolutionSet TotalItemsInView=\"1\" IncludesLastItemInRange=\"" last "\">" entries        \
    "</m:ResolutionSet>"
#define ONE(entries) RESPONSE("Success", "NoError", SET("true", entries))
#define MANY(entries)                                                                              \
    RESPONSE("Warning", "ErrorNameResolutionMultipleResults", SET("true", entries))
#define MAILBOX(name, address)                                                                     \
    "<t:Mailbox><t:Name>" name "</t:Name><t:EmailAddress>" address                                 \
    "</t:EmailAddress><t:RoutingType>SMTP"                                                         \
    "</t:RoutingType><t:MailboxType>Mailbox</t:MailboxType></t:Mailbox>"
#define CONTACT(entries)    "<t:Contact><t:EmailAddresses>" entries "</t:EmailAddresses></t:Contact>"
#define ENTRY(number, text) "<t:Entry Key=\"EmailAddress" number "\">" text "</t:Entry>"
#define ENTITY(inside)      "<t:Resolution>" inside "</t:Resolution>"

static ExgEwsResolution *
resolve(const char *body, const char *asked, GError **error)
{
    return ews_test_answer(&exg_ews_resolve_names_operation, 200, body, (gpointer)asked, error);
}

static void
assert_found(const char *body, const char *asked, const char *name, const char *primary)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgEwsResolution) resolution = resolve(body, asked, &error);
    g_assert_no_error(error);
    g_assert_nonnull(resolution);
    g_assert_cmpstr(resolution->name, ==, name);
    g_assert_cmpstr(resolution->primary_address, ==, primary);
    g_assert_cmpstr(resolution->mailbox_type, ==, "Mailbox");
}

static void
assert_nobody(const char *body, const char *asked)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(resolve(body, asked, &error));
    g_assert_no_error(error);
}

static void
assert_cannot_tell(const char *body, const char *asked)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(resolve(body, asked, &error));
    ews_test_assert_error(error, EXG_ERROR_PROTOCOL, 451, "4.3.5");
}

#define ANNA                                                                                       \
    ENTITY(MAILBOX("Anna", "anna@example.com")                                                     \
               CONTACT(ENTRY("1", "SMTP:anna@example.com") ENTRY("2", "smtp:A.Nna@example.net")))
#define BERT                                                                                       \
    ENTITY(MAILBOX("Bert", "bert@example.com") CONTACT(ENTRY("1", "SMTP:bert@example.com")))

static void
test_found(void)
{
    assert_found(ONE(ANNA), "anna@example.com", "Anna", "anna@example.com");
    assert_found(ONE(ANNA), "ANNA@Example.COM", "Anna", "anna@example.com");
    assert_found(ONE(ANNA), "a.nna@example.net", "Anna", "anna@example.com");
    assert_found(MANY(BERT ANNA), "a.nna@EXAMPLE.net", "Anna", "anna@example.com");
    assert_found(MANY(ANNA BERT), "bert@example.com", "Bert", "bert@example.com");
    /* without contact data the primary address is enough, and so is a list that was cut off
     * after it */
    assert_found(ONE(ENTITY(MAILBOX("C", "c@example.com"))), "c@example.com", "C", "c@example.com");
    assert_found(RESPONSE("Warning", "ErrorNameResolutionMultipleResults", SET("false", BERT ANNA)),
                 "anna@example.com", "Anna", "anna@example.com");
    /* an entry of the old directory: its SMTP address stands among the others */
    assert_found(
        ONE(ENTITY("<t:Mailbox><t:Name>D</t:Name><t:EmailAddress>/o=x/cn=d@</"
                   "t:EmailAddress><t:RoutingType>EX"
                   "</t:RoutingType><t:MailboxType>Mailbox</t:MailboxType></t:Mailbox>" CONTACT(
                       ENTRY("1", "smtp:d@example.com") ENTRY("2", "SMTP:dora@example.com")))),
        "d@example.com", "D", "dora@example.com");
    assert_found(ONE(ENTITY(MAILBOX("J", "J\xc3\x9cRGEN@example.com"))),
                 "j\xc3\xbcrgen@example.com", "J", "J\xc3\x9cRGEN@example.com");
}

static void
test_nobody(void)
{
    assert_nobody(RESPONSE("Error", "ErrorNameResolutionNoResults", ""), "x@example.com");
    /* what begins alike is somebody else */
    assert_nobody(ONE(BERT), "bert@example.co");
    assert_nobody(ONE(BERT), "ert@example.com");
    assert_nobody(MANY(ANNA BERT), "a.nna@example.com");
    assert_nobody(
        ONE(ENTITY(MAILBOX("B", "b@example.com") CONTACT(ENTRY("1", "SIP:x@example.com")))),
        "x@example.com");
}

/* Each of these leaves it open whether somebody has the address. */
static void
test_cannot_tell(void)
{
    assert_cannot_tell(RESPONSE("Success", "NoError", SET("false", BERT)), "x@example.com");
    assert_cannot_tell(
        RESPONSE("Warning", "ErrorNameResolutionMultipleResults", SET("false", ANNA BERT)),
        "x@example.com");
    assert_cannot_tell(
        RESPONSE("Success", "NoError", "<m:ResolutionSet>" BERT "</m:ResolutionSet>"),
        "x@example.com");
    assert_cannot_tell(ONE(""), "x@example.com");
    assert_cannot_tell(RESPONSE("Success", "NoError", ""), "x@example.com");
    assert_cannot_tell(MANY(""), "x@example.com");
    /* no list of addresses to look through, or one that may have been cut */
    assert_cannot_tell(ONE(ENTITY(MAILBOX("B", "b@example.com"))), "x@example.com");
    assert_cannot_tell(MANY(ANNA ENTITY(MAILBOX("B", "b@example.com"))), "x@example.com");
    assert_cannot_tell(
        ONE(ENTITY(MAILBOX("B", "b@example.com") CONTACT(ENTRY("1", "SMTP:b@example.com") ENTRY(
            "2", "smtp:b2@example.com") ENTRY("3", "smtp:b3@example.com")))),
        "x@example.com");
    /* classes and codes that do not go together */
    assert_cannot_tell(RESPONSE("Success", "ErrorNameResolutionNoResults", ""), "x@example.com");
    assert_cannot_tell(RESPONSE("Success", "ErrorNameResolutionMultipleResults", SET("true", BERT)),
                       "x@example.com");
}

static void
test_errors(void)
{
    static const struct {
        const char *body;
        ExgErrorCode code;
    } cases[] = {
        {RESPONSE("Warning", "ErrorNameResolutionNoResults", ""), EXG_ERROR_DENIED},
        {RESPONSE("Error", "ErrorNameResolutionNoMailbox", ""), EXG_ERROR_DENIED},
        {RESPONSE("Error", "ErrorServerBusy", ""), EXG_ERROR_BUSY},
        {RESPONSE("Error", "ErrorADUnavailable", ""), EXG_ERROR_BUSY},
        {RESPONSE("Error", "ErrorNameResolutionMultipleResults", SET("true", ANNA)),
         EXG_ERROR_PROTOCOL},
        /* that the service account has no mailbox says nothing about the address */
        {RESPONSE("Error", "ErrorNonExistentMailbox", ""), EXG_ERROR_DENIED},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(resolve(cases[i].body, "anna@example.com", &error));
        g_assert_error(error, EXG_ERROR, (int)cases[i].code);
    }
    g_autoptr(GError) fault = NULL;
    g_assert_null(ews_test_answer(
        &exg_ews_resolve_names_operation, 500,
        EWS_TEST_SOAP("<s:Fault><faultcode>a:ErrorNonExistentMailbox</faultcode></s:Fault>"),
        (gpointer) "anna@example.com", &fault));
    ews_test_assert_error(fault, EXG_ERROR_DENIED, 451, "4.7.0");
}

static void
test_templates(void)
{
    g_autofree char *found = ews_test_template("response/resolvenames-ok.xml");
    g_autofree char *none = ews_test_template("response/resolvenames-none.xml");
    if (found == NULL)
        return;
    assert_found(found, "RCPT@example.com", "R", "rcpt@example.com");
    assert_nobody(none, "rcpt@example.com");
}

static void
test_cut(void)
{
    ews_test_cut(&exg_ews_resolve_names_operation, MANY(BERT ANNA), (gpointer) "a.nna@example.net");
    ews_test_cut(&exg_ews_resolve_names_operation, ONE(BERT), (gpointer) "x@example.com");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/resolve-names/schema", test_schema);
    g_test_add_func("/ews/resolve-names/found", test_found);
    g_test_add_func("/ews/resolve-names/nobody", test_nobody);
    g_test_add_func("/ews/resolve-names/cannot-tell", test_cannot_tell);
    g_test_add_func("/ews/resolve-names/errors", test_errors);
    g_test_add_func("/ews/resolve-names/templates", test_templates);
    g_test_add_func("/ews/resolve-names/cut", test_cut);
    return g_test_run();
}
