/* account.h - who may sign in, and who may act for others.
 *
 * Threads:  the engine's.
 */
#ifndef EXG_SIM_ACCOUNT_H
#define EXG_SIM_ACCOUNT_H

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *user; /* as the client must send it: "exgate", "DOMAIN\\exgate" */
    char *password; /* NULL: none, it is an application */
    bool may_impersonate;
} ExgSimAccount;

typedef struct ExgSimAccounts ExgSimAccounts;

ExgSimAccounts *exg_sim_accounts_new(void);
void exg_sim_accounts_free(ExgSimAccounts *accounts);

/* "USER:PASSWORD"; the user must not have a colon. Errors: EXG_ERROR_CONFIG. */
bool exg_sim_accounts_add(ExgSimAccounts *accounts, const char *specification, GError **error);
/* One that only a token proves. */
void exg_sim_accounts_add_application(ExgSimAccounts *accounts, const char *id);
const ExgSimAccount *exg_sim_accounts_first(const ExgSimAccounts *accounts);
/* By the name that was given; NULL: unknown. */
const ExgSimAccount *exg_sim_accounts_get(const ExgSimAccounts *accounts, const char *user);
/* By the name that Kerberos or NTLM tells: "svc@REALM" and "DOMAIN\\svc" are the account svc of any
 * domain. NULL: unknown. */
const ExgSimAccount *exg_sim_accounts_find(const ExgSimAccounts *accounts, const char *name);
/* All as the lines of gss-ntlmssp's user file, "DOMAIN:user:password". (transfer full) */
char *exg_sim_accounts_to_ntlm(const ExgSimAccounts *accounts);
guint exg_sim_accounts_count(const ExgSimAccounts *accounts);
/* Once anybody is named here, everybody else may not. Errors: EXG_ERROR_CONFIG for an unknown
 * user. */
bool exg_sim_accounts_allow_impersonation(ExgSimAccounts *accounts, const char *user,
                                          GError **error);
/* Counts a password, ticket or token that was no good. */
void exg_sim_accounts_refuse(ExgSimAccounts *accounts);
guint64 exg_sim_accounts_refused(const ExgSimAccounts *accounts);
/* By the value of an Authorization header, which may be NULL; NULL: refused. */
const ExgSimAccount *exg_sim_accounts_sign_in(const ExgSimAccounts *accounts,
                                              const char *authorization);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgSimAccounts, exg_sim_accounts_free)

#endif
