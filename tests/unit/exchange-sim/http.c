#include "tests/exchange-sim/http.h"

#include <string.h>

#define POST "POST /EWS/Exchange.asmx HTTP/1.1\r\nHost: localhost\r\n"

typedef ExgSimHttpRequest Request;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Request, exg_sim_http_request_clear)

/* Feeds in steps of that size; answers how much was taken. */
static gsize
feed(Request *request, const char *text, gsize length, gsize step)
{
    gsize taken = 0;
    while (taken < length && request->state != EXG_SIM_HTTP_DONE &&
           request->state != EXG_SIM_HTTP_BAD) {
        g_autofree guint8 *piece = g_memdup2(text + taken, MIN(step, length - taken));
        taken += exg_sim_http_request_feed(request, piece, MIN(step, length - taken));
    }
    g_assert_cmpuint(request->bytes, ==, taken);
    return taken;
}

static void
test_requests(void)
{
    static const struct {
        const char *text, *body;
    } requests[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""},
        {"GET / HTTP/1.0\r\n\r\n", ""},
        {POST "Content-Length: 0\r\n\r\n", ""},
        {POST "content-length: 5\r\n\r\nhello", "hello"},
        {POST "Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello"},
        {POST
         "Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3 \r\nllo\r\n000\r\nTrailer: x\r\n\r\n",
         "hello"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        const gsize length = strlen(requests[i].text);
        for (gsize step = 1; step <= length; step++) {
            g_auto(Request) request = {0};
            g_autofree char *and_more = g_strconcat(requests[i].text, "GET /next", NULL);
            exg_sim_http_request_init(&request, 100);
            g_assert_cmpuint(feed(&request, and_more, strlen(and_more), step), ==, length);
            g_assert_cmpint(request.state, ==, EXG_SIM_HTTP_DONE);
            const gsize body_length = request.body != NULL ? request.body->len : 0;
            g_assert_cmpmem(request.body != NULL ? request.body->data : NULL, body_length,
                            requests[i].body, strlen(requests[i].body));
        }
    }
}

static void
test_head(void)
{
    static const char text[] = POST
        "X-AnchorMailbox:  a@example.com\t\r\nConnection: Keep-Alive, close\r\n"
        "Expect: 100-Continue\r\nContent-Length: 3\r\n\r\nabc";
    g_auto(Request) request = {0};
    exg_sim_http_request_init(&request, 100);
    gsize taken = exg_sim_http_request_feed(&request, (const guint8 *)text, strlen(text));
    g_assert_cmpuint(taken, ==, strlen(text) - 3); /* the head is looked at first */
    g_assert_cmpint(request.state, ==, EXG_SIM_HTTP_BODY);
    g_assert_cmpstr(request.method, ==, "POST");
    g_assert_cmpstr(request.target, ==, "/EWS/Exchange.asmx");
    g_assert_cmpstr(exg_sim_http_request_header(&request, "x-anchormailbox"), ==, "a@example.com");
    g_assert_null(exg_sim_http_request_header(&request, "X-Anchor"));
    g_assert_true(request.expects_continue);
    g_assert_false(request.keep_alive);
    g_assert_cmpuint(request.content_length, ==, 3);
}

static void
test_bad(void)
{
    static const char *const bad[] = {
        "GET /\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "G=T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        POST "No colon\r\n\r\n",
        POST "Space : x\r\n\r\n",
        POST "A: b\r\n folded\r\n\r\n",
        POST "A: b\x01\r\n\r\n",
        POST "Content-Length: x\r\n\r\n",
        POST "Content-Length: -1\r\n\r\n",
        POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
        POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        POST "Transfer-Encoding: gzip, chunked\r\n\r\n",
        POST "Transfer-Encoding: chunked\r\n\r\nx\r\n",
        POST "Transfer-Encoding: chunked\r\n\r\n\r\n",
        POST "Transfer-Encoding: chunked\r\n\r\n123456789\r\n",
        POST "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        POST "Transfer-Encoding: chunked\r\n\r\n1\n",
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        for (gsize step = 1; step <= strlen(bad[i]); step += 7) {
            g_auto(Request) request = {0};
            g_test_message("%s", bad[i]);
            exg_sim_http_request_init(&request, 100);
            feed(&request, bad[i], strlen(bad[i]), step);
            g_assert_cmpint(request.state, ==, EXG_SIM_HTTP_BAD);
            g_assert_cmpuint(request.bad_status, ==, 400);
        }
    }
}

static void
test_limits(void)
{
    g_autoptr(GString) head = g_string_new("GET / HTTP/1.1\r\nHost: a\r\nA: ");
    while (head->len <= EXG_SIM_HTTP_HEAD_MAX)
        g_string_append(head, "xxxxxxxxxxxxxxxx");
    g_auto(Request) large_head = {0};
    exg_sim_http_request_init(&large_head, 100);
    feed(&large_head, head->str, head->len, 1000);
    g_assert_cmpint(large_head.state, ==, EXG_SIM_HTTP_BAD);

    g_auto(Request) large_body = {0};
    const char *text = POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n";
    exg_sim_http_request_init(&large_body, 5);
    feed(&large_body, text, strlen(text), 10);
    g_assert_cmpint(large_body.state, ==, EXG_SIM_HTTP_BAD);
    g_assert_cmpuint(large_body.bad_status, ==, 413);

    g_auto(Request) discarded = {0};
    exg_sim_http_request_init(&discarded, 5);
    discarded.discard = true;
    g_autofree char *whole = g_strconcat(text, "0\r\n\r\n", NULL);
    feed(&discarded, whole, strlen(whole), 10);
    g_assert_cmpint(discarded.state, ==, EXG_SIM_HTTP_DONE);
    g_assert_null(discarded.body);
}

static void
test_date(void)
{
    g_autofree char *date = exg_sim_http_date(1795291445);
    g_assert_cmpstr(date, ==, "Sat, 21 Nov 2026 20:04:05 GMT");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/exchange-sim/http/requests", test_requests);
    g_test_add_func("/exchange-sim/http/head", test_head);
    g_test_add_func("/exchange-sim/http/bad", test_bad);
    g_test_add_func("/exchange-sim/http/limits", test_limits);
    g_test_add_func("/exchange-sim/http/date", test_date);
    return g_test_run();
}
