/* Every fault of exchange-sim against every policy: what the caller sees, how often a request went
 * out, and what was stored. The table is in the output of the test. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/ews/items/create-item.h"
#include "common/ews/items/find-item.h"
#include "tests/lib/ews-fixture.h"
#include "tests/lib/http-fixture.h"
#include "tests/lib/sim.h"

#include <string.h>

#define CONTENT     "Subject: t\r\n\r\nbody\r\n"
#define DEADLINE_MS (10 * 3600 * 1000)

typedef struct {
    HttpFixture http;
    TestSim sim;
    ExgEwsService *service;
    ExgMessage *message;
    guint attempts;
    guint calls;
    bool stored; /* the call's own word */
    GError *error;
} Fixture;

/* --- calls -------------------------------------------------------------------------------------- */

static void
on_tap(const char *operation, const char *request, gsize length, gpointer data)
{
    Fixture *fixture = data;
    fixture->attempts++;
}

static void
set_up(Fixture *fixture)
{
    *fixture = (Fixture){0};
    test_sim_start(&fixture->sim, NULL);
    http_fixture_init(&fixture->http, NULL);
    fixture->service = test_sim_service(&fixture->sim, &fixture->http);
    fixture->message = ews_test_message(CONTENT, strlen(CONTENT));
    exg_ews_service_set_tap(fixture->service, on_tap, fixture);
}

static void
tear_down(Fixture *fixture)
{
    exg_ews_service_unref(fixture->service);
    exg_message_unref(fixture->message);
    http_fixture_clear(&fixture->http);
    test_sim_stop(&fixture->sim);
}

static void
on_created(GObject *source, GAsyncResult *result, gpointer data)
{
    Fixture *fixture = data;
    g_autofree char *id = NULL;
    fixture->calls++;
    fixture->stored = exg_ews_create_item_finish(fixture->service, result, &id, &fixture->error);
}

static void
on_found(GObject *source, GAsyncResult *result, gpointer data)
{
    Fixture *fixture = data;
    g_auto(GStrv) ids = NULL;
    fixture->calls++;
    exg_ews_find_item_finish(fixture->service, result, &ids, &fixture->error);
}

static void
start_call(Fixture *fixture, bool create)
{
    static const ExgEwsTarget target = {TEST_SIM_MAILBOX, EXG_EWS_IMPERSONATION};
    fixture->calls = fixture->attempts = 0;
    fixture->stored = false;
    gint64 deadline_us = exg_clock_deadline_ms(DEADLINE_MS);
    GMainContext *context = exg_engine_context(fixture->http.engine);
    g_main_context_push_thread_default(context);
    if (create) {
        g_autoptr(GBytes) trace = g_bytes_new_static("Received: x\r\n", 13);
        const ExgEwsNewMessage message = {.folder = "inbox",
                                          .delivery_key = "v1:00",
                                          .delivery_time = 1795291445,
                                          .trace = trace,
                                          .message = fixture->message};
        exg_ews_create_item_async(fixture->service, &target, &message, deadline_us, NULL,
                                  on_created, fixture);
    } else {
        exg_ews_find_item_async(fixture->service, &target, EXG_EWS_BY_DELIVERY_KEY, "v1:00", NULL,
                                0, deadline_us, NULL, on_found, fixture);
    }
    g_main_context_pop_thread_default(context);
}

/* What is waited for between two attempts passes at once. What the server holds for ever is waited
 * for to the deadline, once the server has it. */
static void
finish_call(Fixture *fixture, const char *operation, guint64 before, bool stalls)
{
    for (gint64 until = g_get_monotonic_time() + 30 * G_TIME_SPAN_SECOND;
         fixture->calls == 0 && g_get_monotonic_time() < until;) {
        http_fixture_round(&fixture->http);
        ExgHttpClientStatistics statistics = http_fixture_statistics(&fixture->http);
        if (statistics.sessions == statistics.idle && statistics.waiting == 0)
            exg_clock_advance(500 * 1000);
        else if (stalls && test_sim_count(&fixture->sim, operation) > before)
            exg_clock_advance(DEADLINE_MS * G_GINT64_CONSTANT(1000));
    }
    g_assert_cmpuint(fixture->calls, ==, 1);
}

/* --- the matrix --------------------------------------------------------------------------------- */

typedef enum { READ_FAST, READ_TOLERANT, ONCE_FAST, ONCE_TOLERANT, N_WAYS } Way;

static const char *const ways[] = {"FindItem fail-fast", "FindItem fault-tolerant",
                                   "CreateItem fail-fast", "CreateItem fault-tolerant"};

#define OK          (-1)
#define UNREACHABLE EXG_ERROR_UNREACHABLE
#define BUSY        EXG_ERROR_BUSY
#define AUTH        EXG_ERROR_AUTH
#define DENIED      EXG_ERROR_DENIED
#define TOO_LARGE   EXG_ERROR_TOO_LARGE
#define PROTOCOL    EXG_ERROR_PROTOCOL
#define AMBIGUOUS   EXG_ERROR_AMBIGUOUS

typedef struct {
    const char *fault; /* after "on OPERATION " */
    bool connect;      /* it is one of connecting */
    int expected[N_WAYS];
    bool racy; /* what becomes of CreateItem depends on who is faster */
} Row;

static const char *
outcome_name(const GError *error)
{
    static const char *const names[] = {"UNREACHABLE", "BUSY",   "AUTH",      "DENIED",
                                        "NO_MAILBOX",  "QUOTA",  "TOO_LARGE", "REJECTED",
                                        "PROTOCOL",    "CONFIG", "AMBIGUOUS", "RESOURCES"};
    if (error == NULL)
        return "ok";
    return error->domain == EXG_ERROR ? names[error->code] : "?";
}

static void
try(Fixture *fixture, const Row *row, Way way)
{
    bool create = way >= ONCE_FAST;
    const char *operation = create ? "CreateItem" : "FindItem";
    const ExgEwsRetryPolicy policy = {.tolerant = way % 2 == 1};
    exg_ews_service_set_retry(fixture->service, &policy);
    exg_http_client_close_idle(fixture->http.client);
    g_autofree char *rule = g_strdup_printf("on %s %s", row->connect ? "connect" : operation,
                                            row->fault);
    test_sim_order(&fixture->sim, "clear");
    test_sim_order(&fixture->sim, rule);
    guint64 requests = test_sim_count(&fixture->sim, operation),
            stored = test_sim_count(&fixture->sim, "stored");
    start_call(fixture, create);
    finish_call(fixture, operation, requests, strstr(row->fault, "stall") != NULL);
    requests = test_sim_count(&fixture->sim, operation) - requests;
    stored = test_sim_count(&fixture->sim, "stored") - stored;
    g_test_message(
        "%-48s %-25s %-11s attempts=%u requests=%" G_GUINT64_FORMAT " stored=%" G_GUINT64_FORMAT,
        rule, ways[way], outcome_name(fixture->error), fixture->attempts, requests, stored);

    int outcome = fixture->error != NULL ? fixture->error->code : OK;
    bool open = create && row->racy;
    if (outcome != row->expected[way] && !open)
        g_error("%s, %s: %s", rule, ways[way],
                fixture->error != NULL ? fixture->error->message : "ok");
    if (create) {
        /* never twice, and what is said is true */
        bool refused = strstr(row->fault, "unauthorized") != NULL; /* not looked at */
        if (!open)
            g_assert_cmpuint(requests, <=, refused ? 2 : 1);
        g_assert_cmpuint(stored, <=, 1);
        g_assert_true(fixture->stored == (fixture->error == NULL));
        if (fixture->stored)
            g_assert_cmpuint(stored, ==, 1);
        else if (outcome != EXG_ERROR_AMBIGUOUS)
            g_assert_cmpuint(stored, ==, 0);
    }
    if (way == READ_FAST)
        g_assert_cmpuint(fixture->attempts, ==, 1);
    g_clear_error(&fixture->error);
}

/* Each way in its turn: FindItem fail-fast and fault-tolerant, CreateItem the same. */
/* clang-format off */
static const Row rows[] = {
    {"times=2 do delay 20", false, {OK, OK, OK, OK}, false},
    {"times=2 do slow 20000", false, {OK, OK, OK, OK}, false},
    {"times=2 do code ErrorServerBusy backoff=5000", false, {BUSY, OK, BUSY, BUSY}, false},
    {"times=2 do code ErrorServerBusy fault", false, {BUSY, OK, BUSY, BUSY}, false},
    {"times=2 do code ErrorInternalServerError inner=ErrorServerBusy", false, {BUSY, OK, BUSY, BUSY}, false},
    {"times=2 do code ErrorInternalServerError", false, {BUSY, OK, AMBIGUOUS, AMBIGUOUS}, false},
    {"times=2 do code ErrorMailboxStoreUnavailable", false, {BUSY, OK, BUSY, BUSY}, false},
    {"times=2 do code ErrorTimeoutExpired", false, {BUSY, OK, AMBIGUOUS, AMBIGUOUS}, false},
    {"times=2 do code ErrorItemNotFound", false, {DENIED, DENIED, DENIED, DENIED}, false},
    {"times=2 do code ErrorNeverHeardOf", false, {PROTOCOL, PROTOCOL, PROTOCOL, PROTOCOL}, false},
    {"times=2 do status 503 retry-after=7", false, {BUSY, OK, AMBIGUOUS, AMBIGUOUS}, false},
    {"times=2 do status 503 retry-after=date", false, {BUSY, OK, AMBIGUOUS, AMBIGUOUS}, false},
    {"times=2 do status 503 html", false, {BUSY, OK, AMBIGUOUS, AMBIGUOUS}, false},
    {"times=2 do status 429", false, {BUSY, OK, BUSY, BUSY}, false},
    {"times=2 do status 502", false, {BUSY, OK, AMBIGUOUS, AMBIGUOUS}, false},
    {"times=2 do status 504", false, {BUSY, OK, AMBIGUOUS, AMBIGUOUS}, false},
    {"times=2 do status 500 html", false, {BUSY, OK, AMBIGUOUS, AMBIGUOUS}, false},
    {"times=2 do status 403", false, {DENIED, DENIED, DENIED, DENIED}, false},
    {"times=2 do status 404", false, {PROTOCOL, PROTOCOL, PROTOCOL, PROTOCOL}, false},
    {"times=2 do status 413", false, {TOO_LARGE, TOO_LARGE, TOO_LARGE, TOO_LARGE}, false},
    {"times=2 do html404", false, {PROTOCOL, PROTOCOL, PROTOCOL, PROTOCOL}, false},
    {"times=1 do unauthorized", false, {AUTH, OK, AUTH, OK}, false},
    {"times=2 do garbage", false, {PROTOCOL, PROTOCOL, AMBIGUOUS, AMBIGUOUS}, false},
    {"times=2 do xml-flood 9000000", false, {PROTOCOL, PROTOCOL, AMBIGUOUS, AMBIGUOUS}, false},
    {"times=2 do close-without-answer", false, {UNREACHABLE, OK, AMBIGUOUS, AMBIGUOUS}, false},
    {"times=2 do stored-unanswered", false, {UNREACHABLE, OK, AMBIGUOUS, AMBIGUOUS}, false},
    {"times=2 do reset", false, {UNREACHABLE, OK, AMBIGUOUS, AMBIGUOUS}, false},
    {"times=2 do reset-after-request-bytes 200", false, {UNREACHABLE, OK, AMBIGUOUS, AMBIGUOUS}, true},
    {"do stall", false, {UNREACHABLE, UNREACHABLE, AMBIGUOUS, AMBIGUOUS}, false},
    {"times=2 do truncate 100", false, {UNREACHABLE, OK, AMBIGUOUS, AMBIGUOUS}, false},
    {"times=1 do no-itemid", false, {OK, OK, AMBIGUOUS, AMBIGUOUS}, false},
    {"times=1 do illegal-char-ref", false, {OK, OK, OK, OK}, false},
    {"times=1 do late 50", false, {OK, OK, OK, OK}, false},
    {"times=2 do tls-alert", true, {UNREACHABLE, OK, UNREACHABLE, OK}, false},
    {"times=2 do reset", true, {UNREACHABLE, OK, UNREACHABLE, OK}, false},
    {"times=2 do close-without-answer", true, {UNREACHABLE, OK, UNREACHABLE, OK}, false},
    {"times=1 do delay 20", true, {OK, OK, OK, OK}, false},
};
/* clang-format on */

static void
test_matrix(void)
{
    Fixture fixture;
    set_up(&fixture);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        for (guint way = 0; way < N_WAYS; way++)
            try(&fixture, &rows[i], way);
    tear_down(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/fault-matrix/A11.6,A12.4,A13.2,F2,F13-every-fault-every-policy",
                    test_matrix);
    return g_test_run();
}
