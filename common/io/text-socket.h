/* text-socket.h - a unix socket that tells something: whoever connects gets a text, and the end of
 * the connection.
 *
 * Nothing is asked of him, and nothing he sends is looked at.
 *
 * Threads:  the engine's.
 * Errors:   those of listener.h.
 * Limits:   EXG_TEXT_SOCKET_MAX_CLIENTS connections at a time; others wait.
 */
#ifndef EXG_IO_TEXT_SOCKET_H
#define EXG_IO_TEXT_SOCKET_H

#include "common/base/conf.h"
#include "common/io/engine.h"

#define EXG_TEXT_SOCKET_MAX_CLIENTS 16

typedef struct ExgTextSocket ExgTextSocket;

/* The text for one who has connected. (transfer full) */
typedef char *(*ExgTextFunc)(gpointer data);

ExgTextSocket *exg_text_socket_new(ExgEngine *engine, const char *path, ExgTextFunc function,
                                   gpointer data, GError **error);
/* The socket that stats_socket in a group of exgate.conf names; `*ret_socket` is NULL if it names
 * none. */
bool exg_text_socket_open(ExgEngine *engine, const ExgConf *conf, const char *group,
                          ExgTextFunc function, gpointer data, ExgTextSocket **ret_socket,
                          GError **error);
void exg_text_socket_free(ExgTextSocket *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgTextSocket, exg_text_socket_free)

#endif
