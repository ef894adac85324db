/* MoveItem and CopyItem. */
#include "tests/exchange-sim/call.h"

static bool
transfer(ExgSimCall *call, const ExgXmlNode *id, bool moved, ExgSimItem **ret_item,
         bool *ret_elsewhere, ExgSimRefusal *refusal)
{
    const ExgXmlNode *target = exg_sim_message_child(call->envelope.operation, "ToFolderId");
    g_autoptr(GError) error = NULL;
    ExgSimMailbox *mailbox, *to;
    const ExgSimFolder *folder;
    ExgSimItem *item;
    if (!exg_sim_call_folder(call, target->first_child, &to, &folder, refusal) ||
        !exg_sim_call_item(call, id, &mailbox, &item, refusal))
        return false;
    *ret_elsewhere = to != mailbox;
    *ret_item = exg_sim_mailbox_transfer(mailbox, item, to, folder, moved, &error);
    return *ret_item != NULL ||
           exg_sim_refuse(refusal, "ErrorMoveCopyFailed", "%s", error->message);
}

static bool
run(ExgSimCall *call, bool moved, const char *message)
{
    const ExgXmlNode *operation = call->envelope.operation;
    const ExgXmlNode *ids = exg_sim_message_child(operation, "ItemIds");
    const ExgXmlNode *wants = exg_sim_message_child(operation, "ReturnNewItemIds");
    bool wanted = wants == NULL || wants->text[0] == 't' || wants->text[0] == '1';
    for (const ExgXmlNode *id = ids->first_child; id != NULL; id = id->next) {
        g_auto(ExgSimRefusal) failure = {0};
        ExgSimItem *item = NULL;
        bool elsewhere = false;
        transfer(call, id, moved, &item, &elsewhere, &failure);
        exg_sim_call_start_message(call, message, &failure);
        /* Exchange does not tell the ids in another mailbox. */
        exg_sim_call_write_items(call, wanted && !elsewhere ? item : NULL);
        exg_xml_end(&call->writer);
    }
    return true;
}

bool
exg_sim_move_item(ExgSimCall *call, ExgSimRefusal *refusal)
{
    return run(call, true, "m:MoveItemResponseMessage");
}

bool
exg_sim_copy_item(ExgSimCall *call, ExgSimRefusal *refusal)
{
    return run(call, false, "m:CopyItemResponseMessage");
}
