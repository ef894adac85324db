#include "common/ews/items/send-item-private.h"

#include "common/ews/item-private.h"

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsBatchRequest *request = context;
    exg_xml_start(writer, "m:SendItem");
    exg_xml_attribute(writer, "SaveItemToFolder", request->order != NULL ? "true" : "false");
    exg_ews_item_batch_write_ids(writer, request);
    if (request->order == NULL)
        return;
    exg_xml_start(writer, "m:SavedItemFolderId");
    exg_ews_write_any_folder(writer, target, request->order);
}

const ExgEwsOperation exg_ews_send_item_operation = {
    .name = "SendItem",
    .once = true,
    .write = write_request,
    .decode = exg_ews_item_batch_decode,
    .free_result = exg_ews_item_batch_free_results,
};

void
exg_ews_send_item_async(ExgEwsService *service, const ExgEwsTarget *target, const ExgEwsItemId *ids,
                        guint n_ids, const ExgEwsFolderId *saved_in, gint64 deadline_us,
                        GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    exg_ews_item_batch_start_for_folder(service, &exg_ews_send_item_operation, target, ids, n_ids,
                                        saved_in, deadline_us, cancellable, callback, data);
}

bool
exg_ews_send_item_finish(ExgEwsService *service, GAsyncResult *result, GPtrArray **ret_results,
                         GError **error)
{
    return exg_ews_item_batch_finish(result, &exg_ews_send_item_operation, ret_results, error);
}
