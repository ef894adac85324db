/* oauth.h - the simulated identity platform: clients, grants, and the tokens that EWS then takes.
 *
 * Serves /TENANT/oauth2/v2.0/token, /devicecode and /authorize, whatever the tenant. Tokens are
 * random words, known until the simulator ends. A refresh token is good for one use; one that comes
 * again takes all that came of it with it.
 *
 * A client is "ID:SECRET", or "ID@FILE" for one that proves itself with the certificate in FILE
 * (private_key_jwt, PS256), or "ID:" for a public one, whose users sign in.
 *
 * Threads:  the engine's.
 * Source:   RFC 6749, RFC 7523, RFC 7636, RFC 8628.
 */
#ifndef EXG_SIM_OAUTH_H
#define EXG_SIM_OAUTH_H

#include "tests/exchange-sim/answer.h"
#include "tests/exchange-sim/http.h"

typedef struct ExgSimOauth ExgSimOauth;

ExgSimOauth *exg_sim_oauth_new(void);
void exg_sim_oauth_free(ExgSimOauth *oauth);
/* The new client's id, or NULL and EXG_ERROR_CONFIG. */
const char *exg_sim_oauth_add_client(ExgSimOauth *oauth, const char *specification,
                                     GError **error);
bool exg_sim_oauth_has_clients(const ExgSimOauth *oauth);
/* How long tokens are good; 3600. */
void exg_sim_oauth_set_life(ExgSimOauth *oauth, gint64 seconds);

/* Where the platform is: "https://localhost:4711". */
void exg_sim_oauth_set_url(ExgSimOauth *oauth, const char *url);

/* What a request for this path is called in the log and by faults: "Token", "DeviceCode" or
 * "Authorize". NULL: it is not for the platform. */
const char *exg_sim_oauth_operation(const char *target);
/* Answers such a request. */
void exg_sim_oauth_answer(ExgSimOauth *oauth, const ExgSimHttpRequest *request,
                          ExgSimAnswer *answer);

/* The client that a bearer token was given to, or NULL and why not, as x-ms-diagnostics says it.
 * Valid as long as the platform. */
const char *exg_sim_oauth_sign_in(const ExgSimOauth *oauth, const char *token,
                                  const char **ret_diagnostics);
/* What a 401 of EWS offers. `refused`: after a token that was not good. (transfer full) */
char *exg_sim_oauth_challenge(const ExgSimOauth *oauth, bool refused);

/* Control: no token given so far is taken any longer. How many there were. */
guint exg_sim_oauth_revoke(ExgSimOauth *oauth);
/* Control: every access and refresh token given so far, with blanks between. (transfer full) */
char *exg_sim_oauth_tokens(const ExgSimOauth *oauth);
/* Control: the user types the code in, or declines. Whether there is such a code. */
bool exg_sim_oauth_approve(ExgSimOauth *oauth, const char *user_code, bool declines);
/* Control: tokens are made for another audience from now on, which EWS does not take. */
void exg_sim_oauth_misdirect(ExgSimOauth *oauth, bool wrong);
/* Token requests answered, well or badly. */
guint64 exg_sim_oauth_requests(const ExgSimOauth *oauth);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgSimOauth, exg_sim_oauth_free)

#endif
