/* DeleteItem: to the deleted items, to what is recoverable, or for good. */
#include "tests/exchange-sim/call.h"

static bool
remove_item(ExgSimCall *call, const ExgXmlNode *id, ExgSimRefusal *refusal)
{
    const char *type = exg_xml_node_attribute(call->envelope.operation, "DeleteType");
    g_autoptr(GError) error = NULL;
    ExgSimMailbox *mailbox;
    ExgSimItem *item;
    if (!exg_sim_call_item(call, id, &mailbox, &item, refusal))
        return false;
    bool kept = g_str_equal(type, "MoveToDeletedItems");
    if (!kept && !g_str_equal(type, "SoftDelete")) {
        exg_sim_mailbox_remove(mailbox, item);
        return true;
    }
    const ExgSimFolder *folder = exg_sim_folder_find(kept ? "deleteditems"
                                                          : "recoverableitemsdeletions");
    return exg_sim_mailbox_transfer(mailbox, item, mailbox, folder, true, &error) != NULL ||
           exg_sim_refuse(refusal, "ErrorCannotDeleteObject", "%s", error->message);
}

bool
exg_sim_delete_item(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *ids = exg_sim_message_child(call->envelope.operation, "ItemIds");
    for (const ExgXmlNode *id = ids->first_child; id != NULL; id = id->next) {
        g_auto(ExgSimRefusal) failure = {0};
        remove_item(call, id, &failure);
        exg_sim_call_start_message(call, "m:DeleteItemResponseMessage", &failure);
        exg_xml_end(&call->writer);
    }
    return true;
}
