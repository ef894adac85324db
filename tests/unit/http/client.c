/* The pool, its two faces, and the plain way of a request. */
#include "common/auth/basic.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "tests/lib/http-fixture.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void
test_post(void)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    test_server_script(fixture.server, READ,
                       SEND("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-One: 1\r\n\r\nhello"));
    ExgHttpRequest *request = http_fixture_request(&fixture, "a body");
    exg_http_request_add_header(request, "Content-Type", "text/xml; charset=utf-8");
    exg_http_request_add_header(request, "X-Empty", "");
    g_autoptr(HttpCall) call = http_call(&fixture, request);
    http_assert_status(call, 200);
    http_assert_body(call, "hello");
    g_assert_cmpstr(exg_http_response_header(call->response, "x-one"), ==, "1");
    g_assert_null(exg_http_response_header(call->response, "x-two"));
    g_assert_true(exg_http_request_body_sent(call->request));

    g_autofree char *head = test_server_head(fixture.server, 0);
    g_autofree char *body = test_server_body(fixture.server, 0);
    g_assert_cmpstr(body, ==, "a body");
    g_assert_true(g_str_has_prefix(head, "POST / HTTP/1.1\r\n"));
    const char *wanted[][2] = {{"Content-Type", "text/xml; charset=utf-8"},
                               {"Content-Length", "6"},
                               {"User-Agent", "exgate-test/1"},
                               {"X-Empty", ""},
                               {"Expect", NULL},
                               {"Authorization", NULL},
                               {"Transfer-Encoding", NULL}};
    for (gsize i = 0; i < G_N_ELEMENTS(wanted); i++) {
        g_autofree char *value = test_head_value(head, wanted[i][0]);
        g_assert_cmpstr(value, ==, wanted[i][1]);
    }
    g_autofree char *codings = test_head_value(head, "Accept-Encoding");
    g_assert_nonnull(strstr(codings, "gzip"));
    http_fixture_clear(&fixture);
}

static void
test_keep_alive(void)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    test_server_script(fixture.server, READ, SEND(OK_ANSWER), READ, SEND(OK_ANSWER), READ,
                       SEND(OK_ANSWER), HOLD);
    for (int i = 0; i < 3; i++) {
        g_autoptr(HttpCall) call = http_call(&fixture, http_fixture_request(&fixture, "x"));
        http_assert_status(call, 200);
    }
    ExgHttpClientStatistics statistics = http_fixture_statistics(&fixture);
    g_assert_cmpuint(statistics.connections, ==, 1);
    g_assert_cmpuint(statistics.requests, ==, 3);
    g_assert_cmpuint(statistics.sessions, ==, 1);
    g_assert_cmpuint(statistics.idle, ==, 1);
    g_assert_cmpuint(test_server_connections(fixture.server), ==, 1);
    http_fixture_clear(&fixture);
}

/* --- the pool --------------------------------------------------------------------------------- */

static HttpCall *
start(HttpFixture *fixture, const char *body)
{
    return http_call_start(fixture, http_fixture_request(fixture, body),
                           exg_clock_deadline_ms(20000), NULL);
}

/* Three at once need three connections; after that, one at a time, the one used last is used again. */
static void
test_last_used_first(void)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    test_server_script(fixture.server, READ, HOLD, SEND(OK_ANSWER), READ, SEND(OK_ANSWER), READ,
                       SEND(OK_ANSWER), READ, SEND(OK_ANSWER), READ);
    test_server_repeat(fixture.server);
    HttpCall *calls[3];
    for (int i = 0; i < 3; i++)
        calls[i] = start(&fixture, "crowd");
    http_fixture_until(&fixture, test_server_holding(fixture.server) == 3);
    ExgHttpClientStatistics statistics = http_fixture_statistics(&fixture);
    g_assert_cmpuint(statistics.sessions, ==, 3);
    g_assert_cmpuint(statistics.idle, ==, 0);
    for (int i = 0; i < 3; i++)
        test_server_release(fixture.server);
    for (int i = 0; i < 3; i++) {
        http_call_wait(calls[i]);
        http_assert_status(calls[i], 200);
        http_call_free(calls[i]);
    }
    g_assert_cmpuint(http_fixture_statistics(&fixture).idle, ==, 3);
    /* The other two pass their minute of idleness, this one never does. */
    for (int i = 0; i < 3; i++) {
        exg_clock_advance(25 * G_USEC_PER_SEC);
        g_autoptr(HttpCall) call = start(&fixture, "alone");
        http_call_wait(call);
        http_assert_status(call, 200);
    }
    http_fixture_until(&fixture, http_fixture_statistics(&fixture).sessions == 1);
    g_assert_cmpuint(http_fixture_statistics(&fixture).connections, ==, 3);
    exg_clock_advance(61 * G_USEC_PER_SEC);
    http_fixture_until(&fixture, http_fixture_statistics(&fixture).sessions == 0);
    http_fixture_clear(&fixture);
}

static void
test_first_come_first_served(void)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    fixture.options.max_sessions = 1;
    test_server_script(fixture.server, READ, HOLD, SEND(OK_ANSWER), READ, SEND(OK_ANSWER), READ,
                       SEND(OK_ANSWER), READ, SEND(OK_ANSWER), HOLD);
    static const char *const bodies[] = {"first", "second", "third", "fourth"};
    HttpCall *calls[4];
    for (int i = 0; i < 4; i++)
        calls[i] = start(&fixture, bodies[i]);
    http_fixture_until(&fixture, test_server_holding(fixture.server) == 1);
    ExgHttpClientStatistics statistics = http_fixture_statistics(&fixture);
    g_assert_cmpuint(statistics.sessions, ==, 1);
    g_assert_cmpuint(statistics.waiting, ==, 3);
    test_server_release(fixture.server);
    for (guint i = 0; i < 4; i++) {
        http_call_wait(calls[i]);
        http_assert_status(calls[i], 200);
        http_call_free(calls[i]);
        g_autofree char *body = test_server_body(fixture.server, i);
        g_assert_cmpstr(body, ==, bodies[i]);
    }
    g_assert_cmpuint(test_server_connections(fixture.server), ==, 1);
    http_fixture_clear(&fixture);
}

/* A lost connection makes room for those who wait. */
static void
test_room_after_loss(void)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    fixture.options.max_sessions = 1;
    test_server_script(fixture.server, READ, HOLD, RESET);
    test_server_script(fixture.server, READ, SEND(OK_ANSWER));
    g_autoptr(HttpCall) first = start(&fixture, "first");
    g_autoptr(HttpCall) second = start(&fixture, "second");
    http_fixture_until(&fixture, test_server_holding(fixture.server) == 1);
    test_server_release(fixture.server);
    http_call_wait(first);
    http_call_wait(second);
    http_assert_failed(first, EXG_ERROR_UNREACHABLE, "answer");
    http_assert_status(second, 200);
    http_fixture_clear(&fixture);
}

static void
test_waiting_ends(void)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    fixture.options.max_sessions = 1;
    test_server_script(fixture.server, READ, HOLD, SEND(OK_ANSWER), HOLD);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(HttpCall) first = start(&fixture, "first");
    g_autoptr(HttpCall) late = http_call_start(&fixture, http_fixture_request(&fixture, "late"),
                                               exg_clock_deadline_ms(5000), NULL);
    g_autoptr(HttpCall)
        unwanted = http_call_start(&fixture, http_fixture_request(&fixture, "unwanted"),
                                   exg_clock_deadline_ms(20000), cancellable);
    http_fixture_until(&fixture, test_server_holding(fixture.server) == 1);
    g_cancellable_cancel(cancellable);
    http_call_wait(unwanted);
    g_assert_error(unwanted->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    exg_clock_advance(6 * G_USEC_PER_SEC);
    http_call_wait(late);
    http_assert_failed(late, EXG_ERROR_UNREACHABLE, "wait");
    g_assert_false(exg_http_request_body_sent(late->request));
    g_assert_false(first->done);
    test_server_release(fixture.server);
    http_call_wait(first);
    http_assert_status(first, 200);
    g_assert_cmpuint(test_server_requests(fixture.server), ==, 1);
    http_fixture_clear(&fixture);
}

/* Many requests that fail at once, each making room for the next: no recursion. */
static void
test_many_fail_at_once(void)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    fixture.options.max_sessions = 1;
    test_server_script(fixture.server, READ, HOLD, CLOSE);
    g_autoptr(HttpCall) first = start(&fixture, "first");
    static HttpCall *calls[20000];
    for (gsize i = 0; i < G_N_ELEMENTS(calls); i++)
        calls[i] = http_call_start(&fixture, exg_http_request_new("GET", "nonsense", NULL, 10),
                                   exg_clock_deadline_ms(20000), NULL);
    http_fixture_until(&fixture, test_server_holding(fixture.server) == 1);
    test_server_release(fixture.server);
    http_call_wait(first);
    for (gsize i = 0; i < G_N_ELEMENTS(calls); i++) {
        http_call_wait(calls[i]);
        g_assert_error(calls[i]->error, EXG_ERROR, EXG_ERROR_CONFIG);
        http_call_free(calls[i]);
    }
    http_fixture_clear(&fixture);
}

/* Another host or port means another connection. */
static void
test_other_origin(void)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    g_autoptr(TestServer) other = test_server_new(NULL);
    test_server_script(fixture.server, READ, SEND(OK_ANSWER), HOLD);
    test_server_script(other, READ, SEND(OK_ANSWER), HOLD);
    g_autoptr(HttpCall) one = http_call(&fixture, http_fixture_request(&fixture, "x"));
    http_assert_status(one, 200);
    g_autoptr(HttpCall) two = http_call(
        &fixture, exg_http_request_new("GET", test_server_url(other, NULL, "/"), NULL, 10));
    http_assert_status(two, 200);
    g_assert_cmpuint(test_server_requests(other), ==, 1);
    g_assert_cmpuint(test_server_requests(fixture.server), ==, 1);
    g_clear_pointer(&fixture.client, exg_http_client_unref);
    g_clear_pointer(&other, test_server_free);
    http_fixture_clear(&fixture);
}

/* Out of descriptors is this host's trouble, not the server's. */
static void
test_no_descriptors(void)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    struct rlimit limit, none;
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &limit), ==, 0);
    g_autoptr(HttpCall) call = start(&fixture, "x");
    int next = dup(STDERR_FILENO);
    close(next);
    none = (struct rlimit){(rlim_t)next, limit.rlim_max};
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
    while (!call->done)
        (void)exg_engine_iterate(fixture.engine, true);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
    http_assert_failed(call, EXG_ERROR_RESOURCES, "connect");
    http_fixture_clear(&fixture);
}

/* --- the blocking face -------------------------------------------------------------------------- */

#define CALLERS          8
#define CALLS_PER_CALLER 25

typedef struct {
    HttpFixture *fixture;
    guint number;
} Caller;

static void
echo(TestPeer *peer, gpointer data)
{
    char *body;
    while (test_peer_read(peer, NULL, &body)) {
        g_autofree char *answer = g_strdup_printf(
            "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
        g_free(body);
        if (!test_peer_send(peer, answer, strlen(answer)))
            return;
    }
}

static gpointer
call_in_thread(gpointer data)
{
    Caller *caller = data;
    for (guint i = 0; i < CALLS_PER_CALLER; i++) {
        g_autofree char *text = g_strdup_printf("caller %u, call %u", caller->number, i);
        g_autoptr(GBytes) bytes = g_bytes_new(text, strlen(text));
        g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/",
                                               test_server_port(caller->fixture->server));
        g_autoptr(ExgHttpRequest)
            request = exg_http_request_new("POST", url, exg_http_body_new_bytes(bytes), 1000);
        g_autoptr(GError) error = NULL;
        g_autoptr(ExgHttpResponse) response = exg_http_client_send(
            caller->fixture->client, request, exg_clock_deadline_ms(60000), NULL, &error);
        g_assert_no_error(error);
        GBytes *body = exg_http_response_body(response);
        g_assert_cmpmem(g_bytes_get_data(body, NULL), g_bytes_get_size(body), text, strlen(text));
    }
    return NULL;
}

static void
test_blocking(void)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    fixture.options.max_sessions = 3;
    fixture.client = exg_http_client_new(fixture.engine, &fixture.options);
    test_server_script(fixture.server, CALL(echo, NULL));
    test_server_repeat(fixture.server);
    exg_engine_start(fixture.engine);
    Caller callers[CALLERS];
    GThread *threads[CALLERS];
    for (guint i = 0; i < CALLERS; i++) {
        callers[i] = (Caller){&fixture, i};
        threads[i] = g_thread_new("caller", call_in_thread, &callers[i]);
    }
    for (guint i = 0; i < CALLERS; i++)
        g_thread_join(threads[i]);
    exg_engine_stop(fixture.engine);
    g_assert_cmpuint(test_server_requests(fixture.server), ==, CALLERS * CALLS_PER_CALLER);
    g_assert_cmpuint(test_server_connections(fixture.server), <=, 3);
    http_fixture_clear(&fixture);
}

static gpointer
cancel_when_read(gpointer data)
{
    HttpFixture *fixture = ((gpointer *)data)[0];
    g_assert_true(test_server_wait_holding(fixture->server, 1));
    g_cancellable_cancel(((gpointer *)data)[1]);
    return NULL;
}

static void
test_blocking_cancelled(void)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    fixture.client = exg_http_client_new(fixture.engine, &fixture.options);
    test_server_script(fixture.server, READ, HOLD);
    exg_engine_start(fixture.engine);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    gpointer pair[] = {&fixture, cancellable};
    GThread *canceller = g_thread_new("canceller", cancel_when_read, pair);
    g_autoptr(ExgHttpRequest) request = http_fixture_request(&fixture, "x");
    g_autoptr(GError) error = NULL;
    g_assert_null(exg_http_client_send(fixture.client, request, exg_clock_deadline_ms(20000),
                                       cancellable, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_thread_join(canceller);
    exg_engine_stop(fixture.engine);
    http_fixture_clear(&fixture);
}

static void
test_version(void)
{
    const char *version = exg_http_library_version();
    g_assert_true(g_str_has_prefix(version, "libcurl "));
    g_assert_true(version == exg_http_library_version());
}

/* --- the pool changes ------------------------------------------------------------------------- */

static const TestStep three_answers[] = {READ, SEND(OK_ANSWER), READ, SEND(OK_ANSWER),
                                         READ, SEND(OK_ANSWER), READ, {.action = TEST_END}};
static const TestStep held_answers[] = {
    READ, HOLD, SEND(OK_ANSWER), READ, SEND(OK_ANSWER), READ, {.action = TEST_END}};

static void
one_after_the_other(HttpFixture *fixture, guint count)
{
    for (guint i = 0; i < count; i++) {
        g_autoptr(HttpCall) call = http_call(fixture, http_fixture_request(fixture, "x"));
        http_assert_status(call, 200);
    }
}

/* Starts calls until each has a connection of its own; they are answered with finish_crowd(). */
static void
start_crowd(HttpFixture *fixture, HttpCall **calls, guint count)
{
    for (guint i = 0; i < count; i++)
        calls[i] = start(fixture, "crowd");
    http_fixture_until(fixture, test_server_holding(fixture->server) == count);
}

static void
finish_crowd(HttpFixture *fixture, HttpCall **calls, guint count)
{
    for (guint i = 0; i < count; i++)
        test_server_release(fixture->server);
    for (guint i = 0; i < count; i++) {
        http_call_wait(calls[i]);
        http_assert_status(calls[i], 200);
        http_call_free(calls[i]);
    }
}

static void
test_connection_counts(void)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    fixture.options.max_sessions = 3;
    test_server_add(fixture.server, held_answers);
    test_server_repeat(fixture.server);
    fixture.client = exg_http_client_new(fixture.engine, &fixture.options);
    g_assert_cmpuint(http_fixture_statistics(&fixture).sessions, ==, 0);
    HttpCall *calls[3];
    start_crowd(&fixture, calls, 1);
    g_assert_cmpuint(test_server_connections(fixture.server), ==, 1);
    finish_crowd(&fixture, calls, 1);
    one_after_the_other(&fixture, 1);
    g_assert_cmpuint(test_server_connections(fixture.server), ==, 1);
    exg_http_client_close_idle(fixture.client);
    g_assert_cmpuint(http_fixture_statistics(&fixture).sessions, ==, 0);
    g_assert_true(test_server_wait_ended(fixture.server, 1));
    start_crowd(&fixture, calls, 3);
    g_assert_cmpuint(test_server_connections(fixture.server), ==, 4);
    finish_crowd(&fixture, calls, 3);
    g_assert_cmpuint(http_fixture_statistics(&fixture).idle, ==, 3);
    exg_http_client_close_idle(fixture.client);
    g_assert_cmpuint(http_fixture_statistics(&fixture).sessions, ==, 0);
    g_assert_true(test_server_wait_ended(fixture.server, 4));
    http_fixture_clear(&fixture);
}

static void
test_usage_limit(void)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    fixture.options.max_uses = 2;
    test_server_add(fixture.server, three_answers);
    test_server_repeat(fixture.server);
    one_after_the_other(&fixture, 5);
    g_assert_cmpuint(http_fixture_statistics(&fixture).connections, ==, 3);
    g_assert_cmpuint(http_fixture_statistics(&fixture).idle, ==, 1);
    http_fixture_clear(&fixture);
}

static void
test_shrink_and_grow(void)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    fixture.options.max_sessions = 3;
    test_server_add(fixture.server, held_answers);
    test_server_repeat(fixture.server);
    HttpCall *calls[3];
    start_crowd(&fixture, calls, 3);
    /* none is idle: they go as they come back, and nothing is locked meanwhile */
    exg_http_client_set_max_sessions(fixture.client, 1);
    g_assert_cmpuint(http_fixture_statistics(&fixture).sessions, ==, 3);
    finish_crowd(&fixture, calls, 3);
    g_assert_cmpuint(http_fixture_statistics(&fixture).sessions, ==, 1);
    g_autoptr(HttpCall) alone = start(&fixture, "alone");
    g_autoptr(HttpCall) waiting = start(&fixture, "waiting");
    g_assert_cmpuint(http_fixture_statistics(&fixture).waiting, ==, 1);
    exg_http_client_set_max_sessions(fixture.client, 2);
    g_assert_cmpuint(http_fixture_statistics(&fixture).waiting, ==, 0);
    http_call_wait(alone);
    http_fixture_until(&fixture, test_server_holding(fixture.server) == 1);
    test_server_release(fixture.server);
    http_call_wait(waiting);
    http_assert_status(waiting, 200);
    /* idle ones go at once, the one used longest ago first */
    g_assert_cmpuint(http_fixture_statistics(&fixture).idle, ==, 2);
    exg_http_client_set_max_sessions(fixture.client, 1);
    g_assert_cmpuint(http_fixture_statistics(&fixture).idle, ==, 1);
    http_fixture_clear(&fixture);
}

static void
assert_authorization(HttpFixture *fixture, guint index, const char *expected)
{
    g_autofree char *head = test_server_head(fixture->server, index);
    g_autofree char *value = test_head_value(head, "Authorization");
    g_assert_cmpstr(value, ==, expected);
}

static void
test_credentials(void)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    g_autoptr(ExgSecret) one = exg_secret_new("one", -1), two = exg_secret_new("two", -1);
    g_autoptr(ExgHttpAuthenticator) old = exg_auth_basic_new("u", one);
    g_autoptr(ExgHttpAuthenticator) new = exg_auth_basic_new("u", two);
    fixture.options.authenticator = old;
    test_server_add(fixture.server, held_answers);
    test_server_repeat(fixture.server);
    HttpCall *calls[2];
    start_crowd(&fixture, calls, 2);
    test_server_release(fixture.server);
    http_fixture_until(&fixture, calls[0]->done || calls[1]->done);
    g_assert_cmpuint(http_fixture_statistics(&fixture).idle, ==, 1);
    /* one is idle, one under way: neither is used again */
    exg_http_client_set_authenticator(fixture.client, new);
    g_assert_cmpuint(http_fixture_statistics(&fixture).sessions, ==, 1);
    finish_crowd(&fixture, calls, 1);
    http_call_wait(calls[1]);
    http_call_free(calls[1]);
    g_assert_cmpuint(http_fixture_statistics(&fixture).sessions, ==, 0);
    start_crowd(&fixture, calls, 1);
    finish_crowd(&fixture, calls, 1);
    assert_authorization(&fixture, 0, "Basic dTpvbmU=");
    assert_authorization(&fixture, 2, "Basic dTp0d28=");
    g_assert_cmpuint(http_fixture_statistics(&fixture).connections, ==, 3);
    http_fixture_clear(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/http/client/post", test_post);
    g_test_add_func("/http/client/A3.3,A8.3-keep-alive", test_keep_alive);
    g_test_add_func("/http/client/version", test_version);
    g_test_add_func("/http/client/A3.2,A3.4-last-used-first", test_last_used_first);
    g_test_add_func("/http/client/A3.1-first-come-first-served", test_first_come_first_served);
    g_test_add_func("/http/client/A3.10,F1-room-after-loss", test_room_after_loss);
    g_test_add_func("/http/client/A3.5,F1,F27-waiting-ends", test_waiting_ends);
    g_test_add_func("/http/client/A3.19,A3.11,A3.18-connection-counts", test_connection_counts);
    g_test_add_func("/http/client/A3.8,A3.9-usage-limit", test_usage_limit);
    g_test_add_func("/http/client/A3.1,A3.6,A3.7,F1-shrink-and-grow", test_shrink_and_grow);
    g_test_add_func("/http/client/A3.12,A1.8-credentials", test_credentials);
    g_test_add_func("/http/client/many-fail-at-once", test_many_fail_at_once);
    g_test_add_func("/http/client/other-origin", test_other_origin);
    g_test_add_func("/http/client/no-descriptors", test_no_descriptors);
    g_test_add_func("/http/client/blocking", test_blocking);
    g_test_add_func("/http/client/blocking-cancelled", test_blocking_cancelled);
    return g_test_run();
}
