#include "common/account/account.h"

#include "common/account/credentials-private.h"
#include "common/auth/choice.h"
#include "common/base/error.h"
#include "common/xml/reader.h"

struct ExgAccount {
    gint references;
    ExgHttpClient *http;
    ExgThrottle *throttle;
    ExgEwsService *ews;
    ExgEwsAccess access;
    ExgHttpAuthenticator *choice; /* auth = auto; otherwise NULL */
};

#define IDLE_TIMEOUT_MS 60000
/* Exchange counts requests by delegates against the service account; ten is the number that Microsoft advises. */
#define DELEGATE_MAX 10

/* libcurl reads the file when it connects; a wrong name should be told at the start. */
static bool
check_ca_file(const ExgConf *conf, GError **error)
{
    const char *path = exg_conf_string(conf, "exchange", "ca_file");
    if (path == NULL)
        return true;
    g_autoptr(GError) reason = NULL;
    g_autofree char *pem = NULL;
    g_autofree char *where = exg_conf_where(conf, "exchange", "ca_file");
    if (!g_file_get_contents(path, &pem, NULL, &reason))
        return exg_error_set(error, EXG_ERROR_CONFIG, "%s: cannot read the CA certificate: %s",
                             where, reason->message);
    if (g_strstr_len(pem, -1, "-----BEGIN CERTIFICATE-----") == NULL)
        return exg_error_set(error, EXG_ERROR_CONFIG, "%s: %s holds no certificate in PEM form",
                             where, path);
    return true;
}

/* The processes of a host that share the throttle's file know the account by its name and where it is used. */
static char *
account_key(const ExgConf *conf)
{
    g_autofree char *name = g_ascii_strdown(exg_conf_string(conf, "exchange", "username"), -1);
    return g_strdup_printf("%s %s", name, exg_conf_string(conf, "exchange", "endpoint"));
}

static ExgThrottle *
throttle_new(ExgEngine *engine, const ExgConf *conf, ExgEwsAccess access)
{
    const ExgThrottleOptions options = {
        .max_per_mailbox = (guint)exg_conf_int(conf, "exchange", "max_per_mailbox"),
        .max_per_account = access == EXG_EWS_DELEGATE ? DELEGATE_MAX : 0,
        .max_per_endpoint = (guint)exg_conf_int(conf, "exchange", "max_connections"),
        .file = exg_conf_string(conf, "exchange", "throttle_file"),
    };
    return exg_throttle_new(engine, &options);
}

ExgAccount *
exg_account_new(ExgEngine *engine, const ExgConf *conf, GError **error)
{
    if (!check_ca_file(conf, error))
        return NULL;
    g_autoptr(ExgHttpAuthenticator)
        authenticator = exg_account_authenticator_new(engine, conf, error);
    if (authenticator == NULL)
        return NULL;

    const ExgHttpClientOptions options = {
        .authenticator = authenticator,
        .user_agent = "exgate/" EXG_VERSION,
        .ca_file = exg_conf_string(conf, "exchange", "ca_file"),
        .tls_verify = exg_conf_bool(conf, "exchange", "tls_verify"),
        .connect_timeout_ms = exg_conf_int(conf, "exchange", "connect_timeout"),
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .max_sessions = (guint)exg_conf_int(conf, "exchange", "max_connections"),
    };
    ExgAccount *account = g_new0(ExgAccount, 1);
    account->references = 1;
    account->http = exg_http_client_new(engine, &options);
    if (g_str_equal(exg_conf_string(conf, "exchange", "auth"), "auto"))
        account->choice = g_steal_pointer(&authenticator);
    const char *version = exg_conf_string(conf, "exchange", "server_version");
    account->ews = exg_ews_service_new_many(account->http,
                                            exg_conf_list(conf, "exchange", "endpoint"),
                                            g_str_equal(version, "auto") ? NULL : version);
    account->access = g_str_equal(exg_conf_string(conf, "exchange", "access"), "delegate")
                          ? EXG_EWS_DELEGATE
                          : EXG_EWS_IMPERSONATION;
    g_autofree char *key = account_key(conf);
    account->throttle = throttle_new(engine, conf, account->access);
    exg_throttle_renew_account(account->throttle, key);
    exg_ews_service_set_throttle(account->ews, account->throttle, key);
    return account;
}

ExgAccount *
exg_account_ref(ExgAccount *account)
{
    g_atomic_int_inc(&account->references);
    return account;
}

void
exg_account_unref(ExgAccount *account)
{
    if (account == NULL || !g_atomic_int_dec_and_test(&account->references))
        return;
    exg_ews_service_unref(account->ews);
    exg_throttle_unref(account->throttle);
    exg_http_client_unref(account->http);
    exg_http_authenticator_unref(account->choice);
    g_free(account);
}

ExgEwsService *
exg_account_ews(ExgAccount *account)
{
    return account->ews;
}

ExgHttpClient *
exg_account_http(ExgAccount *account)
{
    return account->http;
}

ExgThrottle *
exg_account_throttle(ExgAccount *account)
{
    return account->throttle;
}

ExgEwsTarget
exg_account_target(const ExgAccount *account, const char *mailbox)
{
    return (ExgEwsTarget){.mailbox = mailbox, .access = account->access};
}

char *
exg_account_describe_authentication(const ExgAccount *account)
{
    return account->choice != NULL ? exg_auth_choice_describe(account->choice) : NULL;
}

char *
exg_account_library_versions(void)
{
    g_autofree char *authentication = exg_account_authentication_version();
    return g_strdup_printf("%s\n%s\n%s\n", exg_http_library_version(), exg_xml_library_version(),
                           authentication);
}
