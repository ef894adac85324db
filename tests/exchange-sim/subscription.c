#include "tests/exchange-sim/subscription.h"

#include "tests/exchange-sim/text.h"

#include <string.h>

typedef struct {
    ExgSimEventKind kind;
    char *time, *item_id, *folder_id, *parent_id, *old_item_id, *old_parent_id;
} News;

struct ExgSimSubscription {
    char *id, *address;
    GPtrArray *folders; /* of ExgSimFolder; NULL: all */
    guint kinds;
    GQueue news; /* of News */
    ExgSimListener listener;
    gpointer data;
};

struct ExgSimSubscriptions {
    GPtrArray *list; /* of ExgSimSubscription */
};

static void
news_free(gpointer data)
{
    News *news = data;
    g_free(news->time);
    g_free(news->item_id);
    g_free(news->folder_id);
    g_free(news->parent_id);
    g_free(news->old_item_id);
    g_free(news->old_parent_id);
    g_free(news);
}

static void
subscription_free(gpointer data)
{
    ExgSimSubscription *subscription = data;
    if (subscription->listener != NULL)
        subscription->listener(subscription, true, subscription->data);
    g_queue_clear_full(&subscription->news, news_free);
    g_clear_pointer(&subscription->folders, g_ptr_array_unref);
    g_free(subscription->id);
    g_free(subscription->address);
    g_free(subscription);
}

ExgSimSubscriptions *
exg_sim_subscriptions_new(void)
{
    ExgSimSubscriptions *subscriptions = g_new0(ExgSimSubscriptions, 1);
    subscriptions->list = g_ptr_array_new_with_free_func(subscription_free);
    return subscriptions;
}

void
exg_sim_subscriptions_free(ExgSimSubscriptions *subscriptions)
{
    if (subscriptions == NULL)
        return;
    g_ptr_array_unref(subscriptions->list);
    g_free(subscriptions);
}

const char *
exg_sim_subscriptions_add(ExgSimSubscriptions *subscriptions, const ExgSimMailbox *mailbox,
                          GPtrArray *folders, guint kinds)
{
    g_autoptr(GPtrArray) taken = folders;
    if (subscriptions->list->len >= EXG_SIM_SUBSCRIPTIONS_MAX)
        return NULL;
    ExgSimSubscription *subscription = g_new0(ExgSimSubscription, 1);
    g_autofree char *uuid = g_uuid_string_random();
    subscription->id = g_base64_encode((const guchar *)uuid, strlen(uuid));
    subscription->address = g_strdup(mailbox->address);
    subscription->folders = g_steal_pointer(&taken);
    subscription->kinds = kinds;
    g_queue_init(&subscription->news);
    g_ptr_array_add(subscriptions->list, subscription);
    return subscription->id;
}

ExgSimSubscription *
exg_sim_subscriptions_find(ExgSimSubscriptions *subscriptions, const char *id)
{
    for (guint i = 0; i < subscriptions->list->len; i++) {
        ExgSimSubscription *subscription = g_ptr_array_index(subscriptions->list, i);
        if (g_str_equal(subscription->id, id))
            return subscription;
    }
    return NULL;
}

bool
exg_sim_subscriptions_remove(ExgSimSubscriptions *subscriptions, const char *id)
{
    ExgSimSubscription *subscription = exg_sim_subscriptions_find(subscriptions, id);
    return subscription != NULL && g_ptr_array_remove(subscriptions->list, subscription);
}

guint
exg_sim_subscriptions_clear(ExgSimSubscriptions *subscriptions)
{
    guint count = subscriptions->list->len;
    g_ptr_array_set_size(subscriptions->list, 0);
    return count;
}

static bool
concerns(const ExgSimSubscription *subscription, const ExgSimMailbox *mailbox,
         const ExgSimEvent *event)
{
    if ((subscription->kinds & 1u << event->kind) == 0 ||
        !g_str_equal(subscription->address, mailbox->address))
        return false;
    GPtrArray *folders = subscription->folders;
    return folders == NULL || g_ptr_array_find(folders, event->parent, NULL) ||
           (event->old_parent != NULL && g_ptr_array_find(folders, event->old_parent, NULL));
}

static char *
folder_id(const ExgSimMailbox *mailbox, const ExgSimFolder *folder)
{
    return folder != NULL ? exg_sim_id_new(mailbox->address, folder, 0) : NULL;
}

void
exg_sim_subscriptions_watch(const ExgSimMailbox *mailbox, const ExgSimEvent *event, gpointer data)
{
    ExgSimSubscriptions *subscriptions = data;
    for (guint i = 0; i < subscriptions->list->len; i++) {
        ExgSimSubscription *subscription = g_ptr_array_index(subscriptions->list, i);
        if (!concerns(subscription, mailbox, event))
            continue;
        News *news = g_new0(News, 1);
        news->kind = event->kind;
        news->time = exg_sim_time_format(g_get_real_time() / G_USEC_PER_SEC);
        news->item_id = g_strdup(event->item_id);
        news->folder_id = folder_id(mailbox, event->concerned);
        news->parent_id = folder_id(mailbox, event->parent);
        news->old_item_id = g_strdup(event->old_item_id);
        news->old_parent_id = folder_id(mailbox, event->old_parent);
        g_queue_push_tail(&subscription->news, news);
        if (subscription->news.length > EXG_SIM_EVENTS_MAX)
            news_free(g_queue_pop_head(&subscription->news));
        if (subscription->listener != NULL)
            subscription->listener(subscription, false, subscription->data);
    }
}

void
exg_sim_subscription_listen(ExgSimSubscription *subscription, ExgSimListener listener,
                            gpointer data)
{
    ExgSimListener before = subscription->listener;
    gpointer before_data = subscription->data;
    subscription->listener = listener;
    subscription->data = data;
    if (before != NULL && listener != NULL)
        before(subscription, true, before_data);
}

bool
exg_sim_subscription_has_news(const ExgSimSubscription *subscription)
{
    return subscription->news.length > 0;
}

static void
write_id(ExgXmlWriter *writer, const char *element, const char *id)
{
    if (id == NULL)
        return;
    exg_xml_start(writer, element);
    exg_xml_attribute(writer, "Id", id);
    exg_xml_end(writer);
}

static void
write_news(ExgXmlWriter *writer, const News *news)
{
    static const char *const elements[] = {"t:NewMailEvent",  "t:CreatedEvent", "t:DeletedEvent",
                                           "t:ModifiedEvent", "t:MovedEvent",   "t:CopiedEvent"};
    exg_xml_start(writer, elements[news->kind]);
    exg_xml_element(writer, "t:TimeStamp", news->time);
    write_id(writer, "t:FolderId", news->folder_id);
    write_id(writer, "t:ItemId", news->item_id);
    write_id(writer, "t:ParentFolderId", news->parent_id);
    write_id(writer, "t:OldItemId", news->old_item_id);
    write_id(writer, "t:OldParentFolderId", news->old_parent_id);
    exg_xml_end(writer);
}

void
exg_sim_subscription_write(ExgSimSubscription *subscription, ExgXmlWriter *writer)
{
    exg_xml_start(writer, "m:Notification");
    exg_xml_element(writer, "t:SubscriptionId", subscription->id);
    if (subscription->news.length == 0)
        exg_xml_element(writer, "t:StatusEvent", "");
    for (News *news; (news = g_queue_pop_head(&subscription->news)) != NULL; news_free(news))
        write_news(writer, news);
    exg_xml_end(writer);
}
