#include "common/ews/items/convert-id-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

static const ExgEwsTarget self = {.access = EXG_EWS_SELF};
static ExgEwsPortion any_three = {.count = 3};

static void
test_schema(void)
{
    ExgEwsAlternateId item = {.format = EXG_EWS_EWS_ID,
                              .id = (char *)"A<",
                              .mailbox = (char *)"a@example.com",
                              .is_archive = true};
    ExgEwsAlternateId folder = {
        .kind = EXG_EWS_ID_OF_PUBLIC_FOLDER, .format = EXG_EWS_OWA_ID, .folder_id = (char *)"F"};
    ExgEwsAlternateId public_item = {.kind = EXG_EWS_ID_OF_PUBLIC_ITEM,
                                     .format = EXG_EWS_STORE_ID,
                                     .id = (char *)"I",
                                     .folder_id = (char *)"F"};
    const gconstpointer ids[] = {&item, &folder, &public_item};
    for (ExgEwsIdFormat format = 0; format < EXG_EWS_N_ID_FORMATS; format++) {
        const ExgEwsPortion portion = {exg_ews_id_format_name(format), ids, 3};
        g_autofree char *request = ews_test_request(
            exg_ews_call_payload(&exg_ews_convert_id_operation, EWS_TEST_VERSION, &self, &portion));
        g_assert_nonnull(strstr(request, "<t:AlternateId Format=\"EwsId\" Id=\"A&lt;\" "
                                         "Mailbox=\"a@example.com\" IsArchive=\"true\"/>"));
        g_assert_nonnull(
            strstr(request, "<t:AlternatePublicFolderId Format=\"OwaId\" FolderId=\"F\"/>"));
        ews_test_validate(request);
    }
}

static void
test_formats(void)
{
    ExgEwsIdFormat format = EXG_EWS_N_ID_FORMATS, found;
    g_assert_true(exg_ews_id_format_find("HexEntryId", &found));
    g_assert_cmpint(found, ==, EXG_EWS_HEX_ENTRY_ID);
    g_assert_false(exg_ews_id_format_find("hexentryid", &format));
    g_assert_false(exg_ews_id_format_find(NULL, &format));
    g_assert_cmpint(format, ==, EXG_EWS_N_ID_FORMATS);
}

#define RESPONSE(messages)                                                                         \
    EWS_TEST_SOAP("<m:ConvertIdResponse><m:ResponseMessages>" messages                             \
                  "</m:ResponseMessages></m:ConvertIdResponse>")
#define MESSAGE(class, code, inside)                                                               \
    "<m:ConvertIdResponseMessage ResponseClass=\"" class "\"><m:ResponseCode>" code                \
                                                         "</m:ResponseCode>" inside                \
                                                         "</m:ConvertIdResponseMessage>"
#define GOOD(inside) MESSAGE("Success", "NoError", inside)
#define TYPED(type, attributes)                                                                    \
    "<m:AlternateId xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"" type      \
    "\" " attributes "/>"
#define ITEM                                                                                       \
    TYPED("t:AlternateIdType",                                                                     \
          "Format=\"EntryId\" Id=\"I\" Mailbox=\"a@example.com\" IsArchive=\"1\"")
#define THREE                                                                                      \
    RESPONSE(GOOD(ITEM) MESSAGE("Error", "ErrorInvalidIdMalformed", "")                            \
                 GOOD(TYPED("t:AlternatePublicFolderId", "Format=\"EwsId\" FolderId=\"F\"")))

static GPtrArray *
convert(const char *body, guint count, GError **error)
{
    ExgEwsPortion portion = {.count = count};
    return ews_test_answer(&exg_ews_convert_id_operation, 200, body, &portion, error);
}

static void
test_results(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) ids = convert(THREE, 3, &error);
    g_assert_no_error(error);
    const ExgEwsAlternateId *item = ids->pdata[0], *bad = ids->pdata[1], *folder = ids->pdata[2];
    g_assert_cmpstr(item->id, ==, "I");
    g_assert_cmpstr(item->mailbox, ==, "a@example.com");
    g_assert_true(item->is_archive);
    g_assert_cmpstr(exg_error_facts(bad->error)->service_code, ==, "ErrorInvalidIdMalformed");
    g_assert_null(bad->id);
    g_assert_cmpint(folder->kind, ==, EXG_EWS_ID_OF_PUBLIC_FOLDER);
    g_assert_cmpint(folder->format, ==, EXG_EWS_EWS_ID);
    g_assert_cmpstr(folder->folder_id, ==, "F");
    g_assert_null(folder->id);
}

/* By the type that the server names, with or without "Type", or by the element. */
static void
test_types(void)
{
    static const struct {
        const char *body;
        ExgEwsIdKind kind;
    } cases[] = {
        {RESPONSE(GOOD(TYPED("t:AlternatePublicFolderIdType", "Format=\"OwaId\" FolderId=\"F\""))),
         EXG_EWS_ID_OF_PUBLIC_FOLDER},
        {RESPONSE(GOOD(
             TYPED("AlternatePublicFolderItemId", "Format=\"OwaId\" FolderId=\"F\" ItemId=\"I\""))),
         EXG_EWS_ID_OF_PUBLIC_ITEM},
        {RESPONSE(
             GOOD("<m:AlternatePublicFolderItemId Format=\"OwaId\" FolderId=\"F\" ItemId=\"I\"/>")),
         EXG_EWS_ID_OF_PUBLIC_ITEM},
        {RESPONSE(GOOD("<m:AlternateId Format=\"OwaId\" Id=\"I\"/>")), EXG_EWS_ID_IN_MAILBOX},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) ids = convert(cases[i].body, 1, &error);
        g_assert_no_error(error);
        const ExgEwsAlternateId *id = ids->pdata[0];
        g_assert_no_error(id->error);
        g_assert_cmpint(id->kind, ==, cases[i].kind);
    }
}

static void
test_senseless(void)
{
    static const char *const inside[] = {
        RESPONSE(GOOD("")),
        RESPONSE(GOOD("<m:AlternateId Id=\"I\"/>")),
        RESPONSE(GOOD("<m:AlternateId Format=\"Other\" Id=\"I\"/>")),
        RESPONSE(GOOD("<m:AlternateId Format=\"EwsId\" Id=\"\"/>")),
        RESPONSE(GOOD(TYPED("t:AlternatePublicFolderIdType", "Format=\"OwaId\" Id=\"F\""))),
    };
    for (guint i = 0; i < G_N_ELEMENTS(inside); i++) {
        g_autoptr(GPtrArray) ids = convert(inside[i], 1, NULL);
        g_assert_error(((ExgEwsAlternateId *)ids->pdata[0])->error, EXG_ERROR, EXG_ERROR_PROTOCOL);
    }
    for (guint count = 1; count < 5; count++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) ids = convert(THREE, count, &error);
        g_assert_true((ids != NULL) == (count == 3));
        if (count != 3)
            g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
    }
}

static void
test_cut(void)
{
    ews_test_cut(&exg_ews_convert_id_operation, THREE, &any_three);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/convert-id/B8-schema", test_schema);
    g_test_add_func("/ews/convert-id/B8-formats", test_formats);
    g_test_add_func("/ews/convert-id/B8,A16.8-results", test_results);
    g_test_add_func("/ews/convert-id/B8-types", test_types);
    g_test_add_func("/ews/convert-id/B8-senseless", test_senseless);
    g_test_add_func("/ews/convert-id/cut", test_cut);
    return g_test_run();
}
