/* copy-item.h - CopyItem: copies items into another folder.
 *
 * A request is sent at most once: an item whose fate is not known has EXG_ERROR_AMBIGUOUS.
 *
 * Source:   MS-OXWSCORE.
 */
#ifndef EXG_EWS_ITEMS_COPY_ITEM_H
#define EXG_EWS_ITEMS_COPY_ITEM_H

#include "common/ews/item.h"

void exg_ews_copy_item_async(ExgEwsService *service, const ExgEwsTarget *target,
                             const ExgEwsItemId *ids, guint n_ids, const ExgEwsFolderId *to,
                             gint64 deadline_us, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer data);
/* `*ret_results`: an ExgEwsResult for each id, with the new one; (transfer full). Across mailboxes
 * Exchange tells no new ids. */
bool exg_ews_copy_item_finish(ExgEwsService *service, GAsyncResult *result,
                              GPtrArray **ret_results, GError **error);

#endif
