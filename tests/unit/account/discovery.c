/* endpoint = auto: what has to be configured for it, and how what was found is used. */
#include "common/account/discovery-private.h"

#include "common/account/account.h"
#include "common/autodiscover/cache.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/ews/folders/get-folder.h"
#include "tests/lib/ews-fixture.h"
#include "tests/lib/http-fixture.h"
#include "tests/lib/names.h"
#include "tests/lib/scratch.h"

#include <string.h>

#define FOLDER                                                                                     \
    EWS_TEST_SOAP("<m:GetFolderResponse><m:ResponseMessages><m:GetFolderResponseMessage "          \
                  "ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:Folders>"  \
                  "<t:Folder><t:FolderId Id=\"F\"/><t:DisplayName>Inbox</t:DisplayName>"           \
                  "</t:Folder></m:Folders></m:GetFolderResponseMessage></m:ResponseMessages>"      \
                  "</m:GetFolderResponse>")

typedef struct {
    HttpFixture http;
    TestIdentity *authority, *identity;
    char *directory, *password, *ca_file, *cache;
    bool done;
    char *endpoint;
    GError *error;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    f->directory = test_scratch_new();
    f->password = g_build_filename(f->directory, "password", NULL);
    f->ca_file = g_build_filename(f->directory, "ca.pem", NULL);
    f->cache = g_build_filename(f->directory, "discovery.db", NULL);
    f->authority = test_identity_new_authority("Account CA");
    f->identity = test_identity_new_server(f->authority, "127.0.0.1", -3600, 3600);
    test_identity_write(f->authority, f->ca_file);
    g_assert_true(g_file_set_contents(f->password, "hunter2", -1, NULL));
    test_names_begin(); /* there are none */
    http_fixture_init(&f->http, f->identity);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    http_fixture_clear(&f->http);
    test_names_end();
    test_scratch_free(f->directory);
    g_free(f->password);
    g_free(f->ca_file);
    g_free(f->cache);
    g_free(f->endpoint);
    g_clear_error(&f->error);
    test_identity_free(f->identity);
    test_identity_free(f->authority);
}

static ExgConf *
conf_of(Fixture *f, const char *more)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strdup_printf(
        "[exchange]\npassword_file = %s\nca_file = %s\ndiscovery_cache = %s\n"
        "throttle_file = %s/throttle.db\n%s",
        f->password, f->ca_file, f->cache, f->directory, more);
    ExgConf *conf = exg_conf_parse(text, strlen(text), "exgate.conf", &error);
    g_assert_no_error(error);
    return conf;
}

static void
put(Fixture *f, const char *domain, const char *endpoint)
{
    g_autoptr(ExgDiscoveryCache) cache = exg_discovery_cache_new(f->cache);
    exg_discovery_cache_put(cache, domain, endpoint, "host", NULL);
}

/* --- what is configured --------------------------------------------------------------------------- */

static void
test_address(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *conf;
        bool discovers, good;
    } rows[] = {
        {"endpoint = https://mail.example.com/EWS\nusername = u\n", false, true},
        {"endpoint = auto\nusername = svc@contoso.example\n", true, true},
        {"endpoint = auto\nusername = CONTOSO\\svc\ndiscover_address = a@contoso.example\n", true,
         true},
        {"endpoint = auto\nusername = CONTOSO\\svc\n", true, false},
        {"endpoint = auto\nusername = svc@localhost\n", true, false},
        {"endpoint = auto\nusername = u@contoso.example\ndiscover_address = nobody\n", true, false},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(ExgConf) conf = conf_of(f, rows[i].conf);
        g_autoptr(GError) error = NULL;
        g_assert_cmpint(exg_account_discovers(conf), ==, rows[i].discovers);
        g_assert_cmpint(exg_account_check_discovery(conf, &error), ==, rows[i].good);
        g_autoptr(ExgAccount) account = exg_account_new(f->http.engine, conf, NULL);
        g_assert_cmpint(account != NULL, ==, rows[i].good);
        if (rows[i].good)
            continue;
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
        g_assert_true(g_str_has_prefix(error->message, "exgate.conf"));
        g_assert_nonnull(strstr(error->message, "endpoint = auto needs the address of a mailbox"));
    }
}

/* --- the locator ---------------------------------------------------------------------------------- */

static void
on_found(GObject *source, GAsyncResult *result, gpointer data)
{
    Fixture *f = data;
    f->endpoint = exg_account_locator.find_finish(result, &f->error);
    f->done = true;
}

static void
find(Fixture *f, gpointer locator)
{
    f->done = false;
    g_clear_pointer(&f->endpoint, g_free);
    g_clear_error(&f->error);
    GMainContext *context = exg_engine_context(f->http.engine);
    g_main_context_push_thread_default(context);
    exg_account_locator.find(locator, exg_clock_deadline_ms(60000), NULL, on_found, f);
    g_main_context_pop_thread_default(context);
    http_fixture_until(&f->http, f->done);
}

/* The configured address decides, and what is forgotten is looked for anew. */
static void
test_locator(Fixture *f, gconstpointer data)
{
    g_autoptr(ExgConf) conf = conf_of(
        f, "endpoint = auto\nusername = svc@fabrikam.invalid\ndiscover_address = a@b.invalid\n");
    const ExgHttpClientOptions http = {
        .user_agent = "exgate-test/1", .connect_timeout_ms = 5000, .max_sessions = 1};
    put(f, "b.invalid", "https://mail.b.invalid/EWS");
    put(f, "fabrikam.invalid", "https://mail.fabrikam.invalid/EWS");
    gpointer locator = exg_account_locator_new(f->http.engine, conf, &http);
    g_clear_pointer(&conf, exg_conf_unref); /* the locator has a reference */
    find(f, locator);
    g_assert_no_error(f->error);
    g_assert_cmpstr(f->endpoint, ==, "https://mail.b.invalid/EWS");
    exg_account_locator.forget(locator);
    find(f, locator);
    g_assert_null(f->endpoint);
    g_assert_error(f->error, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    g_assert_cmpstr(exg_error_facts(f->error)->stage, ==, "discover");
    exg_account_locator.free(locator);
    g_autoptr(ExgDiscoveryCache) cache = exg_discovery_cache_new(f->cache);
    g_autoptr(ExgDiscoveryEntry) other = exg_discovery_cache_find(cache, "fabrikam.invalid");
    g_assert_nonnull(other);
}

/* --- the account ---------------------------------------------------------------------------------- */

typedef struct {
    Fixture *fixture;
    ExgEwsService *service;
} Call;

static void
on_folder(GObject *source, GAsyncResult *result, gpointer data)
{
    const Call *call = data;
    ExgEwsFolder *folder = NULL;
    (void)exg_ews_get_folder_finish(call->service, result, &folder, &call->fixture->error);
    exg_ews_folder_free(folder);
    call->fixture->done = true;
}

/* The configured scheme is used at once for what was found: nobody asks which one. */
static void
test_scheme(Fixture *f, gconstpointer data)
{
    g_autoptr(ExgConf)
        conf = conf_of(f, "endpoint = auto\nusername = svc@contoso.invalid\nauth = basic\n");
    g_autofree char *answer = g_strdup_printf(
        "HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: %zu\r\n\r\n%s",
        strlen(FOLDER), FOLDER);
    put(f, "contoso.invalid", test_server_url(f->http.server, NULL, "/EWS/Exchange.asmx"));
    test_server_script(f->http.server, READ, SEND(answer));
    g_autoptr(GError) error = NULL;
    ExgAccount *account = exg_account_new(f->http.engine, conf, &error);
    g_assert_no_error(error);
    const ExgEwsTarget target = exg_account_target(account, "ann@contoso.invalid");
    Call call = {f, exg_account_ews(account)};
    GMainContext *context = exg_engine_context(f->http.engine);
    g_main_context_push_thread_default(context);
    exg_ews_get_folder_async(call.service, &target, "inbox", exg_clock_deadline_ms(60000), NULL,
                             on_folder, &call);
    g_main_context_pop_thread_default(context);
    http_fixture_until(&f->http, f->done);
    g_assert_no_error(f->error);
    g_assert_cmpuint(test_server_requests(f->http.server), ==, 1);
    g_autofree char *head = test_server_head(f->http.server, 0);
    g_autofree char *authorization = test_head_value(head, "Authorization");
    g_assert_true(g_str_has_prefix(authorization, "Basic "));
    exg_account_unref(account);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function)                                                                        \
    g_test_add("/account/discovery/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("C1.6-address", test_address);
    ADD("C7.1-locator", test_locator);
    ADD("C1.4,C1.5-scheme", test_scheme);
    return g_test_run();
}
