/* digest-response-private.h - what Digest computes: the proof that goes with one request.
 *
 * Threads:  a pure function.
 * Source:   RFC 7616 section 3.4.
 */
#ifndef EXG_AUTH_DIGEST_RESPONSE_PRIVATE_H
#define EXG_AUTH_DIGEST_RESPONSE_PRIVATE_H

#include "common/base/secret.h"

#include <stdbool.h>

typedef struct {
    bool sha256; /* else MD5 */
    bool session; /* the "-sess" form */
    const char *user, *realm, *nonce, *client_nonce, *method, *target;
    ExgSecret *password;
    guint count; /* of requests with this nonce, from 1 */
} ExgAuthDigest;

/* The `response` parameter, in hexadecimal; NULL if this host forbids the hash. (transfer full) */
char *exg_auth_digest_response(const ExgAuthDigest *digest);

#endif
