/* stream.h - a buffered byte stream over a connected socket, plain or TLS (server side).
 *
 * Input is read into a buffer that all streams of a thread share and given to the `read` function,
 * which says how much it has consumed; only what it leaves is kept with the stream, so an idle
 * stream costs next to nothing. Output is gathered and written at the end of the engine's round, so
 * that a batch of replies is one write.
 *
 * Handler functions are called from the engine only, never inside a call of these functions; they
 * may call any of them.
 *
 * The peer's end of input does not cut off what is gathered: `closed` comes when that is written. A
 * stream that is paused, or throttled by output_max, does not look at its input, and so does not
 * notice the peer's end either.
 *
 * Threads:  the engine's.
 * Memory:   handler functions may close or free the stream; nothing of it is touched afterwards.
 * Errors:   `closed` is called once, with NULL at the peer's orderly end, else
 *           EXG_ERROR_UNREACHABLE (stage "tls" in the handshake); never after exg_stream_free().
 *           Nothing is reported twice. A TLS peer that ends without close_notify is an error.
 * Limits:   input_max: what may stay unconsumed (while paused, and one read of 64 KiB more); if the
 *           reader consumes nothing while that much is there, it is a programmer's error (the
 *           reader must reject or skip). output_max: past it, input is not read until the peer has
 *           taken half, so a peer that does not read cannot make us grow. Time: none; the owner has
 *           the timers.
 */
#ifndef EXG_IO_STREAM_H
#define EXG_IO_STREAM_H

#include "common/io/engine.h"

typedef struct ExgStream ExgStream;
typedef struct ExgTlsServer ExgTlsServer;

typedef struct {
    /* Bytes have come; `data` is what is unconsumed, oldest first. Returns how many bytes are done with.
     * Called again at once as long as it consumes something and something is left. */
    gsize (*read)(ExgStream *stream, const guint8 *data, gsize length, gpointer user);
    /* All output has been handed to the kernel. May be NULL. */
    void (*drained)(ExgStream *stream, gpointer user);
    /* The peer is gone or the stream failed. The stream is still to be freed. */
    void (*closed)(ExgStream *stream, const GError *error, gpointer user);
} ExgStreamHandler;

/* Takes `fd`. `tls`: NULL, or wrap in TLS from the first byte. */
ExgStream *exg_stream_new(ExgEngine *engine, int fd, ExgTlsServer *tls, gsize input_max,
                          gsize output_max, const ExgStreamHandler *handler, gpointer user);
/* Closes at once, dropping output not yet written. NULL-safe. */
void exg_stream_free(ExgStream *stream);

void exg_stream_write(ExgStream *stream, const void *data, gsize length);
/* Writes what is gathered now instead of at the end of the round. */
void exg_stream_flush(ExgStream *stream);
/* Bytes not yet handed to the kernel. */
gsize exg_stream_pending(const ExgStream *stream);
/* No more input is given until resumed; unconsumed input is given again at once on resuming, from
 * the engine. */
void exg_stream_pause(ExgStream *stream);
void exg_stream_resume(ExgStream *stream);
/* Ends after the output is written (TLS: with close_notify); then `closed` is called with NULL.
 * Input is dropped, and for a second at most the peer is given time to end its side, lest a reset
 * destroy what is on its way to it. */
void exg_stream_finish(ExgStream *stream);
/* Ends with a TCP reset, for tests of the other side; `closed` follows, with NULL. */
void exg_stream_reset(ExgStream *stream);
/* The name the TLS client asked for (SNI), or NULL. */
const char *exg_stream_tls_server_name(const ExgStream *stream);

/* --- TLS, server side ------------------------------------------------------------------------- */

/* TLS 1.2 and newer. Errors: EXG_ERROR_CONFIG, one sentence that names the file. */
ExgTlsServer *exg_tls_server_new_from_files(const char *certificate_pem, const char *key_pem,
                                            GError **error);
/* The same from PEM text in memory. */
ExgTlsServer *exg_tls_server_new_from_memory(const char *certificate_pem, const char *key_pem,
                                             GError **error);
/* From now on a client has to show a certificate that a CA of this PEM file signed. */
bool exg_tls_server_require_client(ExgTlsServer *tls, const char *ca_pem, GError **error);
ExgTlsServer *exg_tls_server_ref(ExgTlsServer *tls);
void exg_tls_server_unref(ExgTlsServer *tls);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgStream, exg_stream_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgTlsServer, exg_tls_server_unref)

#endif
