/* SendItem: sends what lies in a mailbox. */
#include "tests/exchange-sim/call.h"

static bool
send_item(ExgSimCall *call, const ExgXmlNode *id, ExgSimRefusal *refusal)
{
    const ExgXmlNode *operation = call->envelope.operation;
    const ExgXmlNode *saved = exg_sim_message_child(operation, "SavedItemFolderId");
    const char *change_key = exg_xml_node_attribute(id, "ChangeKey");
    const char *save = exg_xml_node_attribute(operation, "SaveItemToFolder");
    g_autoptr(GError) error = NULL;
    ExgSimMailbox *mailbox, *to;
    ExgSimItem *item;
    gsize length;
    if (!exg_sim_call_item(call, id, &mailbox, &item, refusal))
        return false;
    if (change_key == NULL)
        return exg_sim_refuse_invalid(refusal, "ErrorChangeKeyRequiredForWriteOperations", NULL);
    if (!g_str_equal(change_key, item->change_key))
        return exg_sim_refuse(refusal, "ErrorStaleObject", NULL);
    const ExgSimFolder *folder = exg_sim_folder_find("sentitems");
    to = mailbox;
    if (saved != NULL && !exg_sim_call_folder(call, saved->first_child, &to, &folder, refusal))
        return false;
    g_autoptr(GBytes) content = exg_sim_mailbox_content(mailbox, item);
    const char *bytes = content != NULL ? g_bytes_get_data(content, &length) : NULL;
    if (bytes == NULL)
        return exg_sim_refuse(refusal, "ErrorItemCorrupt", NULL);
    if (!exg_sim_send_copies(call, NULL, bytes, length, refusal))
        return false;
    if (save[0] != 't' && save[0] != '1') {
        exg_sim_mailbox_remove(mailbox, item);
        return true;
    }
    item->message_flags = EXG_SIM_FLAG_READ;
    item->is_read = true;
    return exg_sim_mailbox_transfer(mailbox, item, to, folder, true, &error) != NULL ||
           exg_sim_refuse(refusal, "ErrorItemSave", "%s", error->message);
}

bool
exg_sim_send_item(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *ids = exg_sim_message_child(call->envelope.operation, "ItemIds");
    for (const ExgXmlNode *id = ids->first_child; id != NULL; id = id->next) {
        g_auto(ExgSimRefusal) failure = {0};
        send_item(call, id, &failure);
        exg_sim_call_start_message(call, "m:SendItemResponseMessage", &failure);
        exg_xml_end(&call->writer);
    }
    return true;
}
