/* SyncFolderItems: what has changed in a folder, in the order in which it did. */
#include "tests/exchange-sim/item-shape.h"
#include "tests/exchange-sim/sync-state.h"

/* Something that a client has to be told, with the serial of its last change. */
typedef struct {
    guint64 serial;
    const ExgSimItem *item; /* NULL: it has gone */
    const ExgSimRemoved *removed;
} Change;

static gint
compare(gconstpointer a, gconstpointer b)
{
    const Change *x = a, *y = b;
    return (x->serial > y->serial) - (x->serial < y->serial);
}

static GArray *
changes_since(const ExgSimMailbox *mailbox, const ExgSimFolder *folder, guint64 since)
{
    GArray *changes = g_array_new(FALSE, FALSE, sizeof(Change));
    for (guint i = 0; i < exg_sim_mailbox_count(mailbox, folder); i++) {
        const ExgSimItem *item = exg_sim_mailbox_item(mailbox, folder, i);
        Change change = {MAX(item->changed_serial, item->read_serial), item, NULL};
        if (change.serial > since)
            g_array_append_val(changes, change);
    }
    for (guint i = 0; i < mailbox->removed->len; i++) {
        const ExgSimRemoved *removed = &g_array_index(mailbox->removed, ExgSimRemoved, i);
        Change change = {removed->removed_serial, NULL, removed};
        if (removed->folder == folder && removed->removed_serial > since &&
            removed->created_serial <= since)
            g_array_append_val(changes, change);
    }
    g_array_sort(changes, compare);
    return changes;
}

static void
write_id(ExgXmlWriter *writer, const char *id, const char *change_key)
{
    exg_xml_start(writer, "t:ItemId");
    exg_xml_attribute(writer, "Id", id);
    if (change_key != NULL)
        exg_xml_attribute(writer, "ChangeKey", change_key);
    exg_xml_end(writer);
}

static void
write_change(ExgSimCall *call, const ExgSimMailbox *mailbox, const Change *change, guint64 since)
{
    ExgXmlWriter *writer = &call->writer;
    const ExgXmlNode *shape = exg_sim_message_child(call->envelope.operation, "ItemShape");
    const ExgSimItem *item = change->item;
    if (item == NULL) {
        exg_xml_start(writer, "t:Delete");
        write_id(writer, change->removed->id, NULL);
    } else if (item->created_serial <= since && item->changed_serial <= since) {
        exg_xml_start(writer, "t:ReadFlagChange");
        write_id(writer, item->id, item->change_key);
        exg_xml_element(writer, "t:IsRead", item->is_read ? "true" : "false");
    } else {
        exg_xml_start(writer, item->created_serial > since ? "t:Create" : "t:Update");
        exg_sim_item_shape_write(shape, writer, mailbox, item, true);
    }
    exg_xml_end(writer);
}

static void
write_changes(ExgSimCall *call, const ExgSimMailbox *mailbox, const ExgSimFolder *folder,
              guint64 since)
{
    const ExgXmlNode *max = exg_sim_message_child(call->envelope.operation, "MaxChangesReturned");
    g_autoptr(GArray) changes = changes_since(mailbox, folder, since);
    guint count = MIN(changes->len, (guint)g_ascii_strtoull(max->text, NULL, 10));
    bool last = count == changes->len;
    guint64 serial = last ? mailbox->serial : g_array_index(changes, Change, count - 1).serial;
    g_autofree char *state = exg_sim_sync_state_new(mailbox, folder, serial);
    exg_xml_element(&call->writer, "m:SyncState", state);
    exg_xml_element(&call->writer, "m:IncludesLastItemInRange", last ? "true" : "false");
    exg_xml_start(&call->writer, "m:Changes");
    for (guint i = 0; i < count; i++)
        write_change(call, mailbox, &g_array_index(changes, Change, i), since);
    exg_xml_end(&call->writer);
}

static bool
check_shape(const ExgXmlNode *shape, ExgSimRefusal *refusal)
{
    const ExgXmlNode *mime = exg_sim_type_child(shape, "IncludeMimeContent");
    if (mime != NULL && (mime->text[0] == 't' || mime->text[0] == '1'))
        return exg_sim_refuse_invalid(refusal, "ErrorInvalidPropertyForOperation",
                                      "The content cannot be had by SyncFolderItems.");
    return exg_sim_item_shape_check(shape, refusal);
}

bool
exg_sim_sync_folder_items(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *operation = call->envelope.operation;
    g_auto(ExgSimRefusal) failure = {0};
    ExgSimMailbox *mailbox = NULL;
    const ExgSimFolder *folder = NULL;
    guint64 since = 0;
    if (!check_shape(exg_sim_message_child(operation, "ItemShape"), refusal))
        return false;
    bool found = exg_sim_call_folder(call,
                                     exg_sim_message_child(operation, "SyncFolderId")->first_child,
                                     &mailbox, &folder, &failure) &&
                 exg_sim_sync_state_parse(exg_sim_message_child(operation, "SyncState"), mailbox,
                                          folder, &since, &failure);
    exg_sim_call_start_message(call, "m:SyncFolderItemsResponseMessage", &failure);
    if (found)
        write_changes(call, mailbox, folder, since);
    exg_xml_end(&call->writer);
    return true;
}
