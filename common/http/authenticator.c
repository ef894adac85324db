#include "common/http/authenticator-private.h"

#include "common/base/secret.h"

struct ExgHttpLeg {
    ExgHttpHandshake *handshake;
    ExgHttpLegFunc function; /* NULL once abandoned */
    gpointer data;
    bool asking; /* next() is running */
    bool answered;
    char *authorization;
    bool more;
    GError *error;
};

ExgHttpAuthenticator *
exg_http_authenticator_ref(ExgHttpAuthenticator *authenticator)
{
    g_atomic_int_inc(&authenticator->references);
    return authenticator;
}

void
exg_http_authenticator_unref(ExgHttpAuthenticator *authenticator)
{
    if (authenticator != NULL && g_atomic_int_dec_and_test(&authenticator->references))
        authenticator->scheme->free(authenticator);
}

ExgHttpHandshake *
exg_http_handshake_begin(ExgHttpAuthenticator *authenticator, const ExgHttpPeer *peer)
{
    ExgHttpHandshake *handshake = authenticator->scheme->begin(authenticator, peer);
    handshake->authenticator = exg_http_authenticator_ref(authenticator);
    return handshake;
}

void
exg_http_handshake_end(ExgHttpHandshake *handshake)
{
    if (handshake == NULL)
        return;
    g_autoptr(ExgHttpAuthenticator) authenticator = handshake->authenticator;
    authenticator->scheme->end(handshake);
}

ExgHttpLeg *
exg_http_leg_new(ExgHttpHandshake *handshake, ExgHttpLegFunc function, gpointer data)
{
    ExgHttpLeg *leg = g_new0(ExgHttpLeg, 1);
    leg->handshake = handshake;
    leg->function = function;
    leg->data = data;
    return leg;
}

static void
settle(ExgHttpLeg *leg)
{
    if (leg->function != NULL) {
        leg->function(leg->authorization, leg->more, leg->error, leg->data);
    } else {
        g_clear_error(&leg->error);
        exg_http_handshake_end(leg->handshake);
    }
    exg_secret_wipe_and_free(leg->authorization);
    g_free(leg);
}

void
exg_http_leg_ask(ExgHttpLeg *leg, const char *const *challenges)
{
    leg->asking = true;
    leg->handshake->authenticator->scheme->next(leg->handshake, challenges, leg);
    leg->asking = false;
    if (leg->answered)
        settle(leg);
}

void
exg_http_leg_abandon(ExgHttpLeg *leg)
{
    leg->function = NULL;
}

static void
answer(ExgHttpLeg *leg, char *authorization, bool more, GError *error)
{
    g_return_if_fail(!leg->answered);
    leg->answered = true;
    leg->authorization = authorization;
    leg->more = more;
    leg->error = error;
    if (!leg->asking)
        settle(leg);
}

void
exg_http_leg_send(ExgHttpLeg *leg, const char *authorization, bool more)
{
    answer(leg, g_strdup(authorization), more, NULL);
}

void
exg_http_leg_fail(ExgHttpLeg *leg, GError *error)
{
    answer(leg, NULL, false, error);
}
