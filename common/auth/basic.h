/* basic.h - Basic authentication (RFC 7617), UTF-8, sent with every request.
 *
 * Threads:  the engine's.
 * Memory:   takes references; the encoded pair is made per request and wiped.
 */
#ifndef EXG_AUTH_BASIC_H
#define EXG_AUTH_BASIC_H

#include "common/base/secret.h"
#include "common/http/authenticator.h"

/* `user`: "user@example.com" or "DOMAIN\user"; without a colon in its user part. */
ExgHttpAuthenticator *exg_auth_basic_new(const char *user, ExgSecret *password);

#endif
