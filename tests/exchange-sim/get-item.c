/* GetItem: items by their ids. */
#include "tests/exchange-sim/call.h"
#include "tests/exchange-sim/item-shape.h"

bool
exg_sim_get_item(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *shape = exg_sim_message_child(call->envelope.operation, "ItemShape");
    const ExgXmlNode *ids = exg_sim_message_child(call->envelope.operation, "ItemIds");
    if (!exg_sim_item_shape_check(shape, refusal))
        return false;
    for (const ExgXmlNode *id = ids->first_child; id != NULL; id = id->next) {
        g_auto(ExgSimRefusal) failure = {0};
        ExgSimMailbox *mailbox;
        ExgSimItem *item = NULL;
        exg_sim_call_item(call, id, &mailbox, &item, &failure);
        exg_sim_call_start_message(call, "m:GetItemResponseMessage", &failure);
        exg_xml_start(&call->writer, "m:Items");
        if (item != NULL)
            exg_sim_item_shape_write(shape, &call->writer, mailbox, item, false);
        exg_xml_end(&call->writer);
        exg_xml_end(&call->writer);
    }
    return true;
}
