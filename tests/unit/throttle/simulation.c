/* A server that takes so many requests at a time and answers ErrorServerBusy above that, and mail for twenty mailboxes, in moved time. */
#include "tests/unit/throttle/fixture.h"

#define MAILBOXES   20
#define PER_MAILBOX 2
#define SERVICE_MS  50
#define REFUSAL_MS  5
#define MS          ((gint64)1000)

typedef struct Server Server;

typedef struct {
    Server *server;
    char *mailbox;
    ExgPermit *permit;
    bool refused;
    ExgTimer end; /* of the service, or of the pause of who was refused */
    guint served;
} Client;

struct Server {
    Fixture fixture;
    guint capacity;
    guint under_way;
    guint served, refused, denied; /* denied: by the throttle */
    GError *busy;
    Client clients[MAILBOXES * PER_MAILBOX];
};

static void ask(Client *client);

static void
end_request(gpointer data)
{
    Client *client = data;
    Server *server = client->server;
    if (client->permit == NULL) { /* the pause is over */
        ask(client);
        return;
    }
    if (client->refused) {
        server->refused++;
    } else {
        server->under_way--;
        server->served++;
        client->served++;
    }
    exg_permit_release(g_steal_pointer(&client->permit), client->refused ? server->busy : NULL);
    ask(client);
}

static void
begin_request(ExgPermit *permit, const GError *error, gpointer data)
{
    Client *client = data;
    Server *server = client->server;
    client->permit = permit;
    if (permit == NULL) {
        server->denied++;
        exg_timer_set(&client->end, exg_clock_deadline_ms(100));
        return;
    }
    client->refused = server->under_way >= server->capacity;
    if (!client->refused)
        server->under_way++;
    exg_timer_set(&client->end, exg_clock_deadline_ms(client->refused ? REFUSAL_MS : SERVICE_MS));
}

static void
ask(Client *client)
{
    const ExgThrottleTarget target = {ENDPOINT, ACCOUNT, client->mailbox};
    exg_throttle_take(client->server->fixture.throttle, &target, EXG_NO_DEADLINE, NULL,
                      begin_request, client);
}

static Server *
server_new(guint capacity)
{
    static const ExgThrottleOptions options = {.max_per_mailbox = PER_MAILBOX};
    Server *server = g_new0(Server, 1);
    exg_clock_stop();
    fixture_init(&server->fixture, &options);
    server->capacity = capacity;
    server->busy = busy("ErrorServerBusy", "4.3.2", -1);
    for (guint i = 0; i < G_N_ELEMENTS(server->clients); i++) {
        Client *client = &server->clients[i];
        client->server = server;
        client->mailbox = g_strdup_printf("m%u@example.com", i / PER_MAILBOX);
        exg_timer_init(&client->end, server->fixture.engine, end_request, client);
        ask(client);
    }
    return server;
}

static void
run_ms(Server *server, gint64 ms)
{
    server->served = server->refused = server->denied = 0;
    for (gint64 end_us = exg_clock_monotonic_us() + ms * MS; exg_clock_monotonic_us() < end_us;) {
        settle(&server->fixture);
        exg_clock_advance(MS / 2);
    }
}

static void
ignore(ExgPermit *permit, const GError *error, gpointer data)
{
    exg_permit_free(permit);
}

static void
server_free(Server *server)
{
    /* All who wait are refused when the endpoint closes. */
    g_autoptr(GError)
        hour = busy("ErrorInsufficientResources", "4.3.2", EXG_THROTTLE_MAX_BACKOFF_MS);
    bool closed = false;
    for (guint i = 0; i < G_N_ELEMENTS(server->clients); i++) {
        Client *client = &server->clients[i];
        exg_timer_cancel(&client->end);
        if (client->permit != NULL) {
            exg_permit_release(g_steal_pointer(&client->permit), closed ? NULL : hour);
            closed = true;
        }
    }
    settle(&server->fixture);
    for (guint i = 0; i < G_N_ELEMENTS(server->clients); i++) {
        exg_timer_cancel(&server->clients[i].end);
        g_free(server->clients[i].mailbox);
    }
    fixture_clear(&server->fixture);
    g_error_free(server->busy);
    g_free(server);
}

static guint
capacity_of(guint concurrent, gint64 ms)
{
    return (guint)(concurrent * ms / SERVICE_MS);
}

static void
check_share(Server *server)
{
    guint least = G_MAXUINT, most = 0;
    for (guint i = 0; i < G_N_ELEMENTS(server->clients); i++) {
        least = MIN(least, server->clients[i].served);
        most = MAX(most, server->clients[i].served);
    }
    g_test_message("each of %d clients was served %u to %u times", MAILBOXES * PER_MAILBOX, least,
                   most);
    g_assert_cmpuint(least * 2, >, most);
}

static void
report(Server *server, const char *when)
{
    g_test_message("%s: %u served, %u refused by the server, %u by the throttle; limit %u", when,
                   server->served, server->refused, server->denied,
                   statistics(&server->fixture).limit);
}

static void
test_settles(gconstpointer data)
{
    guint capacity = GPOINTER_TO_UINT(data);
    Server *server = server_new(capacity);
    run_ms(server, 1000);
    report(server, "the first second");
    g_assert_cmpuint(server->served * 10, >=, capacity_of(capacity, 1000) * 5);
    run_ms(server, 29000);
    report(server, "up to 30 s");
    g_assert_cmpuint(server->served * 10, >=, capacity_of(capacity, 29000) * 9);
    run_ms(server, 30000);
    report(server, "30 to 60 s");
    g_assert_cmpuint(server->served * 10, >=, capacity_of(capacity, 30000) * 9);
    g_assert_cmpuint(server->refused, <=, 5);
    g_assert_cmpuint(server->denied, ==, 0);
    check_share(server);
    server_free(server);
}

/* The server takes less, then more. */
static void
test_follows(void)
{
    Server *server = server_new(8);
    run_ms(server, 10000);
    server->capacity = 3;
    run_ms(server, 10000);
    report(server, "after 8, 10 s of 3");
    run_ms(server, 10000);
    g_assert_cmpuint(server->served * 10, >=, capacity_of(3, 10000) * 9);
    g_assert_cmpuint(server->refused, <=, 3);
    server->capacity = 16;
    run_ms(server, 120000);
    report(server, "then 2 min of 16");
    run_ms(server, 10000);
    report(server, "and 10 s more");
    g_assert_cmpuint(server->served * 10, >=, capacity_of(16, 10000) * 9);
    server_free(server);
}

/* The server takes nothing for a minute: it is asked ever more rarely, and found well again. */
static void
test_outage(void)
{
    Server *server = server_new(4);
    run_ms(server, 5000);
    server->capacity = 0;
    run_ms(server, 60000);
    report(server, "a minute of refusals");
    g_assert_cmpuint(server->refused, <=, 30);
    server->capacity = 4;
    run_ms(server, 75000); /* the longest back-off, with jitter */
    run_ms(server, 10000);
    report(server, "and afterwards");
    g_assert_cmpuint(server->served * 10, >=, capacity_of(4, 10000) * 9);
    server_free(server);
}

/* Whatever is under way, nothing reaches the server while it wants to be left alone. */
static void
test_back_off_is_kept(void)
{
    Server *server = server_new(4);
    run_ms(server, 5000);
    g_autoptr(GError) wait = busy("ErrorInsufficientResources", "4.3.2", 20000);
    const ExgThrottleTarget target = {ENDPOINT, ACCOUNT, "m0@example.com"};
    for (guint i = 0; i < G_N_ELEMENTS(server->clients); i++)
        if (server->clients[i].permit != NULL) {
            exg_permit_release(g_steal_pointer(&server->clients[i].permit), wait);
            exg_timer_cancel(&server->clients[i].end);
            exg_timer_set(&server->clients[i].end, exg_clock_deadline_ms(100));
            server->under_way--;
            break;
        }
    guint64 granted = statistics(&server->fixture).granted;
    exg_throttle_take(server->fixture.throttle, &target, EXG_NO_DEADLINE, NULL, ignore, NULL);
    run_ms(server, 19990);
    report(server, "20 s of back-off");
    g_assert_cmpuint(statistics(&server->fixture).granted, ==, granted);
    g_assert_cmpuint(server->served, <=, 3);
    g_assert_cmpuint(server->denied, >, 1000);
    run_ms(server, 1000);
    run_ms(server, 10000);
    g_assert_cmpuint(server->served * 10, >=, capacity_of(4, 10000) * 9);
    server_free(server);
}

int
main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/throttle/simulation/one", GUINT_TO_POINTER(1), test_settles);
    g_test_add_data_func("/throttle/simulation/F5-four", GUINT_TO_POINTER(4), test_settles);
    g_test_add_data_func("/throttle/simulation/eleven", GUINT_TO_POINTER(11), test_settles);
    g_test_add_data_func("/throttle/simulation/more-than-asked", GUINT_TO_POINTER(40),
                         test_settles);
    g_test_add_func("/throttle/simulation/A3.13,F5-follows", test_follows);
    g_test_add_func("/throttle/simulation/outage", test_outage);
    g_test_add_func("/throttle/simulation/back-off-is-kept", test_back_off_is_kept);
    return g_test_run();
}
