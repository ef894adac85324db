#include "common/ews/folders/folder-order-private.h"

#include "common/ews/envelope-private.h"

ExgEwsFolderOrder *
exg_ews_folder_order_new(const ExgEwsFolderId *folder, const char *name)
{
    ExgEwsFolderOrder *order = g_new(ExgEwsFolderOrder, 1);
    *order = (ExgEwsFolderOrder){exg_ews_folder_id_copy(folder), g_strdup(name)};
    return order;
}

void
exg_ews_folder_order_free(gpointer data)
{
    ExgEwsFolderOrder *order = data;
    exg_ews_folder_id_clear(&order->folder);
    g_free(order->name);
    g_free(order);
}

bool
exg_ews_folder_id_decode(const ExgEwsOperation *operation, const ExgXmlNode *message,
                         gpointer context, gpointer *ret_result, GError **error)
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
