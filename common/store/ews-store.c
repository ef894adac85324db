#include "common/store/ews-store.h"

#include "common/ews/create-item.h"
#include "common/ews/find-item.h"

typedef struct {
    ExgStore store;
    ExgAccount *account;
} EwsStore;

static ExgEwsService *
service_of(ExgStore *store)
{
    return exg_account_ews(((EwsStore *)store)->account);
}

static void
deliver_async(ExgStore *store, const ExgStoreDelivery *delivery, gint64 deadline_us,
              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    ExgEwsTarget target = exg_account_target(((EwsStore *)store)->account, delivery->recipient);
    ExgEwsNewMessage message = {
        .folder = "inbox",
        .delivery_key = delivery->delivery_key,
        .delivery_time = delivery->received_time,
        .trace = delivery->trace,
        .message = delivery->message,
    };
    exg_ews_create_item_async(service_of(store), &target, &message, deadline_us, cancellable,
                              callback, data);
}

static bool
deliver_finish(ExgStore *store, GAsyncResult *result, char **ret_item_id, GError **error)
{
    return exg_ews_create_item_finish(service_of(store), result, ret_item_id, error);
}

static void
find_async(ExgStore *store, const char *recipient, const char *delivery_key, gint64 deadline_us,
           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    ExgEwsTarget target = exg_account_target(((EwsStore *)store)->account, recipient);
    exg_ews_find_item_async(service_of(store), &target, EXG_EWS_BY_DELIVERY_KEY, delivery_key, 0,
                            deadline_us, cancellable, callback, data);
}

static bool
find_finish(ExgStore *store, GAsyncResult *result, char **ret_item_id, GError **error)
{
    g_auto(GStrv) ids = NULL;
    if (!exg_ews_find_item_finish(service_of(store), result, &ids, error))
        return false;
    *ret_item_id = g_strdup(ids[0]);
    return true;
}

static void
store_free(ExgStore *store)
{
    exg_account_unref(((EwsStore *)store)->account);
    g_free(store);
}

static const ExgStoreClass ews_store_class = {
    .deliver_async = deliver_async,
    .deliver_finish = deliver_finish,
    .find_async = find_async,
    .find_finish = find_finish,
    .free = store_free,
};

ExgStore *
exg_ews_store_new(ExgAccount *account)
{
    EwsStore *self = g_new0(EwsStore, 1);
    self->store.class = &ews_store_class;
    self->account = exg_account_ref(account);
    return &self->store;
}
