/* challenge-private.h - what the WWW-Authenticate lines of a 401 offer.
 *
 * A line may hold several challenges, separated by commas; a challenge is a scheme and either one
 * token68 or parameters.
 *
 * Threads:  pure functions.
 * Limits:   those of an HTTP header (EXG_HTTP_MAX_HEADER_BYTES), and EXG_AUTH_MAX_CHALLENGES of a
 *           scheme: finding the n-th takes the n before it apart.
 * Source:   RFC 9110 section 11.
 */
#ifndef EXG_AUTH_CHALLENGE_PRIVATE_H
#define EXG_AUTH_CHALLENGE_PRIVATE_H

#include <glib.h>
#include <stdbool.h>

#define EXG_AUTH_MAX_CHALLENGES 16

/* Finds the challenge of a scheme, without regard to case: the n-th, from 0. `*ret_rest`: what follows
 * the scheme, up to the next challenge; "" if nothing. May be NULL. (transfer full) */
bool exg_auth_challenge_find(const char *const *challenges, const char *scheme, guint n,
                             char **ret_rest);
/* The token of a scheme, decoded; NULL: none, or not base64. (transfer full) */
GBytes *exg_auth_challenge_token(const char *const *challenges, const char *scheme);
/* A parameter of what exg_auth_challenge_find() returned; NULL: not there. (transfer full) */
char *exg_auth_challenge_parameter(const char *rest, const char *name);
/* The names of all schemes, as the server wrote them, for a sentence: "Negotiate, NTLM"; "nothing".
 * (transfer full) */
char *exg_auth_challenge_names(const char *const *challenges);

#endif
