/* Subscribe, Unsubscribe, and the beginning of GetStreamingEvents. */
#include "tests/exchange-sim/call.h"
#include "tests/exchange-sim/subscription.h"

static guint
kinds_of(const ExgXmlNode *types)
{
    static const char *const names[] = {"NewMailEvent",  "CreatedEvent", "DeletedEvent",
                                        "ModifiedEvent", "MovedEvent",   "CopiedEvent"};
    guint kinds = 0;
    for (const ExgXmlNode *type = types->first_child; type != NULL; type = type->next)
        for (guint i = 0; i < G_N_ELEMENTS(names); i++)
            if (g_str_equal(type->text, names[i]))
                kinds |= 1u << i;
    return kinds;
}

static const char *
subscribe(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *request = exg_sim_message_child(call->envelope.operation,
                                                      "StreamingSubscriptionRequest");
    const ExgXmlNode *ids = exg_sim_type_child(request, "FolderIds");
    ExgSimMailbox *mailbox = NULL;
    if (request == NULL) {
        exg_sim_refuse(refusal, "ErrorInvalidSubscriptionRequest",
                       "The simulated Exchange has streaming subscriptions only.");
        return NULL;
    }
    g_autoptr(GPtrArray) folders = ids != NULL ? g_ptr_array_new() : NULL;
    for (const ExgXmlNode *id = ids != NULL ? ids->first_child : NULL; id != NULL; id = id->next) {
        const ExgSimFolder *folder;
        if (!exg_sim_call_folder(call, id, &mailbox, &folder, refusal))
            return NULL;
        g_ptr_array_add(folders, (gpointer)folder);
    }
    if (mailbox == NULL)
        mailbox = exg_sim_call_own_mailbox(call, refusal);
    if (mailbox == NULL)
        return NULL;
    const char *id = exg_sim_subscriptions_add(exg_sim_directory_subscriptions(call->directory),
                                               mailbox, g_steal_pointer(&folders),
                                               kinds_of(exg_sim_type_child(request, "EventTypes")));
    if (id == NULL)
        exg_sim_refuse(refusal, "ErrorExceededSubscriptionCount", NULL);
    return id;
}

bool
exg_sim_subscribe(ExgSimCall *call, ExgSimRefusal *refusal)
{
    g_auto(ExgSimRefusal) failure = {0};
    const char *id = subscribe(call, &failure);
    exg_sim_call_start_message(call, "m:SubscribeResponseMessage", &failure);
    if (id != NULL)
        exg_xml_element(&call->writer, "m:SubscriptionId", id);
    exg_xml_end(&call->writer);
    return true;
}

bool
exg_sim_unsubscribe(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *id = exg_sim_message_child(call->envelope.operation, "SubscriptionId");
    g_auto(ExgSimRefusal) failure = {0};
    if (!exg_sim_subscriptions_remove(exg_sim_directory_subscriptions(call->directory), id->text))
        exg_sim_refuse(&failure, "ErrorSubscriptionNotFound", NULL);
    exg_sim_call_start_message(call, "m:UnsubscribeResponseMessage", &failure);
    exg_xml_end(&call->writer);
    return true;
}

bool
exg_sim_get_streaming_events(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *operation = call->envelope.operation;
    const ExgXmlNode *ids = exg_sim_message_child(operation, "SubscriptionIds");
    const ExgXmlNode *minutes = exg_sim_message_child(operation, "ConnectionTimeout");
    ExgSimSubscriptions *subscriptions = exg_sim_directory_subscriptions(call->directory);
    g_autoptr(GPtrArray) good = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) bad = g_ptr_array_new();
    g_auto(ExgSimRefusal) failure = {0};
    for (const ExgXmlNode *id = ids->first_child; id != NULL; id = id->next) {
        if (exg_sim_subscriptions_find(subscriptions, id->text) != NULL)
            g_ptr_array_add(good, g_strdup(id->text));
        else
            g_ptr_array_add(bad, (gpointer)id->text);
    }
    if (bad->len > 0)
        exg_sim_refuse(&failure, "ErrorSubscriptionNotFound", NULL);
    exg_sim_call_start_message(call, "m:GetStreamingEventsResponseMessage", &failure);
    if (bad->len > 0) {
        exg_xml_start(&call->writer, "m:ErrorSubscriptionIds");
        for (guint i = 0; i < bad->len; i++)
            exg_xml_element(&call->writer, "t:SubscriptionId", g_ptr_array_index(bad, i));
        exg_xml_end(&call->writer);
    } else {
        exg_xml_element(&call->writer, "m:ConnectionStatus", "OK");
        call->streams = g_steal_pointer(&good);
        call->stream_minutes = (guint)g_ascii_strtoull(minutes->text, NULL, 10);
    }
    exg_xml_end(&call->writer);
    return true;
}
