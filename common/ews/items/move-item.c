#include "common/ews/items/move-item-private.h"

static ExgHttpBody *
make_body(const char *version, const ExgEwsTarget *target, gconstpointer context)
{
    return exg_ews_item_batch_transfer_body("m:MoveItem", version, target, context);
}

const ExgEwsOperation exg_ews_move_item_operation = {
    .name = "MoveItem",
    .once = true,
    .make_body = make_body,
    .decode = exg_ews_item_batch_decode,
    .free_result = exg_ews_item_batch_free_results,
};

void
exg_ews_move_item_async(ExgEwsService *service, const ExgEwsTarget *target, const ExgEwsItemId *ids,
                        guint n_ids, const ExgEwsFolderId *to, gint64 deadline_us,
                        GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    exg_ews_item_batch_start_for_folder(service, &exg_ews_move_item_operation, target, ids, n_ids,
                                        to, deadline_us, cancellable, callback, data);
}

bool
exg_ews_move_item_finish(ExgEwsService *service, GAsyncResult *result, GPtrArray **ret_results,
                         GError **error)
{
    return exg_ews_item_batch_finish(result, &exg_ews_move_item_operation, ret_results, error);
}
