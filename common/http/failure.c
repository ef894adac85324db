#include "common/http/failure-private.h"

#include "common/base/clock.h"
#include "common/base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES   200
#define REASON_MAX_BYTES 200

const char *
exg_http_chain_field(const struct curl_certinfo *chain, int index, const char *name)
{
    if (chain == NULL || index < 0 || index >= chain->num_of_certs)
        return NULL;
    gsize length = strlen(name);
    for (const struct curl_slist *item = chain->certinfo[index]; item != NULL; item = item->next)
        if (g_ascii_strncasecmp(item->data, name, length) == 0 && item->data[length] == ':')
            return item->data + length + 1;
    return NULL;
}

/* "2026-11-21 10:00:00 GMT" in seconds since 1970, or -1. */
static gint64
certificate_time(const char *text)
{
    int year, month, day, hour, minute, second;
    if (text == NULL ||
        sscanf(text, "%d-%d-%d %d:%d:%d", &year, &month, &day, &hour, &minute, &second) != 6)
        return -1;
    g_autoptr(GDateTime) time = g_date_time_new_utc(year, month, day, hour, minute, second);
    return time != NULL ? g_date_time_to_unix(time) : -1;
}

/* Text from the network, made fit for a sentence. */
static char *
printable(const char *text, gsize max)
{
    char *copy = g_strndup(text, max);
    for (char *at = copy; *at != '\0'; at++)
        if (*at < 0x20 || *at > 0x7e)
            *at = '?';
    return copy;
}

/* Why GnuTLS did not like the certificate: it does not say, but the certificate does. */
static char *
distrust(const ExgHttpFailure *failure)
{
    if (strstr(failure->text, "does not match") != NULL) {
        const char *subject = exg_http_chain_field(failure->chain, 0, "Subject");
        g_autofree char *clean = printable(subject != NULL ? subject : "?", NAME_MAX_BYTES);
        return g_strdup_printf("is for another name (%s)", clean);
    }
    gint64 now = exg_clock_real_us() / G_USEC_PER_SEC;
    for (int i = 0; failure->chain != NULL && i < failure->chain->num_of_certs; i++) {
        const char *start = exg_http_chain_field(failure->chain, i, "Start date");
        const char *end = exg_http_chain_field(failure->chain, i, "Expire date");
        const char *whose = i == 0 ? "" : "comes with an issuer's certificate that ";
        if (certificate_time(end) >= 0 && certificate_time(end) < now)
            return g_strdup_printf("%sexpired on %.10s", whose, end);
        if (certificate_time(start) > now)
            return g_strdup_printf("%sis not valid before %.10s", whose, start);
    }
    /* With OpenSSL a chain that was refused is empty. */
    int last = failure->chain != NULL ? failure->chain->num_of_certs - 1 : -1;
    const char *issuer = exg_http_chain_field(failure->chain, last, "Issuer");
    if (issuer == NULL)
        return g_strdup("is not trusted");
    g_autofree char *clean = printable(issuer, NAME_MAX_BYTES);
    return g_strdup_printf("is signed by an authority that is not trusted (%s)", clean);
}

static GError *
certificate_error(const ExgHttpFailure *failure)
{
    g_autofree char *reason = distrust(failure);
    GError *error = exg_error_new(EXG_ERROR_CONFIG, "The certificate of %s %s; see ca_file (%s)",
                                  failure->host, reason,
                                  failure->ca_file != NULL ? failure->ca_file : "the system's");
    exg_error_set_reply(error, 451, "4.7.5");
    return error;
}

static GError *
ca_file_error(const ExgHttpFailure *failure)
{
    GError *error = exg_error_new(
        EXG_ERROR_CONFIG, "The certificate of %s cannot be checked: ca_file (%s) cannot be read",
        failure->host, failure->ca_file != NULL ? failure->ca_file : "the system's");
    exg_error_set_reply(error, 451, "4.7.5");
    return error;
}

/* --- client certificates ---------------------------------------------------------------------- */

/* What the alert of a server says that does not like the certificate which it was shown, or was not; NULL: something
 * else. GnuTLS names alerts of the handshake only, and in TLS 1.3 this one comes after it. */
static const char *
certificate_alert(const ExgHttpFailure *failure)
{
    static const struct {
        const char *gnutls, *openssl, *reason;
    } alerts[] = {
        {"certificate is required", "alert certificate required", "none was shown"},
        {"certificate is bad", "alert bad certificate", "it is a bad one"},
        {"certificate is expired", "alert certificate expired", "it has expired"},
        {"certificate was revoked", "alert certificate revoked", "it has been revoked"},
        {"ca is unknown", "alert unknown ca", "its issuer is not trusted there"},
        {"unknown certificate", "alert certificate unknown", "it is not known there"},
        {"certificate is not supported", "alert unsupported certificate",
         "its kind is not supported"},
        {"access was denied", "alert access denied", "access is denied"},
    };
    g_autofree char *text = g_ascii_strdown(failure->text, -1);
    /* libcurl takes OpenSSL's alert for a verification of its own, which would name what is wrong. */
    if (failure->code == CURLE_PEER_FAILED_VERIFICATION && failure->client_certificate != NULL &&
        strstr(text, "ssl certificate verification failed") != NULL)
        return "it has expired";
    for (gsize i = 0; i < G_N_ELEMENTS(alerts); i++)
        if (strstr(text, alerts[i].gnutls) != NULL || strstr(text, alerts[i].openssl) != NULL)
            return alerts[i].reason;
    bool unnamed = !failure->answered && strstr(text, "gnutls recv error (-12)") != NULL;
    return unnamed ? "it answered with an alert" : NULL;
}

/* An alert may be lost when the server closes the connection at once, and "handshake failure" may mean anything. */
static const char *
certificate_hint(const ExgHttpFailure *failure)
{
    if (failure->answered)
        return "";
    if (failure->client_certificate != NULL)
        return "; perhaps it does not accept the client certificate (client_certificate_file)";
    bool in_handshake = strcasestr(failure->text, "handshake fail") != NULL ||
                        (failure->code == CURLE_SSL_CONNECT_ERROR &&
                         strstr(failure->text, "Send failure") != NULL);
    return in_handshake ? "; perhaps it wants a client certificate (client_certificate_file)" : "";
}

/* Without what follows in a URI: that may be a PIN. */
static int
uri_length(const ExgHttpFailure *failure)
{
    return (int)strcspn(failure->client_certificate, "?");
}

static GError *
refused_certificate_error(const ExgHttpFailure *failure, const char *reason)
{
    if (failure->client_certificate == NULL)
        return exg_error_new(EXG_ERROR_CONFIG,
                             "%s wants a client certificate (%s); see client_certificate_file",
                             failure->host, reason);
    return exg_error_new(EXG_ERROR_AUTH,
                         "%s does not accept the client certificate (%s); see "
                         "client_certificate_file (%.*s)",
                         failure->host, reason, uri_length(failure), failure->client_certificate);
}

/* Ours cannot be read: tried again and again, a wrong PIN would lock a token, as a wrong password locks an account. */
static GError *
own_certificate_error(const ExgHttpFailure *failure)
{
    bool in_token = g_str_has_prefix(failure->client_certificate, "pkcs11:");
    return exg_error_new(EXG_ERROR_AUTH,
                         "The client certificate cannot be used: %s; see client_certificate_file "
                         "(%.*s)",
                         in_token
                             ? "the token is not there, has no such object, or not with this PIN"
                             : "it, or its key, cannot be read",
                         uri_length(failure), failure->client_certificate);
}

static bool
is_own_certificate(const ExgHttpFailure *failure)
{
    return failure->client_certificate != NULL &&
           (failure->code == CURLE_SSL_CERTPROBLEM ||
            strstr(failure->text, "error reading X.509 key or certificate file") != NULL);
}

/* --- the rest --------------------------------------------------------------------------------- */

static bool
is_tls(const ExgHttpFailure *failure)
{
    switch (failure->code) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
        return true;
    default:
        return g_str_equal(failure->stage, "tls");
    }
}

/* What is worth repeating of libcurl's text. */
static char *
reason_of(const ExgHttpFailure *failure)
{
    /* Of a TLS handshake that went wrong, errno may be what an earlier address said. */
    if (failure->os_error != 0 && !is_tls(failure))
        return g_strdup(g_strerror(failure->os_error));
    const char *text = failure->text[0] != '\0' ? failure->text : curl_easy_strerror(failure->code);
    if (g_str_has_prefix(text, "gnutls_handshake() failed: "))
        text += strlen("gnutls_handshake() failed: ");
    if (strstr(text, ":SSL routines:") != NULL)
        text = strrchr(text, ':') + 1;
    char *clean = printable(text, REASON_MAX_BYTES);
    gsize length = strlen(clean);
    if (length > 0 && clean[length - 1] == '.')
        clean[length - 1] = '\0';
    return clean;
}

static GError *
connect_error(const ExgHttpFailure *failure)
{
    switch (failure->code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return certificate_error(failure);
    case CURLE_SSL_CACERT_BADFILE:
        return ca_file_error(failure);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_LOGIN_DENIED: /* CURLOPT_DISALLOW_USERNAME_IN_URL */
        return exg_error_new(EXG_ERROR_CONFIG, "The URL for %s cannot be used", failure->host);
    default:
        break;
    }
    int os_error = failure->os_error;
    if (os_error == EMFILE || os_error == ENFILE || os_error == ENOBUFS || os_error == ENOMEM)
        return exg_error_new(EXG_ERROR_RESOURCES, "Cannot open a connection to %s: %s",
                             failure->host, g_strerror(os_error));
    g_autofree char *reason = reason_of(failure);
    if (is_tls(failure))
        return exg_error_new(EXG_ERROR_UNREACHABLE, "The TLS handshake with %s failed: %s%s",
                             failure->host, reason, certificate_hint(failure));
    return exg_error_new(EXG_ERROR_UNREACHABLE, "Cannot connect to %s port %u: %s", failure->host,
                         failure->port, reason);
}

static GError *
exchange_error(const ExgHttpFailure *failure)
{
    switch (failure->code) {
    case CURLE_FILESIZE_EXCEEDED:
        return exg_error_new(EXG_ERROR_PROTOCOL,
                             "The answer of %s is larger than %" G_GINT64_FORMAT " bytes",
                             failure->host, failure->response_max);
    case CURLE_OUT_OF_MEMORY: /* libcurl's word for a header line past its own limit */
        return exg_error_new(EXG_ERROR_PROTOCOL, "The answer of %s has too long a header",
                             failure->host);
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9, that is: anything at all */
    case CURLE_WEIRD_SERVER_REPLY:
        return exg_error_new(EXG_ERROR_PROTOCOL, "%s answered with something that is not HTTP",
                             failure->host);
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_WRITE_ERROR: /* ours are told before this */
        return exg_error_new(EXG_ERROR_PROTOCOL, "The answer of %s cannot be decoded",
                             failure->host);
    default:
        break;
    }
    const char *what = g_str_equal(failure->stage, "send") ? "before the request was sent"
                                                           : "without a complete answer";
    return exg_error_new(EXG_ERROR_UNREACHABLE, "%s closed the connection %s%s", failure->host,
                         what, certificate_hint(failure));
}

GError *
exg_http_failure_to_error(const ExgHttpFailure *failure)
{
    const char *alert = certificate_alert(failure);
    GError *error;
    if (is_own_certificate(failure))
        error = own_certificate_error(failure);
    else if (alert != NULL)
        error = refused_certificate_error(failure, alert);
    else
        error = failure->established ? exchange_error(failure) : connect_error(failure);
    exg_error_set_stage(error, !failure->established && is_tls(failure) ? "tls" : failure->stage);
    return error;
}
