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
    GQueue idle;    /* of ExgHttpSession, the one used last first */
    GQueue waiting; /* of Job, first come, first served */
    guint busy;     /* sessions with a request */
    bool serving;
    guint64 requests;
};

/* One request on its way. The shell is shared with the cancellable's handler, which may run in any thread; all that is
 * in it belongs to the engine's. */
typedef struct {
    gint references;
    ExgEngine *engine;
    ExgHttpClient *client; /* NULL: finished */
    ExgHttpRequest *request;
    GTask *task;
    ExgHttpSession *session; /* NULL: waiting */
    GList link;              /* in the queue of the waiting */
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
    if (job->session != NULL) {
        exg_http_session_expire(job->session);
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
        if (job->session != NULL)
            exg_http_session_cancel(job->session);
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

static void
session_rested(ExgHttpSession *session, gpointer data)
{
    ExgHttpClient *client = data;
    g_queue_remove(&client->idle, session);
    exg_http_session_free(session);
}

static void
session_done(ExgHttpSession *session, ExgHttpResponse *response, GError *error, gpointer data)
{
    Job *job = data;
    ExgHttpClient *client = job->client;
    client->busy--;
    job->session = NULL;
    if (exg_http_session_is_open(session)) {
        g_queue_push_head(&client->idle, session);
        exg_http_session_rest(session, exg_clock_deadline_ms(client->settings.idle_timeout_ms),
                              session_rested, client);
    } else {
        exg_http_session_free(session);
    }
    g_autoptr(ExgHttpClient) alive = exg_http_client_ref(client);
    job_finish(job, response, error);
    serve_waiting(client);
}

static void
job_start(Job *job, ExgHttpSession *session)
{
    job->client->busy++;
    job->session = session;
    exg_http_session_send(session, job->request, session_done, job);
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
        ExgHttpSession *session = g_queue_pop_head(&client->idle);
        if (session == NULL && client->busy >= client->max_sessions)
            break;
        if (session == NULL)
            session = exg_http_session_new(&client->settings);
        Job *job = g_queue_pop_head_link(&client->waiting)->data;
        job_start(job, session);
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
    client->settings = (ExgHttpSettings){
        .engine = exg_engine_ref(engine),
        .resolver = options->resolver != NULL ? exg_resolver_ref(options->resolver)
                                              : exg_resolver_new(engine),
        .authenticator = options->authenticator != NULL
                             ? exg_http_authenticator_ref(options->authenticator)
                             : NULL,
        .user_agent = g_strdup(options->user_agent),
        .ca_file = g_strdup(options->ca_file),
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
    g_queue_clear_full(&client->idle, (GDestroyNotify)exg_http_session_free);
    ExgHttpSettings *settings = &client->settings;
    exg_http_authenticator_unref(settings->authenticator);
    exg_resolver_unref(settings->resolver);
    g_free(settings->user_agent);
    g_free(settings->ca_file);
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
