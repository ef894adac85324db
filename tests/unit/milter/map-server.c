/* The listeners of the maps: their protocols over real sockets, and what keeps them within bounds. */
#include "milter/map-server.h"

#include "common/base/clock.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_CONNECTIONS 4
#define IDLE_MS         10000

/* --- a server, and who answers ---------------------------------------------------------------- */

typedef struct {
    char *recipient;
    ExgMapAnswerFunc function;
    gpointer data;
} Pending;

typedef struct {
    ExgEngine *engine;
    ExgMapServer *server;
    char *directory, *paths[EXG_N_MAP_PROTOCOLS];
    GQueue pending; /* of Pending, for those whose names begin with "later" */
    guint asked;
    guint64 last_size;
    bool last_authenticated;
    GString *log;
} Fixture;

static void
answer(const char *recipient, ExgMapAnswerFunc function, gpointer data)
{
    static const struct {
        const char *word;
        ExgMapAnswer answer;
    } answers[] = {
        {"unknown", {EXG_MAP_UNKNOWN, 550, "5.1.1", "There is no such mailbox"}},
        {"full", {EXG_MAP_DEFERRED, 452, "4.2.2", "The mailbox is full"}},
        {"unsure", {EXG_MAP_UNSURE, 451, "4.4.1", "Nobody can tell"}},
        {"other", {EXG_MAP_NOT_OURS, 0, NULL, NULL}},
    };
    for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
        if (strstr(recipient, answers[i].word) != NULL) {
            function(&answers[i].answer, data);
            return;
        }
    }
    function(&(ExgMapAnswer){.outcome = EXG_MAP_GOOD}, data);
}

static void
ask(const ExgMapQuestion *question, gpointer ask_data, ExgMapAnswerFunc function, gpointer data)
{
    Fixture *f = ask_data;
    f->asked++;
    f->last_size = question->size_bytes;
    f->last_authenticated = question->authenticated;
    if (!g_str_has_prefix(question->recipient, "later")) {
        answer(question->recipient, function, data);
        return;
    }
    Pending *pending = g_new(Pending, 1);
    *pending = (Pending){g_strdup(question->recipient), function, data};
    g_queue_push_tail(&f->pending, pending);
}

static void
answer_next(Fixture *f)
{
    Pending *pending = g_queue_pop_head(&f->pending);
    g_assert_nonnull(pending);
    answer(pending->recipient, pending->function, pending->data);
    g_free(pending->recipient);
    g_free(pending);
}

static void
take_line(ExgLogLevel level, const char *line, gpointer data)
{
    g_string_append_printf(data, "%s\n", line);
}

static Fixture *
fixture_new(void)
{
    static const char *const names[] = {
        [EXG_MAP_SERVER_POLICY] = "policy",
        [EXG_MAP_SERVER_SOCKETMAP] = "socketmap",
        [EXG_MAP_SERVER_TCP_ACCESS] = "access",
        [EXG_MAP_SERVER_TCP_RECIPIENTS] = "recipients",
    };
    Fixture *f = g_new0(Fixture, 1);
    g_autoptr(GError) error = NULL;
    f->engine = exg_engine_new(&error);
    g_assert_no_error(error);
    f->directory = g_dir_make_tmp("exgate-XXXXXX", &error);
    g_assert_no_error(error);
    f->log = g_string_new(NULL);
    exg_log_set_sink(take_line, f->log);
    g_queue_init(&f->pending);
    f->server = exg_map_server_new(f->engine, &(ExgMapServerOptions){
                                                  .ask = ask,
                                                  .ask_data = f,
                                                  .max_connections = MAX_CONNECTIONS,
                                                  .idle_timeout_ms = IDLE_MS,
                                              });
    for (guint i = 0; i < EXG_N_MAP_PROTOCOLS; i++) {
        const ExgListenerOptions options = {.mode = 0600, .owner = (uid_t)-1, .group = (gid_t)-1};
        f->paths[i] = g_build_filename(f->directory, names[i], NULL);
        g_autofree char *text = g_strconcat("unix:", f->paths[i], NULL);
        ExgSocketAddress address;
        g_assert_true(exg_socket_address_parse(text, &address, NULL));
        ExgSocketAddress bound;
        g_assert_true(exg_map_server_listen(f->server, (ExgMapProtocol)i, &address, &options,
                                            &bound, &error));
        g_assert_cmpstr(bound.text, ==, text);
    }
    return f;
}

static void
fixture_free(Fixture *f)
{
    exg_map_server_free(f->server);
    while (!g_queue_is_empty(&f->pending))
        answer_next(f);
    while (exg_engine_iterate(f->engine, false))
        ;
    exg_engine_unref(f->engine);
    exg_log_set_sink(NULL, NULL);
    g_string_free(f->log, TRUE);
    for (guint i = 0; i < EXG_N_MAP_PROTOCOLS; i++)
        g_free(f->paths[i]);
    g_assert_cmpint(g_rmdir(f->directory), ==, 0);
    g_free(f->directory);
    g_free(f);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fixture, fixture_free)

/* --- a client --------------------------------------------------------------------------------- */

typedef struct {
    Fixture *f;
    int fd;
    GString *received;
    bool at_end;
} Client;

static Client *
client_new(Fixture *f, ExgMapProtocol protocol)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, f->paths[protocol], sizeof address.sun_path);
    Client *client = g_new0(Client, 1);
    client->f = f;
    client->received = g_string_new(NULL);
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(client->fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    g_assert_cmpint(fcntl(client->fd, F_SETFL, O_NONBLOCK), ==, 0);
    return client;
}

static void
client_free(Client *client)
{
    close(client->fd);
    g_string_free(client->received, TRUE);
    g_free(client);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Client, client_free)

static void
client_look(Client *client)
{
    char bytes[4096];
    ssize_t count;
    while ((count = read(client->fd, bytes, sizeof bytes)) > 0)
        g_string_append_len(client->received, bytes, count);
    client->at_end |= count == 0 || (errno != EAGAIN && errno != EINTR);
}

/* Until nothing more happens: all sockets are this process's own. */
static void
settle(Fixture *f)
{
    while (exg_engine_iterate(f->engine, false))
        ;
}

static void
client_send(Client *client, const char *bytes)
{
    gsize length = strlen(bytes), sent = 0;
    while (sent < length) {
        ssize_t count = send(client->fd, bytes + sent, length - sent, MSG_NOSIGNAL);
        if (count > 0)
            sent += (gsize)count;
        else
            g_assert_cmpint(errno, ==, EAGAIN);
        settle(client->f);
        client_look(client);
    }
}

static void
client_expect(Client *client, const char *expected)
{
    settle(client->f);
    client_look(client);
    g_assert_cmpstr(client->received->str, ==, expected);
    g_string_truncate(client->received, 0);
}

static void
client_expect_end(Client *client, const char *expected)
{
    client_expect(client, expected);
    g_assert_true(client->at_end);
}

/* --- the protocols ---------------------------------------------------------------------------- */

#define POLICY(recipient)                                                                          \
    "request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=" recipient "\nsize=7\n\n"

static const struct {
    ExgMapProtocol protocol;
    const char *request, *reply;
    bool asks;
} dialogue[] = {
    {EXG_MAP_SERVER_SOCKETMAP, "21:recipients ann@x.test,", "8:OK DUNNO,", true},
    {EXG_MAP_SERVER_SOCKETMAP, "25:recipients unknown@x.test,", "9:NOTFOUND ,", true},
    {EXG_MAP_SERVER_SOCKETMAP, "24:recipients unsure@x.test,", "20:TEMP Nobody can tell,", true},
    {EXG_MAP_SERVER_SOCKETMAP, "17:access ann@x.test,", "9:NOTFOUND ,", true},
    {EXG_MAP_SERVER_SOCKETMAP, "21:access unknown@x.test,",
     "37:OK 550 5.1.1 There is no such mailbox,", true},
    {EXG_MAP_SERVER_SOCKETMAP, "23:sendmail unknown@x.test,",
     "45:OK ERROR:5.1.1:\"550 There is no such mailbox\",", true},
    {EXG_MAP_SERVER_SOCKETMAP, "17:recipients x.test,", "9:NOTFOUND ,", false},
    {EXG_MAP_SERVER_SOCKETMAP, "18:recipients @x.test,", "9:NOTFOUND ,", false},
    {EXG_MAP_SERVER_SOCKETMAP, "16:aliases a@x.test,",
     "66:PERM there is no such map; there are: recipients, access, sendmail,", false},
    {EXG_MAP_SERVER_TCP_ACCESS, "get ann@x.test\n", "500 -\n", true},
    {EXG_MAP_SERVER_TCP_ACCESS, "get full%40x.test\n",
     "200 452%204.2.2%20The%20mailbox%20is%20full\n", true},
    {EXG_MAP_SERVER_TCP_ACCESS, "get unsure@x.test\n",
     "200 DEFER_IF_PERMIT%204.4.1%20Nobody%20can%20tell\n", true},
    {EXG_MAP_SERVER_TCP_ACCESS, "get x.test\n", "500 -\n", false},
    {EXG_MAP_SERVER_TCP_ACCESS, "put a b\n", "400 a%20line%20\"get%20KEY\"%20is%20expected\n",
     false},
    {EXG_MAP_SERVER_TCP_RECIPIENTS, "get ann@x.test\n", "200 DUNNO\n", true},
    {EXG_MAP_SERVER_TCP_RECIPIENTS, "get full@x.test\n", "200 DUNNO\n", true},
    {EXG_MAP_SERVER_TCP_RECIPIENTS, "get unknown@x.test\n", "500 -\n", true},
    {EXG_MAP_SERVER_TCP_RECIPIENTS, "get other@x.test\n", "500 -\n", true},
    {EXG_MAP_SERVER_TCP_RECIPIENTS, "get unsure@x.test\n", "400 Nobody%20can%20tell\n", true},
    {EXG_MAP_SERVER_POLICY, POLICY("ann@x.test"), "action=DUNNO\n\n", true},
    {EXG_MAP_SERVER_POLICY, POLICY("unknown@x.test"),
     "action=550 5.1.1 There is no such mailbox\n\n", true},
    {EXG_MAP_SERVER_POLICY, POLICY("unsure@x.test"),
     "action=DEFER_IF_PERMIT 4.4.1 Nobody can tell\n\n", true},
    {EXG_MAP_SERVER_POLICY, POLICY("postmaster"), "action=DUNNO\n\n", false},
    {EXG_MAP_SERVER_POLICY, "request=smtpd_access_policy\nprotocol_state=DATA\n\n",
     "action=DUNNO\n\n", false},
};

static void
test_dialogue(void)
{
    for (guint protocol = 0; protocol < EXG_N_MAP_PROTOCOLS; protocol++) {
        g_autoptr(Fixture) f = fixture_new();
        g_autoptr(Client) client = client_new(f, (ExgMapProtocol)protocol);
        g_autoptr(GString) requests = g_string_new(NULL);
        g_autoptr(GString) replies = g_string_new(NULL);
        for (guint i = 0; i < G_N_ELEMENTS(dialogue); i++) {
            if (dialogue[i].protocol != (ExgMapProtocol)protocol)
                continue;
            guint asked = f->asked;
            client_send(client, dialogue[i].request);
            client_expect(client, dialogue[i].reply);
            g_assert_cmpuint(f->asked - asked, ==, dialogue[i].asks);
            g_string_append(requests, dialogue[i].request);
            g_string_append(replies, dialogue[i].reply);
        }
        /* All at once, and byte by byte. */
        client_send(client, requests->str);
        client_expect(client, replies->str);
        for (gsize i = 0; i < requests->len; i++)
            client_send(client, (char[]){requests->str[i], '\0'});
        client_expect(client, replies->str);
        g_assert_cmpuint(exg_map_server_statistics(f->server).connections, ==, 1);
        g_assert_cmpuint(exg_map_server_statistics(f->server).questions, ==, f->asked);
        g_assert_cmpstr(f->log->str, ==, "");
    }
}

static void
test_what_is_asked(void)
{
    g_autoptr(Fixture) f = fixture_new();
    g_autoptr(Client) client = client_new(f, EXG_MAP_SERVER_POLICY);
    client_send(client, POLICY("ann@x.test"));
    g_assert_cmpuint(f->last_size, ==, 7);
    g_assert_false(f->last_authenticated);
    client_send(client, "request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=a@x.test\n"
                        "sasl_username=joe\n\n");
    g_assert_cmpuint(f->last_size, ==, 0);
    g_assert_true(f->last_authenticated);
}

static void
test_statistics(void)
{
    g_autoptr(Fixture) f = fixture_new();
    g_autoptr(Client) client = client_new(f, EXG_MAP_SERVER_TCP_ACCESS);
    static const char *const names[] = {"ann", "unknown", "full", "unsure", "other", "ben"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *line = g_strdup_printf("get %s@x.test\n", names[i]);
        client_send(client, line);
    }
    ExgMapStatistics statistics = exg_map_server_statistics(f->server);
    g_assert_cmpuint(statistics.connections_total, ==, 1);
    g_assert_cmpuint(statistics.questions, ==, 6);
    g_assert_cmpuint(statistics.good, ==, 2);
    g_assert_cmpuint(statistics.unknown, ==, 1);
    g_assert_cmpuint(statistics.deferred, ==, 1);
    g_assert_cmpuint(statistics.unsure, ==, 1);
    g_assert_cmpuint(statistics.not_ours, ==, 1);
    g_assert_cmpuint(statistics.refused, ==, 0);
}

/* --- waiting ---------------------------------------------------------------------------------- */

/* What is asked meanwhile is answered in its turn. */
static void
test_later(void)
{
    g_autoptr(Fixture) f = fixture_new();
    g_autoptr(Client) slow = client_new(f, EXG_MAP_SERVER_TCP_ACCESS);
    g_autoptr(Client) quick = client_new(f, EXG_MAP_SERVER_TCP_ACCESS);
    client_send(slow, "get later-full@x.test\nget ann@x.test\nget later@x.test\n");
    client_expect(slow, "");
    g_assert_cmpuint(f->asked, ==, 1);
    client_send(quick, "get ann@x.test\n");
    client_expect(quick, "500 -\n");
    answer_next(f);
    client_expect(slow, "200 452%204.2.2%20The%20mailbox%20is%20full\n500 -\n");
    answer_next(f);
    client_expect(slow, "500 -\n");
    /* Waiting is not idling. */
    client_send(slow, "get later@x.test\n");
    exg_clock_advance((gint64)2 * IDLE_MS * 1000);
    settle(f);
    answer_next(f);
    client_expect(slow, "500 -\n");
    client_expect_end(quick, "");
}

/* A client may go, and so may the server, before the answer comes. */
static void
test_gone(void)
{
    g_autoptr(Fixture) f = fixture_new();
    g_autoptr(Client) stays = client_new(f, EXG_MAP_SERVER_TCP_ACCESS);
    Client *goes = client_new(f, EXG_MAP_SERVER_TCP_ACCESS);
    client_send(goes, "get later-1@x.test\n");
    client_send(stays, "get later-2@x.test\n");
    client_free(goes);
    settle(f);
    g_assert_cmpuint(exg_map_server_statistics(f->server).connections, ==, 1);
    answer_next(f);
    client_expect(stays, "");
    /* The other answer finds the server freed. */
}

static void
set_true(gpointer data)
{
    *(bool *)data = true;
}

/* Who waits is answered, and the rest goes at once. */
static void
test_drain(void)
{
    g_autoptr(Fixture) f = fixture_new();
    g_autoptr(Client) idle = client_new(f, EXG_MAP_SERVER_TCP_ACCESS);
    g_autoptr(Client) waits = client_new(f, EXG_MAP_SERVER_TCP_ACCESS);
    Client *gone = client_new(f, EXG_MAP_SERVER_SOCKETMAP);
    client_send(idle, "get ann@x.test\n");
    client_expect(idle, "500 -\n");
    client_send(waits, "get later-full@x.test\nget ann@x.test\n");
    client_send(gone, "19:access later@x.test,");
    client_free(gone);
    settle(f);
    bool drained = false;
    exg_map_server_drain(f->server, set_true, &drained);
    g_assert_false(drained);
    client_expect_end(idle, "");
    g_assert_false(waits->at_end);
    answer_next(f);
    client_expect_end(waits, "200 452%204.2.2%20The%20mailbox%20is%20full\n");
    g_assert_false(drained);
    answer_next(f);
    /* Until the client has closed its side, too, or a second has passed. */
    exg_clock_advance(1100 * 1000);
    settle(f);
    g_assert_true(drained);
}

static void
test_drain_nothing(void)
{
    g_autoptr(Fixture) f = fixture_new();
    bool drained = false;
    exg_map_server_drain(f->server, set_true, &drained);
    g_assert_false(drained);
    settle(f);
    g_assert_true(drained);
}

/* --- limits ----------------------------------------------------------------------------------- */

static void
test_idle(void)
{
    g_autoptr(Fixture) f = fixture_new();
    g_autoptr(Client) client = client_new(f, EXG_MAP_SERVER_TCP_ACCESS);
    client_send(client, "get ann@x.test\n");
    client_expect(client, "500 -\n");
    exg_clock_advance((gint64)(IDLE_MS - 100) * 1000);
    /* Half a request is none. */
    client_send(client, "get ");
    client_expect(client, "");
    g_assert_false(client->at_end);
    exg_clock_advance(200 * 1000);
    client_expect_end(client, "");
}

/* Who has been idle longest makes room. */
static void
test_too_many(void)
{
    g_autoptr(Fixture) f = fixture_new();
    Client *clients[MAX_CONNECTIONS + 1];
    for (guint i = 0; i < MAX_CONNECTIONS; i++) {
        clients[i] = client_new(f, EXG_MAP_SERVER_TCP_ACCESS);
        client_send(clients[i], i == 1 ? "get later@x.test\n" : "get ann@x.test\n");
        client_expect(clients[i], i == 1 ? "" : "500 -\n");
    }
    client_send(clients[0], "get ann@x.test\n");
    client_expect(clients[0], "500 -\n");
    clients[MAX_CONNECTIONS] = client_new(f, EXG_MAP_SERVER_TCP_ACCESS);
    client_send(clients[MAX_CONNECTIONS], "get ann@x.test\n");
    client_expect(clients[MAX_CONNECTIONS], "500 -\n");
    client_expect_end(clients[2], "");
    g_assert_cmpuint(exg_map_server_statistics(f->server).cut, ==, 1);
    answer_next(f);
    client_expect(clients[1], "500 -\n");
    client_send(clients[0], "get ann@x.test\n");
    client_expect(clients[0], "500 -\n");
    for (guint i = 0; i <= MAX_CONNECTIONS; i++)
        client_free(clients[i]);
}

/* If all are waiting, nobody can. */
static void
test_too_many_waiting(void)
{
    g_autoptr(Fixture) f = fixture_new();
    Client *clients[MAX_CONNECTIONS];
    for (guint i = 0; i < MAX_CONNECTIONS; i++) {
        clients[i] = client_new(f, EXG_MAP_SERVER_TCP_ACCESS);
        client_send(clients[i], "get later@x.test\n");
    }
    g_autoptr(Client) more = client_new(f, EXG_MAP_SERVER_TCP_ACCESS);
    client_expect_end(more, "");
    /* Who goes leaves his question behind, and that still counts. */
    client_free(clients[0]);
    settle(f);
    g_autoptr(Client) another = client_new(f, EXG_MAP_SERVER_TCP_RECIPIENTS);
    client_send(another, "get ann@x.test\n");
    client_expect(another, "400 Too%20many%20recipients%20are%20being%20looked%20up\n");
    g_assert_cmpuint(f->asked, ==, MAX_CONNECTIONS);
    answer_next(f);
    client_send(another, "get ann@x.test\n");
    client_expect(another, "200 DUNNO\n");
    for (guint i = 1; i < MAX_CONNECTIONS; i++)
        client_free(clients[i]);
}

static void
test_broken(void)
{
    static const struct {
        ExgMapProtocol protocol;
        const char *request, *reply, *log;
    } cases[] = {
        {EXG_MAP_SERVER_SOCKETMAP, "21:recipients ann@x.test,GET / HTTP/1.1\r\n\r\n",
         "8:OK DUNNO,51:PERM a request \"MAP KEY\" as a netstring is expected,", "socketmap"},
        {EXG_MAP_SERVER_POLICY, POLICY("ann@x.test") "EHLO x.test\r\n", "action=DUNNO\n\n",
         "policy service"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Fixture) f = fixture_new();
        g_autoptr(Client) client = client_new(f, cases[i].protocol);
        client_send(client, cases[i].request);
        client_expect_end(client, cases[i].reply);
        g_assert_cmpuint(exg_map_server_statistics(f->server).broken, ==, 1);
        g_assert_nonnull(strstr(f->log->str, cases[i].log));
        g_assert_nonnull(strstr(f->log->str, f->paths[cases[i].protocol]));
    }
    g_autoptr(Fixture) f = fixture_new();
    g_autoptr(Client) client = client_new(f, EXG_MAP_SERVER_TCP_ACCESS);
    g_autofree char *line = g_strnfill(10000, 'x');
    client_send(client, line);
    client_expect_end(client, "400 a%20line%20\"get%20KEY\"%20is%20expected\n");
    g_assert_cmpuint(exg_map_server_statistics(f->server).broken, ==, 1);
}

static void
test_set_limits(void)
{
    g_autoptr(Fixture) f = fixture_new();
    exg_map_server_set_limits(f->server, 1, 1000);
    g_autoptr(Client) first = client_new(f, EXG_MAP_SERVER_TCP_ACCESS);
    client_send(first, "get ann@x.test\n");
    client_expect(first, "500 -\n");
    g_autoptr(Client) second = client_new(f, EXG_MAP_SERVER_TCP_ACCESS);
    client_send(second, "get ann@x.test\n");
    client_expect(second, "500 -\n");
    client_expect_end(first, "");
    exg_clock_advance(1100 * 1000);
    client_expect_end(second, "");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    exg_clock_stop();
    g_test_add_func("/milter/map-server/dialogue", test_dialogue);
    g_test_add_func("/milter/map-server/what-is-asked", test_what_is_asked);
    g_test_add_func("/milter/map-server/statistics", test_statistics);
    g_test_add_func("/milter/map-server/later", test_later);
    g_test_add_func("/milter/map-server/gone", test_gone);
    g_test_add_func("/milter/map-server/drain", test_drain);
    g_test_add_func("/milter/map-server/drain-nothing", test_drain_nothing);
    g_test_add_func("/milter/map-server/idle", test_idle);
    g_test_add_func("/milter/map-server/too-many", test_too_many);
    g_test_add_func("/milter/map-server/too-many-waiting", test_too_many_waiting);
    g_test_add_func("/milter/map-server/broken", test_broken);
    g_test_add_func("/milter/map-server/set-limits", test_set_limits);
    return g_test_run();
}
