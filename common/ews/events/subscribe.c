#include "common/ews/events/subscribe-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/item-private.h"

const char *const exg_ews_event_names[] = {"NewMailEvent",
                                           "CreatedEvent",
                                           "DeletedEvent",
                                           "ModifiedEvent",
                                           "MovedEvent",
                                           "CopiedEvent",
                                           NULL};

/* --- Subscribe -------------------------------------------------------------------------------- */

static void
write_subscribe(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsSubscriptionOrder *order = context;
    exg_xml_start(writer, "m:Subscribe");
    exg_xml_start(writer, "m:StreamingSubscriptionRequest");
    if (order->folders->len == 0) {
        exg_xml_attribute(writer, "SubscribeToAllFolders", "true");
    } else {
        exg_xml_start(writer, "t:FolderIds");
        for (guint i = 0; i < order->folders->len; i++)
            exg_ews_write_any_folder(writer, target,
                                     &g_array_index(order->folders, ExgEwsFolderId, i));
        exg_xml_end(writer);
    }
    exg_xml_start(writer, "t:EventTypes");
    for (guint i = 0; exg_ews_event_names[i] != NULL; i++)
        if (order->kinds & 1u << i)
            exg_xml_element(writer, "t:EventType", exg_ews_event_names[i]);
}

static bool
decode_subscribe(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
                 gpointer *ret_result, GError **error)
{
    if (!exg_ews_message_check(operation, message, error))
        return false;
    const ExgXmlNode *id = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "SubscriptionId");
    if (id == NULL || id->text[0] == '\0')
        return exg_ews_answer_senseless(operation, error, "success without a SubscriptionId");
    *ret_result = g_strdup(id->text);
    return true;
}

const ExgEwsOperation exg_ews_subscribe_operation = {
    .name = "Subscribe",
    .n_messages = 1,
    .minimum_version = "Exchange2010_SP1",
    .write = write_subscribe,
    .decode = decode_subscribe,
    .free_result = g_free,
};

static void
clear_folder(gpointer folder)
{
    exg_ews_folder_id_clear(folder);
}

static void
free_order(gpointer data)
{
    ExgEwsSubscriptionOrder *order = data;
    g_array_unref(order->folders);
    g_free(order);
}

void
exg_ews_subscribe_async(ExgEwsService *service, const ExgEwsTarget *target,
                        const ExgEwsFolderId *folders, guint n_folders, guint kinds,
                        gint64 deadline_us, GCancellable *cancellable, GAsyncReadyCallback callback,
                        gpointer data)
{
    g_return_if_fail((kinds & EXG_EWS_ALL_EVENTS) != 0);
    ExgEwsSubscriptionOrder *order = g_new(ExgEwsSubscriptionOrder, 1);
    order->kinds = kinds;
    order->folders = g_array_new(FALSE, FALSE, sizeof(ExgEwsFolderId));
    g_array_set_clear_func(order->folders, clear_folder);
    for (guint i = 0; i < n_folders; i++) {
        ExgEwsFolderId folder = exg_ews_folder_id_copy(&folders[i]);
        g_array_append_val(order->folders, folder);
    }
    exg_ews_call_start_near(service, &exg_ews_subscribe_operation, target, target->mailbox, order,
                            free_order, deadline_us, cancellable, callback, data);
}

bool
exg_ews_subscribe_finish(ExgEwsService *service, GAsyncResult *result, char **ret_subscription_id,
                         GError **error)
{
    gpointer id = NULL;
    if (!exg_ews_call_finish(result, &exg_ews_subscribe_operation, &id, error))
        return false;
    *ret_subscription_id = id;
    return true;
}

/* --- Unsubscribe ------------------------------------------------------------------------------ */

static void
write_unsubscribe(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer subscription_id)
{
    exg_xml_start(writer, "m:Unsubscribe");
    exg_xml_element(writer, "m:SubscriptionId", subscription_id);
}

static bool
decode_unsubscribe(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
                   gpointer *ret_result, GError **error)
{
    if (!exg_ews_message_check(operation, message, error))
        return false;
    *ret_result = NULL;
    return true;
}

const ExgEwsOperation exg_ews_unsubscribe_operation = {
    .name = "Unsubscribe",
    .n_messages = 1,
    .minimum_version = "Exchange2010_SP1",
    .write = write_unsubscribe,
    .decode = decode_unsubscribe,
};

void
exg_ews_unsubscribe_async(ExgEwsService *service, const ExgEwsTarget *target,
                          const char *subscription_id, gint64 deadline_us,
                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    exg_ews_call_start_near(service, &exg_ews_unsubscribe_operation, target, target->mailbox,
                            g_strdup(subscription_id), g_free, deadline_us, cancellable, callback,
                            data);
}

bool
exg_ews_unsubscribe_finish(ExgEwsService *service, GAsyncResult *result, GError **error)
{
    gpointer nothing = NULL;
    return exg_ews_call_finish(result, &exg_ews_unsubscribe_operation, &nothing, error);
}
