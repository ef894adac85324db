/* digest.h - Digest, as a server sees it: the nonces of a connection and what is proven with them.
 *
 * Each 401 brings a nonce of its own. Its requests must count up, name the method and target that
 * they came with, and use qop=auth; a nonce of another connection is stale.
 *
 * Threads:  the engine's.
 * Source:   RFC 7616.
 */
#ifndef EXG_SIM_DIGEST_H
#define EXG_SIM_DIGEST_H

#include "tests/exchange-sim/account.h"
#include "tests/exchange-sim/answer.h"

typedef struct {
    bool sha256;  /* offered before MD5 */
    bool session; /* the "-sess" forms */
    guint64 uses; /* requests until a nonce is stale; 0: never */
} ExgSimDigestOptions;

typedef struct ExgSimDigest ExgSimDigest;

ExgSimDigest *exg_sim_digest_new(const ExgSimAccounts *accounts,
                                 const ExgSimDigestOptions *options);
/* NULL-safe. */
void exg_sim_digest_free(ExgSimDigest *digest);
/* Adds the challenges, with a new nonce. */
void exg_sim_digest_offer(ExgSimDigest *digest, bool stale, ExgSimAnswer *answer);
/* NULL: refused; `*ret_stale` becomes true if only the nonce was to blame. */
const ExgSimAccount *exg_sim_digest_judge(ExgSimDigest *digest, const char *method,
                                          const char *target, const char *credentials,
                                          bool *ret_stale);

#endif
