/* Streams of the simulated Exchange that stall, break or are forgotten: noticed, replaced, and what happened meanwhile
 * is found. Time is moved on, not waited for. */
#include "common/ews/events/subscription.h"

#include "common/base/clock.h"
#include "common/ews/items/create-item.h"
#include "tests/lib/ews-fixture.h"
#include "tests/lib/http-fixture.h"
#include "tests/lib/sim.h"

#include <string.h>

#define CONTENT "Subject: t\r\n\r\nbody\r\n"

static const ExgEwsTarget target = {TEST_SIM_MAILBOX, EXG_EWS_IMPERSONATION};

typedef struct {
    HttpFixture http;
    TestSim sim;
    ExgHttpClient *own; /* the stream's */
    ExgEwsService *service, *streams;
    ExgMessage *message;
    ExgEwsSubscription *subscription;
    char *delivered; /* the id of the newest item */
    /* what was told */
    guint ready, troubles;
    GPtrArray *events, *changes; /* ids */
    char *trouble;
} Fixture;

static void
on_events(const GPtrArray *events, gpointer user)
{
    Fixture *fixture = user;
    for (guint i = 0; i < events->len; i++) {
        const ExgEwsEvent *event = g_ptr_array_index(events, i);
        if (event->kind == EXG_EWS_ITEM_CREATED)
            g_ptr_array_add(fixture->events, g_strdup(event->item_id));
    }
}

static void
on_changes(const ExgEwsChanges *changes, gpointer user)
{
    Fixture *fixture = user;
    for (guint i = 0; i < changes->changes->len; i++) {
        const ExgEwsItemChange *change = g_ptr_array_index(changes->changes, i);
        g_ptr_array_add(fixture->changes, g_strdup(change->item->id));
    }
}

static void
on_ready(gpointer user)
{
    ((Fixture *)user)->ready++;
}

static void
on_trouble(const GError *error, gint64 wait_ms, gpointer user)
{
    Fixture *fixture = user;
    fixture->troubles++;
    g_free(fixture->trouble);
    fixture->trouble = g_strdup(error->message);
}

static const ExgEwsSubscriptionHandler handler = {on_events, on_changes, on_ready, on_trouble};

/* --- the fixture ------------------------------------------------------------------------------ */

static void
set_up(Fixture *fixture, const char *fault)
{
    /* nothing but news: a heartbeat would make it another envelope */
    static const char *const options[] = {"--heartbeat", "3600000", NULL};
    const ExgEwsSubscriptionOptions watched = {.folder = {.distinguished = "inbox"},
                                               .kinds = EXG_EWS_ALL_EVENTS};
    *fixture = (Fixture){.events = g_ptr_array_new_with_free_func(g_free),
                         .changes = g_ptr_array_new_with_free_func(g_free)};
    test_sim_start(&fixture->sim, options);
    if (fault != NULL)
        test_sim_order(&fixture->sim, fault);
    http_fixture_init(&fixture->http, NULL);
    fixture->service = test_sim_service(&fixture->sim, &fixture->http);
    fixture->own = exg_http_client_new(fixture->http.engine, &fixture->http.options);
    fixture->streams = exg_ews_service_new(fixture->own, fixture->sim.url, EWS_TEST_VERSION);
    fixture->message = ews_test_message(CONTENT, strlen(CONTENT));
    g_main_context_push_thread_default(exg_engine_context(fixture->http.engine));
    fixture->subscription = exg_ews_subscription_new(fixture->http.engine, fixture->service,
                                                     fixture->streams, &target, &watched, &handler,
                                                     fixture);
    http_fixture_until(&fixture->http, fixture->ready == 1);
    http_fixture_until(&fixture->http, test_sim_count(&fixture->sim, "GetStreamingEvents") == 1);
}

static void
tear_down(Fixture *fixture)
{
    guint64 left = test_sim_count(&fixture->sim, "Unsubscribe");
    exg_ews_subscription_free(fixture->subscription);
    http_fixture_until(&fixture->http, test_sim_count(&fixture->sim, "Unsubscribe") == left + 1);
    for (guint i = 0; i < 20; i++)
        http_fixture_round(&fixture->http);
    g_main_context_pop_thread_default(exg_engine_context(fixture->http.engine));
    exg_ews_service_unref(fixture->service);
    exg_ews_service_unref(fixture->streams);
    exg_message_unref(fixture->message);
    exg_http_client_unref(fixture->own);
    http_fixture_clear(&fixture->http);
    test_sim_stop(&fixture->sim);
    g_ptr_array_unref(fixture->events);
    g_ptr_array_unref(fixture->changes);
    g_free(fixture->delivered);
    g_free(fixture->trouble);
}

static void
on_created(GObject *source, GAsyncResult *result, gpointer data)
{
    Fixture *fixture = data;
    g_autoptr(GError) error = NULL;
    exg_ews_create_item_finish(fixture->service, result, &fixture->delivered, &error);
    g_assert_no_error(error);
}

/* Puts a message into the inbox. */
static const char *
deliver(Fixture *fixture)
{
    g_autoptr(GBytes) trace = g_bytes_new_static("Received: x\r\n", 13);
    const ExgEwsNewMessage message = {.folder = "inbox",
                                      .delivery_key = "v1:00",
                                      .delivery_time = 1795291445,
                                      .trace = trace,
                                      .message = fixture->message};
    g_clear_pointer(&fixture->delivered, g_free);
    exg_ews_create_item_async(fixture->service, &target, &message, exg_clock_deadline_ms(3600000),
                              NULL, on_created, fixture);
    http_fixture_until(&fixture->http, fixture->delivered != NULL);
    return fixture->delivered;
}

static bool
has(const GPtrArray *ids, const char *id)
{
    return g_ptr_array_find_with_equal_func((GPtrArray *)ids, id, g_str_equal, NULL);
}

/* After a trouble: it has subscribed anew, and is told of what comes from here on. */
static void
check_recovery(Fixture *fixture, const char *missed)
{
    exg_clock_advance(2 * G_USEC_PER_SEC);
    http_fixture_until(&fixture->http, fixture->ready == 2);
    g_assert_cmpuint(exg_ews_subscription_count(fixture->subscription), ==, 2);
    g_assert_true(has(fixture->changes, missed));
    http_fixture_until(&fixture->http, test_sim_count(&fixture->sim, "GetStreamingEvents") == 2);
    const char *next = deliver(fixture);
    http_fixture_until(&fixture->http, has(fixture->events, next));
    g_assert_cmpuint(fixture->troubles, ==, 1);
}

/* --- the faults ------------------------------------------------------------------------------- */

static void
test_stalled(void)
{
    Fixture fixture;
    set_up(&fixture, "on GetStreamingEvents times=1 do stream-stall 1");
    const char *told = deliver(&fixture);
    http_fixture_until(&fixture.http, has(fixture.events, told));
    g_autofree char *missed = g_strdup(deliver(&fixture));
    exg_clock_advance((EXG_EWS_SILENCE_MS - 1000) * G_GINT64_CONSTANT(1000));
    for (guint i = 0; i < 5; i++)
        http_fixture_round(&fixture.http);
    g_assert_cmpuint(fixture.troubles, ==, 0);
    g_assert_false(has(fixture.events, missed));
    exg_clock_advance(2 * G_USEC_PER_SEC);
    http_fixture_until(&fixture.http, fixture.troubles == 1);
    g_assert_cmpstr(fixture.trouble, ==, "The stream of notifications fell silent");
    check_recovery(&fixture, missed);
    tear_down(&fixture);
}

static void
test_dropped(void)
{
    Fixture fixture;
    set_up(&fixture, "on GetStreamingEvents times=1 do stream-drop 1");
    const char *told = deliver(&fixture);
    http_fixture_until(&fixture.http, has(fixture.events, told));
    g_autofree char *missed = g_strdup(deliver(&fixture));
    http_fixture_until(&fixture.http, fixture.troubles == 1);
    g_assert_false(has(fixture.events, missed));
    check_recovery(&fixture, missed);
    tear_down(&fixture);
}

/* As if the server had been started anew, between two streams. */
static void
test_forgotten(void)
{
    Fixture fixture;
    set_up(&fixture, "on GetStreamingEvents times=1 do stream-drop 0");
    test_sim_order(&fixture.sim, "on GetStreamingEvents times=1 do code ErrorSubscriptionNotFound");
    g_autofree char *missed = g_strdup(deliver(&fixture));
    http_fixture_until(&fixture.http, fixture.troubles == 1);
    test_sim_order(&fixture.sim, "forget-subscriptions");
    exg_clock_advance(2 * G_USEC_PER_SEC);
    http_fixture_until(&fixture.http, fixture.troubles == 2);
    exg_clock_advance(3 * G_USEC_PER_SEC);
    http_fixture_until(&fixture.http, fixture.ready == 3);
    g_assert_true(has(fixture.changes, missed));
    const char *next = deliver(&fixture);
    http_fixture_until(&fixture.http, has(fixture.events, next));
    tear_down(&fixture);
}

/* What cannot be used any more is not left lying at the server, which has room for a few only. */
static void
test_left(void)
{
    Fixture fixture;
    set_up(&fixture, "on GetStreamingEvents times=1 do stream-drop 0");
    deliver(&fixture);
    http_fixture_until(&fixture.http, fixture.troubles == 1);
    http_fixture_until(&fixture.http, test_sim_count(&fixture.sim, "Unsubscribe") == 1);
    exg_clock_advance(2 * G_USEC_PER_SEC);
    http_fixture_until(&fixture.http, fixture.ready == 2);
    tear_down(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/subscription/A19.5-stalled", test_stalled);
    g_test_add_func("/ews/subscription/A19.5-dropped", test_dropped);
    g_test_add_func("/ews/subscription/A19.5-forgotten", test_forgotten);
    g_test_add_func("/ews/subscription/A19.5-left", test_left);
    return g_test_run();
}
