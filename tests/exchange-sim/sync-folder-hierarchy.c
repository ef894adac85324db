/* SyncFolderHierarchy: which folders have come, changed or gone. */
#include "tests/exchange-sim/folder-shape.h"
#include "tests/exchange-sim/sync-state.h"

static bool
is_below(const ExgSimFolder *folder, const ExgSimFolder *root)
{
    const ExgSimFolder *above = folder;
    while (above != NULL && above->parent != NULL) {
        if (g_str_equal(above->parent, root->id))
            return true;
        above = exg_sim_folder_find(above->parent);
    }
    return false;
}

static void
write_folder(ExgSimCall *call, const ExgSimMailbox *mailbox, const ExgSimFolder *folder,
             guint64 since)
{
    static const ExgSimFolderLife always = {1, 1, 0};
    const ExgXmlNode *shape = exg_sim_message_child(call->envelope.operation, "FolderShape");
    const ExgSimFolderLife *own = exg_sim_folder_life(folder);
    const ExgSimFolderLife *life = own != NULL ? own : &always;
    if (life->removed != 0) {
        if (life->removed <= since || life->created > since)
            return;
        g_autofree char *id = exg_sim_id_new(mailbox->address, folder, 0);
        exg_xml_start(&call->writer, "t:Delete");
        exg_xml_start(&call->writer, "t:FolderId");
        exg_xml_attribute(&call->writer, "Id", id);
        exg_xml_end(&call->writer);
        exg_xml_end(&call->writer);
    } else if (life->changed > since) {
        exg_xml_start(&call->writer, life->created > since ? "t:Create" : "t:Update");
        exg_sim_folder_shape_write(shape, &call->writer, mailbox, folder);
        exg_xml_end(&call->writer);
    }
}

static void
write_changes(ExgSimCall *call, const ExgSimMailbox *mailbox, const ExgSimFolder *root,
              guint64 since)
{
    g_autofree char *state = exg_sim_sync_state_new(mailbox, root, mailbox->serial);
    exg_xml_element(&call->writer, "m:SyncState", state);
    exg_xml_element(&call->writer, "m:IncludesLastFolderInRange", "true");
    exg_xml_start(&call->writer, "m:Changes");
    for (guint i = 0; i < exg_sim_folder_count(); i++) {
        const ExgSimFolder *folder = exg_sim_folder_at(i);
        if (exg_sim_folder_was_in(folder, mailbox->address) && is_below(folder, root))
            write_folder(call, mailbox, folder, since);
    }
    exg_xml_end(&call->writer);
}

bool
exg_sim_sync_folder_hierarchy(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *operation = call->envelope.operation;
    const ExgXmlNode *id = exg_sim_message_child(operation, "SyncFolderId");
    g_auto(ExgSimRefusal) failure = {0};
    ExgSimMailbox *mailbox = NULL;
    const ExgSimFolder *root = exg_sim_folder_find("msgfolderroot");
    guint64 since = 0;
    bool found;
    if (id != NULL)
        found = exg_sim_call_folder(call, id->first_child, &mailbox, &root, &failure);
    else
        found = (mailbox = exg_sim_call_own_mailbox(call, &failure)) != NULL;
    found = found && exg_sim_sync_state_parse(exg_sim_message_child(operation, "SyncState"),
                                              mailbox, root, &since, &failure);
    exg_sim_call_start_message(call, "m:SyncFolderHierarchyResponseMessage", &failure);
    if (found)
        write_changes(call, mailbox, root, since);
    exg_xml_end(&call->writer);
    return true;
}
