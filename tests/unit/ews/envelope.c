#include "common/ews/envelope-private.h"

#include <string.h>

static void
test_fits_header(void)
{
    g_assert_true(exg_ews_fits_header("rcpt@example.com"));
    g_assert_true(exg_ews_fits_header("!#$%&'*+-/=?^_`{|}~@[127.0.0.1]"));
    static const char *const bad[] = {NULL,     "",        "a b@c",      "a\r\nX: y@c", "a\nb@c",
                                      "a\tb@c", "a\x7f@c", "\xc3\xbc@c", "a@c\r",       "a@\x01"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(exg_ews_fits_header(bad[i]));
}

static void
assert_time(gint64 seconds, const char *expected)
{
    g_autofree char *text = exg_ews_format_time(seconds);
    g_assert_cmpstr(text, ==, expected);
}

static void
test_time(void)
{
    assert_time(0, "1970-01-01T00:00:00Z");
    assert_time(1795291445, "2026-11-21T20:04:05Z");
    assert_time(-1, "1969-12-31T23:59:59Z");
    assert_time(G_MININT64, "1601-01-01T00:00:00Z");
    assert_time(G_MAXINT64, "9999-12-31T23:59:59Z");
}

static char *
envelope(const ExgEwsTarget *target)
{
    g_auto(ExgXmlWriter) writer;
    exg_xml_writer_init(&writer);
    exg_ews_envelope_start(&writer, "Exchange2016", target);
    exg_ews_write_folder(&writer, target, "inbox");
    return exg_xml_writer_steal(&writer, NULL);
}

static void
test_access(void)
{
    ExgEwsTarget target = {"r<1>@example.com", EXG_EWS_IMPERSONATION};
    g_autofree char *impersonated = envelope(&target);
    g_assert_nonnull(strstr(impersonated,
                            "<t:RequestServerVersion Version=\"Exchange2016\"/>"
                            "<t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>"
                            "r&lt;1&gt;@example.com</t:SmtpAddress></t:ConnectingSID>"));
    g_assert_nonnull(strstr(impersonated, "<t:DistinguishedFolderId Id=\"inbox\"/>"));
    target.access = EXG_EWS_DELEGATE;
    g_autofree char *delegated = envelope(&target);
    g_assert_null(strstr(delegated, "Impersonation"));
    g_assert_nonnull(strstr(delegated,
                            "<t:DistinguishedFolderId Id=\"inbox\"><t:Mailbox><t:EmailAddress>"
                            "r&lt;1&gt;@example.com</t:EmailAddress></t:Mailbox>"));
    ExgEwsTarget self = {NULL, EXG_EWS_SELF};
    g_autofree char *own = envelope(&self);
    g_assert_null(strstr(own, "Impersonation"));
    g_assert_nonnull(strstr(own, "<t:DistinguishedFolderId Id=\"inbox\"/>"));
}

/* To the byte: the declaration, three prefixes, the headers in the order that the schema wants, and
 * no white space. */
static void
test_bytes(void)
{
    static const ExgEwsTarget target = {"r@example.com", EXG_EWS_IMPERSONATION};
    g_auto(ExgXmlWriter) writer;
    exg_xml_writer_init(&writer);
    exg_ews_envelope_start_in_zone(&writer, "Exchange2016", &target, "UTC");
    g_autofree char *text = exg_xml_writer_steal(&writer, NULL);
    g_assert_cmpstr(text, ==,
                    "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope "
                    "xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
                    "xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" "
                    "xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">"
                    "<s:Header><t:RequestServerVersion Version=\"Exchange2016\"/>"
                    "<t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>r@example.com"
                    "</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>"
                    "<t:TimeZoneContext><t:TimeZoneDefinition Id=\"UTC\"/></t:TimeZoneContext>"
                    "</s:Header><s:Body/></s:Envelope>");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/envelope/fits-header", test_fits_header);
    g_test_add_func("/ews/envelope/A20.2-time", test_time);
    g_test_add_func("/ews/envelope/A15.4-access", test_access);
    g_test_add_func("/ews/envelope/A15.1,A15.2,A15.3-bytes", test_bytes);
    return g_test_run();
}
