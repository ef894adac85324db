#include "common/auth/oauth/browser-login.h"

#include "common/auth/oauth/post-private.h"
#include "common/auth/oauth/oauth-private.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/io/listener.h"
#include "common/io/stream.h"

#include <gnutls/crypto.h>
#include <string.h>

#define PATIENCE_MS        (10 * 60 * 1000)
#define REQUEST_TIMEOUT_MS 30000
#define MAX_VISITORS       8
#define MAX_REQUEST_BYTES  16384

typedef struct {
    ExgEngine *engine;
    ExgHttpClient *http;
    ExgOauthClient client;
    ExgListener *listener;
    GQueue visitors; /* of Visitor */
    char *redirect;  /* where the browser comes back to */
    char *state;
    char *verifier;
    bool returned; /* the browser has brought a code, or a refusal */
    ExgTimer end;
    GCancellable *cancellable;
    GSource *cancelled;
} Login;

/* A connection to the listener. */
typedef struct {
    GTask *task;
    ExgStream *stream;
    GList link;
    bool answered;
} Visitor;

/* 32 random bytes in base64url. (transfer full) */
static char *
random_word(void)
{
    guint8 bytes[32];
    if (gnutls_rnd(GNUTLS_RND_KEY, bytes, sizeof bytes) < 0)
        g_error("No random numbers");
    return exg_oauth_base64url(bytes, sizeof bytes);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void
visitor_free(Visitor *visitor)
{
    Login *login = g_task_get_task_data(visitor->task);
    g_queue_unlink(&login->visitors, &visitor->link);
    exg_stream_free(visitor->stream);
    exg_listener_release(login->listener);
    g_free(visitor);
}

static void
login_free(gpointer data)
{
    Login *login = data;
    exg_timer_cancel(&login->end);
    if (login->cancelled != NULL) {
        g_source_destroy(login->cancelled);
        g_source_unref(login->cancelled);
    }
    g_clear_object(&login->cancellable);
    exg_oauth_client_clear(&login->client);
    exg_http_client_unref(login->http);
    exg_engine_unref(login->engine);
    g_free(login->redirect);
    g_free(login->state);
    exg_secret_wipe_and_free(login->verifier);
    g_free(login);
}

/* Takes the task. */
static void
finish(GTask *task, ExgToken *token, GError *error)
{
    Login *login = g_task_get_task_data(task);
    while (login->visitors.head != NULL)
        visitor_free(login->visitors.head->data);
    g_clear_pointer(&login->listener, exg_listener_free);
    exg_timer_cancel(&login->end);
    exg_token_return(task, token, error);
    g_object_unref(task);
}

static void
on_end(gpointer data)
{
    finish(data, NULL, exg_error_new(EXG_ERROR_AUTH, "Nobody came back from the sign-in page"));
}

static gboolean
on_cancelled(GCancellable *cancellable, gpointer data)
{
    Login *login = g_task_get_task_data(data);
    if (!login->returned) { /* otherwise the request notices by itself */
        GError *error = NULL;
        (void)g_cancellable_set_error_if_cancelled(cancellable, &error);
        finish(data, NULL, error);
    }
    return G_SOURCE_REMOVE;
}

/* --- from code to token ----------------------------------------------------------------------- */

static void
on_reply(GObject *object, GAsyncResult *result, gpointer data)
{
    GError *error = NULL;
    g_autoptr(ExgOauthReply) reply = exg_oauth_post_finish(result, &error);
    ExgToken *token = reply != NULL ? exg_oauth_reply_token(reply, NULL, &error) : NULL;
    finish(data, token, error);
}

static void
redeem(GTask *task, const char *code)
{
    Login *login = g_task_get_task_data(task);
    GError *error = NULL;
    ExgForm *form = exg_oauth_form_new(&login->client, "authorization_code", &error);
    if (form == NULL) {
        finish(task, NULL, error);
        return;
    }
    exg_form_add(form, "code", code);
    exg_form_add(form, "code_verifier", login->verifier);
    exg_form_add(form, "redirect_uri", login->redirect);
    exg_oauth_post_async(login->http, login->client.token_url, form,
                         exg_clock_deadline_ms(REQUEST_TIMEOUT_MS), login->cancellable, on_reply,
                         task);
}

/* --- the browser comes back ------------------------------------------------------------------- */

static void
say(Visitor *visitor, const char *status, const char *title, const char *words)
{
    g_autofree char *page = g_strdup_printf(
        "<!doctype html><meta charset=utf-8><title>exgate</title>"
        "<body style=\"font-family:sans-serif;margin:4em\"><h1>%s</h1><p>%s</p>\n",
        title, words);
    g_autofree char *answer = g_strdup_printf(
        "HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %zu\r\n"
        "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n%s",
        status, strlen(page), page);
    exg_stream_write(visitor->stream, answer, strlen(answer));
    exg_stream_finish(visitor->stream);
    visitor->answered = true;
}

/* The query of "GET /?… HTTP/1.1" as fields, or NULL. */
static GHashTable *
query_of(const char *head)
{
    g_auto(GStrv) words = g_strsplit_set(head, " \r\n", 3);
    if (g_strv_length(words) < 2 || !g_str_equal(words[0], "GET") ||
        !g_str_has_prefix(words[1], "/?"))
        return NULL;
    return g_uri_parse_params(words[1] + 2, -1, "&", G_URI_PARAMS_WWW_FORM, NULL);
}

static void
handle(Visitor *visitor, const char *head)
{
    GTask *task = visitor->task;
    Login *login = g_task_get_task_data(task);
    g_autoptr(GHashTable) query = query_of(head);
    const char *state = query != NULL ? g_hash_table_lookup(query, "state") : NULL;
    const char *code = query != NULL ? g_hash_table_lookup(query, "code") : NULL;
    const char *word = query != NULL ? g_hash_table_lookup(query, "error") : NULL;
    if (login->returned || g_strcmp0(state, login->state) != 0 || (code == NULL && word == NULL)) {
        say(visitor, "404 Not Found", "Not here", "This is not the answer that exgate waits for.");
        return;
    }
    login->returned = true;
    exg_timer_cancel(&login->end);
    if (code != NULL) {
        say(visitor, "200 OK", "Signed in", "exgate has what it needs. You can close this page.");
        exg_stream_flush(visitor->stream);
        redeem(task, code);
        return;
    }
    say(visitor, "200 OK", "Not signed in", "The sign-in was refused. exgate says more.");
    exg_stream_flush(visitor->stream);
    g_autofree char *clean = g_utf8_make_valid(word, (gssize)strnlen(word, 64));
    for (char *at = clean; *at != '\0'; at++)
        if (!g_ascii_isgraph(*at))
            *at = '_';
    GError *error = exg_error_new(EXG_ERROR_AUTH, "The sign-in was refused: %s", clean);
    exg_error_set_service_code(error, clean);
    finish(task, NULL, error);
}

static gsize
on_read(ExgStream *stream, const guint8 *data, gsize length, gpointer user)
{
    Visitor *visitor = user;
    if (visitor->answered)
        return length;
    if (g_strstr_len((const char *)data, (gssize)length, "\r\n\r\n") == NULL) {
        if (length < MAX_REQUEST_BYTES)
            return 0;
        say(visitor, "431 Request Header Fields Too Large", "Too long", "");
        return length;
    }
    g_autofree char *head = g_strndup((const char *)data, length);
    handle(visitor, head);
    exg_secret_wipe(head, strlen(head));
    return length;
}

static void
on_closed(ExgStream *stream, const GError *error, gpointer user)
{
    visitor_free(user);
}

static const ExgStreamHandler handler = {.read = on_read, .closed = on_closed};

static void
on_visitor(ExgListener *listener, int fd, const ExgSocketAddress *peer, gpointer data)
{
    GTask *task = data;
    Login *login = g_task_get_task_data(task);
    Visitor *visitor = g_new0(Visitor, 1);
    visitor->task = task;
    visitor->link.data = visitor;
    g_queue_push_tail_link(&login->visitors, &visitor->link);
    visitor->stream = exg_stream_new(login->engine, fd, NULL, MAX_REQUEST_BYTES, 65536, &handler,
                                     visitor);
}

/* --- the beginning ---------------------------------------------------------------------------- */

/* (transfer full) */
static char *
sign_in_address(const Login *login, const char *authorize_url, const char *login_hint)
{
    guint8 hash[32];
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, login->verifier, strlen(login->verifier), hash) < 0)
        g_error("No SHA-256");
    g_autofree char *challenge = exg_oauth_base64url(hash, sizeof hash);
    const char *const fields[][2] = {
        {"client_id", login->client.client_id},
        {"response_type", "code"},
        {"response_mode", "query"},
        {"redirect_uri", login->redirect},
        {"scope", login->client.scope},
        {"state", login->state},
        {"code_challenge", challenge},
        {"code_challenge_method", "S256"},
        {"login_hint", login_hint},
    };
    GString *address = g_string_new(authorize_url);
    char separator = strchr(authorize_url, '?') != NULL ? '&' : '?';
    for (gsize i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (fields[i][1] == NULL)
            continue;
        g_autofree char *value = g_uri_escape_string(fields[i][1], NULL, FALSE);
        g_string_append_printf(address, "%c%s=%s", separator, fields[i][0], value);
        separator = '&';
    }
    return g_string_free(address, FALSE);
}

void
exg_browser_login_async(ExgEngine *engine, ExgHttpClient *http, const ExgOauthClient *client,
                        const char *authorize_url, const char *login_hint, ExgBrowserOpen open,
                        gpointer open_data, GCancellable *cancellable, GAsyncReadyCallback callback,
                        gpointer data)
{
    Login *login = g_new0(Login, 1);
    login->engine = exg_engine_ref(engine);
    login->http = exg_http_client_ref(http);
    exg_oauth_client_copy(&login->client, client);
    login->state = random_word();
    login->verifier = random_word();
    GTask *task = g_task_new(NULL, NULL, callback, data);
    g_task_set_task_data(task, login, login_free);
    exg_timer_init(&login->end, engine, on_end, task);

    GError *error = NULL;
    ExgSocketAddress address;
    const ExgListenerOptions options = {
        .owner = (uid_t)-1, .group = (gid_t)-1, .max_connections = MAX_VISITORS};
    if (exg_socket_address_parse("inet:127.0.0.1:0", &address, &error))
        login->listener = exg_listener_new(engine, &address, &options, on_visitor, task, &error);
    if (login->listener == NULL) {
        finish(task, NULL, error);
        return;
    }
    login->redirect = g_strdup_printf(
        "http://localhost:%u", exg_socket_address_port(exg_listener_address(login->listener)));
    if (cancellable != NULL) {
        login->cancellable = g_object_ref(cancellable);
        login->cancelled = g_cancellable_source_new(cancellable);
        g_source_set_callback(login->cancelled, G_SOURCE_FUNC(on_cancelled), task, NULL);
        g_source_attach(login->cancelled, exg_engine_context(engine));
    }
    exg_timer_set(&login->end, exg_clock_deadline_ms(PATIENCE_MS));
    g_autofree char *sign_in = sign_in_address(login, authorize_url, login_hint);
    open(sign_in, open_data);
}

ExgToken *
exg_browser_login_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}
