#include "common/ews/item-batch-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "common/ews/copy-item-private.h"
#include "common/ews/delete-item-private.h"
#include "common/ews/move-item-private.h"
#include "common/ews/send-item-private.h"
#include "common/ews/update-item-private.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

static const ExgEwsTarget target = {"rcpt@example.com", EXG_EWS_IMPERSONATION};
static const ExgEwsItemId ids[] = {{"AQ=", "CK="}, {"BQ=", NULL}};

static char *
request_of(const ExgEwsOperation *operation, const char *version, gconstpointer order)
{
    const ExgEwsBatchRequest request = {ids, G_N_ELEMENTS(ids), order};
    char *text = ews_test_request(exg_ews_call_payload(operation, version, &target, &request));
    ews_test_validate(text);
    return text;
}

static void
test_requests(void)
{
    static const ExgEwsFolderId inbox = {.distinguished = "inbox"}, own = {.id = "FQ="};
    g_autofree char *moved = request_of(&exg_ews_move_item_operation, EWS_TEST_VERSION, &inbox);
    g_autofree char *copied = request_of(&exg_ews_copy_item_operation, EWS_TEST_VERSION, &own);
    g_autofree char *deleted = request_of(&exg_ews_delete_item_operation, EWS_TEST_VERSION,
                                          exg_ews_disposal_name(EXG_EWS_HARD_DELETE));
    g_autofree char *sent = request_of(&exg_ews_send_item_operation, EWS_TEST_VERSION, &inbox);
    g_autofree char *unsaved = request_of(&exg_ews_send_item_operation, EWS_TEST_VERSION, NULL);
    g_assert_nonnull(
        strstr(moved, "<t:ItemId Id=\"AQ=\" ChangeKey=\"CK=\"/><t:ItemId Id=\"BQ=\"/>"));
    g_assert_nonnull(strstr(copied, "<t:FolderId Id=\"FQ=\"/>"));
    g_assert_nonnull(strstr(deleted, "DeleteType=\"HardDelete\""));
    g_assert_nonnull(strstr(sent, "SaveItemToFolder=\"true\""));
    g_assert_null(strstr(unsaved, "SavedItemFolderId"));
}

static void
test_updates(void)
{
    static const char *const categories[] = {"red & <blue>", "green", NULL};
    const ExgEwsItemUpdate all = {.fields = EXG_EWS_SET_READ | EXG_EWS_SET_FLAG |
                                            EXG_EWS_SET_IMPORTANCE | EXG_EWS_SET_CATEGORIES,
                                  .is_read = true,
                                  .flag = EXG_EWS_FLAGGED,
                                  .importance = EXG_EWS_IMPORTANCE_HIGH,
                                  .categories = categories};
    const ExgEwsItemUpdate none = {.fields = EXG_EWS_SET_FLAG | EXG_EWS_SET_CATEGORIES};
    g_autofree char *set = request_of(&exg_ews_update_item_operation, EWS_TEST_VERSION, &all);
    g_autofree char *cleared = request_of(&exg_ews_update_item_operation, "Exchange2010_SP2",
                                          &none);
    g_assert_nonnull(strstr(set, "SuppressReadReceipts=\"true\""));
    g_assert_nonnull(strstr(set, "<t:String>red &amp; &lt;blue&gt;</t:String>"));
    g_assert_nonnull(strstr(set, "<t:Value>2</t:Value>"));
    /* an older schema has no word for receipts */
    g_assert_null(strstr(cleared, "SuppressReadReceipts"));
    g_assert_nonnull(strstr(cleared, "<t:DeleteItemField>"));
}

#define MESSAGE(class, inside)                                                                     \
    "<m:MoveItemResponseMessage ResponseClass=\"" class "\">" inside "</"                          \
                                                        "m:MoveItemResponseMessage>"
#define RESPONSE(inside)                                                                           \
    EWS_TEST_SOAP("<m:MoveItemResponse><m:ResponseMessages>" inside                                \
                  "</m:ResponseMessages></m:MoveItemResponse>")
#define DONE                                                                                       \
    MESSAGE("Success", "<m:ResponseCode>NoError</m:ResponseCode><m:Items><t:Message>"              \
                       "<t:ItemId Id=\"NQ=\" ChangeKey=\"NK=\"/></t:Message></m:Items>")
#define GONE MESSAGE("Error", "<m:ResponseCode>ErrorItemNotFound</m:ResponseCode><m:Items/>")

static void
test_slots(void)
{
    ExgEwsBatchRequest request = {ids, G_N_ELEMENTS(ids), NULL};
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) results = ews_test_answer(&exg_ews_move_item_operation, 200,
                                                   RESPONSE(GONE DONE), &request, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(results->len, ==, 2);
    const ExgEwsResult *gone = g_ptr_array_index(results, 0), *done = g_ptr_array_index(results, 1);
    g_assert_nonnull(gone->error);
    g_assert_cmpstr(exg_error_facts(gone->error)->service_code, ==, "ErrorItemNotFound");
    g_assert_no_error(done->error);
    g_assert_cmpstr(done->id, ==, "NQ=");
    g_assert_cmpstr(done->change_key, ==, "NK=");
}

static void
test_counts(void)
{
    ExgEwsBatchRequest request = {ids, G_N_ELEMENTS(ids), NULL};
    static const char *const bodies[] = {RESPONSE(DONE), RESPONSE(DONE DONE DONE), RESPONSE("")};
    for (guint i = 0; i < G_N_ELEMENTS(bodies); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(
            ews_test_answer(&exg_ews_move_item_operation, 200, bodies[i], &request, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_AMBIGUOUS);
    }
    ews_test_cut(&exg_ews_move_item_operation, RESPONSE(GONE DONE), &request);
}

static void
test_once(void)
{
    g_assert_true(exg_ews_move_item_operation.once);
    g_assert_true(exg_ews_copy_item_operation.once);
    g_assert_true(exg_ews_send_item_operation.once);
    g_assert_false(exg_ews_delete_item_operation.once);
    g_assert_false(exg_ews_update_item_operation.once);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/item-batch/requests", test_requests);
    g_test_add_func("/ews/item-batch/A20.2-updates", test_updates);
    g_test_add_func("/ews/item-batch/A16.8,F2,F25-a-slot-for-each-item", test_slots);
    g_test_add_func("/ews/item-batch/counts", test_counts);
    g_test_add_func("/ews/item-batch/F2-once", test_once);
    return g_test_run();
}
