/* send-item.h - SendItem: sends drafts that lie in the mailbox.
 *
 * A request is sent at most once: an item whose fate is not known has EXG_ERROR_AMBIGUOUS.
 *
 * Source:   MS-OXWSMSG.
 */
#ifndef EXG_EWS_ITEMS_SEND_ITEM_H
#define EXG_EWS_ITEMS_SEND_ITEM_H

#include "common/ews/item.h"

/* Each id with its current change key, which Exchange insists on. `saved_in`: where what was sent is kept; NULL: it is
 * not. */
void exg_ews_send_item_async(ExgEwsService *service, const ExgEwsTarget *target,
                             const ExgEwsItemId *ids, guint n_ids, const ExgEwsFolderId *saved_in,
                             gint64 deadline_us, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer data);
/* `*ret_results`: an ExgEwsResult for each id; (transfer full). */
bool exg_ews_send_item_finish(ExgEwsService *service, GAsyncResult *result,
                              GPtrArray **ret_results, GError **error);

#endif
