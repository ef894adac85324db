#include "common/auth/digest.h"

#include "common/auth/challenge-private.h"
#include "common/auth/digest-response-private.h"
#include "common/base/error.h"

#include <gnutls/crypto.h>
#include <string.h>

/* A nonce of the server's, and how often it was used. */
typedef struct {
    char *nonce;
    char *client_nonce; /* the same for all requests, as "-sess" wants it */
    guint count;
} Nonce;

typedef struct {
    ExgHttpAuthenticator authenticator;
    char *user;
    ExgSecret *password;
    GQueue nonces; /* of Nonce, the one used last first */
} Digest;

/* What a challenge asks for. */
typedef struct {
    const char *algorithm;        /* as it is sent back; static */
    char *realm, *nonce, *opaque; /* opaque may be NULL */
    bool sha256, session;
} Challenge;

typedef struct {
    ExgHttpHandshake handshake;
    Challenge challenge;
    char *method, *target;
    GError *error; /* there is nothing to answer */
} DigestHandshake;

static void
nonce_free(gpointer data)
{
    Nonce *nonce = data;
    g_free(nonce->nonce);
    g_free(nonce->client_nonce);
    g_free(nonce);
}

static void
challenge_clear(Challenge *challenge)
{
    g_free(challenge->realm);
    g_free(challenge->nonce);
    g_free(challenge->opaque);
    *challenge = (Challenge){0};
}

/* --- challenges ------------------------------------------------------------------------------- */

static bool
offers_auth(const char *rest)
{
    g_autofree char *qop = exg_auth_challenge_parameter(rest, "qop");
    g_auto(GStrv) words = g_strsplit_set(qop != NULL ? qop : "", ", \t", -1);
    return g_strv_contains((const char *const *)words, "auth");
}

/* Whether a challenge can be answered; takes it over if so. */
static bool
read_challenge(const char *rest, Challenge *ret_challenge)
{
    static const struct {
        const char *name;
        bool sha256, session;
    } algorithms[] = {{"MD5", false, false},
                      {"MD5-sess", false, true},
                      {"SHA-256", true, false},
                      {"SHA-256-sess", true, true}};
    g_autofree char *algorithm = exg_auth_challenge_parameter(rest, "algorithm");
    g_autofree char *realm = exg_auth_challenge_parameter(rest, "realm");
    g_autofree char *nonce = exg_auth_challenge_parameter(rest, "nonce");
    if (realm == NULL || nonce == NULL || !offers_auth(rest))
        return false;
    const char *wanted = algorithm != NULL ? algorithm : algorithms[0].name;
    for (guint i = 0; i < G_N_ELEMENTS(algorithms); i++) {
        if (g_ascii_strcasecmp(wanted, algorithms[i].name) != 0)
            continue;
        *ret_challenge = (Challenge){
            .algorithm = algorithm != NULL ? algorithms[i].name : NULL,
            .realm = g_steal_pointer(&realm),
            .nonce = g_steal_pointer(&nonce),
            .opaque = exg_auth_challenge_parameter(rest, "opaque"),
            .sha256 = algorithms[i].sha256,
            .session = algorithms[i].session,
        };
        return true;
    }
    return false;
}

/* The first with SHA-256, or else the first at all. */
static bool
choose(const char *const *challenges, Challenge *ret_challenge)
{
    bool found = false;
    char *rest = NULL;
    for (guint n = 0; exg_auth_challenge_find(challenges, "Digest", n, &rest); n++) {
        g_autofree char *owned = rest;
        Challenge challenge;
        if (!read_challenge(rest, &challenge))
            continue;
        if (found && (ret_challenge->sha256 || !challenge.sha256)) {
            challenge_clear(&challenge);
            continue;
        }
        if (found)
            challenge_clear(ret_challenge);
        *ret_challenge = challenge;
        found = true;
    }
    return found;
}

/* --- nonces ----------------------------------------------------------------------------------- */

static char *
random_hex(void)
{
    guint8 bytes[16];
    if (gnutls_rnd(GNUTLS_RND_NONCE, bytes, sizeof bytes) < 0)
        g_error("there are no random numbers");
    GString *text = g_string_sized_new(2 * sizeof bytes);
    for (gsize i = 0; i < sizeof bytes; i++)
        g_string_append_printf(text, "%02x", bytes[i]);
    return g_string_free(text, FALSE);
}

/* Counts one more use. */
static const Nonce *
use_nonce(Digest *self, const char *text)
{
    GList *link = self->nonces.head;
    while (link != NULL && !g_str_equal(((Nonce *)link->data)->nonce, text))
        link = link->next;
    if (link != NULL) {
        g_queue_unlink(&self->nonces, link);
        g_queue_push_head_link(&self->nonces, link);
    } else {
        Nonce *nonce = g_new0(Nonce, 1);
        nonce->nonce = g_strdup(text);
        nonce->client_nonce = random_hex();
        g_queue_push_head(&self->nonces, nonce);
    }
    if (self->nonces.length > EXG_AUTH_DIGEST_MAX_NONCES)
        nonce_free(g_queue_pop_tail(&self->nonces));
    Nonce *nonce = self->nonces.head->data;
    nonce->count++;
    return nonce;
}

/* --- the scheme ------------------------------------------------------------------------------- */

static void
append_quoted(GString *header, const char *name, const char *text)
{
    g_string_append_printf(header, "%s=\"", name);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            g_string_append_c(header, '\\');
        g_string_append_c(header, *text);
    }
    g_string_append(header, "\", ");
}

static void
digest_next(ExgHttpHandshake *handshake, const char *const *challenges, ExgHttpLeg *leg)
{
    DigestHandshake *self = (DigestHandshake *)handshake;
    Digest *digest = (Digest *)handshake->authenticator;
    const Challenge *challenge = &self->challenge;
    if (self->error != NULL) {
        exg_http_leg_fail(leg, g_steal_pointer(&self->error));
        return;
    }
    const Nonce *nonce = use_nonce(digest, challenge->nonce);
    const ExgAuthDigest facts = {
        .sha256 = challenge->sha256,
        .session = challenge->session,
        .user = digest->user,
        .realm = challenge->realm,
        .nonce = nonce->nonce,
        .client_nonce = nonce->client_nonce,
        .method = self->method,
        .target = self->target,
        .password = digest->password,
        .count = nonce->count,
    };
    g_autofree char *response = exg_auth_digest_response(&facts);
    if (response == NULL) {
        exg_http_leg_fail(leg, exg_error_new(EXG_ERROR_CONFIG, "This host does not allow %s",
                                             challenge->sha256 ? "SHA-256" : "MD5"));
        return;
    }
    g_autoptr(GString) header = g_string_new("Digest ");
    append_quoted(header, "username", digest->user);
    append_quoted(header, "realm", challenge->realm);
    append_quoted(header, "nonce", challenge->nonce);
    append_quoted(header, "uri", self->target);
    append_quoted(header, "cnonce", nonce->client_nonce);
    append_quoted(header, "response", response);
    if (challenge->opaque != NULL)
        append_quoted(header, "opaque", challenge->opaque);
    if (challenge->algorithm != NULL)
        g_string_append_printf(header, "algorithm=%s, ", challenge->algorithm);
    g_string_append_printf(header, "qop=auth, nc=%08x", nonce->count);
    exg_http_leg_send(leg, header->str, false);
}

static ExgHttpHandshake *
digest_begin(ExgHttpAuthenticator *authenticator, const ExgHttpPeer *peer)
{
    DigestHandshake *self = g_new0(DigestHandshake, 1);
    self->method = g_strdup(peer->method);
    self->target = g_strdup(peer->target);
    if (choose(peer->challenges, &self->challenge))
        return &self->handshake;
    g_autofree char *offered = exg_auth_challenge_names(peer->challenges);
    if (exg_auth_challenge_find(peer->challenges, "Digest", 0, NULL))
        self->error = exg_error_new(EXG_ERROR_CONFIG,
                                    "%s offers no Digest of a kind that exgate knows", peer->host);
    else
        self->error = exg_error_new(EXG_ERROR_CONFIG, "The server does not offer Digest, but %s",
                                    offered);
    return &self->handshake;
}

static void
digest_end(ExgHttpHandshake *handshake)
{
    DigestHandshake *self = (DigestHandshake *)handshake;
    challenge_clear(&self->challenge);
    g_free(self->method);
    g_free(self->target);
    g_clear_error(&self->error);
    g_free(self);
}

/* The password was right, the nonce has had its time. */
static bool
digest_rejected(ExgHttpAuthenticator *authenticator, const char *const *challenges, bool forgotten)
{
    char *rest = NULL;
    for (guint n = 0; exg_auth_challenge_find(challenges, "Digest", n, &rest); n++) {
        g_autofree char *owned = rest;
        g_autofree char *stale = exg_auth_challenge_parameter(rest, "stale");
        if (stale != NULL && g_ascii_strcasecmp(stale, "true") == 0)
            return true;
    }
    return false;
}

static void
digest_free(ExgHttpAuthenticator *authenticator)
{
    Digest *self = (Digest *)authenticator;
    g_queue_clear_full(&self->nonces, nonce_free);
    g_free(self->user);
    exg_secret_unref(self->password);
    g_free(self);
}

static const ExgHttpScheme digest_scheme = {
    .name = "digest",
    .needs_peer = true,
    .per_request = true,
    .begin = digest_begin,
    .next = digest_next,
    .end = digest_end,
    .rejected = digest_rejected,
    .free = digest_free,
};

ExgHttpAuthenticator *
exg_auth_digest_new(const char *user, ExgSecret *password)
{
    Digest *self = g_new0(Digest, 1);
    self->authenticator = (ExgHttpAuthenticator){&digest_scheme, 1};
    self->user = g_strdup(user);
    self->password = exg_secret_ref(password);
    return &self->authenticator;
}
