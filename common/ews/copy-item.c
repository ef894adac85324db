#include "common/ews/copy-item-private.h"

#include "common/ews/item-private.h"

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsBatchRequest *request = context;
    exg_xml_start(writer, "m:CopyItem");
    exg_xml_start(writer, "m:ToFolderId");
    exg_ews_write_any_folder(writer, target, request->order);
    exg_xml_end(writer);
    exg_ews_item_batch_write_ids(writer, request);
    exg_xml_element(writer, "m:ReturnNewItemIds", "true");
}

const ExgEwsOperation exg_ews_copy_item_operation = {
    .name = "CopyItem",
    .once = true,
    .write = write_request,
    .decode = exg_ews_item_batch_decode,
    .free_result = exg_ews_item_batch_free_results,
};

static void
free_folder(gpointer folder)
{
    exg_ews_folder_id_clear(folder);
    g_free(folder);
}

void
exg_ews_copy_item_async(ExgEwsService *service, const ExgEwsTarget *target, const ExgEwsItemId *ids,
                        guint n_ids, const ExgEwsFolderId *to, gint64 deadline_us,
                        GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    ExgEwsFolderId *folder = g_new(ExgEwsFolderId, 1);
    *folder = exg_ews_folder_id_copy(to);
    exg_ews_item_batch_start(service, &exg_ews_copy_item_operation, target, ids, n_ids, folder,
                             free_folder, deadline_us, cancellable, callback, data);
}

bool
exg_ews_copy_item_finish(ExgEwsService *service, GAsyncResult *result, GPtrArray **ret_results,
                         GError **error)
{
    return exg_ews_item_batch_finish(result, &exg_ews_copy_item_operation, ret_results, error);
}
