/* GetRoomLists and GetRooms: the lists that are marked as such, and their members. */
#include "tests/exchange-sim/call.h"

bool
exg_sim_get_room_lists(ExgSimCall *call, ExgSimRefusal *refusal)
{
    g_auto(ExgSimRefusal) failure = {0};
    bool injected = exg_sim_call_take_injected(call, &failure);
    exg_sim_call_start_message(call, "m:GetRoomListsResponse", &failure);
    if (!injected) {
        exg_xml_start(&call->writer, "m:RoomLists");
        for (guint i = 0; i < exg_sim_directory_count(call->directory); i++) {
            const ExgSimMailbox *list = exg_sim_directory_get(call->directory, i);
            if (list->is_room_list && !list->hidden)
                exg_sim_call_write_mailbox(call, "t:Address", list);
        }
        exg_xml_end(&call->writer);
    }
    exg_xml_end(&call->writer);
    return true;
}

static void
write_rooms(ExgSimCall *call, const ExgSimMailbox *list)
{
    exg_xml_start(&call->writer, "m:Rooms");
    for (guint i = 0; i < list->members->len; i++) {
        const ExgSimMailbox *room = exg_sim_directory_find(call->directory,
                                                           g_ptr_array_index(list->members, i));
        if (room == NULL || room->hidden)
            continue;
        exg_xml_start(&call->writer, "t:Room");
        exg_sim_call_write_mailbox(call, "t:Id", room);
        exg_xml_end(&call->writer);
    }
    exg_xml_end(&call->writer);
}

bool
exg_sim_get_rooms(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *asked = exg_sim_message_child(call->envelope.operation, "RoomList");
    const ExgXmlNode *address = exg_sim_type_child(asked, "EmailAddress");
    const ExgSimMailbox *list = address != NULL
                                    ? exg_sim_directory_find(call->directory, address->text)
                                    : NULL;
    g_auto(ExgSimRefusal) failure = {0};
    if (!exg_sim_call_take_injected(call, &failure) && (list == NULL || !list->is_room_list))
        exg_sim_refuse(&failure, "ErrorNameResolutionNoResults", NULL);
    exg_sim_call_start_message(call, "m:GetRoomsResponse", &failure);
    if (failure.code == NULL)
        write_rooms(call, list);
    exg_xml_end(&call->writer);
    return true;
}
