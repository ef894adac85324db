/* negotiate.h - the schemes Negotiate (Kerberos or NTLM inside SPNEGO) and NTLM, by GSSAPI.
 *
 * A connection is authenticated once, with the binding to its TLS channel, and requests after that
 * carry no header. The empty request that comes first brings the certificate; only the last leg
 * carries the request's body.
 *
 *     Kerberos   one leg, with the request itself
 *     NTLM       an empty leg, then one with the request
 *
 * A server may forget the authentication of a connection: a new one is begun, once per request. One
 * that forgets Kerberos is taken to want it with each request, as RFC 4559 allows and
 * mod_auth_gssapi does: from then on each has a header of its own.
 *
 * Credentials that were refused are not tried again: five such attempts lock an account.
 *
 * Threads:  the engine's; GSSAPI, which may wait for a KDC, runs on worker threads.
 * Memory:   takes copies and references.
 * Limits:   EXG_AUTH_GSS_THREADS handshakes are computed at a time; the others wait.
 * Source:   RFC 4559, RFC 5929, MS-NTHT.
 */
#ifndef EXG_AUTH_NEGOTIATE_H
#define EXG_AUTH_NEGOTIATE_H

#include "common/base/secret.h"
#include "common/http/authenticator.h"
#include "common/io/engine.h"

#define EXG_AUTH_GSS_THREADS 4

/* `keytab`, `ccache` and `principal` may be NULL: the default cache, and whoever it is for. */
ExgHttpAuthenticator *exg_auth_kerberos_new(ExgEngine *engine, const char *keytab,
                                            const char *ccache, const char *principal);
/* `user`: "DOMAIN\user", "user@example.com" or "user"; `spnego`: inside Negotiate, otherwise the
 * scheme NTLM. */
ExgHttpAuthenticator *exg_auth_ntlm_new(ExgEngine *engine, const char *user, ExgSecret *password,
                                        bool spnego);
/* Whether an authenticator made here has what a handshake takes, as far as can be told without
 * asking anybody. */
bool exg_auth_negotiate_is_available(ExgHttpAuthenticator *authenticator, GError **error);
/* Whether gss-ntlmssp, which NTLM takes, is installed. */
bool exg_auth_negotiate_has_ntlm(void);

#endif
