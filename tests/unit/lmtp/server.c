/* Listeners, limits, reload, and the end: the server as a whole, over real sockets. */
#include "tests/unit/lmtp/harness.h"

#include <netinet/in.h>
#include <sys/un.h>

static const ExgListenerOptions listener_options = {
    .mode = 0600, .owner = (uid_t)-1, .group = (gid_t)-1};

static char *
listen_unix(Harness *harness)
{
    char *path = g_build_filename(harness->directory, "lmtp", NULL);
    g_autofree char *text = g_strdup_printf("unix:%s", path);
    ExgSocketAddress address;
    g_assert_true(exg_socket_address_parse(text, &address, NULL));
    g_autoptr(GError) error = NULL;
    exg_lmtp_server_listen(harness->server, &address, &listener_options, &error);
    g_assert_no_error(error);
    return path;
}

static Client *
connect_unix(Harness *harness, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    return client_new_for_fd(harness, fd);
}

static Client *
connect_inet(Harness *harness, guint16 port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = g_htons(port),
                                  .sin_addr.s_addr = g_htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    return client_new_for_fd(harness, fd);
}

static void
deliver(Client *client, const char *recipient)
{
    g_autofree char *command = g_strdup_printf("RCPT TO:<%s>", recipient);
    client_ask(client, "MAIL FROM:<a@x.test>", "250 ");
    client_ask(client, command, "250 ");
    client_ask(client, "DATA", "354 ");
    client_send(client, "text\r\n.\r\n");
}

static void
test_listen(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autofree char *path = listen_unix(harness);
    ExgSocketAddress address;
    g_assert_true(exg_socket_address_parse("inet:127.0.0.1:0", &address, NULL));
    g_assert_true(exg_lmtp_server_listen(harness->server, &address, &listener_options, NULL));
    guint16 port = exg_socket_address_port(exg_lmtp_server_address(harness->server, 1));
    g_assert_cmpuint(port, !=, 0);
    g_assert_null(exg_lmtp_server_address(harness->server, 2));

    g_autoptr(Client) local = connect_unix(harness, path);
    g_autoptr(Client) remote = connect_inet(harness, port);
    client_greet(local);
    client_greet(remote);
    g_assert_cmpuint(exg_lmtp_server_statistics(harness->server).sessions, ==, 2);
    deliver(local, "one@x.test");
    client_expect(local, "250 2.0.0 Stored");
    deliver(remote, "one@x.test");
    client_expect(remote, "250 2.0.0 Stored");
    g_autofree char *name = g_strdup_printf("unix:%s", path);
    g_assert_cmpstr(harness_delivery(harness, 0)->peer, ==, name);
    g_assert_true(g_str_has_prefix(harness_delivery(harness, 1)->peer, "inet:127.0.0.1:"));
    g_assert_cmpstr(harness_delivery(harness, 0)->id, !=, harness_delivery(harness, 1)->id);
}

static void
test_listen_fd(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    struct sockaddr_in native = {.sin_family = AF_INET,
                                 .sin_addr.s_addr = g_htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&native, sizeof native), ==, 0);
    g_assert_cmpint(listen(fd, 5), ==, 0);
    g_assert_true(exg_lmtp_server_listen_fd(harness->server, fd, &listener_options, NULL));
    g_autoptr(Client) client = connect_inet(
        harness, exg_socket_address_port(exg_lmtp_server_address(harness->server, 0)));
    client_greet(client);
    client_ask(client, "QUIT", "221 ");
    client_expect_end(client);
}

static void
test_cannot_listen(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    ExgSocketAddress address;
    g_assert_true(exg_socket_address_parse("unix:/nonexistent/lmtp", &address, NULL));
    g_autoptr(GError) error = NULL;
    g_assert_false(exg_lmtp_server_listen(harness->server, &address, &listener_options, &error));
    g_assert_nonnull(error);
    g_assert_null(exg_lmtp_server_address(harness->server, 0));
}

static void
test_max_sessions(void)
{
    ExgLmtpServerOptions options = {.max_sessions = 2};
    g_autoptr(Harness) harness = harness_new(&options);
    g_autofree char *path = listen_unix(harness);
    g_autoptr(Client) first = connect_unix(harness, path);
    g_autoptr(Client) second = connect_unix(harness, path);
    client_greet(first);
    client_greet(second);
    g_autoptr(Client) third = connect_unix(harness, path);
    client_expect(third, "421 4.3.2 ");
    client_expect_end(third);
    client_ask(first, "QUIT", "221 ");
    client_expect_end(first);
    harness_wait_sessions(harness, 1);
    g_autoptr(Client) fourth = connect_unix(harness, path);
    client_greet(fourth);
}

static void
test_max_connections(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    ExgListenerOptions options = listener_options;
    options.max_connections = 1;
    g_autofree char *path = g_build_filename(harness->directory, "lmtp", NULL);
    g_autofree char *text = g_strdup_printf("unix:%s", path);
    ExgSocketAddress address;
    g_assert_true(exg_socket_address_parse(text, &address, NULL));
    g_assert_true(exg_lmtp_server_listen(harness->server, &address, &options, NULL));
    g_autoptr(Client) first = connect_unix(harness, path);
    client_greet(first);
    g_autoptr(Client) second = connect_unix(harness, path);
    client_expect_nothing(second);
    client_disconnect(first);
    client_greet(second);
}

/* A session keeps the options that it has announced. */
static void
test_set_options(void)
{
    ExgLmtpServerOptions options = {.max_message_bytes = 100};
    g_autoptr(Harness) harness = harness_new(&options);
    g_autoptr(Client) old = client_new(harness);
    client_greet(old);
    harness->options.max_message_bytes = 200;
    harness->options.greeting = "reloaded";
    exg_lmtp_server_set_options(harness->server, &harness->options);
    g_autoptr(Client) new = client_new(harness);
    client_expect(new, "220 gate.test reloaded");
    client_send(new, "LHLO x\r\n");
    for (guint i = 0; i < 7; i++)
        client_expect(new, i == 3 ? "250-SIZE 200" : "250");
    client_ask(old, "MAIL FROM:<> SIZE=150", "552 ");
    client_ask(new, "MAIL FROM:<> SIZE=150", "250 ");
}

/* --- the end ---------------------------------------------------------------------------------- */

static void
set_true(gpointer data)
{
    *(bool *)data = true;
}

static void
wait_for(Harness *harness, const bool *condition)
{
    while (!*condition)
        harness_turn(harness);
}

static void
test_drain_idle(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autofree char *path = listen_unix(harness);
    bool drained = false;
    g_autoptr(Client) silent = connect_unix(harness, path);
    g_autoptr(Client) greeted = connect_unix(harness, path);
    g_autoptr(Client) done = connect_unix(harness, path);
    client_expect(silent, "220 ");
    client_greet(greeted);
    client_greet(done);
    deliver(done, "one@x.test");
    client_expect(done, "250 2.0.0 Stored");
    exg_lmtp_server_drain(harness->server, set_true, &drained);
    g_assert_false(drained);
    client_expect(silent, "421 4.3.2 ");
    client_expect_end(silent);
    client_expect(greeted, "421 4.3.2 ");
    client_expect_end(greeted);
    client_expect(done, "421 4.3.2 ");
    client_expect_end(done);
    wait_for(harness, &drained);
    g_assert_cmpuint(exg_lmtp_server_statistics(harness->server).sessions, ==, 0);
}

static void
test_drain_without_sessions(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    bool drained = false;
    exg_lmtp_server_drain(harness->server, set_true, &drained);
    g_assert_false(drained);
    wait_for(harness, &drained);
}

/* Drains in the middle of a transaction, after each of these steps. Up to DATA the client is sent
 * away; what comes after is finished. */
static void
test_drain_busy(void)
{
    static const struct {
        const char *send, *reply;
        bool ends;
    } steps[] = {
        {"MAIL FROM:<a@x.test>\r\n", "250 2.1.0 ", true},
        {"RCPT TO:<ask-later@x.test>\r\n", NULL, false},
        {NULL, "250 2.0.0 ", true}, /* the backend answers */
        {"DATA\r\n", "354 ", false},
        {"text\r\n.\r", NULL, false},
        {"\n", NULL, false},
        {NULL, "250 2.0.0 ", true},
    };
    for (guint at = 0; at < G_N_ELEMENTS(steps); at++) {
        g_autoptr(Harness) harness = harness_new(NULL);
        g_autoptr(Client) client = client_new(harness);
        bool drained = false, draining = false;
        client_greet(client);
        for (guint i = 0; !draining || !steps[i - 1].ends; i++) {
            if (steps[i].send != NULL)
                client_send(client, steps[i].send);
            else
                harness_answer(harness, "ask-later@x.test", 250, "2.0.0");
            if (steps[i].reply != NULL)
                client_expect(client, steps[i].reply);
            else
                client_expect_nothing(client);
            if (i == at)
                exg_lmtp_server_drain(harness->server, set_true, &drained);
            draining = i >= at;
            g_assert_false(drained);
        }
        client_expect(client, "421 4.3.2 ");
        client_expect_end(client);
        wait_for(harness, &drained);
        g_assert_cmpuint(exg_lmtp_server_statistics(harness->server).delivered, ==, at > 2 ? 1 : 0);
    }
}

/* A client that stops in the middle of its message does not keep the server from ending. */
static void
test_drain_content(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    bool drained = false;
    client_greet(client);
    client_send(client, "MAIL FROM:<>\r\nRCPT TO:<one@x.test>\r\nDATA\r\nhalf of");
    client_expect(client, "250 ");
    client_expect(client, "250 ");
    client_expect(client, "354 ");
    exg_lmtp_server_drain(harness->server, set_true, &drained);
    client_expect_nothing(client);
    exg_clock_advance(EXG_LMTP_DRAIN_GRACE_MS * 1000 / 2);
    client_send(client, " a message"); /* drips do not prolong it */
    client_expect_nothing(client);
    exg_clock_advance(EXG_LMTP_DRAIN_GRACE_MS * 1000 / 2);
    client_expect(client, "421 4.3.2 ");
    client_expect_end(client);
    wait_for(harness, &drained);
    g_assert_cmpuint(harness_n_deliveries(harness), ==, 0);
}

/* All that a batch holds is answered up to the point where it ends. */
static void
test_drain_pipelined(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    bool drained = false;
    client_greet(client);
    client_send(client,
                "MAIL FROM:<>\r\nRCPT TO:<ask1@x.test>\r\nRCPT TO:<ask2@x.test>\r\nDATA\r\n");
    client_expect(client, "250 2.1.0");
    client_expect_nothing(client);
    exg_lmtp_server_drain(harness->server, set_true, &drained);
    client_expect_nothing(client);
    harness_answer(harness, "ask1@x.test", 250, "2.1.5");
    client_expect(client, "250 2.1.5");
    harness_answer(harness, "ask2@x.test", 250, "2.1.5");
    client_expect(client, "250 2.1.5");
    client_expect(client, "421 4.3.2 ");
    client_expect_end(client);
    wait_for(harness, &drained);
}

/* The client is gone, its delivery is not. */
static void
test_drain_waits_for_deliveries(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(Client) client = client_new(harness);
    bool drained = false;
    client_greet(client);
    deliver(client, "later@x.test");
    harness_wait_deliveries(harness, 1);
    client_disconnect(client);
    harness_wait_sessions(harness, 0);
    exg_lmtp_server_drain(harness->server, set_true, &drained);
    harness_settle(harness);
    g_assert_false(drained);
    harness_answer(harness, "later@x.test", 250, "2.0.0");
    g_assert_false(drained);
    wait_for(harness, &drained);
}

/* Freed in the middle of everything: the answers that are still to come find their transaction. */
static void
test_free_busy(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autofree char *path = listen_unix(harness);
    bool drained = false;
    g_autoptr(Client) idle = connect_unix(harness, path);
    g_autoptr(Client) delivering = connect_unix(harness, path);
    g_autoptr(Client) asking = connect_unix(harness, path);
    g_autoptr(Client) sending = connect_unix(harness, path);
    client_greet(idle);
    client_greet(delivering);
    deliver(delivering, "later@x.test");
    client_greet(asking);
    client_ask(asking, "MAIL FROM:<>", "250 ");
    client_send(asking, "RCPT TO:<ask@x.test>\r\n");
    client_greet(sending);
    client_ask(sending, "MAIL FROM:<>", "250 ");
    client_ask(sending, "RCPT TO:<one@x.test>", "250 ");
    client_ask(sending, "DATA", "354 ");
    client_send(sending, "text\r\n");
    harness_wait_deliveries(harness, 1);
    harness_settle(harness);
    exg_lmtp_server_drain(harness->server, set_true, &drained);
    exg_lmtp_server_free(g_steal_pointer(&harness->server));
    client_expect_end(delivering);
    client_expect_end(sending);
    harness_answer(harness, "later@x.test", 250, "2.0.0");
    harness_answer(harness, "ask@x.test", 250, "2.1.5");
    harness_settle(harness);
    g_assert_false(drained);
    g_assert_nonnull(strstr(harness->log->str, "info: delivered"));
}

static void
test_ids(void)
{
    g_autoptr(Harness) harness = harness_new(NULL);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < 10000; i++) {
        char *id = exg_lmtp_server_make_id(harness->server);
        g_assert_cmpuint(strlen(id), ==, 11);
        g_assert_true(g_hash_table_add(seen, id));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lmtp/server/listen", test_listen);
    g_test_add_func("/lmtp/server/listen-fd", test_listen_fd);
    g_test_add_func("/lmtp/server/cannot-listen", test_cannot_listen);
    g_test_add_func("/lmtp/server/max-sessions", test_max_sessions);
    g_test_add_func("/lmtp/server/max-connections", test_max_connections);
    g_test_add_func("/lmtp/server/set-options", test_set_options);
    g_test_add_func("/lmtp/server/drain-idle", test_drain_idle);
    g_test_add_func("/lmtp/server/drain-without-sessions", test_drain_without_sessions);
    g_test_add_func("/lmtp/server/drain-busy", test_drain_busy);
    g_test_add_func("/lmtp/server/drain-content", test_drain_content);
    g_test_add_func("/lmtp/server/drain-pipelined", test_drain_pipelined);
    g_test_add_func("/lmtp/server/drain-waits-for-deliveries", test_drain_waits_for_deliveries);
    g_test_add_func("/lmtp/server/free-busy", test_free_busy);
    g_test_add_func("/lmtp/server/ids", test_ids);
    return g_test_run();
}
