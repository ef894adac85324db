/* Answers of every kind: whole, coded, cut, endless, malformed. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "tests/lib/http-fixture.h"

#include <gio/gio.h>
#include <string.h>

static HttpFixture fixture;

static ExgHttpRequest *
get(gsize response_max)
{
    return exg_http_request_new("GET", test_server_url(fixture.server, NULL, "/path?query"), NULL,
                                response_max);
}

static ExgHttpRequest *
post_once(gsize response_max)
{
    g_autoptr(GBytes) bytes = g_bytes_new_static("body", 4);
    ExgHttpRequest *request = exg_http_request_new("POST",
                                                   test_server_url(fixture.server, NULL, "/"),
                                                   exg_http_body_new_bytes(bytes), response_max);
    exg_http_request_set_once(request);
    return request;
}

/* The server answers `answer`, closes, and the client gets `status` with `body`. */
static void
check_answer(const char *answer, int status, const char *body)
{
    http_fixture_init(&fixture, NULL);
    test_server_script(fixture.server, READ, SEND(answer));
    g_autoptr(HttpCall) call = http_call(&fixture, get(1000));
    http_assert_status(call, status);
    http_assert_body(call, body);
    http_fixture_clear(&fixture);
}

static void
test_answers(void)
{
    check_answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok");
    check_answer("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, "ok");
    check_answer("HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end");
    check_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
                 "chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nX-T: t\r\n\r\n",
                 200, "abcdefg");
    check_answer("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
    check_answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, "");
    check_answer("HTTP/1.1 500 Fault\r\nContent-Length: 5\r\n\r\nfault", 500, "fault");
    check_answer("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nwho?", 401,
                 "who?");
    check_answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200,
                 "ok");
    check_answer("HTTP/1.1 102 Processing\r\nX-A: 1\r\n\r\nHTTP/1.1 103 Early\r\n\r\n"
                 "HTTP/1.1 201 Made\r\nContent-Length: 2\r\n\r\nok",
                 201, "ok");
}

/* Handed to the caller, not followed; no cookie and no credential goes elsewhere. */
static void
test_redirect(void)
{
    http_fixture_init(&fixture, NULL);
    test_server_script(fixture.server, READ,
                       SEND("HTTP/1.1 302 Found\r\nLocation: "
                            "/ews/genericerrorpage.htm\r\nContent-Length: 0\r\n\r\n"),
                       HOLD);
    g_autoptr(HttpCall) call = http_call(&fixture, get(1000));
    http_assert_status(call, 302);
    g_assert_cmpstr(exg_http_response_header(call->response, "location"), ==,
                    "/ews/genericerrorpage.htm");
    g_assert_cmpuint(test_server_requests(fixture.server), ==, 1);
    g_autofree char *head = test_server_head(fixture.server, 0);
    g_assert_true(g_str_has_prefix(head, "GET /path?query HTTP/1.1\r\n"));
    http_fixture_clear(&fixture);
}

static void
test_interim_headers_forgotten(void)
{
    http_fixture_init(&fixture, NULL);
    test_server_script(
        fixture.server, READ,
        SEND("HTTP/1.1 103 Early\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-Late: 2\r\n"
             "Content-Length: 0\r\n\r\n"));
    g_autoptr(HttpCall) call = http_call(&fixture, get(1000));
    http_assert_status(call, 200);
    g_assert_null(exg_http_response_header(call->response, "X-Early"));
    g_assert_cmpstr(exg_http_response_header(call->response, "X-Late"), ==, "2");
    http_fixture_clear(&fixture);
}

/* --- cut at every byte, byte by byte ------------------------------------------------------------ */

static const char whole[] =
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-H: v\r\n\r\n"
    "5\r\nhello\r\n0\r\n\r\n";
static const char sized[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/* One cut answer never counts as an answer: AMBIGUOUS for a `once` request, an error for the others. */
static void
check_cuts(const char *answer, gsize length)
{
    for (gsize cut = 0; cut < length; cut++)
        for (int once = 0; once < 2; once++) {
            g_autofree char *part = g_strndup(answer, cut);
            http_fixture_init(&fixture, NULL);
            test_server_script(fixture.server, READ, SEND(part), CLOSE);
            g_autoptr(HttpCall) call = http_call(&fixture, once ? post_once(1000) : get(1000));
            if (once)
                http_assert_failed(call, EXG_ERROR_AMBIGUOUS, "answer");
            else if (!g_error_matches(call->error, EXG_ERROR, EXG_ERROR_UNREACHABLE) &&
                     !g_error_matches(call->error, EXG_ERROR, EXG_ERROR_PROTOCOL))
                g_error("cut at %zu: %s", cut,
                        call->error != NULL ? call->error->message : "an answer");
            g_assert_cmpuint(test_server_requests(fixture.server), ==, 1);
            http_fixture_clear(&fixture);
        }
}

static void
test_cut(void)
{
    check_cuts(whole,
               strlen(whole) - 1); /* the very last line feed may be missing: all is said by then */
    check_cuts(sized, strlen(sized));
}

static void
send_byte_by_byte(TestPeer *peer, gpointer data)
{
    for (const char *at = data; *at != '\0'; at++) {
        if (!test_peer_send(peer, at, 1))
            return;
        g_usleep(200); /* so that most bytes come alone */
    }
}

static void
test_byte_by_byte(void)
{
    http_fixture_init(&fixture, NULL);
    test_server_script(fixture.server, READ, CALL(send_byte_by_byte, (gpointer)whole), READ,
                       CALL(send_byte_by_byte, (gpointer)sized));
    for (int i = 0; i < 2; i++) {
        g_autoptr(HttpCall) call = http_call(&fixture, post_once(5));
        http_assert_status(call, 200);
        http_assert_body(call, "hello");
    }
    g_assert_cmpuint(test_server_connections(fixture.server), ==, 1);
    http_fixture_clear(&fixture);
}

/* --- limits ----------------------------------------------------------------------------------- */

/* The steps after READ; the error is PROTOCOL, or AMBIGUOUS for a `once` request. */
static void
check_refused(const TestStep *steps, gsize response_max, const char *text)
{
    for (int once = 0; once < 2; once++) {
        http_fixture_init(&fixture, NULL);
        test_server_add(fixture.server, steps);
        g_autoptr(HttpCall)
            call = http_call(&fixture, once ? post_once(response_max) : get(response_max));
        g_autofree char *answer = g_strescape(steps[1].text != NULL ? steps[1].text : "", NULL);
        g_test_message("%s: %s", answer, call->error != NULL ? call->error->message : "an answer");
        http_assert_failed(call, once ? EXG_ERROR_AMBIGUOUS : EXG_ERROR_PROTOCOL, "answer");
        if (strstr(call->error->message, text) == NULL)
            g_error("'%s' instead of '%s'", call->error->message, text);
        g_assert_cmpuint(http_fixture_statistics(&fixture).sessions, ==, 0);
        g_assert_cmpuint(test_server_requests(fixture.server), ==, 1);
        http_fixture_clear(&fixture);
    }
}
#define REFUSED(max, text, ...)                                                                    \
    check_refused((const TestStep[]){READ, __VA_ARGS__, {.action = TEST_END}}, (max), (text))

static void
test_large_header(void)
{
    const char *filler =
        "X-Filler: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n";
    REFUSED(1000, "header of more than", SEND("HTTP/1.1 200 OK\r\n"), SEND_MANY(filler, 1000));
    REFUSED(1000, "header of more than", SEND_MANY("HTTP/1.1 100 Continue\r\n\r\n", 10000));
    /* trailers, too */
    REFUSED(1000, "header of more than",
            SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"),
            SEND_MANY(filler, 1000));
}

static void
test_endless_line(void)
{
    REFUSED(1000, "header", SEND("HTTP/1.1 200 OK\r\nX: "), SEND_MANY("0123456789abcdef", 20000));
    REFUSED(1000, "header", SEND("HTTP/1.1 200 "), SEND_MANY("0123456789abcdef", 20000));
}

static void
test_large_body(void)
{
    REFUSED(100, "larger than 100 bytes", SEND("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n"),
            SEND_MANY("0123456789", 10), SEND("x"));
    REFUSED(100, "larger than 100 bytes",
            SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            SEND_MANY("a\r\n0123456789\r\n", 11), SEND("0\r\n\r\n"));
    REFUSED(100, "larger than 100 bytes", SEND("HTTP/1.1 200 OK\r\n\r\n"),
            SEND_MANY("0123456789", 1000));
    /* said in advance: ended before it is read */
    REFUSED(100000, "larger than 100000 bytes",
            SEND("HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n"),
            SEND_MANY("0123456789abcdef", 6553600));
    REFUSED(100000, "larger than 100000 bytes", SEND("HTTP/1.1 200 OK\r\n\r\n"),
            SEND_MANY("0123456789abcdef", 6553600));
    REFUSED(0, "larger than 0 bytes", SEND("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"));
}

static void
test_exact_body(void)
{
    http_fixture_init(&fixture, NULL);
    test_server_script(fixture.server, READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"),
                       SEND_MANY("0123456789", 10));
    g_autoptr(HttpCall) call = http_call(&fixture, get(100));
    http_assert_status(call, 200);
    g_assert_cmpuint(g_bytes_get_size(exg_http_response_body(call->response)), ==, 100);
    http_fixture_clear(&fixture);
}

static void
test_not_http(void)
{
    REFUSED(1000, "not HTTP", SEND("220 mail.example.com ESMTP\r\n"));
    REFUSED(1000, "not HTTP",
            SEND("\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03zzzzzzzzzzzzzzzzzzzzzzz"));
    REFUSED(1000, "", SEND("HTTP/9.9 200 OK\r\n\r\n"));
    REFUSED(1000, "", SEND("HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n"));
    REFUSED(1000, "", SEND("HTTP/1.1 200 OK\r\nno colon at all\r\nContent-Length: 0\r\n\r\n"));
}

/* An interim answer is none. */
static void
test_interim_only(void)
{
    static const char *const answers[] = {"HTTP/1.1 100 Continue\r\n\r\n",
                                          "HTTP/1.1 101 Switching\r\n\r\nbytes"};
    for (gsize i = 0; i < G_N_ELEMENTS(answers); i++) {
        http_fixture_init(&fixture, NULL);
        test_server_script(fixture.server, READ, SEND(answers[i]));
        g_autoptr(HttpCall) call = http_call(&fixture, post_once(1000));
        http_assert_failed(call, EXG_ERROR_AMBIGUOUS, "answer");
        http_fixture_clear(&fixture);
    }
}

/* --- content codings ---------------------------------------------------------------------------- */

typedef struct {
    char *data;
    gsize length;
} Coded;

static Coded
compress_text(const char *text, gsize length, gsize repeat)
{
    g_autoptr(GZlibCompressor) gzip = g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 9);
    g_autoptr(GOutputStream) memory = g_memory_output_stream_new_resizable();
    g_autoptr(GOutputStream) stream = g_converter_output_stream_new(memory, G_CONVERTER(gzip));
    for (gsize i = 0; i < repeat; i++)
        g_assert_true(g_output_stream_write_all(stream, text, length, NULL, NULL, NULL));
    g_assert_true(g_output_stream_close(stream, NULL, NULL));
    gsize size = g_memory_output_stream_get_data_size(G_MEMORY_OUTPUT_STREAM(memory));
    return (Coded){g_memory_output_stream_steal_data(G_MEMORY_OUTPUT_STREAM(memory)), size};
}

static void
send_coded(TestPeer *peer, gpointer data)
{
    const Coded *coded = data;
    g_autofree char *head = g_strdup_printf(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", coded->length);
    (void)(test_peer_send(peer, head, strlen(head)) &&
           test_peer_send(peer, coded->data, coded->length));
}

static void
test_gzip(void)
{
    Coded coded = compress_text("hello, ", 7, 3);
    http_fixture_init(&fixture, NULL);
    test_server_script(fixture.server, READ, CALL(send_coded, &coded));
    g_autoptr(HttpCall) call = http_call(&fixture, get(100));
    http_assert_status(call, 200);
    http_assert_body(call, "hello, hello, hello, ");
    http_fixture_clear(&fixture);
    g_free(coded.data);
}

/* 64 MB in 64 KB. */
static void
test_gzip_bomb(void)
{
    g_autofree char *zeros = g_malloc0(65536);
    Coded coded = compress_text(zeros, 65536, 1024);
    g_assert_cmpuint(coded.length, <, 100000);
    REFUSED(100000, "larger than 100000 bytes", CALL(send_coded, &coded));
    g_free(coded.data);
}

static void
test_gzip_broken(void)
{
    REFUSED(1000, "decoded",
            SEND("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\nthis is "
                 "not gzip 123"));
}

/* --- sinks ------------------------------------------------------------------------------------ */

typedef struct {
    GString *taken;
    int status;
    gsize stop_at;
} Sink;

static bool
take(int status, const char *data, gsize length, gpointer user, GError **error)
{
    Sink *sink = user;
    sink->status = status;
    g_string_append_len(sink->taken, data, (gssize)length);
    if (sink->taken->len >= sink->stop_at)
        return exg_error_set(error, EXG_ERROR_PROTOCOL, "The answer is not XML");
    return true;
}

static void
test_sink(void)
{
    http_fixture_init(&fixture, NULL);
    test_server_script(fixture.server, READ,
                       SEND("HTTP/1.1 500 Fault\r\nContent-Length: 10\r\n\r\n0123456789"));
    Sink sink = {g_string_new(NULL), 0, G_MAXSIZE};
    ExgHttpRequest *request = get(10);
    exg_http_request_set_sink(request, take, &sink);
    g_autoptr(HttpCall) call = http_call(&fixture, request);
    http_assert_status(call, 500);
    http_assert_body(call, "");
    g_assert_cmpint(sink.status, ==, 500);
    g_assert_cmpstr(sink.taken->str, ==, "0123456789");
    g_string_free(sink.taken, TRUE);
    http_fixture_clear(&fixture);
}

static void
test_sink_fails(void)
{
    for (int once = 0; once < 2; once++) {
        http_fixture_init(&fixture, NULL);
        test_server_script(fixture.server, READ, SEND("HTTP/1.1 200 OK\r\n\r\n"),
                           SEND_MANY("0123456789", 100000));
        Sink sink = {g_string_new(NULL), 0, 50};
        ExgHttpRequest *request = once ? post_once(10000000) : get(10000000);
        exg_http_request_set_sink(request, take, &sink);
        g_autoptr(HttpCall) call = http_call(&fixture, request);
        http_assert_failed(call, once ? EXG_ERROR_AMBIGUOUS : EXG_ERROR_PROTOCOL, "answer");
        g_assert_true(g_str_has_prefix(call->error->message, "The answer is not XML"));
        g_assert_cmpuint(sink.taken->len, <, 100000);
        g_string_free(sink.taken, TRUE);
        http_fixture_clear(&fixture);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/http/connection/answers", test_answers);
    g_test_add_func("/http/connection/redirect", test_redirect);
    g_test_add_func("/http/connection/interim-headers-forgotten", test_interim_headers_forgotten);
    g_test_add_func("/http/connection/cut", test_cut);
    g_test_add_func("/http/connection/byte-by-byte", test_byte_by_byte);
    g_test_add_func("/http/connection/large-header", test_large_header);
    g_test_add_func("/http/connection/endless-line", test_endless_line);
    g_test_add_func("/http/connection/large-body", test_large_body);
    g_test_add_func("/http/connection/exact-body", test_exact_body);
    g_test_add_func("/http/connection/not-http", test_not_http);
    g_test_add_func("/http/connection/interim-only", test_interim_only);
    g_test_add_func("/http/connection/gzip", test_gzip);
    g_test_add_func("/http/connection/gzip-bomb", test_gzip_bomb);
    g_test_add_func("/http/connection/gzip-broken", test_gzip_broken);
    g_test_add_func("/http/connection/sink", test_sink);
    g_test_add_func("/http/connection/sink-fails", test_sink_fails);
    return g_test_run();
}
