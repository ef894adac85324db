/* The dialogue: what is answered to which command, in which order, and what a session survives. */
#include "tests/unit/lmtp/harness.h"

#include "lmtp/command.h"

#include <malloc.h>
#include <sys/resource.h>

/* One message to three recipients, with a dot-stuffed line, and everything that may come without waiting. */
static const char dialogue[] = "LHLO client.test\r\n"
                               "XFORWARD ADDR=192.0.2.1 HELO=far.test IDENT=4Qx1\r\n"
                               "MAIL FROM:<sender@example.com> SIZE=100 BODY=8BITMIME\r\n"
                               "RCPT TO:<one@example.com>\r\n"
                               "RCPT TO:<unknown@example.com>\r\n"
                               "RCPT TO:<full@example.com>\r\n"
                               "RCPT TO:<soon@example.com>\r\n"
                               "DATA\r\n"
                               "Subject: test\r\n"
                               "\r\n"
                               "..\r\n"
                               "a\r\n"
                               ".\r\n"
                               "NOOP\r\n"
                               "QUIT\r\n";
static const char content[] = "Subject: test\r\n\r\n.\r\na\r\n";
static const char *const dialogue_replies[] = {
    "220 ",         "250-gate.test",  "250-PIPELINING",        "250-8BITMIME", "250-SIZE ",
    "250-ENHANCED", "250-SMTPUTF8",   "250 XFORWARD ",         "250 2.0.0 Ok", "250 2.1.0 Ok",
    "250 2.1.5 Ok", "550 5.1.1 ",     "250 2.1.5 Ok",          "250 2.1.5 Ok", "354 ",
    "250 2.0.0 S",  "452 4.2.2 Mail", "250 2.0.0 Stored soon", "250 2.0.0 Ok", "221 2.0.0 ",
};

static void
expect_dialogue(Client *client)
{
    for (guint i = 0; i < G_N_ELEMENTS(dialogue_replies); i++)
        client_expect(client, dialogue_replies[i]);
    client_expect_end(client);
    Harness *harness = client->harness;
    g_assert_cmpuint(harness_n_deliveries(harness), ==, 3);
    g_autofree char *text = message_text(harness_delivery(harness, 0)->message);
    g_assert_cmpstr(text, ==, content);
    harness_wait_sessions(harness, 0);
}

static void
test_one_packet(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    client_send(client, dialogue);
    expect_dialogue(client);

    Request *request = harness_delivery(harness, 0);
    g_assert_cmpstr(request->recipient, ==, "one@example.com");
    g_assert_cmpstr(request->sender, ==, "sender@example.com");
    g_assert_cmpstr(request->lhlo, ==, "client.test");
    g_assert_cmpstr(request->peer, ==, "unix:/test");
    g_assert_cmpstr(request->queue_id, ==, "4Qx1");
    g_assert_cmpstr(request->client_address, ==, "192.0.2.1");
    g_assert_cmpstr(request->client_helo, ==, "far.test");
    g_assert_cmpuint(request->declared_size, ==, 100);
    g_assert_cmpuint(request->n_recipients, ==, 3);
    g_assert_true(request->eight_bit);
    g_assert_false(request->utf8);
    ExgLmtpStatistics statistics = exg_lmtp_server_statistics(harness->server);
    g_assert_cmpuint(statistics.sessions_total, ==, 1);
    g_assert_cmpuint(statistics.transactions, ==, 1);
    g_assert_cmpuint(statistics.delivered, ==, 2);
    g_assert_cmpuint(statistics.deferred, ==, 1);
    g_assert_cmpuint(statistics.refused, ==, 1);
    g_assert_cmpuint(statistics.deliveries, ==, 0);
}

static void
test_byte_at_a_time(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    for (gsize i = 0; i < strlen(dialogue); i++) {
        client_send_bytes(client, dialogue + i, 1);
        harness_settle(harness);
    }
    expect_dialogue(client);
}

/* In two packets, cut at every place. */
static void
test_two_packets(void)
{
    for (gsize cut = 1; cut < strlen(dialogue); cut++) {
        g_autoptr(Harness) harness = harness_new(NULL);
        g_autoptr(Client) client = client_new(harness);
        client_send_bytes(client, dialogue, cut);
        harness_settle(harness);
        client_send(client, dialogue + cut);
        expect_dialogue(client);
    }
}

/* The client goes after every byte: nothing is delivered unless the final dot was complete. */
static void
test_cut(void)
{
    const char *final_dot = strstr(dialogue, "\r\n.\r\n");
    gsize end = (gsize)(final_dot - dialogue) + strlen("\r\n.\r\n");
    for (gsize cut = 0; cut <= strlen(dialogue); cut++) {
        g_autoptr(Harness) harness = harness_new(NULL);
        g_autoptr(Client) client = client_new(harness);
        client_send_bytes(client, dialogue, cut);
        client_disconnect(client);
        harness_wait_sessions(harness, 0);
        harness_settle(harness);
        g_assert_cmpuint(harness_n_deliveries(harness), ==, cut < end ? 0 : 3);
        g_assert_cmpuint(harness->server->transactions, ==, 0);
    }
}

/* The replies to one packet are one write. On this kind of socket a write is a packet. */
static void
test_one_write(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    int fds[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), ==, 0);
    exg_lmtp_session_start(harness->server, fds[1], "unix:/test", NULL);
    g_autoptr(Client) client = client_new_for_fd(harness, fds[0]);
    harness_settle(harness);
    char packet[4096];
    g_assert_cmpint(recv(client->fd, packet, sizeof packet, 0), >, 0);
    const char *commands = "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<one@x.test>\r\n"
                           "RCPT TO:<unknown@x.test>\r\nDATA\r\n";
    g_assert_cmpint(send(client->fd, commands, strlen(commands), 0), >, 0);
    harness_settle(harness);
    gssize length = recv(client->fd, packet, sizeof packet - 1, 0);
    g_assert_cmpint(length, >, 0);
    packet[length] = '\0';
    g_assert_true(g_str_has_prefix(packet, "250-gate.test\r\n"));
    g_assert_nonnull(strstr(packet, "\r\n354 "));
    g_assert_cmpint(recv(client->fd, packet, sizeof packet, 0), ==, -1);
}

/* --- conformance ------------------------------------------------------------------------------ */

typedef struct {
    const char *command, *reply;
} Step;

static void
run_steps(Client *client, const Step *steps, guint count)
{
    for (guint i = 0; i < count; i++) {
        g_autofree char *shown = g_strescape(steps[i].command, NULL);
        g_test_message("%s", shown);
        client_ask(client, steps[i].command, steps[i].reply);
    }
}

static void
test_before_lhlo(void)
{
    static const Step steps[] = {
        {"MAIL FROM:<a@example.com>", "503 5.5.1 "},
        {"RCPT TO:<a@example.com>", "503 5.5.1 "},
        {"DATA", "503 5.5.1 "},
        {"XFORWARD NAME=x", "503 5.5.1 "},
        {"HELO client.test", "500 5.5.1 This is an LMTP server, say LHLO"},
        {"EHLO client.test", "500 5.5.1 This is an LMTP server, say LHLO"},
        {"MAIL FROM:<a@example.com>", "503 5.5.1 "},
        {"LHLO", "501 5.5.4 "},
        {"NOOP", "250 2.0.0 "},
        {"RSET", "250 2.0.0 "},
        {"HELP", "214 2.0.0 "},
        {"VRFY someone", "252 2.3.3 "},
    };
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    client_expect(client, "220 gate.test LMTP");
    run_steps(client, steps, G_N_ELEMENTS(steps));
    client_expect_nothing(client);
}

static void
test_codes(void)
{
    static const Step steps[] = {
        {"", "500 5.5.1 "},
        {"FOO", "500 5.5.1 "},
        {"STARTTLS", "500 5.5.1 "},
        {"AUTH PLAIN x", "500 5.5.1 "},
        {".", "500 5.5.1 "},
        {"RCPT TO:<one@example.com>", "503 5.5.1 "},
        {"DATA", "503 5.5.1 "},
        {"MAIL FROM:<a@example.com> SIZE=1001", "552 5.3.4 "},
        {"RCPT TO:<one@example.com>", "503 5.5.1 "},
        {"MAIL FROM:<a@example.com> SIZE=1000", "250 2.1.0 "},
        {"MAIL FROM:<a@example.com>", "503 5.5.1 "},
        {"XFORWARD NAME=x", "503 5.5.1 "},
        {"DATA", "503 5.5.1 "},
        {"RCPT TO:<unknown@example.com>", "550 5.1.1 "},
        {"RCPT TO:<busy@example.com>", "451 4.3.2 "},
        {"RCPT TO:<>", "501 5.1.3 "},
        {"RCPT TO:<j\xc3\xb6rg@example.com>", "553 5.6.7 "},
        {"RCPT TO:<a@example.com> NOTIFY=NEVER", "555 5.5.4 "},
        {"DATA", "503 5.5.1 "},
        {"RCPT TO:<one@example.com>", "250 2.1.5 "},
        {"DATA now", "501 5.5.4 "},
        {"DATA", "354 "},
        {".", "250 2.0.0 "},
        {"RCPT TO:<one@example.com>", "503 5.5.1 "},
        {"mail from:<j\xc3\xb6rg@example.com> smtputf8  ", "250 2.1.0 "},
        {"rcpt to:<j\xc3\xb6rg@example.com>", "250 2.1.5 "},
        {"RSET", "250 2.0.0 "},
        {"DATA", "503 5.5.1 "},
        {"MAIL FROM:<> FOO=BAR", "555 5.5.4 "},
        {"MAIL FROM:<>", "250 2.1.0 "},
        {"LHLO again.test", "250-gate.test"},
    };
    ExgLmtpServerOptions options = {.max_message_bytes = 1000, .max_bad_commands = 1000};
    g_autoptr(Harness) harness = harness_new(&options);
    g_autoptr(Client) client = client_new(harness);
    client_greet(client);
    run_steps(client, steps, G_N_ELEMENTS(steps));
    for (guint i = 0; i < 6; i++)
        client_expect(client, "250");
    client_ask(client, "RCPT TO:<one@example.com>", "503 5.5.1 ");
    client_ask(client, "QUIT", "221 2.0.0 ");
    client_expect_end(client);
}

/* One byte more than Exim can take, and it defers everything. */
static void
test_lhlo_length(void)
{
    g_autofree char *hostname = g_strnfill(255, 'h');
    ExgLmtpServerOptions options = {.max_message_bytes = G_MAXUINT64};
    g_autoptr(Harness) harness = harness_new(&options);
    harness->options.hostname = hostname;
    exg_lmtp_server_set_options(harness->server, &harness->options);
    g_autoptr(Client) client = client_new(harness);
    client_expect(client, "220 hhh");
    gsize before = client->taken;
    client_send(client, "LHLO client.test\r\n");
    for (;;) {
        g_autofree char *line = client_line(client);
        if (line[3] == ' ')
            break;
    }
    g_assert_cmpuint(client->taken - before, <, 240);
}

/* The queue id belongs to one transaction. */
static void
test_xforward_ends(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    client_greet(client);
    client_ask(client, "XFORWARD IDENT=first HELO=x", "250 ");
    client_ask(client, "XFORWARD HELO=[UNAVAILABLE] ADDR=192.0.2.7", "250 ");
    client_ask(client, "MAIL FROM:<>", "250 ");
    client_ask(client, "RCPT TO:<one@example.com>", "250 ");
    client_ask(client, "DATA", "354 ");
    client_ask(client, ".", "250 ");
    client_ask(client, "MAIL FROM:<>", "250 ");
    client_ask(client, "RCPT TO:<one@example.com>", "250 ");
    client_ask(client, "DATA", "354 ");
    client_ask(client, ".", "250 ");
    Request *request = harness_delivery(harness, 0);
    g_assert_cmpstr(request->queue_id, ==, "first");
    g_assert_cmpstr(request->client_helo, ==, NULL);
    g_assert_cmpstr(request->client_address, ==, "192.0.2.7");
    g_assert_cmpstr(harness_delivery(harness, 1)->queue_id, ==, NULL);
    g_assert_cmpstr(request->id, !=, harness_delivery(harness, 1)->id);
}

/* --- lines ------------------------------------------------------------------------------------ */

static void
test_line_ends(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    client_greet(client);
    client_send(client, "NOOP\nNOOP\r\nNO\rOP\r\nNOOP\r\r\n\n");
    client_expect(client, "250 2.0.0 ");
    client_expect(client, "250 2.0.0 ");
    client_expect(client, "500 5.5.2 ");
    client_expect(client, "500 5.5.2 ");
    client_expect(client, "500 5.5.1 ");
    client_send_bytes(client, "NO\0OP\r\n", 7);
    client_expect(client, "500 5.5.2 ");
    client_expect_nothing(client);
}

static void
test_long_line(void)
{
    for (gsize length = EXG_LMTP_COMMAND_MAX_BYTES - 2; length <= EXG_LMTP_COMMAND_MAX_BYTES + 2;
         length++) {
        for (guint packets = 1; packets <= 2; packets++) {
            g_autoptr(Harness) harness = harness_new(NULL);
            g_autoptr(Client) client = client_new(harness);
            client_greet(client);
            g_autofree char *argument = g_strnfill(length - strlen("NOOP "), 'x');
            g_autofree char *line = g_strdup_printf("NOOP %s", argument);
            client_send(client, line);
            if (packets == 2)
                harness_settle(harness);
            client_send(client, "\r\nRSET\r\n");
            bool fits = length < EXG_LMTP_COMMAND_MAX_BYTES;
            client_expect(client, fits ? "250 2.0.0 " : "500 5.5.2 ");
            client_expect(client, "250 2.0.0 ");
            client_expect_nothing(client);
        }
    }
}

/* Consumed, however long, and answered once. */
static void
test_very_long_line(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    client_greet(client);
    g_autofree char *noise = g_strnfill(300000, 'x');
    client_send(client, noise);
    harness_settle(harness);
    client_send(client, noise);
    client_send(client, "\nNOOP\r\n");
    client_expect(client, "500 5.5.2 ");
    client_expect(client, "250 2.0.0 ");
    client_expect_nothing(client);
}

static void
test_bad_commands(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    client_greet(client);
    for (guint i = 0; i < 20; i++)
        client_ask(client, "FOO", "500 5.5.1 ");
    client_expect(client, "421 4.7.0 ");
    client_expect_end(client);
    harness_wait_sessions(harness, 0);
}

/* Postfix sends DATA along with RCPTs that are refused; that is no mistake, however often it happens. */
static void
test_refused_is_not_bad(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    client_greet(client);
    for (guint i = 0; i < 50; i++) {
        client_send(client, "MAIL FROM:<>\r\nRCPT TO:<unknown@example.com>\r\nDATA\r\nRSET\r\n");
        client_expect(client, "250 2.1.0 ");
        client_expect(client, "550 5.1.1 ");
        client_expect(client, "503 5.5.1 ");
        client_expect(client, "250 2.0.0 ");
    }
}

/* Looked up at the same time, answered in their order; what else comes waits. */
static void
test_pipelined_recipients(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    client_greet(client);
    client_send(client, "MAIL FROM:<a@x>\r\nRCPT TO:<ask1@x>\r\nRCPT TO:<unknown@x>\r\n"
                        "RCPT TO:<ask2@x>\r\nRCPT TO:<ask1@X>\r\nRCPT TO:<>\r\n"
                        "RCPT TO:<ask3@x>\r\nNOOP\r\n");
    client_expect(client, "250 2.1.0");
    client_expect_nothing(client);
    g_assert_cmpuint(harness->requests->len, ==, 4); /* not ask3: the reply to <> comes before */
    harness_answer(harness, "ask2@x", 250, "2.1.5");
    client_expect_nothing(client);
    harness_answer(harness, "ask1@x", 250, "2.1.5");
    client_expect(client, "250 2.1.5 ask1@x");
    client_expect(client, "550 5.1.1");
    client_expect(client, "250 2.1.5 ask2@x");
    client_expect_nothing(client);
    harness_answer(harness, "ask1@X", 250, "2.1.5");
    client_expect(client, "250 2.1.5 ask1@X");
    client_expect(client, "501 5.1.3");
    client_expect_nothing(client);
    harness_answer(harness, "ask3@x", 450, "4.2.1");
    client_expect(client, "450 4.2.1");
    client_expect(client, "250 2.0.0 Ok");
    client_ask(client, "DATA", "354 ");
    client_send(client, "hi\r\n.\r\n");
    for (guint i = 0; i < 3; i++)
        client_expect(client, "250 2.0.0");
    g_assert_cmpuint(harness_n_deliveries(harness), ==, 2);
}

/* So many at a time, and never more than a transaction takes. */
static void
test_many_recipients(void)
{
    const ExgLmtpServerOptions options = {.max_recipients = 60};
    g_autoptr(Harness) harness = harness_new(&options);
    g_autoptr(Client) client = client_new(harness);
    client_greet(client);
    g_autoptr(GString) batch = g_string_new("MAIL FROM:<a@x>\r\n");
    for (guint i = 0; i < 70; i++)
        g_string_append_printf(batch, "RCPT TO:<ask%u@x>\r\n", i);
    client_send(client, batch->str);
    client_expect(client, "250 2.1.0");
    harness_settle(harness);
    g_assert_cmpuint(harness->requests->len, ==, 50);
    for (guint i = 0; i < 60; i++) {
        g_autofree char *recipient = g_strdup_printf("ask%u@x", i);
        g_autofree char *reply = g_strdup_printf("250 2.1.5 %s", recipient);
        harness_answer(harness, recipient, 250, "2.1.5");
        client_expect(client, reply);
        harness_settle(harness);
        g_assert_cmpuint(harness->requests->len, ==, MIN(50 + i + 1, 60));
    }
    for (guint i = 60; i < 70; i++)
        client_expect(client, "452 4.5.3");
    g_assert_cmpuint(harness->requests->len, ==, 60);
}

/* The client goes in the middle: nothing is told, nothing is left. */
static void
test_pipelined_and_gone(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    client_greet(client);
    client_send(client, "MAIL FROM:<a@x>\r\nRCPT TO:<ask1@x>\r\nRCPT TO:<ask2@x>\r\nDATA\r\n");
    client_expect(client, "250 2.1.0");
    while (harness->requests->len < 2)
        harness_turn(harness);
    client_disconnect(client);
    harness_wait_sessions(harness, 0);
    harness_answer(harness, "ask2@x", 250, "2.1.5");
    harness_answer(harness, "ask1@x", 250, "2.1.5");
    harness_settle(harness);
    g_assert_cmpuint(harness_n_deliveries(harness), ==, 0);
}

/* Sendmail sends bare user names; with a domain they are the same mailbox. */
static void
test_recipient_domain(void)
{
    const ExgLmtpServerOptions options = {.recipient_domain = "example.test"};
    g_autoptr(Harness) harness = harness_new(&options);
    g_autoptr(Client) client = client_new(harness);
    client_greet(client);
    client_send(client, "MAIL FROM:<a@x>\r\nRCPT TO:<Ann>\r\nRCPT TO:<ann@example.test>\r\n"
                        "RCPT TO:<bob@example.net>\r\nDATA\r\nhi\r\n.\r\n");
    for (guint i = 0; i < 4; i++)
        client_expect(client, "250 ");
    client_expect(client, "354 ");
    for (guint i = 0; i < 3; i++)
        client_expect(client, "250 2.0.0");
    g_assert_cmpuint(harness_n_deliveries(harness), ==, 2);
    g_assert_cmpstr(harness_delivery(harness, 0)->recipient, ==, "Ann@example.test");
    g_assert_cmpstr(harness_delivery(harness, 1)->recipient, ==, "bob@example.net");
}

static void
test_bdat(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    client_greet(client);
    client_send(client, "BDAT 12 LAST\r\nQUIT\r\nQUIT\r\nNOOP\r\n");
    client_expect(client, "500 5.5.1 ");
    client_expect(client, "250 2.0.0 ");
    client_expect_nothing(client);
}

/* --- time ------------------------------------------------------------------------------------- */

static void
test_idle(void)
{
    ExgLmtpServerOptions options = {.idle_timeout_ms = 60000};
    g_autoptr(Harness) harness = harness_new(&options);
    g_autoptr(Client) client = client_new(harness);
    client_greet(client);
    exg_clock_advance(59 * G_USEC_PER_SEC);
    client_ask(client, "NOOP", "250 ");
    /* Part of a command does not help. */
    exg_clock_advance(59 * G_USEC_PER_SEC);
    client_send(client, "NO");
    client_expect_nothing(client);
    exg_clock_advance(2 * G_USEC_PER_SEC);
    client_expect(client, "421 4.4.2 ");
    client_expect_end(client);
    harness_wait_sessions(harness, 0);
}

static void
begin_content(Client *client)
{
    client_greet(client);
    client_ask(client, "MAIL FROM:<a@example.com>", "250 ");
    client_ask(client, "RCPT TO:<one@example.com>", "250 ");
    client_ask(client, "DATA", "354 ");
}

static void
test_slow_drip(void)
{
    ExgLmtpServerOptions options = {.idle_timeout_ms = 60000, .message_timeout_ms = 600000};
    g_autoptr(Harness) harness = harness_new(&options);
    g_autoptr(Client) client = client_new(harness);
    begin_content(client);
    for (guint i = 0; i < 11; i++) {
        client_send(client, "x");
        client_expect_nothing(client);
        exg_clock_advance(54 * G_USEC_PER_SEC);
    }
    client_send(client, "x");
    exg_clock_advance(7 * G_USEC_PER_SEC);
    client_expect(client, "421 4.4.2 ");
    client_expect_end(client);
    g_assert_cmpuint(harness_n_deliveries(harness), ==, 0);
}

static void
test_silent_content(void)
{
    ExgLmtpServerOptions options = {.idle_timeout_ms = 60000};
    g_autoptr(Harness) harness = harness_new(&options);
    g_autoptr(Client) client = client_new(harness);
    begin_content(client);
    client_send(client, "x\r\n.\r");
    client_expect_nothing(client);
    exg_clock_advance(61 * G_USEC_PER_SEC);
    client_expect(client, "421 4.4.2 ");
    client_expect_end(client);
    harness_wait_sessions(harness, 0);
    g_assert_cmpuint(harness_n_deliveries(harness), ==, 0);
}

/* It sends and sends and takes no reply: it is not read any more, and put out in the end. */
static void
test_never_reads(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    g_autoptr(GString) commands = g_string_new("LHLO x\r\n");
    while (commands->len < 60000)
        g_string_append(commands, "HELP\r\n");
    gsize sent = 0;
    for (guint stuck = 0; stuck < 100;) {
        gssize now = send(client->fd, commands->str, commands->len, MSG_NOSIGNAL);
        stuck = now > 0 ? 0 : stuck + 1;
        sent += now > 0 ? (gsize)now : 0;
        harness_settle(harness);
        g_assert_cmpuint(sent, <, 64 * 1024 * 1024);
    }
    g_assert_cmpuint(exg_lmtp_server_statistics(harness->server).sessions, ==, 1);
    exg_clock_advance(6 * 60 * G_USEC_PER_SEC);
    harness_settle(harness);
    exg_clock_advance(30 * G_USEC_PER_SEC);
    harness_wait_sessions(harness, 0);
}

/* --- noise and numbers ------------------------------------------------------------------------ */

static void
test_noise(void)
{
    guint lines = 0;
    for (guint32 seed = 0; seed < 300; seed++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        g_autoptr(Harness) harness = harness_new(NULL);
        g_autoptr(Client) client = client_new(harness);
        gsize length = strlen(dialogue);
        g_autofree char *noise = g_memdup2(dialogue, length);
        gint changes = seed % 3 == 0 ? (gint)length : g_rand_int_range(random, 1, 20);
        for (gint i = 0; i < changes; i++)
            noise[g_rand_int_range(random, 0, (gint)length)] = (char)g_rand_int(random);
        for (gsize at = 0; at < length;) {
            gsize step = (gsize)g_rand_int_range(random, 1, 200);
            step = MIN(step, length - at);
            client_send_bytes(client, noise + at, step);
            harness_settle(harness);
            at += step;
        }
        char *line;
        while ((line = client_peek_line(client)) != NULL) {
            lines++;
            g_free(line);
        }
        client_disconnect(client);
        harness_wait_sessions(harness, 0);
    }
    g_assert_cmpuint(lines, >, 1000);
}

static void
test_idle_memory(void)
{
    enum { SESSIONS = 1000, MAX_BYTES = 4096 };
    struct rlimit limit;
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
    limit.rlim_cur = limit.rlim_max;
    if (limit.rlim_max < 2 * SESSIONS + 100 || setrlimit(RLIMIT_NOFILE, &limit) < 0) {
        g_test_skip("not enough descriptors");
        return;
    }
    g_autoptr(Harness) harness = harness_new(NULL);
    exg_log_set_level(EXG_LOG_INFO);
    Client *clients[SESSIONS];
    gsize before = mallinfo2().uordblks;
    for (guint i = 0; i < SESSIONS; i++)
        clients[i] = client_new(harness);
    gsize empty = mallinfo2().uordblks;
    for (guint i = 0; i < SESSIONS; i++) {
        client_greet(clients[i]);
        g_string_free(clients[i]->received, TRUE);
        clients[i]->received = g_string_new(NULL);
        clients[i]->taken = 0;
    }
    gsize after = mallinfo2().uordblks;
    g_test_message("%zu bytes a session when new, %zu after LHLO", (empty - before) / SESSIONS,
                   (after - before) / SESSIONS);
    g_assert_cmpuint(exg_lmtp_server_statistics(harness->server).sessions, ==, SESSIONS);
    if (after == 0)
        g_test_skip("this allocator does not say what is in use");
    g_assert_cmpuint((after - before) / SESSIONS, <, MAX_BYTES);
    for (guint i = 0; i < SESSIONS; i++)
        client_free(clients[i]);
    harness_wait_sessions(harness, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lmtp/session/one-packet", test_one_packet);
    g_test_add_func("/lmtp/session/byte-at-a-time", test_byte_at_a_time);
    g_test_add_func("/lmtp/session/two-packets", test_two_packets);
    g_test_add_func("/lmtp/session/cut", test_cut);
    g_test_add_func("/lmtp/session/one-write", test_one_write);
    g_test_add_func("/lmtp/session/before-lhlo", test_before_lhlo);
    g_test_add_func("/lmtp/session/codes", test_codes);
    g_test_add_func("/lmtp/session/lhlo-length", test_lhlo_length);
    g_test_add_func("/lmtp/session/xforward-ends", test_xforward_ends);
    g_test_add_func("/lmtp/session/line-ends", test_line_ends);
    g_test_add_func("/lmtp/session/long-line", test_long_line);
    g_test_add_func("/lmtp/session/very-long-line", test_very_long_line);
    g_test_add_func("/lmtp/session/bad-commands", test_bad_commands);
    g_test_add_func("/lmtp/session/refused-is-not-bad", test_refused_is_not_bad);
    g_test_add_func("/lmtp/session/pipelined-recipients", test_pipelined_recipients);
    g_test_add_func("/lmtp/session/many-recipients", test_many_recipients);
    g_test_add_func("/lmtp/session/pipelined-and-gone", test_pipelined_and_gone);
    g_test_add_func("/lmtp/session/recipient-domain", test_recipient_domain);
    g_test_add_func("/lmtp/session/bdat", test_bdat);
    g_test_add_func("/lmtp/session/idle", test_idle);
    g_test_add_func("/lmtp/session/slow-drip", test_slow_drip);
    g_test_add_func("/lmtp/session/silent-content", test_silent_content);
    g_test_add_func("/lmtp/session/never-reads", test_never_reads);
    g_test_add_func("/lmtp/session/noise", test_noise);
    g_test_add_func("/lmtp/session/idle-memory", test_idle_memory);
    return g_test_run();
}
