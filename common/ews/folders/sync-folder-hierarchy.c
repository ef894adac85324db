#include "common/ews/folders/sync-folder-hierarchy-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/item-private.h"
#include "common/ews/value-private.h"

static void
change_free(gpointer data)
{
    ExgEwsFolderChange *change = data;
    exg_ews_folder_info_free(change->folder);
    g_free(change);
}

void
exg_ews_folder_changes_free(ExgEwsFolderChanges *changes)
{
    if (changes == NULL)
        return;
    g_free(changes->state);
    g_ptr_array_unref(changes->changes);
    g_free(changes);
}

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsFolderSync *sync = context;
    exg_xml_start(writer, "m:SyncFolderHierarchy");
    exg_ews_write_folder_shape(writer);
    exg_xml_start(writer, "m:SyncFolderId");
    exg_ews_write_any_folder(writer, target, &sync->root);
    exg_xml_end(writer);
    if (sync->state != NULL)
        exg_xml_element(writer, "m:SyncState", sync->state);
}

static ExgEwsFolderChange *
read_change(const ExgXmlNode *node)
{
    bool deleted = exg_xml_node_is(node, EXG_EWS_TYPES_SPACE, "Delete");
    bool created = exg_xml_node_is(node, EXG_EWS_TYPES_SPACE, "Create");
    if (!deleted && !created && !exg_xml_node_is(node, EXG_EWS_TYPES_SPACE, "Update"))
        return NULL;
    ExgEwsFolderInfo *folder = exg_ews_folder_info_read(deleted ? node : node->first_child);
    if (folder == NULL)
        return NULL;
    ExgEwsFolderChange *change = g_new0(ExgEwsFolderChange, 1);
    change->kind = deleted ? EXG_EWS_DELETED : created ? EXG_EWS_CREATED : EXG_EWS_CHANGED;
    change->folder = folder;
    return change;
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
       gpointer *ret_result, GError **error)
{
    if (!exg_ews_message_check(operation, message, error))
        return false;
    const ExgXmlNode *state = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "SyncState");
    const ExgXmlNode *last = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE,
                                                "IncludesLastFolderInRange");
    const ExgXmlNode *list = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "Changes");
    if (state == NULL || state->text[0] == '\0' || last == NULL)
        return exg_ews_answer_senseless(operation, error, "success without a SyncState");
    g_autoptr(ExgEwsFolderChanges) changes = g_new0(ExgEwsFolderChanges, 1);
    changes->state = g_strdup(state->text);
    changes->is_last = exg_ews_read_bool(last->text, false);
    changes->changes = g_ptr_array_new_with_free_func(change_free);
    for (const ExgXmlNode *node = list != NULL ? list->first_child : NULL; node != NULL;
         node = node->next) {
        ExgEwsFolderChange *change = read_change(node);
        if (change == NULL)
            return exg_ews_answer_senseless(operation, error, "a change without a FolderId");
        g_ptr_array_add(changes->changes, change);
    }
    *ret_result = g_steal_pointer(&changes);
    return true;
}

static void
free_changes(gpointer changes)
{
    exg_ews_folder_changes_free(changes);
}

const ExgEwsOperation exg_ews_sync_folder_hierarchy_operation = {
    .name = "SyncFolderHierarchy",
    .n_messages = 1,
    .write = write_request,
    .decode = decode,
    .free_result = free_changes,
};

static void
free_sync(gpointer data)
{
    ExgEwsFolderSync *sync = data;
    exg_ews_folder_id_clear(&sync->root);
    g_free((char *)sync->state);
    g_free(sync);
}

void
exg_ews_sync_folder_hierarchy_async(ExgEwsService *service, const ExgEwsTarget *target,
                                    const ExgEwsFolderId *root, const char *state,
                                    gint64 deadline_us, GCancellable *cancellable,
                                    GAsyncReadyCallback callback, gpointer data)
{
    ExgEwsFolderSync *sync = g_new(ExgEwsFolderSync, 1);
    sync->root = exg_ews_folder_id_copy(root);
    sync->state = g_strdup(state);
    exg_ews_call_start(service, &exg_ews_sync_folder_hierarchy_operation, target, sync, free_sync,
                       deadline_us, cancellable, callback, data);
}

bool
exg_ews_sync_folder_hierarchy_finish(ExgEwsService *service, GAsyncResult *result,
                                     ExgEwsFolderChanges **ret_changes, GError **error)
{
    gpointer changes = NULL;
    if (!exg_ews_call_finish(result, &exg_ews_sync_folder_hierarchy_operation, &changes, error))
        return false;
    *ret_changes = changes;
    return true;
}
