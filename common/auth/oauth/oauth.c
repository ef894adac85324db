#include "common/auth/oauth/oauth-private.h"

#include "common/auth/oauth/post-private.h"

#include <string.h>

static const struct {
    const char *cloud, *authority, *scope;
} clouds[] = {
    {"worldwide", "https://login.microsoftonline.com", "https://outlook.office365.com/.default"},
    {"us-government", "https://login.microsoftonline.us", "https://outlook.office365.us/.default"},
    {"us-defense", "https://login.microsoftonline.us", "https://outlook-dod.office365.us/.default"},
    {"china", "https://login.partner.microsoftonline.cn", "https://partner.outlook.cn/.default"},
};

char *
exg_oauth_url(const char *cloud, const char *tenant, const char *leaf)
{
    for (gsize i = 0; i < G_N_ELEMENTS(clouds); i++)
        if (g_str_equal(clouds[i].cloud, cloud)) {
            g_autofree char *name = g_uri_escape_string(tenant, NULL, FALSE);
            return g_strdup_printf("%s/%s/oauth2/v2.0/%s", clouds[i].authority, name, leaf);
        }
    return NULL;
}

const char *
exg_oauth_default_scope(const char *cloud)
{
    for (gsize i = 0; i < G_N_ELEMENTS(clouds); i++)
        if (g_str_equal(clouds[i].cloud, cloud))
            return clouds[i].scope;
    return NULL;
}

char *
exg_oauth_base64url(const void *bytes, gsize length)
{
    char *text = g_base64_encode(bytes, length);
    char *end = text;
    for (char *at = text; *at != '\0' && *at != '='; at++)
        *end++ = *at == '+' ? '-' : *at == '/' ? '_' : *at;
    *end = '\0';
    return text;
}

void
exg_oauth_client_copy(ExgOauthClient *copy, const ExgOauthClient *client)
{
    *copy = (ExgOauthClient){
        .token_url = g_strdup(client->token_url),
        .client_id = g_strdup(client->client_id),
        .scope = g_strdup(client->scope),
        .client_secret = client->client_secret != NULL ? exg_secret_ref(client->client_secret)
                                                       : NULL,
        .assertion = client->assertion != NULL ? exg_client_assertion_ref(client->assertion) : NULL,
    };
}

void
exg_oauth_client_clear(ExgOauthClient *client)
{
    g_free((char *)client->token_url);
    g_free((char *)client->client_id);
    g_free((char *)client->scope);
    exg_secret_unref(client->client_secret);
    exg_client_assertion_unref(client->assertion);
}

ExgForm *
exg_oauth_form_new(const ExgOauthClient *client, const char *grant, GError **error)
{
    g_autoptr(ExgForm) form = exg_form_new();
    exg_form_add(form, "grant_type", grant);
    exg_form_add(form, "client_id", client->client_id);
    exg_form_add(form, "scope", client->scope);
    exg_form_add_secret(form, "client_secret", client->client_secret);
    if (client->assertion != NULL) {
        g_autoptr(ExgSecret) assertion = exg_client_assertion_sign(
            client->assertion, client->client_id, client->token_url, error);
        if (assertion == NULL)
            return NULL;
        exg_form_add(form, "client_assertion_type",
                     "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        exg_form_add_secret(form, "client_assertion", assertion);
    }
    return g_steal_pointer(&form);
}

/* --- client credentials ----------------------------------------------------------------------- */

typedef struct {
    ExgHttpClient *http;
    ExgOauthClient client;
} Source;

static void
on_reply(GObject *object, GAsyncResult *result, gpointer data)
{
    g_autoptr(GTask) task = data;
    GError *error = NULL;
    g_autoptr(ExgOauthReply) reply = exg_oauth_post_finish(result, &error);
    ExgToken *token = reply != NULL ? exg_oauth_reply_token(reply, NULL, &error) : NULL;
    exg_token_return(task, token, error);
}

/* What was spent does not matter: the grant is made again, whatever token it brought the last time. */
static void
source_fetch(gpointer data, const ExgToken *spent, gint64 deadline_us, GAsyncReadyCallback callback,
             gpointer callback_data)
{
    Source *self = data;
    g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, callback_data);
    GError *error = NULL;
    ExgForm *form = exg_oauth_form_new(&self->client, "client_credentials", &error);
    if (form == NULL) {
        g_task_return_error(task, error);
        return;
    }
    exg_oauth_post_async(self->http, self->client.token_url, form, deadline_us, NULL, on_reply,
                         g_steal_pointer(&task));
}

static void
source_free(gpointer data)
{
    Source *self = data;
    exg_http_client_unref(self->http);
    exg_oauth_client_clear(&self->client);
    g_free(self);
}

static const ExgTokenSourceClass source_class = {source_fetch, source_free};

ExgTokenSource *
exg_oauth_source_new(ExgHttpClient *http, const ExgOauthClient *client, ExgEngine *engine)
{
    Source *self = g_new0(Source, 1);
    self->http = exg_http_client_ref(http);
    exg_oauth_client_copy(&self->client, client);
    return exg_token_source_new(engine, &source_class, self);
}
