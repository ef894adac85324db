#include "common/auth/basic.h"

#include <string.h>

typedef struct {
    ExgHttpAuthenticator authenticator;
    char *user;
    ExgSecret *password;
} Basic;

/* Both buffers are wiped, and no step in between leaves a copy. */
static void
basic_next(ExgHttpHandshake *handshake, const char *const *challenges, ExgHttpLeg *leg)
{
    const Basic *self = (const Basic *)handshake->authenticator;
    gsize user = strlen(self->user), password = exg_secret_length(self->password);
    gsize length = user + 1 + password;
    g_autofree char *pair = g_malloc(length);
    memcpy(pair, self->user, user);
    pair[user] = ':';
    memcpy(pair + user + 1, exg_secret_bytes(self->password), password);

    gsize room = strlen("Basic ") + (length / 3 + 1) * 4 + 4;
    g_autofree char *value = g_malloc0(room);
    gsize used = g_strlcpy(value, "Basic ", room);
    int state = 0, save = 0;
    used += g_base64_encode_step((const guchar *)pair, length, FALSE, value + used, &state, &save);
    used += g_base64_encode_close(FALSE, value + used, &state, &save);
    value[used] = '\0';
    exg_secret_wipe(pair, length);
    exg_http_leg_send(leg, value, false);
    exg_secret_wipe(value, room);
}

static ExgHttpHandshake *
basic_begin(ExgHttpAuthenticator *authenticator, const ExgHttpPeer *peer)
{
    return g_new0(ExgHttpHandshake, 1);
}

static void
basic_end(ExgHttpHandshake *handshake)
{
    g_free(handshake);
}

static void
basic_free(ExgHttpAuthenticator *authenticator)
{
    Basic *self = (Basic *)authenticator;
    g_free(self->user);
    exg_secret_unref(self->password);
    g_free(self);
}

static const ExgHttpScheme basic_scheme = {
    .name = "basic",
    .per_request = true,
    .begin = basic_begin,
    .next = basic_next,
    .end = basic_end,
    .free = basic_free,
};

ExgHttpAuthenticator *
exg_auth_basic_new(const char *user, ExgSecret *password)
{
    g_return_val_if_fail(strchr(user, ':') == NULL, NULL);
    Basic *self = g_new0(Basic, 1);
    self->authenticator.scheme = &basic_scheme;
    self->authenticator.references = 1;
    self->user = g_strdup(user);
    self->password = exg_secret_ref(password);
    return &self->authenticator;
}
