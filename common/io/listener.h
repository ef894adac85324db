/* listener.h - a listening socket, unix or inet, that survives what happens to listeners.
 *
 * Binding a unix socket removes a stale one (nobody answers on it) and refuses a live one; it is
 * created with its final mode, and removed when the listener is freed. When descriptors run out,
 * accepting pauses for a moment instead of spinning, and says so once (debug). Accepted sockets are
 * non-blocking and close-on-exec, with TCP_NODELAY. inet:[::]:port takes IPv6 only; name
 * inet:0.0.0.0:port beside it.
 *
 * Threads:  the engine's.
 * Errors:   EXG_ERROR_CONFIG, one sentence that names the socket and the reason (in use, no such
 *           directory, permission).
 * Limits:   `max_connections`, counted until exg_listener_release(); at the limit the listener
 *           stops accepting, so that the rest waits in the backlog. 0: no limit.
 */
#ifndef EXG_IO_LISTENER_H
#define EXG_IO_LISTENER_H

#include "common/io/address.h"
#include "common/io/engine.h"

typedef struct ExgListener ExgListener;

typedef struct {
    mode_t mode;           /* of a unix socket, whatever the umask */
    uid_t owner;           /* (uid_t)-1: leave */
    gid_t group;           /* (gid_t)-1: leave */
    int backlog;           /* 0: SOMAXCONN */
    guint max_connections; /* 0: no limit */
} ExgListenerOptions;

/* `fd` is the callee's from now on. */
typedef void (*ExgListenerFunc)(ExgListener *listener, int fd, const ExgSocketAddress *peer,
                                gpointer data);

ExgListener *exg_listener_new(ExgEngine *engine, const ExgSocketAddress *address,
                              const ExgListenerOptions *options, ExgListenerFunc function,
                              gpointer data, GError **error);
/* Takes a socket that already listens (from systemd), even on failure; it is not unlinked at the
 * end. Its mode, owner and backlog are left as they are. */
ExgListener *exg_listener_new_from_fd(ExgEngine *engine, int fd, const ExgListenerOptions *options,
                                      ExgListenerFunc function, gpointer data, GError **error);
/* The sockets that systemd passed to this process, as an array of int; empty if none. Clears the
 * variables, so call it once and before there are threads. */
GArray *exg_listener_systemd_fds(void);
void exg_listener_free(ExgListener *listener);

/* Makes way for a listener of somebody else's: removes a stale unix socket, and fails if it is live. */
bool exg_listener_make_way(const ExgSocketAddress *address, GError **error);

/* The address really bound: with the port that the system chose. */
const ExgSocketAddress *exg_listener_address(const ExgListener *listener);
/* Says that a connection of this listener is closed. */
void exg_listener_release(ExgListener *listener);
/* Stops accepting (for a drain); the socket stays bound until freed. */
void exg_listener_stop(ExgListener *listener);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgListener, exg_listener_free)

#endif
