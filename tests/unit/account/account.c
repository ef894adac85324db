#include "common/account/account.h"

#include "common/base/error.h"
#include "tests/lib/scratch.h"

#include <string.h>

typedef struct {
    char *directory, *password, *other;
    ExgEngine *engine;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data)
{
    fixture->directory = test_scratch_new();
    fixture->password = g_build_filename(fixture->directory, "password", NULL);
    fixture->other = g_build_filename(fixture->directory, "other", NULL);
    g_assert_true(g_file_set_contents(fixture->password, "hunter2", -1, NULL));
    g_assert_true(g_file_set_contents(fixture->other, "not a certificate", -1, NULL));
    fixture->engine = exg_engine_new(NULL);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    exg_engine_unref(fixture->engine);
    test_scratch_free(fixture->directory);
    g_free(fixture->password);
    g_free(fixture->other);
}

static ExgAccount *
account_of(Fixture *fixture, const char *password, const char *more, GError **error)
{
    g_autofree char *text = g_strdup_printf(
        "[exchange]\nendpoint = https://mail.example.com/EWS/Exchange.asmx\nusername = u\n"
        "throttle_file = %s/throttle.db\npassword_file = %s\n%s",
        fixture->directory, password, more);
    g_autoptr(ExgConf) conf = exg_conf_parse(text, strlen(text), "exgate.conf", NULL);
    g_assert_nonnull(conf);
    return exg_account_new(fixture->engine, conf, error);
}

static void
test_access(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgAccount) plain = account_of(fixture, fixture->password, "", NULL);
    ExgEwsTarget target = exg_account_target(plain, "ann@example.com");
    g_assert_cmpint(target.access, ==, EXG_EWS_IMPERSONATION);
    g_assert_cmpstr(target.mailbox, ==, "ann@example.com");
    g_assert_nonnull(exg_account_ews(plain));
    g_assert_nonnull(exg_account_http(plain));
    g_autoptr(ExgAccount)
        delegate = account_of(fixture, fixture->password, "access = delegate\n", NULL);
    g_assert_cmpint(exg_account_target(delegate, "x").access, ==, EXG_EWS_DELEGATE);
}

/* One sentence that names line and file, and nothing of what is in it. */
static void
expect_fault(Fixture *fixture, const char *password, const char *more, const char *key,
             const char *file)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(account_of(fixture, password, more, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_true(g_str_has_prefix(error->message, "exgate.conf:"));
    g_assert_nonnull(strstr(error->message, key));
    g_assert_nonnull(strstr(error->message, file));
    g_assert_null(strstr(error->message, "hunter2"));
    g_assert_null(strchr(error->message, '\n'));
}

static void
test_faults(Fixture *fixture, gconstpointer data)
{
    expect_fault(fixture, "/nonexistent/password", "", "password_file", "/nonexistent/password");
    expect_fault(fixture, fixture->password, "ca_file = /nonexistent/ca.pem\n", "ca_file",
                 "/nonexistent/ca.pem");
    g_autofree char *line = g_strdup_printf("ca_file = %s\n", fixture->other);
    expect_fault(fixture, fixture->password, line, "ca_file", fixture->other);
    expect_fault(fixture, fixture->password, "client_certificate_file = client.pem\n",
                 "client_certificate_file", "client.pem");
    expect_fault(fixture, fixture->password, "client_certificate_file = /nonexistent/client.pem\n",
                 "client_certificate_file", "/nonexistent/client.pem");
    bool pkcs11 = exg_http_library_has_pkcs11();
    expect_fault(fixture, fixture->password,
                 "client_certificate_file = pkcs11:object=x\nclient_key_file = /nonexistent/k\n",
                 pkcs11 ? "client_key_file" : "client_certificate_file",
                 pkcs11 ? "/nonexistent/k" : "PKCS#11");
    expect_fault(fixture, fixture->password, "auth = certificate\n", "client_certificate_file",
                 "is not set");
}

/* Who has no password needs no name, and is called something all the same. */
static void
test_names(Fixture *fixture, gconstpointer data)
{
    static const struct {
        const char *keys, *name;
    } rows[] = {
        {"auth = oauth2\noauth_client_id = app\naccess_token_file = /t\n", "app"},
        {"auth = negotiate\nkerberos_principal = svc@EXAMPLE\n", "svc@EXAMPLE"},
        {"auth = auto\n", "the service account"},
        {"auth = auto\nusername = EXAMPLE\\svc\noauth_client_id = app\n", "EXAMPLE\\svc"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strconcat(
            "[exchange]\nendpoint = https://mail.example.com/EWS/Exchange.asmx\n", rows[i].keys,
            NULL);
        g_autoptr(ExgConf) conf = exg_conf_parse(text, strlen(text), "exgate.conf", NULL);
        g_assert_nonnull(conf);
        g_assert_cmpstr(exg_account_name(conf), ==, rows[i].name);
    }
}

static void
test_versions(Fixture *fixture, gconstpointer data)
{
    g_autofree char *versions = exg_account_library_versions();
    g_assert_nonnull(strstr(versions, "libcurl "));
    g_assert_nonnull(strstr(versions, "libxml2 "));
}

/* --- [exchange] --------------------------------------------------------------------------------- */

static ExgConf *
conf_of(const char *exchange, GError **error)
{
    g_autofree char *text = g_strconcat("[exchange]\n", exchange, NULL);
    return exg_conf_parse(text, strlen(text), "exgate.conf", error);
}

#define REQUIRED                                                                                   \
    "endpoint = https://mail.example.com/EWS/Exchange.asmx\nusername = u\npassword_file = /p\n"

static void
test_defaults(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgConf) conf = conf_of(REQUIRED, NULL);
    g_assert_nonnull(conf);
    g_assert_cmpstr(exg_conf_string(conf, "exchange", "server_version"), ==, "auto");
    g_assert_cmpint(exg_conf_int(conf, "exchange", "max_connections"), ==, 64);
    g_autoptr(ExgAccount) account = account_of(fixture, fixture->password, "", NULL);
    ExgEwsServerVersion version;
    exg_ews_service_server_version(exg_account_ews(account), &version);
    g_assert_cmpstr(version.speaks, ==, "Exchange2016");
    g_assert_cmpstr(version.build, ==, "");
    g_assert_null(version.product);
}

static void
test_version(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgAccount)
        account = account_of(fixture, fixture->password, "server_version = Exchange2010\n", NULL);
    ExgEwsServerVersion version;
    exg_ews_service_server_version(exg_account_ews(account), &version);
    g_assert_cmpstr(version.speaks, ==, "Exchange2010");
}

static void
test_endpoints(Fixture *fixture, gconstpointer data)
{
    g_autofree char *text = g_strdup_printf(
        "endpoint = https://a.example.com/EWS/Exchange.asmx  http://b:8080/e\nusername = u\n"
        "throttle_file = %s/throttle.db\npassword_file = %s\n",
        fixture->directory, fixture->password);
    g_autoptr(ExgConf) conf = conf_of(text, NULL);
    g_assert_nonnull(conf);
    const char *const *urls = exg_conf_list(conf, "exchange", "endpoint");
    g_assert_cmpuint(g_strv_length((char **)urls), ==, 2);
    g_assert_cmpstr(urls[1], ==, "http://b:8080/e");
    g_autoptr(ExgAccount) account = exg_account_new(fixture->engine, conf, NULL);
    ExgEwsServerVersion version;
    exg_ews_service_server_version(exg_account_ews(account), &version);
    g_assert_cmpstr(version.endpoint, ==, urls[0]);
}

/* The sizes and times that hold where nothing is said. */
static void
test_constants(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgConf) conf = conf_of(REQUIRED, NULL);
    g_assert_cmpint(exg_conf_int(conf, "exchange", "connect_timeout"), ==, 10000);
    g_assert_cmpint(exg_conf_int(conf, "exchange", "max_connections"), ==, 64);
    g_assert_cmpint(exg_conf_int(conf, "exchange", "max_per_mailbox"), ==, 2);
}

/* Each is one sentence that names the key, the value and what is expected. */
static void
test_wrong_values(Fixture *fixture, gconstpointer data)
{
    static const struct {
        const char *line, *key, *value, *expected;
    } rows[] = {
        {"server_version = Exchange2019\n", "server_version", "Exchange2019", "Exchange2013_SP1"},
        {"max_connections = many\n", "max_connections", "many", "a number"},
        {"max_connections = 0\n", "max_connections", "0", "from 1"},
        {"auth = magic\n", "auth", "magic", "basic"},
        {"tls_verify = perhaps\n", "tls_verify", "perhaps", "yes or no"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strconcat(REQUIRED, rows[i].line, NULL);
        g_autoptr(GError) error = NULL;
        g_assert_null(conf_of(text, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
        g_assert_nonnull(strstr(error->message, rows[i].key));
        g_assert_nonnull(strstr(error->message, rows[i].value));
        g_assert_nonnull(strstr(error->message, rows[i].expected));
    }
}

static void
test_wrong_endpoints(Fixture *fixture, gconstpointer data)
{
    static const char *const rows[] = {
        "endpoint = mail.example.com\n",
        "endpoint = https://a/ b.example.com\n",
        "endpoint = ftp://a/\n",
        "endpoint = https://user:secret@a/\n",
        "endpoint = https://1/ https://2/ https://3/ https://4/ https://5/ https://6/ https://7/ "
        "https://8/ https://9/\n",
        "",
        "endpoint =\n"};
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strconcat(rows[i], "username = u\npassword_file = /p\n", NULL);
        g_autoptr(GError) error = NULL;
        g_assert_null(conf_of(text, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
        g_assert_nonnull(strstr(error->message, "endpoint"));
    }
}

/* What needs a password says so before anything is sent. */
static void
test_passwords(Fixture *fixture, gconstpointer data)
{
    static const struct {
        const char *auth;
        bool needed;
    } rows[] = {{"basic", true}, {"ntlm", true}, {"negotiate", false}, {"auto", false}};
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strdup_printf("endpoint = https://a/\nusername = u\nauth = %s\n"
                                                "throttle_file = %s/throttle.db\n",
                                                rows[i].auth, fixture->directory);
        g_autoptr(ExgConf) conf = conf_of(text, NULL);
        g_assert_nonnull(conf);
        g_autoptr(GError) error = NULL;
        g_autoptr(ExgAccount) account = exg_account_new(fixture->engine, conf, &error);
        g_assert_true((account == NULL) == rows[i].needed);
        if (!rows[i].needed)
            continue;
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
        g_assert_nonnull(strstr(error->message, "password_file"));
        g_assert_nonnull(strstr(error->message, rows[i].auth));
    }
}

static void
test_server(Fixture *fixture, gconstpointer data)
{
    static const struct {
        const char *url, *server;
    } rows[] = {
        {"https://Mail.Example.COM/EWS/Exchange.asmx", "mail.example.com"},
        {"https://mail.example.com:8443/EWS", "mail.example.com:8443"},
        {"https://[2001:DB8::1]:444/EWS", "[2001:db8::1]:444"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strdup_printf(
            "endpoint = %s\nusername = u\nthrottle_file = %s/throttle.db\npassword_file = %s\n",
            rows[i].url, fixture->directory, fixture->password);
        g_autoptr(ExgConf) conf = conf_of(text, NULL);
        g_assert_nonnull(conf);
        g_autoptr(ExgAccount) account = exg_account_new(fixture->engine, conf, NULL);
        ExgEwsServerVersion version;
        exg_ews_service_server_version(exg_account_ews(account), &version);
        g_assert_cmpstr(version.server, ==, rows[i].server);
    }
}

static void
test_no_credentials(Fixture *fixture, gconstpointer data)
{
    g_autofree char *text = g_strdup_printf("[exchange]\nendpoint = https://mail.example.com/\n"
                                            "password_file = %s\n",
                                            fixture->password);
    g_autoptr(ExgConf) conf = exg_conf_parse(text, strlen(text), "exgate.conf", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_null(exg_account_new(fixture->engine, conf, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_cmpstr(error->message, ==,
                    "exgate.conf: [exchange] username is not set, and password_file needs it");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add("/account/" #name, Fixture, NULL, set_up, test_##name, tear_down)
    ADD(faults);
    ADD(names);
    ADD(versions);
#undef ADD
#define ADD(name, function) g_test_add("/account/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("A15.5-access", test_access);
    ADD("A1.1,A1.7-defaults", test_defaults);
    ADD("A1.11-version-configured", test_version);
    ADD("A1.2-endpoints", test_endpoints);
    ADD("A1.3,A1.5-wrong-values", test_wrong_values);
    ADD("A1.2,A4.5-wrong-endpoints", test_wrong_endpoints);
    ADD("A1.6,A3.16,A5.3-passwords", test_passwords);
    ADD("A1.6,A3.16-no-credentials", test_no_credentials);
    ADD("A2-constants", test_constants);
    ADD("A1.9-server", test_server);
    return g_test_run();
}
