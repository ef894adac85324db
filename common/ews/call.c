#include "common/ews/call-private.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/ews/envelope-private.h"
#include "common/ews/service-private.h"

#define URI_FLAGS (G_URI_FLAGS_ENCODED | G_URI_FLAGS_SCHEME_NORMALIZE)

typedef struct {
    ExgEwsService *service;
    const ExgEwsOperation *operation;
    char *mailbox; /* the target's */
    ExgEwsAccess access;
    char *anchor;
    bool near_anchor; /* the anchor is not just the target's mailbox */
    gpointer context;
    GDestroyNotify free_context;
    gint64 deadline_us;
    ExgEwsRetry retry;
    guint tried_elsewhere; /* endpoints that could not be reached, in a row */
    GError *first_refusal; /* of a version */
    char *moved_to;        /* another URL of the same server, that it named itself */
    ExgTimer wait;
    GSource *cancelled; /* while it waits */
    /* The request under way, or the last one: */
    guint endpoint;
    char *url; /* of that endpoint; the service may have found another meanwhile */
    bool located_again;
    const char *version;
    ExgHttpRequest *request; /* NULL: not made yet */
    guint64 posted_bytes;
    ExgPermit *permit; /* of the service's throttle, while the request is under way */
} Call;

static void attempt(GTask *task);

static void
call_free(gpointer data)
{
    Call *call = data;
    exg_permit_free(call->permit);
    if (call->free_context != NULL)
        call->free_context(call->context);
    exg_http_request_unref(call->request);
    g_clear_error(&call->first_refusal);
    g_free(call->moved_to);
    g_free(call->url);
    g_free(call->mailbox);
    g_free(call->anchor);
    exg_ews_service_unref(call->service);
    g_free(call);
}

static const char *
url_of(const Call *call)
{
    return call->moved_to != NULL ? call->moved_to : call->url;
}

/* --- the request ------------------------------------------------------------------------------ */

/* Shows the whole request to a test. */
static void
show(const ExgEwsService *service, const char *operation, ExgHttpBody *body)
{
    g_autofree char *text = g_malloc(body->length + 1);
    gsize length = 0;
    while (length < body->length) {
        gssize count = body->class->read(body, text + length, body->length - length, NULL);
        if (count <= 0)
            break;
        length += (gsize)count;
    }
    text[length] = '\0';
    body->class->rewind(body);
    service->tap(operation, text, length, service->tap_data);
}

static void
add_headers(const Call *call)
{
    ExgHttpRequest *request = call->request;
    g_autofree char *action = g_strdup_printf("\"%s/%s\"", EXG_EWS_MESSAGES_SPACE,
                                              call->operation->name);
    g_autofree char *id = g_uuid_string_random();
    g_autofree char *cookie = exg_ews_cookies_header(call->service->cookies, url_of(call),
                                                     call->anchor);
    exg_http_request_add_header(request, "Content-Type", "text/xml; charset=utf-8");
    exg_http_request_add_header(request, "Accept", "text/xml");
    exg_http_request_add_header(request, "SOAPAction", action);
    exg_http_request_add_header(request, "client-request-id", id);
    exg_http_request_add_header(request, "return-client-request-id", "true");
    if (exg_ews_fits_header(call->anchor))
        exg_http_request_add_header(request, "X-AnchorMailbox", call->anchor);
    if (call->near_anchor)
        exg_http_request_add_header(request, "X-PreferServerAffinity", "true");
    if (cookie != NULL)
        exg_http_request_add_header(request, "Cookie", cookie);
}

static bool
take_piece(int status, const char *data, gsize length, gpointer user, GError **error)
{
    Call *call = user;
    return call->operation->intake->take(call->context, data, length, error);
}

/* The answer does not gather in memory, but goes to the operation; a decoder on its way would hold
 * it back. */
static void
set_intake(Call *call)
{
    call->operation->intake->begin(call->context);
    exg_http_request_add_header(call->request, "Accept-Encoding", "identity");
    exg_http_request_set_sink(call->request, take_piece, call);
}

static void
make_request(Call *call)
{
    const ExgEwsOperation *operation = call->operation;
    const ExgEwsTarget target = {call->mailbox, call->access};
    ExgHttpBody *body = exg_ews_call_payload(operation, call->version, &target, call->context);
    if (call->service->tap != NULL)
        show(call->service, operation->name, body);
    call->posted_bytes = body->length;
    exg_http_request_unref(call->request);
    gsize max_bytes = operation->intake != NULL ? operation->intake->max_bytes
                                                : EXG_EWS_MAX_ANSWER_BYTES;
    call->request = exg_http_request_new("POST", url_of(call), body, max_bytes);
    add_headers(call);
    if (operation->intake != NULL)
        set_intake(call);
    if (operation->once)
        exg_http_request_set_once(call->request);
}

/* --- making it again -------------------------------------------------------------------------- */

static void
wait_over(gpointer data)
{
    GTask *task = data;
    Call *call = g_task_get_task_data(task);
    exg_timer_cancel(&call->wait);
    if (call->cancelled != NULL) {
        g_source_destroy(call->cancelled);
        g_clear_pointer(&call->cancelled, g_source_unref);
    }
    attempt(task);
}

/* The next attempt will see for itself that it is cancelled. */
static gboolean
cancelled_waiting(GCancellable *cancellable, gpointer data)
{
    wait_over(data);
    return G_SOURCE_REMOVE;
}

static void
wait(GTask *task, gint64 wait_ms)
{
    Call *call = g_task_get_task_data(task);
    ExgEngine *engine = exg_http_client_engine(call->service->client);
    GCancellable *cancellable = g_task_get_cancellable(task);
    exg_timer_init(&call->wait, engine, wait_over, task);
    exg_timer_set(&call->wait, exg_clock_deadline_ms(wait_ms));
    if (cancellable == NULL)
        return;
    call->cancelled = g_cancellable_source_new(cancellable);
    g_source_set_callback(call->cancelled, G_SOURCE_FUNC(cancelled_waiting), task, NULL);
    g_source_attach(call->cancelled, exg_engine_context(engine));
}

/* Another version may help. If there is none, the error becomes one about versions, with the first
 * refusal as its cause: that was in the version that was wanted. */
static bool
try_version(Call *call, GError *error)
{
    const char *code = exg_error_facts(error)->service_code;
    if (exg_ews_versions_refused(&call->service->versions, call->mailbox, call->version, code,
                                 call->operation->minimum_version)) {
        if (call->first_refusal == NULL)
            call->first_refusal = g_error_copy(error);
        return true;
    }
    if (call->first_refusal != NULL) {
        g_free(error->message);
        error->message = g_strdup_printf("No version of EWS down to %s suits this server: %s",
                                         call->version, call->first_refusal->message);
        error->code = EXG_ERROR_CONFIG;
    }
    return false;
}

static bool
try_elsewhere(Call *call)
{
    guint n_urls = call->service->n_urls;
    if (call->tried_elsewhere + 1 >= n_urls)
        return false;
    call->tried_elsewhere++;
    call->endpoint = (call->endpoint + 1) % n_urls;
    g_clear_pointer(&call->moved_to, g_free);
    return true;
}

/* Whether the endpoint has to be found anew, which is done once for a call. */
static bool
locate_again(Call *call, const GError *error)
{
    ExgEwsService *service = call->service;
    if (service->locator == NULL || !exg_ews_wants_discovery(error))
        return false;
    exg_ews_service_lose_location(service, call->url);
    bool known = service->urls != NULL && g_strcmp0(service->urls[0], call->url) == 0;
    if (known || call->located_again)
        return false;
    call->located_again = true;
    g_clear_pointer(&call->moved_to, g_free);
    return true;
}

/* Whether the call goes on after an error, and when. */
static bool
goes_on(Call *call, GError *error, gint64 *ret_wait_ms)
{
    bool sent = call->request != NULL && exg_http_request_body_sent(call->request);
    bool elsewhere = locate_again(call, error);
    if (call->operation->once && sent)
        return false;
    *ret_wait_ms = 0;
    if (elsewhere)
        return true;
    ExgEwsRemedy remedy = exg_ews_remedy_of(error, call->service->proven);
    if (remedy == EXG_EWS_TRY_VERSION)
        return try_version(call, error);
    if (remedy == EXG_EWS_TRY_ELSEWHERE && try_elsewhere(call))
        return true;
    call->tried_elsewhere = 0;
    return exg_ews_retry_wait(&call->retry, remedy, error, ret_wait_ms);
}

/* An attempt has come to its end: tells the throttle what came of it, then the caller, or makes
 * another one. Takes the task's reference, what was made and the error. */
static void
settle(GTask *task, gpointer made, GError *error)
{
    Call *call = g_task_get_task_data(task);
    if (call->permit != NULL)
        exg_permit_release(g_steal_pointer(&call->permit), error);
    gint64 wait_ms = 0;
    if (error == NULL) {
        g_task_return_pointer(task, made, call->operation->free_result);
    } else if (!goes_on(call, error, &wait_ms)) {
        g_task_return_error(task, error);
    } else {
        exg_log(EXG_LOG_DEBUG, NULL, "%s again in %" G_GINT64_FORMAT " ms: %s",
                call->operation->name, wait_ms, error->message);
        if (wait_ms > 0 && call->service->again != NULL)
            call->service->again(error, wait_ms, call->service->again_data);
        g_error_free(error);
        /* Also at once only from the engine: an attempt may fail within its start. */
        wait(task, wait_ms);
        return;
    }
    g_object_unref(task);
}

/* --- the answer ------------------------------------------------------------------------------- */

/* One hop to another URL of the same server, as RFC 9110 15.4.8 lets a POST go. */
static bool
follow(Call *call, const ExgEwsReply *reply)
{
    if (call->operation->once || call->moved_to != NULL || reply->location == NULL ||
        (reply->status != 307 && reply->status != 308))
        return false;
    g_autoptr(GUri) from = g_uri_parse(url_of(call), URI_FLAGS, NULL);
    g_autoptr(GUri) to = from != NULL ? g_uri_parse_relative(from, reply->location, URI_FLAGS, NULL)
                                      : NULL;
    if (to == NULL || g_uri_get_host(to) == NULL || g_uri_get_userinfo(to) != NULL ||
        g_ascii_strcasecmp(g_uri_get_host(from), g_uri_get_host(to)) != 0 ||
        g_uri_get_port(from) != g_uri_get_port(to) ||
        !g_str_equal(g_uri_get_scheme(from), g_uri_get_scheme(to)))
        return false;
    g_autofree char *url = g_uri_to_string_partial(to, G_URI_HIDE_FRAGMENT);
    if (g_str_equal(url, url_of(call)))
        return false;
    call->moved_to = g_steal_pointer(&url);
    return true;
}

static void
take_cookies(const Call *call, const ExgHttpResponse *response)
{
    g_auto(GStrv) cookies = exg_http_response_headers(response, "Set-Cookie");
    for (guint i = 0; cookies[i] != NULL; i++)
        exg_ews_cookies_take(call->service->cookies, url_of(call), call->anchor, cookies[i]);
}

/* Why, in the words of the server: `code;reason="…"`. */
static const char *
diagnostics_of(const ExgHttpResponse *response)
{
    static const char *const names[] = {"X-MS-Diagnostics", "MS-Diagnostics",
                                        "MS-Diagnostics-Public"};
    const char *value = NULL;
    for (guint i = 0; i < G_N_ELEMENTS(names) && value == NULL; i++)
        value = exg_http_response_header(response, names[i]);
    return value;
}

static void
on_response(GObject *source, GAsyncResult *result, gpointer data)
{
    GTask *task = data;
    Call *call = g_task_get_task_data(task);
    ExgEwsService *service = call->service;
    GError *error = NULL;
    g_autoptr(ExgHttpResponse)
        response = exg_http_client_send_finish(service->client, result, &error);
    if (response == NULL) {
        settle(task, NULL, error);
        return;
    }
    take_cookies(call, response);
    ExgEwsServerInfo info = {0};
    const ExgEwsIntake *intake = call->operation->intake;
    g_autoptr(GBytes) left = intake != NULL ? intake->end(call->context) : NULL;
    const ExgEwsReply reply = {
        .status = exg_http_response_status(response),
        .location = exg_http_response_header(response, "Location"),
        .server = exg_http_response_header(response, "Server"),
        .request_id = exg_http_response_header(response, "request-id"),
        .cas_error = exg_http_response_header(response, "X-CasErrorCode"),
        .diagnostics = diagnostics_of(response),
        .retry_after_ms = exg_http_response_retry_after_ms(response),
        .posted_bytes = call->posted_bytes,
        .body = left != NULL ? left : exg_http_response_body(response),
        .ret_info = &info,
    };
    if (follow(call, &reply)) {
        g_clear_pointer(&call->permit, exg_permit_free);
        wait(task, 0);
        return;
    }
    gpointer made = NULL;
    (void)exg_ews_answer_read(call->operation, &reply, call->context, &made, &error);
    if (info.build.part[0] != 0)
        exg_ews_versions_learn(&service->versions, call->mailbox, &info);
    if (error == NULL || exg_error_facts(error)->service_code != NULL)
        service->proven = true;
    settle(task, made, error);
}

/* --- an attempt ------------------------------------------------------------------------------- */

/* Takes the task. */
static void
send_request(GTask *task)
{
    Call *call = g_task_get_task_data(task);
    make_request(call);
    exg_http_client_send_async(call->service->client, call->request, call->deadline_us,
                               g_task_get_cancellable(task), on_response, task);
}

static void
on_turn(ExgPermit *permit, const GError *error, gpointer data)
{
    GTask *task = data;
    Call *call = g_task_get_task_data(task);
    call->permit = permit;
    if (permit != NULL)
        send_request(task);
    else
        settle(task, NULL, g_error_copy(error));
}

/* An operation that is younger than the server, as far as that is known. */
static GError *
too_old_error(const Call *call)
{
    const char *minimum = call->operation->minimum_version;
    if (minimum == NULL || exg_ews_version_compare(call->version, minimum) >= 0)
        return NULL;
    GError *error = exg_error_new(EXG_ERROR_CONFIG,
                                  "%s needs %s or newer, but this server is spoken to in %s",
                                  call->operation->name, minimum, call->version);
    exg_error_set_stage(error, "version");
    return error;
}

static void
on_located(GObject *source, GAsyncResult *result, gpointer data)
{
    GTask *task = data;
    const Call *call = g_task_get_task_data(task);
    ExgEwsService *service = call->service;
    GError *error = NULL;
    g_autofree char *url = service->locator->find_finish(result, &error);
    bool cancelled = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    if (!cancelled && exg_ews_service_take_location(service, url)) {
        g_clear_error(&error);
        attempt(task);
        return;
    }
    g_task_return_error(task, error);
    g_object_unref(task);
}

/* Takes the task. */
static void
attempt(GTask *task)
{
    Call *call = g_task_get_task_data(task);
    ExgEwsService *service = call->service;
    g_clear_pointer(&call->request, exg_http_request_unref);
    if (service->urls == NULL) {
        service->locator->find(service->locator_data, call->deadline_us,
                               g_task_get_cancellable(task), on_located, task);
        return;
    }
    call->version = exg_ews_versions_choose(&service->versions, call->mailbox,
                                            call->operation->once);
    GError *error = too_old_error(call);
    if (error != NULL) {
        g_task_return_error(task, error);
        g_object_unref(task);
        return;
    }
    if (call->tried_elsewhere == 0 && call->moved_to == NULL && service->throttle != NULL)
        call->endpoint = exg_throttle_first_usable(
            service->throttle, (const char *const *)service->urls, service->n_urls);
    g_free(call->url);
    call->url = g_strdup(service->urls[call->endpoint]);
    if (service->throttle == NULL) {
        send_request(task);
        return;
    }
    const ExgThrottleTarget target = {call->url, service->account, call->mailbox};
    exg_throttle_take(service->throttle, &target, call->deadline_us, g_task_get_cancellable(task),
                      on_turn, task);
}

/* --- the faces -------------------------------------------------------------------------------- */

static void
start(Call *call, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    exg_ews_retry_init(&call->retry, &call->service->retry, call->deadline_us);
    GTask *task = g_task_new(NULL, cancellable, callback, data);
    g_task_set_source_tag(task, (gpointer)call->operation);
    g_task_set_name(task, call->operation->name);
    g_task_set_task_data(task, call, call_free);
    /* The client decides what a cancellation still means: an answer that came nevertheless must
     * be reported. */
    g_task_set_check_cancellable(task, FALSE);
    attempt(task);
}

static Call *
call_new(ExgEwsService *service, const ExgEwsOperation *operation, const ExgEwsTarget *target,
         gpointer context, GDestroyNotify free_context, gint64 deadline_us)
{
    Call *call = g_new0(Call, 1);
    call->service = exg_ews_service_ref(service);
    call->operation = operation;
    call->mailbox = g_strdup(target->mailbox);
    call->access = target->access;
    call->anchor = g_strdup(target->mailbox);
    call->context = context;
    call->free_context = free_context;
    call->deadline_us = deadline_us;
    return call;
}

void
exg_ews_call_start(ExgEwsService *service, const ExgEwsOperation *operation,
                   const ExgEwsTarget *target, gpointer context, GDestroyNotify free_context,
                   gint64 deadline_us, GCancellable *cancellable, GAsyncReadyCallback callback,
                   gpointer data)
{
    start(call_new(service, operation, target, context, free_context, deadline_us), cancellable,
          callback, data);
}

void
exg_ews_call_start_near(ExgEwsService *service, const ExgEwsOperation *operation,
                        const ExgEwsTarget *target, const char *anchor, gpointer context,
                        GDestroyNotify free_context, gint64 deadline_us, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer data)
{
    Call *call = call_new(service, operation, target, context, free_context, deadline_us);
    g_free(call->anchor);
    call->anchor = g_strdup(anchor);
    call->near_anchor = true;
    start(call, cancellable, callback, data);
}

bool
exg_ews_call_finish(GAsyncResult *result, const ExgEwsOperation *operation, gpointer *ret_result,
                    GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, NULL), false);
    g_return_val_if_fail(g_task_get_source_tag(G_TASK(result)) == operation, false);
    GError *failure = NULL;
    gpointer made = g_task_propagate_pointer(G_TASK(result), &failure);
    if (failure != NULL) {
        g_propagate_error(error, failure);
        return false;
    }
    *ret_result = made;
    return true;
}

void
exg_ews_call_refuse(const ExgEwsOperation *operation, GError *error, GCancellable *cancellable,
                    GAsyncReadyCallback callback, gpointer data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, data);
    g_task_set_source_tag(task, (gpointer)operation);
    g_task_return_error(task, error);
}

/* --- payloads --------------------------------------------------------------------------------- */

ExgHttpBody *
exg_ews_call_payload(const ExgEwsOperation *operation, const char *version,
                     const ExgEwsTarget *target, gconstpointer context)
{
    if (operation->make_body != NULL)
        return operation->make_body(version, target, context);
    g_auto(ExgXmlWriter) writer;
    exg_xml_writer_init(&writer);
    const char *time_zone = operation->time_zone != NULL ? operation->time_zone(context) : NULL;
    exg_ews_envelope_start_in_zone(&writer, version, target, time_zone);
    operation->write(&writer, target, context);
    return exg_ews_call_body(&writer);
}

ExgHttpBody *
exg_ews_call_body(ExgXmlWriter *writer)
{
    gsize length = 0;
    char *text = exg_xml_writer_steal(writer, &length);
    g_autoptr(GBytes) bytes = g_bytes_new_take(text, length);
    return exg_http_body_new_bytes(bytes);
}
