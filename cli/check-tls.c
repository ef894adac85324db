/* exgate check: the TLS handshake, and what the certificate is worth. */
#include "cli/check.h"

#include "common/base/clock.h"

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>
#include <sysexits.h>

#define DAY_S          ((gint64)24 * 3600)
#define NOTE_DAYS      30 /* before the end of a certificate */
#define MAX_CHAIN      16
#define MAX_NAMES      64
#define NAME_MAX_BYTES 256

typedef struct {
    ExgCheck *check;
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
    gnutls_x509_crt_t chain[MAX_CHAIN]; /* the server's first */
    guint n_chain;
} Handshake;

static void
handshake_clear(Handshake *handshake)
{
    for (guint i = 0; i < handshake->n_chain; i++)
        gnutls_x509_crt_deinit(handshake->chain[i]);
    if (handshake->session != NULL)
        gnutls_deinit(handshake->session);
    if (handshake->credentials != NULL)
        gnutls_certificate_free_credentials(handshake->credentials);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Handshake, handshake_clear)

/* With tls_verify = no a certificate that does not hold keeps nothing from going on. */
static bool
is_verified(const ExgCheck *check)
{
    return exg_conf_bool(check->tool.conf, "exchange", "tls_verify");
}

static ExgStepOutcome
fault_of(const ExgCheck *check)
{
    return is_verified(check) ? EXG_STEP_WRONG : EXG_STEP_NOTE;
}

static void
mend_on_exchange(ExgCheck *check)
{
    exg_check_mend(check, "In the Exchange Management Shell: which certificates there are",
                   "Get-ExchangeCertificate |\n"
                   "    Format-List Thumbprint, Services, NotAfter, CertificateDomains");
}

/* --- the handshake ---------------------------------------------------------------------------- */

/* What is shown to a server that asks for a certificate. */
static bool
take_own_certificate(Handshake *self)
{
    ExgCheck *check = self->check;
    const char *file = exg_conf_string(check->tool.conf, "exchange", "client_certificate_file");
    const char *key = exg_conf_string(check->tool.conf, "exchange", "client_key_file");
    if (file == NULL)
        return true;
    key = key != NULL ? key : file;
    int result = gnutls_certificate_set_x509_key_file(self->credentials, file, key,
                                                      GNUTLS_X509_FMT_PEM);
    if (result >= 0)
        return true;
    g_autofree char *quoted_file = g_shell_quote(file), *quoted_key = g_shell_quote(key);
    exg_check_report(check, "TLS", EXG_STEP_WRONG, EX_CONFIG,
                     "client_certificate_file cannot be used: %s", gnutls_strerror(result));
    exg_check_mend(check, "Here: is it readable, and does the key belong to it",
                   "openssl x509 -noout -pubkey -in %s\nopenssl pkey -pubout -in %s", quoted_file,
                   quoted_key);
    return false;
}

static bool
shake_hands(Handshake *self)
{
    ExgCheck *check = self->check;
    const char *ca_file = exg_conf_string(check->tool.conf, "exchange", "ca_file");
    gint64 timeout_ms = exg_conf_int(check->tool.conf, "exchange", "connect_timeout");
    int fd = g_socket_get_fd(g_socket_connection_get_socket(check->connection));
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    gnutls_certificate_allocate_credentials(&self->credentials);
    if (ca_file != NULL)
        gnutls_certificate_set_x509_trust_file(self->credentials, ca_file, GNUTLS_X509_FMT_PEM);
    else
        gnutls_certificate_set_x509_system_trust(self->credentials);
    if (!take_own_certificate(self))
        return false;
    /* dates are looked at by themselves */
    gnutls_certificate_set_verify_flags(self->credentials,
                                        GNUTLS_VERIFY_DISABLE_TIME_CHECKS |
                                            GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS);
    gnutls_init(&self->session, GNUTLS_CLIENT);
    gnutls_set_default_priority(self->session);
    gnutls_credentials_set(self->session, GNUTLS_CRD_CERTIFICATE, self->credentials);
    gnutls_server_name_set(self->session, GNUTLS_NAME_DNS, check->host, strlen(check->host));
    gnutls_transport_set_int(self->session, fd);
    gnutls_handshake_set_timeout(self->session, (unsigned)timeout_ms);
    int result;
    do
        result = gnutls_handshake(self->session);
    while (result < 0 && !gnutls_error_is_fatal(result));
    if (result < 0) {
        exg_check_report(check, "TLS", EXG_STEP_WRONG, EX_UNAVAILABLE,
                         "port %u does not shake hands: %s", check->port, gnutls_strerror(result));
        exg_check_mend(check, "From here: what it speaks",
                       "openssl s_client -connect %s:%u \\\n    -servername %s </dev/null",
                       check->host, check->port, check->host);
        exg_check_mend(check, "In PowerShell on the Exchange server: which certificate IIS shows",
                       "netsh http show sslcert");
        return false;
    }
    exg_check_report(check, "TLS", EXG_STEP_OK, 0, "%s with %s",
                     gnutls_protocol_get_name(gnutls_protocol_get_version(self->session)),
                     gnutls_cipher_get_name(gnutls_cipher_get(self->session)));
    return true;
}

static void
take_chain(Handshake *self)
{
    unsigned count = 0;
    const gnutls_datum_t *certificates = gnutls_certificate_get_peers(self->session, &count);
    for (unsigned i = 0; i < MIN(count, MAX_CHAIN); i++) {
        gnutls_x509_crt_init(&self->chain[self->n_chain++]);
        gnutls_x509_crt_import(self->chain[i], &certificates[i], GNUTLS_X509_FMT_DER);
    }
}

/* --- chain, dates, name ----------------------------------------------------------------------- */

static char *
name_of(gnutls_x509_crt_t certificate, bool issuer)
{
    char name[NAME_MAX_BYTES];
    size_t size = sizeof name;
    const char *oid = GNUTLS_OID_X520_COMMON_NAME;
    int result = issuer ? gnutls_x509_crt_get_issuer_dn_by_oid(certificate, oid, 0, 0, name, &size)
                        : gnutls_x509_crt_get_dn_by_oid(certificate, oid, 0, 0, name, &size);
    return result == 0 ? g_strndup(name, size) : g_strdup("a name that it does not tell");
}

static bool
check_chain(Handshake *self)
{
    ExgCheck *check = self->check;
    unsigned status = 0;
    gnutls_certificate_verify_peers3(self->session, NULL, &status);
    const char *ca_file = exg_conf_string(check->tool.conf, "exchange", "ca_file");
    g_autofree char *trusted = ca_file != NULL ? g_strdup(ca_file) : g_strdup("this system's CAs");
    g_autofree char *issuer = name_of(self->chain[self->n_chain - 1], true);
    if (status == 0) {
        exg_check_report(check, "chain", EXG_STEP_OK, 0, "%u certificate%s, up to \"%s\" of %s",
                         self->n_chain, self->n_chain == 1 ? "" : "s", issuer, trusted);
        return true;
    }
    gnutls_datum_t text = {0};
    gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0);
    bool unknown = status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA);
    if (unknown)
        exg_check_report(check, "chain", fault_of(check), EX_CONFIG,
                         "\"%s\", which signed the certificate, is not among %s", issuer, trusted);
    else
        exg_check_report(check, "chain", fault_of(check), EX_CONFIG, "%s",
                         g_strstrip((char *)text.data));
    gnutls_free(text.data);
    exg_check_mend(check, "On the Windows CA that signed it", "certutil -ca.cert ca.cer");
    exg_check_mend(check, "Here, as root, with that file",
                   "openssl x509 -inform der -in ca.cer -out /etc/exgate/ca.pem");
    exg_check_mend(check, "Then, in exgate.conf", "ca_file = /etc/exgate/ca.pem");
    exg_check_mend(check, "What the server shows",
                   "openssl s_client -connect %s:%u \\\n"
                   "    -servername %s -showcerts </dev/null",
                   check->host, check->port, check->host);
    return !is_verified(check);
}

static void
mend_dates(ExgCheck *check)
{
    mend_on_exchange(check);
    exg_check_mend(check, "Then, with the Thumbprint of the one that has ended",
                   "$new = Get-ExchangeCertificate -Thumbprint THUMBPRINT |\n"
                   "    New-ExchangeCertificate\n"
                   "Enable-ExchangeCertificate -Thumbprint $new.Thumbprint -Services IIS");
}

static bool
check_dates(Handshake *self)
{
    ExgCheck *check = self->check;
    gint64 now = exg_clock_real_us() / G_USEC_PER_SEC, begin = 0, end = G_MAXINT64;
    guint first = 0;
    for (guint i = 0; i < self->n_chain; i++) {
        gint64 expires = gnutls_x509_crt_get_expiration_time(self->chain[i]);
        begin = MAX(begin, (gint64)gnutls_x509_crt_get_activation_time(self->chain[i]));
        if (expires < end) {
            end = expires;
            first = i;
        }
    }
    g_autofree char *name = name_of(self->chain[first], false);
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(now < begin ? begin : end);
    g_autofree char *date = g_date_time_format(time, "%e %B %Y");
    int days = (int)((end - now) / DAY_S);
    if (now < begin) {
        exg_check_report(check, "expiry", fault_of(check), EX_CONFIG,
                         "the certificate of \"%s\" begins on %s; is the clock of this host right?",
                         name, g_strstrip(date));
        exg_check_mend(check, "Here, as root", "timedatectl set-ntp true");
        return !is_verified(check);
    }
    if (now >= end) {
        exg_check_report(check, "expiry", fault_of(check), EX_CONFIG,
                         "the certificate of \"%s\" has ended on %s", name, g_strstrip(date));
        mend_dates(check);
        return !is_verified(check);
    }
    exg_check_report(check, "expiry", days < NOTE_DAYS ? EXG_STEP_NOTE : EXG_STEP_OK, 0,
                     "%d days left, until %s", days, g_strstrip(date));
    if (days < NOTE_DAYS)
        mend_dates(check);
    return true;
}

/* The names that the certificate holds for. (transfer full) */
static char *
names_of(gnutls_x509_crt_t certificate)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < MAX_NAMES; i++) {
        char name[NAME_MAX_BYTES];
        size_t size = sizeof name;
        int type = gnutls_x509_crt_get_subject_alt_name(certificate, i, name, &size, NULL);
        if (type < 0 && type != GNUTLS_E_SHORT_MEMORY_BUFFER)
            break;
        if (type == GNUTLS_SAN_DNSNAME)
            g_ptr_array_add(names, g_strndup(name, size));
    }
    if (names->len == 0)
        g_ptr_array_add(names, name_of(certificate, false));
    g_ptr_array_add(names, NULL);
    return g_strjoinv(", ", (char **)names->pdata);
}

static bool
check_name(Handshake *self)
{
    ExgCheck *check = self->check;
    g_autofree char *names = names_of(self->chain[0]);
    if (gnutls_x509_crt_check_hostname2(self->chain[0], check->host, 0)) {
        exg_check_report(check, "certificate", EXG_STEP_OK, 0, "is for %s", check->host);
        return true;
    }
    g_autofree char *quoted = exg_check_quote(check->host);
    exg_check_report(check, "certificate", fault_of(check), EX_CONFIG, "is for %s, not for %s",
                     names, check->host);
    exg_check_mend(check, "In exgate.conf: a name that it is for, if that is the same server",
                   "endpoint = https://%.*s/EWS/Exchange.asmx", (int)strcspn(names, ","), names);
    exg_check_mend(check, "Or, in the Exchange Management Shell, a certificate for this name too",
                   "New-ExchangeCertificate -GenerateRequest -DomainName %s `\n"
                   "    -RequestFile C:\\exchange.req",
                   quoted);
    return !is_verified(check);
}

bool
exg_check_tls(ExgCheck *check)
{
    g_auto(Handshake) handshake = {.check = check};
    if (!shake_hands(&handshake))
        return false;
    take_chain(&handshake);
    if (handshake.n_chain == 0)
        return true;
    bool chain = check_chain(&handshake);
    bool dates = check_dates(&handshake);
    bool name = check_name(&handshake);
    return chain && dates && name;
}
