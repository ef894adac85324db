#include "lmtp/trace.h"

#include "common/mime/date.h"

#include <string.h>

/* What a client says of itself may hold anything; only what a host name or an address literal can have is kept. */
static void
append_host(GString *line, const char *text)
{
    for (const char *at = text; *at != '\0' && at - text < 255; at++)
        g_string_append_c(
            line, g_ascii_isalnum(*at) || strchr(".-_:[]/", *at) != NULL || *at < 0 ? *at : '?');
}

GBytes *
exg_lmtp_trace_new(const ExgLmtpEnvelope *envelope, const char *recipient,
                   const ExgMessage *message, const char *hostname)
{
    GString *trace = g_string_sized_new(512);
    g_string_append_printf(trace, "Return-Path: <%s>\r\nDelivered-To: %s\r\nReceived: from ",
                           envelope->sender, recipient);
    append_host(trace, envelope->lhlo);
    g_string_append(trace, " (");
    append_host(trace, envelope->peer);
    g_string_append_printf(trace, ")\r\n\tby %s (exgate) with %s id %s\r\n\tfor <%s>; ", hostname,
                           envelope->utf8 ? "UTF8LMTP" : "LMTP", envelope->id, recipient);
    exg_date_append(trace, envelope->received_time);
    g_string_append(trace, "\r\n");
    if (!exg_message_has_id(message)) {
        const guint8 *digest = exg_message_digest(message);
        g_string_append(trace, "Message-ID: <");
        for (guint i = 0; i < 16; i++)
            g_string_append_printf(trace, "%02x", digest[i]);
        g_string_append_printf(trace, "@%s>\r\n", hostname);
    }
    return g_string_free_to_bytes(trace);
}
