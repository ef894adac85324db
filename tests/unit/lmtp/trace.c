#include "lmtp/trace.h"

#include "tests/lib/ews-fixture.h"

#include <string.h>

static char *
trace_of(const ExgLmtpEnvelope *envelope, const char *content)
{
    g_autoptr(ExgMessage) message = ews_test_message(content, strlen(content));
    g_autoptr(GBytes)
        trace = exg_lmtp_trace_new(envelope, "ann@example.com", message, "mx.example.com");
    gsize length;
    const char *text = g_bytes_get_data(trace, &length);
    return g_strndup(text, length);
}

static void
test_form(void)
{
    const ExgLmtpEnvelope envelope = {.id = "S1.1",
                                      .sender = "bob@example.net",
                                      .lhlo = "mta.example.com",
                                      .peer = "unix:/private/exgate",
                                      .received_time = 1795291445};
    g_autofree char *text = trace_of(&envelope, "Message-ID: <1@x>\r\n\r\n");
    g_assert_cmpstr(text, ==,
                    "Return-Path: <bob@example.net>\r\n"
                    "Delivered-To: ann@example.com\r\n"
                    "Received: from mta.example.com (unix:/private/exgate)\r\n"
                    "\tby mx.example.com (exgate) with LMTP id S1.1\r\n"
                    "\tfor <ann@example.com>; Sat, 21 Nov 2026 20:04:05 +0000\r\n");
}

static void
test_bounce_and_utf8(void)
{
    const ExgLmtpEnvelope envelope = {
        .id = "S1.1", .sender = "", .lhlo = "m", .peer = "inet:127.0.0.1:9", .utf8 = true};
    g_autofree char *text = trace_of(&envelope, "Message-ID: <1@x>\r\n\r\n");
    g_assert_true(g_str_has_prefix(text, "Return-Path: <>\r\n"));
    g_assert_nonnull(strstr(text, " with UTF8LMTP id "));
}

/* Without a Message-ID the copy gets one, the same at every try; one that cannot be read counts as one. */
static void
test_message_id(void)
{
    const ExgLmtpEnvelope envelope = {.id = "S1.1", .sender = "", .lhlo = "m", .peer = "p"};
    g_autofree char *first = trace_of(&envelope, "Subject: x\r\n\r\nbody\r\n");
    g_autofree char *again = trace_of(&envelope, "Subject: x\r\n\r\nbody\r\n");
    g_autofree char *other = trace_of(&envelope, "Subject: x\r\n\r\nother\r\n");
    g_assert_nonnull(strstr(first, "\r\nMessage-ID: <"));
    g_assert_true(g_str_has_suffix(first, "@mx.example.com>\r\n"));
    g_assert_cmpstr(first, ==, again);
    g_assert_cmpstr(first, !=, other);
    g_autofree char *broken = trace_of(&envelope, "Message-ID: none\r\n\r\n");
    g_assert_null(strstr(broken, "Message-ID"));
}

/* What a client says of itself cannot end the line or open a comment. */
static void
test_hostile_name(void)
{
    const ExgLmtpEnvelope envelope = {
        .id = "S1.1", .sender = "", .lhlo = "a\r\nBcc: x (", .peer = "p)\"", .received_time = 0};
    g_autofree char *text = trace_of(&envelope, "Message-ID: <1@x>\r\n\r\n");
    g_assert_nonnull(strstr(text, "Received: from a??Bcc:?x?? (p?"
                                  "?)\r\n"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/trace/form", test_form);
    g_test_add_func("/trace/bounce-and-utf8", test_bounce_and_utf8);
    g_test_add_func("/trace/message-id", test_message_id);
    g_test_add_func("/trace/hostile-name", test_hostile_name);
    return g_test_run();
}
