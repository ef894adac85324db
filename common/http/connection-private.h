/* connection-private.h - one TCP connection to an HTTP server, from its address to its end: the
 * file that drives libcurl.
 *
 * A connection owns a CURLM and one easy handle, and opens sockets only until the connection is
 * established; libcurl cannot get another one from us. So it cannot reconnect, and cannot send
 * anything twice, behind our back. When the connection is lost the object is of no more use: its
 * owner frees it and makes a new one if it wants to try again.
 *
 * It carries one exchange (a request and its answer) at a time. Authentication, repeating and
 * deadlines are the session's matter.
 *
 * Threads:  the engine's.
 * Memory:   one owner. Freeing it in the middle of an exchange closes the connection, and the
 *           function is not called.
 * Errors:   UNREACHABLE, PROTOCOL, CONFIG, RESOURCES with their stages, as for a request that may
 *           be repeated: the session knows when that means AMBIGUOUS. The errors of sinks and
 *           bodies as they are.
 * Limits:   EXG_HTTP_MAX_HEADER_BYTES over all header lines of an exchange (1xx answers and
 *           trailers too); the request's response_max.
 */
#ifndef EXG_HTTP_CONNECTION_PRIVATE_H
#define EXG_HTTP_CONNECTION_PRIVATE_H

#include "common/http/request-private.h"
#include "common/io/engine.h"

typedef struct ExgHttpConnection ExgHttpConnection;

typedef struct {
    bool tls;
    char *host; /* as in the URL, without brackets */
    guint16 port;
} ExgHttpOrigin;

/* Errors: EXG_ERROR_CONFIG. */
bool exg_http_origin_parse(const char *url, ExgHttpOrigin *ret_origin, GError **error);
void exg_http_origin_clear(ExgHttpOrigin *origin);
bool exg_http_origin_equal(const ExgHttpOrigin *a, const ExgHttpOrigin *b);

typedef struct {
    const ExgHttpOrigin *origin;      /* outlives the connection, as do all of these */
    const char *const *addresses;     /* numeric, in the order to try; copied */
    const char *user_agent;
    const char *ca_file; /* NULL: the system's */
    const char *client_certificate, *client_key; /* NULL: none */
    bool tls_verify;
    gint64 connect_timeout_ms; /* for sharing it out among the addresses; the session keeps the real one */
    gint64 idle_timeout_ms;
} ExgHttpConnectionOptions;

/* Opens nothing yet. Errors: EXG_ERROR_RESOURCES. */
ExgHttpConnection *exg_http_connection_new(ExgEngine *engine,
                                           const ExgHttpConnectionOptions *options, GError **error);
void exg_http_connection_free(ExgHttpConnection *connection);

typedef struct {
    ExgHttpRequest *request;
    const char *authorization; /* or NULL; copied, wiped after the exchange */
    bool with_body;            /* false: a leg of a handshake, with an empty body */
    bool may_be_401;           /* the body of a 401 is dropped instead of going to the sink */
} ExgHttpExchange;

/* Either `response` (a reference of the callee's own) or `error` (the callee's). Never called
 * inside _run(); the connection may be freed in it. */
typedef void (*ExgHttpExchangeFunc)(ExgHttpConnection *connection, ExgHttpResponse *response,
                                    GError *error, gpointer data);
void exg_http_connection_run(ExgHttpConnection *connection, const ExgHttpExchange *exchange,
                             ExgHttpExchangeFunc function, gpointer data);

/* TCP and TLS are up, and a request could be or was sent. */
bool exg_http_connection_is_established(const ExgHttpConnection *connection);
/* Established and not closed since, as far as can be known: can take an exchange. */
bool exg_http_connection_is_open(const ExgHttpConnection *connection);
/* How many exchanges came to their end with an answer. */
guint exg_http_connection_answers(const ExgHttpConnection *connection);
/* Whether a line of an answer to the last exchange has come. */
bool exg_http_connection_answer_begun(const ExgHttpConnection *connection);
/* What it is doing now: "connect", "tls", "send" or "answer". */
const char *exg_http_connection_stage(const ExgHttpConnection *connection);
/* The server's certificate in DER, known when the first exchange has ended and until the next
 * begins. NULL without TLS. (transfer full) */
GBytes *exg_http_connection_dup_certificate(const ExgHttpConnection *connection);

/* While unused: calls `function` when the server closes the connection or says something unasked.
 * Ends with the next exchange. The connection may be freed in it. */
void exg_http_connection_watch_idle(ExgHttpConnection *connection, void (*function)(gpointer data),
                                    gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgHttpConnection, exg_http_connection_free)

#endif
