/* The calls over a real HTTP exchange. */
#include "common/ews/service.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/ews/items/create-item.h"
#include "common/ews/items/find-item.h"
#include "common/ews/folders/get-folder.h"
#include "common/ews/people/resolve-names.h"
#include "tests/lib/ews-fixture.h"
#include "tests/lib/http-fixture.h"

#include <string.h>

#define MAILBOX "rcpt@example.com"
#define CONTENT "Subject: t\r\n\r\nbody\r\n"
#define CREATED                                                                                    \
    EWS_TEST_SOAP(                                                                                 \
        "<m:CreateItemResponse><m:ResponseMessages><m:CreateItemResponseMessage "                  \
        "ResponseClass=\"Success\">"                                                               \
        "<m:ResponseCode>NoError</m:ResponseCode><m:Items><t:Message><t:ItemId "                   \
        "Id=\"AAMk\"/></t:Message>"                                                                \
        "</m:Items></m:CreateItemResponseMessage></m:ResponseMessages></m:CreateItemResponse>")
#define FOUND_IN(items)                                                                            \
    "<m:FindItemResponseMessage "                                                                  \
    "ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:RootFolder "             \
    "IncludesLastItemInRange=\"true\"><t:Items>" items                                             \
    "</t:Items></m:RootFolder></m:FindItemResponseMessage>"
#define FOUND                                                                                      \
    EWS_TEST_SOAP("<m:FindItemResponse><m:ResponseMessages>" FOUND_IN("")                          \
                      FOUND_IN("<t:Message><t:ItemId Id=\"B\"/></t:Message>")                      \
                          FOUND_IN("") "</m:ResponseMessages></m:FindItemResponse>")
#define FOLDER                                                                                     \
    EWS_TEST_SOAP("<m:GetFolderResponse><m:ResponseMessages><m:GetFolderResponseMessage "          \
                  "ResponseClass=\"Success\">"                                                     \
                  "<m:ResponseCode>NoError</m:ResponseCode><m:Folders><t:Folder><t:FolderId "      \
                  "Id=\"F\"/><t:DisplayName>"                                                      \
                  "Inbox</t:DisplayName></t:Folder></m:Folders></m:GetFolderResponseMessage></"    \
                  "m:ResponseMessages>"                                                            \
                  "</m:GetFolderResponse>")
#define NOBODY                                                                                     \
    EWS_TEST_SOAP("<m:ResolveNamesResponse><m:ResponseMessages><m:ResolveNamesResponseMessage "    \
                  "ResponseClass=\"Error\">"                                                       \
                  "<m:ResponseCode>ErrorNameResolutionNoResults</m:ResponseCode></"                \
                  "m:ResolveNamesResponseMessage>"                                                 \
                  "</m:ResponseMessages></m:ResolveNamesResponse>")

typedef struct {
    HttpFixture http;
    ExgEwsService *service;
    ExgMessage *message;
    GString *tapped;
    GPtrArray *texts; /* what scripts send lives as long as the server */
    /* of the last call */
    guint calls;
    char *item_id;
    char **item_ids;
    ExgEwsFolder *folder;
    ExgEwsResolution *resolution;
    GError *error;
} Fixture;

static void
on_tap(const char *operation, const char *request, gsize length, gpointer data)
{
    Fixture *fixture = data;
    g_assert_cmpuint(strlen(request), ==, length);
    g_string_assign(fixture->tapped, request);
    g_assert_nonnull(strstr(request, operation));
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
    http_fixture_init(&fixture->http, NULL);
    HttpFixture *http = &fixture->http;
    http->client = exg_http_client_new(http->engine, &http->options);
    fixture->service = exg_ews_service_new(
        http->client, test_server_url(http->server, NULL, "/EWS/Exchange.asmx"), EWS_TEST_VERSION);
    fixture->message = ews_test_message(CONTENT, strlen(CONTENT));
    fixture->tapped = g_string_new(NULL);
    fixture->texts = g_ptr_array_new_with_free_func(g_free);
    exg_ews_service_set_tap(fixture->service, on_tap, fixture);
}

static void
forget(Fixture *fixture)
{
    fixture->calls = 0;
    g_clear_pointer(&fixture->item_id, g_free);
    g_clear_pointer(&fixture->item_ids, g_strfreev);
    g_clear_pointer(&fixture->folder, exg_ews_folder_free);
    g_clear_pointer(&fixture->resolution, exg_ews_resolution_free);
    g_clear_error(&fixture->error);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    forget(fixture);
    exg_ews_service_unref(fixture->service);
    exg_message_unref(fixture->message);
    http_fixture_clear(&fixture->http);
    g_string_free(fixture->tapped, TRUE);
    g_ptr_array_unref(fixture->texts);
}

/* An HTTP answer, to be sent by a script. */
static const char *
answer(Fixture *fixture, const char *status, const char *headers, const char *body)
{
    char *text = g_strdup_printf(
        "HTTP/1.1 %s\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: %zu\r\n%s\r\n%s",
        status, strlen(body), headers, body);
    g_ptr_array_add(fixture->texts, text);
    return text;
}

static void
on_created(GObject *source, GAsyncResult *result, gpointer data)
{
    Fixture *fixture = data;
    fixture->calls++;
    exg_ews_create_item_finish(fixture->service, result, &fixture->item_id, &fixture->error);
}

static void
start_create(Fixture *fixture, const char *mailbox, GCancellable *cancellable)
{
    forget(fixture);
    ExgEwsTarget target = {mailbox, EXG_EWS_IMPERSONATION};
    g_autoptr(GBytes) trace = g_bytes_new_static("Received: x\r\n", 13);
    ExgEwsNewMessage new_message = {.folder = "inbox",
                                    .delivery_key = "v1:00",
                                    .delivery_time = 1795291445,
                                    .trace = trace,
                                    .message = fixture->message};
    GMainContext *context = exg_engine_context(fixture->http.engine);
    g_main_context_push_thread_default(context);
    exg_ews_create_item_async(fixture->service, &target, &new_message, exg_clock_deadline_ms(60000),
                              cancellable, on_created, fixture);
    g_main_context_pop_thread_default(context);
}

static void
create(Fixture *fixture)
{
    start_create(fixture, MAILBOX, NULL);
    g_assert_cmpuint(fixture->calls, ==, 0); /* never inside the call */
    http_fixture_until(&fixture->http, fixture->calls > 0);
    g_assert_cmpuint(fixture->calls, ==, 1);
    g_assert_true((fixture->item_id != NULL) != (fixture->error != NULL));
}

static void
on_found(GObject *source, GAsyncResult *result, gpointer data)
{
    Fixture *fixture = data;
    fixture->calls++;
    exg_ews_find_item_finish(fixture->service, result, &fixture->item_ids, &fixture->error);
}

static void
find(Fixture *fixture)
{
    forget(fixture);
    ExgEwsTarget target = {MAILBOX, EXG_EWS_DELEGATE};
    GMainContext *context = exg_engine_context(fixture->http.engine);
    g_main_context_push_thread_default(context);
    exg_ews_find_item_async(fixture->service, &target, EXG_EWS_BY_DELIVERY_KEY, "v1:00", NULL, 0,
                            exg_clock_deadline_ms(60000), NULL, on_found, fixture);
    g_main_context_pop_thread_default(context);
    http_fixture_until(&fixture->http, fixture->calls > 0);
}

static void
on_folder(GObject *source, GAsyncResult *result, gpointer data)
{
    Fixture *fixture = data;
    fixture->calls++;
    exg_ews_get_folder_finish(fixture->service, result, &fixture->folder, &fixture->error);
}

static void
on_resolved(GObject *source, GAsyncResult *result, gpointer data)
{
    Fixture *fixture = data;
    fixture->calls++;
    exg_ews_resolve_names_finish(fixture->service, result, &fixture->resolution, &fixture->error);
}

static void
assert_header(Fixture *fixture, guint index, const char *name, const char *expected)
{
    g_autofree char *head = test_server_head(fixture->http.server, index);
    g_autofree char *value = test_head_value(head, name);
    g_assert_cmpstr(value, ==, expected);
}

static void
test_exchange(Fixture *fixture, gconstpointer data)
{
    test_server_script(fixture->http.server, READ, SEND(answer(fixture, "200 OK", "", CREATED)),
                       READ, SEND(answer(fixture, "200 OK", "", CREATED)));
    create(fixture);
    g_assert_no_error(fixture->error);
    g_assert_cmpstr(fixture->item_id, ==, "AAMk");

    g_autofree char *head = test_server_head(fixture->http.server, 0);
    g_assert_true(g_str_has_prefix(head, "POST /EWS/Exchange.asmx HTTP/1.1\r\n"));
    assert_header(fixture, 0, "Content-Type", "text/xml; charset=utf-8");
    assert_header(fixture, 0, "Accept", "text/xml");
    assert_header(fixture, 0, "SOAPAction",
                  "\"http://schemas.microsoft.com/exchange/services/2006/messages/CreateItem\"");
    assert_header(fixture, 0, "X-AnchorMailbox", MAILBOX);
    assert_header(fixture, 0, "return-client-request-id", "true");
    g_autofree char *body = test_server_body(fixture->http.server, 0);
    g_assert_cmpstr(body, ==, fixture->tapped->str);
    g_assert_nonnull(strstr(body, "<t:SmtpAddress>" MAILBOX "</t:SmtpAddress>"));
    ews_test_validate(body);

    /* each request has an id of its own */
    create(fixture);
    g_assert_no_error(fixture->error);
    g_autofree char *second = test_server_head(fixture->http.server, 1);
    g_autofree char *one = test_head_value(head, "client-request-id");
    g_autofree char *two = test_head_value(second, "client-request-id");
    g_assert_true(g_uuid_string_is_valid(one));
    g_assert_true(g_uuid_string_is_valid(two));
    g_assert_cmpstr(one, !=, two);
}

/* An address that does not fit into a header line is not put there. */
static void
test_hostile_anchor(Fixture *fixture, gconstpointer data)
{
    static const char *const addresses[] = {"a\r\nX-Evil: yes@example.com",
                                            "j\xc3\xbcrgen@example.com", "\"a b\"@example.com",
                                            "a\n@example.com"};
    for (guint i = 0; i < G_N_ELEMENTS(addresses); i++) {
        test_server_script(fixture->http.server, READ,
                           SEND(answer(fixture, "200 OK", "Connection: close\r\n", CREATED)));
        start_create(fixture, addresses[i], NULL);
        http_fixture_until(&fixture->http, fixture->calls > 0);
        g_assert_no_error(fixture->error);
        assert_header(fixture, i, "X-AnchorMailbox", NULL);
        assert_header(fixture, i, "X-Evil", NULL);
    }
}

static void
test_other_calls(Fixture *fixture, gconstpointer data)
{
    test_server_script(fixture->http.server, READ, SEND(answer(fixture, "200 OK", "", FOUND)), READ,
                       SEND(answer(fixture, "200 OK", "", FOLDER)), READ,
                       SEND(answer(fixture, "200 OK", "", NOBODY)));
    find(fixture);
    g_assert_no_error(fixture->error);
    g_assert_cmpstr(fixture->item_ids[0], ==, "B");
    g_assert_null(fixture->item_ids[1]);
    assert_header(fixture, 0, "X-AnchorMailbox", MAILBOX);

    forget(fixture);
    ExgEwsTarget target = {MAILBOX, EXG_EWS_IMPERSONATION};
    GMainContext *context = exg_engine_context(fixture->http.engine);
    g_main_context_push_thread_default(context);
    exg_ews_get_folder_async(fixture->service, &target, "inbox", exg_clock_deadline_ms(60000), NULL,
                             on_folder, fixture);
    http_fixture_until(&fixture->http, fixture->calls > 0);
    g_assert_no_error(fixture->error);
    g_assert_cmpstr(fixture->folder->display_name, ==, "Inbox");

    forget(fixture);
    fixture->resolution = NULL;
    exg_ews_resolve_names_async(fixture->service, "x@example.com", exg_clock_deadline_ms(60000),
                                NULL, on_resolved, fixture);
    http_fixture_until(&fixture->http, fixture->calls > 0);
    g_main_context_pop_thread_default(context);
    g_assert_no_error(fixture->error);
    g_assert_null(fixture->resolution);
    assert_header(fixture, 2, "X-AnchorMailbox", NULL);
}

/* The answer is lost, or cut: it may have been stored, and it is not sent again. */
static void
test_lost_answers(Fixture *fixture, gconstpointer data)
{
    test_server_script(fixture->http.server, READ, CLOSE);
    test_server_script(fixture->http.server, READ, RESET);
    test_server_script(fixture->http.server, READ,
                       SEND("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<?xml"), CLOSE);
    test_server_script(fixture->http.server, READ,
                       SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<?xml\r\n"),
                       CLOSE);
    test_server_script(fixture->http.server, READ,
                       SEND(answer(fixture, "200 OK", "Connection: close\r\n", "<a>")));
    test_server_script(
        fixture->http.server, READ,
        SEND(answer(fixture, "500 Internal Server Error", "Connection: close\r\n", "<html/>")));
    for (guint i = 0; i < 6; i++) {
        create(fixture);
        ews_test_assert_error(fixture->error, EXG_ERROR_AMBIGUOUS, 451, "4.4.2");
        g_assert_cmpuint(test_server_requests(fixture->http.server), ==, i + 1);
    }
}

/* An answer of any speed is the same answer. */
static void
send_bytewise(TestPeer *peer, gpointer data)
{
    for (const char *at = data; *at != '\0'; at++)
        if (!test_peer_send(peer, at, 1))
            return;
}

static void
test_slow_answer(Fixture *fixture, gconstpointer data)
{
    test_server_script(fixture->http.server, READ,
                       CALL(send_bytewise, (gpointer)answer(fixture, "200 OK", "", CREATED)));
    create(fixture);
    g_assert_no_error(fixture->error);
    g_assert_cmpstr(fixture->item_id, ==, "AAMk");
}

static void
test_facts(Fixture *fixture, gconstpointer data)
{
    test_server_script(fixture->http.server, READ,
                       SEND(answer(fixture, "503 Service Unavailable",
                                   "Retry-After: 7\r\nrequest-id: 3f5c-1\r\n", "")));
    create(fixture);
    ews_test_assert_error(fixture->error, EXG_ERROR_AMBIGUOUS, 451, "4.3.2");
    const ExgErrorFacts *facts = exg_error_facts(fixture->error);
    g_assert_cmpint(facts->retry_after_ms, >, 6000);
    g_assert_cmpint(facts->retry_after_ms, <=, 7000);
    g_assert_cmpstr(facts->request_id, ==, "3f5c-1");
    g_assert_cmpint(facts->http_status, ==, 503);
    g_assert_cmpstr(facts->stage, ==, "answer");
}

static void
test_flood(Fixture *fixture, gconstpointer data)
{
    g_autofree char *filling = g_strnfill(65536, 'x');
    test_server_script(fixture->http.server, READ,
                       SEND("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<a>"),
                       SEND_MANY(filling, 100));
    test_server_script(fixture->http.server, READ,
                       SEND("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<a>"),
                       SEND_MANY(filling, 100));
    create(fixture);
    ews_test_assert_error(fixture->error, EXG_ERROR_AMBIGUOUS, 451, "4.4.2");
    find(fixture);
    ews_test_assert_error(fixture->error, EXG_ERROR_PROTOCOL, 451, "4.3.5");
    test_server_wait_ended(fixture->http.server, 2);
}

/* What is on its way when it is cancelled is left to finish, and its answer counts. */
static void
test_cancelled_late(Fixture *fixture, gconstpointer data)
{
    test_server_script(fixture->http.server, READ, HOLD,
                       SEND(answer(fixture, "200 OK", "", CREATED)));
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    start_create(fixture, MAILBOX, cancellable);
    http_fixture_until(&fixture->http, test_server_requests(fixture->http.server) == 1);
    g_cancellable_cancel(cancellable);
    for (guint i = 0; i < 10; i++)
        http_fixture_round(&fixture->http);
    g_assert_cmpuint(fixture->calls, ==, 0);
    test_server_release(fixture->http.server);
    http_fixture_until(&fixture->http, fixture->calls > 0);
    g_assert_no_error(fixture->error);
    g_assert_cmpstr(fixture->item_id, ==, "AAMk");
}

static void
test_cancelled_early(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_cancellable_cancel(cancellable);
    start_create(fixture, MAILBOX, cancellable);
    http_fixture_until(&fixture->http, fixture->calls > 0);
    g_assert_error(fixture->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_assert_cmpuint(test_server_requests(fixture->http.server), ==, 0);
}

static void
test_unreachable(Fixture *fixture, gconstpointer data)
{
    g_clear_pointer(&fixture->service, exg_ews_service_unref);
    fixture->service = exg_ews_service_new(fixture->http.client,
                                           "http://127.0.0.1:1/EWS/Exchange.asmx", "Exchange2016");
    create(fixture);
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    exg_ews_service_unref(NULL);
    exg_ews_service_unref(exg_ews_service_ref(fixture->service));
}

/* What Exchange asks for with one answer holds for the next call: nothing is sent. */
static void
test_throttled(Fixture *fixture, gconstpointer data)
{
    const ExgThrottleOptions options = {0};
    g_autoptr(ExgThrottle) throttle = exg_throttle_new(fixture->http.engine, &options);
    exg_ews_service_set_throttle(fixture->service, throttle, "somebody");
    const char *url = test_server_url(fixture->http.server, NULL, "/EWS/Exchange.asmx");
    test_server_script(fixture->http.server, READ, SEND(answer(fixture, "200 OK", "", CREATED)),
                       READ,
                       SEND(answer(fixture, "503 Service Unavailable", "Retry-After: 7\r\n", "")));
    create(fixture);
    g_assert_no_error(fixture->error);
    create(fixture);
    g_assert_cmpstr(exg_error_facts(fixture->error)->stage, ==, "answer");
    create(fixture);
    ews_test_assert_error(fixture->error, EXG_ERROR_BUSY, 451, "4.3.2");
    g_assert_cmpstr(exg_error_facts(fixture->error)->stage, ==, "throttle");
    g_assert_cmpint(exg_error_facts(fixture->error)->retry_after_ms, >, 5000);
    g_assert_cmpuint(test_server_requests(fixture->http.server), ==, 2);
    ExgThrottleStatistics statistics;
    exg_throttle_get_statistics(throttle, (const char *const[]){url, NULL}, &statistics);
    g_assert_cmpuint(statistics.granted, ==, 2);
    g_assert_cmpuint(statistics.in_flight, ==, 0);
    /* It can be taken away again. The next request has a connection of its own: it must not meet
     * the first one while it is being closed. */
    g_assert_true(test_server_wait_ended(fixture->http.server, 1));
    test_server_script(fixture->http.server, READ, SEND(answer(fixture, "200 OK", "", CREATED)));
    exg_ews_service_set_throttle(fixture->service, NULL, NULL);
    create(fixture);
    g_assert_no_error(fixture->error);
}

static void
keep_permit(ExgPermit *permit, const GError *error, gpointer data)
{
    g_assert_no_error(error);
    *(ExgPermit **)data = permit;
}

static void
test_cancelled_in_line(Fixture *fixture, gconstpointer data)
{
    const ExgThrottleOptions options = {.max_per_endpoint = 1};
    g_autoptr(ExgThrottle) throttle = exg_throttle_new(fixture->http.engine, &options);
    exg_ews_service_set_throttle(fixture->service, throttle, "somebody");
    const ExgThrottleTarget target = {
        test_server_url(fixture->http.server, NULL, "/EWS/Exchange.asmx"), "somebody", NULL};
    g_autoptr(ExgPermit) permit = NULL;
    exg_throttle_take(throttle, &target, EXG_NO_DEADLINE, NULL, keep_permit, &permit);
    http_fixture_until(&fixture->http, permit != NULL);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    start_create(fixture, MAILBOX, cancellable);
    for (guint i = 0; i < 10; i++)
        http_fixture_round(&fixture->http);
    g_assert_cmpuint(fixture->calls, ==, 0);
    g_cancellable_cancel(cancellable);
    http_fixture_until(&fixture->http, fixture->calls > 0);
    g_assert_error(fixture->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_assert_cmpuint(test_server_requests(fixture->http.server), ==, 0);
}

/* A message much larger than any buffer arrives as it is. */
static void
test_large_message(Fixture *fixture, gconstpointer data)
{
    const gsize length = 20 * 1000 * 1000;
    g_autofree char *content = g_malloc(length);
    for (gsize i = 0; i < length; i++)
        content[i] = (char)('a' + i % 23);
    exg_message_unref(fixture->message);
    fixture->message = ews_test_message(content, length);
    exg_ews_service_set_tap(fixture->service, NULL, NULL);
    test_server_script(fixture->http.server, READ, SEND(answer(fixture, "200 OK", "", CREATED)));
    create(fixture);
    g_assert_no_error(fixture->error);
    g_autofree char *head = test_server_head(fixture->http.server, 0);
    g_autofree char *declared = test_head_value(head, "Content-Length");
    g_assert_cmpuint(g_ascii_strtoull(declared, NULL, 10), ==,
                     test_server_body_bytes(fixture->http.server));
    g_autofree char *body = test_server_body(fixture->http.server, 0); /* its first megabyte */
    const char *begin = strstr(body, "<t:MimeContent");
    g_assert_nonnull(begin);
    begin = strchr(begin, '>') + 1;
    g_autofree char *encoded = g_strndup(begin, 400000);
    gsize decoded_length = 0;
    g_autofree guchar *decoded = g_base64_decode(encoded, &decoded_length);
    g_assert_cmpuint(decoded_length, ==, 300000);
    g_assert_cmpint(memcmp(decoded, "Received: x\r\n", 13), ==, 0);
    g_assert_cmpint(memcmp(decoded + 13, content, decoded_length - 13), ==, 0);
}

#define ADD(name, function)                                                                        \
    g_test_add("/ews/service/" name, Fixture, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("A7.14,A8.3,A8.4,A18.1-exchange", test_exchange);
    ADD("hostile-anchor", test_hostile_anchor);
    ADD("other-calls", test_other_calls);
    ADD("lost-answers", test_lost_answers);
    ADD("slow-answer", test_slow_answer);
    ADD("facts", test_facts);
    ADD("flood", test_flood);
    ADD("cancelled-late", test_cancelled_late);
    ADD("cancelled-early", test_cancelled_early);
    ADD("unreachable", test_unreachable);
    ADD("throttled", test_throttled);
    ADD("cancelled-in-line", test_cancelled_in_line);
    ADD("large-message", test_large_message);
    return g_test_run();
}
