#include "common/ews/folders/sync-folder-hierarchy-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/folders/changes-private.h"
#include "common/ews/item-private.h"

static void
change_free(gpointer data)
{
    ExgEwsFolderChange *change = data;
    exg_ews_folder_info_free(change->folder);
    g_free(change);
}

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsFolderSync *sync = context;
    exg_xml_start(writer, "m:SyncFolderHierarchy");
    exg_ews_write_folder_shape(writer);
    exg_ews_changes_write_start(writer, target, &sync->root, sync->state);
}

static gpointer
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
    return exg_ews_changes_decode(operation, message, "IncludesLastFolderInRange", read_change,
                                  change_free, ret_result, error);
}

const ExgEwsOperation exg_ews_sync_folder_hierarchy_operation = {
    .name = "SyncFolderHierarchy",
    .n_messages = 1,
    .write = write_request,
    .decode = decode,
    .free_result = exg_ews_changes_free_result,
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
                                     ExgEwsChanges **ret_changes, GError **error)
{
    gpointer changes = NULL;
    if (!exg_ews_call_finish(result, &exg_ews_sync_folder_hierarchy_operation, &changes, error))
        return false;
    *ret_changes = changes;
    return true;
}
