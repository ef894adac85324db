#include "common/ews/folders/sync-folder-items-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/item-private.h"
#include "common/ews/value-private.h"

static void
change_free(gpointer data)
{
    ExgEwsItemChange *change = data;
    exg_ews_item_free(change->item);
    g_free(change);
}

void
exg_ews_item_changes_free(ExgEwsItemChanges *changes)
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
    const ExgEwsItemSync *sync = context;
    g_autofree char *max = g_strdup_printf("%u",
                                           CLAMP(sync->max_changes, 1, EXG_EWS_MAX_SYNC_CHANGES));
    exg_xml_start(writer, "m:SyncFolderItems");
    exg_ews_write_item_shape(writer, sync->id_only);
    exg_xml_start(writer, "m:SyncFolderId");
    exg_ews_write_any_folder(writer, target, &sync->folder);
    exg_xml_end(writer);
    if (sync->state != NULL)
        exg_xml_element(writer, "m:SyncState", sync->state);
    exg_xml_element(writer, "m:MaxChangesReturned", max);
}

/* An id alone, and whether the item is read if that is told. */
static ExgEwsItemChange *
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
    if (!exg_ews_message_check(operation, message, error))
        return false;
    const ExgXmlNode *state = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "SyncState");
    const ExgXmlNode *last = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE,
                                                "IncludesLastItemInRange");
    const ExgXmlNode *list = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "Changes");
    if (state == NULL || state->text[0] == '\0' || last == NULL)
        return exg_ews_answer_senseless(operation, error, "success without a SyncState");
    g_autoptr(ExgEwsItemChanges) changes = g_new0(ExgEwsItemChanges, 1);
    changes->state = g_strdup(state->text);
    changes->is_last = exg_ews_read_bool(last->text, false);
    changes->changes = g_ptr_array_new_with_free_func(change_free);
    for (const ExgXmlNode *node = list != NULL ? list->first_child : NULL; node != NULL;
         node = node->next) {
        ExgEwsItemChange *change = read_change(node);
        if (change == NULL)
            return exg_ews_answer_senseless(operation, error, "a change without an ItemId");
        g_ptr_array_add(changes->changes, change);
    }
    *ret_result = g_steal_pointer(&changes);
    return true;
}

static void
free_changes(gpointer changes)
{
    exg_ews_item_changes_free(changes);
}

const ExgEwsOperation exg_ews_sync_folder_items_operation = {
    .name = "SyncFolderItems",
    .n_messages = 1,
    .write = write_request,
    .decode = decode,
    .free_result = free_changes,
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
                                 ExgEwsItemChanges **ret_changes, GError **error)
{
    gpointer changes = NULL;
    if (!exg_ews_call_finish(result, &exg_ews_sync_folder_items_operation, &changes, error))
        return false;
    *ret_changes = changes;
    return true;
}

bool
exg_ews_sync_is_lost(const GError *error)
{
    static const char *const codes[] = {"ErrorInvalidSyncStateData", "ErrorSyncFolderNotFound",
                                        NULL};
    const ExgErrorFacts *facts = exg_error_facts(error);
    return facts != NULL && facts->service_code != NULL &&
           g_strv_contains(codes, facts->service_code);
}
