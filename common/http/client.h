/* client.h - sends HTTP requests to one endpoint with one identity, over a pool of sessions.
 *
 * A session is one TCP connection, HTTP/1.1, kept alive and authenticated. The pool hands out the
 * session used last first, opens new ones up to `max_sessions`, and makes further requests wait
 * their turn (first come, first served) until their deadline.
 *
 * What libcurl would do by itself and must not: it sends a POST again when a reused connection
 * closes without an answer. Requests marked exg_http_request_set_once() are sent at most once in
 * full; others once more, if the connection was a reused one.
 *
 * Threads:  exg_http_client_send() from any thread but the engine's; everything else on the
 *           engine's.
 * Errors:   UNREACHABLE (resolve, connect, time-out before the request was out), AUTH (401),
 *           AMBIGUOUS (see request.h), PROTOCOL, CONFIG (certificate not trusted: one sentence that
 *           names host, reason and the key to change; reply 451 4.7.5), RESOURCES (no descriptors
 *           left), G_IO_ERROR_CANCELLED. Each of ours with its stage: "wait" (for a session),
 *           "resolve", "connect", "tls", "auth", "send", "answer". An HTTP status of 400 and above
 *           is not an error here, but for 401 after authentication.
 * Cancel:   a request whose `once` body is out already is left to finish: its answer decides.
 *           Otherwise it ends at once.
 * Source:   RFC 9110, RFC 9112.
 */
#ifndef EXG_HTTP_CLIENT_H
#define EXG_HTTP_CLIENT_H

#include "common/http/authenticator.h"
#include "common/http/request.h"
#include "common/io/engine.h"
#include "common/io/resolver.h"

typedef struct ExgHttpClient ExgHttpClient;

typedef struct {
    ExgHttpAuthenticator *authenticator; /* referenced; NULL: none */
    ExgResolver *resolver;               /* referenced; NULL: one of its own */
    const char *user_agent;
    const char *ca_file; /* PEM; NULL: the system's */
    /* Shown to a server that asks for one; PEM files, or "pkcs11:" URIs where libcurl takes them.
     * NULL: none; without a key, the certificate's file has it too. */
    const char *client_certificate, *client_key;
    bool tls_verify;
    gint64 connect_timeout_ms; /* resolve, connect and TLS handshake together */
    gint64 idle_timeout_ms;    /* an unused session is closed after this */
    guint max_sessions;
    guint64 max_uses; /* requests after which a session is closed; 0: no limit */
} ExgHttpClientOptions;

ExgHttpClient *exg_http_client_new(ExgEngine *engine, const ExgHttpClientOptions *options);
ExgHttpClient *exg_http_client_ref(ExgHttpClient *client);
/* The last reference closes all connections; requests under way are cancelled first by their
 * owners. */
void exg_http_client_unref(ExgHttpClient *client);

/* Callback face: the result comes through `callback` on the engine's context. `deadline_us` is
 * absolute (clock.h). */
void exg_http_client_send_async(ExgHttpClient *client, ExgHttpRequest *request, gint64 deadline_us,
                                GCancellable *cancellable, GAsyncReadyCallback callback,
                                gpointer data);
/* (transfer full) */
ExgHttpResponse *exg_http_client_send_finish(ExgHttpClient *client, GAsyncResult *result,
                                             GError **error);
/* Blocking face, from any thread but the engine's, which must be running. */
ExgHttpResponse *exg_http_client_send(ExgHttpClient *client, ExgHttpRequest *request,
                                      gint64 deadline_us, GCancellable *cancellable,
                                      GError **error);

/* The pool may be changed at any time. Sessions that are too many, or were authenticated with other
 * credentials, are closed at once where they are idle, and after their request where they are not. */
void exg_http_client_set_max_sessions(ExgHttpClient *client, guint max_sessions);
void exg_http_client_set_authenticator(ExgHttpClient *client, ExgHttpAuthenticator *authenticator);
void exg_http_client_close_idle(ExgHttpClient *client);

/* The engine that it works on. (transfer none) */
ExgEngine *exg_http_client_engine(const ExgHttpClient *client);

/* For statistics and tests. */
typedef struct {
    guint sessions;          /* open now */
    guint idle;              /* of them unused */
    guint waiting;           /* requests without a session yet */
    guint64 connections;     /* opened since the start */
    guint64 requests;        /* finished, well or badly */
    guint64 handshakes;      /* authentications begun */
} ExgHttpClientStatistics;
void exg_http_client_get_statistics(ExgHttpClient *client, ExgHttpClientStatistics *ret_statistics);

/* "libcurl 7.88.1 GnuTLS/3.7.9 …": for --version. Static. */
const char *exg_http_library_version(void);
/* Whether libcurl takes client certificates from PKCS#11 tokens, too. */
bool exg_http_library_has_pkcs11(void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgHttpClient, exg_http_client_unref)

#endif
