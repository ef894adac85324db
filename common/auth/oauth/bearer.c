#include "common/auth/oauth/bearer.h"

#include "common/base/clock.h"

#include <string.h>

/* So long after a token was thrown away, the next is not: the 401 was for the one before it, or means
 * something else than that the token has ended. */
#define PATIENCE_US (10 * G_TIME_SPAN_SECOND)

typedef struct {
    ExgHttpAuthenticator authenticator;
    ExgTokenSource *source;
    ExgToken *token;    /* the last that was sent, or NULL */
    gint64 rejected_us; /* when one was thrown away; 0: never */
} Bearer;

static ExgHttpHandshake *
bearer_begin(ExgHttpAuthenticator *authenticator, const ExgHttpPeer *peer)
{
    return g_new0(ExgHttpHandshake, 1);
}

static void
send_token(ExgHttpLeg *leg, const ExgSecret *token)
{
    static const char scheme[] = "Bearer ";
    gsize length = strlen(scheme) + exg_secret_length(token);
    g_autofree char *value = g_malloc(length + 1);
    memcpy(value, scheme, strlen(scheme));
    memcpy(value + strlen(scheme), exg_secret_bytes(token), exg_secret_length(token) + 1);
    exg_http_leg_send(leg, value, false);
    exg_secret_wipe(value, length);
}

typedef struct {
    Bearer *bearer; /* lives as long as the leg has not been answered */
    ExgHttpLeg *leg;
} Asked;

static void
on_token(GObject *object, GAsyncResult *result, gpointer data)
{
    g_autofree Asked *asked = data;
    Bearer *self = asked->bearer;
    GError *error = NULL;
    ExgToken *token = exg_token_source_get_finish(self->source, result, &error);
    if (token == NULL) {
        exg_http_leg_fail(asked->leg, error);
        return;
    }
    exg_token_unref(self->token);
    self->token = token;
    g_autoptr(ExgSecret) access = exg_secret_ref(token->access);
    send_token(asked->leg, access);
}

static void
bearer_next(ExgHttpHandshake *handshake, const char *const *challenges, ExgHttpLeg *leg)
{
    Asked *asked = g_new0(Asked, 1);
    asked->bearer = (Bearer *)handshake->authenticator;
    asked->leg = leg;
    exg_token_source_get_async(asked->bearer->source, EXG_NO_DEADLINE, on_token, asked);
}

static void
bearer_end(ExgHttpHandshake *handshake)
{
    g_free(handshake);
}

static bool
bearer_rejected(ExgHttpAuthenticator *authenticator, const char *const *challenges, bool forgotten)
{
    Bearer *self = (Bearer *)authenticator;
    gint64 now_us = exg_clock_monotonic_us();
    if (self->token == NULL)
        return false;
    if (self->rejected_us == 0 || now_us - self->rejected_us >= PATIENCE_US) {
        self->rejected_us = now_us;
        exg_token_source_reject(self->source, self->token);
    }
    return true;
}

static void
bearer_free(ExgHttpAuthenticator *authenticator)
{
    Bearer *self = (Bearer *)authenticator;
    exg_token_unref(self->token);
    exg_token_source_unref(self->source);
    g_free(self);
}

static const ExgHttpScheme bearer_scheme = {
    .name = "oauth2",
    .per_request = true,
    .begin = bearer_begin,
    .next = bearer_next,
    .end = bearer_end,
    .rejected = bearer_rejected,
    .free = bearer_free,
};

ExgHttpAuthenticator *
exg_auth_bearer_new(ExgTokenSource *source)
{
    Bearer *self = g_new0(Bearer, 1);
    self->authenticator.scheme = &bearer_scheme;
    self->authenticator.references = 1;
    self->source = exg_token_source_ref(source);
    return &self->authenticator;
}
