/* digest.h - Digest authentication (RFC 7616): the password stays here, each request is proven.
 *
 * SHA-256 where the server offers it, else MD5, both also in their "-sess" form; qop=auth. A nonce
 * belongs to the connection whose first answer brought it, and its requests are counted. One that
 * the server calls stale is replaced once per request, on a new connection; anything else that it
 * refuses is not tried again.
 *
 * Threads:  the engine's.
 * Memory:   takes a copy and a reference; what is made of the password is wiped.
 * Limits:   EXG_AUTH_DIGEST_MAX_NONCES nonces are counted at a time, past that the oldest is
 *           forgotten.
 * Errors:   CONFIG where the server offers no Digest, or none of these kinds.
 * Source:   RFC 7616; RFC 2617 for servers without SHA-256.
 * Bugs:     without channel binding: a server that requires Extended Protection refuses it.
 */
#ifndef EXG_AUTH_DIGEST_H
#define EXG_AUTH_DIGEST_H

#include "common/base/secret.h"
#include "common/http/authenticator.h"

#define EXG_AUTH_DIGEST_MAX_NONCES 1024

ExgHttpAuthenticator *exg_auth_digest_new(const char *user, ExgSecret *password);

#endif
