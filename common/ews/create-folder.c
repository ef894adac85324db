#include "common/ews/create-folder-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/item-private.h"

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsNewFolder *order = context;
    exg_xml_start(writer, "m:CreateFolder");
    exg_xml_start(writer, "m:ParentFolderId");
    exg_ews_write_any_folder(writer, target, &order->folder);
    exg_xml_end(writer);
    exg_xml_start(writer, "m:Folders");
    exg_xml_start(writer, "t:Folder");
    exg_xml_element(writer, "t:FolderClass", "IPF.Note");
    exg_xml_element(writer, "t:DisplayName", order->name);
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
       gpointer *ret_result, GError **error)
{
    if (!exg_ews_message_check(operation, message, error))
        return false;
    const ExgXmlNode *list = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "Folders");
    g_autoptr(ExgEwsFolderInfo) folder = list != NULL ? exg_ews_folder_info_read(list->first_child)
                                                      : NULL;
    if (folder == NULL)
        return exg_ews_answer_senseless(operation, error, "success without a FolderId");
    *ret_result = g_steal_pointer(&folder->id);
    return true;
}

const ExgEwsOperation exg_ews_create_folder_operation = {
    .name = "CreateFolder",
    .n_messages = 1,
    .write = write_request,
    .decode = decode,
    .free_result = g_free,
};

static void
free_order(gpointer data)
{
    ExgEwsNewFolder *order = data;
    exg_ews_folder_id_clear(&order->folder);
    g_free(order->name);
    g_free(order);
}

void
exg_ews_create_folder_async(ExgEwsService *service, const ExgEwsTarget *target,
                            const ExgEwsFolderId *parent, const char *name, gint64 deadline_us,
                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    ExgEwsNewFolder *order = g_new(ExgEwsNewFolder, 1);
    *order = (ExgEwsNewFolder){exg_ews_folder_id_copy(parent), g_strdup(name)};
    exg_ews_call_start(service, &exg_ews_create_folder_operation, target, order, free_order,
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
