#include "common/ews/people/get-rooms-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

static const ExgEwsTarget self = {.access = EXG_EWS_SELF};

static void
test_schema(void)
{
    g_autofree char *lists = ews_test_request(
        exg_ews_call_payload(&exg_ews_get_room_lists_operation, EWS_TEST_VERSION, &self, NULL));
    g_assert_nonnull(strstr(lists, "<m:GetRoomLists/>"));
    ews_test_validate(lists);
    g_autofree char *rooms = ews_test_request(exg_ews_call_payload(
        &exg_ews_get_rooms_operation, EWS_TEST_VERSION, &self, "house@example.com"));
    g_assert_nonnull(strstr(rooms, "<m:RoomList><t:EmailAddress>house@example.com</t:EmailAddress>"
                                   "<t:RoutingType>SMTP</t:RoutingType><t:MailboxType>Mailbox"
                                   "</t:MailboxType></m:RoomList>"));
    ews_test_validate(rooms);
    g_assert_cmpstr(exg_ews_get_room_lists_operation.minimum_version, ==, "Exchange2010");
    g_assert_cmpstr(exg_ews_get_rooms_operation.minimum_version, ==, "Exchange2010");
}

#define RESPONSE(operation, class, code, inside)                                                   \
    EWS_TEST_SOAP("<m:" operation "Response ResponseClass=\"" class "\"><m:ResponseCode>" code     \
                                                                    "</m:ResponseCode>" inside     \
                                                                    "</m:" operation "Response>")
#define WHO(address)                                                                               \
    "<t:Name>N</t:Name><t:EmailAddress>" address                                                   \
    "</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType><t:MailboxType>PublicDL</t:MailboxType>"
#define LISTS                                                                                      \
    RESPONSE("GetRoomLists", "Success", "NoError",                                                 \
             "<m:RoomLists><t:Address>" WHO("a@example.com") "</t:Address><t:Address>" WHO(        \
                 "b@example.com") "</t:Address></m:RoomLists>")
#define ROOMS                                                                                      \
    RESPONSE("GetRooms", "Success", "NoError",                                                     \
             "<m:Rooms><t:Room><t:Id>" WHO("r@example.com") "<t:ItemId Id=\"I\"/></t:Id></t:Room>" \
                                                            "<t:Room/></m:Rooms>")

static void
assert_failed(const ExgEwsOperation *operation, const char *body, ExgErrorCode code)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(ews_test_answer(operation, 200, body, NULL, &error));
    g_assert_error(error, EXG_ERROR, (int)code);
}

static void
test_lists(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray)
        lists = ews_test_answer(&exg_ews_get_room_lists_operation, 200, LISTS, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(lists->len, ==, 2);
    g_assert_cmpstr(((ExgEwsMailbox *)lists->pdata[1])->address, ==, "b@example.com");
    g_autoptr(GPtrArray) none = ews_test_answer(
        &exg_ews_get_room_lists_operation, 200,
        RESPONSE("GetRoomLists", "Success", "NoError", "<m:RoomLists/>"), NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(none->len, ==, 0);
    assert_failed(&exg_ews_get_room_lists_operation,
                  RESPONSE("GetRoomLists", "Success", "NoError", ""), EXG_ERROR_PROTOCOL);
    assert_failed(&exg_ews_get_room_lists_operation,
                  RESPONSE("GetRoomLists", "Error", "ErrorServerBusy", ""), EXG_ERROR_BUSY);
    ews_test_cut(&exg_ews_get_room_lists_operation, LISTS, NULL);
}

static void
test_rooms(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray)
        rooms = ews_test_answer(&exg_ews_get_rooms_operation, 200, ROOMS, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(rooms->len, ==, 1);
    const ExgEwsMailbox *room = rooms->pdata[0];
    g_assert_cmpstr(room->address, ==, "r@example.com");
    g_assert_cmpstr(room->item_id, ==, "I");
    assert_failed(&exg_ews_get_rooms_operation,
                  RESPONSE("GetRooms", "Error", "ErrorNameResolutionNoResults", ""),
                  EXG_ERROR_NO_MAILBOX);
    assert_failed(&exg_ews_get_rooms_operation, RESPONSE("GetRooms", "Success", "NoError", ""),
                  EXG_ERROR_PROTOCOL);
    assert_failed(&exg_ews_get_rooms_operation, LISTS, EXG_ERROR_PROTOCOL);
    ews_test_cut(&exg_ews_get_rooms_operation, ROOMS, NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/get-rooms/B3,B4,B9.1-schema", test_schema);
    g_test_add_func("/ews/get-rooms/B3-lists", test_lists);
    g_test_add_func("/ews/get-rooms/B4-rooms", test_rooms);
    return g_test_run();
}
