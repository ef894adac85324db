#include "common/auth/negotiate.h"

#include "common/auth/challenge-private.h"
#include "common/auth/channel-binding.h"
#include "common/auth/gss-private.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/io/worker.h"

#include <string.h>

#define MAX_QUEUED 10000

typedef struct {
    ExgHttpAuthenticator authenticator;
    ExgGssMechanism mechanism;
    char *keytab, *ccache, *principal, *user;
    ExgSecret *password;
    ExgWorkerPool *workers;
} Negotiate;

typedef struct {
    ExgHttpHandshake handshake;
    ExgGss *gss;
    GStrv offers;
    guint legs;
    /* The leg under way: the worker's until it is done. */
    ExgHttpLeg *leg;
    GBytes *input, *output;
    GError *error;
} NegotiateHandshake;

static const Negotiate *
owner(const NegotiateHandshake *self)
{
    return (const Negotiate *)self->handshake.authenticator;
}

static const char *
scheme_of(const Negotiate *self)
{
    return self->mechanism == EXG_GSS_NTLM ? "NTLM" : "Negotiate";
}

static ExgGssSource
source_of(const Negotiate *self)
{
    return (ExgGssSource){self->keytab, self->ccache, self->principal, self->user, self->password};
}

/* --- a leg ------------------------------------------------------------------------------------ */

static void
compute(gpointer data)
{
    NegotiateHandshake *self = data;
    (void)exg_gss_step(self->gss, self->input, &self->output, &self->error);
}

static void
send_token(NegotiateHandshake *self, ExgHttpLeg *leg)
{
    const Negotiate *negotiate = owner(self);
    gsize length;
    const guchar *token = g_bytes_get_data(self->output, &length);
    g_autofree char *base64 = g_base64_encode(token, length);
    g_autofree char *value = g_strconcat(scheme_of(negotiate), " ", base64, NULL);
    /* NTLM has a challenge to answer before the request can go. */
    bool more = negotiate->mechanism != EXG_GSS_KERBEROS && self->legs == 1;
    exg_http_leg_send(leg, value, more);
    exg_secret_wipe(base64, strlen(base64));
    exg_secret_wipe(value, strlen(value));
}

/* The handshake may be gone once the leg is answered. */
static void
computed(gpointer data)
{
    NegotiateHandshake *self = data;
    ExgHttpLeg *leg = g_steal_pointer(&self->leg);
    if (self->error != NULL)
        exg_http_leg_fail(leg, g_steal_pointer(&self->error));
    else if (self->output == NULL)
        exg_http_leg_fail(leg, exg_error_new(EXG_ERROR_AUTH, "The server's %s has no end",
                                             scheme_of(owner(self))));
    else
        send_token(self, leg);
}

static void
refuse(NegotiateHandshake *self, const char *const *challenges, ExgHttpLeg *leg)
{
    const char *scheme = scheme_of(owner(self));
    g_autofree char *offered = exg_auth_challenge_names(challenges);
    GError *error;
    if (!exg_auth_challenge_find(challenges, scheme, 0, NULL))
        error = exg_error_new(EXG_ERROR_CONFIG, "The server does not offer %s, but %s", scheme,
                              offered);
    else
        error = exg_error_new(EXG_ERROR_AUTH, "The server refused the credentials (%s)",
                              owner(self)->authenticator.scheme->name);
    exg_http_leg_fail(leg, error);
}

static void
negotiate_next(ExgHttpHandshake *handshake, const char *const *challenges, ExgHttpLeg *leg)
{
    NegotiateHandshake *self = (NegotiateHandshake *)handshake;
    g_clear_pointer(&self->input, g_bytes_unref);
    g_clear_pointer(&self->output, g_bytes_unref);
    bool first = self->legs++ == 0;
    if (first)
        challenges = (const char *const *)self->offers;
    else
        self->input = exg_auth_challenge_token(challenges, scheme_of(owner(self)));
    if (first ? !exg_auth_challenge_find(challenges, scheme_of(owner(self)), 0, NULL)
              : self->input == NULL) {
        refuse(self, challenges, leg);
        return;
    }
    GError *error = NULL;
    self->leg = leg;
    if (!exg_worker_run(owner(self)->workers, compute, computed, self, &error)) {
        self->leg = NULL;
        exg_http_leg_fail(leg, error);
    }
}

/* --- the scheme --------------------------------------------------------------------------------- */

static ExgHttpHandshake *
negotiate_begin(ExgHttpAuthenticator *authenticator, const ExgHttpPeer *peer)
{
    const Negotiate *negotiate = (const Negotiate *)authenticator;
    NegotiateHandshake *self = g_new0(NegotiateHandshake, 1);
    g_autoptr(GBytes) binding = peer->peer_certificate != NULL
                                    ? exg_auth_channel_binding(peer->peer_certificate)
                                    : NULL;
    ExgGssSource source = source_of(negotiate);
    self->offers = g_strdupv((GStrv)peer->challenges);
    self->gss = exg_gss_new(negotiate->mechanism, &source, peer->host, binding);
    return &self->handshake;
}

static void
negotiate_end(ExgHttpHandshake *handshake)
{
    NegotiateHandshake *self = (NegotiateHandshake *)handshake;
    exg_gss_free(self->gss);
    g_strfreev(self->offers);
    g_clear_pointer(&self->input, g_bytes_unref);
    g_clear_pointer(&self->output, g_bytes_unref);
    g_clear_error(&self->error);
    g_free(self);
}

static const ExgHttpScheme kerberos_each_scheme;

static bool
negotiate_rejected(ExgHttpAuthenticator *authenticator, const char *const *challenges,
                   bool forgotten)
{
    Negotiate *self = (Negotiate *)authenticator;
    if (forgotten && self->mechanism == EXG_GSS_KERBEROS &&
        authenticator->scheme != &kerberos_each_scheme) {
        exg_log(EXG_LOG_INFO, NULL, "The server wants Kerberos with each request");
        authenticator->scheme = &kerberos_each_scheme;
    }
    return forgotten;
}

static void
negotiate_free(ExgHttpAuthenticator *authenticator)
{
    Negotiate *self = (Negotiate *)authenticator;
    exg_worker_pool_free(self->workers);
    g_free(self->keytab);
    g_free(self->ccache);
    g_free(self->principal);
    g_free(self->user);
    exg_secret_unref(self->password);
    g_free(self);
}

#define SCHEME(text, each)                                                                         \
    {                                                                                              \
        .name = (text), .needs_peer = true, .per_request = (each), .begin = negotiate_begin,       \
        .next = negotiate_next, .end = negotiate_end, .rejected = negotiate_rejected,              \
        .free = negotiate_free                                                                     \
    }
static const ExgHttpScheme kerberos_scheme = SCHEME("negotiate, Kerberos", false);
static const ExgHttpScheme kerberos_each_scheme = SCHEME("negotiate, Kerberos", true);
static const ExgHttpScheme spnego_ntlm_scheme = SCHEME("negotiate, NTLM", false);
static const ExgHttpScheme ntlm_scheme = SCHEME("NTLM", false);

static Negotiate *
negotiate_new(ExgEngine *engine, ExgGssMechanism mechanism, const ExgHttpScheme *scheme)
{
    Negotiate *self = g_new0(Negotiate, 1);
    self->authenticator = (ExgHttpAuthenticator){scheme, 1};
    self->mechanism = mechanism;
    self->workers = exg_worker_pool_new(engine, EXG_AUTH_GSS_THREADS, MAX_QUEUED);
    return self;
}

ExgHttpAuthenticator *
exg_auth_kerberos_new(ExgEngine *engine, const char *keytab, const char *ccache,
                      const char *principal)
{
    Negotiate *self = negotiate_new(engine, EXG_GSS_KERBEROS, &kerberos_scheme);
    self->keytab = g_strdup(keytab);
    self->ccache = g_strdup(ccache);
    self->principal = g_strdup(principal);
    return &self->authenticator;
}

ExgHttpAuthenticator *
exg_auth_ntlm_new(ExgEngine *engine, const char *user, ExgSecret *password, bool spnego)
{
    Negotiate *self = spnego ? negotiate_new(engine, EXG_GSS_SPNEGO_NTLM, &spnego_ntlm_scheme)
                             : negotiate_new(engine, EXG_GSS_NTLM, &ntlm_scheme);
    self->user = g_strdup(user);
    self->password = exg_secret_ref(password);
    return &self->authenticator;
}

bool
exg_auth_negotiate_is_available(ExgHttpAuthenticator *authenticator, GError **error)
{
    const Negotiate *self = (const Negotiate *)authenticator;
    ExgGssSource source = source_of(self);
    return exg_gss_is_available(self->mechanism, &source, error);
}

bool
exg_auth_negotiate_has_ntlm(void)
{
    return exg_gss_has_ntlm();
}
