#include "common/ews/events/streaming-events-private.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "common/ews/events/subscribe-private.h"
#include "common/ews/events/subscription.h"
#include "tests/lib/ews-fixture.h"
#include "tests/lib/http-fixture.h"

#include <string.h>

static const ExgEwsTarget target = {"rcpt@example.com", EXG_EWS_IMPERSONATION};

#define RESPONSE(name, inside)                                                                     \
    EWS_TEST_SOAP("<m:" name "Response><m:ResponseMessages><m:" name                               \
                  "ResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError"              \
                  "</m:ResponseCode>" inside "</m:" name "ResponseMessage></m:ResponseMessages>"   \
                  "</m:" name "Response>")
#define STREAM(inside) RESPONSE("GetStreamingEvents", inside)
#define OPEN           STREAM("<m:ConnectionStatus>OK</m:ConnectionStatus>")
#define CLOSED         STREAM("<m:ConnectionStatus>Closed</m:ConnectionStatus>")
#define MAIL                                                                                       \
    STREAM("<m:Notifications><m:Notification><t:SubscriptionId>S</t:SubscriptionId>"               \
           "<t:NewMailEvent><t:TimeStamp>2026-11-21T20:04:05Z</t:TimeStamp><t:ItemId Id=\"A\"/>"   \
           "<t:ParentFolderId Id=\"F\"/></t:NewMailEvent><t:StatusEvent/></m:Notification>"        \
           "</m:Notifications>")

static void
test_requests(void)
{
    ExgEwsListening listening = {.ids = (char *[]){(char *)"S", (char *)"T", NULL}, .minutes = 30};
    g_autoptr(GArray) folders = g_array_new(FALSE, FALSE, sizeof(ExgEwsFolderId));
    ExgEwsSubscriptionOrder order = {folders, EXG_EWS_ALL_EVENTS};
    g_autofree char *all = ews_test_request(
        exg_ews_call_payload(&exg_ews_subscribe_operation, EWS_TEST_VERSION, &target, &order));
    const ExgEwsFolderId inbox = {.distinguished = "inbox"};
    g_array_append_val(folders, inbox);
    g_autofree char *one = ews_test_request(
        exg_ews_call_payload(&exg_ews_subscribe_operation, EWS_TEST_VERSION, &target, &order));
    g_autofree char *listen = ews_test_request(exg_ews_call_payload(
        &exg_ews_streaming_events_operation, EWS_TEST_VERSION, &target, &listening));
    g_autofree char *leave = ews_test_request(
        exg_ews_call_payload(&exg_ews_unsubscribe_operation, EWS_TEST_VERSION, &target, "S"));
    g_assert_nonnull(strstr(all, "SubscribeToAllFolders=\"true\""));
    g_assert_nonnull(strstr(listen, "<m:ConnectionTimeout>30<"));
    ews_test_validate(all);
    ews_test_validate(one);
    ews_test_validate(listen);
    ews_test_validate(leave);
}

static bool
count_envelope(GBytes *envelope, gpointer user, GError **error)
{
    GString *seen = user;
    gsize length;
    const char *text = g_bytes_get_data(envelope, &length);
    g_string_append_len(seen, text, (gssize)length);
    g_string_append_c(seen, '\n');
    return true;
}

static void
test_splitter(void)
{
    static const char stream[] = "\xef\xbb\xbf<?xml version=\"1.0\"?><s:Envelope "
                                 "a=\"</s:Envelope>\">x<!-- </Envelope> --></s:Envelope>"
                                 "\r\n<Envelope><![CDATA[</Envelope>]]></Envelope>  <?xml "
                                 "version='1.0'?><e:Envelope/><b:Envelope>"
                                 "<b:Envelope/></b:Envelope>";
    static const char wanted[] =
        "<s:Envelope a=\"</s:Envelope>\">x<!-- </Envelope> --></s:Envelope>\n"
        "<Envelope><![CDATA[</Envelope>]]></Envelope>\n<b:Envelope><b:Envelope/></b:Envelope>\n";
    for (gsize portion = 1; portion < strlen(stream); portion++) {
        g_auto(ExgEwsEnvelopeSplitter) splitter;
        g_autoptr(GString) seen = g_string_new(NULL);
        exg_ews_envelope_splitter_init(&splitter);
        for (gsize at = 0; at < strlen(stream); at += portion)
            g_assert_true(exg_ews_envelope_splitter_take(&splitter, stream + at,
                                                         MIN(portion, strlen(stream) - at),
                                                         count_envelope, seen, NULL));
        g_assert_cmpstr(seen->str, ==, wanted);
    }
}

static void
test_envelopes(void)
{
    g_autoptr(GError) error = NULL;
    ExgEwsNews *news = ews_test_answer(&exg_ews_streaming_events_envelope, 200, MAIL, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(news->events->len, ==, 1);
    const ExgEwsEvent *event = g_ptr_array_index(news->events, 0);
    g_assert_cmpint(event->kind, ==, EXG_EWS_NEW_MAIL);
    g_assert_cmpstr(event->subscription_id, ==, "S");
    g_assert_cmpstr(event->item_id, ==, "A");
    g_assert_cmpint(event->time, ==, 1795291445);
    g_assert_false(news->closed);
    exg_ews_streaming_events_envelope.free_result(news);
    news = ews_test_answer(&exg_ews_streaming_events_envelope, 200, CLOSED, NULL, &error);
    g_assert_true(news->closed);
    exg_ews_streaming_events_envelope.free_result(news);
    ews_test_cut(&exg_ews_streaming_events_envelope, MAIL, NULL);
    g_assert_null(ews_test_answer(
        &exg_ews_streaming_events_envelope, 200,
        EWS_TEST_SOAP(
            "<m:GetStreamingEventsResponse><m:ResponseMessages>"
            "<m:GetStreamingEventsResponseMessage ResponseClass=\"Error\"><m:ResponseCode>"
            "ErrorSubscriptionNotFound</m:ResponseCode><m:ErrorSubscriptionIds>"
            "<t:SubscriptionId>S</t:SubscriptionId></m:ErrorSubscriptionIds>"
            "</m:GetStreamingEventsResponseMessage></m:ResponseMessages>"
            "</m:GetStreamingEventsResponse>"),
        NULL, &error));
    g_assert_nonnull(strstr(error->message, "(subscription IDs: S)"));
}

/* --- a subscription that is looked after ------------------------------------------------------ */

typedef struct {
    guint ready, events, changes, troubles;
} Told;

static void
told_events(const GPtrArray *events, gpointer user)
{
    ((Told *)user)->events += events->len;
}

static void
told_changes(const ExgEwsChanges *changes, gpointer user)
{
    ((Told *)user)->changes += changes->changes->len;
}

static void
told_ready(gpointer user)
{
    ((Told *)user)->ready++;
}

static void
told_trouble(const GError *error, gint64 wait_ms, gpointer user)
{
    ((Told *)user)->troubles++;
}

typedef struct {
    gint subscribed, synchronised, streams;
} Server;

static bool
send_whole(TestPeer *peer, const char *body)
{
    g_autofree char *answer = g_strdup_printf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                                              strlen(body), body);
    return test_peer_send(peer, answer, strlen(answer));
}

static bool
send_chunk(TestPeer *peer, const char *text)
{
    g_autofree char *chunk = g_strdup_printf("%zx\r\n%s\r\n", strlen(text), text);
    return test_peer_send(peer, chunk, strlen(chunk));
}

/* The first stream falls silent; the second tells of a message and is closed in order; the third stays. */
static bool
stream(TestPeer *peer, Server *server)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    gint number = g_atomic_int_add(&server->streams, 1);
    if (!test_peer_send(peer, head, strlen(head)) || !send_chunk(peer, OPEN))
        return false;
    if (number == 1)
        return send_chunk(peer, MAIL) && send_chunk(peer, CLOSED) && send_chunk(peer, "");
    return true;
}

static void
serve(TestPeer *peer, gpointer data)
{
    static const char subscribed[] = RESPONSE("Subscribe",
                                              "<m:SubscriptionId>S</m:SubscriptionId>");
    static const char changes[] = RESPONSE(
        "SyncFolderItems",
        "<m:SyncState>N</m:SyncState><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>"
        "<m:Changes><t:Delete><t:ItemId Id=\"C\"/></t:Delete></m:Changes>");
    Server *server = data;
    for (bool goes_on = true; goes_on;) {
        g_autofree char *head = NULL, *body = NULL;
        if (!test_peer_read(peer, &head, &body))
            return;
        if (strstr(body, "<m:Subscribe>") != NULL) {
            g_atomic_int_inc(&server->subscribed);
            g_assert_nonnull(strstr(head, "X-PreferServerAffinity: true"));
            goes_on = send_whole(peer, subscribed);
        } else if (strstr(body, "<m:SyncFolderItems>") != NULL) {
            g_atomic_int_inc(&server->synchronised);
            goes_on = send_whole(peer, changes);
        } else if (strstr(body, "<m:GetStreamingEvents>") != NULL) {
            g_assert_nonnull(strstr(head, "Accept-Encoding: identity"));
            goes_on = stream(peer, server);
        } else {
            goes_on = send_whole(peer, RESPONSE("Unsubscribe", ""));
        }
    }
}

static void
test_watchdog(void)
{
    HttpFixture fixture;
    Server server = {0};
    Told told = {0};
    http_fixture_init(&fixture, NULL);
    g_main_context_push_thread_default(exg_engine_context(fixture.engine));
    test_server_script(fixture.server, CALL(serve, &server));
    test_server_repeat(fixture.server);
    const char *url = test_server_url(fixture.server, NULL, "/EWS/Exchange.asmx");
    fixture.client = exg_http_client_new(fixture.engine, &fixture.options);
    ExgHttpClient *own = exg_http_client_new(fixture.engine, &fixture.options);
    ExgEwsService *service = exg_ews_service_new(fixture.client, url, EWS_TEST_VERSION);
    ExgEwsService *streams = exg_ews_service_new(own, url, EWS_TEST_VERSION);
    const ExgEwsSubscriptionOptions options = {
        .folder = {.distinguished = "inbox"}, .kinds = EXG_EWS_ALL_EVENTS, .silence_ms = 60000};
    const ExgEwsSubscriptionHandler handler = {told_events, told_changes, told_ready, told_trouble};
    ExgEwsSubscription *subscription = exg_ews_subscription_new(fixture.engine, service, streams,
                                                                &target, &options, &handler, &told);
    http_fixture_until(&fixture, g_atomic_int_get(&server.streams) == 1 && told.ready == 1);
    g_assert_cmpuint(told.changes, ==, 0); /* what was there before is no news */
    /* Silence is noticed, and what happened in it is found. */
    while (told.troubles == 0) {
        exg_clock_advance(61 * G_USEC_PER_SEC);
        http_fixture_round(&fixture);
    }
    exg_clock_advance(10 * G_USEC_PER_SEC);
    http_fixture_until(&fixture, told.changes == 1 && told.events == 1 &&
                                     g_atomic_int_get(&server.streams) == 3);
    g_assert_cmpint(g_atomic_int_get(&server.subscribed), ==, 2);
    g_assert_cmpint(g_atomic_int_get(&server.synchronised), ==, 2);
    g_assert_cmpuint(exg_ews_subscription_count(subscription), ==, 2);
    guint requests = test_server_requests(fixture.server);
    exg_ews_subscription_free(subscription);
    http_fixture_until(&fixture, test_server_requests(fixture.server) == requests + 1);
    for (guint i = 0; i < 20; i++)
        http_fixture_round(&fixture);
    exg_ews_service_unref(service);
    exg_ews_service_unref(streams);
    exg_http_client_unref(own);
    g_main_context_pop_thread_default(exg_engine_context(fixture.engine));
    http_fixture_clear(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/streaming-events/A19.1-requests", test_requests);
    g_test_add_func("/ews/streaming-events/A19.2-splitter", test_splitter);
    g_test_add_func("/ews/streaming-events/A19.3-envelopes", test_envelopes);
    g_test_add_func("/ews/subscription/A18.2,A19.4,A19.5-watchdog", test_watchdog);
    return g_test_run();
}
