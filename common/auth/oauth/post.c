#include "common/auth/oauth/post-private.h"

#include "common/base/error.h"

#include <string.h>

typedef struct {
    ExgHttpClient *http;
    ExgHttpRequest *request;
    char *host;
    char *answer; /* EXG_OAUTH_MAX_ANSWER_BYTES */
    gsize length;
} Post;

static void
post_free(gpointer data)
{
    Post *post = data;
    exg_secret_wipe(post->answer, post->length);
    g_free(post->answer);
    g_free(post->host);
    exg_http_request_unref(post->request);
    exg_http_client_unref(post->http);
    g_free(post);
}

static bool
collect(int status, const char *data, gsize length, gpointer user, GError **error)
{
    Post *post = user;
    if (length > EXG_OAUTH_MAX_ANSWER_BYTES - post->length)
        return exg_error_set(error, EXG_ERROR_PROTOCOL,
                             "The token endpoint at %s answers more than %d bytes", post->host,
                             EXG_OAUTH_MAX_ANSWER_BYTES);
    memcpy(post->answer + post->length, data, length);
    post->length += length;
    return true;
}

static void
on_response(GObject *object, GAsyncResult *result, gpointer data)
{
    g_autoptr(GTask) task = data;
    Post *post = g_task_get_task_data(task);
    GError *error = NULL;
    g_autoptr(ExgHttpResponse) response = exg_http_client_send_finish(post->http, result, &error);
    if (response == NULL) {
        if (g_error_matches(error, EXG_ERROR, EXG_ERROR_AMBIGUOUS))
            error->code = EXG_ERROR_UNREACHABLE;
        exg_error_set_stage(error, "token");
        g_prefix_error(&error, "No access token: ");
        g_task_return_error(task, error);
        return;
    }
    ExgOauthReply *reply = exg_oauth_reply_new(post->host, exg_http_response_status(response),
                                               post->answer, post->length,
                                               exg_http_response_retry_after_ms(response), &error);
    if (reply != NULL)
        g_task_return_pointer(task, reply, (GDestroyNotify)exg_oauth_reply_free);
    else
        g_task_return_error(task, error);
}

void
exg_oauth_post_async(ExgHttpClient *http, const char *url, ExgForm *form, gint64 deadline_us,
                     GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, data);
    g_task_set_source_tag(task, exg_oauth_post_async);
    GError *error = NULL;
    ExgHttpBody *body = exg_form_finish(form, &error);
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
    if (body == NULL || uri == NULL) {
        exg_http_body_free(body);
        g_task_return_error(task, error != NULL
                                      ? error
                                      : exg_error_new(EXG_ERROR_CONFIG,
                                                      "%s is no address of a token endpoint", url));
        return;
    }
    Post *post = g_new0(Post, 1);
    post->http = exg_http_client_ref(http);
    post->host = g_strdup(g_uri_get_host(uri));
    post->answer = g_malloc(EXG_OAUTH_MAX_ANSWER_BYTES);
    post->request = exg_http_request_new("POST", url, body, EXG_OAUTH_MAX_ANSWER_BYTES);
    exg_http_request_add_header(post->request, "Content-Type", "application/x-www-form-urlencoded");
    exg_http_request_add_header(post->request, "Accept", "application/json");
    exg_http_request_set_sink(post->request, collect, post);
    g_task_set_task_data(task, post, post_free);
    exg_http_client_send_async(http, post->request, deadline_us, cancellable, on_response,
                               g_steal_pointer(&task));
}

ExgOauthReply *
exg_oauth_post_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, NULL), NULL);
    return g_task_propagate_pointer(G_TASK(result), error);
}
