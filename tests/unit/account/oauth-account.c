#include "common/account/oauth-account.h"

#include "common/base/error.h"
#include "tests/lib/scratch.h"

#include <string.h>

typedef struct {
    char *directory, *secret;
    ExgEngine *engine;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data)
{
    fixture->directory = test_scratch_new();
    fixture->secret = g_build_filename(fixture->directory, "secret", NULL);
    g_assert_true(g_file_set_contents(fixture->secret, "hunter2\n", -1, NULL));
    fixture->engine = exg_engine_new(NULL);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    exg_engine_unref(fixture->engine);
    test_scratch_free(fixture->directory);
    g_free(fixture->secret);
}

/* SECRET in `keys` stands for the file with the secret. */
static ExgConf *
conf_of(const Fixture *fixture, const char *keys)
{
    g_auto(GStrv) parts = g_strsplit(keys, "SECRET", -1);
    g_autofree char *filled = g_strjoinv(fixture->secret, parts);
    g_autofree char *text = g_strconcat(
        "[exchange]\nendpoint = https://mail.example.com/EWS/Exchange.asmx\nusername = u\n"
        "auth = oauth2\n",
        filled, NULL);
    g_autoptr(GError) error = NULL;
    ExgConf *conf = exg_conf_parse(text, strlen(text), "exgate.conf", &error);
    g_assert_no_error(error);
    return conf;
}

#define APPLICATION "oauth_client_id = app\noauth_client_secret_file = SECRET\n"
#define USER        "oauth_client_id = app\noauth_grant = refresh-token\noauth_token_file = /t\n"

/* Each cloud has endpoints and a scope of its own, and each of them can be told. */
static void
test_endpoints(Fixture *fixture, gconstpointer data)
{
    static const struct {
        const char *keys, *token_url, *device_url, *scope;
    } rows[] = {
        {APPLICATION "oauth_tenant = contoso.example\n",
         "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token",
         "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/devicecode",
         "https://outlook.office365.com/.default"},
        {APPLICATION "oauth_tenant = t\noauth_cloud = us-defense\n",
         "https://login.microsoftonline.us/t/oauth2/v2.0/token",
         "https://login.microsoftonline.us/t/oauth2/v2.0/devicecode",
         "https://outlook-dod.office365.us/.default"},
        {USER "oauth_cloud = china\n",
         "https://login.partner.microsoftonline.cn/organizations/oauth2/v2.0/token",
         "https://login.partner.microsoftonline.cn/organizations/oauth2/v2.0/devicecode",
         "https://partner.outlook.cn/.default offline_access"},
        {APPLICATION "oauth_token_url = https://adfs.example/oauth2/token\noauth_scope = a b\n",
         "https://adfs.example/oauth2/token", "https://adfs.example/oauth2/devicecode", "a b"},
        {APPLICATION "oauth_token_url = https://idp.example/tokens\noauth_tenant = unused\n",
         "https://idp.example/tokens", NULL, "https://outlook.office365.com/.default"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(ExgConf) conf = conf_of(fixture, rows[i].keys);
        g_auto(ExgOauthAccount) account = {0};
        g_autoptr(GError) error = NULL;
        g_assert_true(exg_oauth_account_init(&account, fixture->engine, conf, &error));
        g_assert_no_error(error);
        g_assert_cmpstr(account.client.token_url, ==, rows[i].token_url);
        g_assert_cmpstr(account.client.client_id, ==, "app");
        g_assert_cmpstr(account.client.scope, ==, rows[i].scope);
        g_assert_cmpstr(account.device_url, ==, rows[i].device_url);
        g_assert_true((account.authorize_url != NULL) == (rows[i].device_url != NULL));
        g_assert_true((account.file != NULL) == (strstr(rows[i].keys, "token_file") != NULL));
        g_assert_true((account.client.client_secret != NULL) == (account.file == NULL));
    }
}

/* One sentence that names the key, and no secret. */
static void
test_faults(Fixture *fixture, gconstpointer data)
{
    static const struct {
        const char *keys, *sentence;
    } rows[] = {
        {"", "exgate.conf: [exchange] oauth_client_id is not set, and OAuth2 needs the id of an "
             "application"},
        {"oauth_client_id = app\noauth_client_secret_file = SECRET\n",
         "exgate.conf: [exchange] oauth_tenant is not set, and an application belongs to a tenant"},
        {"oauth_client_id = app\noauth_tenant = t\n",
         "exgate.conf: [exchange] oauth_certificate_file is not set, and client credentials are a "
         "certificate, or a secret in oauth_client_secret_file"},
        {APPLICATION "oauth_tenant = t\noauth_certificate_file = /c\n",
         "exgate.conf:6: [exchange] oauth_client_secret_file: oauth_certificate_file is set as "
         "well; only one of them counts"},
        {APPLICATION "oauth_tenant = t\noauth_key_file = /k\n",
         "exgate.conf: [exchange] oauth_certificate_file is not set, and oauth_key_file is nothing "
         "without it"},
        {"oauth_client_id = app\noauth_grant = refresh-token\n",
         "exgate.conf: [exchange] oauth_token_file is not set, and a user's tokens are kept there"},
        {APPLICATION "oauth_tenant = t\noauth_ca_file = /nonexistent\n",
         "exgate.conf:8: [exchange] oauth_ca_file: there is no file /nonexistent"},
        {"oauth_client_id = app\noauth_tenant = t\noauth_certificate_file = SECRET\n",
         "exgate.conf:7: [exchange] oauth_certificate_file: "},
        {"access_token_file = /t\naccess_token_command = x\n",
         "exgate.conf:5: [exchange] access_token_file: access_token_command is set as well; only "
         "one of them counts"},
        {APPLICATION "access_token_command = x\n",
         "exgate.conf:7: [exchange] access_token_command: oauth_client_id is set as well; only one "
         "of them counts"},
        {"access_token_command = 'x\n", "exgate.conf:5: [exchange] access_token_command: "},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(ExgConf) conf = conf_of(fixture, rows[i].keys);
        g_autoptr(GError) error = NULL;
        g_assert_null(exg_oauth_account_bearer_new(fixture->engine, conf, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
        g_test_message("%s", error->message);
        g_assert_true(g_str_has_prefix(error->message, rows[i].sentence));
        g_assert_null(strstr(error->message, "hunter2"));
        g_assert_null(strchr(error->message, '\n'));
    }
}

static void
test_sources(Fixture *fixture, gconstpointer data)
{
    static const char *const rows[] = {APPLICATION "oauth_tenant = t\n", USER,
                                       "access_token_file = /t\n",
                                       "access_token_command = token --for 'a b'\n"};
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(ExgConf) conf = conf_of(fixture, rows[i]);
        g_autoptr(GError) error = NULL;
        g_assert_true(exg_oauth_account_is_set(conf));
        g_autoptr(ExgHttpAuthenticator)
            bearer = exg_oauth_account_bearer_new(fixture->engine, conf, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(bearer->scheme->name, ==, "oauth2");
    }
    g_autoptr(ExgConf) none = conf_of(fixture, "");
    g_assert_false(exg_oauth_account_is_set(none));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function)                                                                        \
    g_test_add("/account/oauth-account/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("A7.2,A7.3-endpoints", test_endpoints);
    ADD("A1.6,A7.7-faults", test_faults);
    ADD("A7.7,A7.15-sources", test_sources);
    return g_test_run();
}
