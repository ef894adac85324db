/* oauth-private.h - what the grants share. */
#ifndef EXG_AUTH_OAUTH_OAUTH_PRIVATE_H
#define EXG_AUTH_OAUTH_OAUTH_PRIVATE_H

#include "common/auth/oauth/form-private.h"
#include "common/auth/oauth/oauth.h"

/* A copy of the options that outlives them. */
void exg_oauth_client_copy(ExgOauthClient *copy, const ExgOauthClient *client);
/* A form with the grant's name, who asks, and for what. NULL where the assertion cannot be signed. */
ExgForm *exg_oauth_form_new(const ExgOauthClient *client, const char *grant, GError **error);
/* base64url without padding (RFC 7515 2). (transfer full) */
char *exg_oauth_base64url(const void *bytes, gsize length);

#endif
