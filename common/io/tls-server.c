#include "common/io/tls-server-private.h"

#include "common/base/error.h"
#include "common/base/secret.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

#define MAX_CHAIN       16
#define MAX_SERVER_NAME 256

struct ExgTlsServer {
    gint references;
    gnutls_certificate_credentials_t credentials;
    gnutls_priority_t priority;
    gnutls_datum_t ticket_key;
    bool client_required;
};

struct ExgTlsSession {
    ExgTlsServer *server;
    gnutls_session_t session;
    bool sending; /* a record is on its way; GnuTLS has a copy */
    char *name;
};

/* --- the server's certificate ----------------------------------------------------------------- */

static gnutls_datum_t
datum(const char *bytes, gsize length)
{
    return (gnutls_datum_t){(unsigned char *)bytes, (unsigned)length};
}

static bool
check_certificate(const gnutls_datum_t *pem, const char *name, GError **error)
{
    gnutls_x509_crt_t chain[MAX_CHAIN];
    unsigned count = G_N_ELEMENTS(chain);
    int result = gnutls_x509_crt_list_import(chain, &count, pem, GNUTLS_X509_FMT_PEM,
                                             GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
    if (result < 0)
        return exg_error_set(error, EXG_ERROR_CONFIG, "Cannot use the certificate %s: %s", name,
                             gnutls_strerror(result));
    for (unsigned i = 0; i < count; i++)
        gnutls_x509_crt_deinit(chain[i]);
    return true;
}

static bool
check_key(const gnutls_datum_t *pem, const char *name, GError **error)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_privkey_init(&key);
    int result = gnutls_x509_privkey_import2(key, pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    gnutls_x509_privkey_deinit(key);
    if (result < 0)
        return exg_error_set(error, EXG_ERROR_CONFIG, "Cannot use the private key %s: %s", name,
                             gnutls_strerror(result));
    return true;
}

/* Each is checked alone first, so that the error names the right one. */
static ExgTlsServer *
tls_server_new(const gnutls_datum_t *certificate, const char *certificate_name,
               const gnutls_datum_t *key, const char *key_name, GError **error)
{
    if (!check_certificate(certificate, certificate_name, error) ||
        !check_key(key, key_name, error))
        return NULL;
    g_autoptr(ExgTlsServer) tls = g_new0(ExgTlsServer, 1);
    tls->references = 1;
    int result = gnutls_certificate_allocate_credentials(&tls->credentials);
    if (result >= 0)
        result = gnutls_certificate_set_x509_key_mem2(tls->credentials, certificate, key,
                                                      GNUTLS_X509_FMT_PEM, NULL, 0);
    if (result < 0) {
        exg_error_set(error, EXG_ERROR_CONFIG,
                      "Cannot use the certificate %s with the private key %s: %s", certificate_name,
                      key_name, gnutls_strerror(result));
        return NULL;
    }
    /* On top of the system's policy. */
    result = gnutls_priority_init2(&tls->priority, "-VERS-TLS1.1:-VERS-TLS1.0", NULL,
                                   GNUTLS_PRIORITY_INIT_DEF_APPEND);
    if (result >= 0)
        result = gnutls_session_ticket_key_generate(&tls->ticket_key);
    if (result < 0) {
        exg_error_set(error, EXG_ERROR_CONFIG, "Cannot set up TLS for the certificate %s: %s",
                      certificate_name, gnutls_strerror(result));
        return NULL;
    }
    return g_steal_pointer(&tls);
}

ExgTlsServer *
exg_tls_server_new_from_files(const char *certificate_pem, const char *key_pem, GError **error)
{
    g_autofree char *text = NULL;
    gsize length;
    g_autoptr(GError) reason = NULL;
    if (!g_file_get_contents(certificate_pem, &text, &length, &reason)) {
        exg_error_set(error, EXG_ERROR_CONFIG, "Cannot read the certificate %s: %s",
                      certificate_pem, reason->message);
        return NULL;
    }
    g_autoptr(ExgSecret) secret = exg_secret_new_from_file(key_pem, error);
    if (secret == NULL)
        return NULL;
    gnutls_datum_t certificate = datum(text, length);
    gnutls_datum_t key = datum(exg_secret_bytes(secret), exg_secret_length(secret));
    return tls_server_new(&certificate, certificate_pem, &key, key_pem, error);
}

ExgTlsServer *
exg_tls_server_new_from_memory(const char *certificate_pem, const char *key_pem, GError **error)
{
    gnutls_datum_t certificate = datum(certificate_pem, strlen(certificate_pem));
    gnutls_datum_t key = datum(key_pem, strlen(key_pem));
    return tls_server_new(&certificate, "in memory", &key, "in memory", error);
}

bool
exg_tls_server_require_client(ExgTlsServer *tls, const char *ca_pem, GError **error)
{
    int count = gnutls_certificate_set_x509_trust_file(tls->credentials, ca_pem,
                                                       GNUTLS_X509_FMT_PEM);
    if (count <= 0)
        return exg_error_set(error, EXG_ERROR_CONFIG, "Cannot use the CA certificates %s: %s",
                             ca_pem, count < 0 ? gnutls_strerror(count) : "there are none");
    return tls->client_required = true;
}

ExgTlsServer *
exg_tls_server_ref(ExgTlsServer *tls)
{
    g_atomic_int_inc(&tls->references);
    return tls;
}

void
exg_tls_server_unref(ExgTlsServer *tls)
{
    if (tls == NULL || !g_atomic_int_dec_and_test(&tls->references))
        return;
    if (tls->credentials != NULL)
        gnutls_certificate_free_credentials(tls->credentials);
    if (tls->priority != NULL)
        gnutls_priority_deinit(tls->priority);
    if (tls->ticket_key.data != NULL)
        exg_secret_wipe(tls->ticket_key.data, tls->ticket_key.size);
    gnutls_free(tls->ticket_key.data);
    g_free(tls);
}

/* --- one connection --------------------------------------------------------------------------- */

ExgTlsSession *
exg_tls_session_new(ExgTlsServer *tls, int fd)
{
    ExgTlsSession *self = g_new0(ExgTlsSession, 1);
    self->server = exg_tls_server_ref(tls);
    int result = gnutls_init(&self->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
    if (result >= 0)
        result = gnutls_priority_set(self->session, tls->priority);
    if (result >= 0)
        result = gnutls_credentials_set(self->session, GNUTLS_CRD_CERTIFICATE, tls->credentials);
    if (result >= 0)
        result = gnutls_session_ticket_enable_server(self->session, &tls->ticket_key);
    if (tls->client_required) {
        gnutls_certificate_server_set_request(self->session, GNUTLS_CERT_REQUIRE);
        gnutls_session_set_verify_cert(self->session, NULL, 0);
    }
    if (result < 0) /* these fail for want of memory only */
        g_error("cannot set up a TLS session: %s", gnutls_strerror(result));
    gnutls_handshake_set_timeout(self->session,
                                 GNUTLS_INDEFINITE_TIMEOUT); /* the owner has a timer */
    gnutls_transport_set_int(self->session, fd);
    return self;
}

void
exg_tls_session_free(ExgTlsSession *self)
{
    if (self == NULL)
        return;
    gnutls_deinit(self->session);
    exg_tls_server_unref(self->server);
    g_free(self->name);
    g_free(self);
}

static ExgTransfer
fail(ExgTlsSession *self, int result, const char *what, GError **error)
{
    if (result == GNUTLS_E_FATAL_ALERT_RECEIVED)
        exg_error_set(error, EXG_ERROR_UNREACHABLE, "%s: the peer sent the alert '%s'", what,
                      gnutls_alert_get_name(gnutls_alert_get(self->session)));
    else if (result == GNUTLS_E_PREMATURE_TERMINATION)
        exg_error_set(error, EXG_ERROR_UNREACHABLE,
                      "%s: the peer closed the connection without saying so", what);
    else
        exg_error_set(error, EXG_ERROR_UNREACHABLE, "%s: %s", what, gnutls_strerror(result));
    return EXG_TRANSFER_FAILED;
}

static ExgTransfer
wanted(ExgTlsSession *self)
{
    return gnutls_record_get_direction(self->session) == 1 ? EXG_TRANSFER_WANTS_WRITE
                                                           : EXG_TRANSFER_WANTS_READ;
}

ExgTransfer
exg_tls_session_handshake(ExgTlsSession *self, GError **error)
{
    int result;
    do
        result = gnutls_handshake(self->session);
    while (result < 0 && result != GNUTLS_E_AGAIN && gnutls_error_is_fatal(result) == 0);
    if (result == GNUTLS_E_AGAIN)
        return wanted(self);
    if (result >= 0)
        return EXG_TRANSFER_DONE;
    g_autoptr(GError) reason = NULL;
    fail(self, result, "The TLS handshake failed", &reason);
    exg_error_set_stage(reason, "tls");
    g_propagate_error(error, g_steal_pointer(&reason));
    /* Tells the peer why, if it can be sent at once. */
    (void)gnutls_alert_send_appropriate(self->session, result);
    return EXG_TRANSFER_FAILED;
}

ExgTransfer
exg_tls_session_receive(ExgTlsSession *self, void *buffer, gsize size, gsize *ret_length,
                        GError **error)
{
    gssize result;
    do
        result = gnutls_record_recv(self->session, buffer, size);
    while (result < 0 && result != GNUTLS_E_AGAIN && result != GNUTLS_E_REHANDSHAKE &&
           gnutls_error_is_fatal((int)result) == 0);
    if (result == GNUTLS_E_AGAIN)
        return wanted(self);
    if (result == 0)
        return EXG_TRANSFER_END;
    /* TLS 1.2 only, and nobody needs it. GnuTLS cannot go on after refusing, for it keeps the request. */
    if (result == GNUTLS_E_REHANDSHAKE)
        (void)gnutls_alert_send(self->session, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION);
    if (result < 0)
        return fail(self, (int)result, "The TLS connection failed", error);
    *ret_length = (gsize)result;
    return EXG_TRANSFER_DONE;
}

ExgTransfer
exg_tls_session_send(ExgTlsSession *self, const void *data, gsize length, gsize *ret_length,
                     GError **error)
{
    gssize result;
    do {
        result = self->sending ? gnutls_record_send(self->session, NULL, 0)
                               : gnutls_record_send(self->session, data, length);
        self->sending = result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED;
    } while (result < 0 && result != GNUTLS_E_AGAIN && gnutls_error_is_fatal((int)result) == 0);
    if (result == GNUTLS_E_AGAIN)
        return wanted(self);
    if (result < 0)
        return fail(self, (int)result, "The TLS connection failed", error);
    *ret_length = (gsize)result;
    return EXG_TRANSFER_DONE;
}

ExgTransfer
exg_tls_session_end(ExgTlsSession *self, GError **error)
{
    int result;
    do
        result = gnutls_bye(self->session, GNUTLS_SHUT_WR);
    while (result == GNUTLS_E_INTERRUPTED);
    if (result == GNUTLS_E_AGAIN)
        return wanted(self);
    return result < 0 ? fail(self, result, "The TLS connection failed", error) : EXG_TRANSFER_DONE;
}

const char *
exg_tls_session_server_name(ExgTlsSession *self)
{
    char name[MAX_SERVER_NAME];
    size_t length = sizeof name;
    unsigned type = 0;
    if (self->name == NULL && gnutls_server_name_get(self->session, name, &length, &type, 0) == 0 &&
        type == GNUTLS_NAME_DNS)
        self->name = g_strndup(name, length);
    return self->name;
}
