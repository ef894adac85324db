/* A command line: what is taken is clean and means the same when it is written plainly; what is
 * refused is refused for good and in one short line. */
#include "lmtp/command.h"
#include "lmtp/reply.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static const char *const verbs[] = {
    [EXG_LMTP_LHLO] = "LHLO", [EXG_LMTP_XFORWARD] = "XFORWARD", [EXG_LMTP_MAIL] = "MAIL",
    [EXG_LMTP_RCPT] = "RCPT", [EXG_LMTP_DATA] = "DATA",         [EXG_LMTP_RSET] = "RSET",
    [EXG_LMTP_NOOP] = "NOOP", [EXG_LMTP_VRFY] = "VRFY",         [EXG_LMTP_HELP] = "HELP",
    [EXG_LMTP_QUIT] = "QUIT", [EXG_LMTP_BDAT] = "BDAT",
};

static const char *const forwards[EXG_LMTP_N_FORWARDS] = {
    [EXG_LMTP_FORWARD_NAME] = "NAME",     [EXG_LMTP_FORWARD_ADDR] = "ADDR",
    [EXG_LMTP_FORWARD_PORT] = "PORT",     [EXG_LMTP_FORWARD_PROTO] = "PROTO",
    [EXG_LMTP_FORWARD_HELO] = "HELO",     [EXG_LMTP_FORWARD_IDENT] = "IDENT",
    [EXG_LMTP_FORWARD_SOURCE] = "SOURCE",
};

/* Of an exact size, so that a sanitizer sees any look past it. */
static bool
parse(const char *line, gsize length, ExgLmtpCommand *command, ExgLmtpReply *reply)
{
    g_autofree char *exact = g_malloc(MAX(length, 1));
    memcpy(exact, line, length);
    return exg_lmtp_command_parse(exact, length, command, reply);
}

static void
check_refusal(const ExgLmtpReply *reply)
{
    g_assert_true(reply->code == 500 || reply->code == 501 || reply->code == 553 ||
                  reply->code == 555);
    g_assert_true(g_str_has_prefix(reply->enhanced, "5."));
    char written[EXG_LMTP_REPLY_MAX_BYTES];
    gsize length = exg_lmtp_reply_format(reply, false, written);
    g_assert_cmpuint(length, <, EXG_LMTP_REPLY_MAX_BYTES);
    for (gsize i = 0; i < length - 2; i++)
        g_assert_true(g_ascii_isprint(written[i]));
    g_assert_cmpmem(written + length - 2, 2, "\r\n", 2);
}

static void
check_word(const char *word)
{
    g_assert_cmpuint(strlen(word), <=, EXG_LMTP_ARGUMENT_MAX_BYTES);
    for (const char *at = word; *at != '\0'; at++)
        g_assert_true(g_ascii_isgraph(*at) && strchr("<>()\\\";@", *at) == NULL);
}

static void
append_xtext(GString *line, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '+' || *at == '=')
            g_string_append_printf(line, "+%02x", (guchar)*at);
        else
            g_string_append_c(line, *at);
    }
}

static void
append_forward(GString *line, guint i, const char *value)
{
    g_string_append_printf(line, " %s=", forwards[i]);
    if (value == NULL) {
        g_string_append(line, "[UNAVAILABLE]");
        return;
    }
    if (i == EXG_LMTP_FORWARD_ADDR &&
        strlen(value) + strlen("IPv6:") <= EXG_LMTP_ARGUMENT_MAX_BYTES)
        g_string_append(line, "IPv6:");
    append_xtext(line, value);
}

/* The same command, written plainly. (transfer full) */
static char *
write_plainly(const ExgLmtpCommand *command)
{
    GString *line = g_string_new(verbs[command->verb]);
    switch (command->verb) {
    case EXG_LMTP_LHLO:
        g_string_append_printf(line, " %s", command->name);
        break;
    case EXG_LMTP_MAIL:
        g_string_append_printf(line, " FROM:<%s>%s%s", command->address,
                               command->eight_bit ? " BODY=8BITMIME" : "",
                               command->utf8 ? " SMTPUTF8" : "");
        if (command->size > 0)
            g_string_append_printf(line, " SIZE=%" G_GUINT64_FORMAT, command->size);
        break;
    case EXG_LMTP_RCPT:
        g_string_append_printf(line, " TO:<%s>", command->address);
        break;
    case EXG_LMTP_XFORWARD:
        for (guint i = 0; i < EXG_LMTP_N_FORWARDS; i++)
            if (command->forward_given[i])
                append_forward(line, i, command->forward[i]);
        break;
    case EXG_LMTP_VRFY:
        g_string_append(line, " x");
        break;
    case EXG_LMTP_BDAT:
        g_string_append_printf(line, " %" G_GUINT64_FORMAT " LAST", command->size);
        break;
    default:
        break;
    }
    return g_string_free(line, FALSE);
}

static void
check_means(const char *line, gsize length, const ExgLmtpCommand *expected)
{
    g_auto(ExgLmtpCommand) command = {.verb = EXG_LMTP_NOOP};
    ExgLmtpReply reply;
    if (!parse(line, length, &command, &reply))
        g_error("refused with %d %s %s: %.*s", reply.code, reply.enhanced, reply.text, (int)length,
                line);
    g_assert_cmpint(command.verb, ==, expected->verb);
    g_assert_cmpstr(command.name, ==, expected->name);
    g_assert_cmpstr(command.address, ==, expected->address);
    g_assert_cmpuint(command.size, ==, expected->size);
    g_assert_true(command.eight_bit == expected->eight_bit && command.utf8 == expected->utf8);
    for (guint i = 0; i < EXG_LMTP_N_FORWARDS; i++) {
        g_assert_true(command.forward_given[i] == expected->forward_given[i]);
        g_assert_cmpstr(command.forward[i], ==, expected->forward[i]);
    }
}

static void
check_command(const ExgLmtpCommand *command)
{
    g_assert_true((command->name != NULL) == (command->verb == EXG_LMTP_LHLO));
    g_assert_true((command->address != NULL) ==
                  (command->verb == EXG_LMTP_MAIL || command->verb == EXG_LMTP_RCPT));
    if (command->name != NULL) {
        g_assert_true(command->name[0] != '\0');
        check_word(command->name);
    }
    if (command->verb == EXG_LMTP_RCPT)
        g_assert_true(command->address[0] != '\0');
    for (guint i = 0; i < EXG_LMTP_N_FORWARDS; i++) {
        g_assert_true(command->forward[i] == NULL || command->forward_given[i]);
        if (command->forward[i] != NULL)
            check_word(command->forward[i]);
    }
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    const char *line = (const char *)data;
    ExgLmtpCommand untouched;
    memset(&untouched, 0x5a, sizeof untouched);
    g_auto(ExgLmtpCommand) command = {.verb = EXG_LMTP_NOOP};
    ExgLmtpCommand parsed = untouched;
    ExgLmtpReply reply = {.code = 0};
    if (!parse(line, size, &parsed, &reply)) {
        g_assert_cmpmem(&parsed, sizeof parsed, &untouched, sizeof untouched);
        check_refusal(&reply);
        return 0;
    }
    command = parsed;
    g_assert_cmpint(reply.code, ==, 0);
    check_command(&command);

    g_autofree char *plain = write_plainly(&command);
    check_means(plain, strlen(plain), &command);
    g_autoptr(GString) spaced = g_string_new_len(line, (gssize)size);
    g_string_append(spaced, " \t");
    check_means(spaced->str, spaced->len, &command);
    return 0;
}
