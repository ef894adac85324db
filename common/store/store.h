/* store.h - one message into one mailbox, whatever the mailbox is: the interface of all stores.
 *
 * ews-store.h is the one for Exchange Server; journaled-store.h makes any of them deliver exactly
 * once. What they promise: success only if the server has confirmed the item; a delivery is sent at
 * most once per call; an outcome that is not known is EXG_ERROR_AMBIGUOUS and nothing else is.
 *
 * Threads:  the engine's.
 * Errors:   EXG_ERROR or G_IO_ERROR_CANCELLED; NO_MAILBOX is one witness only (see directory.h).
 */
#ifndef EXG_STORE_STORE_H
#define EXG_STORE_STORE_H

#include "common/mime/message.h"
#include <gio/gio.h>

typedef struct ExgStore ExgStore;

typedef struct {
    const char *recipient;    /* envelope address */
    bool junk;                /* into the junk folder instead of the inbox */
    const char *delivery_key; /* delivery-key.h */
    const char *queue_id;     /* the MTA's, or NULL */
    gint64 received_time;     /* seconds since 1970 */
    GBytes *trace;            /* header lines to put in front, each with CRLF */
    ExgMessage *message;
} ExgStoreDelivery;

typedef struct {
    void (*deliver_async)(ExgStore *self, const ExgStoreDelivery *delivery, gint64 deadline_us,
                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
    bool (*deliver_finish)(ExgStore *self, GAsyncResult *result, char **ret_item_id,
                           GError **error);
    void (*find_async)(ExgStore *self, const char *recipient, const char *delivery_key,
                       gint64 deadline_us, GCancellable *cancellable, GAsyncReadyCallback callback,
                       gpointer data);
    bool (*find_finish)(ExgStore *self, GAsyncResult *result, char **ret_item_id, GError **error);
    void (*free)(ExgStore *self);
} ExgStoreClass;

/* Implementations embed this first. */
struct ExgStore {
    const ExgStoreClass *class;
};

void exg_store_free(ExgStore *store);

/* The delivery is copied or referenced. `*ret_item_id`: (transfer full). */
void exg_store_deliver_async(ExgStore *store, const ExgStoreDelivery *delivery, gint64 deadline_us,
                             GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer data);
bool exg_store_deliver_finish(ExgStore *store, GAsyncResult *result, char **ret_item_id,
                              GError **error);

/* True with the item's id, or with NULL there for a miss, which is not proof. */
void exg_store_find_async(ExgStore *store, const char *recipient, const char *delivery_key,
                          gint64 deadline_us, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer data);
bool exg_store_find_finish(ExgStore *store, GAsyncResult *result, char **ret_item_id,
                           GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgStore, exg_store_free)

#endif
