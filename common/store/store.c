#include "common/store/store.h"

void
exg_store_free(ExgStore *store)
{
    if (store != NULL)
        store->class->free(store);
}

void
exg_store_deliver_async(ExgStore *store, const ExgStoreDelivery *delivery, gint64 deadline_us,
                        GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    store->class->deliver_async(store, delivery, deadline_us, cancellable, callback, data);
}

bool
exg_store_deliver_finish(ExgStore *store, GAsyncResult *result, char **ret_item_id, GError **error)
{
    return store->class->deliver_finish(store, result, ret_item_id, error);
}

void
exg_store_find_async(ExgStore *store, const char *recipient, const char *delivery_key,
                     gint64 deadline_us, GCancellable *cancellable, GAsyncReadyCallback callback,
                     gpointer data)
{
    store->class->find_async(store, recipient, delivery_key, deadline_us, cancellable, callback,
                             data);
}

bool
exg_store_find_finish(ExgStore *store, GAsyncResult *result, char **ret_item_id, GError **error)
{
    return store->class->find_finish(store, result, ret_item_id, error);
}
