#include "common/store/ews-store.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "tests/lib/ews-fixture.h"
#include "tests/lib/http-server.h"
#include "tests/lib/scratch.h"

#include <string.h>

#define CREATED                                                                                    \
    EWS_TEST_SOAP(                                                                                 \
        "<m:CreateItemResponse><m:ResponseMessages><m:CreateItemResponseMessage "                  \
        "ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:Items><t:Message>"   \
        "<t:ItemId Id=\"AAMk\"/></t:Message></m:Items></m:CreateItemResponseMessage>"              \
        "</m:ResponseMessages></m:CreateItemResponse>")
#define REFUSED(code)                                                                              \
    EWS_TEST_SOAP(                                                                                 \
        "<m:CreateItemResponse><m:ResponseMessages><m:CreateItemResponseMessage "                  \
        "ResponseClass=\"Error\"><m:MessageText>No.</m:MessageText><m:ResponseCode>" code          \
        "</m:ResponseCode></m:CreateItemResponseMessage></m:ResponseMessages>"                     \
        "</m:CreateItemResponse>")

#define FOUND(id)                                                                                  \
    EWS_TEST_SOAP(                                                                                 \
        "<m:FindFolderResponse><m:ResponseMessages><m:FindFolderResponseMessage "                  \
        "ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:RootFolder>"         \
        "<t:Folders>" id "</t:Folders></m:RootFolder></m:FindFolderResponseMessage>"               \
        "<m:FindFolderResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError"           \
        "</m:ResponseCode><m:RootFolder><t:Folders/></m:RootFolder>"                               \
        "</m:FindFolderResponseMessage></m:ResponseMessages></m:FindFolderResponse>")
#define LISTS "<t:Folder><t:FolderId Id=\"F1\"/><t:DisplayName>Lists</t:DisplayName></t:Folder>"
#define NO_FOLDERS(code)                                                                           \
    EWS_TEST_SOAP(                                                                                 \
        "<m:FindFolderResponse><m:ResponseMessages><m:FindFolderResponseMessage "                  \
        "ResponseClass=\"Error\"><m:ResponseCode>" code "</m:ResponseCode>"                        \
        "</m:FindFolderResponseMessage><m:FindFolderResponseMessage ResponseClass=\"Error\">"      \
        "<m:ResponseCode>" code "</m:ResponseCode></m:FindFolderResponseMessage>"                  \
        "</m:ResponseMessages></m:FindFolderResponse>")

typedef struct {
    char *directory;
    ExgEngine *engine;
    TestServer *server;
    ExgAccount *account;
    ExgStore *store;
    ExgMessage *message;
    GPtrArray *requests; /* as they were sent */
    GPtrArray *answers;
    GAsyncResult *result;
} Fixture;

static void
on_tap(const char *operation, const char *request, gsize length, gpointer data)
{
    g_ptr_array_add(((Fixture *)data)->requests, g_strndup(request, length));
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
    fixture->directory = test_scratch_new();
    fixture->engine = exg_engine_new(NULL);
    fixture->server = test_server_new(NULL);
    fixture->requests = g_ptr_array_new_with_free_func(g_free);
    fixture->answers = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *password = g_build_filename(fixture->directory, "password", NULL);
    g_assert_true(g_file_set_contents(password, "secret", -1, NULL));
    g_autofree char *text = g_strdup_printf("[exchange]\nendpoint = %s\nusername = u\n"
                                            "password_file = %s\nthrottle_file = %s/throttle.db\n",
                                            test_server_url(fixture->server, NULL, "/EWS"),
                                            password, fixture->directory);
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgConf) conf = exg_conf_parse(text, strlen(text), "test", &error);
    g_assert_no_error(error);
    fixture->account = exg_account_new(fixture->engine, conf, &error);
    g_assert_no_error(error);
    exg_ews_service_set_tap(exg_account_ews(fixture->account), on_tap, fixture);
    fixture->store = exg_ews_store_new(fixture->account, "+");
    const char *content = "Message-ID: <1@x>\r\nContent-Type: broken\r\n\r\nbody\r\n";
    fixture->message = ews_test_message(content, strlen(content));
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    exg_message_unref(fixture->message);
    exg_store_free(fixture->store);
    exg_account_unref(fixture->account);
    test_server_free(fixture->server);
    exg_engine_unref(fixture->engine);
    g_ptr_array_unref(fixture->requests);
    g_ptr_array_unref(fixture->answers);
    test_scratch_free(fixture->directory);
}

static const char *
answer(Fixture *fixture, const char *body)
{
    char *text = g_strdup_printf("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"
                                 "Content-Length: %zu\r\n\r\n%s",
                                 strlen(body), body);
    g_ptr_array_add(fixture->answers, text);
    return text;
}

static void
keep(GObject *source, GAsyncResult *result, gpointer data)
{
    ((Fixture *)data)->result = g_object_ref(result);
}

static bool
deliver_to(Fixture *fixture, const char *recipient, GError **error)
{
    g_autoptr(GBytes) trace = g_bytes_new_static("Received: x\r\n", 13);
    const ExgStoreDelivery delivery = {.recipient = recipient,
                                       .delivery_key = "v1:00",
                                       .received_time = 1795291445,
                                       .trace = trace,
                                       .message = fixture->message};
    GMainContext *context = exg_engine_context(fixture->engine);
    g_main_context_push_thread_default(context);
    exg_store_deliver_async(fixture->store, &delivery, exg_clock_deadline_ms(60000), NULL, keep,
                            fixture);
    g_main_context_pop_thread_default(context);
    while (fixture->result == NULL)
        exg_engine_iterate(fixture->engine, true);
    g_autoptr(GAsyncResult) result = g_steal_pointer(&fixture->result);
    g_autofree char *item_id = NULL;
    bool good = exg_store_deliver_finish(fixture->store, result, &item_id, error);
    g_assert_true(good == (item_id != NULL));
    return good;
}

static bool
deliver(Fixture *fixture, GError **error)
{
    return deliver_to(fixture, "ann@example.com", error);
}

static void
test_delivers(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    test_server_script(fixture->server, READ, SEND(answer(fixture, CREATED)));
    g_assert_true(deliver(fixture, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(fixture->requests->len, ==, 1);
}

/* Refused for its content: once more as an attachment, under the same key. */
static void
test_wraps(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    test_server_script(fixture->server, READ,
                       SEND(answer(fixture, REFUSED("ErrorMimeContentConversionFailed"))), READ,
                       SEND(answer(fixture, CREATED)));
    g_assert_true(deliver(fixture, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(fixture->requests->len, ==, 2);
    const char *second = g_ptr_array_index(fixture->requests, 1);
    g_assert_nonnull(strstr(second, "v1:00"));
    const char *mime = strstr(strstr(second, "<t:MimeContent"), ">") + 1;
    g_autofree char *base64 = g_strndup(mime, strcspn(mime, "<"));
    gsize length;
    g_autofree guchar *decoded = g_base64_decode(base64, &length);
    g_autofree char *text = g_strndup((const char *)decoded, length);
    g_assert_true(g_str_has_prefix(text, "Received: x\r\nFrom: exgate"));
    g_assert_nonnull(strstr(text, "filename=\"original.eml\""));
}

/* Refused in that form too: that is final, and it is not tried for ever. */
static void
test_wraps_once(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    test_server_script(fixture->server, READ,
                       SEND(answer(fixture, REFUSED("ErrorMimeContentInvalid"))), READ,
                       SEND(answer(fixture, REFUSED("ErrorMimeContentInvalid"))));
    g_assert_false(deliver(fixture, &error));
    ews_test_assert_error(error, EXG_ERROR_REJECTED, 554, "5.6.0");
    g_assert_cmpuint(fixture->requests->len, ==, 2);
}

/* A virus or a full mailbox is not a matter of form. */
static void
test_does_not_wrap(Fixture *fixture, gconstpointer data)
{
    static const char *const bodies[] = {REFUSED("ErrorVirusDetected"),
                                         REFUSED("ErrorQuotaExceeded"),
                                         REFUSED("ErrorMessageSizeExceeded")};
    for (guint i = 0; i < G_N_ELEMENTS(bodies); i++) {
        g_autoptr(GError) error = NULL;
        test_server_script(fixture->server, READ, SEND(answer(fixture, bodies[i])), CLOSE);
        g_assert_false(deliver(fixture, &error));
        g_assert_cmpuint(fixture->requests->len, ==, i + 1);
    }
}

/* --- folders ---------------------------------------------------------------------------------- */

static const char *
request(const Fixture *fixture, guint n)
{
    g_assert_cmpuint(n, <, fixture->requests->len);
    return g_ptr_array_index(fixture->requests, n);
}

static bool
is_into(const char *text, const char *folder)
{
    g_autofree char *place = g_strdup_printf("<m:SavedItemFolderId>%s</m:SavedItemFolderId>",
                                             folder);
    return strstr(text, place) != NULL;
}

#define INTO_LISTS "<t:FolderId Id=\"F1\"/>"
#define INTO_INBOX "<t:DistinguishedFolderId Id=\"inbox\"/>"

/* Looked for once, whatever the case. */
static void
test_folder(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    test_server_script(fixture->server, READ, SEND(answer(fixture, FOUND(LISTS))), READ,
                       SEND(answer(fixture, CREATED)), READ, SEND(answer(fixture, CREATED)));
    g_assert_true(deliver_to(fixture, "ann+lists@example.com", &error));
    g_assert_true(deliver_to(fixture, "Ann+LISTS@example.com", &error));
    g_assert_no_error(error);
    g_assert_nonnull(strstr(request(fixture, 0), "<t:SmtpAddress>ann@example.com<"));
    g_assert_nonnull(strstr(request(fixture, 0), "<t:Constant Value=\"lists\"/>"));
    g_assert_nonnull(strstr(request(fixture, 1), "<t:SmtpAddress>ann@example.com<"));
    g_assert_true(is_into(request(fixture, 1), INTO_LISTS));
    g_assert_true(is_into(request(fixture, 2), INTO_LISTS));
}

static void
test_no_folder(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    test_server_script(fixture->server, READ, SEND(answer(fixture, FOUND(""))), READ,
                       SEND(answer(fixture, CREATED)), READ, SEND(answer(fixture, CREATED)));
    g_assert_true(deliver_to(fixture, "ann+lists@example.com", &error));
    g_assert_true(deliver_to(fixture, "ann+lists@example.com", &error));
    g_assert_no_error(error);
    g_assert_true(is_into(request(fixture, 1), INTO_INBOX));
    g_assert_true(is_into(request(fixture, 2), INTO_INBOX));
}

/* Deleted since it was found: the answer proves that nothing was stored. */
static void
test_folder_gone(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    test_server_script(fixture->server, READ, SEND(answer(fixture, FOUND(LISTS))), READ,
                       SEND(answer(fixture, REFUSED("ErrorFolderNotFound"))), READ,
                       SEND(answer(fixture, CREATED)), READ, SEND(answer(fixture, FOUND(""))), READ,
                       SEND(answer(fixture, CREATED)));
    g_assert_true(deliver_to(fixture, "ann+lists@example.com", &error));
    g_assert_no_error(error);
    g_assert_true(is_into(request(fixture, 1), INTO_LISTS));
    g_assert_true(is_into(request(fixture, 2), INTO_INBOX));
    g_assert_true(deliver_to(fixture, "ann+lists@example.com", &error));
    g_assert_no_error(error);
    g_assert_nonnull(strstr(request(fixture, 3), "<m:FindFolder "));
}

/* Whatever may have been stored in the folder is not stored in the inbox as well. */
static void
test_folder_ambiguous(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    test_server_script(fixture->server, READ, SEND(answer(fixture, FOUND(LISTS))), READ,
                       SEND(answer(fixture, REFUSED("ErrorInternalServerError"))), CLOSE);
    g_assert_false(deliver_to(fixture, "ann+lists@example.com", &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_AMBIGUOUS);
    g_assert_cmpuint(fixture->requests->len, ==, 2);
}

static void
test_no_right_to_look(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    test_server_script(fixture->server, READ,
                       SEND(answer(fixture, NO_FOLDERS("ErrorAccessDenied"))), READ,
                       SEND(answer(fixture, CREATED)));
    g_assert_true(deliver_to(fixture, "ann+lists@example.com", &error));
    g_assert_no_error(error);
    g_assert_true(is_into(request(fixture, 1), INTO_INBOX));
}

/* It may be there, and a later attempt will find it. */
static void
test_busy_when_looking(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    test_server_script(fixture->server, READ,
                       SEND(answer(fixture, NO_FOLDERS("ErrorMailboxStoreUnavailable"))), CLOSE);
    g_assert_false(deliver_to(fixture, "ann+lists@example.com", &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_BUSY);
    g_assert_cmpuint(fixture->requests->len, ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add("/ews-store/" #name, Fixture, NULL, set_up, test_##name, tear_down)
    ADD(delivers);
    ADD(wraps);
    ADD(wraps_once);
    ADD(does_not_wrap);
    ADD(folder);
    ADD(no_folder);
    ADD(folder_gone);
    ADD(folder_ambiguous);
    ADD(no_right_to_look);
    ADD(busy_when_looking);
    return g_test_run();
}
