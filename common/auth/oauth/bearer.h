/* bearer.h - bearer tokens (RFC 6750): each request carries the token of a source.
 *
 * A request that is refused with 401 has its token dropped and is sent once more with a new one, if
 * the source gives another than before; what a server says of an expired token is thus never seen by
 * whoever made the request.
 *
 * Threads:  the engine's.
 * Errors:   the source's, and AUTH when a fresh token is refused.
 */
#ifndef EXG_AUTH_OAUTH_BEARER_H
#define EXG_AUTH_OAUTH_BEARER_H

#include "common/auth/oauth/token-source.h"
#include "common/http/authenticator.h"

/* References the source. */
ExgHttpAuthenticator *exg_auth_bearer_new(ExgTokenSource *source);

#endif
