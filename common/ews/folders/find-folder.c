#include "common/ews/folders/find-folder-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/item-private.h"
#include "common/ews/service-private.h"
#include "common/ews/value-private.h"

#define MAX_ENTRIES 10 /* of one parent; Exchange keeps names apart within it */

static const char *const parents[] = {"msgfolderroot", "inbox"};

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer name)
{
    exg_xml_start(writer, "m:FindFolder");
    exg_xml_attribute(writer, "Traversal", "Shallow");
    exg_ews_write_folder_shape(writer);
    exg_ews_write_page(writer, "m:IndexedPageFolderView", 0, MAX_ENTRIES);
    exg_xml_start(writer, "m:Restriction");
    exg_xml_start(writer, "t:Contains");
    exg_xml_attribute(writer, "ContainmentMode", "FullString");
    exg_xml_attribute(writer, "ContainmentComparison", "IgnoreCase");
    exg_ews_write_leaf(writer, "t:FieldURI", "FieldURI", "folder:DisplayName");
    exg_ews_write_leaf(writer, "t:Constant", "Value", name);
    exg_xml_end(writer);
    exg_xml_end(writer);
    exg_xml_start(writer, "m:ParentFolderIds");
    for (guint i = 0; i < G_N_ELEMENTS(parents); i++)
        exg_ews_write_folder(writer, target, parents[i]);
}

static bool
is_for_mail(const ExgXmlNode *folder)
{
    const char *class = exg_ews_child_text(folder, "FolderClass");
    return g_str_equal(folder->name, "Folder") &&
           (class[0] == '\0' || g_ascii_strcasecmp(class, "IPF.Note") == 0 ||
            g_ascii_strncasecmp(class, "IPF.Note.", 9) == 0);
}

/* A server that does not know the restriction would answer with every folder. */
static bool
has_name(const ExgXmlNode *folder, const char *name)
{
    g_autofree char *one = g_utf8_casefold(exg_ews_child_text(folder, "DisplayName"), -1);
    g_autofree char *other = g_utf8_casefold(name, -1);
    return g_str_equal(one, other);
}

static bool
search(const ExgEwsOperation *operation, const ExgXmlNode *message, const char *name,
       const char **ret_id, GError **error)
{
    const ExgXmlNode *root = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "RootFolder");
    const ExgXmlNode *folders = exg_xml_node_child(root, EXG_EWS_TYPES_SPACE, "Folders");
    if (folders == NULL)
        return exg_ews_answer_senseless(operation, error, "success without a list of folders");
    for (const ExgXmlNode *folder = folders->first_child; folder != NULL; folder = folder->next) {
        const ExgXmlNode *id = exg_xml_node_child(folder, EXG_EWS_TYPES_SPACE, "FolderId");
        const char *text = exg_xml_node_attribute(id, "Id");
        if (!is_for_mail(folder) || !has_name(folder, name))
            continue;
        if (text == NULL || text[0] == '\0')
            return exg_ews_answer_senseless(operation, error, "a folder without a FolderId");
        *ret_id = text;
        return true;
    }
    return true;
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer name,
       gpointer *ret_result, GError **error)
{
    const char *id = NULL;
    for (; message != NULL && id == NULL; message = message->next)
        if (!exg_ews_message_check(operation, message, error) ||
            !search(operation, message, name, &id, error))
            return false;
    *ret_result = g_strdup(id);
    return true;
}

const ExgEwsOperation exg_ews_find_folder_operation = {
    .name = "FindFolder",
    .n_messages = G_N_ELEMENTS(parents),
    .write = write_request,
    .decode = decode,
    .free_result = g_free,
};

void
exg_ews_find_folder_async(ExgEwsService *service, const ExgEwsTarget *target, const char *name,
                          gint64 deadline_us, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer data)
{
    exg_ews_call_start(service, &exg_ews_find_folder_operation, target, g_strdup(name), g_free,
                       deadline_us, cancellable, callback, data);
}

bool
exg_ews_find_folder_finish(ExgEwsService *service, GAsyncResult *result, char **ret_folder_id,
                           GError **error)
{
    gpointer id = NULL;
    if (!exg_ews_call_finish(result, &exg_ews_find_folder_operation, &id, error))
        return false;
    *ret_folder_id = id;
    return true;
}
