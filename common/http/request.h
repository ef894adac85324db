/* request.h - one HTTP request and what became of it.
 *
 * Threads:  build it anywhere; once sent it belongs to the engine's thread until the send has
 *           finished.
 * Memory:   reference counted; strings are copied.
 * Limits:   the response's header is at most EXG_HTTP_MAX_HEADER_BYTES; its body at most
 *           `response_max` (content-coded and decoded alike), past which the transfer is ended with
 *           EXG_ERROR_PROTOCOL, or AMBIGUOUS by the rule below.
 * Bugs:     a gzip stream that ends early inside an otherwise complete answer is not noticed, as
 *           libcurl does not tell: whoever parses the body must insist on its end.
 */
#ifndef EXG_HTTP_REQUEST_H
#define EXG_HTTP_REQUEST_H

#include "common/http/body.h"

#define EXG_HTTP_MAX_HEADER_BYTES 65536

typedef struct ExgHttpRequest ExgHttpRequest;
typedef struct ExgHttpResponse ExgHttpResponse;

/* `method`: "POST" or "GET". `url`: absolute. `body`: taken, or NULL. */
ExgHttpRequest *exg_http_request_new(const char *method, const char *url, ExgHttpBody *body,
                                     gsize response_max);
ExgHttpRequest *exg_http_request_ref(ExgHttpRequest *request);
void exg_http_request_unref(ExgHttpRequest *request);

/* Adds a header line. Values with CR, LF or NUL are a programmer's error. */
void exg_http_request_add_header(ExgHttpRequest *request, const char *name, const char *value);

/* The request changes something on the server and must not take effect twice. Once the last byte of
 * its body has been handed out, it is not sent again as long as its outcome is unknown, by nobody:
 * a failure from that moment on is EXG_ERROR_AMBIGUOUS. The one answer after which it may go out
 * again, on a new connection and if the authenticator wants to begin anew, is 401: it says that the
 * request has not been applied (RFC 9110 15.5.2). Without that it is EXG_ERROR_AUTH. */
void exg_http_request_set_once(ExgHttpRequest *request);

/* The response's body goes here piece by piece instead of into memory; false and an error ends the
 * transfer. `status` is the HTTP status. Not called for the 401 answers inside a handshake. */
typedef bool (*ExgHttpSink)(int status, const char *data, gsize length, gpointer user,
                            GError **error);
void exg_http_request_set_sink(ExgHttpRequest *request, ExgHttpSink sink, gpointer user);

/* --- after the send, also after a failed one ---------------------------------------------------------- */

/* Whether the last byte of the body has been handed out, in the try that counts: if not, the server
 * cannot have acted on it. A request without a body counts as handed out when its head is about to
 * be sent. False again after a 401 to our credentials. */
bool exg_http_request_body_sent(const ExgHttpRequest *request);

/* --- the response --------------------------------------------------------------------------------- */

ExgHttpResponse *exg_http_response_ref(ExgHttpResponse *response);
void exg_http_response_unref(ExgHttpResponse *response);
int exg_http_response_status(const ExgHttpResponse *response);
/* The first header of that name (in any case), or NULL. */
const char *exg_http_response_header(const ExgHttpResponse *response, const char *name);
/* All of that name, in their order. (transfer full) */
GStrv exg_http_response_headers(const ExgHttpResponse *response, const char *name);
/* The body; empty where a sink took it. Never NULL. */
GBytes *exg_http_response_body(const ExgHttpResponse *response);
/* Retry-After (seconds or HTTP date, RFC 9110 10.2.3) in milliseconds from now, or -1. Capped at a
 * day. */
gint64 exg_http_response_retry_after_ms(const ExgHttpResponse *response);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgHttpRequest, exg_http_request_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgHttpResponse, exg_http_response_unref)

#endif
