/* The refresh grant, with the token in a file that several programs use. */
#include "common/auth/oauth/oauth-private.h"

#include "common/auth/oauth/post-private.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/failpoint.h"

#include <string.h>

#define LOCK_RETRY_MS 200

typedef struct {
    ExgHttpClient *http;
    ExgEngine *engine;
    ExgOauthClient client;
    ExgTokenFile *file;
    /* The fetch under way; there is one at most. */
    GTask *task;
    ExgTimer retry;
    gint64 deadline_us;
    ExgSecret *spent; /* the access token that is to be replaced, then the refresh token; or NULL */
    /* What could not be written, and the refresh token that was spent on it; NULL: nothing. */
    ExgToken *unsaved;
    ExgSecret *unsaved_for;
} Refresh;

static void begin(gpointer data);

static void
finish(Refresh *self, ExgToken *token, GError *error)
{
    exg_token_file_unlock(self->file);
    g_clear_pointer(&self->spent, exg_secret_unref);
    g_autoptr(GTask) task = g_steal_pointer(&self->task);
    exg_token_return(task, token, error);
}

/* --- writing, beside the engine --------------------------------------------------------------- */

static void
write_file(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    GError *error = NULL;
    if (exg_token_file_write(data, g_object_get_data(G_OBJECT(task), "token"), &error))
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error);
}

static void
forget_unsaved(Refresh *self)
{
    g_clear_pointer(&self->unsaved, exg_token_unref);
    g_clear_pointer(&self->unsaved_for, exg_secret_unref);
}

/* A refresh token that is not on disk would be lost with the process: so it is not used before. */
static void
on_written(GObject *object, GAsyncResult *result, gpointer data)
{
    Refresh *self = data;
    GError *error = NULL;
    if (!g_task_propagate_boolean(G_TASK(result), &error)) {
        finish(self, NULL, error);
        return;
    }
    EXG_FAIL_POINT("token-saved");
    ExgToken *token = exg_token_ref(self->unsaved);
    forget_unsaved(self);
    finish(self, token, NULL);
}

/* It stays until that has been done: the token endpoint may have no other for us. */
static void
save(Refresh *self)
{
    g_autoptr(GTask) writing = g_task_new(NULL, NULL, on_written, self);
    g_object_set_data_full(G_OBJECT(writing), "token", exg_token_ref(self->unsaved),
                           (GDestroyNotify)exg_token_unref);
    g_task_set_task_data(writing, exg_token_file_ref(self->file),
                         (GDestroyNotify)exg_token_file_unref);
    g_task_run_in_thread(writing, write_file);
}

/* --- asking ----------------------------------------------------------------------------------- */

static void
on_reply(GObject *object, GAsyncResult *result, gpointer data)
{
    Refresh *self = data;
    GError *error = NULL;
    g_autoptr(ExgSecret) refresh = g_steal_pointer(&self->spent);
    g_autoptr(ExgOauthReply) reply = exg_oauth_post_finish(result, &error);
    ExgToken *token = reply != NULL ? exg_oauth_reply_token(reply, refresh, &error) : NULL;
    if (token == NULL) {
        finish(self, NULL, error);
        return;
    }
    EXG_FAIL_POINT("token-received");
    self->unsaved = token;
    self->unsaved_for = g_steal_pointer(&refresh);
    save(self);
}

static bool
same_secret(const ExgSecret *one, const ExgSecret *other)
{
    return one != NULL && other != NULL && exg_secret_length(one) == exg_secret_length(other) &&
           memcmp(exg_secret_bytes(one), exg_secret_bytes(other), exg_secret_length(one)) == 0;
}

static void
renew(Refresh *self, ExgToken *stored)
{
    GError *error = NULL;
    if (self->unsaved != NULL && same_secret(stored->refresh, self->unsaved_for)) {
        save(self);
        return;
    }
    forget_unsaved(self);
    /* Another program has renewed it. */
    if (exg_token_is_good(stored) && exg_clock_monotonic_us() < stored->renew_us &&
        !same_secret(stored->access, self->spent)) {
        finish(self, exg_token_ref(stored), NULL);
        return;
    }
    if (stored->refresh == NULL) {
        finish(self, NULL,
               exg_error_new(EXG_ERROR_AUTH,
                             "The token in %s has expired and cannot be renewed; exgate login "
                             "gets a new one",
                             exg_token_file_path(self->file)));
        return;
    }
    ExgForm *form = exg_oauth_form_new(&self->client, "refresh_token", &error);
    if (form == NULL) {
        finish(self, NULL, error);
        return;
    }
    exg_form_add_secret(form, "refresh_token", stored->refresh);
    exg_secret_unref(self->spent);
    self->spent = exg_secret_ref(stored->refresh);
    exg_oauth_post_async(self->http, self->client.token_url, form, self->deadline_us, NULL,
                         on_reply, self);
}

/* --- reading, beside the engine --------------------------------------------------------------- */

/* The file's lock, then what is in it; NULL without an error: somebody else has the lock. */
static void
read_file(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    GError *error = NULL;
    ExgToken *token = NULL;
    if (exg_token_file_try_lock(data, &error))
        token = exg_token_file_read(data, &error);
    if (error != NULL)
        g_task_return_error(task, error);
    else
        g_task_return_pointer(task, token, (GDestroyNotify)exg_token_unref);
}

static void
on_read(GObject *object, GAsyncResult *result, gpointer data)
{
    Refresh *self = data;
    GError *error = NULL;
    g_autoptr(ExgToken) stored = g_task_propagate_pointer(G_TASK(result), &error);
    if (error != NULL) {
        finish(self, NULL, error);
    } else if (stored != NULL) {
        renew(self, stored);
    } else if (exg_clock_deadline_ms(LOCK_RETRY_MS) < self->deadline_us) {
        exg_timer_set(&self->retry, exg_clock_deadline_ms(LOCK_RETRY_MS));
    } else {
        finish(self, NULL,
               exg_error_new(EXG_ERROR_BUSY, "Another program is renewing the token in %s",
                             exg_token_file_path(self->file)));
    }
}

static void
begin(gpointer data)
{
    Refresh *self = data;
    g_autoptr(GTask) reading = g_task_new(NULL, NULL, on_read, self);
    g_task_set_task_data(reading, exg_token_file_ref(self->file),
                         (GDestroyNotify)exg_token_file_unref);
    g_task_run_in_thread(reading, read_file);
}

static void
refresh_fetch(gpointer data, const ExgToken *spent, gint64 deadline_us,
              GAsyncReadyCallback callback, gpointer callback_data)
{
    Refresh *self = data;
    self->task = g_task_new(NULL, NULL, callback, callback_data);
    self->deadline_us = deadline_us;
    self->spent = spent != NULL ? exg_secret_ref(spent->access) : NULL;
    begin(self);
}

static void
refresh_free(gpointer data)
{
    Refresh *self = data;
    exg_http_client_unref(self->http);
    exg_oauth_client_clear(&self->client);
    exg_token_file_unref(self->file);
    forget_unsaved(self);
    exg_engine_unref(self->engine);
    g_free(self);
}

static const ExgTokenSourceClass refresh_class = {refresh_fetch, refresh_free};

ExgTokenSource *
exg_oauth_refresh_source_new(ExgHttpClient *http, const ExgOauthClient *client, ExgTokenFile *file,
                             ExgEngine *engine)
{
    Refresh *self = g_new0(Refresh, 1);
    self->http = exg_http_client_ref(http);
    self->engine = exg_engine_ref(engine);
    ExgOauthClient renewing = *client;
    renewing.scope = NULL; /* what was granted, which may be less than was asked for */
    exg_oauth_client_copy(&self->client, &renewing);
    self->file = exg_token_file_ref(file);
    exg_timer_init(&self->retry, engine, begin, self);
    return exg_token_source_new(engine, &refresh_class, self);
}
