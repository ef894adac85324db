#include "common/ews/events/streaming-events-private.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/events/subscribe-private.h"
#include "common/ews/text-private.h"
#include "common/ews/value-private.h"

/* The server's last word comes after the time asked for. */
#define LAST_WORD_MS  60000
#define MAX_BYTES     ((gsize)1 << 30)
#define MAX_IDS_SHOWN 10

static const char types[] = EXG_EWS_TYPES_SPACE;
static const char messages[] = EXG_EWS_MESSAGES_SPACE;

void
exg_ews_event_free(ExgEwsEvent *event)
{
    if (event == NULL)
        return;
    g_free(event->subscription_id);
    g_free(event->item_id);
    g_free(event->folder_id);
    g_free(event->parent_id);
    g_free(event->old_item_id);
    g_free(event->old_folder_id);
    g_free(event->old_parent_id);
    g_free(event);
}

static void
event_free(gpointer event)
{
    exg_ews_event_free(event);
}

/* --- an envelope ------------------------------------------------------------------------------ */

static char *
id_in(const ExgXmlNode *node, const char *name)
{
    return g_strdup(exg_xml_node_attribute(exg_xml_node_child(node, types, name), "Id"));
}

static ExgEwsEvent *
read_event(const ExgXmlNode *node, const char *subscription_id)
{
    guint kind = 0;
    while (exg_ews_event_names[kind] != NULL &&
           !exg_xml_node_is(node, types, exg_ews_event_names[kind]))
        kind++;
    if (exg_ews_event_names[kind] == NULL)
        return NULL;
    ExgEwsEvent *event = g_new0(ExgEwsEvent, 1);
    event->kind = (ExgEwsEventKind)(1u << kind);
    event->subscription_id = g_strdup(subscription_id);
    event->time = exg_ews_child_time(node, "TimeStamp", -1);
    event->item_id = id_in(node, "ItemId");
    event->folder_id = id_in(node, "FolderId");
    event->parent_id = id_in(node, "ParentFolderId");
    event->old_item_id = id_in(node, "OldItemId");
    event->old_folder_id = id_in(node, "OldFolderId");
    event->old_parent_id = id_in(node, "OldParentFolderId");
    return event;
}

static void
read_notification(const ExgXmlNode *notification, GPtrArray *events)
{
    const char *id = exg_ews_child_text(notification, "SubscriptionId");
    for (const ExgXmlNode *node = notification->first_child; node != NULL; node = node->next) {
        ExgEwsEvent *event = read_event(node, id);
        if (event != NULL)
            g_ptr_array_add(events, event);
    }
}

/* Names the subscriptions that an error is about. */
static void
add_ids(GError *error, const ExgXmlNode *list)
{
    g_autoptr(GString) ids = g_string_new(NULL);
    guint count = 0;
    for (const ExgXmlNode *id = list != NULL ? list->first_child : NULL;
         id != NULL && count < MAX_IDS_SHOWN; id = id->next, count++) {
        g_autofree char *text = exg_ews_clean_text(id->text, EXG_EWS_MAX_CODE_BYTES);
        g_string_append_printf(ids, "%s%s", count > 0 ? ", " : "", text);
    }
    if (count == 0)
        return;
    g_autofree char *message = error->message;
    error->message = g_strdup_printf("%s (subscription IDs: %s)", message, ids->str);
}

static void
free_news(gpointer data)
{
    ExgEwsNews *news = data;
    g_ptr_array_unref(news->events);
    g_free(news);
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
       gpointer *ret_result, GError **error)
{
    g_autoptr(GPtrArray) events = g_ptr_array_new_with_free_func(event_free);
    bool closed = false;
    for (; message != NULL; message = message->next) {
        GError *failure = NULL;
        if (!exg_ews_message_check(operation, message, &failure)) {
            add_ids(failure, exg_xml_node_child(message, messages, "ErrorSubscriptionIds"));
            g_propagate_error(error, failure);
            return false;
        }
        const ExgXmlNode *list = exg_xml_node_child(message, messages, "Notifications");
        const ExgXmlNode *status = exg_xml_node_child(message, messages, "ConnectionStatus");
        closed |= status != NULL && g_str_equal(status->text, "Closed");
        for (const ExgXmlNode *node = exg_xml_node_child(list, messages, "Notification");
             node != NULL; node = exg_xml_node_next_same(node))
            read_notification(node, events);
    }
    ExgEwsNews *news = g_new(ExgEwsNews, 1);
    *news = (ExgEwsNews){g_steal_pointer(&events), closed};
    *ret_result = news;
    return true;
}

const ExgEwsOperation exg_ews_streaming_events_envelope = {
    .name = "GetStreamingEvents",
    .decode = decode,
    .free_result = free_news,
};

/* --- the answer ------------------------------------------------------------------------------- */

static bool
take_envelope(GBytes *envelope, gpointer user, GError **error)
{
    ExgEwsListening *listening = user;
    const ExgEwsReply reply = {.status = 200, .retry_after_ms = -1, .body = envelope};
    gpointer result = NULL;
    if (!exg_ews_answer_read(&exg_ews_streaming_events_envelope, &reply, listening, &result, error))
        return false;
    ExgEwsNews *news = result;
    listening->closed = news->closed;
    listening->function(news->events, listening->user);
    free_news(news);
    /* The connection's end is not waited for. */
    return !listening->closed || exg_error_set(error, EXG_ERROR_UNREACHABLE, "The stream is over");
}

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsListening *listening = context;
    g_autofree char *minutes = g_strdup_printf("%u", listening->minutes);
    exg_xml_start(writer, "m:GetStreamingEvents");
    exg_xml_start(writer, "m:SubscriptionIds");
    for (guint i = 0; listening->ids[i] != NULL; i++)
        exg_xml_element(writer, "t:SubscriptionId", listening->ids[i]);
    exg_xml_end(writer);
    exg_xml_element(writer, "m:ConnectionTimeout", minutes);
}

static void
begin(gpointer context)
{
    ExgEwsListening *listening = context;
    exg_ews_envelope_splitter_clear(&listening->splitter);
    exg_ews_envelope_splitter_init(&listening->splitter);
}

static bool
take(gpointer context, const char *data, gsize length, GError **error)
{
    ExgEwsListening *listening = context;
    return exg_ews_envelope_splitter_take(&listening->splitter, data, length, take_envelope,
                                          listening, error);
}

/* Whatever is left is no envelope: the answer has ended without its last word. */
static GBytes *
end(gpointer context)
{
    return g_bytes_new_static("", 0);
}

static const ExgEwsIntake intake = {
    .max_bytes = MAX_BYTES, .begin = begin, .take = take, .end = end};

const ExgEwsOperation exg_ews_streaming_events_operation = {
    .name = "GetStreamingEvents",
    .minimum_version = "Exchange2010_SP1",
    .write = write_request,
    .decode = decode,
    .free_result = free_news,
    .intake = &intake,
};

/* --- the call --------------------------------------------------------------------------------- */

static void
listening_unref(gpointer data)
{
    ExgEwsListening *listening = data;
    if (--listening->references > 0)
        return;
    g_strfreev(listening->ids);
    exg_ews_envelope_splitter_clear(&listening->splitter);
    g_free(listening);
}

static void
on_end(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GTask) task = data;
    ExgEwsListening *listening = g_task_get_task_data(task);
    GError *error = NULL;
    gpointer news = NULL;
    if (exg_ews_call_finish(result, &exg_ews_streaming_events_operation, &news, &error))
        free_news(news);
    if (listening->closed)
        g_clear_error(&error);
    if (error != NULL)
        g_task_return_error(task, error);
    else
        g_task_return_boolean(task, TRUE);
}

void
exg_ews_streaming_events_async(ExgEwsService *service, const ExgEwsTarget *target,
                               const char *const *subscription_ids, guint minutes,
                               ExgEwsEventsFunc function, gpointer user, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer data)
{
    ExgEwsListening *listening = g_new0(ExgEwsListening, 1);
    listening->references = 2; /* the call's and the task's */
    listening->ids = g_strdupv((char **)subscription_ids);
    listening->minutes = CLAMP(minutes, 1, EXG_EWS_MAX_STREAM_MINUTES);
    listening->function = function;
    listening->user = user;
    GTask *task = g_task_new(NULL, cancellable, callback, data);
    g_task_set_source_tag(task, exg_ews_streaming_events_async);
    g_task_set_check_cancellable(task, FALSE);
    g_task_set_task_data(task, listening, listening_unref);
    gint64 deadline_us = exg_clock_deadline_ms(listening->minutes * G_GINT64_CONSTANT(60000) +
                                               LAST_WORD_MS);
    exg_ews_call_start_near(service, &exg_ews_streaming_events_operation, target, target->mailbox,
                            listening, listening_unref, deadline_us, cancellable, on_end, task);
}

bool
exg_ews_streaming_events_finish(ExgEwsService *service, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, NULL), false);
    return g_task_propagate_boolean(G_TASK(result), error);
}
