#include "common/ews/items/find-item-private.h"

#include "common/base/error.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

static ExgEwsItemSearch search; /* without a further folder */
static const ExgEwsTarget target = {"rcpt@example.com", EXG_EWS_IMPERSONATION};

static void
test_request(void)
{
    g_autofree char *by_key = ews_test_request(exg_ews_find_item_body(
        EWS_TEST_VERSION, &target, EXG_EWS_BY_DELIVERY_KEY, "v1:00", NULL, 0));
    g_assert_nonnull(strstr(by_key, "PropertyName=\"DeliveryKey\""));
    g_assert_nonnull(strstr(by_key, "<t:Constant Value=\"v1:00\"/>"));
    g_assert_null(strstr(by_key, "<t:And>"));
    g_assert_nonnull(strstr(by_key, "Id=\"inbox\"/><t:DistinguishedFolderId Id=\"deleteditems\"/>"
                                    "<t:DistinguishedFolderId Id=\"junkemail\"/>"));
    g_autofree char *by_id = ews_test_request(exg_ews_find_item_body(
        EWS_TEST_VERSION, &target, EXG_EWS_BY_MESSAGE_ID, "<1@example.org>", "AAMk", 1795287600));
    g_assert_nonnull(strstr(by_id, "<t:Constant Value=\"&lt;1@example.org&gt;\"/>"));
    g_assert_nonnull(strstr(by_id, "<t:And>"));
    g_assert_nonnull(strstr(by_id, "Id=\"junkemail\"/><t:FolderId Id=\"AAMk\"/>"));
    g_assert_nonnull(strstr(by_id, "<t:Constant Value=\"2026-11-21T19:00:00Z\"/>"));
}

static void
test_schema(void)
{
    static const ExgEwsAccess accesses[] = {EXG_EWS_IMPERSONATION, EXG_EWS_DELEGATE};
    for (guint i = 0; i < G_N_ELEMENTS(accesses); i++) {
        for (guint by = EXG_EWS_BY_DELIVERY_KEY; by <= EXG_EWS_BY_MESSAGE_ID; by++) {
            ExgEwsTarget whose = {"rcpt@example.com", accesses[i]};
            g_autofree char *open = ews_test_request(
                exg_ews_find_item_body(EWS_TEST_VERSION, &whose, by, "<\"&@\x02>", NULL, 0));
            g_autofree char *bounded = ews_test_request(
                exg_ews_find_item_body(EWS_TEST_VERSION, &whose, by, "x", "AAMk", 1795287600));
            ews_test_validate(open);
            ews_test_validate(bounded);
        }
    }
}

#define MESSAGE(class, inside)                                                                     \
    "<m:FindItemResponseMessage ResponseClass=\"" class "\">" inside "</"                          \
                                                        "m:FindItemResponseMessage>"
#define RESPONSE(inside)                                                                           \
    EWS_TEST_SOAP("<m:FindItemResponse><m:ResponseMessages>" inside                                \
                  "</m:ResponseMessages></m:FindItemResponse>")
#define FOLDER(last, items)                                                                        \
    MESSAGE("Success",                                                                             \
            "<m:ResponseCode>NoError</m:ResponseCode><m:RootFolder TotalItemsInView=\"1\" "        \
            "IncludesLastItemInRange=\"" last "\"><t:Items>" items "</t:Items></m:RootFolder>")
#define HIT(id) "<t:Message><t:ItemId Id=\"" id "\" ChangeKey=\"C\"/></t:Message>"
#define MISS    FOLDER("true", "")
#define DENIED  MESSAGE("Error", "<m:ResponseCode>ErrorAccessDenied</m:ResponseCode>")

static void
assert_ids(const char *body, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) ids = ews_test_answer(&exg_ews_find_item_operation, 200, body, &search, &error);
    g_assert_no_error(error);
    g_autofree char *joined = g_strjoinv(",", ids);
    g_assert_cmpstr(joined, ==, expected);
}

static void
test_answers(void)
{
    assert_ids(RESPONSE(MISS MISS MISS), "");
    assert_ids(RESPONSE(FOLDER("true", HIT("A")) MISS MISS), "A");
    assert_ids(RESPONSE(MISS MISS FOLDER("true", HIT("A") HIT("B"))), "A,B");
    assert_ids(RESPONSE(MISS FOLDER("false", HIT("A")) MISS), "A");
    assert_ids(RESPONSE(MISS FOLDER(
                   "true", "<t:MeetingRequest><t:ItemId Id=\"M\"/></t:MeetingRequest>") MISS),
               "M");
    /* a hit needs no other folder's word */
    assert_ids(RESPONSE(FOLDER("true", HIT("A")) DENIED MISS), "A");
    assert_ids(RESPONSE(DENIED MISS FOLDER("true", HIT("A"))), "A");
}

static void
assert_fails(const char *body, ExgErrorCode code)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(ews_test_answer(&exg_ews_find_item_operation, 200, body, &search, &error));
    g_assert_error(error, EXG_ERROR, (int)code);
}

/* A miss needs the word of all folders, to their ends. */
static void
test_no_proof(void)
{
    assert_fails(RESPONSE(MISS DENIED MISS), EXG_ERROR_DENIED);
    assert_fails(RESPONSE(MISS MISS), EXG_ERROR_PROTOCOL);
    assert_fails(RESPONSE(MISS MISS MISS MISS), EXG_ERROR_PROTOCOL);
    assert_fails(RESPONSE(MISS MISS FOLDER("false", "")), EXG_ERROR_PROTOCOL);
    assert_fails(RESPONSE(MISS MISS FOLDER("true", "<t:Message/>")), EXG_ERROR_PROTOCOL);
    assert_fails(RESPONSE(MISS MISS MESSAGE("Success", "<m:ResponseCode>NoError</m:ResponseCode>")),
                 EXG_ERROR_PROTOCOL);
    assert_fails(RESPONSE(MISS MISS MESSAGE("Success",
                                            "<m:ResponseCode>NoError</m:ResponseCode><m:RootFolder "
                                            "IncludesLastItemInRange=\"true\"/>")),
                 EXG_ERROR_PROTOCOL);
    assert_fails(RESPONSE(MISS MISS MESSAGE("Warning", "<m:ResponseCode>ErrorBatchProcessingStopped"
                                                       "</m:ResponseCode>")),
                 EXG_ERROR_BUSY);
}

static void
test_further_folder(void)
{
    char folder_id[] = "AAMk";
    ExgEwsItemSearch further = {.folder_id = folder_id};
    g_autoptr(GError) error = NULL;
    g_auto(GStrv)
        ids = ews_test_answer(&exg_ews_find_item_operation, 200,
                              RESPONSE(MISS MISS MISS FOLDER("true", HIT("A"))), &further, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(ids[0], ==, "A");
    g_assert_null(ews_test_answer(&exg_ews_find_item_operation, 200, RESPONSE(MISS MISS MISS),
                                  &further, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
}

static void
test_cut(void)
{
    ews_test_cut(&exg_ews_find_item_operation, RESPONSE(FOLDER("true", HIT("A")) MISS MISS),
                 &search);
    ews_test_cut(&exg_ews_find_item_operation, RESPONSE(MISS MISS MISS), &search);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/find-item/request", test_request);
    g_test_add_func("/ews/find-item/schema", test_schema);
    g_test_add_func("/ews/find-item/answers", test_answers);
    g_test_add_func("/ews/find-item/no-proof", test_no_proof);
    g_test_add_func("/ews/find-item/further-folder", test_further_folder);
    g_test_add_func("/ews/find-item/cut", test_cut);
    return g_test_run();
}
