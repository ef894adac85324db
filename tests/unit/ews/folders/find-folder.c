#include "common/ews/folders/find-folder-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

static char *
request(ExgEwsAccess access, const char *name)
{
    const ExgEwsTarget target = {"rcpt@example.com", access};
    return ews_test_request(
        exg_ews_call_payload(&exg_ews_find_folder_operation, EWS_TEST_VERSION, &target, name));
}

static void
test_request(void)
{
    g_autofree char *text = request(EXG_EWS_IMPERSONATION, "R&D");
    g_assert_nonnull(strstr(text, "<t:Constant Value=\"R&amp;D\"/>"));
    g_assert_nonnull(strstr(text, "<m:ParentFolderIds><t:DistinguishedFolderId "
                                  "Id=\"msgfolderroot\"/><t:DistinguishedFolderId Id=\"inbox\"/>"));
}

static void
test_schema(void)
{
    g_autofree char *impersonating = request(EXG_EWS_IMPERSONATION, "<\"&@\x02>");
    g_autofree char *delegated = request(EXG_EWS_DELEGATE, "Lists");
    ews_test_validate(impersonating);
    ews_test_validate(delegated);
}

#define MESSAGE(class, inside)                                                                     \
    "<m:FindFolderResponseMessage ResponseClass=\"" class "\">" inside                             \
                                                          "</m:FindFolderResponseMessage>"
#define RESPONSE(inside)                                                                           \
    EWS_TEST_SOAP("<m:FindFolderResponse><m:ResponseMessages>" inside                              \
                  "</m:ResponseMessages></m:FindFolderResponse>")
#define PARENT(folders)                                                                            \
    MESSAGE("Success",                                                                             \
            "<m:ResponseCode>NoError</m:ResponseCode><m:RootFolder TotalItemsInView=\"1\" "        \
            "IncludesLastItemInRange=\"true\"><t:Folders>" folders "</t:Folders></m:RootFolder>")
#define FOLDER_OF(element, id, class, name)                                                        \
    "<t:" element "><t:FolderId Id=\"" id                                                          \
    "\" ChangeKey=\"C\"/><t:FolderClass>" class "</t:FolderClass><t:DisplayName>" name             \
                                                "</t:DisplayName></t:" element ">"
#define FOLDER(id, name) FOLDER_OF("Folder", id, "IPF.Note", name)
#define DENIED           MESSAGE("Error", "<m:ResponseCode>ErrorAccessDenied</m:ResponseCode>")

static void
assert_found(const char *body, const char *expected)
{
    g_autoptr(GError) error = NULL;
    char name[] = "lists";
    g_autofree char *id = ews_test_answer(&exg_ews_find_folder_operation, 200, body, name, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(id, ==, expected);
}

static void
test_answers(void)
{
    assert_found(RESPONSE(PARENT("") PARENT("")), NULL);
    assert_found(RESPONSE(PARENT(FOLDER("A", "Lists")) PARENT("")), "A");
    assert_found(RESPONSE(PARENT("") PARENT(FOLDER("B", "LISTS"))), "B");
    assert_found(RESPONSE(PARENT(FOLDER("A", "Lists")) PARENT(FOLDER("B", "Lists"))), "A");
    assert_found(RESPONSE(PARENT(FOLDER("A", "Lists")) DENIED), "A");
    assert_found(
        RESPONSE(PARENT(FOLDER_OF("Folder", "A", "IPF.Note.OutlookHomepage", "Lists")) PARENT("")),
        "A");
}

/* No mail goes into a calendar or a search, or into what only looks like the name. */
static void
test_others(void)
{
    assert_found(RESPONSE(PARENT(FOLDER_OF("CalendarFolder", "A", "IPF.Appointment", "Lists"))
                              PARENT(FOLDER_OF("SearchFolder", "B", "IPF.Note", "Lists"))),
                 NULL);
    assert_found(RESPONSE(PARENT(FOLDER_OF("Folder", "A", "IPF.StickyNote", "Lists"))
                              PARENT(FOLDER_OF("Folder", "B", "IPF.Notes", "Lists"))),
                 NULL);
    assert_found(RESPONSE(PARENT(FOLDER("A", "Lists of old") FOLDER("B", "Lists")) PARENT("")),
                 "B");
    assert_found(RESPONSE(PARENT("<t:Folder><t:FolderId Id=\"A\"/></t:Folder>") PARENT("")), NULL);
}

static void
assert_fails(const char *body, ExgErrorCode code)
{
    g_autoptr(GError) error = NULL;
    char name[] = "lists";
    g_assert_null(ews_test_answer(&exg_ews_find_folder_operation, 200, body, name, &error));
    g_assert_error(error, EXG_ERROR, (int)code);
}

/* That there is none needs the word of both. */
static void
test_no_proof(void)
{
    assert_fails(RESPONSE(PARENT("") DENIED), EXG_ERROR_DENIED);
    assert_fails(RESPONSE(DENIED PARENT("")), EXG_ERROR_DENIED);
    assert_fails(RESPONSE(PARENT("")), EXG_ERROR_PROTOCOL);
    assert_fails(
        RESPONSE(PARENT("<t:Folder><t:DisplayName>lists</t:DisplayName></t:Folder>") PARENT("")),
        EXG_ERROR_PROTOCOL);
    assert_fails(
        RESPONSE(MESSAGE("Success", "<m:ResponseCode>NoError</m:ResponseCode>") PARENT("")),
        EXG_ERROR_PROTOCOL);
}

static void
test_cut(void)
{
    char name[] = "lists";
    ews_test_cut(&exg_ews_find_folder_operation, RESPONSE(PARENT(FOLDER("A", "Lists")) PARENT("")),
                 name);
    ews_test_cut(&exg_ews_find_folder_operation, RESPONSE(PARENT("") PARENT("")), name);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/find-folder/request", test_request);
    g_test_add_func("/ews/find-folder/schema", test_schema);
    g_test_add_func("/ews/find-folder/answers", test_answers);
    g_test_add_func("/ews/find-folder/others", test_others);
    g_test_add_func("/ews/find-folder/no-proof", test_no_proof);
    g_test_add_func("/ews/find-folder/cut", test_cut);
    return g_test_run();
}
