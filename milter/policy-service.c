#include "milter/policy-service.h"

#include <string.h>

static const char *const names[EXG_N_POLICY_ATTRIBUTES] = {
    [EXG_POLICY_REQUEST] = "request",
    [EXG_POLICY_STATE] = "protocol_state",
    [EXG_POLICY_RECIPIENT] = "recipient",
    [EXG_POLICY_SENDER] = "sender",
    [EXG_POLICY_CLIENT_ADDRESS] = "client_address",
    [EXG_POLICY_SASL_USERNAME] = "sasl_username",
    [EXG_POLICY_SIZE] = "size",
};

void
exg_policy_request_clear(ExgPolicyRequest *self)
{
    for (guint i = 0; i < EXG_N_POLICY_ATTRIBUTES; i++)
        g_free(self->values[i]);
    *self = (ExgPolicyRequest){.bytes = 0};
}

/* An attribute that is sent again has its last value, as in Postfix's own readers. */
static bool
take_line(ExgPolicyRequest *self, const char *line, gsize length)
{
    const char *equal = memchr(line, '=', length);
    if (equal == NULL || equal == line || memchr(line, '\0', length) != NULL)
        return false;
    gsize name_length = (gsize)(equal - line);
    for (guint i = 0; i < EXG_N_POLICY_ATTRIBUTES; i++) {
        if (strlen(names[i]) != name_length || memcmp(names[i], line, name_length) != 0)
            continue;
        g_free(self->values[i]);
        self->values[i] = g_strndup(equal + 1, length - name_length - 1);
    }
    return true;
}

ExgMapProgress
exg_policy_request_feed(ExgPolicyRequest *self, const guint8 *data, gsize length, gsize *ret_used)
{
    if (self->complete && length > 0)
        exg_policy_request_clear(self);
    const char *at = (const char *)data, *end = at + length;
    *ret_used = 0;
    while (at < end) {
        gsize left = (gsize)(end - at);
        const char *newline = memchr(at, '\n', MIN(left, EXG_POLICY_LINE_MAX_BYTES));
        if (newline == NULL)
            return left < EXG_POLICY_LINE_MAX_BYTES ? EXG_MAP_MORE : EXG_MAP_BROKEN;
        gsize line_length = (gsize)(newline - at);
        self->bytes += line_length + 1;
        if (self->bytes > EXG_POLICY_MAX_BYTES)
            return EXG_MAP_BROKEN;
        if (line_length > 0 && !take_line(self, at, line_length))
            return EXG_MAP_BROKEN;
        at = newline + 1;
        *ret_used += line_length + 1;
        if (line_length == 0) {
            self->complete = true;
            return EXG_MAP_REQUEST;
        }
    }
    return EXG_MAP_MORE;
}

static bool
has_value(const ExgPolicyRequest *self, ExgPolicyAttribute attribute, const char *value)
{
    return g_strcmp0(self->values[attribute], value) == 0;
}

bool
exg_policy_request_question(const ExgPolicyRequest *self, ExgMapQuestion *ret_question)
{
    const char *recipient = self->values[EXG_POLICY_RECIPIENT];
    /* At DATA and later the recipient is that of a message with one, which was asked about before. */
    if (!has_value(self, EXG_POLICY_REQUEST, "smtpd_access_policy") ||
        !has_value(self, EXG_POLICY_STATE, "RCPT") || recipient == NULL)
        return false;
    const char *user = self->values[EXG_POLICY_SASL_USERNAME];
    guint64 size = 0;
    if (self->values[EXG_POLICY_SIZE] != NULL)
        (void)g_ascii_string_to_unsigned(self->values[EXG_POLICY_SIZE], 10, 0, G_MAXUINT64, &size,
                                         NULL);
    *ret_question = (ExgMapQuestion){
        .recipient = recipient,
        .sender = self->values[EXG_POLICY_SENDER],
        .client_address = self->values[EXG_POLICY_CLIENT_ADDRESS],
        .authenticated = user != NULL && user[0] != '\0',
        .size_bytes = size,
    };
    return true;
}

void
exg_policy_service_answer(GString *reply, const char *action)
{
    g_string_printf(reply, "action=%s\n\n", action);
}
