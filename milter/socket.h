/* socket.h - the milter socket, in the forms of libmilter.
 *
 * "unix:/path", "local:/path" or "/path"; "inet:port@host"; "inet6:port@host". Without a host all
 * interfaces are meant. libmilter opens the socket; its mode, owner and group, and what may be in
 * its way, are seen to here: libmilter would take a socket away from a program that still listens.
 *
 * Threads:  the main one, before there are others: the umask is the process's.
 * Errors:   EXG_ERROR_CONFIG, one sentence that quotes the socket.
 */
#ifndef EXG_MILTER_SOCKET_H
#define EXG_MILTER_SOCKET_H

#include "common/io/listener.h"

typedef struct {
    char *text; /* as libmilter reads it */
    bool is_unix;
    ExgSocketAddress path; /* if it is */
    ino_t inode;           /* once it is open */
} ExgMilterSocket;

bool exg_milter_socket_parse(const char *text, ExgMilterSocket *ret_socket, GError **error);
/* After smfi_register(). */
bool exg_milter_socket_open(ExgMilterSocket *socket, const ExgListenerOptions *options,
                            GError **error);
/* Takes a unix socket's name away again, unless it has become somebody else's. */
void exg_milter_socket_remove(const ExgMilterSocket *socket);
void exg_milter_socket_clear(ExgMilterSocket *socket);

#endif
