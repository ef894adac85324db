/* map-server.h - the recipient check for who asks otherwise than by milter: Postfix's policy
 * service, socketmap and tcp: tables, and Sendmail's socket map.
 *
 * A listener speaks one protocol. A connection is asked one question after the other, as its
 * clients do; what it sends meanwhile waits. When there are too many connections, the one that has
 * been idle longest is closed: its client opens another when it has something to ask.
 *
 * Threads:  the engine's.
 * Memory:   options are copied. What `ask` has not answered when the server is freed may still be
 *           answered afterwards; the answer goes nowhere.
 * Errors:   those of listener.h.
 * Limits:   in the options; a request as large as its protocol's parser takes it; answers not read
 *           by the client up to 64 KiB, then it is not heard until it reads.
 */
#ifndef EXG_MILTER_MAP_SERVER_H
#define EXG_MILTER_MAP_SERVER_H

#include "common/io/listener.h"
#include "milter/map.h"

typedef enum {
    EXG_MAP_SERVER_POLICY,
    EXG_MAP_SERVER_SOCKETMAP,
    EXG_MAP_SERVER_TCP_ACCESS,
    EXG_MAP_SERVER_TCP_RECIPIENTS,
    EXG_N_MAP_PROTOCOLS
} ExgMapProtocol;

/* `answer` is valid during the call. */
typedef void (*ExgMapAnswerFunc)(const ExgMapAnswer *answer, gpointer data);
/* Answers exactly once, from the engine, perhaps inside the call. `question` is valid during the
 * call. */
typedef void (*ExgMapAskFunc)(const ExgMapQuestion *question, gpointer ask_data,
                              ExgMapAnswerFunc function, gpointer data);

typedef struct {
    ExgMapAskFunc ask;
    gpointer ask_data;
    guint max_connections;  /* over all listeners */
    gint64 idle_timeout_ms; /* for a request to be complete */
} ExgMapServerOptions;

typedef struct {
    guint connections;         /* now */
    guint64 connections_total; /* since the start */
    guint64 questions, cut;    /* `cut`: connections that were closed to make room */
    guint64 broken;            /* connections that spoke something else */
    guint64 good, unknown, refused, deferred, unsure, not_ours; /* answers */
} ExgMapStatistics;

typedef struct ExgMapServer ExgMapServer;

ExgMapServer *exg_map_server_new(ExgEngine *engine, const ExgMapServerOptions *options);
/* Closes everything at once. */
void exg_map_server_free(ExgMapServer *server);

/* `ret_bound`: where it really listens, with the port that the system chose; it may be `address`. */
bool exg_map_server_listen(ExgMapServer *server, ExgMapProtocol protocol,
                           const ExgSocketAddress *address, const ExgListenerOptions *options,
                           ExgSocketAddress *ret_bound, GError **error);
/* Accepts nobody from now on, and ends each connection when what it has asked is answered. Calls
 * `drained` when no question is under way and all answers are written; not inside the call, and not
 * after the server is freed. */
void exg_map_server_drain(ExgMapServer *server, ExgEngineFunc drained, gpointer data);
/* From now on these limits hold; `ask` and `ask_data` stay. */
void exg_map_server_set_limits(ExgMapServer *server, guint max_connections, gint64 idle_timeout_ms);
ExgMapStatistics exg_map_server_statistics(const ExgMapServer *server);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgMapServer, exg_map_server_free)

#endif
