/* sign-in.h - how a connection signs in: the schemes that are offered, and Extended Protection.
 *
 * Basic proves each request. Negotiate and NTLM, by a GSSAPI acceptor, prove a connection (unless
 * Kerberos is wanted with each request), leg by leg, and check the channel binding against the
 * server's certificate. A bearer token proves each request; the application that it was given to is
 * the account.
 *
 * Nothing is shared with common/auth, whose counterpart this is.
 *
 * Threads:  the engine's.
 * Source:   RFC 4559, RFC 5929, RFC 6750, RFC 7616, RFC 7617; MIT Kerberos and gss-ntlmssp do the rest.
 */
#ifndef EXG_SIM_SIGN_IN_H
#define EXG_SIM_SIGN_IN_H

#include "tests/exchange-sim/account.h"
#include "tests/exchange-sim/answer.h"
#include "tests/exchange-sim/oauth.h"

typedef enum {
    EXG_SIM_PROTECTION_NONE,   /* bindings are not looked at */
    EXG_SIM_PROTECTION_ALLOW,  /* wrong ones are refused */
    EXG_SIM_PROTECTION_REQUIRE /* missing ones too */
} ExgSimProtection;

typedef struct {
    bool basic, negotiate, ntlm;
    bool nothing; /* everybody is the first account, as where a client certificate is all */
    bool digest, digest_sha256; /* MD5, and SHA-256 besides */
    bool digest_session;        /* their "-sess" forms */
    guint64 digest_uses;        /* requests until a nonce is stale; 0: never */
    bool each_request;          /* Kerberos does not last */
    ExgSimProtection protection;
    GBytes *certificate; /* the server's, DER */
    ExgSimOauth *oauth;  /* whose tokens are taken, if it has clients */
} ExgSimSignInPolicy;

/* "negotiate,ntlm,basic", and "none", "allow" or "require". Errors: EXG_ERROR_CONFIG. */
bool exg_sim_sign_in_policy_parse(const char *schemes, const char *protection,
                                  ExgSimSignInPolicy *ret_policy, GError **error);
void exg_sim_sign_in_policy_clear(ExgSimSignInPolicy *policy);

typedef struct ExgSimSignIn ExgSimSignIn;

/* One for each connection; policy and accounts outlive it. */
ExgSimSignIn *exg_sim_sign_in_new(const ExgSimSignInPolicy *policy, ExgSimAccounts *accounts);
/* NULL-safe. */
void exg_sim_sign_in_free(ExgSimSignIn *sign_in);
/* Who sends a request with this Authorization (or NULL). NULL: nobody yet, and the 401 is in `answer`; otherwise
 * `answer` gets the header that proves the server, if any. */
const ExgSimAccount *exg_sim_sign_in_judge(ExgSimSignIn *sign_in, const char *method,
                                           const char *target, const char *authorization,
                                           ExgSimAnswer *answer);
/* The connection has to prove itself anew; `answer` says so. */
void exg_sim_sign_in_forget(ExgSimSignIn *sign_in, ExgSimAnswer *answer);

#endif
