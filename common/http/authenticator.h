/* authenticator.h - how a session proves who it is: the interface that every scheme implements.
 *
 * Two objects. An *authenticator* holds credentials and is shared by all sessions of a client. For
 * each connection it makes a *handshake*, which produces the Authorization header of each leg. NTLM
 * and multi-leg Negotiate authenticate the TCP connection, so the session sends all legs of a
 * handshake on one connection, the first ones without a body, and starts a new handshake if the
 * connection is lost in between. Schemes that authenticate each request (Basic, bearer tokens) have
 * one leg, sent with the request itself.
 *
 * The way of a connection:
 *     needs_peer: the session first sends one empty request without credentials. Its 401 brings
 *     what the server
 *         offers, and by then the TLS handshake is done, so the peer's certificate is known
 *         (channel binding, RFC 5929).
 *     next(): asked for the next leg, with the challenge of the last 401 (NULL at first). It
 *     answers, now or later,
 *         with exactly one of the exg_http_leg_* functions.
 *     a leg marked `more` is sent with an empty body; on 401 it calls next() again with the new
 *     challenge;
 *         on any other status the connection counts as authenticated.
 *     the last leg carries the request's own body. A 401 to it, or to a later request, is reported
 *     by rejected(),
 *         which decides whether one new handshake may be tried, on a new connection.
 * A request that has no body of its own looks like its legs to the server: the first answer that is
 * not 401 is then its answer.
 *
 * Threads:  the engine's. A scheme that must block (GSSAPI) does so on a worker and answers the leg
 *           later.
 * Memory:   header values hold secrets: the session wipes them after use.
 * Errors:   EXG_ERROR_AUTH (credentials), EXG_ERROR_CONFIG, EXG_ERROR_UNREACHABLE (a KDC or token
 *           endpoint).
 * Source:   RFC 9110 section 11, RFC 4559 (Negotiate), RFC 7617 (Basic).
 */
#ifndef EXG_HTTP_AUTHENTICATOR_H
#define EXG_HTTP_AUTHENTICATOR_H

#include <glib.h>
#include <stdbool.h>

typedef struct ExgHttpAuthenticator ExgHttpAuthenticator;
typedef struct ExgHttpHandshake ExgHttpHandshake;
typedef struct ExgHttpLeg ExgHttpLeg;

/* What is known of the connection when a handshake begins. */
typedef struct {
    const char *host;              /* of the URL: the service principal is HTTP/host */
    const char *method, *target;   /* of the request: "POST", "/EWS/Exchange.asmx" */
    GBytes *peer_certificate;      /* DER, of the server; NULL for plain HTTP or where needs_peer is false */
    /* WWW-Authenticate values of the empty request, NULL-terminated, none if it was not answered
     * with 401; NULL if no such request was sent. */
    const char *const *challenges;
} ExgHttpPeer;

typedef struct {
    const char *name; /* for logs and error sentences: "basic" */
    bool needs_peer;
    bool per_request; /* each request has a handshake of its own; otherwise only the first of a connection */

    ExgHttpHandshake *(*begin)(ExgHttpAuthenticator *self, const ExgHttpPeer *peer);
    /* Produce the next leg. `challenges`: WWW-Authenticate values of the last 401, or NULL before the first leg. */
    void (*next)(ExgHttpHandshake *handshake, const char *const *challenges, ExgHttpLeg *leg);
    /* Frees it. A leg that is still being answered puts this off until it has been. */
    void (*end)(ExgHttpHandshake *handshake);
    /* The server answered 401 to the request itself. `forgotten`: it carried no credentials, as its connection was
     * authenticated. True: begin anew once (a token to renew, an authentication that the server forgot); false: give
     * up with EXG_ERROR_AUTH. May be NULL (false). */
    bool (*rejected)(ExgHttpAuthenticator *self, const char *const *challenges, bool forgotten);
    /* A leg could not be produced. True: begin anew, on the same connection, with what the server offered; each
     * true must bring that to an end nearer. May be NULL (false). */
    bool (*failed)(ExgHttpAuthenticator *self, const GError *error);
    void (*free)(ExgHttpAuthenticator *self);
} ExgHttpScheme;

/* Implementations embed this first. */
struct ExgHttpAuthenticator {
    const ExgHttpScheme *scheme;
    gint references;
};
struct ExgHttpHandshake {
    ExgHttpAuthenticator *authenticator; /* a reference, which the session sets after begin() and drops after end() */
};

ExgHttpAuthenticator *exg_http_authenticator_ref(ExgHttpAuthenticator *authenticator);
void exg_http_authenticator_unref(ExgHttpAuthenticator *authenticator);

/* --- answers of next(), exactly one per call, on the engine's thread -------------------------------- */

/* The value of the Authorization header (copied, and wiped after use). `more`: further legs are
 * expected, so send it with an empty body. */
void exg_http_leg_send(ExgHttpLeg *leg, const char *authorization, bool more);
/* The scheme cannot go on; takes the error. */
void exg_http_leg_fail(ExgHttpLeg *leg, GError *error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgHttpAuthenticator, exg_http_authenticator_unref)

#endif
