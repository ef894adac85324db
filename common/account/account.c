#include "common/account/account.h"

#include "common/account/credentials-private.h"
#include "common/account/discovery-private.h"
#include "common/auth/choice.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/secret.h"
#include "common/xml/reader.h"

#include <string.h>

struct ExgAccount {
    gint references;
    ExgHttpClient *http;
    ExgThrottle *throttle;
    char *key; /* the account's, in the throttle */
    ExgEwsService *ews;
    ExgEwsAccess access;
    ExgHttpAuthenticator *choice; /* auth = auto; otherwise NULL */
};

#define IDLE_TIMEOUT_MS 60000
/* Exchange counts requests by delegates against the service account; ten is the number that Microsoft advises. */
#define DELEGATE_MAX 10

/* libcurl reads the files when it connects; a wrong name should be told at the start. */
static bool
check_pem(const ExgConf *conf, const char *key, const char *what, const char *marker,
          GError **error)
{
    const char *path = exg_conf_string(conf, "exchange", key);
    if (path == NULL)
        return true;
    g_autoptr(GError) reason = NULL;
    g_autofree char *where = exg_conf_where(conf, "exchange", key);
    if (g_str_has_prefix(path, "pkcs11:"))
        return exg_http_library_has_pkcs11() ||
               exg_error_set(error, EXG_ERROR_CONFIG,
                             "%s: this libcurl cannot use PKCS#11 (%s); one with GnuTLS can", where,
                             exg_http_library_version());
    if (!g_path_is_absolute(path))
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "%s: '%s' is neither an absolute path nor a pkcs11: URI", where, path);
    char *pem = NULL;
    gsize length;
    if (!g_file_get_contents(path, &pem, &length, &reason))
        return exg_error_set(error, EXG_ERROR_CONFIG, "%s: cannot read the %s: %s", where, what,
                             reason->message);
    bool found = g_strstr_len(pem, (gssize)length, marker) != NULL;
    exg_secret_wipe(pem, length);
    g_free(pem);
    return found || exg_error_set(error, EXG_ERROR_CONFIG, "%s: %s holds no %s in PEM form", where,
                                  path, what);
}

static bool
check_files(const ExgConf *conf, GError **error)
{
    static const char certificate[] = "-----BEGIN CERTIFICATE-----";
    const char *key = exg_conf_string(conf, "exchange", "client_key_file") != NULL
                          ? "client_key_file"
                          : "client_certificate_file";
    return check_pem(conf, "ca_file", "certificate", certificate, error) &&
           check_pem(conf, "client_certificate_file", "certificate", certificate, error) &&
           check_pem(conf, key, "private key", "PRIVATE KEY-----", error);
}

const char *
exg_account_name(const ExgConf *conf)
{
    static const char *const keys[] = {"username", "oauth_client_id", "kerberos_principal"};
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
        if (exg_conf_string(conf, "exchange", keys[i]) != NULL)
            return exg_conf_string(conf, "exchange", keys[i]);
    return "the service account";
}

/* The processes of a host that share the throttle's file know the account by its name and where it is used. */
static char *
account_key(const ExgConf *conf)
{
    g_autofree char *name = g_ascii_strdown(exg_account_name(conf), -1);
    return g_strdup_printf("%s %s", name, exg_conf_string(conf, "exchange", "endpoint"));
}

/* When anything that proves who we are was last changed: what was refused before that may be tried once more. */
static gint64
credentials_changed_us(const ExgConf *conf)
{
    static const char *const keys[] = {"password_file",          "kerberos_keytab",
                                       "kerberos_ccache",        "client_certificate_file",
                                       "client_key_file",        "oauth_client_secret_file",
                                       "oauth_certificate_file", "oauth_key_file",
                                       "oauth_token_file",       "access_token_file"};
    gint64 last_us = exg_secret_changed_real_us(exg_conf_name(conf));
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        const char *path = exg_conf_string(conf, "exchange", keys[i]);
        if (path != NULL && g_str_has_prefix(path, "FILE:"))
            path += strlen("FILE:");
        if (path != NULL)
            last_us = MAX(last_us, exg_secret_changed_real_us(path));
    }
    return last_us;
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

bool
exg_account_http_options(ExgEngine *engine, const ExgConf *conf, ExgHttpClientOptions *ret_options,
                         GError **error)
{
    if (!check_files(conf, error))
        return false;
    ExgHttpAuthenticator *authenticator = NULL;
    if (!exg_account_authenticator_new(engine, conf, &authenticator, error))
        return false;
    *ret_options = (ExgHttpClientOptions){
        .authenticator = authenticator,
        .user_agent = "exgate/" EXG_VERSION,
        .ca_file = exg_conf_string(conf, "exchange", "ca_file"),
        .client_certificate = exg_conf_string(conf, "exchange", "client_certificate_file"),
        .client_key = exg_conf_string(conf, "exchange", "client_key_file"),
        .tls_verify = exg_conf_bool(conf, "exchange", "tls_verify"),
        .connect_timeout_ms = exg_conf_int(conf, "exchange", "connect_timeout"),
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .max_sessions = (guint)exg_conf_int(conf, "exchange", "max_connections"),
    };
    return true;
}

static ExgEwsService *
service_new(ExgEngine *engine, const ExgConf *conf, ExgHttpClient *http,
            const ExgHttpClientOptions *options)
{
    const char *version = exg_conf_string(conf, "exchange", "server_version");
    if (g_str_equal(version, "auto"))
        version = NULL;
    if (exg_account_discovers(conf))
        return exg_ews_service_new_located(http, &exg_account_locator,
                                           exg_account_locator_new(engine, conf, options), version);
    return exg_ews_service_new_many(http, exg_conf_list(conf, "exchange", "endpoint"), version);
}

ExgAccount *
exg_account_new(ExgEngine *engine, const ExgConf *conf, GError **error)
{
    ExgHttpClientOptions options;
    if (!exg_account_check_discovery(conf, error) ||
        !exg_account_http_options(engine, conf, &options, error))
        return NULL;
    g_autoptr(ExgHttpAuthenticator) authenticator = options.authenticator;
    ExgAccount *account = g_new0(ExgAccount, 1);
    account->references = 1;
    account->http = exg_http_client_new(engine, &options);
    if (g_str_equal(exg_conf_string(conf, "exchange", "auth"), "auto"))
        account->choice = g_steal_pointer(&authenticator);
    account->ews = service_new(engine, conf, account->http, &options);
    account->access = g_str_equal(exg_conf_string(conf, "exchange", "access"), "delegate")
                          ? EXG_EWS_DELEGATE
                          : EXG_EWS_IMPERSONATION;
    account->key = account_key(conf);
    account->throttle = throttle_new(engine, conf, account->access);
    exg_throttle_renew_account(account->throttle, account->key, credentials_changed_us(conf));
    exg_ews_service_set_throttle(account->ews, account->throttle, account->key);
    return account;
}

void
exg_account_set_brief(ExgAccount *account)
{
    exg_throttle_close_account_at_once(account->throttle, account->key);
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
    g_free(account->key);
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

void
exg_account_warn(const ExgConf *conf)
{
    if (!exg_conf_bool(conf, "exchange", "tls_verify"))
        exg_log(EXG_LOG_WARNING, NULL,
                "tls_verify = no: the server's certificate is NOT verified, and whoever answers "
                "for %s gets all that is meant for it, the password among it",
                exg_conf_string(conf, "exchange", "endpoint"));
}

char *
exg_account_library_versions(void)
{
    g_autofree char *authentication = exg_account_authentication_version();
    return g_strdup_printf("%s\n%s\n%s; client certificates: %s\n", exg_http_library_version(),
                           exg_xml_library_version(), authentication,
                           exg_http_library_has_pkcs11() ? "PEM, PKCS#11" : "PEM");
}
