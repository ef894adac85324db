#include "common/ews/folders/sync-folder-items-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/folders/changes-private.h"
#include "common/ews/item-private.h"

static void
change_free(gpointer data)
{
    ExgEwsItemChange *change = data;
    exg_ews_item_free(change->item);
    g_free(change);
}

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsItemSync *sync = context;
    g_autofree char *max = g_strdup_printf("%u",
                                           CLAMP(sync->max_changes, 1, EXG_EWS_MAX_SYNC_CHANGES));
    exg_xml_start(writer, "m:SyncFolderItems");
    exg_ews_write_item_shape(writer, sync->id_only);
    exg_ews_changes_write_start(writer, target, &sync->folder, sync->state);
    exg_xml_element(writer, "m:MaxChangesReturned", max);
}

/* An id alone, and whether the item is read if that is told. */
static gpointer
read_change(const ExgXmlNode *node)
{
    static const struct {
        const char *name;
        ExgEwsChangeKind kind;
    } kinds[] = {
        {"Create", EXG_EWS_CREATED},
        {"Update", EXG_EWS_CHANGED},
        {"Delete", EXG_EWS_DELETED},
        {"ReadFlagChange", EXG_EWS_READ_CHANGED},
    };
    guint i = 0;
    while (i < G_N_ELEMENTS(kinds) && !exg_xml_node_is(node, EXG_EWS_TYPES_SPACE, kinds[i].name))
        i++;
    if (i == G_N_ELEMENTS(kinds))
        return NULL;
    bool whole = kinds[i].kind == EXG_EWS_CREATED || kinds[i].kind == EXG_EWS_CHANGED;
    ExgEwsItem *item = exg_ews_item_read(whole ? node->first_child : node);
    if (item == NULL)
        return NULL;
    ExgEwsItemChange *change = g_new0(ExgEwsItemChange, 1);
    change->kind = kinds[i].kind;
    change->item = item;
    return change;
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
       gpointer *ret_result, GError **error)
{
    return exg_ews_changes_decode(operation, message, "IncludesLastItemInRange", read_change,
                                  change_free, ret_result, error);
}

const ExgEwsOperation exg_ews_sync_folder_items_operation = {
    .name = "SyncFolderItems",
    .n_messages = 1,
    .write = write_request,
    .decode = decode,
    .free_result = exg_ews_changes_free_result,
};

static void
free_sync(gpointer data)
{
    ExgEwsItemSync *sync = data;
    exg_ews_folder_id_clear(&sync->folder);
    g_free((char *)sync->state);
    g_free(sync);
}

void
exg_ews_sync_folder_items_async(ExgEwsService *service, const ExgEwsTarget *target,
                                const ExgEwsItemSync *sync, gint64 deadline_us,
                                GCancellable *cancellable, GAsyncReadyCallback callback,
                                gpointer data)
{
    ExgEwsItemSync *copy = g_new(ExgEwsItemSync, 1);
    *copy = *sync;
    copy->folder = exg_ews_folder_id_copy(&sync->folder);
    copy->state = g_strdup(sync->state);
    exg_ews_call_start(service, &exg_ews_sync_folder_items_operation, target, copy, free_sync,
                       deadline_us, cancellable, callback, data);
}

bool
exg_ews_sync_folder_items_finish(ExgEwsService *service, GAsyncResult *result,
                                 ExgEwsChanges **ret_changes, GError **error)
{
    gpointer changes = NULL;
    if (!exg_ews_call_finish(result, &exg_ews_sync_folder_items_operation, &changes, error))
        return false;
    *ret_changes = changes;
    return true;
}
