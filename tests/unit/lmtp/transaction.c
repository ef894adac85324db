/* One message, many recipients: whose reply goes out when, and what becomes of a message that cannot be delivered. */
#include "tests/unit/lmtp/harness.h"

#include "common/base/failpoint.h"

static void
begin(Client *client, const char *const *recipients)
{
    client_greet(client);
    client_ask(client, "MAIL FROM:<sender@example.com>", "250 ");
    for (guint i = 0; recipients[i] != NULL; i++) {
        g_autofree char *command = g_strdup_printf("RCPT TO:<%s>", recipients[i]);
        client_ask(client, command, "250 2.1.5 ");
    }
    client_ask(client, "DATA", "354 ");
}

#define BEGIN(client, ...) begin(client, (const char *const[]){__VA_ARGS__, NULL})

/* --- order ------------------------------------------------------------------------------------ */

static void
test_order(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    BEGIN(client, "later1@x.test", "later2@x.test", "now@x.test", "later3@x.test");
    client_send(client, "text\r\n.\r\n");
    harness_wait_deliveries(harness, 4);
    g_assert_cmpuint(exg_lmtp_server_statistics(harness->server).deliveries, ==, 3);
    client_expect_nothing(client);
    harness_answer(harness, "later2@x.test", 452, "4.2.2");
    client_expect_nothing(client);
    harness_answer(harness, "later1@x.test", 250, "2.0.0");
    /* All that is known has been written before anything else can happen. */
    g_autofree char *line = client_peek_line(client);
    g_assert_cmpstr(line, ==, "250 2.0.0 later1@x.test");
    client_expect(client, "452 4.2.2 later2@x.test");
    client_expect(client, "250 2.0.0 Stored");
    client_expect_nothing(client);
    client_send(client, "NOOP\r\n");
    client_expect_nothing(client);
    harness_answer(harness, "later3@x.test", 550, "5.2.1");
    client_expect(client, "550 5.2.1 later3@x.test");
    client_expect(client, "250 2.0.0 Ok");
    client_expect_nothing(client);
}

static void
test_check_later(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    client_greet(client);
    client_send(client, "MAIL FROM:<>\r\nRCPT TO:<ask1later@x.test>\r\nRCPT TO:<ask2@x.test>\r\n"
                        "RCPT TO:<now@x.test>\r\nDATA\r\ntext\r\n.\r\nNOOP\r\n");
    client_expect(client, "250 2.1.0 ");
    client_expect_nothing(client);
    g_assert_cmpuint(harness->requests->len, ==, 3); /* the rest waits */
    harness_answer(harness, "ask1later@x.test", 250, "2.1.5");
    client_expect(client, "250 2.1.5 ask1later@x.test");
    client_expect_nothing(client);
    harness_answer(harness, "ask2@x.test", 550, "5.1.1");
    client_expect(client, "550 5.1.1 ask2@x.test");
    client_expect(client, "250 2.1.5 Ok");
    client_expect(client, "354 ");
    client_expect_nothing(client);
    harness_answer(harness, "ask1later@x.test", 250, "2.0.0");
    client_expect(client, "250 2.0.0 ask1later@x.test");
    client_expect(client, "250 2.0.0 Stored");
    client_expect(client, "250 2.0.0 Ok");
    g_assert_cmpuint(harness_n_deliveries(harness), ==, 2);
}

/* A client that pipelines without end is held back while a recipient is being checked. */
static void
test_held_back(void)
{
    enum { COMMANDS = 100000 };
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    client_greet(client);
    client_send(client, "MAIL FROM:<>\r\nRCPT TO:<ask@x.test>\r\n");
    client_expect(client, "250 2.1.0 ");
    g_autoptr(GString) commands = g_string_new(NULL);
    for (guint i = 0; i < COMMANDS; i++)
        g_string_append(commands, "NOOP\r\n");
    gsize sent = 0;
    for (guint stuck = 0; stuck < 20;) {
        gssize now = send(client->fd, commands->str + sent, commands->len - sent, MSG_NOSIGNAL);
        stuck = now > 0 ? 0 : stuck + 1;
        sent += now > 0 ? (gsize)now : 0;
        harness_settle(harness);
    }
    g_assert_cmpuint(sent, <, commands->len);
    harness_answer(harness, "ask@x.test", 250, "2.1.5");
    client_send_bytes(client, commands->str + sent, commands->len - sent);
    client_expect(client, "250 2.1.5 ask@x.test");
    for (guint i = 0; i < COMMANDS; i++)
        client_expect(client, "250 2.0.0 Ok");
    client_expect_nothing(client);
}

static void
test_duplicates(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    BEGIN(client, "later@x.test", "full@x.test", "LATER@X.test", "later@x.test.", "full@x.test");
    client_send(client, "text\r\n.\r\n");
    harness_wait_deliveries(harness, 2);
    client_expect_nothing(client);
    harness_answer(harness, "later@x.test", 250, "2.0.0");
    client_expect(client, "250 2.0.0 later@x.test");
    client_expect(client, "452 4.2.2 ");
    client_expect(client, "250 2.0.0 later@x.test");
    client_expect(client, "250 2.0.0 later@x.test");
    client_expect(client, "452 4.2.2 ");
    client_expect_nothing(client);
    g_assert_cmpuint(harness_n_deliveries(harness), ==, 2);
    ExgLmtpStatistics statistics = exg_lmtp_server_statistics(harness->server);
    g_assert_cmpuint(statistics.delivered, ==, 1);
    g_assert_cmpuint(statistics.deferred, ==, 1);
}

static void
test_many_recipients(void)
{
    enum { RECIPIENTS = 1000 };
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    client_greet(client);
    g_autoptr(GString) commands = g_string_new("MAIL FROM:<a@x.test>\r\n");
    for (guint i = 0; i <= RECIPIENTS; i++)
        g_string_append_printf(commands, "RCPT TO:<%s%u@x.test>\r\n", i % 3 == 0 ? "later" : "now",
                               i);
    g_string_append(commands, "DATA\r\ntext\r\n.\r\n");
    client_send(client, commands->str);
    client_expect(client, "250 2.1.0 ");
    for (guint i = 0; i < RECIPIENTS; i++)
        client_expect(client, "250 2.1.5 ");
    client_expect(client, "452 4.5.3 ");
    client_expect(client, "354 ");
    harness_wait_deliveries(harness, RECIPIENTS);
    client_expect_nothing(client);
    /* The last first: nothing can be told before the first is known. */
    for (gint i = RECIPIENTS - 1; i >= 0; i--) {
        if (i % 3 != 0)
            continue;
        g_autofree char *recipient = g_strdup_printf("later%d@x.test", i);
        if (i == 0)
            client_expect_nothing(client);
        harness_answer(harness, recipient, 250, "2.0.0");
    }
    for (guint i = 0; i < RECIPIENTS; i++) {
        g_autofree char *line = i % 3 == 0 ? g_strdup_printf("250 2.0.0 later%u@x.test", i)
                                           : g_strdup("250 2.0.0 Stored");
        client_expect(client, line);
    }
    client_ask(client, "NOOP", "250 ");
    g_assert_cmpuint(exg_lmtp_server_statistics(harness->server).delivered, ==, RECIPIENTS);
}

/* An answer of the backend that no client would understand. */
static void
test_odd_answers(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    BEGIN(client, "later1@x.test", "later2@x.test", "later3@x.test");
    client_send(client, ".\r\n");
    harness_wait_deliveries(harness, 3);
    harness_answer(harness, "later1@x.test", 354, "");
    harness_answer(harness, "later2@x.test", 421, "4.3.2");
    harness_answer(harness, "later3@x.test", 550, "4.2.2");
    client_expect(client, "451 4.0.0 ");
    client_expect(client, "451 4.3.2 ");
    client_expect(client, "550 5.0.0 ");
    client_ask(client, "NOOP", "250 ");
}

/* --- content ---------------------------------------------------------------------------------- */

/* Only CRLF.CRLF ends it. */
static void
test_smuggling(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    BEGIN(client, "now@x.test");
    client_send(client, "a\n.\nMAIL FROM:<evil@x.test>\r\n.\nb\n.\r\nc\r.\rd\r\n..\r\n");
    client_expect_nothing(client);
    client_send(client, ".\r\n");
    client_expect(client, "250 2.0.0 Stored");
    client_expect_nothing(client);
    g_assert_cmpuint(harness_n_deliveries(harness), ==, 1);
    g_autofree char *text = message_text(harness_delivery(harness, 0)->message);
    g_assert_nonnull(strstr(text, "MAIL FROM:<evil@x.test>\r\n"));
}

static void
test_too_large(void)
{
    ExgLmtpServerOptions options = {.max_message_bytes = 1000};
    g_autoptr(Harness) harness = harness_new(&options);
    g_autoptr(Client) client = client_new(harness);
    BEGIN(client, "one@x.test", "two@x.test", "one@x.test");
    g_autofree char *line = g_strnfill(998, 'x');
    client_send(client, line);
    client_send(client, "\r\nMAIL FROM:<x@x.test>\r\n");
    client_expect_nothing(client);
    client_send(client, line);
    client_send(client, "\r\n.\r\nNOOP\r\n");
    for (guint i = 0; i < 3; i++)
        client_expect(client, "552 5.3.4 ");
    client_expect(client, "250 2.0.0 Ok");
    g_assert_cmpuint(harness_n_deliveries(harness), ==, 0);
    g_assert_cmpuint(exg_lmtp_server_statistics(harness->server).refused, ==, 2);

    /* One that just fits. */
    client_ask(client, "MAIL FROM:<a@x.test> SIZE=1000", "250 ");
    client_ask(client, "RCPT TO:<one@x.test>", "250 ");
    client_ask(client, "DATA", "354 ");
    client_send(client, line);
    client_ask(client, "\r\n.", "250 2.0.0 Stored");
}

static char *
make_text(gsize length)
{
    g_autoptr(GString) text = g_string_sized_new(length + 80);
    for (guint i = 0; text->len < length; i++)
        g_string_append_printf(text, "line %u of a message that does not fit into memory\r\n", i);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* A message many times larger than what may be kept in memory comes through unharmed. */
static void
test_spooled(void)
{
    ExgLmtpServerOptions options = {.spool_memory_bytes = 4096};
    g_autoptr(Harness) harness = harness_new(&options);
    g_autoptr(Client) client = client_new(harness);
    BEGIN(client, "later@x.test", "now@x.test");
    g_autofree char *text = make_text(8 * 1024 * 1024);
    client_send(client, text);
    client_send(client, ".\r\nNOOP\r\n");
    harness_wait_deliveries(harness, 2);
    g_assert_true(exg_message_is_spooled(harness_delivery(harness, 0)->message));
    g_autofree char *got = message_text(harness_delivery(harness, 0)->message);
    g_assert_true(g_str_equal(got, text));
    harness_answer(harness, "later@x.test", 250, "2.0.0");
    client_expect(client, "250 2.0.0 later@x.test");
    client_expect(client, "250 2.0.0 Stored");
    client_expect(client, "250 2.0.0 Ok");
}

static void
fail_spool(gsize length)
{
    ExgLmtpServerOptions options = {.spool_memory_bytes = 4096,
                                    .spool_directory = "/nonexistent/spool"};
    g_autoptr(Harness) harness = harness_new(&options);
    g_autoptr(Client) client = client_new(harness);
    BEGIN(client, "one@x.test", "two@x.test");
    g_autofree char *text = make_text(length);
    client_send(client, text);
    client_send(client, ".\r\nNOOP\r\n");
    client_expect(client, "452 4.3.1 ");
    client_expect(client, "452 4.3.1 ");
    client_expect(client, "250 2.0.0 Ok");
    g_assert_cmpuint(harness_n_deliveries(harness), ==, 0);
    g_assert_nonnull(strstr(harness->log->str, "warning: "));
    g_assert_nonnull(strstr(harness->log->str, "/nonexistent/spool"));
}

static void
test_spool_failure(void)
{
    fail_spool(5000);
    fail_spool(4 * 1024 * 1024);
}

/* --- loops ------------------------------------------------------------------------------------ */

static void
send_hops(Client *client, guint hops)
{
    for (guint i = 0; i < hops; i++)
        client_send(client, "Received: from a by b; Sat, 21 Nov 2026 10:00:00 +0000\r\n");
    client_send(client, "\r\ntext\r\n.\r\n");
}

static void
test_hops(void)
{
    ExgLmtpServerOptions options = {.max_hops = 5};
    g_autoptr(Harness) harness = harness_new(&options);
    g_autoptr(Client) client = client_new(harness);
    BEGIN(client, "one@x.test", "two@x.test");
    send_hops(client, 6);
    client_expect(client, "554 5.4.6 ");
    client_expect(client, "554 5.4.6 ");
    g_assert_cmpuint(harness_n_deliveries(harness), ==, 0);
    client_ask(client, "MAIL FROM:<>", "250 ");
    client_ask(client, "RCPT TO:<one@x.test>", "250 ");
    client_ask(client, "DATA", "354 ");
    send_hops(client, 5);
    client_expect(client, "250 2.0.0 Stored");
}

static void
test_delivered_to(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    BEGIN(client, "one@x.test", "two@x.test", "three@x.test");
    client_send(client, "Delivered-To: TWO@x.test\r\n\r\ntext\r\n.\r\n");
    client_expect(client, "250 2.0.0 Stored");
    client_expect(client, "554 5.4.6 ");
    client_expect(client, "250 2.0.0 Stored");
    g_assert_cmpuint(harness_n_deliveries(harness), ==, 2);
}

/* --- the client goes -------------------------------------------------------------------------- */

static void
test_gone_during_delivery(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    BEGIN(client, "now@x.test", "later@x.test");
    client_send(client, "text\r\n.\r\n");
    harness_wait_deliveries(harness, 2);
    Request *request = harness_delivery(harness, 1);
    client_expect(client, "250 2.0.0 Stored");
    g_assert_false(g_cancellable_is_cancelled(request->cancellable));
    client_disconnect(client);
    harness_wait_sessions(harness, 0);
    g_assert_true(g_cancellable_is_cancelled(request->cancellable));
    g_assert_cmpuint(exg_lmtp_server_statistics(harness->server).deliveries, ==, 1);
    g_assert_cmpuint(harness->server->transactions, ==, 1);

    /* It could not be stopped: its outcome counts. */
    g_string_truncate(harness->log, 0);
    request_answer(request, 250, "2.0.0", "Stored all the same");
    g_assert_nonnull(strstr(harness->log->str, "info: delivered"));
    g_assert_nonnull(strstr(harness->log->str, "to=later@x.test"));
    g_assert_cmpuint(harness->server->transactions, ==, 0);
    g_assert_cmpuint(exg_lmtp_server_statistics(harness->server).delivered, ==, 2);
}

static void
test_gone_during_check(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    client_greet(client);
    client_send(client, "MAIL FROM:<>\r\nRCPT TO:<now@x.test>\r\nRCPT TO:<ask@x.test>\r\nDATA\r\n");
    client_expect(client, "250 2.1.0 ");
    client_expect(client, "250 2.1.5 ");
    client_expect_nothing(client);
    client_disconnect(client);
    harness_wait_sessions(harness, 0);
    g_assert_cmpuint(harness->server->transactions, ==, 1);
    harness_answer(harness, "ask@x.test", 250, "2.1.5");
    g_assert_cmpuint(harness->server->transactions, ==, 0);
    g_assert_cmpuint(harness_n_deliveries(harness), ==, 0);
}

/* Gone while the disk still takes the message: nobody gets it, for the client will come back with it. */
static void
test_gone_before_delivery(void)
{
    exg_failpoint_configure("spool-write=delay:200,times=1");
    ExgLmtpServerOptions options = {.spool_memory_bytes = 4096};
    g_autoptr(Harness) harness = harness_new(&options);
    g_autoptr(Client) client = client_new(harness);
    BEGIN(client, "now@x.test");
    g_autofree char *text = make_text(20000);
    client_send(client, text);
    client_send(client, ".\r\n");
    while (exg_lmtp_server_statistics(harness->server).transactions == 0)
        harness_turn(harness);
    client_disconnect(client);
    harness_wait_sessions(harness, 0);
    while (harness->server->transactions > 0)
        harness_turn(harness);
    exg_failpoint_configure(NULL);
    g_assert_cmpuint(harness_n_deliveries(harness), ==, 0);
    g_assert_cmpuint(exg_lmtp_server_statistics(harness->server).deferred, ==, 1);
}

/* --- the log ---------------------------------------------------------------------------------- */

static void
expect_logged(Harness *harness, const char *recipient, const char *const *parts)
{
    g_auto(GStrv) lines = g_strsplit(harness->log->str, "\n", -1);
    guint found = 0;
    for (guint i = 0; lines[i] != NULL; i++) {
        if (!g_str_has_prefix(lines[i], "info: ") || strstr(lines[i], recipient) == NULL)
            continue;
        found++;
        for (guint part = 0; parts[part] != NULL; part++)
            if (strstr(lines[i], parts[part]) == NULL)
                g_error("no %s in %s", parts[part], lines[i]);
    }
    g_assert_cmpuint(found, ==, 1);
}

static void
test_log(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    client_greet(client);
    client_ask(client, "XFORWARD IDENT=3FzQ", "250 ");
    client_ask(client, "MAIL FROM:<sender@example.com>", "250 ");
    client_ask(client, "RCPT TO:<later@x.test>", "250 ");
    client_ask(client, "RCPT TO:<unknown@x.test>", "550 ");
    client_ask(client, "RCPT TO:<full@x.test>", "250 ");
    client_ask(client, "RCPT TO:<LATER@x.test>", "250 ");
    client_ask(client, "DATA", "354 ");
    client_send(client, "Message-ID: <m1@example.com>\r\n\r\n.\r\n");
    harness_wait_deliveries(harness, 2);
    exg_clock_advance(1234567);
    harness_answer(harness, "later@x.test", 250, "2.0.0");
    client_expect(client, "250 ");
    expect_logged(harness, "to=later@x.test",
                  (const char *const[]){
                      "info: delivered ", " session=", " queue_id=3FzQ", " from=sender@example.com",
                      " size=32", " message_id=<m1@example.com>", " delay_ms=12",
                      " reply=\"250 2.0.0 later@x.test\"", " client=unix:/test", NULL});
    expect_logged(harness, "to=full@x.test",
                  (const char *const[]){"info: deferred ", " queue_id=3FzQ",
                                        " reply=\"452 4.2.2 Mailbox full\"", NULL});
    expect_logged(harness, "to=unknown@x.test",
                  (const char *const[]){"info: refused ", " queue_id=3FzQ",
                                        " reply=\"550 5.1.1 No such mailbox\"", NULL});
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lmtp/transaction/order", test_order);
    g_test_add_func("/lmtp/transaction/check-later", test_check_later);
    g_test_add_func("/lmtp/transaction/held-back", test_held_back);
    g_test_add_func("/lmtp/transaction/duplicates", test_duplicates);
    g_test_add_func("/lmtp/transaction/many-recipients", test_many_recipients);
    g_test_add_func("/lmtp/transaction/odd-answers", test_odd_answers);
    g_test_add_func("/lmtp/transaction/smuggling", test_smuggling);
    g_test_add_func("/lmtp/transaction/too-large", test_too_large);
    g_test_add_func("/lmtp/transaction/spooled", test_spooled);
    g_test_add_func("/lmtp/transaction/spool-failure", test_spool_failure);
    g_test_add_func("/lmtp/transaction/hops", test_hops);
    g_test_add_func("/lmtp/transaction/delivered-to", test_delivered_to);
    g_test_add_func("/lmtp/transaction/gone-during-delivery", test_gone_during_delivery);
    g_test_add_func("/lmtp/transaction/gone-during-check", test_gone_during_check);
    g_test_add_func("/lmtp/transaction/gone-before-delivery", test_gone_before_delivery);
    g_test_add_func("/lmtp/transaction/log", test_log);
    return g_test_run();
}
