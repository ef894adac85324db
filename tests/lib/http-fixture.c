#include "tests/lib/http-fixture.h"

#include "common/base/clock.h"

#include <string.h>

guint
http_count_fds(void)
{
    g_autoptr(GDir) directory = g_dir_open("/proc/self/fd", 0, NULL);
    guint count = 0;
    while (g_dir_read_name(directory) != NULL)
        count++;
    return count - 1; /* the directory's own */
}

/* What lives as long as the process (libraries, GLib's worker) is opened before counting. */
static void
warm_up(void)
{
    static bool warm;
    if (warm)
        return;
    warm = true;
    (void)exg_http_library_version();
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    g_autoptr(ExgHttpClient)
        client = exg_http_client_new(engine, &(ExgHttpClientOptions){.max_sessions = 1});
    g_assert_nonnull(client);
    g_autoptr(GTask) task = g_task_new(NULL, NULL, NULL, NULL); /* starts GLib's worker */
    g_task_return_boolean(task, TRUE);
    g_main_context_iteration(NULL, FALSE);
}

void
http_fixture_init(HttpFixture *fixture, const TestIdentity *identity)
{
    warm_up();
    *fixture = (HttpFixture){.fds = http_count_fds()};
    g_autoptr(GError) error = NULL;
    fixture->engine = exg_engine_new(&error);
    g_assert_no_error(error);
    fixture->server = test_server_new(identity);
    fixture->options = (ExgHttpClientOptions){.user_agent = "exgate-test/1",
                                              .tls_verify = true,
                                              .connect_timeout_ms = 5000,
                                              .idle_timeout_ms = 60000,
                                              .max_sessions = 4};
}

void
http_fixture_clear(HttpFixture *fixture)
{
    g_clear_pointer(&fixture->client, exg_http_client_unref);
    while (exg_engine_iterate(fixture->engine, false))
        continue;
    g_clear_pointer(&fixture->engine, exg_engine_unref);
    g_clear_pointer(&fixture->server, test_server_free);
    g_assert_cmpuint(http_count_fds(), ==, fixture->fds);
}

ExgHttpRequest *
http_fixture_request(HttpFixture *fixture, const char *body)
{
    ExgHttpBody *source = NULL;
    if (body != NULL) {
        g_autoptr(GBytes) bytes = g_bytes_new(body, strlen(body));
        source = exg_http_body_new_bytes(bytes);
    }
    return exg_http_request_new("POST", test_server_url(fixture->server, NULL, "/"), source, 65536);
}

static void
call_done(GObject *source, GAsyncResult *result, gpointer data)
{
    HttpCall *call = data;
    g_assert_false(call->done);
    call->response = exg_http_client_send_finish(call->fixture->client, result, &call->error);
    g_assert_true((call->response != NULL) != (call->error != NULL));
    call->done = true;
}

HttpCall *
http_call_start(HttpFixture *fixture, ExgHttpRequest *request, gint64 deadline_us,
                GCancellable *cancellable)
{
    if (fixture->client == NULL)
        fixture->client = exg_http_client_new(fixture->engine, &fixture->options);
    HttpCall *call = g_new0(HttpCall, 1);
    call->fixture = fixture;
    call->request = request;
    GMainContext *context = exg_engine_context(fixture->engine);
    g_main_context_push_thread_default(context);
    exg_http_client_send_async(fixture->client, request, deadline_us, cancellable, call_done, call);
    g_main_context_pop_thread_default(context);
    return call;
}

void
http_call_wait(HttpCall *call)
{
    http_fixture_until(call->fixture, call->done);
}

void
http_call_free(HttpCall *call)
{
    if (call == NULL)
        return;
    g_assert_true(call->done);
    exg_http_request_unref(call->request);
    exg_http_response_unref(call->response);
    g_clear_error(&call->error);
    g_free(call);
}

HttpCall *
http_call(HttpFixture *fixture, ExgHttpRequest *request)
{
    HttpCall *call = http_call_start(fixture, request, exg_clock_deadline_ms(60000), NULL);
    http_call_wait(call);
    return call;
}

ExgHttpClientStatistics
http_fixture_statistics(HttpFixture *fixture)
{
    ExgHttpClientStatistics statistics;
    exg_http_client_get_statistics(fixture->client, &statistics);
    return statistics;
}

static void
nothing(gpointer data)
{
}

void
http_fixture_round(HttpFixture *fixture)
{
    /* The timer bounds the round; the clock is the system's, also where a test has moved ours. */
    ExgTimer timer;
    exg_timer_init(&timer, fixture->engine, nothing, NULL);
    exg_timer_set(&timer, exg_clock_deadline_ms(5));
    (void)exg_engine_iterate(fixture->engine, true);
    exg_timer_cancel(&timer);
}

char *
http_large_text(gsize length)
{
    char *text = g_malloc(length + 1);
    for (gsize i = 0; i < length; i++)
        text[i] = (char)('a' + (i * 7 + i / 251) % 26);
    text[length] = '\0';
    return text;
}
