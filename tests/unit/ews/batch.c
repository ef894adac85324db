/* How one question becomes several calls. */
#include "common/ews/batch-private.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/ews/items/convert-id.h"
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
set_up(Fixture *fixture, gconstpointer data)
{
    http_fixture_init(&fixture->http, NULL);
    fixture->http.client = exg_http_client_new(fixture->http.engine, &fixture->http.options);
    fixture->sent = g_ptr_array_new_with_free_func(g_free);
    fixture->service = exg_ews_service_new(
        fixture->http.client, test_server_url(fixture->http.server, NULL, "/EWS"), NULL);
    exg_ews_service_set_tap(fixture->service, on_tap, fixture);
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

/* Asks for `count` ids of `length` bytes, and waits for the end of it. */
static void
convert(Fixture *fixture, guint count, gsize length)
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
                             exg_clock_deadline_ms(30000), NULL, on_converted, fixture);
    g_main_context_pop_thread_default(context);
    http_fixture_until(&fixture->http, fixture->results != NULL || fixture->error != NULL);
    g_assert_no_error(fixture->error);
    g_assert_cmpuint(fixture->results->len, ==, count);
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

#define ADD(name, function)                                                                        \
    g_test_add("/ews/batch/" name, Fixture, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("A2,A17.1-hundred-at-a-time", test_count);
    ADD("A17.1,F6-limited-by-bytes", test_bytes);
    ADD("F6-larger-than-the-limit", test_alone);
    ADD("A16.8,F25-failures", test_failures);
    return g_test_run();
}
