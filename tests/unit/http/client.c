/* The pool, its two faces, and the plain way of a request. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "tests/lib/http-fixture.h"

#include <string.h>

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
                       SEND(OK_ANSWER));
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

static void
test_version(void)
{
    const char *version = exg_http_library_version();
    g_assert_true(g_str_has_prefix(version, "libcurl "));
    g_assert_true(version == exg_http_library_version());
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/http/client/post", test_post);
    g_test_add_func("/http/client/keep-alive", test_keep_alive);
    g_test_add_func("/http/client/version", test_version);
    return g_test_run();
}
