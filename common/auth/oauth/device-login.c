#include "common/auth/oauth/device-login.h"

#include "common/auth/oauth/post-private.h"
#include "common/auth/oauth/oauth-private.h"
#include "common/base/clock.h"
#include "common/base/error.h"

#include <string.h>

#define REQUEST_TIMEOUT_MS 30000
#define DEFAULT_INTERVAL_S 5
#define MAX_INTERVAL_S     60
#define DEFAULT_LIFE_S     900
#define MAX_LIFE_S         1800
#define SLOW_DOWN_S        5 /* RFC 8628 3.5 */

typedef struct {
    ExgEngine *engine;
    ExgHttpClient *http;
    ExgOauthClient client;
    ExgDevicePrompt prompt;
    gpointer prompt_data;
    ExgSecret *device_code;
    gint64 interval_s;
    gint64 end_us;
    ExgTimer next;
    GCancellable *cancellable;
    GSource *cancelled;
} Login;

static void
login_free(gpointer data)
{
    Login *login = data;
    exg_timer_cancel(&login->next);
    if (login->cancelled != NULL) {
        g_source_destroy(login->cancelled);
        g_source_unref(login->cancelled);
    }
    g_clear_object(&login->cancellable);
    exg_secret_unref(login->device_code);
    exg_oauth_client_clear(&login->client);
    exg_http_client_unref(login->http);
    exg_engine_unref(login->engine);
    g_free(login);
}

/* Takes the task. */
static void
finish(GTask *task, ExgToken *token, GError *error)
{
    exg_timer_cancel(&((Login *)g_task_get_task_data(task))->next);
    exg_token_return(task, token, error);
    g_object_unref(task);
}

/* --- polling ---------------------------------------------------------------------------------- */

/* Whether a failed question only means: ask again. */
static bool
goes_on(Login *login, const GError *error)
{
    const ExgErrorFacts *facts = exg_error_facts(error);
    const char *word = facts != NULL ? facts->service_code : NULL;
    if (g_strcmp0(word, "slow_down") == 0)
        login->interval_s += SLOW_DOWN_S;
    else if (g_error_matches(error, EXG_ERROR, EXG_ERROR_UNREACHABLE))
        login->interval_s *= 2;
    else if (!g_error_matches(error, EXG_ERROR, EXG_ERROR_BUSY))
        return false;
    login->interval_s = MIN(login->interval_s, MAX_INTERVAL_S);
    return true;
}

static void
schedule(GTask *task)
{
    Login *login = g_task_get_task_data(task);
    gint64 due_us = exg_clock_deadline_ms(login->interval_s * 1000);
    if (due_us < login->end_us)
        exg_timer_set(&login->next, due_us);
    else
        finish(task, NULL,
               exg_error_new(EXG_ERROR_AUTH, "Nobody signed in before the code expired"));
}

static void
on_polled(GObject *object, GAsyncResult *result, gpointer data)
{
    GTask *task = data;
    Login *login = g_task_get_task_data(task);
    GError *error = NULL;
    g_autoptr(ExgOauthReply) reply = exg_oauth_post_finish(result, &error);
    ExgToken *token = reply != NULL ? exg_oauth_reply_token(reply, NULL, &error) : NULL;
    if (token != NULL || !goes_on(login, error)) {
        finish(task, token, error);
        return;
    }
    g_clear_error(&error);
    schedule(task);
}

static void
poll_token(gpointer data)
{
    GTask *task = data;
    Login *login = g_task_get_task_data(task);
    GError *error = NULL;
    ExgForm *form = exg_oauth_form_new(&login->client,
                                       "urn:ietf:params:oauth:grant-type:device_code", &error);
    if (form == NULL) {
        finish(task, NULL, error);
        return;
    }
    exg_form_add_secret(form, "device_code", login->device_code);
    exg_oauth_post_async(login->http, login->client.token_url, form,
                         exg_clock_deadline_ms(REQUEST_TIMEOUT_MS), login->cancellable, on_polled,
                         task);
}

/* Only while nothing is under way: a request notices by itself. */
static gboolean
on_cancelled(GCancellable *cancellable, gpointer data)
{
    GTask *task = data;
    Login *login = g_task_get_task_data(task);
    if (exg_timer_is_set(&login->next)) {
        GError *error = NULL;
        (void)g_cancellable_set_error_if_cancelled(cancellable, &error);
        finish(task, NULL, error);
    }
    return G_SOURCE_REMOVE;
}

/* --- the code --------------------------------------------------------------------------------- */

static void
on_code(GObject *object, GAsyncResult *result, gpointer data)
{
    GTask *task = data;
    Login *login = g_task_get_task_data(task);
    GError *error = NULL;
    g_autoptr(ExgOauthReply) reply = exg_oauth_post_finish(result, &error);
    if (reply == NULL) {
        finish(task, NULL, error);
        return;
    }
    const char *device_code = exg_oauth_reply_text(reply, "device_code");
    const char *code = exg_oauth_reply_text(reply, "user_code");
    const char *address = exg_oauth_reply_text(reply, "verification_uri");
    if (address == NULL)
        address = exg_oauth_reply_text(reply, "verification_url"); /* before the RFC */
    if (device_code == NULL || code == NULL || address == NULL) {
        finish(task, NULL,
               exg_error_new(EXG_ERROR_PROTOCOL,
                             "The answer to the request for a code has no code in it"));
        return;
    }
    login->device_code = exg_secret_new(device_code, -1);
    login->interval_s = CLAMP(exg_oauth_reply_number(reply, "interval", DEFAULT_INTERVAL_S), 1,
                              MAX_INTERVAL_S);
    gint64 life_s = CLAMP(exg_oauth_reply_number(reply, "expires_in", DEFAULT_LIFE_S), 1,
                          MAX_LIFE_S);
    login->end_us = exg_clock_deadline_ms(life_s * 1000);
    login->prompt(address, code, login->prompt_data);
    schedule(task);
}

void
exg_device_login_async(ExgEngine *engine, ExgHttpClient *http, const ExgOauthClient *client,
                       const char *device_url, ExgDevicePrompt prompt, gpointer prompt_data,
                       GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    Login *login = g_new0(Login, 1);
    login->engine = exg_engine_ref(engine);
    login->http = exg_http_client_ref(http);
    exg_oauth_client_copy(&login->client, client);
    login->prompt = prompt;
    login->prompt_data = prompt_data;
    GTask *task = g_task_new(NULL, NULL, callback, data);
    g_task_set_task_data(task, login, login_free);
    exg_timer_init(&login->next, engine, poll_token, task);
    if (cancellable != NULL) {
        login->cancellable = g_object_ref(cancellable);
        login->cancelled = g_cancellable_source_new(cancellable);
        g_source_set_callback(login->cancelled, G_SOURCE_FUNC(on_cancelled), task, NULL);
        g_source_attach(login->cancelled, exg_engine_context(engine));
    }
    ExgForm *form = exg_form_new();
    exg_form_add(form, "client_id", client->client_id);
    exg_form_add(form, "scope", client->scope);
    exg_oauth_post_async(http, device_url, form, exg_clock_deadline_ms(REQUEST_TIMEOUT_MS),
                         cancellable, on_code, task);
}

ExgToken *
exg_device_login_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}
