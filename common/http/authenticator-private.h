/* authenticator-private.h - the session's side of a handshake.
 *
 * A leg is one question to the scheme. Its answer may come inside the question or much later;
 * either way the session hears of it after next() has returned. A session that no longer cares
 * abandons the leg: the handshake then lives until the scheme has answered, so that a worker never
 * finds it gone.
 *
 * Threads:  the engine's.
 */
#ifndef EXG_HTTP_AUTHENTICATOR_PRIVATE_H
#define EXG_HTTP_AUTHENTICATOR_PRIVATE_H

#include "common/http/authenticator.h"

ExgHttpHandshake *exg_http_handshake_begin(ExgHttpAuthenticator *authenticator,
                                           const ExgHttpPeer *peer);
/* NULL-safe. */
void exg_http_handshake_end(ExgHttpHandshake *handshake);

/* Either `authorization`, valid during the call, or `error`, which is the callee's. */
typedef void (*ExgHttpLegFunc)(const char *authorization, bool more, GError *error, gpointer data);

ExgHttpLeg *exg_http_leg_new(ExgHttpHandshake *handshake, ExgHttpLegFunc function, gpointer data);
/* Asks; the function may be called inside. The leg is gone once it has been. */
void exg_http_leg_ask(ExgHttpLeg *leg, const char *const *challenges);
/* The function is not called any more; the handshake is ended as soon as it has answered. */
void exg_http_leg_abandon(ExgHttpLeg *leg);

#endif
