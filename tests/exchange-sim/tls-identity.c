#include "tests/exchange-sim/tls-identity.h"

#include "common/base/error.h"

#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

typedef struct {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
} Identity;

static void
identity_clear(Identity *identity)
{
    if (identity->certificate != NULL)
        gnutls_x509_crt_deinit(identity->certificate);
    if (identity->key != NULL)
        gnutls_x509_privkey_deinit(identity->key);
    *identity = (Identity){0};
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Identity, identity_clear)

static bool
check(int result, const char *what, GError **error)
{
    return result >= 0 ||
           exg_error_set(error, EXG_ERROR_CONFIG, "cannot %s: %s", what, gnutls_strerror(result));
}

static char *
take_pem(gnutls_datum_t *datum)
{
    char *text = g_strndup((const char *)datum->data, datum->size);
    gnutls_free(datum->data);
    return text;
}

static char *
key_to_pem(const Identity *identity, GError **error)
{
    gnutls_datum_t datum;
    if (!check(gnutls_x509_privkey_export2_pkcs8(identity->key, GNUTLS_X509_FMT_PEM, NULL,
                                                 GNUTLS_PKCS_PLAIN, &datum),
               "write a key", error))
        return NULL;
    return take_pem(&datum);
}

static char *
certificate_to_pem(const Identity *identity, GError **error)
{
    gnutls_datum_t datum;
    if (!check(gnutls_x509_crt_export2(identity->certificate, GNUTLS_X509_FMT_PEM, &datum),
               "write a certificate", error))
        return NULL;
    return take_pem(&datum);
}

static GBytes *
certificate_to_der(const Identity *identity)
{
    gnutls_datum_t der;
    if (gnutls_x509_crt_export2(identity->certificate, GNUTLS_X509_FMT_DER, &der) < 0)
        g_error("out of memory for a certificate");
    return g_bytes_new_with_free_func(der.data, der.size, gnutls_free, der.data);
}

/* --- making certificates ---------------------------------------------------------------------- */

static bool
begin(Identity *identity, const char *name, int days, GError **error)
{
    guint8 serial[16];
    time_t now = time(NULL), end = now + (time_t)days * 24 * 3600;
    if (!check(gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial), "make a serial number", error))
        return false;
    serial[0] &= 0x7f;
    gnutls_x509_privkey_init(&identity->key);
    gnutls_x509_crt_init(&identity->certificate);
    gnutls_x509_crt_t certificate = identity->certificate;
    return check(gnutls_x509_privkey_generate(identity->key, GNUTLS_PK_ECDSA,
                                              GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                 "make a key", error) &&
           check(gnutls_x509_crt_set_version(certificate, 3), "set the version", error) &&
           check(gnutls_x509_crt_set_serial(certificate, serial, sizeof serial),
                 "set the serial number", error) &&
           check(gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                               (unsigned)strlen(name)),
                 "set the name", error) &&
           check(gnutls_x509_crt_set_activation_time(certificate, MIN(now, end) - 3600),
                 "set the times", error) &&
           check(gnutls_x509_crt_set_expiration_time(certificate, end), "set the times", error) &&
           check(gnutls_x509_crt_set_key(certificate, identity->key), "set the key", error);
}

static bool
set_key_ids(Identity *identity, GError **error)
{
    guint8 id[64];
    size_t size = sizeof id;
    return check(gnutls_x509_crt_get_key_id(identity->certificate, 0, id, &size),
                 "get the key's id", error) &&
           check(gnutls_x509_crt_set_subject_key_id(identity->certificate, id, size),
                 "set the key's id", error);
}

static bool
make_authority(Identity *identity, GError **error)
{
    return begin(identity, "exchange-sim CA", EXG_SIM_VALID_DAYS, error) &&
           set_key_ids(identity, error) &&
           check(gnutls_x509_crt_set_basic_constraints(identity->certificate, 1, 0),
                 "set the constraints", error) &&
           check(gnutls_x509_crt_set_key_usage(identity->certificate, GNUTLS_KEY_KEY_CERT_SIGN),
                 "set the usage", error) &&
           check(gnutls_x509_crt_sign2(identity->certificate, identity->certificate, identity->key,
                                       GNUTLS_DIG_SHA256, 0),
                 "sign the CA", error);
}

static bool
add_name(Identity *identity, const char *name, GError **error)
{
    struct in6_addr address;
    gnutls_x509_subject_alt_name_t type = GNUTLS_SAN_DNSNAME;
    const void *data = name;
    unsigned size = (unsigned)strlen(name);
    if (inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1) {
        type = GNUTLS_SAN_IPADDRESS;
        data = &address;
        size = strchr(name, ':') != NULL ? 16 : 4;
    }
    return check(gnutls_x509_crt_set_subject_alt_name(identity->certificate, type, data, size,
                                                      GNUTLS_FSAN_APPEND),
                 "set a name", error);
}

static bool
make_server(Identity *identity, const Identity *authority, const char *const *names, int days,
            GError **error)
{
    const char *usual[] = {"localhost", "127.0.0.1", "::1", g_get_host_name(), NULL};
    guint8 id[64];
    size_t size = sizeof id;
    if (!begin(identity, "localhost", days, error) || !set_key_ids(identity, error))
        return false;
    for (guint i = 0; usual[i] != NULL; i++)
        if (!add_name(identity, usual[i], error))
            return false;
    for (guint i = 0; names != NULL && names[i] != NULL; i++)
        if (!add_name(identity, names[i], error))
            return false;
    return check(gnutls_x509_crt_get_subject_key_id(authority->certificate, id, &size, NULL),
                 "get the CA's id", error) &&
           check(gnutls_x509_crt_set_authority_key_id(identity->certificate, id, size),
                 "set the CA's id", error) &&
           check(gnutls_x509_crt_set_basic_constraints(identity->certificate, 0, -1),
                 "set the constraints", error) &&
           check(gnutls_x509_crt_set_key_usage(identity->certificate, GNUTLS_KEY_DIGITAL_SIGNATURE),
                 "set the usage", error) &&
           check(gnutls_x509_crt_set_key_purpose_oid(identity->certificate,
                                                     GNUTLS_KP_TLS_WWW_SERVER, 0),
                 "set the purpose", error) &&
           check(gnutls_x509_crt_sign2(identity->certificate, authority->certificate,
                                       authority->key, GNUTLS_DIG_SHA256, 0),
                 "sign the certificate", error);
}

/* --- files ------------------------------------------------------------------------------------ */

static bool
load_authority(Identity *identity, const char *certificate_path, const char *key_path,
               GError **error)
{
    g_autofree char *certificate = NULL, *key = NULL;
    gsize certificate_length, key_length;
    if (!g_file_get_contents(certificate_path, &certificate, &certificate_length, error) ||
        !g_file_get_contents(key_path, &key, &key_length, error))
        return false;
    gnutls_datum_t certificate_pem = {(unsigned char *)certificate, (unsigned)certificate_length};
    gnutls_datum_t key_pem = {(unsigned char *)key, (unsigned)key_length};
    gnutls_x509_privkey_init(&identity->key);
    gnutls_x509_crt_init(&identity->certificate);
    return check(
               gnutls_x509_crt_import(identity->certificate, &certificate_pem, GNUTLS_X509_FMT_PEM),
               "read ca.pem", error) &&
           check(gnutls_x509_privkey_import2(identity->key, &key_pem, GNUTLS_X509_FMT_PEM, NULL, 0),
                 "read ca-key.pem", error);
}

static bool
save_authority(const Identity *identity, const char *certificate_path, const char *key_path,
               GError **error)
{
    g_autofree char *certificate = certificate_to_pem(identity, error);
    g_autofree char *key = certificate != NULL ? key_to_pem(identity, error) : NULL;
    /* The key first: ca.pem stands for both. */
    return key != NULL &&
           g_file_set_contents_full(key_path, key, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600,
                                    error) &&
           g_file_set_contents_full(certificate_path, certificate, -1,
                                    G_FILE_SET_CONTENTS_CONSISTENT, 0644, error);
}

ExgTlsServer *
exg_sim_tls_identity_new(const char *directory, const char *const *names, int days,
                         GBytes **ret_certificate, GError **error)
{
    g_autofree char *certificate_path = g_build_filename(directory, "ca.pem", NULL);
    g_autofree char *key_path = g_build_filename(directory, "ca-key.pem", NULL);
    g_auto(Identity) authority = {0}, server = {0};
    if (g_file_test(certificate_path, G_FILE_TEST_EXISTS)) {
        if (!load_authority(&authority, certificate_path, key_path, error))
            return NULL;
    } else if (!make_authority(&authority, error) ||
               !save_authority(&authority, certificate_path, key_path, error)) {
        return NULL;
    }
    if (!make_server(&server, &authority, names, days, error))
        return NULL;
    g_autofree char *certificate = certificate_to_pem(&server, error);
    g_autofree char *key = certificate != NULL ? key_to_pem(&server, error) : NULL;
    ExgTlsServer *tls = key != NULL ? exg_tls_server_new_from_memory(certificate, key, error)
                                    : NULL;
    if (tls != NULL)
        *ret_certificate = certificate_to_der(&server);
    return tls;
}
