#include "common/ews/people/get-rooms-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/mailbox-private.h"

static const ExgEwsTarget self = {.access = EXG_EWS_SELF};

/* --- GetRoomLists ----------------------------------------------------------------------------- */

static void
write_get_room_lists(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    exg_xml_start(writer, "m:GetRoomLists");
}

static bool
decode_room_lists(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
                  gpointer *ret_result, GError **error)
{
    if (!exg_ews_message_check(operation, message, error))
        return false;
    const ExgXmlNode *lists = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "RoomLists");
    if (lists == NULL)
        return exg_ews_answer_senseless(operation, error, "success without RoomLists");
    *ret_result = exg_ews_mailbox_read_all(lists, "Address");
    return true;
}

const ExgEwsOperation exg_ews_get_room_lists_operation = {
    .name = "GetRoomLists",
    .n_messages = 1,
    .bare = true,
    .own_mailbox = true,
    .minimum_version = "Exchange2010",
    .write = write_get_room_lists,
    .decode = decode_room_lists,
    .free_result = (GDestroyNotify)g_ptr_array_unref,
};

void
exg_ews_get_room_lists_async(ExgEwsService *service, gint64 deadline_us, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer data)
{
    exg_ews_call_start(service, &exg_ews_get_room_lists_operation, &self, NULL, NULL, deadline_us,
                       cancellable, callback, data);
}

static bool
finish(GAsyncResult *result, const ExgEwsOperation *operation, GPtrArray **ret_mailboxes,
       GError **error)
{
    gpointer mailboxes = NULL;
    if (!exg_ews_call_finish(result, operation, &mailboxes, error))
        return false;
    *ret_mailboxes = mailboxes;
    return true;
}

bool
exg_ews_get_room_lists_finish(ExgEwsService *service, GAsyncResult *result, GPtrArray **ret_lists,
                              GError **error)
{
    return finish(result, &exg_ews_get_room_lists_operation, ret_lists, error);
}

/* --- GetRooms --------------------------------------------------------------------------------- */

static void
write_get_rooms(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer list_address)
{
    g_autoptr(ExgEwsMailbox) list = exg_ews_mailbox_new(list_address, "Mailbox");
    exg_xml_start(writer, "m:GetRooms");
    exg_ews_mailbox_write(writer, "m:RoomList", list);
}

static bool
decode_rooms(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
             gpointer *ret_result, GError **error)
{
    if (!exg_ews_message_check(operation, message, error))
        return false;
    const ExgXmlNode *node = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "Rooms");
    if (node == NULL)
        return exg_ews_answer_senseless(operation, error, "success without Rooms");
    GPtrArray *rooms = exg_ews_mailbox_array_new();
    for (node = exg_xml_node_child(node, EXG_EWS_TYPES_SPACE, "Room"); node != NULL;
         node = exg_xml_node_next_same(node)) {
        ExgEwsMailbox *room = exg_ews_mailbox_read(
            exg_xml_node_child(node, EXG_EWS_TYPES_SPACE, "Id"));
        if (room != NULL)
            g_ptr_array_add(rooms, room);
    }
    *ret_result = rooms;
    return true;
}

const ExgEwsOperation exg_ews_get_rooms_operation = {
    .name = "GetRooms",
    .n_messages = 1,
    .bare = true,
    .minimum_version = "Exchange2010",
    .write = write_get_rooms,
    .decode = decode_rooms,
    .free_result = (GDestroyNotify)g_ptr_array_unref,
};

void
exg_ews_get_rooms_async(ExgEwsService *service, const char *list_address, gint64 deadline_us,
                        GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    exg_ews_call_start(service, &exg_ews_get_rooms_operation, &self, g_strdup(list_address), g_free,
                       deadline_us, cancellable, callback, data);
}

bool
exg_ews_get_rooms_finish(ExgEwsService *service, GAsyncResult *result, GPtrArray **ret_rooms,
                         GError **error)
{
    return finish(result, &exg_ews_get_rooms_operation, ret_rooms, error);
}
