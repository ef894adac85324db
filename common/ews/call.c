#include "common/ews/call-private.h"

#include "common/base/error.h"
#include "common/ews/envelope-private.h"
#include "common/ews/service-private.h"

typedef struct {
    ExgEwsService *service;
    const ExgEwsOperation *operation;
    ExgHttpRequest *request;
    guint64 posted_bytes;
    gpointer context;
    GDestroyNotify free_context;
    gint64 deadline_us;
    ExgPermit *permit; /* of the service's throttle, while the request is under way */
} Call;

static void
call_free(gpointer data)
{
    Call *call = data;
    exg_permit_free(call->permit);
    if (call->free_context != NULL)
        call->free_context(call->context);
    exg_http_request_unref(call->request);
    exg_ews_service_unref(call->service);
    g_free(call);
}

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
add_headers(ExgHttpRequest *request, const char *operation, const char *anchor)
{
    g_autofree char *action = g_strdup_printf("\"%s/%s\"", EXG_EWS_MESSAGES_SPACE, operation);
    g_autofree char *id = g_uuid_string_random();
    exg_http_request_add_header(request, "Content-Type", "text/xml; charset=utf-8");
    exg_http_request_add_header(request, "Accept", "text/xml");
    exg_http_request_add_header(request, "SOAPAction", action);
    exg_http_request_add_header(request, "client-request-id", id);
    exg_http_request_add_header(request, "return-client-request-id", "true");
    if (exg_ews_fits_header(anchor))
        exg_http_request_add_header(request, "X-AnchorMailbox", anchor);
}

/* Tells the throttle what came of it, then the caller. */
static void
finish(GTask *task, gpointer made, GError *error)
{
    Call *call = g_task_get_task_data(task);
    if (call->permit != NULL)
        exg_permit_release(g_steal_pointer(&call->permit), error);
    if (error != NULL)
        g_task_return_error(task, error);
    else
        g_task_return_pointer(task, made, call->operation->free_result);
}

static void
on_response(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GTask) task = data;
    Call *call = g_task_get_task_data(task);
    GError *error = NULL;
    g_autoptr(ExgHttpResponse)
        response = exg_http_client_send_finish(call->service->client, result, &error);
    if (response == NULL) {
        finish(task, NULL, error);
        return;
    }
    ExgEwsReply reply = {
        .status = exg_http_response_status(response),
        .location = exg_http_response_header(response, "Location"),
        .server = exg_http_response_header(response, "Server"),
        .request_id = exg_http_response_header(response, "request-id"),
        .retry_after_ms = exg_http_response_retry_after_ms(response),
        .posted_bytes = call->posted_bytes,
        .body = exg_http_response_body(response),
    };
    gpointer made = NULL;
    (void)exg_ews_answer_read(call->operation, &reply, call->context, &made, &error);
    finish(task, made, error);
}

/* Takes the task. */
static void
send_request(GTask *task)
{
    Call *call = g_task_get_task_data(task);
    exg_http_client_send_async(call->service->client, call->request, call->deadline_us,
                               g_task_get_cancellable(task), on_response, task);
}

static void
on_turn(ExgPermit *permit, const GError *error, gpointer data)
{
    GTask *task = data;
    Call *call = g_task_get_task_data(task);
    call->permit = permit;
    if (permit != NULL) {
        send_request(task);
        return;
    }
    g_task_return_error(task, g_error_copy(error));
    g_object_unref(task);
}

void
exg_ews_call_async(ExgEwsService *service, const ExgEwsOperation *operation, const char *anchor,
                   ExgHttpBody *body, gpointer context, GDestroyNotify free_context,
                   gint64 deadline_us, GCancellable *cancellable, GAsyncReadyCallback callback,
                   gpointer data)
{
    if (service->tap != NULL)
        show(service, operation->name, body);
    Call *call = g_new0(Call, 1);
    call->service = exg_ews_service_ref(service);
    call->operation = operation;
    call->context = context;
    call->free_context = free_context;
    call->posted_bytes = body->length;
    call->deadline_us = deadline_us;
    call->request = exg_http_request_new("POST", service->url, body, EXG_EWS_MAX_ANSWER_BYTES);
    add_headers(call->request, operation->name, anchor);
    if (operation->once)
        exg_http_request_set_once(call->request);

    GTask *task = g_task_new(NULL, cancellable, callback, data);
    g_task_set_source_tag(task, (gpointer)operation);
    g_task_set_name(task, operation->name);
    g_task_set_task_data(task, call, call_free);
    /* The client decides what a cancellation still means: an answer that came nevertheless must
     * be reported. */
    g_task_set_check_cancellable(task, FALSE);
    if (service->throttle == NULL) {
        send_request(task);
        return;
    }
    const ExgThrottleTarget target = {service->url, service->account, anchor};
    exg_throttle_take(service->throttle, &target, deadline_us, cancellable, on_turn, task);
}

void
exg_ews_call_refuse(const ExgEwsOperation *operation, GError *error, GCancellable *cancellable,
                    GAsyncReadyCallback callback, gpointer data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, data);
    g_task_set_source_tag(task, (gpointer)operation);
    g_task_return_error(task, error);
}

ExgHttpBody *
exg_ews_call_payload(const ExgEwsOperation *operation, const char *version,
                     const ExgEwsTarget *target, gconstpointer context)
{
    g_auto(ExgXmlWriter) writer;
    exg_xml_writer_init(&writer);
    exg_ews_envelope_start(&writer, version, target);
    operation->write(&writer, target, context);
    return exg_ews_call_body(&writer);
}

void
exg_ews_call_start(ExgEwsService *service, const ExgEwsOperation *operation,
                   const ExgEwsTarget *target, gpointer context, GDestroyNotify free_context,
                   gint64 deadline_us, GCancellable *cancellable, GAsyncReadyCallback callback,
                   gpointer data)
{
    ExgHttpBody *body = exg_ews_call_payload(operation, service->version, target, context);
    exg_ews_call_async(service, operation, target->mailbox, body, context, free_context,
                       deadline_us, cancellable, callback, data);
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

ExgHttpBody *
exg_ews_call_body(ExgXmlWriter *writer)
{
    gsize length = 0;
    char *text = exg_xml_writer_steal(writer, &length);
    g_autoptr(GBytes) bytes = g_bytes_new_take(text, length);
    return exg_http_body_new_bytes(bytes);
}
