#include "common/ews/folders/get-folder-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"

void
exg_ews_folder_free(ExgEwsFolder *folder)
{
    if (folder == NULL)
        return;
    g_free(folder->id);
    g_free(folder->display_name);
    g_free(folder);
}

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer distinguished_id)
{
    exg_xml_start(writer, "m:GetFolder");
    exg_xml_start(writer, "m:FolderShape");
    exg_xml_element(writer, "t:BaseShape", "Default");
    exg_xml_end(writer);
    exg_xml_start(writer, "m:FolderIds");
    exg_ews_write_folder(writer, target, distinguished_id);
}

static gint64
count_of(const ExgXmlNode *folder, const char *name)
{
    const ExgXmlNode *node = exg_xml_node_child(folder, EXG_EWS_TYPES_SPACE, name);
    gint64 count = 0;
    if (node == NULL || !g_ascii_string_to_signed(node->text, 10, 0, G_MAXINT32, &count, NULL))
        return -1;
    return count;
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
       gpointer *ret_result, GError **error)
{
    if (!exg_ews_message_check(operation, message, error))
        return false;
    const ExgXmlNode *folders = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "Folders");
    const ExgXmlNode *node = folders != NULL ? folders->first_child
                                             : NULL; /* t:Folder, t:CalendarFolder … */
    const char *id = exg_xml_node_attribute(
        exg_xml_node_child(node, EXG_EWS_TYPES_SPACE, "FolderId"), "Id");
    if (id == NULL || id[0] == '\0')
        return exg_ews_answer_senseless(operation, error, "success without a FolderId");
    const ExgXmlNode *name = exg_xml_node_child(node, EXG_EWS_TYPES_SPACE, "DisplayName");
    ExgEwsFolder *folder = g_new0(ExgEwsFolder, 1);
    folder->id = g_strdup(id);
    folder->display_name = g_strdup(name != NULL ? name->text : "");
    folder->total_count = count_of(node, "TotalCount");
    folder->unread_count = count_of(node, "UnreadCount");
    *ret_result = folder;
    return true;
}

static void
free_folder(gpointer folder)
{
    exg_ews_folder_free(folder);
}

const ExgEwsOperation exg_ews_get_folder_operation = {
    .name = "GetFolder",
    .n_messages = 1,
    .write = write_request,
    .decode = decode,
    .free_result = free_folder,
};

void
exg_ews_get_folder_async(ExgEwsService *service, const ExgEwsTarget *target,
                         const char *distinguished_id, gint64 deadline_us,
                         GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    exg_ews_call_start(service, &exg_ews_get_folder_operation, target, g_strdup(distinguished_id),
                       g_free, deadline_us, cancellable, callback, data);
}

bool
exg_ews_get_folder_finish(ExgEwsService *service, GAsyncResult *result, ExgEwsFolder **ret_folder,
                          GError **error)
{
    gpointer folder = NULL;
    if (!exg_ews_call_finish(result, &exg_ews_get_folder_operation, &folder, error))
        return false;
    *ret_folder = folder;
    return true;
}
