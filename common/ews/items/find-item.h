/* find-item.h - FindItem: asks a mailbox for the item with a delivery key, or with a Message-ID.
 *
 * Looks in the folders where a delivered message may be by now: inbox, deleteditems, junkemail. A
 * store restriction, not a content-index query, which lags. A miss is not proof that nothing was
 * stored.
 *
 * Source:   MS-OXWSSRCH.
 */
#ifndef EXG_EWS_ITEMS_FIND_ITEM_H
#define EXG_EWS_ITEMS_FIND_ITEM_H

#include "common/ews/service.h"

typedef enum { EXG_EWS_BY_DELIVERY_KEY, EXG_EWS_BY_MESSAGE_ID } ExgEwsFindBy;

/* `folder_id`: of one more folder to look in, or NULL. `created_since`: seconds since 1970, bounds the search in large folders; 0: unbounded. */
void exg_ews_find_item_async(ExgEwsService *service, const ExgEwsTarget *target, ExgEwsFindBy by,
                             const char *value, const char *folder_id,
                             gint64 created_since, gint64 deadline_us, GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer data);
/* `*ret_item_ids`: NULL-terminated, empty for a miss; (transfer full). For a miss all folders must
 * have been searched to their ends; a hit is a hit, whatever became of the others. */
bool exg_ews_find_item_finish(ExgEwsService *service, GAsyncResult *result, char ***ret_item_ids,
                              GError **error);

#endif
