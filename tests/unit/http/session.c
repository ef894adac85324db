/* What is sent again and what is not, how a request ends, and handshakes. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "tests/lib/http-fixture.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LARGE_BYTES (8 * 1024 * 1024) /* more than the sockets' buffers hold */

static HttpFixture fixture;
static TestIdentity *identity; /* for TLS */

/* `length` bytes of body; 0: none at all. */
static ExgHttpRequest *
request_of(gsize length, bool once)
{
    g_autofree char *text = http_large_text(length);
    ExgHttpRequest *request = http_fixture_request(&fixture, length > 0 ? text : NULL);
    if (once)
        exg_http_request_set_once(request);
    return request;
}

/* Leaves one idle connection in the pool. */
static void
use_once(void)
{
    g_autoptr(HttpCall) call = http_call(&fixture, request_of(5, false));
    http_assert_status(call, 200);
    g_assert_cmpuint(http_fixture_statistics(&fixture).idle, ==, 1);
}

static const gsize sizes[] = {0, 1, 100, 70000};
static const TestStep ends[] = {CLOSE, RESET};

/* --- no silent resend --------------------------------------------------------------------------- */

/* The heart of the matter: the whole request is read, then the connection ends without a word. */
static void
test_once_reused(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(sizes) * G_N_ELEMENTS(ends); i++) {
        gsize size = sizes[i / G_N_ELEMENTS(ends)];
        http_fixture_init(&fixture, NULL);
        test_server_script(fixture.server, READ, SEND(OK_ANSWER), READ,
                           ends[i % G_N_ELEMENTS(ends)]);
        test_server_script(fixture.server, READ, SEND(OK_ANSWER));
        use_once();
        g_autoptr(HttpCall) call = http_call(&fixture, request_of(size, true));
        http_assert_failed(call, EXG_ERROR_AMBIGUOUS, "answer");
        g_assert_true(exg_http_request_body_sent(call->request));
        g_assert_cmpuint(test_server_requests(fixture.server), ==, 2);
        g_assert_cmpuint(test_server_connections(fixture.server), ==, 1);
        g_assert_cmpuint(test_server_body_bytes(fixture.server), ==, 5 + size);
        http_fixture_clear(&fixture);
    }
}

static void
test_once_fresh(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(sizes) * G_N_ELEMENTS(ends); i++) {
        gsize size = sizes[i / G_N_ELEMENTS(ends)];
        http_fixture_init(&fixture, NULL);
        test_server_script(fixture.server, READ, ends[i % G_N_ELEMENTS(ends)]);
        test_server_script(fixture.server, READ, SEND(OK_ANSWER));
        g_autoptr(HttpCall) call = http_call(&fixture, request_of(size, true));
        http_assert_failed(call, EXG_ERROR_AMBIGUOUS, "answer");
        g_assert_cmpuint(test_server_requests(fixture.server), ==, 1);
        g_assert_cmpuint(test_server_connections(fixture.server), ==, 1);
        http_fixture_clear(&fixture);
    }
}

/* The same two over TLS, where libcurl sees other errors. */
static void
test_once_tls(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(sizes) * G_N_ELEMENTS(ends) * 2; i++) {
        bool reused = i % 2 != 0;
        gsize size = sizes[i / 2 / G_N_ELEMENTS(ends)];
        TestStep end = ends[i / 2 % G_N_ELEMENTS(ends)];
        http_fixture_init(&fixture, identity);
        fixture.options.tls_verify = false;
        if (reused)
            test_server_script(fixture.server, READ, SEND(OK_ANSWER), READ, end);
        else
            test_server_script(fixture.server, READ, end);
        test_server_script(fixture.server, READ, SEND(OK_ANSWER));
        if (reused)
            use_once();
        g_autoptr(HttpCall) call = http_call(&fixture, request_of(size, true));
        http_assert_failed(call, EXG_ERROR_AMBIGUOUS, "answer");
        g_assert_cmpuint(test_server_requests(fixture.server), ==, reused ? 2 : 1);
        g_assert_cmpuint(test_server_connections(fixture.server), ==, 1);
        http_fixture_clear(&fixture);
    }
}

/* An answer that ends with the connection, and a connection whose end nobody signed (an attacker's, say). */
static void
test_tls_cut(void)
{
    http_fixture_init(&fixture, identity);
    fixture.options.tls_verify = false;
    test_server_script(fixture.server, READ, SEND("HTTP/1.0 200 OK\r\n\r\nhalf of it"), RESET);
    g_autoptr(HttpCall) call = http_call(&fixture, request_of(5, true));
    http_assert_failed(call, EXG_ERROR_AMBIGUOUS, "answer");
    http_fixture_clear(&fixture);
}

static void
test_repeatable_reused(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(sizes) * G_N_ELEMENTS(ends); i++) {
        gsize size = sizes[i / G_N_ELEMENTS(ends)];
        http_fixture_init(&fixture, NULL);
        test_server_script(fixture.server, READ, SEND(OK_ANSWER), READ,
                           ends[i % G_N_ELEMENTS(ends)]);
        test_server_script(fixture.server, READ, SEND(OK_ANSWER));
        use_once();
        g_autoptr(HttpCall) call = http_call(&fixture, request_of(size, false));
        http_assert_status(call, 200);
        g_assert_cmpuint(test_server_requests(fixture.server), ==, 3);
        g_assert_cmpuint(test_server_connections(fixture.server), ==, 2);
        g_autofree char *body = test_server_body(fixture.server, 2);
        g_autofree char *wanted = http_large_text(size);
        g_assert_cmpstr(body, ==, wanted);
        http_fixture_clear(&fixture);
    }
}

/* Once more means once. */
static void
test_repeatable_twice_lost(void)
{
    http_fixture_init(&fixture, NULL);
    test_server_script(fixture.server, READ, SEND(OK_ANSWER), READ, CLOSE);
    test_server_script(fixture.server, READ, CLOSE);
    test_server_script(fixture.server, READ, SEND(OK_ANSWER));
    use_once();
    g_autoptr(HttpCall) call = http_call(&fixture, request_of(10, false));
    http_assert_failed(call, EXG_ERROR_UNREACHABLE, "answer");
    g_assert_cmpuint(test_server_requests(fixture.server), ==, 3);
    http_fixture_clear(&fixture);
}

static void
test_repeatable_fresh(void)
{
    http_fixture_init(&fixture, NULL);
    test_server_script(fixture.server, READ, CLOSE);
    test_server_script(fixture.server, READ, SEND(OK_ANSWER));
    g_autoptr(HttpCall) call = http_call(&fixture, request_of(10, false));
    http_assert_failed(call, EXG_ERROR_UNREACHABLE, "answer");
    g_assert_cmpuint(test_server_connections(fixture.server), ==, 1);
    http_fixture_clear(&fixture);
}

/* The connection ends in the middle of the body: nobody can have acted on it. */
static void
test_once_cut_fresh(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(ends); i++) {
        http_fixture_init(&fixture, NULL);
        test_server_script(fixture.server, READ_HEAD, READ_BYTES(1000), ends[i]);
        test_server_script(fixture.server, READ, SEND(OK_ANSWER));
        g_autoptr(HttpCall) call = http_call(&fixture, request_of(LARGE_BYTES, true));
        http_assert_failed(call, EXG_ERROR_UNREACHABLE, "send");
        g_assert_false(exg_http_request_body_sent(call->request));
        g_assert_cmpuint(test_server_connections(fixture.server), ==, 1);
        http_fixture_clear(&fixture);
    }
}

static void
test_once_cut_reused(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(ends); i++) {
        http_fixture_init(&fixture, NULL);
        test_server_script(fixture.server, READ, SEND(OK_ANSWER), READ_HEAD, READ_BYTES(1000),
                           ends[i]);
        test_server_script(fixture.server, READ, SEND(OK_ANSWER));
        use_once();
        g_autoptr(HttpCall) call = http_call(&fixture, request_of(LARGE_BYTES, true));
        http_assert_status(call, 200);
        g_assert_cmpuint(test_server_requests(fixture.server), ==, 2); /* one of them whole */
        g_assert_true(exg_http_request_body_sent(call->request));
        http_fixture_clear(&fixture);
    }
}

/* The server closed the idle connection, and the engine has had no chance to see it before the next request. */
static void
test_once_stale(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(sizes) * G_N_ELEMENTS(ends); i++) {
        http_fixture_init(&fixture, NULL);
        test_server_script(fixture.server, READ, SEND(OK_ANSWER), HOLD,
                           ends[i % G_N_ELEMENTS(ends)]);
        test_server_script(fixture.server, READ, SEND(OK_ANSWER));
        use_once();
        test_server_release(fixture.server);
        g_assert_true(test_server_wait_ended(fixture.server, 1));
        g_autoptr(HttpCall)
            call = http_call(&fixture, request_of(sizes[i / G_N_ELEMENTS(ends)], true));
        http_assert_status(call, 200);
        g_assert_cmpuint(test_server_requests(fixture.server), ==, 2);
        http_fixture_clear(&fixture);
    }
}

/* The same, but the engine notices by itself. */
static void
test_idle_closed(void)
{
    http_fixture_init(&fixture, NULL);
    test_server_script(fixture.server, READ, SEND(OK_ANSWER), HOLD, CLOSE);
    use_once();
    test_server_release(fixture.server);
    http_fixture_until(&fixture, http_fixture_statistics(&fixture).sessions == 0);
    http_fixture_clear(&fixture);
}

/* What a server says between two requests is not the answer to the second. */
static void
test_unasked_answer(void)
{
    http_fixture_init(&fixture, NULL);
    test_server_script(fixture.server, READ, SEND(OK_ANSWER), HOLD,
                       SEND("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"), HOLD);
    test_server_script(fixture.server, READ, SEND(OK_ANSWER));
    use_once();
    test_server_release(fixture.server);
    g_assert_true(test_server_wait_holding(fixture.server, 1));
    http_fixture_until(&fixture, http_fixture_statistics(&fixture).sessions == 0);
    g_autoptr(HttpCall) call = http_call(&fixture, request_of(3, true));
    http_assert_status(call, 200);
    http_assert_body(call, "ok");
    http_fixture_clear(&fixture);
}

/* An error before the body was read: the answer counts, and the rest of the body is not sent. */
static void
test_early_answer(void)
{
    http_fixture_init(&fixture, NULL);
    test_server_script(
        fixture.server, READ_HEAD,
        SEND("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig"), HOLD);
    g_autoptr(HttpCall) call = http_call(&fixture, request_of(LARGE_BYTES, true));
    http_assert_status(call, 413);
    http_assert_body(call, "big");
    g_assert_false(exg_http_request_body_sent(call->request));
    http_fixture_clear(&fixture);
}

/* --- bodies ----------------------------------------------------------------------------------- */

typedef struct {
    ExgHttpBody body;
    guint64 given, fail_at;
    bool lie; /* ends there instead of failing */
    guint rewinds;
} OddBody;

static gssize
odd_read(ExgHttpBody *body, char *buffer, gsize room, GError **error)
{
    OddBody *self = (OddBody *)body;
    if (self->given >= self->fail_at && self->lie)
        return 0;
    if (self->given >= self->fail_at) {
        exg_error_set(error, EXG_ERROR_RESOURCES, "The spool file cannot be read");
        return -1;
    }
    gsize count = MIN(room, 7); /* in small pieces */
    memset(buffer, 'x', count);
    self->given += count;
    return (gssize)count;
}

static void
odd_rewind(ExgHttpBody *body)
{
    ((OddBody *)body)->given = 0;
    ((OddBody *)body)->rewinds++;
}

static void
odd_free(ExgHttpBody *body)
{
    g_free(body);
}

static const ExgHttpBodyClass odd_class = {odd_read, odd_rewind, odd_free};

static HttpCall *
call_odd(guint64 length, guint64 fail_at, bool lie)
{
    OddBody *body = g_new0(OddBody, 1);
    *body = (OddBody){.body = {&odd_class, length}, .fail_at = fail_at, .lie = lie};
    ExgHttpRequest *request = exg_http_request_new(
        "POST", test_server_url(fixture.server, NULL, "/"), &body->body, 1000);
    exg_http_request_set_once(request);
    return http_call(&fixture, request);
}

static void
test_body_in_pieces(void)
{
    http_fixture_init(&fixture, NULL);
    test_server_script(fixture.server, READ, SEND(OK_ANSWER));
    g_autoptr(HttpCall) call = call_odd(1000, G_MAXUINT64, false);
    http_assert_status(call, 200);
    g_assert_cmpuint(test_server_body_bytes(fixture.server), ==, 1000);
    http_fixture_clear(&fixture);
}

static void
test_body_fails(void)
{
    for (int lie = 0; lie < 2; lie++) {
        http_fixture_init(&fixture, NULL);
        test_server_script(fixture.server, READ);
        g_autoptr(HttpCall) call = call_odd(1000, 500, lie != 0);
        http_assert_failed(call, EXG_ERROR_RESOURCES, "send");
        g_assert_false(exg_http_request_body_sent(call->request));
        g_assert_cmpuint(test_server_requests(fixture.server), ==, 0);
        http_fixture_clear(&fixture);
    }
}

/* --- deadlines ---------------------------------------------------------------------------------- */

static HttpCall *
start(ExgHttpRequest *request, GCancellable *cancellable)
{
    return http_call_start(&fixture, request, exg_clock_deadline_ms(20000), cancellable);
}

static void
test_deadline_answer(void)
{
    for (int once = 0; once < 2; once++)
        for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
            http_fixture_init(&fixture, NULL);
            test_server_script(fixture.server, READ, HOLD);
            g_autoptr(HttpCall) call = start(request_of(sizes[i], once != 0), NULL);
            http_fixture_until(&fixture, test_server_requests(fixture.server) == 1);
            g_assert_false(call->done);
            exg_clock_advance(21 * G_USEC_PER_SEC);
            http_call_wait(call);
            http_assert_failed(call, once ? EXG_ERROR_AMBIGUOUS : EXG_ERROR_UNREACHABLE, "answer");
            g_assert_cmpuint(http_fixture_statistics(&fixture).sessions, ==, 0);
            http_fixture_clear(&fixture);
        }
}

static void
test_deadline_send(void)
{
    http_fixture_init(&fixture, NULL);
    test_server_script(fixture.server, READ_HEAD, HOLD);
    g_autoptr(HttpCall) call = start(request_of(LARGE_BYTES, true), NULL);
    http_fixture_until(&fixture, test_server_holding(fixture.server) == 1);
    exg_clock_advance(21 * G_USEC_PER_SEC);
    http_call_wait(call);
    http_assert_failed(call, EXG_ERROR_UNREACHABLE, "send");
    g_assert_false(exg_http_request_body_sent(call->request));
    http_fixture_clear(&fixture);
}

static void
test_deadline_past(void)
{
    http_fixture_init(&fixture, NULL);
    g_autoptr(HttpCall)
        call = http_call_start(&fixture, request_of(5, true), exg_clock_monotonic_us() - 1, NULL);
    http_call_wait(call);
    g_assert_error(call->error, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    g_assert_cmpuint(test_server_requests(fixture.server), ==, 0);
    http_fixture_clear(&fixture);
}

/* A server that takes the connection but does not say a word of TLS. */
static void
test_connect_timeout_tls(void)
{
    http_fixture_init(&fixture, NULL);
    test_server_script(fixture.server, HOLD);
    g_autofree char *url = g_strdup_printf("https://127.0.0.1:%u/",
                                           test_server_port(fixture.server));
    g_autoptr(HttpCall) call = start(exg_http_request_new("GET", url, NULL, 100), NULL);
    for (int i = 0; i < 10; i++)
        http_fixture_round(&fixture);
    http_fixture_until(&fixture, test_server_holding(fixture.server) == 1);
    g_assert_false(call->done);
    exg_clock_advance(6 * G_USEC_PER_SEC);
    http_call_wait(call);
    http_assert_failed(call, EXG_ERROR_UNREACHABLE, "tls");
    http_fixture_clear(&fixture);
}

/* A listener whose queue is full does not answer at all. */
static void
test_connect_timeout(void)
{
    http_fixture_init(&fixture, NULL);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fillers[4];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    g_assert_cmpint(bind(listener, (struct sockaddr *)&address, length), ==, 0);
    g_assert_cmpint(getsockname(listener, (struct sockaddr *)&address, &length), ==, 0);
    g_assert_cmpint(listen(listener, 0), ==, 0);
    for (gsize i = 0; i < G_N_ELEMENTS(fillers); i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&address, length);
    }
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/", ntohs(address.sin_port));
    g_autoptr(HttpCall) call = start(exg_http_request_new("GET", url, NULL, 100), NULL);
    for (int i = 0; i < 10; i++)
        http_fixture_round(&fixture);
    g_assert_false(call->done);
    exg_clock_advance(6 * G_USEC_PER_SEC);
    http_call_wait(call);
    http_assert_failed(call, EXG_ERROR_UNREACHABLE, "connect");
    for (gsize i = 0; i < G_N_ELEMENTS(fillers); i++)
        close(fillers[i]);
    close(listener);
    http_fixture_clear(&fixture);
}

/* The connection's time is over once it is there: a slow answer is the deadline's matter. */
static void
test_connect_timeout_passed(void)
{
    http_fixture_init(&fixture, NULL);
    test_server_script(fixture.server, READ, HOLD, SEND(OK_ANSWER));
    g_autoptr(HttpCall) call = start(request_of(5, true), NULL);
    http_fixture_until(&fixture, test_server_requests(fixture.server) == 1);
    exg_clock_advance(6 * G_USEC_PER_SEC);
    for (int i = 0; i < 10; i++)
        http_fixture_round(&fixture);
    g_assert_false(call->done);
    test_server_release(fixture.server);
    http_call_wait(call);
    http_assert_status(call, 200);
    http_fixture_clear(&fixture);
}

/* --- cancelling --------------------------------------------------------------------------------- */

static gpointer
cancel_in_thread(gpointer cancellable)
{
    g_cancellable_cancel(cancellable);
    return NULL;
}

static void
cancel_from_elsewhere(GCancellable *cancellable)
{
    g_thread_join(g_thread_new("canceller", cancel_in_thread, cancellable));
}

static void
test_cancel_sending(void)
{
    http_fixture_init(&fixture, NULL);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    test_server_script(fixture.server, READ_HEAD, HOLD);
    g_autoptr(HttpCall) call = start(request_of(LARGE_BYTES, true), cancellable);
    http_fixture_until(&fixture, test_server_holding(fixture.server) == 1);
    cancel_from_elsewhere(cancellable);
    http_call_wait(call);
    g_assert_error(call->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_assert_false(exg_http_request_body_sent(call->request));
    http_fixture_clear(&fixture);
}

static void
test_cancel_sent(void)
{
    for (int once = 0; once < 2; once++)
        for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
            http_fixture_init(&fixture, NULL);
            g_autoptr(GCancellable) cancellable = g_cancellable_new();
            test_server_script(fixture.server, READ, HOLD, SEND(OK_ANSWER));
            g_autoptr(HttpCall) call = start(request_of(sizes[i], once != 0), cancellable);
            http_fixture_until(&fixture, test_server_requests(fixture.server) == 1);
            cancel_from_elsewhere(cancellable);
            for (int n = 0; n < 5; n++)
                http_fixture_round(&fixture);
            g_assert_cmpint(call->done, ==, once == 0);
            test_server_release(fixture.server);
            http_call_wait(call);
            if (once)
                http_assert_status(call, 200);
            else
                g_assert_error(call->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
            http_fixture_clear(&fixture);
        }
}

/* Cancelled, and then the answer does not come. */
static void
test_cancel_sent_no_answer(void)
{
    http_fixture_init(&fixture, NULL);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    test_server_script(fixture.server, READ, HOLD, CLOSE);
    g_autoptr(HttpCall) call = start(request_of(10, true), cancellable);
    http_fixture_until(&fixture, test_server_requests(fixture.server) == 1);
    g_cancellable_cancel(cancellable);
    test_server_release(fixture.server);
    http_call_wait(call);
    http_assert_failed(call, EXG_ERROR_AMBIGUOUS, "answer");
    http_fixture_clear(&fixture);
}

static void
test_cancel_early(void)
{
    http_fixture_init(&fixture, NULL);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    test_server_script(fixture.server, HOLD);
    test_server_repeat(fixture.server);
    /* While connecting … */
    g_autofree char *url = g_strdup_printf("https://127.0.0.1:%u/",
                                           test_server_port(fixture.server));
    g_autoptr(HttpCall)
        connecting = start(exg_http_request_new("GET", url, NULL, 100), cancellable);
    http_fixture_until(&fixture, test_server_holding(fixture.server) == 1);
    g_cancellable_cancel(cancellable);
    http_call_wait(connecting);
    g_assert_error(connecting->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    /* … and before it began. */
    g_autoptr(HttpCall) never = start(request_of(10, true), cancellable);
    http_call_wait(never);
    g_assert_error(never->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_assert_cmpuint(test_server_connections(fixture.server), ==, 1);
    http_fixture_clear(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TestIdentity *authority = test_identity_new_authority("Test authority");
    identity = test_identity_new_server(authority, "127.0.0.1", -3600, 3600);
    g_test_add_func("/http/session/once-reused", test_once_reused);
    g_test_add_func("/http/session/once-fresh", test_once_fresh);
    g_test_add_func("/http/session/once-tls", test_once_tls);
    g_test_add_func("/http/session/tls-cut", test_tls_cut);
    g_test_add_func("/http/session/repeatable-reused", test_repeatable_reused);
    g_test_add_func("/http/session/repeatable-twice-lost", test_repeatable_twice_lost);
    g_test_add_func("/http/session/repeatable-fresh", test_repeatable_fresh);
    g_test_add_func("/http/session/once-cut-fresh", test_once_cut_fresh);
    g_test_add_func("/http/session/once-cut-reused", test_once_cut_reused);
    g_test_add_func("/http/session/once-stale", test_once_stale);
    g_test_add_func("/http/session/idle-closed", test_idle_closed);
    g_test_add_func("/http/session/unasked-answer", test_unasked_answer);
    g_test_add_func("/http/session/early-answer", test_early_answer);
    g_test_add_func("/http/session/body-in-pieces", test_body_in_pieces);
    g_test_add_func("/http/session/body-fails", test_body_fails);
    g_test_add_func("/http/session/A10,F27-deadline-answer", test_deadline_answer);
    g_test_add_func("/http/session/A10,F27-deadline-send", test_deadline_send);
    g_test_add_func("/http/session/deadline-past", test_deadline_past);
    g_test_add_func("/http/session/A10-connect-timeout-tls", test_connect_timeout_tls);
    g_test_add_func("/http/session/A10-connect-timeout", test_connect_timeout);
    g_test_add_func("/http/session/connect-timeout-passed", test_connect_timeout_passed);
    g_test_add_func("/http/session/cancel-sending", test_cancel_sending);
    g_test_add_func("/http/session/cancel-sent", test_cancel_sent);
    g_test_add_func("/http/session/cancel-sent-no-answer", test_cancel_sent_no_answer);
    g_test_add_func("/http/session/cancel-early", test_cancel_early);
    int result = g_test_run();
    test_identity_free(identity);
    test_identity_free(authority);
    return result;
}
