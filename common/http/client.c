/* The pool: which request gets which session, and when. */
#include "common/http/client.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/http/library-private.h"
#include "common/http/session-private.h"

struct ExgHttpClient {
    gint references;
    ExgHttpSettings settings;
    guint max_sessions;
    guint64 max_uses;
    guint generation; /* of the credentials */
    GQueue idle;      /* of Slot, the one used last first */
    GQueue waiting;   /* of Job, first come, first served */
    guint busy;       /* sessions with a request */
    bool serving;
    guint64 requests;
};

/* A session in the pool, and by what it is judged when it comes back. */
typedef struct {
    ExgHttpClient *client;
    ExgHttpSession *session;
    guint generation; /* of the credentials that it was made for */
    guint64 uses;
    GList link; /* in `idle` */
} Slot;

/* One request on its way. The shell is shared with the cancellable's handler, which may run in any thread; all that is
 * in it belongs to the engine's. */
typedef struct {
    gint references;
    ExgEngine *engine;
    ExgHttpClient *client; /* NULL: finished */
    ExgHttpRequest *request;
    GTask *task;
    Slot *slot; /* NULL: waiting */
    GList link; /* in the queue of the waiting */
    ExgTimer deadline;
    gint64 deadline_us;
    gulong cancel_handler;
} Job;

static void serve_waiting(ExgHttpClient *client);

/* --- jobs ------------------------------------------------------------------------------------- */

static Job *
job_ref(Job *job)
{
    g_atomic_int_inc(&job->references);
    return job;
}

static void
job_unref(gpointer data)
{
    Job *job = data;
    if (!g_atomic_int_dec_and_test(&job->references))
        return;
    exg_engine_unref(job->engine);
    g_free(job);
}

/* Answers the caller; the last thing to do with a job. */
static void
job_finish(Job *job, ExgHttpResponse *response, GError *error)
{
    g_autoptr(ExgHttpClient) client = g_steal_pointer(&job->client);
    g_autoptr(GTask) task = g_steal_pointer(&job->task);
    client->requests++;
    exg_timer_cancel(&job->deadline);
    if (job->cancel_handler != 0)
        g_cancellable_disconnect(g_task_get_cancellable(task), job->cancel_handler);
    g_clear_pointer(&job->request, exg_http_request_unref);
    job_unref(job);
    if (error != NULL)
        g_task_return_error(task, error);
    else
        g_task_return_pointer(task, exg_http_response_ref(response),
                              (GDestroyNotify)exg_http_response_unref);
}

static void
job_stop_waiting(Job *job, GError *error)
{
    g_queue_unlink(&job->client->waiting, &job->link);
    job_finish(job, NULL, error);
}

static void
deadline_passed(gpointer data)
{
    Job *job = data;
    if (job->slot != NULL) {
        exg_http_session_expire(job->slot->session);
        return;
    }
    GError *error = exg_error_new(EXG_ERROR_UNREACHABLE,
                                  "All %u connections were in use until the deadline",
                                  job->client->max_sessions);
    exg_error_set_stage(error, "wait");
    job_stop_waiting(job, error);
}

static void
cancel_now(gpointer data)
{
    Job *job = data;
    if (job->client != NULL) {
        if (job->slot != NULL)
            exg_http_session_cancel(job->slot->session);
        else
            job_stop_waiting(job, g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CANCELLED,
                                                      "The request was cancelled"));
    }
    job_unref(job);
}

/* In any thread. */
static void
cancelled(GCancellable *cancellable, gpointer data)
{
    Job *job = data;
    exg_engine_post(job->engine, cancel_now, job_ref(job));
}

/* --- sessions ----------------------------------------------------------------------------------- */

static Slot *
slot_new(ExgHttpClient *client)
{
    Slot *slot = g_new0(Slot, 1);
    slot->client = client;
    slot->session = exg_http_session_new(&client->settings);
    slot->generation = client->generation;
    slot->link.data = slot;
    return slot;
}

static void
slot_free(Slot *slot)
{
    exg_http_session_free(slot->session);
    g_free(slot);
}

static void
slot_close(Slot *slot)
{
    g_queue_unlink(&slot->client->idle, &slot->link);
    slot_free(slot);
}

static void
session_rested(ExgHttpSession *session, gpointer data)
{
    slot_close(data);
}

/* Whether a session that comes back is worth keeping. */
static bool
is_welcome(const Slot *slot)
{
    const ExgHttpClient *client = slot->client;
    return exg_http_session_is_open(slot->session) && slot->generation == client->generation &&
           (client->max_uses == 0 || slot->uses < client->max_uses) &&
           client->busy + client->idle.length < client->max_sessions;
}

static void
session_done(ExgHttpSession *session, ExgHttpResponse *response, GError *error, gpointer data)
{
    Job *job = data;
    ExgHttpClient *client = job->client;
    Slot *slot = g_steal_pointer(&job->slot);
    client->busy--;
    if (is_welcome(slot)) {
        g_queue_push_head_link(&client->idle, &slot->link);
        exg_http_session_rest(session, exg_clock_deadline_ms(client->settings.idle_timeout_ms),
                              session_rested, slot);
    } else {
        slot_free(slot);
    }
    g_autoptr(ExgHttpClient) alive = exg_http_client_ref(client);
    job_finish(job, response, error);
    serve_waiting(client);
}

static void
job_start(Job *job, Slot *slot)
{
    job->client->busy++;
    job->slot = slot;
    slot->uses++;
    exg_http_session_send(slot->session, job->request, session_done, job);
}

/* Gives sessions to those who wait, as far as there are any. */
static void
serve_waiting(ExgHttpClient *client)
{
    /* A request that fails at once comes back here: the loop below is then still at work. */
    if (client->serving)
        return;
    g_autoptr(ExgHttpClient) alive = exg_http_client_ref(client);
    client->serving = true;
    while (client->waiting.length > 0) {
        if (client->busy >= client->max_sessions)
            break;
        GList *link = g_queue_pop_head_link(&client->idle);
        Slot *slot = link != NULL ? link->data : slot_new(client);
        Job *job = g_queue_pop_head_link(&client->waiting)->data;
        job_start(job, slot);
    }
    client->serving = false;
}

/* --- the client --------------------------------------------------------------------------------- */

ExgHttpClient *
exg_http_client_new(ExgEngine *engine, const ExgHttpClientOptions *options)
{
    g_return_val_if_fail(options->max_sessions > 0, NULL);
    exg_http_library_init();
    ExgHttpClient *client = g_new0(ExgHttpClient, 1);
    client->references = 1;
    client->max_sessions = options->max_sessions;
    client->max_uses = options->max_uses;
    client->settings = (ExgHttpSettings){
        .engine = exg_engine_ref(engine),
        .resolver = options->resolver != NULL ? exg_resolver_ref(options->resolver)
                                              : exg_resolver_new(engine),
        .authenticator = options->authenticator != NULL
                             ? exg_http_authenticator_ref(options->authenticator)
                             : NULL,
        .user_agent = g_strdup(options->user_agent),
        .ca_file = g_strdup(options->ca_file),
        .client_certificate = g_strdup(options->client_certificate),
        .client_key = g_strdup(options->client_key != NULL ? options->client_key
                                                           : options->client_certificate),
        .tls_verify = options->tls_verify,
        .connect_timeout_ms = options->connect_timeout_ms,
        .idle_timeout_ms = options->idle_timeout_ms,
    };
    return client;
}

ExgHttpClient *
exg_http_client_ref(ExgHttpClient *client)
{
    g_atomic_int_inc(&client->references);
    return client;
}

void
exg_http_client_unref(ExgHttpClient *client)
{
    if (client == NULL || !g_atomic_int_dec_and_test(&client->references))
        return;
    /* A request under way holds a reference, so all sessions are idle. */
    exg_http_client_close_idle(client);
    ExgHttpSettings *settings = &client->settings;
    exg_http_authenticator_unref(settings->authenticator);
    exg_resolver_unref(settings->resolver);
    g_free(settings->user_agent);
    g_free(settings->ca_file);
    g_free(settings->client_certificate);
    g_free(settings->client_key);
    exg_engine_unref(settings->engine);
    g_free(client);
}

void
exg_http_client_send_async(ExgHttpClient *client, ExgHttpRequest *request, gint64 deadline_us,
                           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    Job *job = g_new0(Job, 1);
    job->references = 1;
    job->engine = exg_engine_ref(client->settings.engine);
    job->client = exg_http_client_ref(client);
    job->request = exg_http_request_ref(request);
    job->link.data = job;
    job->task = g_task_new(NULL, cancellable, callback, data);
    g_task_set_source_tag(job->task, exg_http_client_send_async);
    g_task_set_check_cancellable(job->task, FALSE); /* an answer that came is an answer */
    request->body_sent = false;
    exg_timer_init(&job->deadline, job->engine, deadline_passed, job);
    if (g_cancellable_is_cancelled(cancellable)) {
        job_finish(
            job, NULL,
            g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CANCELLED, "The request was cancelled"));
        return;
    }
    exg_timer_set(&job->deadline, deadline_us);
    if (cancellable != NULL)
        job->cancel_handler = g_cancellable_connect(cancellable, G_CALLBACK(cancelled),
                                                    job_ref(job), job_unref);
    g_queue_push_tail_link(&client->waiting, &job->link);
    serve_waiting(client);
}

ExgHttpResponse *
exg_http_client_send_finish(ExgHttpClient *client, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, exg_http_client_send_async), NULL);
    return g_task_propagate_pointer(G_TASK(result), error);
}

static void
close_surplus(ExgHttpClient *client, guint max_sessions)
{
    while (client->idle.length > 0 && client->busy + client->idle.length > max_sessions)
        slot_close(g_queue_peek_tail(&client->idle));
}

void
exg_http_client_close_idle(ExgHttpClient *client)
{
    close_surplus(client, 0);
}

void
exg_http_client_set_max_sessions(ExgHttpClient *client, guint max_sessions)
{
    g_return_if_fail(max_sessions > 0);
    client->max_sessions = max_sessions;
    close_surplus(client, max_sessions);
    serve_waiting(client);
}

void
exg_http_client_set_authenticator(ExgHttpClient *client, ExgHttpAuthenticator *authenticator)
{
    ExgHttpAuthenticator *old = client->settings.authenticator;
    client->settings.authenticator = authenticator != NULL
                                         ? exg_http_authenticator_ref(authenticator)
                                         : NULL;
    exg_http_authenticator_unref(old);
    client->generation++;
    exg_http_client_close_idle(client);
}

ExgEngine *
exg_http_client_engine(const ExgHttpClient *client)
{
    return client->settings.engine;
}

void
exg_http_client_get_statistics(ExgHttpClient *client, ExgHttpClientStatistics *ret_statistics)
{
    *ret_statistics = (ExgHttpClientStatistics){
        .sessions = client->busy + client->idle.length,
        .idle = client->idle.length,
        .waiting = client->waiting.length,
        .connections = client->settings.connections,
        .requests = client->requests,
        .handshakes = client->settings.handshakes,
    };
}

/* --- the blocking face -------------------------------------------------------------------------- */

typedef struct {
    ExgHttpClient *client;
    ExgHttpRequest *request;
    gint64 deadline_us;
    GCancellable *cancellable;
    ExgHttpResponse *response;
    GError *error;
    GMutex lock;
    GCond done_changed;
    bool done;
} Call;

static void
call_done(GObject *source, GAsyncResult *result, gpointer data)
{
    Call *call = data;
    GError *error = NULL;
    ExgHttpResponse *response = exg_http_client_send_finish(call->client, result, &error);
    g_mutex_lock(&call->lock);
    call->response = response;
    call->error = error;
    call->done = true;
    g_cond_signal(&call->done_changed);
    g_mutex_unlock(&call->lock);
}

static void
call_start(gpointer data)
{
    Call *call = data;
    exg_http_client_send_async(call->client, call->request, call->deadline_us, call->cancellable,
                               call_done, call);
}

ExgHttpResponse *
exg_http_client_send(ExgHttpClient *client, ExgHttpRequest *request, gint64 deadline_us,
                     GCancellable *cancellable, GError **error)
{
    g_return_val_if_fail(!exg_engine_is_current(client->settings.engine), NULL);
    Call call = {.client = client,
                 .request = request,
                 .deadline_us = deadline_us,
                 .cancellable = cancellable};
    g_mutex_init(&call.lock);
    g_cond_init(&call.done_changed);
    exg_engine_post(client->settings.engine, call_start, &call);
    g_mutex_lock(&call.lock);
    while (!call.done)
        g_cond_wait(&call.done_changed, &call.lock);
    g_mutex_unlock(&call.lock);
    g_mutex_clear(&call.lock);
    g_cond_clear(&call.done_changed);
    if (call.error != NULL)
        g_propagate_error(error, call.error);
    return call.response;
}
