/* client-assertion.h - proves by a certificate who the client is (private_key_jwt).
 *
 * Threads:  immutable after creation and reference counted; signing takes a millisecond or two of CPU.
 * Memory:   the private key stays in GnuTLS's memory, which wipes it.
 * Errors:   EXG_ERROR_CONFIG: a file that cannot be read or holds no such thing, a key that does not
 *           belong to the certificate, a certificate that has expired.
 * Source:   RFC 7523; RFC 7515 4.1.8 (x5t#S256); RFC 7518 3.5 (PS256).
 */
#ifndef EXG_AUTH_OAUTH_CLIENT_ASSERTION_H
#define EXG_AUTH_OAUTH_CLIENT_ASSERTION_H

#include "common/base/secret.h"

typedef struct ExgClientAssertion ExgClientAssertion;

/* `certificate_file`, `key_file`: PEM; `key_file` may be a credential (secret.h), and NULL where both
 * lie in one file. The key is RSA. */
ExgClientAssertion *exg_client_assertion_new(const char *certificate_file, const char *key_file,
                                             GError **error);
ExgClientAssertion *exg_client_assertion_ref(ExgClientAssertion *assertion);
void exg_client_assertion_unref(ExgClientAssertion *assertion);

/* A JWT that says so to `audience`, the token endpoint's URL, for the next ten minutes; each has an
 * id of its own. */
ExgSecret *exg_client_assertion_sign(const ExgClientAssertion *assertion, const char *client_id,
                                     const char *audience, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgClientAssertion, exg_client_assertion_unref)

#endif
