/* GetFolder: the distinguished folders of a mailbox. */
#include "tests/exchange-sim/call.h"

static void
write_number(ExgXmlWriter *writer, const char *element, guint number)
{
    g_autofree char *text = g_strdup_printf("%u", number);
    exg_xml_element(writer, element, text);
}

static void
write_id(ExgXmlWriter *writer, const char *element, const ExgSimMailbox *mailbox,
         const ExgSimFolder *folder)
{
    g_autofree char *id = exg_sim_id_new(mailbox->address, folder, 0);
    exg_xml_start(writer, element);
    exg_xml_attribute(writer, "Id", id);
    exg_xml_attribute(writer, "ChangeKey", "AQAAAA==");
    exg_xml_end(writer);
}

static guint
count_children(const ExgSimFolder *folder)
{
    guint count = 0;
    for (guint i = 0; i < EXG_SIM_N_FOLDERS; i++)
        count += g_strcmp0(exg_sim_folders[i].parent, folder->id) == 0;
    return count;
}

static void
write_folder(ExgXmlWriter *writer, const ExgSimMailbox *mailbox, const ExgSimFolder *folder,
             const char *shape)
{
    bool all = g_str_equal(shape, "AllProperties");
    exg_xml_start(writer, folder->element);
    write_id(writer, "t:FolderId", mailbox, folder);
    if (all && folder->parent != NULL)
        write_id(writer, "t:ParentFolderId", mailbox, exg_sim_folder_find(folder->parent));
    if (all)
        exg_xml_element(writer, "t:FolderClass", folder->class);
    if (!g_str_equal(shape, "IdOnly")) {
        exg_xml_element(writer, "t:DisplayName", folder->display_name);
        write_number(writer, "t:TotalCount", exg_sim_mailbox_count(mailbox, folder));
        write_number(writer, "t:ChildFolderCount", count_children(folder));
    }
    if (all)
        exg_xml_element(writer, "t:DistinguishedFolderId", folder->id);
    /* Only t:Folder and t:TasksFolder have it. */
    if (!g_str_equal(shape, "IdOnly") && !g_str_equal(folder->element, "t:CalendarFolder") &&
        !g_str_equal(folder->element, "t:ContactsFolder"))
        write_number(writer, "t:UnreadCount", exg_sim_mailbox_count_unread(mailbox, folder));
    exg_xml_end(writer);
}

bool
exg_sim_get_folder(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *shape = exg_sim_message_child(call->envelope.operation, "FolderShape");
    const ExgXmlNode *ids = exg_sim_message_child(call->envelope.operation, "FolderIds");
    const char *base = exg_sim_type_child(shape, "BaseShape")->text;
    for (const ExgXmlNode *id = ids->first_child; id != NULL; id = id->next) {
        g_auto(ExgSimRefusal) failure = {0};
        ExgSimMailbox *mailbox;
        const ExgSimFolder *folder;
        bool found = exg_sim_call_folder(call, id, &mailbox, &folder, &failure);
        exg_sim_call_start_message(call, "m:GetFolderResponseMessage", &failure);
        exg_xml_start(&call->writer, "m:Folders");
        if (found)
            write_folder(&call->writer, mailbox, folder, base);
        exg_xml_end(&call->writer);
        exg_xml_end(&call->writer);
    }
    return true;
}
