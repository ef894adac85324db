#include "common/auth/oauth/client-assertion.h"

#include "common/auth/oauth/oauth-private.h"
#include "common/base/clock.h"
#include "common/base/error.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <json-glib/json-glib.h>

#define LIFETIME_S 600

struct ExgClientAssertion {
    gint references;
    gnutls_x509_crt_t certificate;
    gnutls_privkey_t key;
    char *header; /* base64url */
};

static bool
fail(GError **error, const char *file, int result)
{
    return exg_error_set(error, EXG_ERROR_CONFIG, "%s: %s", file, gnutls_strerror(result));
}

static bool
load_certificate(ExgClientAssertion *self, const ExgSecret *pem, const char *file, GError **error)
{
    gnutls_datum_t data = {(guint8 *)exg_secret_bytes(pem), (unsigned)exg_secret_length(pem)};
    int result = gnutls_x509_crt_import(self->certificate, &data, GNUTLS_X509_FMT_PEM);
    if (result < 0)
        return fail(error, file, result);
    time_t end = gnutls_x509_crt_get_expiration_time(self->certificate);
    if ((gint64)end < exg_clock_real_us() / G_TIME_SPAN_SECOND)
        return exg_error_set(error, EXG_ERROR_CONFIG, "%s: the certificate has expired", file);
    return true;
}

static bool
load_key(ExgClientAssertion *self, const ExgSecret *pem, const char *file, GError **error)
{
    gnutls_datum_t data = {(guint8 *)exg_secret_bytes(pem), (unsigned)exg_secret_length(pem)};
    int result = gnutls_privkey_import_x509_raw(self->key, &data, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (result < 0)
        return fail(error, file, result);
    if (gnutls_privkey_get_pk_algorithm(self->key, NULL) != GNUTLS_PK_RSA)
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "%s: the private key is not RSA, which PS256 needs", file);
    return true;
}

static bool
belong_together(const ExgClientAssertion *self)
{
    guint8 one[64], other[64];
    gsize one_length = sizeof one, other_length = sizeof other;
    gnutls_pubkey_t public;
    if (gnutls_pubkey_init(&public) < 0)
        return false;
    bool same = gnutls_pubkey_import_privkey(public, self->key, 0, 0) >= 0 &&
                gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, one, &one_length) >= 0 &&
                gnutls_x509_crt_get_key_id(self->certificate, GNUTLS_KEYID_USE_SHA256, other,
                                           &other_length) >= 0 &&
                one_length == other_length && memcmp(one, other, one_length) == 0;
    gnutls_pubkey_deinit(public);
    return same;
}

/* The header names the certificate by the hash of its DER. */
static char *
make_header(const ExgClientAssertion *self)
{
    guint8 hash[32];
    gsize length = sizeof hash;
    if (gnutls_x509_crt_get_fingerprint(self->certificate, GNUTLS_DIG_SHA256, hash, &length) < 0)
        return NULL;
    g_autofree char *thumbprint = exg_oauth_base64url(hash, length);
    g_autofree char *json = g_strdup_printf(
        "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t#S256\":\"%s\"}", thumbprint);
    return exg_oauth_base64url(json, strlen(json));
}

ExgClientAssertion *
exg_client_assertion_new(const char *certificate_file, const char *key_file, GError **error)
{
    if (key_file == NULL)
        key_file = certificate_file;
    g_autoptr(ExgSecret) certificate = exg_secret_new_from_file(certificate_file, error);
    if (certificate == NULL)
        return NULL;
    g_autoptr(ExgSecret) key = exg_secret_new_from_file(key_file, error);
    if (key == NULL)
        return NULL;
    g_autoptr(ExgClientAssertion) self = g_new0(ExgClientAssertion, 1);
    self->references = 1;
    if (gnutls_x509_crt_init(&self->certificate) < 0 || gnutls_privkey_init(&self->key) < 0) {
        exg_error_set(error, EXG_ERROR_RESOURCES, "No memory for a certificate");
        return NULL;
    }
    if (!load_certificate(self, certificate, certificate_file, error) ||
        !load_key(self, key, key_file, error))
        return NULL;
    if (!belong_together(self)) {
        exg_error_set(error, EXG_ERROR_CONFIG, "The private key in %s is not that of %s", key_file,
                      certificate_file);
        return NULL;
    }
    self->header = make_header(self);
    return g_steal_pointer(&self);
}

ExgClientAssertion *
exg_client_assertion_ref(ExgClientAssertion *self)
{
    g_atomic_int_inc(&self->references);
    return self;
}

void
exg_client_assertion_unref(ExgClientAssertion *self)
{
    if (self == NULL || !g_atomic_int_dec_and_test(&self->references))
        return;
    if (self->certificate != NULL)
        gnutls_x509_crt_deinit(self->certificate);
    if (self->key != NULL)
        gnutls_privkey_deinit(self->key);
    g_free(self->header);
    g_free(self);
}

/* The claims, as JSON in base64url. (transfer full) */
static char *
make_claims(const char *client_id, const char *audience)
{
    gint64 now = exg_clock_real_us() / G_TIME_SPAN_SECOND;
    g_autofree char *id = g_uuid_string_random();
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    json_builder_add_string_value(json_builder_set_member_name(builder, "aud"), audience);
    json_builder_add_string_value(json_builder_set_member_name(builder, "iss"), client_id);
    json_builder_add_string_value(json_builder_set_member_name(builder, "sub"), client_id);
    json_builder_add_string_value(json_builder_set_member_name(builder, "jti"), id);
    json_builder_add_int_value(json_builder_set_member_name(builder, "nbf"), now);
    json_builder_add_int_value(json_builder_set_member_name(builder, "iat"), now);
    json_builder_add_int_value(json_builder_set_member_name(builder, "exp"), now + LIFETIME_S);
    json_builder_end_object(builder);
    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    g_autofree char *json = json_to_string(root, FALSE);
    return exg_oauth_base64url(json, strlen(json));
}

ExgSecret *
exg_client_assertion_sign(const ExgClientAssertion *self, const char *client_id,
                          const char *audience, GError **error)
{
    g_autofree char *claims = make_claims(client_id, audience);
    g_autofree char *content = g_strdup_printf("%s.%s", self->header, claims);
    gnutls_datum_t data = {(guint8 *)content, (unsigned)strlen(content)};
    gnutls_datum_t signature = {NULL, 0};
    int result = gnutls_privkey_sign_data2(self->key, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, 0, &data,
                                           &signature);
    if (result < 0) {
        exg_error_set(error, EXG_ERROR_CONFIG, "Cannot sign with the client's private key: %s",
                      gnutls_strerror(result));
        return NULL;
    }
    g_autofree char *proof = exg_oauth_base64url(signature.data, signature.size);
    gnutls_free(signature.data);
    g_autofree char *token = g_strdup_printf("%s.%s", content, proof);
    ExgSecret *secret = exg_secret_new(token, -1);
    exg_secret_wipe(token, strlen(token));
    exg_secret_wipe(proof, strlen(proof));
    return secret;
}
