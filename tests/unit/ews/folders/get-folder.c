#include "common/ews/folders/get-folder-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

static void
test_schema(void)
{
    static const ExgEwsTarget targets[] = {{"rcpt@example.com", EXG_EWS_IMPERSONATION},
                                           {"rcpt@example.com", EXG_EWS_DELEGATE},
                                           {NULL, EXG_EWS_SELF}};
    for (guint i = 0; i < G_N_ELEMENTS(targets); i++) {
        g_autofree char *request = ews_test_request(exg_ews_call_payload(
            &exg_ews_get_folder_operation, EWS_TEST_VERSION, &targets[i], "inbox"));
        g_assert_nonnull(strstr(request, "<t:DistinguishedFolderId Id=\"inbox\""));
        ews_test_validate(request);
    }
}

#define RESPONSE(class, inside)                                                                    \
    EWS_TEST_SOAP("<m:GetFolderResponse><m:ResponseMessages><m:GetFolderResponseMessage "          \
                  "ResponseClass=\"" class "\">" inside                                            \
                                           "</m:GetFolderResponseMessage></m:ResponseMessages></"  \
                                           "m:GetFolderResponse>")
#define GOOD(folder)                                                                               \
    RESPONSE("Success", "<m:ResponseCode>NoError</m:ResponseCode><m:Folders>" folder "</"          \
                        "m:Folders>")

static void
test_answers(void)
{
    static const char full[] = GOOD(
        "<t:Folder><t:FolderId Id=\"AQ=\" ChangeKey=\"C\"/><t:DisplayName>Posteingang &amp; "
        "mehr</t:DisplayName>"
        "<t:TotalCount>12</t:TotalCount><t:ChildFolderCount>1</"
        "t:ChildFolderCount><t:UnreadCount>3</t:UnreadCount>"
        "</t:Folder>");
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgEwsFolder)
        folder = ews_test_answer(&exg_ews_get_folder_operation, 200, full, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(folder->id, ==, "AQ=");
    g_assert_cmpstr(folder->display_name, ==, "Posteingang & mehr");
    g_assert_cmpint(folder->total_count, ==, 12);
    g_assert_cmpint(folder->unread_count, ==, 3);
    ews_test_cut(&exg_ews_get_folder_operation, full, NULL);

    static const char bare[] = GOOD(
        "<t:CalendarFolder><t:FolderId Id=\"B\"/><t:TotalCount>x</t:TotalCount>"
        "<t:UnreadCount>-4</t:UnreadCount></t:CalendarFolder>");
    g_autoptr(ExgEwsFolder)
        other = ews_test_answer(&exg_ews_get_folder_operation, 200, bare, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(other->id, ==, "B");
    g_assert_cmpstr(other->display_name, ==, "");
    g_assert_cmpint(other->total_count, ==, -1);
    g_assert_cmpint(other->unread_count, ==, -1);
}

static void
assert_fails(const char *body, ExgErrorCode code)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(ews_test_answer(&exg_ews_get_folder_operation, 200, body, NULL, &error));
    g_assert_error(error, EXG_ERROR, (int)code);
}

static void
test_failures(void)
{
    assert_fails(GOOD(""), EXG_ERROR_PROTOCOL);
    assert_fails(GOOD("<t:Folder/>"), EXG_ERROR_PROTOCOL);
    assert_fails(GOOD("<t:Folder><t:FolderId Id=\"\"/></t:Folder>"), EXG_ERROR_PROTOCOL);
    assert_fails(RESPONSE("Success", "<m:ResponseCode>NoError</m:ResponseCode>"),
                 EXG_ERROR_PROTOCOL);
    /* absent or not allowed: Exchange does not tell, so it is no word about the mailbox */
    assert_fails(
        RESPONSE("Error", "<m:ResponseCode>ErrorFolderNotFound</m:ResponseCode><m:Folders/>"),
        EXG_ERROR_DENIED);
    assert_fails(RESPONSE("Error", "<m:ResponseCode>ErrorNonExistentMailbox</m:ResponseCode>"),
                 EXG_ERROR_NO_MAILBOX);
    exg_ews_folder_free(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/get-folder/schema", test_schema);
    g_test_add_func("/ews/get-folder/answers", test_answers);
    g_test_add_func("/ews/get-folder/failures", test_failures);
    return g_test_run();
}
