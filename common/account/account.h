/* account.h - the configured way into Exchange: endpoint, credentials, and the live objects made of
 * them.
 *
 * Threads:  the engine's.
 * Memory:   reference counted; a reload makes a new account, and deliveries under way keep the old
 *           one alive.
 * Limits:   so many requests at a time per mailbox ([exchange] max_per_mailbox) and for the
 *           endpoint (max_connections); with delegate access ten for the account, which is then
 *           charged for all of them.
 * Errors:   EXG_ERROR_CONFIG, one sentence that names the key or the file.
 */
#ifndef EXG_ACCOUNT_ACCOUNT_H
#define EXG_ACCOUNT_ACCOUNT_H

#include "common/base/conf.h"
#include "common/ews/service.h"

typedef struct ExgAccount ExgAccount;

ExgAccount *exg_account_new(ExgEngine *engine, const ExgConf *conf, GError **error);
/* For a program that ends soon: the first refusal is told to all, as there may be no second; or
 * else each run would be one more step towards the account's being locked out. */
void exg_account_set_brief(ExgAccount *account);
ExgAccount *exg_account_ref(ExgAccount *account);
void exg_account_unref(ExgAccount *account);

/* What people call the account: username, or where that is not needed the id of the application, or
 * the Kerberos principal, or "the service account". */
const char *exg_account_name(const ExgConf *conf);

/* With `endpoint = auto` the address by which it is found; otherwise NULL. */
const char *exg_account_discovery_address(const ExgConf *conf);

ExgEwsService *exg_account_ews(ExgAccount *account);
ExgHttpClient *exg_account_http(ExgAccount *account);
ExgThrottle *exg_account_throttle(ExgAccount *account);
/* A mailbox and the configured right to open it; `mailbox` is not copied. */
ExgEwsTarget exg_account_target(const ExgAccount *account, const char *mailbox);

/* How the configuration wants servers to be talked to: the authenticator is (transfer full), strings
 * are the configuration's. */
bool exg_account_http_options(ExgEngine *engine, const ExgConf *conf,
                              ExgHttpClientOptions *ret_options, GError **error);
/* With auth = auto: what the server offered last and what was chosen why, a line each
 * (choice.h). NULL as long as nothing was sent, and with another setting. (transfer full) */
char *exg_account_describe_authentication(const ExgAccount *account);

/* What a service has to say loudly of its configuration, when it starts and reloads: that
 * certificates are not verified. */
void exg_account_warn(const ExgConf *conf);

/* The libraries that talk to Exchange and what they can, a line each, for --version. (transfer
 * full) */
char *exg_account_library_versions(void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgAccount, exg_account_unref)

#endif
