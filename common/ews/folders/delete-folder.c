#include "common/ews/folders/delete-folder-private.h"

#include "common/ews/call-private.h"
#include "common/ews/item-private.h"

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsFolderRemoval *order = context;
    exg_xml_start(writer, "m:DeleteFolder");
    exg_xml_attribute(writer, "DeleteType", exg_ews_disposal_name(order->disposal));
    exg_xml_start(writer, "m:FolderIds");
    exg_ews_write_any_folder(writer, target, &order->folder);
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
       gpointer *ret_result, GError **error)
{
    if (!exg_ews_message_check(operation, message, error))
        return false;
    *ret_result = NULL;
    return true;
}

const ExgEwsOperation exg_ews_delete_folder_operation = {
    .name = "DeleteFolder",
    .n_messages = 1,
    .write = write_request,
    .decode = decode,
};

static void
free_order(gpointer data)
{
    ExgEwsFolderRemoval *order = data;
    exg_ews_folder_id_clear(&order->folder);
    g_free(order);
}

void
exg_ews_delete_folder_async(ExgEwsService *service, const ExgEwsTarget *target,
                            const ExgEwsFolderId *folder, ExgEwsDisposal disposal,
                            gint64 deadline_us, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer data)
{
    ExgEwsFolderRemoval *order = g_new(ExgEwsFolderRemoval, 1);
    *order = (ExgEwsFolderRemoval){exg_ews_folder_id_copy(folder), disposal};
    exg_ews_call_start(service, &exg_ews_delete_folder_operation, target, order, free_order,
                       deadline_us, cancellable, callback, data);
}

bool
exg_ews_delete_folder_finish(ExgEwsService *service, GAsyncResult *result, GError **error)
{
    gpointer made = NULL;
    if (!exg_ews_call_finish(result, &exg_ews_delete_folder_operation, &made, error))
        return false;
    return true;
}
