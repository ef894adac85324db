/* oauth.h - access tokens from an OAuth 2.0 token endpoint.
 *
 * Two grants for programs that nobody sits before: client credentials (with a secret or a
 * certificate), and a refresh token that `exgate login` has put into a token file. For client
 * credentials there is no refresh token, and none is asked for: the grant is made again.
 *
 * Threads:  the engine's.
 * Memory:   strings are copied, objects referenced; forms and answers are wiped.
 * Errors:   as token-source.h.
 * Source:   RFC 6749 4.4 and 6, RFC 7523; Microsoft's identity platform, v2.0 endpoints.
 */
#ifndef EXG_AUTH_OAUTH_OAUTH_H
#define EXG_AUTH_OAUTH_OAUTH_H

#include "common/auth/oauth/client-assertion.h"
#include "common/auth/oauth/token-file.h"
#include "common/auth/oauth/token-source.h"
#include "common/http/client.h"

typedef struct {
    const char *token_url;
    const char *client_id;
    const char *scope; /* not sent when a token is renewed: it keeps the scope that it has */
    ExgSecret *client_secret;      /* NULL: none */
    ExgClientAssertion *assertion; /* NULL: none */
} ExgOauthClient;
/* Frees what the options hold, where all of it is the caller's own. */
void exg_oauth_client_clear(ExgOauthClient *client);

/* "https://login.microsoftonline.com/TENANT/oauth2/v2.0/token" of a cloud: "worldwide",
 * "us-government", "china". `leaf`: "token", "devicecode" or "authorize". NULL for another word.
 * (transfer full) */
char *exg_oauth_url(const char *cloud, const char *tenant, const char *leaf);
/* What a program asks for in that cloud to act for all mailboxes: the EWS host and "/.default". */
const char *exg_oauth_default_scope(const char *cloud);

ExgTokenSource *exg_oauth_source_new(ExgHttpClient *http, const ExgOauthClient *client,
                                     ExgEngine *engine);
/* The refresh token comes from the file, and each new one goes there before it is used. */
ExgTokenSource *exg_oauth_refresh_source_new(ExgHttpClient *http, const ExgOauthClient *client,
                                             ExgTokenFile *file, ExgEngine *engine);

#endif
