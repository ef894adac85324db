/* session-private.h - an authenticated connection, and the rules about sending a request again.
 *
 * A session sends one request at a time. It resolves and connects when it has no connection, goes
 * through the handshake of the authenticator, and sends the request. It keeps the connection for
 * the next one.
 *
 * When a request is sent again, at most once for each reason and always on a new connection:
 *     - the connection was lost in a leg of a handshake: the request itself had not left yet; - a
 *     reused connection was lost before a byte of the answer came: the server had closed it while
 *     it was idle. A
 *       `once` request only if its last byte had not been handed out, for then the server cannot
 *       have acted on it;
 *     - the server answered 401 and the authenticator wants to begin anew. This holds for `once`
 *     requests too: 401 is an answer, and it
 *       says that the request has not been applied (RFC 9110 15.5.2), so nothing can take effect
 *       twice. The rule of `once` is about requests whose outcome is not known.
 * Anything else ends the request. Once the last byte of a `once` request has been handed out, what
 * ends it without an answer is EXG_ERROR_AMBIGUOUS. A request without a body is taken to be handed
 * out when its head is about to be sent; its legs look like the request itself to the server, so
 * the first of them that is not answered with 401 is the request.
 *
 * Threads:  the engine's.
 */
#ifndef EXG_HTTP_SESSION_PRIVATE_H
#define EXG_HTTP_SESSION_PRIVATE_H

#include "common/http/authenticator.h"
#include "common/http/request-private.h"
#include "common/io/resolver.h"

typedef struct ExgHttpSession ExgHttpSession;

/* What all sessions of a client share. The client owns it and outlives them. */
typedef struct {
    ExgEngine *engine;
    ExgResolver *resolver;
    ExgHttpAuthenticator *authenticator; /* or NULL */
    char *user_agent;
    char *ca_file;
    char *client_certificate, *client_key;
    bool tls_verify;
    gint64 connect_timeout_ms;
    gint64 idle_timeout_ms;
    guint64 connections;
    guint64 handshakes;
} ExgHttpSettings;

ExgHttpSession *exg_http_session_new(ExgHttpSettings *settings);
/* Ends a request under way without calling its function. */
void exg_http_session_free(ExgHttpSession *session);

/* Either `response` (a reference of the callee's own) or `error` (the callee's). The session may be
 * freed in it. */
typedef void (*ExgHttpSessionFunc)(ExgHttpSession *session, ExgHttpResponse *response,
                                   GError *error, gpointer data);
/* The function may be called inside. */
void exg_http_session_send(ExgHttpSession *session, ExgHttpRequest *request,
                           ExgHttpSessionFunc function, gpointer data);
/* Ends the request now with G_IO_ERROR_CANCELLED, through its function, unless its answer has to be
 * waited for. */
void exg_http_session_cancel(ExgHttpSession *session);
/* The request's deadline has passed: ends it through its function. */
void exg_http_session_expire(ExgHttpSession *session);

/* Whether the session has a connection to keep. */
bool exg_http_session_is_open(const ExgHttpSession *session);
/* The session has nothing to do: calls `function` when the server closes the connection, or at
 * `until_us`. Ends with the next request. The session may be freed in it. */
void exg_http_session_rest(ExgHttpSession *session, gint64 until_us,
                           void (*function)(ExgHttpSession *, gpointer), gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgHttpSession, exg_http_session_free)

#endif
