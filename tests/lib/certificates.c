#include "tests/lib/certificates.h"

#include <arpa/inet.h>
#include <glib.h>
#include <gnutls/crypto.h>
#include <string.h>
#include <time.h>

#define DAY (24 * 60 * 60)

static void
check(int result)
{
    if (result < 0)
        g_error("GnuTLS: %s", gnutls_strerror(result));
}

static TestIdentity *
identity_new(const char *name, long start, long end)
{
    TestIdentity *identity = g_new0(TestIdentity, 1);
    check(gnutls_x509_privkey_init(&identity->key));
    check(gnutls_x509_privkey_generate(identity->key, GNUTLS_PK_ECDSA,
                                       GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    gnutls_x509_crt_t certificate;
    check(gnutls_x509_crt_init(&certificate));
    check(gnutls_x509_crt_set_version(certificate, 3));
    guint8 serial[8];
    check(gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial));
    serial[0] &= 0x7f;
    check(gnutls_x509_crt_set_serial(certificate, serial, sizeof serial));
    check(gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                        (unsigned)strlen(name)));
    check(gnutls_x509_crt_set_activation_time(certificate, time(NULL) + start));
    check(gnutls_x509_crt_set_expiration_time(certificate, time(NULL) + end));
    check(gnutls_x509_crt_set_key(certificate, identity->key));
    identity->certificate = certificate;
    return identity;
}

TestIdentity *
test_identity_new_authority(const char *name)
{
    TestIdentity *identity = identity_new(name, -DAY, DAY);
    check(gnutls_x509_crt_set_basic_constraints(identity->certificate, 1, -1));
    check(gnutls_x509_crt_set_key_usage(identity->certificate,
                                        GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN));
    check(gnutls_x509_crt_sign2(identity->certificate, identity->certificate, identity->key,
                                GNUTLS_DIG_SHA256, 0));
    return identity;
}

TestIdentity *
test_identity_new_server(const TestIdentity *authority, const char *name, long start, long end)
{
    TestIdentity *identity = identity_new(name, start, end);
    struct in_addr address;
    if (inet_pton(AF_INET, name, &address) == 1)
        check(gnutls_x509_crt_set_subject_alt_name(identity->certificate, GNUTLS_SAN_IPADDRESS,
                                                   &address, sizeof address, GNUTLS_FSAN_SET));
    else
        check(gnutls_x509_crt_set_subject_alt_name(identity->certificate, GNUTLS_SAN_DNSNAME, name,
                                                   (unsigned)strlen(name), GNUTLS_FSAN_SET));
    check(gnutls_x509_crt_set_key_usage(identity->certificate, GNUTLS_KEY_DIGITAL_SIGNATURE));
    check(gnutls_x509_crt_sign2(identity->certificate, authority->certificate, authority->key,
                                GNUTLS_DIG_SHA256, 0));
    return identity;
}

void
test_identity_free(TestIdentity *identity)
{
    if (identity == NULL)
        return;
    gnutls_x509_crt_deinit(identity->certificate);
    gnutls_x509_privkey_deinit(identity->key);
    g_free(identity);
}

static void *export(const TestIdentity *identity, gnutls_x509_crt_fmt_t format, size_t *ret_length)
{
    gnutls_datum_t data;
    check(gnutls_x509_crt_export2(identity->certificate, format, &data));
    void *copy = g_memdup2(data.data, data.size);
    *ret_length = data.size;
    gnutls_free(data.data);
    return copy;
}

void
test_identity_write(const TestIdentity *identity, const char *path)
{
    size_t length;
    g_autofree char *pem = export(identity, GNUTLS_X509_FMT_PEM, &length);
    g_autoptr(GError) error = NULL;
    if (!g_file_set_contents(path, pem, (gssize)length, &error))
        g_error("%s", error->message);
}

void *
test_identity_der(const TestIdentity *identity, size_t *ret_length)
{
    return export(identity, GNUTLS_X509_FMT_DER, ret_length);
}
