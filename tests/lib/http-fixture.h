/* http-fixture.h - an engine, a server and a client, for tests of common/http and of what is built
 * on it.
 *
 * The test's thread is the engine's: calls are started, and waiting for one runs the engine.
 */
#ifndef TESTS_LIB_HTTP_FIXTURE_H
#define TESTS_LIB_HTTP_FIXTURE_H

#include "common/http/client.h"
#include "tests/lib/http-server.h"

typedef struct {
    ExgEngine *engine;
    TestServer *server;
    ExgHttpClientOptions options; /* change before the first call */
    ExgHttpClient *client;        /* made at the first call */
    guint fds;                    /* open at the beginning */
} HttpFixture;

/* `identity`: the server's, NULL for plain HTTP. */
void http_fixture_init(HttpFixture *fixture, const TestIdentity *identity);
/* Also checks that no descriptor is left open. */
void http_fixture_clear(HttpFixture *fixture);

typedef struct {
    HttpFixture *fixture;
    ExgHttpRequest *request;
    ExgHttpResponse *response;
    GError *error;
    bool done;
} HttpCall;

/* A POST with `body` (NULL: none) to the server. */
ExgHttpRequest *http_fixture_request(HttpFixture *fixture, const char *body);
/* Takes the request. */
HttpCall *http_call_start(HttpFixture *fixture, ExgHttpRequest *request, gint64 deadline_us,
                          GCancellable *cancellable);
/* Runs the engine until the call is done. */
void http_call_wait(HttpCall *call);
void http_call_free(HttpCall *call);
/* Starts and waits, with a deadline of ten seconds. Takes the request. */
HttpCall *http_call(HttpFixture *fixture, ExgHttpRequest *request);

ExgHttpClientStatistics http_fixture_statistics(HttpFixture *fixture);
/* Runs the engine until the condition holds; fails the test after a minute. */
#define http_fixture_until(fixture, condition)                                                     \
    do {                                                                                           \
        gint64 until_ = g_get_monotonic_time() + 60 * G_TIME_SPAN_SECOND;                          \
        while (!(condition) && g_get_monotonic_time() < until_)                                    \
            http_fixture_round(fixture);                                                           \
        g_assert_true(condition);                                                                  \
    } while (0)
/* One round of the engine, of a few milliseconds at most. */
void http_fixture_round(HttpFixture *fixture);

guint http_count_fds(void);
/* `length` bytes that are not all alike. (transfer full) */
char *http_large_text(gsize length);

#define http_assert_status(call, number)                                                           \
    do {                                                                                           \
        g_assert_no_error((call)->error);                                                          \
        g_assert_cmpint(exg_http_response_status((call)->response), ==, (number));                 \
    } while (0)
#define http_assert_body(call, text)                                                               \
    do {                                                                                           \
        GBytes *bytes_ = exg_http_response_body((call)->response);                                 \
        g_assert_cmpmem(g_bytes_get_data(bytes_, NULL), g_bytes_get_size(bytes_), (text),          \
                        strlen(text));                                                             \
    } while (0)
#define http_assert_failed(call, wanted_code, wanted_stage)                                        \
    do {                                                                                           \
        g_assert_error((call)->error, EXG_ERROR, (int)(wanted_code));                              \
        g_assert_cmpstr(exg_error_facts((call)->error)->stage, ==, (wanted_stage));                \
    } while (0)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpCall, http_call_free)

#endif
