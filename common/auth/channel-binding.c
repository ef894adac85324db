#include "common/auth/channel-binding.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>

#define PREFIX         "tls-server-end-point:"
#define HASH_MAX_BYTES 64

static gnutls_digest_algorithm_t
hash_of_signature(gnutls_sign_algorithm_t signature)
{
    /* GnuTLS names the hash that these use inside, which is none that the certificate chose. */
    if (signature == GNUTLS_SIGN_EDDSA_ED25519 || signature == GNUTLS_SIGN_EDDSA_ED448)
        return GNUTLS_DIG_UNKNOWN;
    gnutls_digest_algorithm_t hash = gnutls_sign_get_hash_algorithm(signature);
    return hash == GNUTLS_DIG_MD5 || hash == GNUTLS_DIG_SHA1 ? GNUTLS_DIG_SHA256 : hash;
}

static gnutls_digest_algorithm_t
hash_of_certificate(const gnutls_datum_t *der)
{
    gnutls_x509_crt_t certificate;
    gnutls_digest_algorithm_t hash = GNUTLS_DIG_UNKNOWN;
    if (gnutls_x509_crt_init(&certificate) < 0)
        g_error("out of memory for a certificate");
    if (gnutls_x509_crt_import(certificate, der, GNUTLS_X509_FMT_DER) >= 0) {
        int signature = gnutls_x509_crt_get_signature_algorithm(certificate);
        if (signature > 0)
            hash = hash_of_signature((gnutls_sign_algorithm_t)signature);
    }
    gnutls_x509_crt_deinit(certificate);
    return hash;
}

GBytes *
exg_auth_channel_binding(GBytes *certificate)
{
    gsize length;
    const void *data = g_bytes_get_data(certificate, &length);
    gnutls_datum_t der = {(unsigned char *)data, (unsigned)length};
    gnutls_digest_algorithm_t hash = hash_of_certificate(&der);
    if (hash == GNUTLS_DIG_UNKNOWN)
        return NULL;
    guint8 binding[sizeof PREFIX - 1 + HASH_MAX_BYTES] = PREFIX;
    if (gnutls_hash_fast(hash, data, length, binding + strlen(PREFIX)) < 0)
        return NULL;
    return g_bytes_new(binding, strlen(PREFIX) + gnutls_hash_get_len(hash));
}
