#include "common/auth/choice.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "tests/lib/http-fixture.h"

#include <string.h>

/* A scheme that needs no more than its name, and fails if it is told to. */
typedef struct {
    ExgHttpAuthenticator authenticator;
    const char *name;
    bool fails, absent;
    guint asked;
} Fake;

static void
fake_next(ExgHttpHandshake *handshake, const char *const *challenges, ExgHttpLeg *leg)
{
    Fake *self = (Fake *)handshake->authenticator;
    self->asked++;
    if (self->fails)
        exg_http_leg_fail(leg, exg_error_new(EXG_ERROR_UNREACHABLE, "no %s today", self->name));
    else
        exg_http_leg_send(leg, self->name, false);
}

static ExgHttpHandshake *
fake_begin(ExgHttpAuthenticator *authenticator, const ExgHttpPeer *peer)
{
    return g_new0(ExgHttpHandshake, 1);
}

static void
fake_end(ExgHttpHandshake *handshake)
{
    g_free(handshake);
}

static void
fake_free(ExgHttpAuthenticator *authenticator)
{
}

static bool
fake_is_available(ExgHttpAuthenticator *authenticator, GError **error)
{
    const Fake *self = (const Fake *)authenticator;
    return !self->absent || exg_error_set(error, EXG_ERROR_CONFIG, "no %s here", self->name);
}

static const ExgHttpScheme fake_scheme = {
    .name = "fake",
    .needs_peer = true,
    .per_request = true,
    .begin = fake_begin,
    .next = fake_next,
    .end = fake_end,
    .free = fake_free,
};

typedef struct {
    HttpFixture http;
    Fake ticket, password;
    ExgHttpAuthenticator *choice;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data)
{
    static const ExgAuthCandidate ticket = {
        .name = "ticket", .offered = "Ticket", .is_available = fake_is_available};
    static const ExgAuthCandidate password = {.name = "password",
                                              .offered = "Password",
                                              .is_available = fake_is_available,
                                              .has_last_word = true};
    http_fixture_init(&fixture->http, NULL);
    fixture->ticket = (Fake){.authenticator = {&fake_scheme, 1}, .name = "Ticket"};
    fixture->password = (Fake){.authenticator = {&fake_scheme, 1}, .name = "Password"};
    fixture->choice = exg_auth_choice_new();
    exg_auth_choice_add(fixture->choice, &ticket, &fixture->ticket.authenticator, NULL);
    exg_auth_choice_add(fixture->choice, &password, &fixture->password.authenticator, NULL);
    fixture->http.options.authenticator = fixture->choice;
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    exg_http_authenticator_unref(fixture->choice);
    http_fixture_clear(&fixture->http);
}

#define OFFER                                                                                      \
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Ticket\r\nWWW-Authenticate: Password\r\n"      \
    "Content-Length: 0\r\n\r\n"

/* What the n-th request that the server got was signed with. (transfer full) */
static char *
signed_with(Fixture *fixture, guint n)
{
    g_autofree char *head = test_server_head(fixture->http.server, n);
    return test_head_value(head, "Authorization");
}

static HttpCall *
ask(Fixture *fixture)
{
    return http_call(&fixture->http, http_fixture_request(&fixture->http, "body"));
}

static void
test_strongest(Fixture *fixture, gconstpointer data)
{
    test_server_script(fixture->http.server, READ, SEND(OFFER), READ, SEND(OK_ANSWER));
    g_autoptr(HttpCall) call = ask(fixture);
    http_assert_status(call, 200);
    g_autofree char *first = signed_with(fixture, 1);
    g_assert_cmpstr(first, ==, "Ticket");
    g_autofree char *description = exg_auth_choice_describe(fixture->choice);
    g_assert_cmpstr(description, ==, "offered: Ticket, Password\nticket: chosen");
}

static void
test_absent(Fixture *fixture, gconstpointer data)
{
    fixture->ticket.absent = true;
    test_server_script(fixture->http.server, READ, SEND(OFFER), READ, SEND(OK_ANSWER));
    g_autoptr(HttpCall) call = ask(fixture);
    http_assert_status(call, 200);
    g_autofree char *description = exg_auth_choice_describe(fixture->choice);
    g_assert_cmpstr(description, ==,
                    "offered: Ticket, Password\nticket: no Ticket here\npassword: chosen");
}

/* What fails after it was chosen makes way for a minute. */
static void
test_fails(Fixture *fixture, gconstpointer data)
{
    fixture->ticket.fails = true;
    for (guint i = 0; i < 3; i++)
        test_server_script(fixture->http.server, READ, SEND(OFFER), READ, SEND(OK_ANSWER));
    for (guint i = 0; i < 3; i++) {
        if (i == 2)
            exg_clock_advance((EXG_AUTH_CHOICE_REST_MS + 1) * 1000);
        g_autoptr(HttpCall) call = ask(fixture);
        http_assert_status(call, 200);
        g_autofree char *used = signed_with(fixture, 2 * i + 1);
        g_assert_cmpstr(used, ==, "Password");
        g_assert_cmpuint(fixture->ticket.asked, ==, i < 2 ? 1 : 2);
        exg_http_client_close_idle(fixture->http.client);
    }
}

/* With nothing to make way for, the failure is told as it is. */
static void
test_fails_alone(Fixture *fixture, gconstpointer data)
{
    fixture->ticket.fails = true;
    fixture->password.absent = true;
    test_server_script(fixture->http.server, READ, SEND(OFFER));
    g_autoptr(HttpCall) call = ask(fixture);
    http_assert_failed(call, EXG_ERROR_UNREACHABLE, "auth");
    g_assert_cmpstr(call->error->message, ==, "no Ticket today");
    g_assert_cmpuint(fixture->ticket.asked, ==, 1);
}

/* A ticket that the server refuses makes way too; a password does not. */
static void
test_refused(Fixture *fixture, gconstpointer data)
{
    for (guint i = 0; i < 2; i++)
        test_server_script(fixture->http.server, READ, SEND(OFFER), READ, SEND(OFFER));
    test_server_repeat(fixture->http.server);
    g_autoptr(HttpCall) call = ask(fixture);
    http_assert_failed(call, EXG_ERROR_AUTH, "auth");
    g_assert_cmpuint(fixture->ticket.asked, ==, 1);
    g_assert_cmpuint(fixture->password.asked, ==, 1);
    g_assert_cmpuint(test_server_requests(fixture->http.server), ==, 4);
}

#define ADD(name, function)                                                                        \
    g_test_add("/auth/choice/" name, Fixture, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("A6.7-strongest", test_strongest);
    ADD("A6.7-absent", test_absent);
    ADD("A6.7-fails", test_fails);
    ADD("A6.7-fails-alone", test_fails_alone);
    ADD("A6.7,F14-refused", test_refused);
    return g_test_run();
}
