#include "common/ews/items/create-item-private.h"

#include "common/base/error.h"
#include "common/ews/envelope-private.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

#define KEY "v1:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define CONTENT                                                                                    \
    "Received: from x by y; Mon, 2 Jan 2006 15:04:05 +0000\r\nFrom: a@example.org\r\nTo: "         \
    "rcpt@example.com\r\n"                                                                         \
    "Subject: t\r\nMessage-ID: <1@example.org>\r\n\r\nbody\r\n"
#define TRACE "Return-Path: <a@example.org>\r\nReceived: by z\r\n"

static char *
request_for(const char *mailbox, ExgEwsAccess access, const char *trace)
{
    g_autoptr(ExgMessage) message = ews_test_message(CONTENT, strlen(CONTENT));
    g_autoptr(GBytes) lines = trace != NULL ? g_bytes_new(trace, strlen(trace)) : NULL;
    ExgEwsTarget target = {mailbox, access};
    ExgEwsNewMessage new_message = {.folder = "inbox",
                                    .delivery_key = KEY,
                                    .delivery_time = 1795291445, /* 2026-11-21 20:04:05 */
                                    .trace = lines,
                                    .message = message};
    return ews_test_request(exg_ews_create_item_body(EWS_TEST_VERSION, &target, &new_message));
}

/* Compared element by element; white space between elements does not count. */
static void
assert_same(const ExgXmlNode *a, const ExgXmlNode *b)
{
    for (; a != NULL && b != NULL; a = a->next, b = b->next) {
        g_assert_cmpstr(a->name, ==, b->name);
        g_assert_cmpstr(a->space, ==, b->space);
        g_assert_cmpuint(a->n_attributes, ==, b->n_attributes);
        for (guint i = 0; i < a->n_attributes; i++) {
            g_assert_cmpstr(a->attributes[i].name, ==, b->attributes[i].name);
            g_assert_cmpstr(a->attributes[i].value, ==, b->attributes[i].value);
        }
        if (a->first_child == NULL)
            g_assert_cmpstr(a->text, ==, b->text);
        assert_same(a->first_child, b->first_child);
    }
    g_assert_true(a == b); /* both ended */
}

static void
assert_like_template(const char *request, const char *name)
{
    static const ExgXmlLimits limits = {.total_bytes = 100000, .depth = 50, .attributes = 20};
    g_autofree char *template = ews_test_template(name);
    if (template == NULL)
        return;
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgXmlTree)
        made = exg_xml_tree_parse(request, strlen(request), &limits, 1000, &error);
    g_assert_no_error(error);
    g_autoptr(ExgXmlTree)
        model = exg_xml_tree_parse(template, strlen(template), &limits, 1000, &error);
    g_assert_no_error(error);
    assert_same(exg_xml_tree_root(made), exg_xml_tree_root(model));
}

static void
test_impersonation(void)
{
    g_autofree char *request = request_for("rcpt@example.com", EXG_EWS_IMPERSONATION, NULL);
    g_assert_nonnull(strstr(request, "<t:SmtpAddress>rcpt@example.com</t:SmtpAddress>"));
    g_assert_nonnull(strstr(request, "MessageDisposition=\"SaveOnly\""));
    assert_like_template(request, "request/createitem-deliver-impersonation.xml");
}

static void
test_delegate(void)
{
    g_autofree char *request = request_for("rcpt@example.com", EXG_EWS_DELEGATE, NULL);
    g_assert_null(strstr(request, "ExchangeImpersonation"));
    g_assert_nonnull(strstr(request, "<t:EmailAddress>rcpt@example.com</t:EmailAddress>"));
    assert_like_template(request, "request/createitem-deliver-delegate.xml");
}

static void
test_content(void)
{
    g_autofree char *request = request_for("rcpt@example.com", EXG_EWS_IMPERSONATION, TRACE);
    const char *begin = strstr(request, "<t:MimeContent CharacterSet=\"UTF-8\">");
    g_assert_nonnull(begin);
    begin = strchr(begin, '>') + 1;
    g_autofree char *encoded = g_strndup(begin, (gsize)(strchr(begin, '<') - begin));
    g_assert_null(strpbrk(encoded, " \r\n"));
    gsize length = 0;
    g_autofree guchar *content = g_base64_decode(encoded, &length);
    g_assert_cmpmem(content, length, TRACE CONTENT, strlen(TRACE CONTENT));
    /* the order of the schema */
    static const char *const order[] = {
        "<t:Message>",    "<t:MimeContent",       "0x0E07",          ">0<",
        "0x0E06",         "2026-11-21T20:04:05Z", "\"DeliveryKey\"", KEY,
        "<t:IsRead>false"};
    const char *at = request;
    for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
        at = strstr(at, order[i]);
        g_assert_nonnull(at);
    }
    g_assert_nonnull(strstr(request, "PropertySetId=\"8d0f2f5e-6c1b-4a53-9c2e-7f3a5d1b9e40\""));
}

static void
test_schema(void)
{
    static const struct {
        const char *mailbox;
        ExgEwsAccess access;
    } cases[] = {
        {"rcpt@example.com", EXG_EWS_IMPERSONATION},
        {"rcpt@example.com", EXG_EWS_DELEGATE},
        {NULL, EXG_EWS_SELF},
        {"<&\">\x01\xff@example.com", EXG_EWS_IMPERSONATION},
        {"j\xc3\xbcrgen@ex\xc3\xa4mple.com", EXG_EWS_DELEGATE},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *request = request_for(cases[i].mailbox, cases[i].access, TRACE);
        ews_test_validate(request);
    }
}

#define RESPONSE(class, inside)                                                                    \
    EWS_TEST_SOAP("<m:CreateItemResponse><m:ResponseMessages><m:CreateItemResponseMessage "        \
                  "ResponseClass=\"" class "\">" inside                                            \
                                           "</m:CreateItemResponseMessage></m:ResponseMessages></" \
                                           "m:CreateItemResponse>")
#define NO_ERROR "<m:ResponseCode>NoError</m:ResponseCode>"

static void
test_stored(void)
{
    static const char body[] = RESPONSE(
        "Success",
        NO_ERROR "<m:Items><t:Message><t:ItemId Id=\"AAMk&amp;AD=\" ChangeKey=\"CQAAAB==\"/>"
                 "</t:Message></m:Items>");
    g_autoptr(GError) error = NULL;
    g_autofree char *id = ews_test_answer(&exg_ews_create_item_operation, 200, body, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(id, ==, "AAMk&AD=");
    ews_test_cut(&exg_ews_create_item_operation, body, NULL);
}

/* Any one byte of the answer changed: an answer or an error, and nothing worse. Only what still is a
 * whole success is one. */
static void
test_damaged(void)
{
    static const char body[] = RESPONSE(
        "Success", NO_ERROR "<m:Items><t:Message><t:ItemId Id=\"A\"/></t:Message></m:Items>");
    static const char bytes[] = "\x01<>&\"'/:]-!?#;x \xff\xc3\xef";
    guint good = 0;
    for (gsize at = 0; at < sizeof body - 1; at++) {
        for (gsize i = 0; i < sizeof bytes - 1; i++) {
            char damaged[sizeof body];
            memcpy(damaged, body, sizeof body);
            damaged[at] = bytes[i];
            g_autoptr(GError) error = NULL;
            g_autofree char *id = ews_test_answer(&exg_ews_create_item_operation, 200, damaged,
                                                  NULL, &error);
            g_assert_true((id != NULL) == (error == NULL));
            if (error != NULL)
                g_assert_error(error, EXG_ERROR, error->code);
            good += id != NULL;
            /* what says success and what names the item must be as it was */
            if (strstr(damaged, ">NoError<") == NULL || strstr(damaged, "\"Success\"") == NULL)
                g_assert_null(id);
        }
    }
    g_assert_cmpuint(good, >, 0);
}

/* Success that does not show the item proves neither that it is there nor that it is not. */
static void
test_success_without_item(void)
{
    static const char *const bodies[] = {
        RESPONSE("Success", NO_ERROR),
        RESPONSE("Success", NO_ERROR "<m:Items/>"),
        RESPONSE("Success", NO_ERROR "<m:Items><t:Message/></m:Items>"),
        RESPONSE("Success", NO_ERROR "<m:Items><t:Message><t:ItemId/></t:Message></m:Items>"),
        RESPONSE("Success",
                 NO_ERROR "<m:Items><t:Message><t:ItemId Id=\"\"/></t:Message></m:Items>"),
        RESPONSE("Success", NO_ERROR "<t:ItemId Id=\"A\"/>"),
        RESPONSE("Warning",
                 NO_ERROR "<m:Items><t:Message><t:ItemId Id=\"A\"/></t:Message></m:Items>"),
    };
    for (guint i = 0; i < G_N_ELEMENTS(bodies); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(
            ews_test_answer(&exg_ews_create_item_operation, 200, bodies[i], NULL, &error));
        ews_test_assert_error(error, EXG_ERROR_AMBIGUOUS, 451, "4.4.2");
    }
}

/* The samples that lie beside the schema. */
static void
test_templates(void)
{
    g_autofree char *good = ews_test_template("response/createitem-ok.xml");
    g_autofree char *batch = ews_test_template("response/createitem-batch-mixed.xml");
    g_autofree char *inner = ews_test_template("response/createitem-internal-with-inner.xml");
    g_autofree char *none = ews_test_template("response/fault-nonexistentmailbox.xml");
    g_autofree char *busy = ews_test_template("response/fault-serverbusy.xml");
    if (good == NULL)
        return;
    const ExgEwsOperation *operation = &exg_ews_create_item_operation;
    g_autoptr(GError) error = NULL;
    g_autofree char *id = ews_test_answer(operation, 200, good, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(id, ==, "AAMkAD=");
    g_assert_null(
        ews_test_answer(operation, 200, batch, NULL, &error)); /* three answers to one question */
    ews_test_assert_error(error, EXG_ERROR_AMBIGUOUS, 451, "4.4.2");
    g_clear_error(&error);
    g_assert_null(ews_test_answer(operation, 200, inner, NULL, &error));
    ews_test_assert_error(error, EXG_ERROR_BUSY, 451, "4.3.2");
    g_clear_error(&error);
    g_assert_null(ews_test_answer(operation, 500, none, NULL, &error));
    ews_test_assert_error(error, EXG_ERROR_NO_MAILBOX, 550, "5.1.1");
    g_clear_error(&error);
    g_assert_null(ews_test_answer(operation, 500, busy, NULL, &error));
    ews_test_assert_error(error, EXG_ERROR_BUSY, 451, "4.3.2");
    g_assert_cmpint(exg_error_facts(error)->retry_after_ms, ==, 297749);
    ews_test_cut(operation, good, NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/create-item/impersonation", test_impersonation);
    g_test_add_func("/ews/create-item/delegate", test_delegate);
    g_test_add_func("/ews/create-item/content", test_content);
    g_test_add_func("/ews/create-item/schema", test_schema);
    g_test_add_func("/ews/create-item/stored", test_stored);
    g_test_add_func("/ews/create-item/damaged", test_damaged);
    g_test_add_func("/ews/create-item/success-without-item", test_success_without_item);
    g_test_add_func("/ews/create-item/templates", test_templates);
    return g_test_run();
}
