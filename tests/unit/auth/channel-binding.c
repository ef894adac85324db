#include "common/auth/channel-binding.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>
#include <time.h>

static void
check(int result)
{
    if (result < 0)
        g_error("GnuTLS: %s", gnutls_strerror(result));
}

/* A certificate that signs itself, in DER. */
static GBytes *
make(gnutls_pk_algorithm_t algorithm, unsigned bits, gnutls_digest_algorithm_t hash, unsigned flags)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    gnutls_datum_t der;
    check(gnutls_x509_privkey_init(&key));
    check(gnutls_x509_crt_init(&certificate));
    check(gnutls_x509_privkey_generate(key, algorithm, bits, 0));
    check(gnutls_x509_crt_set_version(certificate, 3));
    check(gnutls_x509_crt_set_serial(certificate, "\1", 1));
    check(gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, "a", 1));
    check(gnutls_x509_crt_set_activation_time(certificate, time(NULL) - 60));
    check(gnutls_x509_crt_set_expiration_time(certificate, time(NULL) + 60));
    check(gnutls_x509_crt_set_key(certificate, key));
    check(gnutls_x509_crt_sign2(certificate, certificate, key, hash, flags));
    check(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &der));
    GBytes *bytes = g_bytes_new(der.data, der.size);
    gnutls_free(der.data);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
    return bytes;
}

static void
expect(GBytes *certificate, GChecksumType type)
{
    g_autoptr(GBytes) binding = exg_auth_channel_binding(certificate);
    g_assert_nonnull(binding);
    gsize length, hash_length = (gsize)g_checksum_type_get_length(type);
    const guint8 *data = g_bytes_get_data(binding, &length);
    g_autoptr(GChecksum) sum = g_checksum_new(type);
    g_checksum_update(sum, g_bytes_get_data(certificate, NULL),
                      (gssize)g_bytes_get_size(certificate));
    guint8 hash[64];
    g_checksum_get_digest(sum, hash, &hash_length);
    g_assert_cmpuint(length, ==, 21 + hash_length);
    g_assert_cmpmem(data, 21, "tls-server-end-point:", 21);
    g_assert_cmpmem(data + 21, length - 21, hash, hash_length);
}

/* The certificate's own hash, and SHA-256 for those that are too weak. */
static void
test_hashes(void)
{
    const unsigned p256 = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
    const struct {
        gnutls_pk_algorithm_t key;
        unsigned bits;
        gnutls_digest_algorithm_t hash;
        unsigned flags;
        GChecksumType wanted;
    } cases[] = {
        {GNUTLS_PK_ECDSA, p256, GNUTLS_DIG_SHA256, 0, G_CHECKSUM_SHA256},
        {GNUTLS_PK_ECDSA, p256, GNUTLS_DIG_SHA384, 0, G_CHECKSUM_SHA384},
        {GNUTLS_PK_RSA, 2048, GNUTLS_DIG_SHA512, 0, G_CHECKSUM_SHA512},
        {GNUTLS_PK_RSA, 2048, GNUTLS_DIG_SHA1, 0, G_CHECKSUM_SHA256},
        {GNUTLS_PK_RSA, 2048, GNUTLS_DIG_MD5, 0, G_CHECKSUM_SHA256},
        {GNUTLS_PK_RSA, 2048, GNUTLS_DIG_SHA384, GNUTLS_PRIVKEY_SIGN_FLAG_RSA_PSS,
         G_CHECKSUM_SHA384},
        {GNUTLS_PK_RSA, 2048, GNUTLS_DIG_SHA256, GNUTLS_PRIVKEY_SIGN_FLAG_RSA_PSS,
         G_CHECKSUM_SHA256},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GBytes)
            certificate = make(cases[i].key, cases[i].bits, cases[i].hash, cases[i].flags);
        expect(certificate, cases[i].wanted);
    }
}

/* Ed25519 has no hash that the certificate chose: the binding is undefined. */
static void
test_undefined(void)
{
    g_autoptr(GBytes) certificate = make(GNUTLS_PK_EDDSA_ED25519, 0, GNUTLS_DIG_SHA512, 0);
    g_assert_null(exg_auth_channel_binding(certificate));
}

static void
test_cut(void)
{
    const unsigned p256 = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
    g_autoptr(GBytes) certificate = make(GNUTLS_PK_ECDSA, p256, GNUTLS_DIG_SHA256, 0);
    for (gsize length = 0; length < g_bytes_get_size(certificate); length++) {
        g_autoptr(GBytes) cut = g_bytes_new_from_bytes(certificate, 0, length);
        g_assert_null(exg_auth_channel_binding(cut));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/auth/channel-binding/A5.2,A8.5-hashes", test_hashes);
    g_test_add_func("/auth/channel-binding/undefined", test_undefined);
    g_test_add_func("/auth/channel-binding/cut", test_cut);
    return g_test_run();
}
