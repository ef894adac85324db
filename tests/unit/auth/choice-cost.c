/* Which scheme is taken, and what it costs to find out. */
#include "common/auth/choice.h"
#include "common/auth/basic.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/ews/retry.h"
#include "tests/lib/http-fixture.h"

#include <string.h>

#define CALLERS  8
#define SESSIONS 2

static const ExgAuthCandidate one = {.name = "one", .offered = "One"};
static const ExgAuthCandidate basic = {.name = "basic", .offered = "Basic"};
static const ExgAuthCandidate tls_basic = {.name = "basic", .offered = "Basic", .needs_tls = true};

static HttpFixture fixture;
static ExgHttpAuthenticator *choice;

static void
setup(const ExgAuthCandidate *candidate, const TestIdentity *identity)
{
    g_autoptr(ExgSecret) secret = exg_secret_new("secret", -1);
    http_fixture_init(&fixture, identity);
    choice = exg_auth_choice_new();
    exg_auth_choice_add(choice, &one, NULL, "there is no One");
    exg_auth_choice_add(choice, candidate, exg_auth_basic_new("svc", secret), NULL);
    fixture.options.authenticator = choice;
}

static void
teardown(void)
{
    http_fixture_clear(&fixture);
    exg_http_authenticator_unref(choice);
}

static ExgHttpRequest *
request(void)
{
    ExgHttpRequest *request = http_fixture_request(&fixture, "body");
    exg_http_request_set_once(request);
    return request;
}

/* Asks for Basic, or for One, until it has it. */
static void
serve(TestPeer *peer, gpointer data)
{
    char *head;
    while (test_peer_read(peer, &head, NULL)) {
        g_autofree char *value = test_head_value(head, "Authorization");
        static const char refusal[] =
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nWWW-Authenticate: One, "
            "Basic realm=\"x\"\r\n\r\n";
        const char *answer = value != NULL ? OK_ANSWER : refusal;
        g_free(head);
        if (!test_peer_send(peer, answer, strlen(answer)))
            return;
    }
}

/* The scheme is found out with a request that does nothing, as it has no body; the true one follows
 * once. Nobody asks twice on a connection, however many callers there are. */
static void
test_found_out(void)
{
    setup(&basic, NULL);
    fixture.options.max_sessions = SESSIONS;
    test_server_script(fixture.server, CALL(serve, NULL));
    test_server_repeat(fixture.server);
    HttpCall *calls[CALLERS];
    for (guint i = 0; i < CALLERS; i++)
        calls[i] = http_call_start(&fixture, request(), exg_clock_deadline_ms(60000), NULL);
    for (guint i = 0; i < CALLERS; i++) {
        http_call_wait(calls[i]);
        http_assert_status(calls[i], 200);
        http_call_free(calls[i]);
    }
    guint connections = test_server_connections(fixture.server), empty = 0;
    guint requests = test_server_requests(fixture.server);
    for (guint i = 0; i < requests; i++) {
        g_autofree char *head = test_server_head(fixture.server, i);
        g_autofree char *body = test_server_body(fixture.server, i);
        g_autofree char *value = test_head_value(head, "Authorization");
        g_assert_true(g_str_has_prefix(head, "POST "));
        g_assert_true((body[0] == '\0') == (value == NULL));
        empty += body[0] == '\0';
    }
    g_assert_cmpuint(connections, <=, SESSIONS);
    g_assert_cmpuint(empty, ==, connections);
    g_assert_cmpuint(requests, ==, connections + CALLERS);
    g_autofree char *description = exg_auth_choice_describe(choice);
    g_assert_cmpstr(description, ==, "offered: One, Basic\none: there is no One\nbasic: chosen");
    teardown();
}

/* What is no endpoint is asked once, and gets neither body nor password. */
static void
test_no_endpoint(void)
{
    static const char *const answers[] = {
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /owa\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    };
    for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
        setup(&basic, NULL);
        test_server_script(fixture.server, READ, SEND(answers[i]));
        test_server_repeat(fixture.server);
        g_autoptr(HttpCall) call = http_call(&fixture, request());
        http_assert_failed(call, EXG_ERROR_CONFIG, "auth");
        g_assert_cmpint(exg_ews_remedy_of(call->error, false), ==, EXG_EWS_GIVE_UP);
        g_assert_cmpuint(test_server_requests(fixture.server), ==, 1);
        g_assert_cmpuint(test_server_body_bytes(fixture.server), ==, 0);
        teardown();
    }
}

/* A certificate that is not trusted is final; a connection that is lost is worth another try. */
static void
test_transport(void)
{
    TestIdentity *stranger = test_identity_new_authority("Somebody else");
    TestIdentity *identity = test_identity_new_server(stranger, "127.0.0.1", -3600, 3600);
    setup(&basic, identity);
    test_server_script(fixture.server, CALL(serve, NULL));
    test_server_repeat(fixture.server);
    g_autoptr(HttpCall) distrusted = http_call(&fixture, request());
    http_assert_failed(distrusted, EXG_ERROR_CONFIG, "tls");
    g_assert_cmpint(exg_ews_remedy_of(distrusted->error, false), ==, EXG_EWS_GIVE_UP);
    g_assert_cmpuint(test_server_requests(fixture.server), ==, 0);
    teardown();

    setup(&basic, NULL);
    test_server_script(fixture.server, READ, CLOSE);
    test_server_repeat(fixture.server);
    g_autoptr(HttpCall) lost = http_call(&fixture, request());
    g_assert_error(lost->error, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    g_assert_cmpint(exg_ews_remedy_of(lost->error, false), ==, EXG_EWS_TRY_ELSEWHERE);
    g_assert_false(exg_http_request_body_sent(lost->request));
    teardown();
    test_identity_free(identity);
    test_identity_free(stranger);
}

/* Basic gives the password away: not without TLS. */
static void
test_needs_tls(void)
{
    setup(&tls_basic, NULL);
    test_server_script(fixture.server, CALL(serve, NULL));
    test_server_repeat(fixture.server);
    g_autoptr(HttpCall) call = http_call(&fixture, request());
    http_assert_failed(call, EXG_ERROR_CONFIG, "auth");
    g_assert_nonnull(strstr(call->error->message, "basic: not without TLS"));
    g_assert_cmpuint(test_server_requests(fixture.server), ==, 1);
    g_autofree char *head = test_server_head(fixture.server, 0);
    g_autofree char *value = test_head_value(head, "Authorization");
    g_assert_null(value);
    teardown();
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/auth/choice-cost/A6.1,A6.2,B9.6-found-out", test_found_out);
    g_test_add_func("/auth/choice-cost/A6.3-no-endpoint", test_no_endpoint);
    g_test_add_func("/auth/choice-cost/A6.4-transport", test_transport);
    g_test_add_func("/auth/choice-cost/A6.7-needs-tls", test_needs_tls);
    return g_test_run();
}
