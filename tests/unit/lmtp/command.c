/* The grammar of LMTP's commands. */
#include "lmtp/command.h"

#include <glib.h>
#include <string.h>

/* Parses a copy that ends where the line ends, so that a sanitizer sees every byte too many. */
static bool
parse(const char *line, gsize length, ExgLmtpCommand *ret_command, ExgLmtpReply *ret_reply)
{
    g_autofree char *copy = g_malloc(MAX(length, 1));
    memcpy(copy, line, length);
    return exg_lmtp_command_parse(copy, length, ret_command, ret_reply);
}

static const struct {
    const char *line;
    ExgLmtpVerb verb;
    const char *text; /* name or address */
    guint64 size;
    bool eight_bit, utf8;
} good[] = {
    {"LHLO mail.example.com", EXG_LMTP_LHLO, "mail.example.com", 0, false, false},
    {"lhlo [192.0.2.1]  ", EXG_LMTP_LHLO, "[192.0.2.1]", 0, false, false},
    {"LHLO literal", EXG_LMTP_LHLO, "literal", 0, false, false},
    {"LHLO [IPv6:2001:db8::1]", EXG_LMTP_LHLO, "[IPv6:2001:db8::1]", 0, false, false},
    {"LHLO a_b<\xc3\xa4>", EXG_LMTP_LHLO, "a_b????", 0, false, false},
    {"MAIL FROM:<>", EXG_LMTP_MAIL, "", 0, false, false},
    {"mail from:<a@example.com>", EXG_LMTP_MAIL, "a@example.com", 0, false, false},
    {"MAIL FROM: <a@example.com>", EXG_LMTP_MAIL, "a@example.com", 0, false, false},
    {"MAIL FROM:a@example.com SIZE=3", EXG_LMTP_MAIL, "a@example.com", 3, false, false},
    {"MAIL FROM:<a@example.com> SIZE=1000 BODY=8BITMIME", EXG_LMTP_MAIL, "a@example.com", 1000,
     true, false},
    {"MAIL FROM:<a@example.com> body=7bit  size=18446744073709551615 ", EXG_LMTP_MAIL,
     "a@example.com", G_MAXUINT64, false, false},
    {"MAIL FROM:<a@example.com> SIZE=99999999999999999999", EXG_LMTP_MAIL, "a@example.com",
     G_MAXUINT64, false, false},
    {"MAIL FROM:<j\xc3\xb6rg@example.com> SMTPUTF8", EXG_LMTP_MAIL, "j\xc3\xb6rg@example.com", 0,
     false, true},
    {"RCPT TO:<b@example.com>", EXG_LMTP_RCPT, "b@example.com", 0, false, false},
    {"RCPT TO:<@relay.test:b@example.com>", EXG_LMTP_RCPT, "b@example.com", 0, false, false},
    {"RCPT TO:<j\xc3\xb6rg@example.com>", EXG_LMTP_RCPT, "j\xc3\xb6rg@example.com", 0, false, true},
    {"DATA", EXG_LMTP_DATA, NULL, 0, false, false},
    {"dAtA \t", EXG_LMTP_DATA, NULL, 0, false, false},
    {"RSET", EXG_LMTP_RSET, NULL, 0, false, false},
    {"NOOP anything at all", EXG_LMTP_NOOP, NULL, 0, false, false},
    {"VRFY someone", EXG_LMTP_VRFY, NULL, 0, false, false},
    {"HELP", EXG_LMTP_HELP, NULL, 0, false, false},
    {"HELP MAIL", EXG_LMTP_HELP, NULL, 0, false, false},
    {"QUIT", EXG_LMTP_QUIT, NULL, 0, false, false},
    {"BDAT 12 LAST", EXG_LMTP_BDAT, NULL, 12, false, false},
};

static void
test_good(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autofree char *shown = g_strescape(good[i].line, NULL);
        g_test_message("%s", shown);
        g_auto(ExgLmtpCommand) command = {.verb = EXG_LMTP_NOOP};
        ExgLmtpReply reply;
        g_assert_true(parse(good[i].line, strlen(good[i].line), &command, &reply));
        g_assert_cmpint(command.verb, ==, good[i].verb);
        const char *text = command.name != NULL ? command.name : command.address;
        g_assert_cmpstr(text, ==, good[i].text);
        g_assert_cmpuint(command.size, ==, good[i].size);
        g_assert_true(command.eight_bit == good[i].eight_bit);
        g_assert_true(command.utf8 == good[i].utf8);
    }
}

static const struct {
    const char *line;
    int code;
    const char *enhanced;
} bad[] = {
    {"", 500, "5.5.1"},
    {".", 500, "5.5.1"},
    {" NOOP", 500, "5.5.1"},
    {"LHLOx", 500, "5.5.1"},
    {"STARTTLS", 500, "5.5.1"},
    {"AUTH PLAIN =", 500, "5.5.1"},
    {"EHLO client.test", 500, "5.5.1"},
    {"HELO client.test", 500, "5.5.1"},
    {"helo", 500, "5.5.1"},
    {"NO\rOP", 500, "5.5.2"},
    {"NOOP\r", 500, "5.5.2"},
    {"LHLO", 501, "5.5.4"},
    {"LHLO a b", 501, "5.5.4"},
    {"MAIL", 501, "5.5.2"},
    {"MAIL <a@example.com>", 501, "5.5.2"},
    {"MAIL FROM <a@example.com>", 501, "5.5.2"},
    {"MAIL FROM:", 501, "5.1.7"},
    {"MAIL FROM:<a b@example.com>", 501, "5.1.7"},
    {"MAIL FROM:<a@example.com", 501, "5.1.7"},
    {"MAIL FROM:<a@example.com>x", 501, "5.1.7"},
    {"MAIL FROM:<a@example.com> SIZE", 501, "5.5.4"},
    {"MAIL FROM:<a@example.com> SIZE=", 501, "5.5.4"},
    {"MAIL FROM:<a@example.com> SIZE=-1", 501, "5.5.4"},
    {"MAIL FROM:<a@example.com> SIZE=1 SIZE=1", 501, "5.5.4"},
    {"MAIL FROM:<a@example.com> SIZE=100000000000000000000", 501, "5.5.4"},
    {"MAIL FROM:<a@example.com> BODY=BINARYMIME", 501, "5.5.4"},
    {"MAIL FROM:<a@example.com> BODY", 501, "5.5.4"},
    {"MAIL FROM:<a@example.com> SMTPUTF8=1", 501, "5.5.4"},
    {"MAIL FROM:<a@example.com> RET=FULL", 555, "5.5.4"},
    {"MAIL FROM:<a@example.com> AUTH=<>", 555, "5.5.4"},
    {"MAIL FROM:<a@example.com> MT-PRIORITY=3", 555, "5.5.4"},
    {"MAIL FROM:<a@example.com> =", 555, "5.5.4"},
    {"MAIL FROM:<j\xc3\xb6rg@example.com>", 553, "5.6.7"},
    {"MAIL FROM:<j\xf6rg@example.com> SMTPUTF8", 501, "5.1.7"},
    {"RCPT", 501, "5.5.2"},
    {"RCPT TO:", 501, "5.1.3"},
    {"RCPT TO:<>", 501, "5.1.3"},
    {"RCPT TO:<@>", 501, "5.1.3"},
    {"RCPT TO:<b@example.com> NOTIFY=NEVER", 555, "5.5.4"},
    {"RCPT FROM:<b@example.com>", 501, "5.5.2"},
    {"DATA now", 501, "5.5.4"},
    {"RSET now", 501, "5.5.4"},
    {"QUIT now", 501, "5.5.4"},
    {"VRFY", 501, "5.5.4"},
    {"BDAT", 501, "5.5.4"},
    {"BDAT x LAST", 501, "5.5.4"},
    {"XFORWARD", 501, "5.5.4"},
    {"XFORWARD NAME", 501, "5.5.4"},
    {"XFORWARD NAME=", 501, "5.5.4"},
    {"XFORWARD LOGIN=x", 501, "5.5.4"},
    {"XFORWARD NAME=a NAME=b", 501, "5.5.4"},
    {"XFORWARD NAME=a+2", 501, "5.5.4"},
    {"XFORWARD NAME=a+zz", 501, "5.5.4"},
    {"XFORWARD NAME=a=b", 501, "5.5.4"},
};

static void
test_bad(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *shown = g_strescape(bad[i].line, NULL);
        g_test_message("%s", shown);
        g_auto(ExgLmtpCommand) command = {.verb = EXG_LMTP_NOOP};
        ExgLmtpReply reply;
        g_assert_false(parse(bad[i].line, strlen(bad[i].line), &command, &reply));
        g_assert_cmpint(reply.code, ==, bad[i].code);
        g_assert_cmpstr(reply.enhanced, ==, bad[i].enhanced);
        g_assert_cmpuint(strlen(reply.text), >, 0);
    }
    ExgLmtpCommand command;
    ExgLmtpReply reply;
    g_assert_false(parse("NO\0OP", 5, &command, &reply));
    g_assert_cmpint(reply.code, ==, 500);
    g_assert_cmpstr(reply.enhanced, ==, "5.5.2");
}

static void
test_xforward(void)
{
    const char *line = "xforward name=[UNAVAILABLE] Addr=IPv6:2001:db8::1 PORT=25 PROTO=ESMTP "
                       "HELO=a+2Bb+3Dc+0D+0A+C3+A4 IDENT=3FA2B0 SOURCE=[tempunavail]";
    g_auto(ExgLmtpCommand) command = {.verb = EXG_LMTP_NOOP};
    ExgLmtpReply reply;
    g_assert_true(parse(line, strlen(line), &command, &reply));
    g_assert_cmpint(command.verb, ==, EXG_LMTP_XFORWARD);
    const char *const values[EXG_LMTP_N_FORWARDS] = {
        NULL, "2001:db8::1", "25", "ESMTP", "a+b=c????", "3FA2B0", NULL,
    };
    for (guint i = 0; i < EXG_LMTP_N_FORWARDS; i++) {
        g_assert_true(command.forward_given[i]);
        g_assert_cmpstr(command.forward[i], ==, values[i]);
    }
}

static void
test_xforward_lengths(void)
{
    for (guint length = EXG_LMTP_ARGUMENT_MAX_BYTES - 1; length <= EXG_LMTP_ARGUMENT_MAX_BYTES + 1;
         length++) {
        g_autofree char *value = g_strnfill(length, 'x');
        g_autofree char *line = g_strdup_printf("XFORWARD IDENT=%s", value);
        g_auto(ExgLmtpCommand) command = {.verb = EXG_LMTP_NOOP};
        ExgLmtpReply reply;
        bool fits = length <= EXG_LMTP_ARGUMENT_MAX_BYTES;
        g_assert_true(parse(line, strlen(line), &command, &reply) == fits);
    }
}

/* Every beginning of every line is a command or a refusal. */
static void
test_cut(void)
{
    guint refused = 0;
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        for (gsize cut = 0; cut <= strlen(good[i].line); cut++) {
            g_auto(ExgLmtpCommand) command = {.verb = EXG_LMTP_NOOP};
            ExgLmtpReply reply = {.code = 0};
            if (parse(good[i].line, cut, &command, &reply))
                continue;
            refused++;
            g_assert_cmpint(reply.code / 100, ==, 5);
            g_assert_cmpint(reply.enhanced[0], ==, '5');
        }
    }
    g_assert_cmpuint(refused, >, 100);
}

static void
test_noise(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(20261121);
    guint refused = 0;
    for (guint round = 0; round < 20000; round++) {
        char line[120];
        const char *base = good[g_rand_int_range(random, 0, G_N_ELEMENTS(good))].line;
        gsize length = MIN(strlen(base), sizeof line);
        memcpy(line, base, length);
        for (gint n = g_rand_int_range(random, 0, 5); n > 0 && length > 0; n--)
            line[g_rand_int_range(random, 0, (gint)length)] = (char)g_rand_int(random);
        g_auto(ExgLmtpCommand) command = {.verb = EXG_LMTP_NOOP};
        ExgLmtpReply reply = {.code = 0};
        if (parse(line, length, &command, &reply))
            continue;
        refused++;
        g_assert_cmpint(reply.code / 100, ==, 5);
    }
    g_assert_cmpuint(refused, >, 1000);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lmtp/command/good", test_good);
    g_test_add_func("/lmtp/command/bad", test_bad);
    g_test_add_func("/lmtp/command/xforward", test_xforward);
    g_test_add_func("/lmtp/command/xforward-lengths", test_xforward_lengths);
    g_test_add_func("/lmtp/command/cut", test_cut);
    g_test_add_func("/lmtp/command/noise", test_noise);
    return g_test_run();
}
