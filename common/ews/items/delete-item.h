/* delete-item.h - DeleteItem: moves items to the deleted items, or away.
 *
 * Source:   MS-OXWSCORE.
 */
#ifndef EXG_EWS_ITEMS_DELETE_ITEM_H
#define EXG_EWS_ITEMS_DELETE_ITEM_H

#include "common/ews/item.h"

void exg_ews_delete_item_async(ExgEwsService *service, const ExgEwsTarget *target,
                               const ExgEwsItemId *ids, guint n_ids, ExgEwsDisposal disposal,
                               gint64 deadline_us, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer data);
/* `*ret_results`: an ExgEwsResult for each id; (transfer full). */
bool exg_ews_delete_item_finish(ExgEwsService *service, GAsyncResult *result,
                                GPtrArray **ret_results, GError **error);

#endif
