/* The two ways in which a user signs in: device-login.h and browser-login.h. */
#include "common/auth/oauth/browser-login.h"
#include "common/auth/oauth/device-login.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "tests/lib/http-fixture.h"

#include <gio/gio.h>
#include <gnutls/crypto.h>
#include <string.h>

typedef struct {
    HttpFixture http;
    ExgHttpClient *plain;
    ExgOauthClient client;
    char *url; /* of the endpoint that begins the sign-in */
    char *prompt;
    GCancellable *cancellable;
    ExgToken *token;
    GError *error;
    bool done;
    GPtrArray *texts;
} Fixture;

/* An HTTP answer with that JSON, as long as the fixture. */
static const char *
answer(Fixture *fixture, const char *status, const char *json)
{
    char *text = g_strdup_printf("HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", status,
                                 strlen(json), json);
    g_ptr_array_add(fixture->texts, text);
    return text;
}

static void
setup(Fixture *fixture, gconstpointer data)
{
    http_fixture_init(&fixture->http, NULL);
    fixture->texts = g_ptr_array_new_with_free_func(g_free);
    fixture->http.options.idle_timeout_ms = 86400000; /* the clock is moved, connections stay */
    fixture->plain = exg_http_client_new(fixture->http.engine, &fixture->http.options);
    fixture->client = (ExgOauthClient){
        .token_url = g_strdup(test_server_url(fixture->http.server, NULL, "/token")),
        .client_id = "0000-client",
        .scope = "https://outlook.office365.com/EWS.AccessAsUser.All offline_access",
    };
    fixture->url = g_strdup(test_server_url(fixture->http.server, NULL, "/begin"));
    fixture->cancellable = g_cancellable_new();
    g_main_context_push_thread_default(exg_engine_context(fixture->http.engine));
}

static void
teardown(Fixture *fixture, gconstpointer data)
{
    g_main_context_pop_thread_default(exg_engine_context(fixture->http.engine));
    exg_token_unref(fixture->token);
    g_clear_error(&fixture->error);
    g_object_unref(fixture->cancellable);
    exg_http_client_unref(fixture->plain);
    g_free((char *)fixture->client.token_url);
    g_free(fixture->url);
    g_free(fixture->prompt);
    http_fixture_clear(&fixture->http);
    g_ptr_array_unref(fixture->texts);
}

/* --- device code ------------------------------------------------------------------------------ */

#define CODE                                                                                       \
    "{\"device_code\":\"dev-1\",\"user_code\":\"ABCD-EFGH\",\"expires_in\":900,"                   \
    "\"verification_uri\":\"https://microsoft.example/devicelogin\"}"

static void
on_prompt(const char *address, const char *code, gpointer data)
{
    Fixture *fixture = data;
    fixture->prompt = g_strdup_printf("%s %s", address, code);
}

static void
on_device(GObject *object, GAsyncResult *result, gpointer data)
{
    Fixture *fixture = data;
    fixture->token = exg_device_login_finish(result, &fixture->error);
    fixture->done = true;
}

static void
start_device(Fixture *fixture)
{
    exg_device_login_async(fixture->http.engine, fixture->plain, &fixture->client, fixture->url,
                           on_prompt, fixture, fixture->cancellable, on_device, fixture);
}

/* Lets time pass until the n-th request has come. It stands still while one is under way, however
 * long the server's thread takes. */
static bool
requests_come(Fixture *fixture, guint n)
{
    ExgHttpClientStatistics statistics;
    exg_http_client_get_statistics(fixture->plain, &statistics);
    if (statistics.idle == statistics.sessions)
        exg_clock_advance(G_TIME_SPAN_MILLISECOND * 100);
    return test_server_requests(fixture->http.server) >= n || fixture->done;
}

static void
wait_requests(Fixture *fixture, guint n)
{
    http_fixture_until(&fixture->http, requests_come(fixture, n));
}

static void
test_device(Fixture *fixture, gconstpointer data)
{
    test_server_script(
        fixture->http.server, READ, SEND(answer(fixture, "200 OK", CODE)), READ,
        SEND(answer(fixture, "400 Bad Request", "{\"error\":\"authorization_pending\"}")), READ,
        SEND(answer(fixture, "400 Bad Request", "{\"error\":\"slow_down\"}")), READ,
        SEND(answer(fixture, "200 OK",
                    "{\"access_token\":\"a\",\"refresh_token\":\"r\",\"expires_in\":60}")));
    start_device(fixture);
    http_fixture_until(&fixture->http, fixture->prompt != NULL);
    g_assert_cmpstr(fixture->prompt, ==, "https://microsoft.example/devicelogin ABCD-EFGH");
    wait_requests(fixture, 4);
    http_fixture_until(&fixture->http, fixture->done);
    g_assert_no_error(fixture->error);
    g_assert_cmpstr(exg_secret_bytes(fixture->token->access), ==, "a");
    g_assert_cmpstr(exg_secret_bytes(fixture->token->refresh), ==, "r");
    test_server_assert_field(fixture->http.server, 0, "client_id", "0000-client");
    test_server_assert_field(fixture->http.server, 0, "scope", fixture->client.scope);
    test_server_assert_field(fixture->http.server, 1, "grant_type",
                             "urn:ietf:params:oauth:grant-type:device_code");
    test_server_assert_field(fixture->http.server, 3, "device_code", "dev-1");
}

/* Declined, answered with nonsense, or refused from the start. */
static void
test_device_refused(Fixture *fixture, gconstpointer data)
{
    const char *const answers[][2] = {
        {CODE, "{\"error\":\"authorization_declined\"}"},
        {CODE, "{\"error\":\"expired_token\"}"},
        {"{\"error\":\"unauthorized_client\"}", NULL},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(answers); i++) {
        bool two = answers[i][1] != NULL;
        test_server_script(fixture->http.server, READ,
                           SEND(answer(fixture, two ? "200 OK" : "400 No", answers[i][0])), READ,
                           SEND(answer(fixture, "400 No", two ? answers[i][1] : "{}")));
        guint before = test_server_requests(fixture->http.server);
        fixture->done = false;
        start_device(fixture);
        wait_requests(fixture, before + 2);
        http_fixture_until(&fixture->http, fixture->done);
        g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_AUTH);
        g_clear_error(&fixture->error);
        g_clear_pointer(&fixture->prompt, g_free);
        /* The next round has a connection and a script of its own. */
        g_clear_pointer(&fixture->plain, exg_http_client_unref);
        fixture->plain = exg_http_client_new(fixture->http.engine, &fixture->http.options);
    }
}

/* Nobody types the code in: it ends when the code has expired, and not before. */
static void
test_device_late(Fixture *fixture, gconstpointer data)
{
    test_server_script(fixture->http.server, READ, SEND(answer(fixture, "200 OK", CODE)));
    start_device(fixture);
    http_fixture_until(&fixture->http, fixture->prompt != NULL);
    g_assert_false(fixture->done);
    /* The token endpoint is away the whole time. */
    http_fixture_until(&fixture->http, (exg_clock_advance(10 * G_TIME_SPAN_SECOND), fixture->done));
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_AUTH);
    g_assert_nonnull(strstr(fixture->error->message, "expired"));
}

static void
test_device_cancelled(Fixture *fixture, gconstpointer data)
{
    test_server_script(fixture->http.server, READ, SEND(answer(fixture, "200 OK", CODE)));
    start_device(fixture);
    http_fixture_until(&fixture->http, fixture->prompt != NULL);
    g_cancellable_cancel(fixture->cancellable);
    http_fixture_until(&fixture->http, fixture->done);
    g_assert_error(fixture->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* --- browser ---------------------------------------------------------------------------------- */

static void
on_open(const char *address, gpointer data)
{
    Fixture *fixture = data;
    fixture->prompt = g_strdup(address);
}

static void
on_browser(GObject *object, GAsyncResult *result, gpointer data)
{
    Fixture *fixture = data;
    fixture->token = exg_browser_login_finish(result, &fixture->error);
    fixture->done = true;
}

static GHashTable *
start_browser(Fixture *fixture)
{
    exg_browser_login_async(fixture->http.engine, fixture->plain, &fixture->client, fixture->url,
                            "ann@example.com", on_open, fixture, fixture->cancellable, on_browser,
                            fixture);
    g_assert_true(g_str_has_prefix(fixture->prompt, fixture->url));
    const char *query = fixture->prompt + strlen(fixture->url) + 1;
    GHashTable *fields = g_uri_parse_params(query, -1, "&", G_URI_PARAMS_WWW_FORM, NULL);
    g_assert_nonnull(fields);
    return fields;
}

/* What the listener answers to a request with this target. (transfer full) */
typedef struct {
    guint16 port;
    char *request;
    char *answer;
    gint done;
} Visit;

static gpointer
visit_main(gpointer data)
{
    Visit *visit = data;
    g_autoptr(GMainContext) context = g_main_context_new();
    g_main_context_push_thread_default(context);
    g_autoptr(GSocketClient) client = g_socket_client_new();
    /* A desktop's modules, which know of proxies, keep descriptors open. */
    g_socket_client_set_enable_proxy(client, FALSE);
    g_autoptr(GSocketConnection)
        connection = g_socket_client_connect_to_host(client, "127.0.0.1", visit->port, NULL, NULL);
    g_autoptr(GString) answer = g_string_new(NULL);
    if (connection != NULL) {
        GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(connection));
        GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(connection));
        (void)g_output_stream_write_all(out, visit->request, strlen(visit->request), NULL, NULL,
                                        NULL);
        char piece[512];
        gssize got;
        while ((got = g_input_stream_read(in, piece, sizeof piece, NULL, NULL)) > 0)
            g_string_append_len(answer, piece, got);
    }
    visit->answer = g_string_free(g_steal_pointer(&answer), FALSE);
    g_main_context_pop_thread_default(context);
    g_atomic_int_set(&visit->done, 1);
    return NULL;
}

static char *
browse(Fixture *fixture, GHashTable *fields, const char *target)
{
    const char *redirect = g_hash_table_lookup(fields, "redirect_uri");
    g_assert_true(g_str_has_prefix(redirect, "http://localhost:"));
    Visit visit = {
        .port = (guint16)g_ascii_strtoull(strrchr(redirect, ':') + 1, NULL, 10),
        .request = g_strdup_printf("GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target)};
    GThread *thread = g_thread_new("browser", visit_main, &visit);
    http_fixture_until(&fixture->http, g_atomic_int_get(&visit.done));
    g_thread_join(thread);
    g_free(visit.request);
    return visit.answer;
}

static void
test_browser(Fixture *fixture, gconstpointer data)
{
    test_server_script(
        fixture->http.server, READ,
        SEND(answer(fixture, "200 OK", "{\"access_token\":\"a\",\"refresh_token\":\"r\"}")));
    g_autoptr(GHashTable) fields = start_browser(fixture);
    g_assert_cmpstr(g_hash_table_lookup(fields, "client_id"), ==, "0000-client");
    g_assert_cmpstr(g_hash_table_lookup(fields, "response_type"), ==, "code");
    g_assert_cmpstr(g_hash_table_lookup(fields, "login_hint"), ==, "ann@example.com");
    g_assert_cmpstr(g_hash_table_lookup(fields, "code_challenge_method"), ==, "S256");
    const char *state = g_hash_table_lookup(fields, "state");
    /* What does not know the state gets nothing, and changes nothing. */
    static const char *const strangers[] = {"/favicon.ico", "/?code=evil&state=guess",
                                            "/?code=evil", "/?error=access_denied", "/"};
    for (gsize i = 0; i < G_N_ELEMENTS(strangers); i++) {
        g_autofree char *page = browse(fixture, fields, strangers[i]);
        g_assert_true(g_str_has_prefix(page, "HTTP/1.1 404 "));
        g_assert_false(fixture->done);
    }
    g_autofree char *target = g_strdup_printf("/?code=c%%20ode&state=%s", state);
    g_autofree char *page = browse(fixture, fields, target);
    g_assert_true(g_str_has_prefix(page, "HTTP/1.1 200 "));
    g_assert_nonnull(strstr(page, "You can close this page"));
    http_fixture_until(&fixture->http, fixture->done);
    g_assert_no_error(fixture->error);
    g_assert_cmpstr(exg_secret_bytes(fixture->token->refresh), ==, "r");
    test_server_assert_field(fixture->http.server, 0, "grant_type", "authorization_code");
    test_server_assert_field(fixture->http.server, 0, "code", "c ode");
    test_server_assert_field(fixture->http.server, 0, "redirect_uri",
                             g_hash_table_lookup(fields, "redirect_uri"));
    /* The verifier is what the challenge was made of. */
    g_autofree char *verifier = test_server_field(fixture->http.server, 0, "code_verifier");
    guint8 hash[32];
    g_assert_cmpint(gnutls_hash_fast(GNUTLS_DIG_SHA256, verifier, strlen(verifier), hash), >=, 0);
    g_autofree char *base64 = g_base64_encode(hash, sizeof hash);
    g_strdelimit(base64, "+", '-');
    g_strdelimit(base64, "/", '_');
    *strchr(base64, '=') = '\0';
    g_assert_cmpstr(g_hash_table_lookup(fields, "code_challenge"), ==, base64);
}

static void
test_browser_refused(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GHashTable) fields = start_browser(fixture);
    g_autofree char *target = g_strdup_printf("/?error=access_denied%%0a&state=%s",
                                              (char *)g_hash_table_lookup(fields, "state"));
    g_autofree char *page = browse(fixture, fields, target);
    g_assert_nonnull(strstr(page, "Not signed in"));
    http_fixture_until(&fixture->http, fixture->done);
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_AUTH);
    g_assert_cmpstr(fixture->error->message, ==, "The sign-in was refused: access_denied_");
}

static void
test_browser_late(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GHashTable) fields = start_browser(fixture);
    exg_clock_advance(11 * 60 * G_TIME_SPAN_SECOND);
    http_fixture_until(&fixture->http, fixture->done);
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_AUTH);
}

static void
test_browser_cancelled(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GHashTable) fields = start_browser(fixture);
    g_cancellable_cancel(fixture->cancellable);
    http_fixture_until(&fixture->http, fixture->done);
    g_assert_error(fixture->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add(name, Fixture, NULL, setup, function, teardown)
    ADD("/auth/login/A1.10,A7.15-device", test_device);
    ADD("/auth/login/A7.15-device-refused", test_device_refused);
    ADD("/auth/login/A7.15-device-late", test_device_late);
    ADD("/auth/login/device-cancelled", test_device_cancelled);
    ADD("/auth/login/A1.10,A7.4,A7.5,A7.6-browser", test_browser);
    ADD("/auth/login/A7.6-browser-refused", test_browser_refused);
    ADD("/auth/login/browser-late", test_browser_late);
    ADD("/auth/login/browser-cancelled", test_browser_cancelled);
    return g_test_run();
}
