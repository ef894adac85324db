/* Handshakes, with a scheme made for the test: the server gives each TCP connection a nonce, and wants it back on the same one.
 *
 *     client  Authorization: Twoleg hello
 *     server  401, WWW-Authenticate: Twoleg NONCE
 *     client  Authorization: Twoleg NONCE.SECRET       with the request
 */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "tests/lib/http-fixture.h"
#include "tests/lib/scratch.h"

#include <string.h>

#define UNAUTHORIZED "HTTP/1.1 401 Unauthorized\r\nContent-Length: 6\r\n"
#define CROWD        200

/* --- the client's side -------------------------------------------------------------------------- */

typedef struct {
    ExgHttpAuthenticator authenticator;
    ExgEngine *engine;
    const char *secret;
    bool all_marked_more; /* the last leg goes alone too */
    bool later;           /* answers come from the engine's loop */
    bool never;           /* answers do not come until test_answer_pending() */
    bool renew;           /* rejected() says yes */
    bool endless;
    guint begun, ended, rejected, freed;
    GBytes *certificate;
    GStrv offers;
    ExgHttpLeg *pending;
    ExgHttpHandshake *pending_of;
} Twoleg;

typedef struct {
    ExgHttpHandshake handshake;
    guint legs;
} TwolegHandshake;

typedef struct {
    ExgHttpLeg *leg;
    char *value;
    bool more;
} Answer;

static Twoleg *twoleg;

static ExgHttpHandshake *
twoleg_begin(ExgHttpAuthenticator *authenticator, const ExgHttpPeer *peer)
{
    Twoleg *self = (Twoleg *)authenticator;
    g_assert_cmpstr(peer->host, ==, "127.0.0.1");
    self->begun++;
    g_clear_pointer(&self->certificate, g_bytes_unref);
    if (peer->peer_certificate != NULL)
        self->certificate = g_bytes_ref(peer->peer_certificate);
    g_clear_pointer(&self->offers, g_strfreev);
    self->offers = g_strdupv((GStrv)peer->challenges);
    TwolegHandshake *handshake = g_new0(TwolegHandshake, 1);
    return &handshake->handshake;
}

static void
answer_now(gpointer data)
{
    Answer *answer = data;
    exg_http_leg_send(answer->leg, answer->value, answer->more);
    g_free(answer->value);
    g_free(answer);
}

static void
twoleg_next(ExgHttpHandshake *handshake, const char *const *challenges, ExgHttpLeg *leg)
{
    Twoleg *self = (Twoleg *)handshake->authenticator;
    TwolegHandshake *state = (TwolegHandshake *)handshake;
    g_assert_cmpint(challenges == NULL, ==, state->legs == 0);
    if (self->never) {
        self->pending = leg;
        self->pending_of = handshake;
        return;
    }
    Answer *answer = g_new0(Answer, 1);
    answer->leg = leg;
    if (state->legs++ == 0) {
        answer->value = g_strdup("Twoleg hello");
        answer->more = true;
    } else if (challenges[0] == NULL || !g_str_has_prefix(challenges[0], "Twoleg ")) {
        g_free(answer);
        exg_http_leg_fail(leg, exg_error_new(EXG_ERROR_CONFIG, "The server does not offer Twoleg"));
        return;
    } else {
        answer->value = g_strdup_printf("%s.%s", challenges[0], self->secret);
        answer->more = self->all_marked_more || self->endless;
    }
    if (self->later)
        exg_engine_post(self->engine, answer_now, answer);
    else
        answer_now(answer);
}

static void
twoleg_end(ExgHttpHandshake *handshake)
{
    ((Twoleg *)handshake->authenticator)->ended++;
    g_free(handshake);
}

static bool
twoleg_rejected(ExgHttpAuthenticator *authenticator, const char *const *challenges, bool forgotten)
{
    Twoleg *self = (Twoleg *)authenticator;
    self->rejected++;
    return self->renew;
}

static void
twoleg_free(ExgHttpAuthenticator *authenticator)
{
    Twoleg *self = (Twoleg *)authenticator;
    g_clear_pointer(&self->certificate, g_bytes_unref);
    g_clear_pointer(&self->offers, g_strfreev);
    self->freed++;
}

static const ExgHttpScheme twoleg_scheme = {.name = "twoleg",
                                            .begin = twoleg_begin,
                                            .next = twoleg_next,
                                            .end = twoleg_end,
                                            .rejected = twoleg_rejected,
                                            .free = twoleg_free};
static const ExgHttpScheme probing_scheme = {.name = "twoleg",
                                             .needs_peer = true,
                                             .begin = twoleg_begin,
                                             .next = twoleg_next,
                                             .end = twoleg_end,
                                             .rejected = twoleg_rejected,
                                             .free = twoleg_free};

/* --- the server's side -------------------------------------------------------------------------- */

static gint mixed_up; /* a nonce came back on another connection */
static gint served;
static gint next_nonce;

/* Answers like a server that authenticates connections. */
static void
serve_twoleg(TestPeer *peer, gpointer data)
{
    g_autofree char *nonce = g_strdup_printf("%d-%08x", g_atomic_int_add(&next_nonce, 1),
                                             g_random_int());
    g_autofree char *wanted = g_strdup_printf("Twoleg %s.secret", nonce);
    bool authenticated = false;
    char *head, *body;
    while (test_peer_read(peer, &head, &body)) {
        g_autofree char *value = test_head_value(head, "Authorization");
        g_autofree char *answer = NULL;
        if (!authenticated && g_strcmp0(value, wanted) == 0)
            authenticated = true;
        else if (!authenticated && value != NULL && g_str_has_suffix(value, ".secret"))
            g_atomic_int_inc(&mixed_up);
        if (authenticated && body[0] != '\0') {
            g_atomic_int_inc(&served);
            answer = g_strdup_printf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                                     strlen(body), body);
        } else if (authenticated) {
            answer = g_strdup("HTTP/1.1 500 Empty\r\nContent-Length: 0\r\n\r\n");
        } else {
            answer = g_strdup_printf(UNAUTHORIZED
                                     "WWW-Authenticate: Twoleg%s%s\r\n"
                                     "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n"
                                     "WWW-Authenticate: Basic realm=\"x\"\r\n\r\nprove!",
                                     value != NULL ? " " : "", value != NULL ? nonce : "");
        }
        g_free(head);
        g_free(body);
        if (!test_peer_send(peer, answer, strlen(answer)))
            return;
    }
}

static HttpFixture fixture;

static void
setup(const ExgHttpScheme *scheme, const TestIdentity *identity)
{
    http_fixture_init(&fixture, identity);
    twoleg = g_new0(Twoleg, 1);
    *twoleg = (Twoleg){.authenticator = {scheme, 1}, .engine = fixture.engine, .secret = "secret"};
    fixture.options.authenticator = &twoleg->authenticator;
    mixed_up = served = 0;
}

static void
teardown(void)
{
    http_fixture_clear(&fixture);
    g_assert_cmpuint(twoleg->ended, ==, twoleg->begun);
    exg_http_authenticator_unref(&twoleg->authenticator);
    g_assert_cmpuint(twoleg->freed, ==, 1);
    g_free(twoleg);
    g_assert_cmpint(mixed_up, ==, 0);
}

static ExgHttpRequest *
once(const char *body)
{
    ExgHttpRequest *request = http_fixture_request(&fixture, body);
    exg_http_request_set_once(request);
    return request;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void
test_two_legs(void)
{
    for (int variant = 0; variant < 4; variant++) {
        setup(&twoleg_scheme, NULL);
        twoleg->later = (variant & 1) != 0;
        twoleg->all_marked_more = (variant & 2) != 0;
        test_server_script(fixture.server, CALL(serve_twoleg, NULL));
        for (int i = 0; i < 3; i++) {
            g_autoptr(HttpCall) call = http_call(&fixture, once("hello"));
            http_assert_status(call, 200);
            http_assert_body(call, "hello");
        }
        g_assert_cmpuint(twoleg->begun, ==, 1);
        g_assert_cmpuint(http_fixture_statistics(&fixture).handshakes, ==, 1);
        g_assert_cmpuint(test_server_connections(fixture.server), ==, 1);
        g_assert_cmpint(served, ==, 3);
        g_assert_null(twoleg->certificate);
        g_assert_null(twoleg->offers);
        /* The first leg had no body, and the later requests no credentials. */
        g_autofree char *first = test_server_body(fixture.server, 0);
        g_assert_cmpstr(first, ==, "");
        g_autofree char *last = test_server_head(fixture.server,
                                                 test_server_requests(fixture.server) - 1);
        g_autofree char *value = test_head_value(last, "Authorization");
        g_assert_null(value);
        teardown();
    }
}

static void
test_crowd(void)
{
    setup(&twoleg_scheme, NULL);
    twoleg->later = true;
    fixture.options.max_sessions = CROWD;
    test_server_script(fixture.server, CALL(serve_twoleg, NULL));
    test_server_repeat(fixture.server);
    HttpCall *calls[CROWD];
    for (guint i = 0; i < CROWD; i++) {
        g_autofree char *body = g_strdup_printf("number %u", i);
        calls[i] = http_call_start(&fixture, once(body), exg_clock_deadline_ms(20000), NULL);
    }
    for (guint i = 0; i < CROWD; i++) {
        g_autofree char *body = g_strdup_printf("number %u", i);
        http_call_wait(calls[i]);
        http_assert_status(calls[i], 200);
        http_assert_body(calls[i], body);
        http_call_free(calls[i]);
    }
    g_assert_cmpint(served, ==, CROWD);
    g_assert_cmpuint(twoleg->begun, ==, CROWD);
    g_assert_cmpuint(test_server_connections(fixture.server), ==, CROWD);
    teardown();
}

static void
test_certificate(void)
{
    char *directory = test_scratch_new();
    g_autofree char *ca_file = g_build_filename(directory, "ca.pem", NULL);
    TestIdentity *authority = test_identity_new_authority("Test authority");
    TestIdentity *identity = test_identity_new_server(authority, "127.0.0.1", -3600, 3600);
    test_identity_write(authority, ca_file);
    setup(&probing_scheme, identity);
    fixture.options.ca_file = ca_file;
    test_server_script(fixture.server, CALL(serve_twoleg, NULL));
    g_autoptr(HttpCall) call = http_call(&fixture, once("hello"));
    http_assert_status(call, 200);
    size_t length;
    g_autofree void *der = test_identity_der(identity, &length);
    g_assert_nonnull(twoleg->certificate);
    g_assert_cmpmem(g_bytes_get_data(twoleg->certificate, NULL),
                    g_bytes_get_size(twoleg->certificate), der, length);
    g_assert_cmpuint(g_strv_length(twoleg->offers), ==, 4);
    g_assert_cmpstr(twoleg->offers[0], ==, "Twoleg");
    g_assert_cmpstr(twoleg->offers[3], ==, "Basic realm=\"x\"");
    g_assert_cmpuint(test_server_requests(fixture.server), ==, 3); /* probe, leg, request */
    g_assert_cmpuint(test_server_connections(fixture.server), ==, 1);
    teardown();
    test_identity_free(identity);
    test_identity_free(authority);
    test_scratch_free(directory);
}

/* The server does not ask for anything: the scheme hears of it. */
static void
test_nothing_offered(void)
{
    setup(&probing_scheme, NULL);
    test_server_script(fixture.server, READ, SEND(OK_ANSWER), READ,
                       SEND(UNAUTHORIZED "\r\nprove!"));
    g_autoptr(HttpCall) call = http_call(&fixture, once("hello"));
    http_assert_failed(call, EXG_ERROR_CONFIG, "auth");
    g_assert_nonnull(twoleg->offers);
    g_assert_null(twoleg->offers[0]);
    g_assert_false(exg_http_request_body_sent(call->request));
    teardown();
}

/* A `once` request without a body looks like its own legs: the first that is not refused is it. */
static void
test_empty_once(void)
{
    setup(&probing_scheme, NULL);
    test_server_script(fixture.server, READ, SEND(OK_ANSWER), READ, SEND(OK_ANSWER));
    g_autoptr(HttpCall) call = http_call(&fixture, once(NULL));
    http_assert_status(call, 200);
    http_assert_body(call, "ok");
    g_assert_cmpuint(test_server_requests(fixture.server), ==, 1);
    teardown();

    setup(&probing_scheme, NULL);
    test_server_script(fixture.server, READ, CLOSE);
    test_server_repeat(fixture.server);
    g_autoptr(HttpCall) lost = http_call(&fixture, once(NULL));
    http_assert_failed(lost, EXG_ERROR_AMBIGUOUS, "answer");
    g_assert_cmpuint(test_server_requests(fixture.server), ==, 1);
    teardown();
}

static const char challenge[] = UNAUTHORIZED "WWW-Authenticate: Twoleg 1\r\n\r\nprove!";
static const char closing_challenge[] = UNAUTHORIZED
    "Connection: close\r\nWWW-Authenticate: Twoleg 1\r\n\r\nprove!";

static void
test_lost_between_legs(void)
{
    const TestStep variants[][5] = {
        {READ, CLOSE, {.action = TEST_END}},                   /* no answer to the first leg */
        {READ, RESET, {.action = TEST_END}},                   /* the same, rudely */
        {READ, SEND(challenge), CLOSE, {.action = TEST_END}},  /* closed after it */
        {READ, SEND(closing_challenge), {.action = TEST_END}}, /* announced */
    };
    for (gsize i = 0; i < G_N_ELEMENTS(variants); i++)
        for (int later = 0; later < 2; later++) {
            setup(&twoleg_scheme, NULL);
            twoleg->later = later != 0;
            test_server_add(fixture.server, variants[i]);
            test_server_script(fixture.server, CALL(serve_twoleg, NULL));
            g_autoptr(HttpCall) call = http_call(&fixture, http_fixture_request(&fixture, "hello"));
            http_assert_status(call, 200);
            g_assert_cmpuint(test_server_connections(fixture.server), ==, 2);
            g_assert_cmpuint(twoleg->begun, ==, 2);
            teardown();
        }
}

/* Only one new handshake. */
static void
test_lost_between_legs_again(void)
{
    setup(&twoleg_scheme, NULL);
    test_server_script(fixture.server, READ, SEND(closing_challenge));
    test_server_repeat(fixture.server);
    g_autoptr(HttpCall) call = http_call(&fixture, once("hello"));
    http_assert_failed(call, EXG_ERROR_UNREACHABLE, "auth");
    g_assert_cmpuint(test_server_connections(fixture.server), ==, 2);
    g_assert_false(exg_http_request_body_sent(call->request));
    teardown();
}

/* The connection is lost with the last leg: the request was on it. */
static void
test_lost_with_request(void)
{
    setup(&twoleg_scheme, NULL);
    test_server_script(fixture.server, READ, SEND(challenge), READ, CLOSE);
    test_server_script(fixture.server, CALL(serve_twoleg, NULL));
    g_autoptr(HttpCall) call = http_call(&fixture, once("hello"));
    http_assert_failed(call, EXG_ERROR_AMBIGUOUS, "answer");
    g_assert_cmpuint(test_server_connections(fixture.server), ==, 1);
    g_assert_cmpuint(test_server_requests(fixture.server), ==, 2);
    teardown();
}

static void
test_refused(void)
{
    for (int renew = 0; renew < 2; renew++) {
        setup(&twoleg_scheme, NULL);
        twoleg->secret = "wrong";
        twoleg->renew = renew != 0;
        test_server_script(fixture.server, CALL(serve_twoleg, NULL));
        test_server_repeat(fixture.server);
        g_autoptr(HttpCall) call = http_call(&fixture, once("hello"));
        http_assert_failed(call, EXG_ERROR_AUTH, "auth");
        g_assert_cmpint(exg_error_facts(call->error)->http_status, ==, 401);
        g_assert_null(strstr(call->error->message, "wrong"));
        g_assert_false(exg_http_request_body_sent(call->request));
        g_assert_cmpuint(twoleg->rejected, ==, renew ? 2 : 1);
        g_assert_cmpuint(twoleg->begun, ==, renew ? 2 : 1);
        teardown();
    }
}

/* An authenticated connection that the server forgot: the 401 says that nothing was done, so the request goes again. */
static void
test_forgotten(void)
{
    const TestStep no_read[] = {READ,      SEND(challenge), READ,  SEND(OK_ANSWER),
                                READ_HEAD, SEND(challenge), CLOSE, {.action = TEST_END}};
    const TestStep with_read[] = {READ, SEND(challenge), READ,  SEND(OK_ANSWER),
                                  READ, SEND(challenge), CLOSE, {.action = TEST_END}};
    for (int variant = 0; variant < 4; variant++) {
        bool renew = (variant & 1) != 0;
        setup(&twoleg_scheme, NULL);
        twoleg->renew = renew;
        test_server_add(fixture.server, (variant & 2) != 0 ? no_read : with_read);
        test_server_script(fixture.server, CALL(serve_twoleg, NULL));
        g_autoptr(HttpCall) first = http_call(&fixture, once("hello"));
        http_assert_status(first, 200);
        g_autoptr(HttpCall) second = http_call(&fixture, once("again"));
        if (renew) {
            http_assert_status(second, 200);
            http_assert_body(second, "again");
            g_assert_cmpint(served, ==, 1);
        } else {
            http_assert_failed(second, EXG_ERROR_AUTH, "auth");
            g_assert_cmpint(served, ==, 0);
        }
        g_assert_cmpuint(test_server_connections(fixture.server), ==, renew ? 2 : 1);
        teardown();
    }
}

static void
test_endless(void)
{
    setup(&twoleg_scheme, NULL);
    twoleg->endless = true;
    twoleg->secret = "wrong";
    test_server_script(fixture.server, CALL(serve_twoleg, NULL));
    g_autoptr(HttpCall) call = http_call(&fixture, once("hello"));
    http_assert_failed(call, EXG_ERROR_AUTH, "auth");
    g_assert_cmpuint(test_server_requests(fixture.server), <, 20);
    teardown();
}

/* The scheme is still thinking (asking its KDC) when the request ends: it is not robbed of its handshake. */
static void
test_ended_while_pending(void)
{
    for (int fail = 0; fail < 2; fail++) {
        setup(&twoleg_scheme, NULL);
        twoleg->never = true;
        g_autoptr(GCancellable) cancellable = g_cancellable_new();
        g_autoptr(HttpCall) call = http_call_start(&fixture, once("hello"),
                                                   exg_clock_deadline_ms(20000), cancellable);
        http_fixture_until(&fixture, twoleg->pending != NULL);
        if (fail)
            exg_clock_advance(25 * G_USEC_PER_SEC);
        else
            g_cancellable_cancel(cancellable);
        http_call_wait(call);
        if (fail)
            http_assert_failed(call, EXG_ERROR_UNREACHABLE, "auth");
        else
            g_assert_error(call->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
        g_assert_cmpuint(twoleg->ended, ==, 0);
        if (fail)
            exg_http_leg_fail(twoleg->pending, exg_error_new(EXG_ERROR_UNREACHABLE, "No KDC"));
        else
            exg_http_leg_send(twoleg->pending, "Twoleg hello", true);
        g_assert_cmpuint(twoleg->ended, ==, 1);
        teardown();
    }
}

/* A scheme that thinks for long holds up its own connection, and no other. */
static void
test_others_go_on(void)
{
    setup(&twoleg_scheme, NULL);
    test_server_script(fixture.server, CALL(serve_twoleg, NULL));
    test_server_repeat(fixture.server);
    twoleg->never = true;
    g_autoptr(HttpCall)
        slow = http_call_start(&fixture, once("slow"), exg_clock_deadline_ms(60000), NULL);
    http_fixture_until(&fixture, twoleg->pending != NULL);
    twoleg->never = false;
    for (int i = 0; i < 3; i++) {
        g_autoptr(HttpCall) call = http_call(&fixture, once("hello"));
        http_assert_status(call, 200);
        http_assert_body(call, "hello");
    }
    g_assert_false(slow->done);
    ((TwolegHandshake *)twoleg->pending_of)->legs = 1;
    exg_http_leg_send(twoleg->pending, "Twoleg hello", true);
    http_call_wait(slow);
    http_assert_body(slow, "slow");
    teardown();
}

/* Waiting for the scheme is not connecting. */
static void
test_slow_leg(void)
{
    setup(&twoleg_scheme, NULL);
    twoleg->never = true;
    test_server_script(fixture.server, CALL(serve_twoleg, NULL));
    g_autoptr(HttpCall)
        call = http_call_start(&fixture, once("hello"), exg_clock_deadline_ms(20000), NULL);
    http_fixture_until(&fixture, twoleg->pending != NULL);
    exg_clock_advance(10 * G_USEC_PER_SEC);
    for (int i = 0; i < 5; i++)
        http_fixture_round(&fixture);
    g_assert_false(call->done);
    twoleg->never = false;
    ((TwolegHandshake *)twoleg->pending_of)->legs = 1;
    exg_http_leg_send(twoleg->pending, "Twoleg hello", true);
    http_call_wait(call);
    http_assert_status(call, 200);
    teardown();
}

/* A large page with the 401 of a leg. */
static void
test_large_401(void)
{
    setup(&twoleg_scheme, NULL);
    twoleg->later = true;
    g_autofree char *page = http_large_text(1024 * 1024);
    test_server_script(fixture.server, READ,
                       SEND("HTTP/1.1 401 Unauthorized\r\nContent-Length: "
                            "1048576\r\nWWW-Authenticate: Twoleg 1\r\n\r\n"),
                       SEND(page));
    g_autoptr(HttpCall) call = http_call(&fixture, once("hello"));
    http_assert_failed(call, EXG_ERROR_PROTOCOL, "answer");
    teardown();
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/http/authenticator/two-legs", test_two_legs);
    g_test_add_func("/http/authenticator/crowd", test_crowd);
    g_test_add_func("/http/authenticator/certificate", test_certificate);
    g_test_add_func("/http/authenticator/nothing-offered", test_nothing_offered);
    g_test_add_func("/http/authenticator/empty-once", test_empty_once);
    g_test_add_func("/http/authenticator/lost-between-legs", test_lost_between_legs);
    g_test_add_func("/http/authenticator/lost-between-legs-again", test_lost_between_legs_again);
    g_test_add_func("/http/authenticator/lost-with-request", test_lost_with_request);
    g_test_add_func("/http/authenticator/refused", test_refused);
    g_test_add_func("/http/authenticator/forgotten", test_forgotten);
    g_test_add_func("/http/authenticator/endless", test_endless);
    g_test_add_func("/http/authenticator/ended-while-pending", test_ended_while_pending);
    g_test_add_func("/http/authenticator/A3.14-others-go-on", test_others_go_on);
    g_test_add_func("/http/authenticator/slow-leg", test_slow_leg);
    g_test_add_func("/http/authenticator/large-401", test_large_401);
    return g_test_run();
}
