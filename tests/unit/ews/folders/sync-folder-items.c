#include "common/ews/folders/sync-folder-items-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "common/ews/folders/create-folder-private.h"
#include "common/ews/folders/delete-folder-private.h"
#include "common/ews/items/list-items-private.h"
#include "common/ews/folders/sync-folder-hierarchy-private.h"
#include "common/ews/folders/update-folder-private.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

static const ExgEwsTarget target = {"rcpt@example.com", EXG_EWS_IMPERSONATION};

static void
check_request(const ExgEwsOperation *operation, gconstpointer context, const char *has)
{
    g_autofree char *request = ews_test_request(
        exg_ews_call_payload(operation, EWS_TEST_VERSION, &target, context));
    g_assert_nonnull(strstr(request, has));
    ews_test_validate(request);
}

static void
test_requests(void)
{
    const ExgEwsFolderId inbox = {.distinguished = "inbox"};
    const ExgEwsItemSync first = {.folder = inbox, .max_changes = 1000};
    const ExgEwsItemSync next = {.folder = {.id = "AQ="}, .state = "S<", .id_only = true};
    const ExgEwsFolderSync folders = {inbox, "S"};
    const ExgEwsListing listing = {inbox, 20, 10};
    const ExgEwsFolderOrder new_folder = {inbox, (char *)"A & B"};
    const ExgEwsFolderOrder rename = {{.id = "AQ="}, (char *)"C"};
    const ExgEwsFolderRemoval removal = {{.id = "AQ="}, EXG_EWS_TO_DELETED_ITEMS};
    check_request(&exg_ews_sync_folder_items_operation, &first, "<m:MaxChangesReturned>512<");
    check_request(&exg_ews_sync_folder_items_operation, &next, "<m:SyncState>S&lt;<");
    check_request(&exg_ews_sync_folder_hierarchy_operation, &folders, "<m:SyncState>S<");
    check_request(&exg_ews_list_items_operation, &listing, "Offset=\"20\"");
    check_request(&exg_ews_create_folder_operation, &new_folder, "A &amp; B");
    check_request(&exg_ews_update_folder_operation, &rename, "<t:DisplayName>C<");
    check_request(&exg_ews_delete_folder_operation, &removal, "MoveToDeletedItems");
}

#define RESPONSE(name, inside)                                                                     \
    EWS_TEST_SOAP("<m:" name "Response><m:ResponseMessages><m:" name                               \
                  "ResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError"              \
                  "</m:ResponseCode>" inside "</m:" name "ResponseMessage></m:ResponseMessages>"   \
                  "</m:" name "Response>")
#define SYNC(last, inside)                                                                         \
    RESPONSE("SyncFolderItems", "<m:SyncState>NEW</m:SyncState><m:IncludesLastItemInRange>" last   \
                                "</m:IncludesLastItemInRange><m:Changes>" inside "</m:Changes>")

static const char changes_body[] = SYNC(
    "1",
    "<t:Create><t:Message><t:ItemId Id=\"A\" ChangeKey=\"K\"/><t:Subject>a&#x3;b</t:Subject>"
    "<t:DateTimeReceived>2026-11-21T20:04:05.250Z</t:DateTimeReceived><t:Size>12</t:Size>"
    "<t:Categories><t:String>x</t:String></t:Categories><t:Importance>High</t:Importance>"
    "<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag=\"0x1090\" PropertyType=\"Integer\"/>"
    "<t:Value>2</t:Value></t:ExtendedProperty><t:From><t:Mailbox><t:Name>N</t:Name><t:EmailAddress>"
    "n@example.org</t:EmailAddress></t:Mailbox></t:From><t:IsRead>1</t:IsRead></t:Message></"
    "t:Create>"
    "<t:ReadFlagChange><t:ItemId Id=\"B\"/><t:IsRead>true</t:IsRead></t:ReadFlagChange>"
    "<t:Delete><t:ItemId Id=\"C\"/></t:Delete>"
    "<t:Update><t:Message><t:ItemId Id=\"D\"/><t:DateTimeReceived>2026-11-21T20:04:05"
    "</t:DateTimeReceived></t:Message></t:Update>");

static void
test_changes(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgEwsChanges) changes = ews_test_answer(&exg_ews_sync_folder_items_operation, 200,
                                                       changes_body, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(changes->state, ==, "NEW");
    g_assert_true(changes->is_last);
    g_assert_cmpuint(changes->changes->len, ==, 4);
    const ExgEwsItemChange *const *all = (gpointer)changes->changes->pdata;
    g_assert_cmpint(all[0]->kind, ==, EXG_EWS_CREATED);
    const ExgEwsItem *item = all[0]->item;
    g_assert_cmpstr(item->subject, ==,
                    "a\xef\xbf\xbd"
                    "b");
    g_assert_cmpint(item->received, ==, 1795291445);
    g_assert_cmpint(item->size_bytes, ==, 12);
    g_assert_cmpstr(item->categories[0], ==, "x");
    g_assert_cmpint(item->importance, ==, EXG_EWS_IMPORTANCE_HIGH);
    g_assert_cmpint(item->flag, ==, EXG_EWS_FLAGGED);
    g_assert_cmpstr(item->from_address, ==, "n@example.org");
    g_assert_true(item->is_read);
    g_assert_cmpint(all[1]->kind, ==, EXG_EWS_READ_CHANGED);
    g_assert_true(all[1]->item->is_read);
    g_assert_cmpint(all[2]->kind, ==, EXG_EWS_DELETED);
    g_assert_cmpstr(all[2]->item->id, ==, "C");
    g_assert_cmpint(all[3]->kind, ==, EXG_EWS_CHANGED);
    g_assert_cmpint(all[3]->item->received, ==, 1795291445);
    ews_test_cut(&exg_ews_sync_folder_items_operation, changes_body, NULL);
}

static void
assert_senseless(const ExgEwsOperation *operation, const char *body, gpointer context)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(ews_test_answer(operation, 200, body, context, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
    g_assert_false(exg_ews_sync_is_lost(error));
}

static void
test_senseless(void)
{
    const ExgEwsOperation *sync = &exg_ews_sync_folder_items_operation;
    assert_senseless(sync, RESPONSE("SyncFolderItems", ""), NULL);
    assert_senseless(sync, SYNC("true", "<t:Delete/>"), NULL);
    assert_senseless(sync, SYNC("true", "<t:Create/>"), NULL);
    assert_senseless(sync, SYNC("true", "<t:Other><t:ItemId Id=\"A\"/></t:Other>"), NULL);
    g_autoptr(GError) error = NULL;
    g_assert_null(ews_test_answer(
        sync, 200,
        EWS_TEST_SOAP(
            "<m:SyncFolderItemsResponse><m:ResponseMessages><m:SyncFolderItemsResponseMessage "
            "ResponseClass=\"Error\"><m:ResponseCode>ErrorInvalidSyncStateData</m:ResponseCode>"
            "</m:SyncFolderItemsResponseMessage></m:ResponseMessages></m:SyncFolderItemsResponse>"),
        NULL, &error));
    g_assert_true(exg_ews_sync_is_lost(error));
}

#define PAGE(attributes, items)                                                                    \
    RESPONSE("FindItem", "<m:RootFolder " attributes "><t:Items>" items "</t:Items></"             \
                         "m:RootFolder>")
#define ITEM "<t:Message><t:ItemId Id=\"A\"/></t:Message>"

static void
assert_page(const char *body, guint next, bool is_last)
{
    ExgEwsListing listing = {.offset = 10, .max_items = 10};
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgEwsItemPage)
        page = ews_test_answer(&exg_ews_list_items_operation, 200, body, &listing, &error);
    g_assert_no_error(error);
    g_assert_true(page->is_last == is_last);
    if (!is_last)
        g_assert_cmpuint(page->next_offset, ==, next);
}

static void
test_pages(void)
{
    assert_page(PAGE("IndexedPagingOffset=\"11\" IncludesLastItemInRange=\"false\"", ITEM), 11,
                false);
    assert_page(PAGE("IncludesLastItemInRange=\"0\"", ITEM ITEM), 12, false);
    assert_page(PAGE("IncludesLastItemInRange=\"1\"", ITEM), 0, true);
    assert_page(PAGE("IndexedPagingOffset=\"0\" IncludesLastItemInRange=\"false\"", ITEM), 0, true);
    assert_page(PAGE("IndexedPagingOffset=\"20\" IncludesLastItemInRange=\"false\"", ""), 0, true);
    ExgEwsListing listing = {.max_items = 10};
    assert_senseless(&exg_ews_list_items_operation, RESPONSE("FindItem", ""), &listing);
    ews_test_cut(&exg_ews_list_items_operation, PAGE("IncludesLastItemInRange=\"1\"", ITEM),
                 &listing);
}

static void
test_folders(void)
{
    static const char body[] = RESPONSE(
        "SyncFolderHierarchy",
        "<m:SyncState>S</m:SyncState><m:IncludesLastFolderInRange>true</"
        "m:IncludesLastFolderInRange>"
        "<m:Changes><t:Create><t:Folder><t:FolderId Id=\"A\"/><t:DisplayName>N</t:DisplayName>"
        "<t:TotalCount>3</t:TotalCount></t:Folder></t:Create><t:Delete><t:FolderId "
        "Id=\"B\"/></t:Delete>"
        "</m:Changes>");
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgEwsChanges) changes = ews_test_answer(&exg_ews_sync_folder_hierarchy_operation,
                                                       200, body, NULL, &error);
    g_assert_no_error(error);
    const ExgEwsFolderChange *const *all = (gpointer)changes->changes->pdata;
    g_assert_cmpstr(all[0]->folder->display_name, ==, "N");
    g_assert_cmpint(all[0]->folder->total_count, ==, 3);
    g_assert_cmpint(all[1]->kind, ==, EXG_EWS_DELETED);
    ews_test_cut(&exg_ews_sync_folder_hierarchy_operation, body, NULL);
    assert_senseless(&exg_ews_create_folder_operation, RESPONSE("CreateFolder", "<m:Folders/>"),
                     NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/sync-folder-items/requests", test_requests);
    g_test_add_func("/ews/sync-folder-items/A20.3,A20.5,F26-changes", test_changes);
    g_test_add_func("/ews/sync-folder-items/senseless", test_senseless);
    g_test_add_func("/ews/list-items/A17.2,A17.3-pages", test_pages);
    g_test_add_func("/ews/sync-folder-hierarchy/changes", test_folders);
    return g_test_run();
}
