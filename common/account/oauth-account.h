/* oauth-account.h - what the configuration says about OAuth 2.0: the application, its endpoints, and
 * where tokens are kept.
 *
 * Threads:  the engine's.
 * Memory:   embedded; the strings and objects are its own.
 * Errors:   EXG_ERROR_CONFIG, one sentence that names the key or the file: one that is missing, or two
 *           that exclude each other.
 */
#ifndef EXG_ACCOUNT_OAUTH_ACCOUNT_H
#define EXG_ACCOUNT_OAUTH_ACCOUNT_H

#include "common/auth/oauth/oauth.h"
#include "common/base/conf.h"

typedef struct {
    ExgHttpClient *http; /* to the endpoints, without credentials */
    ExgOauthClient client;
    ExgTokenFile *file;  /* NULL: none is configured, and none needed */
    char *device_url;    /* NULL: the token endpoint has another name */
    char *authorize_url; /* NULL: likewise */
} ExgOauthAccount;

bool exg_oauth_account_init(ExgOauthAccount *account, ExgEngine *engine, const ExgConf *conf,
                            GError **error);
void exg_oauth_account_clear(ExgOauthAccount *account);

/* Whether any source of tokens is configured. */
bool exg_oauth_account_is_set(const ExgConf *conf);
/* The authenticator, with tokens from the endpoint, from a file or from a command. (transfer full) */
ExgHttpAuthenticator *exg_oauth_account_bearer_new(ExgEngine *engine, const ExgConf *conf,
                                                   GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ExgOauthAccount, exg_oauth_account_clear)

#endif
