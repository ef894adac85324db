/* tls-server-private.h - one TLS connection of a server, on a non-blocking socket; for stream.c.
 *
 * Threads:  the engine's.
 * Errors:   EXG_ERROR_UNREACHABLE, one sentence with GnuTLS's reason; stage "tls" in the handshake.
 */
#ifndef EXG_IO_TLS_SERVER_PRIVATE_H
#define EXG_IO_TLS_SERVER_PRIVATE_H

#include "common/io/stream.h"

typedef struct ExgTlsSession ExgTlsSession;

/* What came of a read, a write or a step of a handshake. */
typedef enum {
    EXG_TRANSFER_DONE,
    EXG_TRANSFER_WANTS_READ,  /* nothing more until the socket is readable */
    EXG_TRANSFER_WANTS_WRITE, /* … writable */
    EXG_TRANSFER_END,         /* the peer has ended in an orderly way */
    EXG_TRANSFER_FAILED
} ExgTransfer;

/* The socket stays the caller's. */
ExgTlsSession *exg_tls_session_new(ExgTlsServer *tls, int fd);
void exg_tls_session_free(ExgTlsSession *session);

ExgTransfer exg_tls_session_handshake(ExgTlsSession *session, GError **error);
ExgTransfer exg_tls_session_receive(ExgTlsSession *session, void *buffer, gsize size,
                                    gsize *ret_length, GError **error);
/* After _WANTS_READ or _WANTS_WRITE, `data` must begin with the same bytes as before. */
ExgTransfer exg_tls_session_send(ExgTlsSession *session, const void *data, gsize length,
                                 gsize *ret_length, GError **error);
/* Sends close_notify. */
ExgTransfer exg_tls_session_end(ExgTlsSession *session, GError **error);
/* What the client asked for (SNI), or NULL; valid as long as the session. */
const char *exg_tls_session_server_name(ExgTlsSession *session);

#endif
