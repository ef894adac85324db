/* CreateFolder, UpdateFolder and DeleteFolder. */
#include "tests/exchange-sim/call.h"

static void
write_folders(ExgSimCall *call, const ExgSimMailbox *mailbox, const ExgSimFolder *folder)
{
    ExgXmlWriter *writer = &call->writer;
    exg_xml_start(writer, "m:Folders");
    if (folder != NULL) {
        g_autofree char *id = exg_sim_id_new(mailbox->address, folder, 0);
        exg_xml_start(writer, folder->element);
        exg_xml_start(writer, "t:FolderId");
        exg_xml_attribute(writer, "Id", id);
        exg_xml_attribute(writer, "ChangeKey", "AQAAAA==");
        exg_xml_end(writer);
        exg_xml_end(writer);
    }
    exg_xml_end(writer);
}

/* The folders that every mailbox has, and those that it always had, stay. */
static bool
check_own(const ExgSimFolder *folder, const char *code, ExgSimRefusal *refusal)
{
    return exg_sim_folder_life(folder) != NULL || exg_sim_refuse(refusal, code, NULL);
}

static const ExgSimFolder *
create(ExgSimCall *call, const ExgXmlNode *node, ExgSimMailbox **ret_mailbox,
       ExgSimRefusal *refusal)
{
    const ExgXmlNode *target = exg_sim_message_child(call->envelope.operation, "ParentFolderId");
    const ExgXmlNode *name = exg_sim_type_child(node, "DisplayName");
    const ExgXmlNode *class = exg_sim_type_child(node, "FolderClass");
    const ExgSimFolder *parent;
    if (!exg_sim_call_folder(call, target->first_child, ret_mailbox, &parent, refusal))
        return NULL;
    if (name == NULL || name->text[0] == '\0') {
        exg_sim_refuse_invalid(refusal, "ErrorFolderSavePropertyError", NULL);
        return NULL;
    }
    const ExgSimFolder *folder = exg_sim_mailbox_add_folder(
        *ret_mailbox, parent, name->text, class != NULL ? class->text : "IPF.Note");
    if (folder == NULL)
        exg_sim_refuse(refusal, "ErrorFolderExists", NULL);
    return folder;
}

bool
exg_sim_create_folder(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *folders = exg_sim_message_child(call->envelope.operation, "Folders");
    for (const ExgXmlNode *node = folders->first_child; node != NULL; node = node->next) {
        g_auto(ExgSimRefusal) failure = {0};
        ExgSimMailbox *mailbox = NULL;
        const ExgSimFolder *folder = create(call, node, &mailbox, &failure);
        exg_sim_call_start_message(call, "m:CreateFolderResponseMessage", &failure);
        write_folders(call, mailbox, folder);
        exg_xml_end(&call->writer);
    }
    return true;
}

static bool
rename_folder(ExgSimMailbox *mailbox, const ExgSimFolder *folder, const ExgXmlNode *update,
              ExgSimRefusal *refusal)
{
    const char *uri = exg_xml_node_attribute(update->first_child, "FieldURI");
    const ExgXmlNode *value = update->first_child->next;
    const ExgXmlNode *name = exg_sim_type_child(value, "DisplayName");
    if (g_strcmp0(uri, "folder:DisplayName") != 0 || name == NULL)
        return exg_sim_refuse(refusal, "ErrorInvalidPropertySet",
                              "The simulated Exchange changes a folder's name only.");
    const ExgSimFolder *other = exg_sim_mailbox_child(mailbox, exg_sim_folder_find(folder->parent),
                                                      name->text);
    if (other != NULL && other != folder)
        return exg_sim_refuse(refusal, "ErrorFolderExists", NULL);
    exg_sim_mailbox_rename_folder(mailbox, folder, name->text);
    return true;
}

bool
exg_sim_update_folder(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *changes = exg_sim_message_child(call->envelope.operation, "FolderChanges");
    for (const ExgXmlNode *change = changes->first_child; change != NULL; change = change->next) {
        g_auto(ExgSimRefusal) failure = {0};
        ExgSimMailbox *mailbox = NULL;
        const ExgSimFolder *folder = NULL;
        const ExgXmlNode *updates = exg_sim_type_child(change, "Updates");
        bool done = exg_sim_call_folder(call, change->first_child, &mailbox, &folder, &failure) &&
                    check_own(folder, "ErrorFolderSave", &failure);
        for (const ExgXmlNode *update = updates->first_child; done && update != NULL;
             update = update->next)
            done = rename_folder(mailbox, folder, update, &failure);
        exg_sim_call_start_message(call, "m:UpdateFolderResponseMessage", &failure);
        write_folders(call, mailbox, done ? folder : NULL);
        exg_xml_end(&call->writer);
    }
    return true;
}

bool
exg_sim_delete_folder(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *ids = exg_sim_message_child(call->envelope.operation, "FolderIds");
    for (const ExgXmlNode *id = ids->first_child; id != NULL; id = id->next) {
        g_auto(ExgSimRefusal) failure = {0};
        ExgSimMailbox *mailbox;
        const ExgSimFolder *folder;
        if (exg_sim_call_folder(call, id, &mailbox, &folder, &failure) &&
            check_own(folder, "ErrorDeleteDistinguishedFolder", &failure))
            exg_sim_mailbox_remove_folder(mailbox, folder);
        exg_sim_call_start_message(call, "m:DeleteFolderResponseMessage", &failure);
        exg_xml_end(&call->writer);
    }
    return true;
}
