/* subscribe.h - Subscribe and Unsubscribe: asks Exchange to tell what happens in folders.
 *
 * A subscription lives on the server of its mailbox: all calls that use it say that they want that
 * server. How to listen: streaming-events.h; how to have it all looked after: subscription.h.
 *
 * Source:   MS-OXWSNTIF.
 */
#ifndef EXG_EWS_EVENTS_SUBSCRIBE_H
#define EXG_EWS_EVENTS_SUBSCRIBE_H

#include "common/ews/item.h"

typedef enum {
    EXG_EWS_NEW_MAIL = 1,
    EXG_EWS_ITEM_CREATED = 2,
    EXG_EWS_ITEM_DELETED = 4,
    EXG_EWS_ITEM_MODIFIED = 8,
    EXG_EWS_ITEM_MOVED = 16,
    EXG_EWS_ITEM_COPIED = 32,
    EXG_EWS_ALL_EVENTS = 63
} ExgEwsEventKind;

/* To streaming notifications. `n_folders` 0: of all folders. `kinds`: of ExgEwsEventKind. */
void exg_ews_subscribe_async(ExgEwsService *service, const ExgEwsTarget *target,
                             const ExgEwsFolderId *folders, guint n_folders, guint kinds,
                             gint64 deadline_us, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer data);
/* `*ret_subscription_id`: (transfer full). */
bool exg_ews_subscribe_finish(ExgEwsService *service, GAsyncResult *result,
                              char **ret_subscription_id, GError **error);

void exg_ews_unsubscribe_async(ExgEwsService *service, const ExgEwsTarget *target,
                               const char *subscription_id, gint64 deadline_us,
                               GCancellable *cancellable, GAsyncReadyCallback callback,
                               gpointer data);
bool exg_ews_unsubscribe_finish(ExgEwsService *service, GAsyncResult *result, GError **error);

#endif
