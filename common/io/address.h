/* address.h - where to listen or connect: "unix:/path", "inet:host:port",
 * "inet:[2001:db8::1]:port".
 *
 * The forms are those of Postfix and libmilter. An inet host is a numeric address, or "localhost";
 * port 0 lets the system choose. "systemd" stands for the sockets that systemd passes
 * (sd_listen_fds(3)).
 *
 * Threads:  pure functions.
 * Errors:   EXG_ERROR_CONFIG, one sentence that quotes the text and says what is allowed.
 */
#ifndef EXG_IO_ADDRESS_H
#define EXG_IO_ADDRESS_H

#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>

typedef enum { EXG_SOCKET_UNIX, EXG_SOCKET_INET, EXG_SOCKET_SYSTEMD } ExgSocketKind;

typedef struct {
    ExgSocketKind kind;
    struct sockaddr_storage storage;
    socklen_t length;
    char text[160]; /* in the form above */
} ExgSocketAddress;

bool exg_socket_address_parse(const char *text, ExgSocketAddress *ret_address, GError **error);
/* From what accept(2) or getsockname(2) gave. */
void exg_socket_address_from_native(const struct sockaddr *native, socklen_t length,
                                    ExgSocketAddress *ret_address);
guint16 exg_socket_address_port(const ExgSocketAddress *address);

#endif
