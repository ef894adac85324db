#include "common/account/oauth-account.h"

#include "common/auth/oauth/bearer.h"
#include "common/auth/oauth/token-command.h"
#include "common/base/error.h"

#include <string.h>

#define IDLE_TIMEOUT_MS 60000
#define MAX_SESSIONS    2

static const char *
value(const ExgConf *conf, const char *key)
{
    return exg_conf_string(conf, "exchange", key);
}

static bool
is_for_user(const ExgConf *conf)
{
    return g_str_equal(value(conf, "oauth_grant"), "refresh-token");
}

/* --- what goes together ----------------------------------------------------------------------- */

static bool
require(const ExgConf *conf, const char *key, const char *why, GError **error)
{
    if (value(conf, key) != NULL)
        return true;
    g_autofree char *where = exg_conf_where(conf, "exchange", key);
    return exg_error_set(error, EXG_ERROR_CONFIG, "%s is not set, and %s", where, why);
}

static bool
exclude(const ExgConf *conf, const char *one, const char *other, GError **error)
{
    if (value(conf, one) == NULL || value(conf, other) == NULL)
        return true;
    g_autofree char *where = exg_conf_where(conf, "exchange", one);
    return exg_error_set(error, EXG_ERROR_CONFIG, "%s: %s is set as well; only one of them counts",
                         where, other);
}

static bool
check_application(const ExgConf *conf, GError **error)
{
    if (value(conf, "oauth_token_url") == NULL &&
        !require(conf, "oauth_tenant", "an application belongs to a tenant", error))
        return false;
    return value(conf, "oauth_client_secret_file") != NULL ||
           require(conf, "oauth_certificate_file",
                   "client credentials are a certificate, or a secret in oauth_client_secret_file",
                   error);
}

static bool
check_keys(const ExgConf *conf, GError **error)
{
    if (!require(conf, "oauth_client_id", "OAuth2 needs the id of an application", error) ||
        !exclude(conf, "oauth_client_secret_file", "oauth_certificate_file", error))
        return false;
    if (value(conf, "oauth_key_file") != NULL &&
        !require(conf, "oauth_certificate_file", "oauth_key_file is nothing without it", error))
        return false;
    if (is_for_user(conf))
        return require(conf, "oauth_token_file", "a user's tokens are kept there", error);
    return check_application(conf, error);
}

/* --- the application -------------------------------------------------------------------------- */

static char *
token_url_of(const ExgConf *conf)
{
    const char *url = value(conf, "oauth_token_url");
    const char *tenant = value(conf, "oauth_tenant");
    if (url != NULL)
        return g_strdup(url);
    return exg_oauth_url(value(conf, "oauth_cloud"), tenant != NULL ? tenant : "organizations",
                         "token");
}

/* "…/token" becomes "…/LEAF"; NULL for an address of another form. */
static char *
beside(const char *token_url, const char *leaf)
{
    static const char end[] = "/token";
    if (!g_str_has_suffix(token_url, end))
        return NULL;
    return g_strdup_printf("%.*s/%s", (int)(strlen(token_url) - strlen(end)), token_url, leaf);
}

static char *
scope_of(const ExgConf *conf)
{
    const char *scope = value(conf, "oauth_scope");
    if (scope != NULL)
        return g_strdup(scope);
    scope = exg_oauth_default_scope(value(conf, "oauth_cloud"));
    return is_for_user(conf) ? g_strconcat(scope, " offline_access", NULL) : g_strdup(scope);
}

static bool
load_secrets(ExgOauthClient *client, const ExgConf *conf, GError **error)
{
    const char *key = "oauth_client_secret_file";
    const char *certificate = value(conf, "oauth_certificate_file");
    if (value(conf, key) != NULL) {
        client->client_secret = exg_secret_new_from_file(value(conf, key), error);
    } else if (certificate != NULL) {
        key = "oauth_certificate_file";
        client->assertion = exg_client_assertion_new(certificate, value(conf, "oauth_key_file"),
                                                     error);
    } else {
        return true;
    }
    if (client->client_secret != NULL || client->assertion != NULL)
        return true;
    g_autofree char *where = exg_conf_where(conf, "exchange", key);
    g_prefix_error(error, "%s: ", where);
    return false;
}

static bool
check_ca_file(const ExgConf *conf, GError **error)
{
    const char *path = value(conf, "oauth_ca_file");
    if (path == NULL || g_file_test(path, G_FILE_TEST_IS_REGULAR))
        return true;
    g_autofree char *where = exg_conf_where(conf, "exchange", "oauth_ca_file");
    return exg_error_set(error, EXG_ERROR_CONFIG, "%s: there is no file %s", where, path);
}

bool
exg_oauth_account_init(ExgOauthAccount *account, ExgEngine *engine, const ExgConf *conf,
                       GError **error)
{
    g_auto(ExgOauthAccount) made = {0};
    if (!check_keys(conf, error) || !check_ca_file(conf, error) ||
        !load_secrets(&made.client, conf, error))
        return false;
    made.client.token_url = token_url_of(conf);
    made.client.client_id = g_strdup(value(conf, "oauth_client_id"));
    made.client.scope = scope_of(conf);
    made.device_url = beside(made.client.token_url, "devicecode");
    made.authorize_url = beside(made.client.token_url, "authorize");
    if (is_for_user(conf))
        made.file = exg_token_file_new(value(conf, "oauth_token_file"));
    const ExgHttpClientOptions options = {
        .user_agent = "exgate/" EXG_VERSION,
        .ca_file = value(conf, "oauth_ca_file"),
        .tls_verify = true,
        .connect_timeout_ms = exg_conf_int(conf, "exchange", "connect_timeout"),
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .max_sessions = MAX_SESSIONS,
    };
    made.http = exg_http_client_new(engine, &options);
    *account = made;
    made = (ExgOauthAccount){0};
    return true;
}

void
exg_oauth_account_clear(ExgOauthAccount *account)
{
    exg_http_client_unref(account->http);
    exg_oauth_client_clear(&account->client);
    exg_token_file_unref(account->file);
    g_free(account->device_url);
    g_free(account->authorize_url);
}

/* --- the authenticator ------------------------------------------------------------------------ */

bool
exg_oauth_account_is_set(const ExgConf *conf)
{
    return value(conf, "oauth_client_id") != NULL || value(conf, "access_token_file") != NULL ||
           value(conf, "access_token_command") != NULL;
}

static ExgTokenSource *
endpoint_source_new(ExgEngine *engine, const ExgConf *conf, GError **error)
{
    g_auto(ExgOauthAccount) account = {0};
    if (!exg_oauth_account_init(&account, engine, conf, error))
        return NULL;
    if (account.file != NULL)
        return exg_oauth_refresh_source_new(account.http, &account.client, account.file, engine);
    return exg_oauth_source_new(account.http, &account.client, engine);
}

static ExgTokenSource *
source_new(ExgEngine *engine, const ExgConf *conf, GError **error)
{
    const char *file = value(conf, "access_token_file");
    const char *command = value(conf, "access_token_command");
    if (!exclude(conf, "access_token_file", "access_token_command", error) ||
        !exclude(conf, "access_token_file", "oauth_client_id", error) ||
        !exclude(conf, "access_token_command", "oauth_client_id", error))
        return NULL;
    if (file != NULL)
        return exg_token_from_file_new(engine, file);
    if (command == NULL)
        return endpoint_source_new(engine, conf, error);
    ExgTokenSource *source = exg_token_from_command_new(engine, command, error);
    if (source == NULL) {
        g_autofree char *where = exg_conf_where(conf, "exchange", "access_token_command");
        g_prefix_error(error, "%s: ", where);
    }
    return source;
}

ExgHttpAuthenticator *
exg_oauth_account_bearer_new(ExgEngine *engine, const ExgConf *conf, GError **error)
{
    g_autoptr(ExgTokenSource) source = source_new(engine, conf, error);
    return source != NULL ? exg_auth_bearer_new(source) : NULL;
}
