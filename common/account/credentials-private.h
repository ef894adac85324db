/* credentials-private.h - the authenticator that the configuration asks for.
 *
 * Errors:   EXG_ERROR_CONFIG, one sentence that names the key or the file.
 */
#ifndef EXG_ACCOUNT_CREDENTIALS_PRIVATE_H
#define EXG_ACCOUNT_CREDENTIALS_PRIVATE_H

#include "common/base/conf.h"
#include "common/http/authenticator.h"
#include "common/io/engine.h"

/* By [exchange] auth and the keys that it goes with. NULL where the client certificate is all. */
bool exg_account_authenticator_new(ExgEngine *engine, const ExgConf *conf,
                                   ExgHttpAuthenticator **ret_authenticator, GError **error);
/* "authentication: basic, negotiate (Kerberos), …": what this installation can do. (transfer full) */
char *exg_account_authentication_version(void);

#endif
