/* channel-binding.h - ties an authentication to the TLS connection that it travels on.
 *
 * The `tls-server-end-point` binding: a hash of the server's certificate. A server with Extended
 * Protection refuses credentials that were given to another certificate, which is what a man in the
 * middle would have to pass on.
 *
 * The hash is that of the certificate's own signature, but SHA-256 in place of MD5 and SHA-1. A
 * signature without a hash of its own (Ed25519, Ed448) leaves the binding undefined: none is made.
 *
 * Threads:  a pure function.
 * Source:   RFC 5929 section 4, RFC 9266 (which leaves this binding as it is).
 */
#ifndef EXG_AUTH_CHANNEL_BINDING_H
#define EXG_AUTH_CHANNEL_BINDING_H

#include <glib.h>

/* "tls-server-end-point:" and the hash, as GSSAPI takes it; NULL where the certificate (DER) has no
 * such binding. (transfer full) */
GBytes *exg_auth_channel_binding(GBytes *certificate);

#endif
