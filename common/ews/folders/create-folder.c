#include "common/ews/folders/create-folder-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/item-private.h"

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsFolderOrder *order = context;
    exg_xml_start(writer, "m:CreateFolder");
    exg_xml_start(writer, "m:ParentFolderId");
    exg_ews_write_any_folder(writer, target, &order->folder);
    exg_xml_end(writer);
    exg_xml_start(writer, "m:Folders");
    exg_xml_start(writer, "t:Folder");
    exg_xml_element(writer, "t:FolderClass", "IPF.Note");
    exg_xml_element(writer, "t:DisplayName", order->name);
}

const ExgEwsOperation exg_ews_create_folder_operation = {
    .name = "CreateFolder",
    .n_messages = 1,
    .write = write_request,
    .decode = exg_ews_folder_id_decode,
    .free_result = g_free,
};

void
exg_ews_create_folder_async(ExgEwsService *service, const ExgEwsTarget *target,
                            const ExgEwsFolderId *parent, const char *name, gint64 deadline_us,
                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    exg_ews_call_start(service, &exg_ews_create_folder_operation, target,
                       exg_ews_folder_order_new(parent, name), exg_ews_folder_order_free,
                       deadline_us, cancellable, callback, data);
}

bool
exg_ews_create_folder_finish(ExgEwsService *service, GAsyncResult *result, char **ret_folder_id,
                             GError **error)
{
    gpointer made = NULL;
    if (!exg_ews_call_finish(result, &exg_ews_create_folder_operation, &made, error))
        return false;
    *ret_folder_id = made;
    return true;
}
