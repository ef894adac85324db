/* GetFolder: the distinguished folders of a mailbox. */
#include "tests/exchange-sim/call.h"
#include "tests/exchange-sim/folder-shape.h"

bool
exg_sim_get_folder(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *shape = exg_sim_message_child(call->envelope.operation, "FolderShape");
    const ExgXmlNode *ids = exg_sim_message_child(call->envelope.operation, "FolderIds");
    for (const ExgXmlNode *id = ids->first_child; id != NULL; id = id->next) {
        g_auto(ExgSimRefusal) failure = {0};
        ExgSimMailbox *mailbox;
        const ExgSimFolder *folder;
        bool found = exg_sim_call_folder(call, id, &mailbox, &folder, &failure);
        exg_sim_call_start_message(call, "m:GetFolderResponseMessage", &failure);
        exg_xml_start(&call->writer, "m:Folders");
        if (found)
            exg_sim_folder_shape_write(shape, &call->writer, mailbox, folder);
        exg_xml_end(&call->writer);
        exg_xml_end(&call->writer);
    }
    return true;
}
