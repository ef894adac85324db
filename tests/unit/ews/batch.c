/* How one question becomes several calls. */
#include "common/ews/batch-private.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/ews/items/convert-id.h"
#include "tests/lib/ews-fixture.h"
#include "tests/lib/http-fixture.h"

#include <string.h>

typedef struct {
    HttpFixture http;
    ExgEwsService *service;
    GPtrArray *sent; /* the requests */
    GPtrArray *results;
    GError *error;
} Fixture;

static void
on_tap(const char *operation, const char *request, gsize length, gpointer data)
{
    Fixture *fixture = data;
    g_ptr_array_add(fixture->sent, g_strdup(request));
}

static void
set_up_silent(Fixture *fixture, gconstpointer data)
{
    http_fixture_init(&fixture->http, NULL);
    fixture->http.client = exg_http_client_new(fixture->http.engine, &fixture->http.options);
    fixture->sent = g_ptr_array_new_with_free_func(g_free);
    fixture->service = exg_ews_service_new(
        fixture->http.client, test_server_url(fixture->http.server, NULL, "/EWS"), NULL);
    exg_ews_service_set_tap(fixture->service, on_tap, fixture);
}

/* Whatever is asked, the server does not want it. */
static void
set_up(Fixture *fixture, gconstpointer data)
{
    set_up_silent(fixture, data);
    test_server_script(fixture->http.server, READ,
                       SEND("HTTP/1.1 400 No\r\nConnection: close\r\n"
                            "Content-Length: 0\r\n\r\n"));
    test_server_repeat(fixture->http.server);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    g_clear_pointer(&fixture->results, g_ptr_array_unref);
    exg_ews_service_unref(fixture->service);
    http_fixture_clear(&fixture->http);
    g_ptr_array_unref(fixture->sent);
}

static void
on_converted(GObject *source, GAsyncResult *result, gpointer data)
{
    Fixture *fixture = data;
    (void)exg_ews_convert_id_finish(fixture->service, result, &fixture->results, &fixture->error);
}

/* Asks for `count` ids of `length` bytes. */
static void
start(Fixture *fixture, guint count, gsize length, GCancellable *cancellable)
{
    static const ExgEwsTarget self = {.access = EXG_EWS_SELF};
    g_autofree char *id = g_strnfill(length, 'A');
    g_autoptr(GPtrArray)
        ids = g_ptr_array_new_with_free_func((GDestroyNotify)exg_ews_alternate_id_free);
    for (guint i = 0; i < count; i++)
        g_ptr_array_add(ids, exg_ews_alternate_id_new(id, EXG_EWS_EWS_ID, "a@example.com"));
    GMainContext *context = exg_engine_context(fixture->http.engine);
    g_main_context_push_thread_default(context);
    exg_ews_convert_id_async(fixture->service, &self, ids, EXG_EWS_OWA_ID,
                             exg_clock_deadline_ms(30000), cancellable, on_converted, fixture);
    g_main_context_pop_thread_default(context);
}

static void
wait_for_results(Fixture *fixture, guint count)
{
    http_fixture_until(&fixture->http, fixture->results != NULL || fixture->error != NULL);
    g_assert_no_error(fixture->error);
    g_assert_cmpuint(fixture->results->len, ==, count);
}

static void
convert(Fixture *fixture, guint count, gsize length)
{
    start(fixture, count, length, NULL);
    wait_for_results(fixture, count);
}

/* What has come is seen to. */
static void
settle(Fixture *fixture)
{
    for (guint i = 0; i < 5; i++)
        http_fixture_round(&fixture->http);
}

/* So many requests have gone out, and are answered. */
static bool
is_idle(Fixture *fixture, guint requests)
{
    ExgHttpClientStatistics statistics = http_fixture_statistics(&fixture->http);
    return fixture->sent->len == requests && statistics.sessions == statistics.idle &&
           statistics.sessions > 0;
}

static guint
ids_in(const char *request)
{
    guint count = 0;
    while ((request = strstr(request, "<t:AlternateId ")) != NULL) {
        count++;
        request++;
    }
    return count;
}

static void
assert_pieces(Fixture *fixture, const guint *pieces, guint count)
{
    g_assert_cmpuint(fixture->sent->len, ==, count);
    for (guint i = 0; i < count; i++)
        g_assert_cmpuint(ids_in(g_ptr_array_index(fixture->sent, i)), ==, pieces[i]);
}

static void
test_count(Fixture *fixture, gconstpointer data)
{
    static const guint pieces[] = {100, 100, 50};
    convert(fixture, 250, 100);
    assert_pieces(fixture, pieces, G_N_ELEMENTS(pieces));
}

static void
test_bytes(Fixture *fixture, gconstpointer data)
{
    static const guint pieces[] = {9, 9, 2}; /* nine are a little less than 256 KiB */
    convert(fixture, 20, 28000);
    assert_pieces(fixture, pieces, G_N_ELEMENTS(pieces));
}

static void
test_alone(Fixture *fixture, gconstpointer data)
{
    static const guint pieces[] = {1, 1};
    convert(fixture, 2, EXG_EWS_BATCH_BYTES + 1);
    assert_pieces(fixture, pieces, G_N_ELEMENTS(pieces));
}

/* Each thing has its result where a call fails. */
static void
test_failures(Fixture *fixture, gconstpointer data)
{
    convert(fixture, 150, 10);
    for (guint i = 0; i < fixture->results->len; i++) {
        const ExgEwsAlternateId *id = g_ptr_array_index(fixture->results, i);
        g_assert_error(id->error, EXG_ERROR, EXG_ERROR_PROTOCOL);
        g_assert_cmpint(exg_error_facts(id->error)->http_status, ==, 400);
    }
}

/* --- things that are asked for again ---------------------------------------------------------- */

#define MESSAGE(inside)                                                                            \
    "<m:ConvertIdResponseMessage ResponseClass=" inside "</m:ConvertIdResponseMessage>"
#define GOOD                                                                                       \
    MESSAGE("\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:AlternateId "                  \
            "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "                             \
            "xsi:type=\"t:AlternateIdType\" Format=\"OwaId\" Id=\"B\" "                            \
            "Mailbox=\"a@example.com\"/>")
#define BUSY                                                                                       \
    MESSAGE("\"Error\"><m:MessageText>Busy.</m:MessageText>"                                       \
            "<m:ResponseCode>ErrorServerBusy</m:ResponseCode><m:MessageXml>"                       \
            "<t:Value Name=\"BackOffMilliseconds\">5000</t:Value></m:MessageXml>")
#define WRONG                                                                                      \
    MESSAGE("\"Error\"><m:MessageText>No.</m:MessageText>"                                         \
            "<m:ResponseCode>ErrorInvalidIdMalformed</m:ResponseCode>")
#define ANSWER(messages)                                                                           \
    EWS_TEST_SOAP("<m:ConvertIdResponse><m:ResponseMessages>" messages                             \
                  "</m:ResponseMessages></m:ConvertIdResponse>")

/* Answers the n-th request with the n-th text, and the last one from there on. */
static void
serve(TestPeer *peer, gpointer data)
{
    const char *const *answers = data;
    for (;;) {
        g_autofree char *head = NULL, *body = NULL;
        if (!test_peer_read(peer, &head, &body))
            return;
        g_autofree char *text = g_strdup_printf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                                                strlen(*answers), *answers);
        if (!test_peer_send(peer, text, strlen(text)))
            return;
        if (answers[1] != NULL)
            answers++;
    }
}

static void
be_tolerant(Fixture *fixture, const char *const *answers)
{
    const ExgEwsRetryPolicy policy = {.tolerant = true, .budget_ms = 60000};
    exg_ews_service_set_retry(fixture->service, &policy);
    test_server_script(fixture->http.server, CALL(serve, (gpointer)answers));
    test_server_repeat(fixture->http.server);
}

/* Only what was busy is asked for again, each time after as long as the server wants. */
static void
test_busy(Fixture *fixture, gconstpointer data)
{
    static const char *const answers[] = {ANSWER(GOOD BUSY WRONG BUSY), ANSWER(GOOD BUSY),
                                          ANSWER(GOOD), NULL};
    be_tolerant(fixture, answers);
    start(fixture, 4, 10, NULL);
    for (guint round = 1; round <= 2; round++) {
        http_fixture_until(&fixture->http, is_idle(fixture, round));
        settle(fixture);
        g_assert_null(fixture->results);
        exg_clock_advance(4 * G_USEC_PER_SEC);
        settle(fixture);
        g_assert_cmpuint(fixture->sent->len, ==, round); /* it waits as long as it is asked to */
        exg_clock_advance(G_USEC_PER_SEC);
    }
    wait_for_results(fixture, 4);
    static const guint pieces[] = {4, 2, 1};
    assert_pieces(fixture, pieces, G_N_ELEMENTS(pieces));
    for (guint i = 0; i < 4; i++) {
        const ExgEwsAlternateId *id = g_ptr_array_index(fixture->results, i);
        if (i == 2)
            g_assert_cmpstr(exg_error_facts(id->error)->service_code, ==,
                            "ErrorInvalidIdMalformed");
        else
            g_assert_no_error(id->error);
    }
}

/* Neither with a fail-fast policy nor for longer than there is time. */
static void
test_still_busy(Fixture *fixture, gconstpointer data)
{
    static const char *const answers[] = {ANSWER(GOOD BUSY), NULL};
    be_tolerant(fixture, answers);
    const ExgEwsRetryPolicy policies[] = {{.tolerant = false},
                                          {.tolerant = true, .budget_ms = 4000}};
    for (guint i = 0; i < G_N_ELEMENTS(policies); i++) {
        exg_ews_service_set_retry(fixture->service, &policies[i]);
        convert(fixture, 2, 10);
        g_assert_cmpuint(fixture->sent->len, ==, i + 1);
        const ExgEwsAlternateId *id = g_ptr_array_index(fixture->results, 1);
        g_assert_error(id->error, EXG_ERROR, EXG_ERROR_BUSY);
        g_assert_true((strstr(id->error->message, "gave up") != NULL) == policies[i].tolerant);
        g_clear_pointer(&fixture->results, g_ptr_array_unref);
    }
}

static void
test_cancelled(Fixture *fixture, gconstpointer data)
{
    static const char *const answers[] = {ANSWER(GOOD BUSY), NULL};
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    be_tolerant(fixture, answers);
    start(fixture, 2, 10, cancellable);
    http_fixture_until(&fixture->http, is_idle(fixture, 1));
    settle(fixture);
    g_cancellable_cancel(cancellable);
    http_fixture_until(&fixture->http, fixture->error != NULL);
    g_assert_error(fixture->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_clear_error(&fixture->error);
}

#define ADD(name, function)                                                                        \
    g_test_add("/ews/batch/" name, Fixture, NULL, set_up, function, tear_down)

#define ADD_SILENT(name, function)                                                                 \
    g_test_add("/ews/batch/" name, Fixture, NULL, set_up_silent, function, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("A2,A17.1-hundred-at-a-time", test_count);
    ADD("A17.1,F6-limited-by-bytes", test_bytes);
    ADD("F6-larger-than-the-limit", test_alone);
    ADD("A16.8,F25-failures", test_failures);
    ADD_SILENT("A12.3,F2-busy-ones-again", test_busy);
    ADD_SILENT("A12.3,F2-not-for-ever", test_still_busy);
    ADD_SILENT("A12.3,F27-cancelled-while-waiting", test_cancelled);
    return g_test_run();
}
