#include "tests/exchange-sim/account.h"

#include "common/base/error.h"
#include "tests/exchange-sim/text.h"

#include <string.h>

struct ExgSimAccounts {
    GArray *accounts; /* of ExgSimAccount */
    bool restricted;  /* somebody was named who may impersonate */
    guint64 refused;
};

static void
account_clear(gpointer data)
{
    ExgSimAccount *account = data;
    g_free(account->user);
    g_free(account->password);
}

ExgSimAccounts *
exg_sim_accounts_new(void)
{
    ExgSimAccounts *accounts = g_new0(ExgSimAccounts, 1);
    accounts->accounts = g_array_new(FALSE, FALSE, sizeof(ExgSimAccount));
    g_array_set_clear_func(accounts->accounts, account_clear);
    return accounts;
}

void
exg_sim_accounts_free(ExgSimAccounts *accounts)
{
    if (accounts == NULL)
        return;
    g_array_unref(accounts->accounts);
    g_free(accounts);
}

static ExgSimAccount *
find(const ExgSimAccounts *accounts, const char *user)
{
    for (guint i = 0; i < accounts->accounts->len; i++) {
        ExgSimAccount *account = &g_array_index(accounts->accounts, ExgSimAccount, i);
        /* Names of accounts have no case on Windows. */
        if (g_ascii_strcasecmp(account->user, user) == 0)
            return account;
    }
    return NULL;
}

bool
exg_sim_accounts_add(ExgSimAccounts *accounts, const char *specification, GError **error)
{
    const char *colon = strchr(specification, ':');
    if (colon == NULL || colon == specification)
        return exg_error_set(error, EXG_ERROR_CONFIG, "'%s' is not of the form USER:PASSWORD",
                             specification);
    ExgSimAccount account = {
        .user = g_strndup(specification, (gsize)(colon - specification)),
        .password = g_strdup(colon + 1),
        .may_impersonate = !accounts->restricted,
    };
    g_array_append_val(accounts->accounts, account);
    return true;
}

void
exg_sim_accounts_add_application(ExgSimAccounts *accounts, const char *id)
{
    ExgSimAccount account = {.user = g_strdup(id), .may_impersonate = !accounts->restricted};
    g_array_append_val(accounts->accounts, account);
}

/* "svc" of "EXAMPLE\\svc" and of "svc@example.com". (transfer full) */
static char *
bare_name(const char *user)
{
    const char *backslash = strchr(user, '\\');
    const char *begin = backslash != NULL ? backslash + 1 : user;
    return g_strndup(begin, strcspn(begin, "@"));
}

const ExgSimAccount *
exg_sim_accounts_first(const ExgSimAccounts *accounts)
{
    return &g_array_index(accounts->accounts, ExgSimAccount, 0);
}

const ExgSimAccount *
exg_sim_accounts_get(const ExgSimAccounts *accounts, const char *user)
{
    return find(accounts, user);
}

const ExgSimAccount *
exg_sim_accounts_find(const ExgSimAccounts *accounts, const char *name)
{
    g_autofree char *wanted = bare_name(name);
    for (guint i = 0; i < accounts->accounts->len; i++) {
        const ExgSimAccount *account = &g_array_index(accounts->accounts, ExgSimAccount, i);
        g_autofree char *bare = bare_name(account->user);
        if (g_ascii_strcasecmp(bare, wanted) == 0)
            return account;
    }
    return NULL;
}

char *
exg_sim_accounts_to_ntlm(const ExgSimAccounts *accounts)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < accounts->accounts->len; i++) {
        const ExgSimAccount *account = &g_array_index(accounts->accounts, ExgSimAccount, i);
        if (account->password == NULL)
            continue;
        const char *backslash = strchr(account->user, '\\');
        g_autofree char *bare = bare_name(account->user);
        int domain = backslash != NULL ? (int)(backslash - account->user) : 0;
        g_string_append_printf(text, "%.*s:%s:%s\n", domain, account->user, bare,
                               account->password);
        /* An address is sent whole, without a domain. */
        if (strchr(account->user, '@') != NULL)
            g_string_append_printf(text, ":%s:%s\n", account->user, account->password);
    }
    return g_string_free(text, FALSE);
}

guint
exg_sim_accounts_count(const ExgSimAccounts *accounts)
{
    return accounts->accounts->len;
}

bool
exg_sim_accounts_allow_impersonation(ExgSimAccounts *accounts, const char *user, GError **error)
{
    ExgSimAccount *account = find(accounts, user);
    if (account == NULL)
        return exg_error_set(error, EXG_ERROR_CONFIG, "there is no account '%s'", user);
    for (guint i = 0; !accounts->restricted && i < accounts->accounts->len; i++)
        g_array_index(accounts->accounts, ExgSimAccount, i).may_impersonate = false;
    accounts->restricted = true;
    account->may_impersonate = true;
    return true;
}

void
exg_sim_accounts_refuse(ExgSimAccounts *accounts)
{
    accounts->refused++;
}

guint64
exg_sim_accounts_refused(const ExgSimAccounts *accounts)
{
    return accounts->refused;
}

const ExgSimAccount *
exg_sim_accounts_sign_in(const ExgSimAccounts *accounts, const char *authorization)
{
    g_autofree guint8 *decoded = NULL;
    gsize length;
    if (authorization == NULL || g_ascii_strncasecmp(authorization, "Basic ", 6) != 0 ||
        !exg_sim_base64_decode(authorization + 6, strlen(authorization + 6), &decoded, &length))
        return NULL;
    char *colon = strchr((char *)decoded, ':');
    if (colon == NULL)
        return NULL;
    *colon = '\0';
    const ExgSimAccount *account = find(accounts, (char *)decoded);
    return account != NULL && g_strcmp0(account->password, colon + 1) == 0 ? account : NULL;
}
