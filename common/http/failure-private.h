/* failure-private.h - the one place that turns what libcurl says into an error of ours.
 *
 * Threads:  pure functions.
 * Errors:   always one sentence, never libcurl's or GnuTLS's own text where ours can say more.
 */
#ifndef EXG_HTTP_FAILURE_PRIVATE_H
#define EXG_HTTP_FAILURE_PRIVATE_H

#include <curl/curl.h>
#include <glib.h>
#include <stdbool.h>

typedef struct {
    CURLcode code;
    const char *text; /* libcurl's, maybe empty */
    int os_error;     /* errno, 0: unknown */
    const char *stage;
    const char *host;
    guint16 port;
    const char *ca_file;               /* NULL: the system's */
    const char *client_certificate;    /* NULL: none is configured */
    const struct curl_certinfo *chain; /* NULL: not seen */
    bool established;
    bool answered; /* the connection, at least once */
    gint64 response_max;
} ExgHttpFailure;

GError *exg_http_failure_to_error(const ExgHttpFailure *failure);
/* The value of a field ("Subject", "Expire date", "Cert") of a certificate of the chain, or
 * NULL. */
const char *exg_http_chain_field(const struct curl_certinfo *chain, int index, const char *name);

#endif
