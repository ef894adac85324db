#include "common/ews/items/item-batch-private.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "common/ews/item-private.h"
#include "common/ews/items/copy-item-private.h"
#include "common/ews/items/delete-item-private.h"
#include "common/ews/items/move-item-private.h"
#include "common/ews/items/send-item-private.h"
#include "common/ews/items/update-item-private.h"
#include "tests/lib/ews-fixture.h"
#include "tests/lib/http-fixture.h"

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
    g_assert_nonnull(strstr(copied, "<m:ReturnNewItemIds>true</m:ReturnNewItemIds>"));
    g_assert_nonnull(strstr(deleted, "DeleteType=\"HardDelete\""));
    g_assert_nonnull(strstr(deleted, "SuppressReadReceipts=\"true\""));
    g_assert_nonnull(strstr(sent, "SaveItemToFolder=\"true\""));
    g_assert_null(strstr(unsaved, "SavedItemFolderId"));
}

/* An older schema has no words for some of it, and its server would refuse them. */
static void
test_older_versions(void)
{
    static const ExgEwsFolderId inbox = {.distinguished = "inbox"};
    static const ExgEwsOperation *const transfers[] = {&exg_ews_move_item_operation,
                                                       &exg_ews_copy_item_operation};
    for (guint i = 0; i < G_N_ELEMENTS(transfers); i++) {
        g_autofree char *oldest = request_of(transfers[i], "Exchange2010", &inbox);
        g_autofree char *newer = request_of(transfers[i], "Exchange2010_SP1", &inbox);
        g_assert_null(strstr(oldest, "ReturnNewItemIds"));
        g_assert_nonnull(strstr(newer, "ReturnNewItemIds"));
    }
    g_autofree char *deleted = request_of(&exg_ews_delete_item_operation, "Exchange2013",
                                          exg_ews_disposal_name(EXG_EWS_SOFT_DELETE));
    g_assert_nonnull(strstr(deleted, "DeleteType=\"SoftDelete\""));
    g_assert_null(strstr(deleted, "SuppressReadReceipts"));
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

/* --- over HTTP -------------------------------------------------------------------------------- */

#define MANY 250

/* What the server got, and what it shall do. */
typedef struct {
    guint calls;
    guint sizes[8];
    guint fails_at;   /* that call meets silence; 0: none does */
    bool stops;       /* it does not try what follows an item that is not there */
    guint seen[MANY]; /* how often each item was asked for */
} Mailbox;

static void
answer_item(Mailbox *mailbox, guint number, bool *stopped, GString *answer)
{
    if (*stopped) {
        g_string_append(answer, MESSAGE("Warning", "<m:ResponseCode>ErrorBatchProcessingStopped"
                                                   "</m:ResponseCode><m:Items/>"));
        return;
    }
    if (number % 7 == 3) {
        *stopped = mailbox->stops;
        g_string_append(answer, GONE);
        return;
    }
    g_string_append_printf(answer,
                           MESSAGE("Success", "<m:ResponseCode>NoError</m:ResponseCode><m:Items>"
                                              "<t:Message><t:ItemId Id=\"N%u\"/></t:Message>"
                                              "</m:Items>"),
                           number);
}

static char *
answer_batch(Mailbox *mailbox, const char *body)
{
    g_autoptr(GString) answer = g_string_new(NULL);
    bool stopped = false;
    guint count = 0;
    for (const char *id = strstr(body, "Id=\"O"); id != NULL; id = strstr(id + 1, "Id=\"O")) {
        guint number = (guint)g_ascii_strtoull(id + strlen("Id=\"O"), NULL, 10);
        g_assert_cmpuint(number, <, MANY);
        mailbox->seen[number]++;
        answer_item(mailbox, number, &stopped, answer);
        count++;
    }
    if (mailbox->calls < G_N_ELEMENTS(mailbox->sizes))
        mailbox->sizes[mailbox->calls] = count;
    mailbox->calls++;
    return g_strdup_printf(RESPONSE("%s"), answer->str);
}

static void
serve(TestPeer *peer, gpointer data)
{
    Mailbox *mailbox = data;
    for (;;) {
        g_autofree char *body = NULL;
        if (!test_peer_read(peer, NULL, &body))
            return;
        g_autofree char *text = answer_batch(mailbox, body);
        if (mailbox->calls == mailbox->fails_at)
            return;
        g_autofree char *answer = g_strdup_printf(
            "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(text), text);
        if (!test_peer_send(peer, answer, strlen(answer)))
            return;
    }
}

typedef struct {
    GPtrArray *results;
    GError *error;
    bool done;
} Outcome;

static void
on_moved(GObject *source, GAsyncResult *result, gpointer data)
{
    Outcome *outcome = data;
    exg_ews_move_item_finish(NULL, result, &outcome->results, &outcome->error);
    outcome->done = true;
}

static Outcome
move_many(Mailbox *mailbox)
{
    static const ExgEwsFolderId inbox = {.distinguished = "inbox"};
    HttpFixture fixture;
    Outcome outcome = {0};
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    ExgEwsItemId many[MANY] = {{0}};
    for (guint i = 0; i < MANY; i++) {
        g_ptr_array_add(names, g_strdup_printf("O%u", i));
        many[i].id = g_ptr_array_index(names, i);
    }
    http_fixture_init(&fixture, NULL);
    g_main_context_push_thread_default(exg_engine_context(fixture.engine));
    test_server_script(fixture.server, CALL(serve, mailbox));
    test_server_repeat(fixture.server);
    fixture.client = exg_http_client_new(fixture.engine, &fixture.options);
    ExgEwsService *service = exg_ews_service_new(
        fixture.client, test_server_url(fixture.server, NULL, "/EWS/Exchange.asmx"),
        EWS_TEST_VERSION);
    exg_ews_move_item_async(service, &target, many, MANY, &inbox, exg_clock_deadline_ms(60000),
                            NULL, on_moved, &outcome);
    http_fixture_until(&fixture, outcome.done);
    exg_ews_service_unref(service);
    g_main_context_pop_thread_default(exg_engine_context(fixture.engine));
    http_fixture_clear(&fixture);
    return outcome;
}

/* Item by item: moved, gone, or (from `open` on) not known. */
static void
assert_results(const GPtrArray *results, guint open)
{
    g_assert_cmpuint(results->len, ==, MANY);
    for (guint i = 0; i < MANY; i++) {
        const ExgEwsResult *result = g_ptr_array_index(results, i);
        g_autofree char *id = g_strdup_printf("N%u", i);
        if (i >= open) {
            g_assert_nonnull(result->error);
        } else if (i % 7 == 3) {
            g_assert_cmpstr(exg_error_facts(result->error)->service_code, ==, "ErrorItemNotFound");
        } else {
            g_assert_no_error(result->error);
            g_assert_cmpstr(result->id, ==, id);
        }
    }
}

static void
test_portions(void)
{
    Mailbox mailbox = {0};
    Outcome outcome = move_many(&mailbox);
    g_assert_no_error(outcome.error);
    assert_results(outcome.results, MANY);
    g_assert_cmpuint(mailbox.calls, ==, 3);
    g_assert_cmpuint(mailbox.sizes[0], ==, EXG_EWS_BATCH_ITEMS);
    g_assert_cmpuint(mailbox.sizes[1], ==, EXG_EWS_BATCH_ITEMS);
    g_assert_cmpuint(mailbox.sizes[2], ==, MANY - 2 * EXG_EWS_BATCH_ITEMS);
    for (guint i = 0; i < MANY; i++)
        g_assert_cmpuint(mailbox.seen[i], ==, 1);
    g_ptr_array_unref(outcome.results);
}

/* What was not tried is asked for again, and nothing else is. */
static void
test_stopped(void)
{
    Mailbox mailbox = {.stops = true};
    Outcome outcome = move_many(&mailbox);
    g_assert_no_error(outcome.error);
    assert_results(outcome.results, MANY);
    g_assert_cmpuint(mailbox.calls, >, 3);
    g_assert_cmpuint(mailbox.seen[0], ==, 1);
    g_assert_cmpuint(mailbox.seen[3], ==, 1);
    g_assert_cmpuint(mailbox.seen[4], ==, 2);
    g_ptr_array_unref(outcome.results);
}

/* Of a request without an answer nothing is known; what came before it stays, what follows was not sent. */
static void
test_lost(void)
{
    Mailbox mailbox = {.fails_at = 2};
    Outcome outcome = move_many(&mailbox);
    g_assert_no_error(outcome.error);
    assert_results(outcome.results, EXG_EWS_BATCH_ITEMS);
    g_assert_cmpuint(mailbox.calls, ==, 2);
    const ExgEwsResult *lost = g_ptr_array_index(outcome.results, EXG_EWS_BATCH_ITEMS);
    const ExgEwsResult *unsent = g_ptr_array_index(outcome.results, MANY - 1);
    g_assert_error(lost->error, EXG_ERROR, EXG_ERROR_AMBIGUOUS);
    g_assert_error(unsent->error, EXG_ERROR, EXG_ERROR_BUSY);
    for (guint i = 0; i < MANY; i++)
        g_assert_cmpuint(mailbox.seen[i], ==, i < 2 * EXG_EWS_BATCH_ITEMS ? 1 : 0);
    g_ptr_array_unref(outcome.results);
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
    g_test_add_func("/ews/item-batch/older-versions", test_older_versions);
    g_test_add_func("/ews/item-batch/A20.2-updates", test_updates);
    g_test_add_func("/ews/item-batch/A16.8,F2,F25-a-slot-for-each-item", test_slots);
    g_test_add_func("/ews/item-batch/counts", test_counts);
    g_test_add_func("/ews/item-batch/F2-once", test_once);
    g_test_add_func("/ews/item-batch/A17.1-in-portions", test_portions);
    g_test_add_func("/ews/item-batch/F2-what-was-not-tried", test_stopped);
    g_test_add_func("/ews/item-batch/F2-a-lost-answer", test_lost);
    return g_test_run();
}
