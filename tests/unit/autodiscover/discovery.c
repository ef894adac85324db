/* Discovery among servers that are right, wrong, slow, dead and hostile. */
#include "common/autodiscover/discovery.h"

#include "common/auth/basic.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "tests/lib/http-fixture.h"
#include "tests/lib/web.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DOMAIN   "contoso.example"
#define HOST     "autodiscover." DOMAIN
#define ADDRESS  "ann@" DOMAIN
#define EWS      "https://mail." DOMAIN "/EWS/Exchange.asmx"
#define PATIENCE 10000
#define SOON_MS  8000 /* less than a server that says nothing is waited for */

/* --- answers ---------------------------------------------------------------------------------- */

#define SPACE "http://schemas.microsoft.com/exchange/2010/Autodiscover"
#define SOAP_USER(code, inside)                                                                    \
    "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>"                   \
    "<GetUserSettingsResponseMessage xmlns=\"" SPACE "\"><Response><ErrorCode>NoError</ErrorCode>" \
    "<UserResponses><UserResponse><ErrorCode>" code "</ErrorCode><ErrorMessage>words"              \
    "</ErrorMessage>" inside "</UserResponse></UserResponses></Response>"                          \
    "</GetUserSettingsResponseMessage></s:Body></s:Envelope>"
#define SOAP_SETTINGS(url)                                                                         \
    SOAP_USER("NoError", "<UserSettings><UserSetting><Name>ExternalEwsUrl</Name><Value>" url       \
                         "</Value></UserSetting></UserSettings>")
#define POX(inside)                                                                                \
    "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/"     \
    "2006\"><Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/"         \
    "responseschema/2006a\">" inside "</Response></Autodiscover>"
#define POX_SETTINGS(url)                                                                          \
    POX("<Account><AccountType>email</AccountType><Action>settings</Action><Protocol><Type>EXPR"   \
        "</Type><EwsUrl>" url "</EwsUrl></Protocol></Account>")
#define JSON_SETTINGS(url) "{\"Protocol\":\"EWS\",\"Url\":\"" url "\"}"

/* --- the world -------------------------------------------------------------------------------- */

typedef struct {
    TestIdentity *authority;
    TestWeb *web;
    ExgEngine *engine;
    char *ca_file;
    ExgHttpAuthenticator *authenticator;
    ExgDiscoveryOptions options;
    GString *trace;
    guint asked; /* how often the user was asked */
    const char *approves;
    gint64 deadline_us;
    GCancellable *cancellable;
} World;

static void
on_trace(const ExgDiscoveryEvent *event, gpointer data)
{
    World *world = data;
    g_string_append_printf(world->trace, "%s %s%s %d %s\n", exg_discovery_step_name(event->step),
                           event->url, event->credentials ? " with credentials" : "", event->status,
                           event->sentence);
}

static bool
on_approve(const char *host, gpointer data)
{
    World *world = data;
    world->asked++;
    return g_strcmp0(host, world->approves) == 0;
}

static void
world_init(World *world)
{
    static const char password[] = "secret";
    *world = (World){.deadline_us = EXG_NO_DEADLINE, .trace = g_string_new(NULL)};
    world->authority = test_identity_new_authority("World CA");
    world->web = test_web_new(world->authority);
    world->engine = exg_engine_new(NULL);
    world->ca_file = g_build_filename(g_get_tmp_dir(), "exgate-world-XXXXXX", NULL);
    close(g_mkstemp(world->ca_file));
    test_identity_write(world->authority, world->ca_file);
    g_autoptr(ExgSecret) secret = exg_secret_new(password, strlen(password));
    world->authenticator = exg_auth_basic_new("ann", secret);
    world->options = (ExgDiscoveryOptions){
        .http = {.authenticator = world->authenticator,
                 .user_agent = "exgate-test/1",
                 .ca_file = world->ca_file,
                 .tls_verify = true,
                 .connect_timeout_ms = PATIENCE,
                 .idle_timeout_ms = PATIENCE,
                 .max_sessions = 2},
        .https_port = test_web_https_port(world->web),
        .http_port = test_web_http_port(world->web),
        .trace = on_trace,
        .trace_data = world,
    };
}

static void
run_engine(World *world)
{
    while (exg_engine_iterate(world->engine, false))
        continue;
}

static void
world_clear(World *world)
{
    run_engine(world);
    exg_http_authenticator_unref(world->authenticator);
    exg_engine_unref(world->engine);
    test_web_free(world->web);
    test_identity_free(world->authority);
    unlink(world->ca_file);
    g_free(world->ca_file);
    g_string_free(world->trace, TRUE);
    g_clear_object(&world->cancellable);
}

/* The hosts of contoso.example, all of which answer 404 as long as there is no rule. */
static void
add_hosts(World *world)
{
    test_web_add_host(world->web, DOMAIN);
    test_web_add_host(world->web, HOST);
}

static void
answer(World *world, const char *host, const char *path, const char *type, const char *body)
{
    g_autofree char *text = test_web_answer(200, NULL, type, body);
    test_web_rule(world->web, "https", host, path, TEST_WEB_ANSWER, text, 0);
}

static void
answer_json(World *world, const char *host, const char *body)
{
    answer(world, host, "/autodiscover/autodiscover.json", "application/json", body);
}

static void
answer_soap(World *world, const char *host, const char *body)
{
    answer(world, host, "/autodiscover/autodiscover.svc", "text/xml", body);
}

static void
answer_pox(World *world, const char *host, const char *body)
{
    answer(world, host, "/autodiscover/autodiscover.xml", "text/xml", body);
}

static void
answer_status(World *world, const char *host, const char *path, int status)
{
    const char *header = status == 401 ? "WWW-Authenticate: Basic realm=\"x\"" : NULL;
    g_autofree char *text = test_web_answer(status, header, "text/html", "<html>no</html>");
    test_web_rule(world->web, "https", host, path, TEST_WEB_ANSWER, text, 0);
}

static void
answer_redirect(World *world, const char *scheme, const char *host, const char *path,
                const char *to_scheme, const char *target_host, const char *target_path)
{
    guint port = g_str_equal(to_scheme, "https") ? world->options.https_port
                                                 : world->options.http_port;
    g_autofree char *header = g_strdup_printf("Location: %s://%s:%u%s", to_scheme, target_host,
                                              port, target_path);
    g_autofree char *text = test_web_answer(302, header, "text/html", "");
    test_web_rule(world->web, scheme, host, path, TEST_WEB_ANSWER, text, 0);
}

/* --- one discovery ---------------------------------------------------------------------------- */

typedef struct {
    ExgDiscoveryResult *result;
    GError *error;
    gint64 began_us, ended_us;
    bool done;
} Search;

static void
on_done(GObject *source, GAsyncResult *result, gpointer data)
{
    Search *search = data;
    g_assert_false(search->done);
    search->done = true;
    search->result = exg_discovery_finish(result, &search->error);
    search->ended_us = g_get_monotonic_time();
    g_assert_true((search->result != NULL) != (search->error != NULL));
}

static void
nothing(gpointer data)
{
}

static void
search_start(World *world, const char *address, Search *search)
{
    *search = (Search){.began_us = g_get_monotonic_time()};
    GMainContext *context = exg_engine_context(world->engine);
    g_main_context_push_thread_default(context);
    exg_discovery_async(world->engine, &world->options, address, world->deadline_us,
                        world->cancellable, on_done, search);
    g_main_context_pop_thread_default(context);
}

static void
search_wait(World *world, Search *search)
{
    ExgTimer round;
    exg_timer_init(&round, world->engine, nothing, NULL);
    while (!search->done) {
        exg_timer_set(&round, exg_clock_deadline_ms(20));
        exg_engine_iterate(world->engine, true);
    }
    exg_timer_cancel(&round);
}

static void
search_clear(Search *search)
{
    exg_discovery_result_free(search->result);
    g_clear_error(&search->error);
}

static gint64
took_ms(const Search *search)
{
    return (search->ended_us - search->began_us) / 1000;
}

static void
search_for(World *world, const char *address, Search *search)
{
    search_start(world, address, search);
    search_wait(world, search);
    run_engine(world);
}

static void
expect(World *world, ExgDiscoveryStep step, const char *endpoint)
{
    Search search;
    search_for(world, ADDRESS, &search);
    g_assert_no_error(search.error);
    g_assert_cmpstr(search.result->endpoint, ==, endpoint);
    g_assert_cmpstr(exg_discovery_step_name(search.result->step), ==,
                    exg_discovery_step_name(step));
    search_clear(&search);
}

static void
expect_error(World *world, ExgErrorCode code, const char *part)
{
    Search search;
    search_for(world, ADDRESS, &search);
    g_assert_error(search.error, EXG_ERROR, (int)code);
    if (strstr(search.error->message, part) == NULL)
        g_error("\"%s\" is not in \"%s\"", part, search.error->message);
    search_clear(&search);
}

static void
expect_trusted(World *world, const char *hosts)
{
    g_autofree char *trusted = test_web_trusted(world->web);
    g_assert_cmpstr(trusted, ==, hosts);
}

#define WORLD                                                                                      \
    World world __attribute__((cleanup(world_clear)));                                             \
    world_init(&world)

/* --- addresses -------------------------------------------------------------------------------- */

static void
test_domain(void)
{
    static const struct {
        const char *address, *domain;
    } rows[] = {
        {"ann@Contoso.Example", "contoso.example"},
        {"ann@b\303\274cher.example", "xn--bcher-kva.example"},
        {"ann@mail.contoso.example", "mail.contoso.example"},
        {"\"a@b\"@contoso.example", "contoso.example"},
        {"ann", NULL},
        {"ann@", NULL},
        {"@contoso.example", NULL},
        {"ann@example", NULL},
        {"ann@192.0.2.1", NULL},
        {"ann@[192.0.2.1]", NULL},
        {"ann@::1", NULL},
        {"ann@contoso..example", NULL},
        {"ann@.contoso.example", NULL},
        {"ann@contoso.example.", NULL},
        {"ann@contoso.example/x", NULL},
        {"ann@contoso.example:8443", NULL},
        {"ann\r\nX: y@contoso.example", NULL},
        {"", NULL},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *domain = exg_discovery_domain(rows[i].address, &error);
        g_assert_cmpstr(domain, ==, rows[i].domain);
        if (rows[i].domain == NULL)
            g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    }
    WORLD;
    Search search;
    search_for(&world, "nobody", &search);
    g_assert_error(search.error, EXG_ERROR, EXG_ERROR_CONFIG);
    search_clear(&search);
}

/* --- the steps -------------------------------------------------------------------------------- */

static void
test_step_domain(void)
{
    WORLD;
    add_hosts(&world);
    answer_json(&world, DOMAIN, JSON_SETTINGS(EWS));
    expect(&world, EXG_DISCOVERY_DOMAIN, EWS);
    expect_trusted(&world, "");
}

static void
test_step_host_json(void)
{
    WORLD;
    add_hosts(&world);
    answer_json(&world, HOST, JSON_SETTINGS(EWS));
    answer_soap(&world, HOST, SOAP_SETTINGS("https://not.this/"));
    expect(&world, EXG_DISCOVERY_HOST, EWS);
    expect_trusted(&world, "");
}

static void
test_step_host_soap(void)
{
    WORLD;
    add_hosts(&world);
    answer_soap(&world, HOST, SOAP_SETTINGS(EWS));
    expect(&world, EXG_DISCOVERY_HOST, EWS);
    expect_trusted(&world, HOST);
    g_assert_nonnull(strstr(world.trace->str, "autodiscover.svc with credentials 200 settings"));
}

static void
test_step_host_pox(void)
{
    WORLD;
    add_hosts(&world);
    answer_pox(&world, HOST, POX_SETTINGS(EWS));
    expect(&world, EXG_DISCOVERY_HOST, EWS);
    expect_trusted(&world, HOST);
}

/* exchangelib stops where a web server asks for a login (C7.2), and gives it the password (C7.4). */
static void
test_domain_asks_for_login(void)
{
    WORLD;
    add_hosts(&world);
    answer_status(&world, DOMAIN, "/", 401);
    answer_soap(&world, HOST, SOAP_SETTINGS(EWS));
    expect(&world, EXG_DISCOVERY_HOST, EWS);
    expect_trusted(&world, HOST);
    g_assert_cmpuint(test_web_requests(world.web, DOMAIN), <=, 1);
}

static void
test_step_http(void)
{
    WORLD;
    add_hosts(&world);
    test_web_add_host(world.web, "mail." DOMAIN);
    answer_redirect(&world, "http", HOST, "/autodiscover/autodiscover.xml", "https", "mail." DOMAIN,
                    "/autodiscover/autodiscover.xml");
    answer_json(&world, "mail." DOMAIN, JSON_SETTINGS(EWS));
    expect(&world, EXG_DISCOVERY_REDIRECT, EWS);
    /* Plain HTTP vouches for nobody. */
    g_assert_cmpuint(test_web_credentials(world.web, "mail." DOMAIN), ==, 0);
    g_assert_cmpuint(test_web_credentials(world.web, DOMAIN), ==, 0);
}

static void
test_http_only_redirects(void)
{
    static const char *const bad[] = {"/x",
                                      "http://autodiscover." DOMAIN "/autodiscover.xml",
                                      "nonsense",
                                      "ftp://h/",
                                      "https://[::1]/autodiscover.xml",
                                      "https://ann:pw@mail." DOMAIN "/autodiscover.xml"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        WORLD;
        add_hosts(&world);
        g_autofree char *header = g_strconcat("Location: ", bad[i], NULL);
        g_autofree char *text = test_web_answer(301, header, "text/html", "");
        test_web_rule(world.web, "http", HOST, "/", TEST_WEB_ANSWER, text, 0);
        expect_error(&world, EXG_ERROR_UNREACHABLE, "http://" HOST);
    }
    WORLD; /* a settings answer by plain HTTP is nobody's word */
    add_hosts(&world);
    g_autofree char *text = test_web_answer(200, NULL, "application/json", JSON_SETTINGS(EWS));
    test_web_rule(world.web, "http", HOST, "/", TEST_WEB_ANSWER, text, 0);
    expect_error(&world, EXG_ERROR_UNREACHABLE, "HTTP 200 where a redirection was looked for");
    expect_trusted(&world, HOST);
}

static void
test_http_to_stranger(void)
{
    WORLD;
    add_hosts(&world);
    test_web_add_host(world.web, "evil.example");
    answer_redirect(&world, "http", HOST, "/", "https", "evil.example",
                    "/autodiscover/autodiscover.xml");
    answer_pox(&world, "evil.example", POX_SETTINGS("https://evil.example/EWS"));
    answer_json(&world, "evil.example", JSON_SETTINGS("https://evil.example/EWS"));
    expect_error(&world, EXG_ERROR_UNREACHABLE, "nobody has approved");
    g_assert_cmpuint(test_web_requests(world.web, "evil.example"), ==, 0);

    /* The user may say yes. */
    world.options.approve = on_approve;
    world.options.approve_data = &world;
    world.approves = "evil.example";
    expect(&world, EXG_DISCOVERY_REDIRECT, "https://evil.example/EWS");
    g_assert_cmpuint(world.asked, >, 0);
}

static void
test_approved(void)
{
    static const char *const approved[] = {"eas.hoster.example", NULL};
    WORLD;
    add_hosts(&world);
    test_web_add_host(world.web, approved[0]);
    answer_redirect(&world, "http", HOST, "/", "https", approved[0],
                    "/autodiscover/autodiscover.xml");
    answer_pox(&world, approved[0], POX_SETTINGS("https://ews.hoster.example/EWS/Exchange.asmx"));
    world.options.approved_hosts = approved;
    expect(&world, EXG_DISCOVERY_REDIRECT, "https://ews.hoster.example/EWS/Exchange.asmx");
    expect_trusted(&world, HOST " eas.hoster.example");
}

/* --- SRV -------------------------------------------------------------------------------------- */

/* exchangelib takes the greatest number; RFC 2782 wants the lowest. */
static void
test_srv_priority(void)
{
    WORLD;
    guint port = world.options.https_port;
    test_web_add_srv(world.web, DOMAIN, 10, 0, port, "backup." DOMAIN);
    test_web_add_srv(world.web, DOMAIN, 0, 100, port, "primary." DOMAIN);
    test_web_add_host(world.web, "primary." DOMAIN);
    test_web_add_host(world.web, "backup." DOMAIN);
    answer_json(&world, "primary." DOMAIN, JSON_SETTINGS(EWS));
    answer_json(&world, "backup." DOMAIN, JSON_SETTINGS("https://wrong." DOMAIN "/"));
    expect(&world, EXG_DISCOVERY_SRV, EWS);
}

static void
test_srv_next(void)
{
    WORLD;
    guint port = world.options.https_port;
    test_web_add_srv(world.web, DOMAIN, 0, 0, port, "dead." DOMAIN);
    test_web_add_srv(world.web, DOMAIN, 1, 0, port, "backup." DOMAIN);
    test_web_add_host(world.web, "backup." DOMAIN);
    answer_json(&world, "backup." DOMAIN, JSON_SETTINGS(EWS));
    expect(&world, EXG_DISCOVERY_SRV, EWS);
}

/* Within a priority the weight decides how often a target comes first. */
static void
test_srv_weight(void)
{
    WORLD;
    guint port = world.options.https_port;
    test_web_add_srv(world.web, DOMAIN, 5, 1, port, "light." DOMAIN);
    test_web_add_srv(world.web, DOMAIN, 5, 1000, port, "heavy." DOMAIN);
    test_web_add_host(world.web, "light." DOMAIN);
    test_web_add_host(world.web, "heavy." DOMAIN);
    answer_json(&world, "light." DOMAIN, JSON_SETTINGS("https://light." DOMAIN "/"));
    answer_json(&world, "heavy." DOMAIN, JSON_SETTINGS("https://heavy." DOMAIN "/"));
    guint heavy = 0;
    for (guint i = 0; i < 20; i++) {
        Search search;
        search_for(&world, ADDRESS, &search);
        g_assert_no_error(search.error);
        heavy += g_str_equal(search.result->endpoint, "https://heavy." DOMAIN "/");
        search_clear(&search);
    }
    g_assert_cmpuint(heavy, >=, 10);
}

static void
test_srv_refused(void)
{
    WORLD;
    test_web_add_srv(world.web, DOMAIN, 0, 0, 1, "odd." DOMAIN);
    test_web_add_host(world.web, "odd." DOMAIN);
    answer_json(&world, "odd." DOMAIN, JSON_SETTINGS(EWS));
    expect_error(&world, EXG_ERROR_UNREACHABLE, "SRV record");
    g_assert_nonnull(strstr(world.trace->str, "only port 443"));
    g_assert_cmpuint(test_web_requests(world.web, "odd." DOMAIN), ==, 0);
}

static void
test_srv_none(void)
{
    WORLD;
    test_web_add_srv(world.web, DOMAIN, 0, 0, world.options.https_port, ".");
    expect_error(&world, EXG_ERROR_UNREACHABLE, "SRV record");
}

/* A stranger may be asked without credentials; what he says counts where it leads home. */
static void
test_srv_stranger(void)
{
    WORLD;
    test_web_add_srv(world.web, DOMAIN, 0, 0, world.options.https_port, "srv.hoster.example");
    test_web_add_host(world.web, "srv.hoster.example");
    answer_json(&world, "srv.hoster.example", JSON_SETTINGS("https://ews.hoster.example/"));
    answer_soap(&world, "srv.hoster.example", SOAP_SETTINGS("https://ews.hoster.example/"));
    expect_error(&world, EXG_ERROR_UNREACHABLE, "nobody has approved");
    expect_trusted(&world, "");
}

/* --- redirections ----------------------------------------------------------------------------- */

static void
test_redirect_kinds(void)
{
    static const char soap_url[] = SOAP_USER("RedirectUrl",
                                             "<RedirectTarget>https://mail." DOMAIN
                                             ":%u/autodiscover/autodiscover.svc</RedirectTarget>");
    static const char pox_url[] = POX(
        "<Account><Action>redirectUrl</Action><RedirectUrl>https://mail." DOMAIN
        ":%u/autodiscover/autodiscover.xml</RedirectUrl></Account>");
    for (guint kind = 0; kind < 4; kind++) {
        WORLD;
        add_hosts(&world);
        test_web_add_host(world.web, "mail." DOMAIN);
        g_autofree char *soap = g_strdup_printf(soap_url, world.options.https_port);
        g_autofree char *pox = g_strdup_printf(pox_url, world.options.https_port);
        if (kind == 0)
            answer_soap(&world, HOST, soap);
        else if (kind == 1)
            answer_pox(&world, HOST, pox);
        else
            answer_redirect(&world, "https", HOST,
                            kind == 2 ? "/autodiscover/autodiscover.json"
                                      : "/autodiscover/autodiscover.svc",
                            "https", "mail." DOMAIN, "/autodiscover/autodiscover.svc");
        answer_soap(&world, "mail." DOMAIN, SOAP_SETTINGS(EWS));
        expect(&world, EXG_DISCOVERY_REDIRECT, EWS);
        g_assert_cmpuint(test_web_credentials(world.web, "mail." DOMAIN), >=, 1);
        g_assert_cmpuint(test_web_credentials(world.web, DOMAIN), ==, 0);
    }
}

/* Where everything is led to a login page, the next protocol is asked. */
static void
test_login_page(void)
{
    WORLD;
    add_hosts(&world);
    answer_redirect(&world, "https", HOST, "/autodiscover/autodiscover.json", "https", HOST,
                    "/owa");
    answer_soap(&world, HOST, SOAP_SETTINGS(EWS));
    expect(&world, EXG_DISCOVERY_HOST, EWS);
}

/* Even a host that is vouched for does not lead credentials out of the domain. */
static void
test_redirect_stranger(void)
{
    WORLD;
    add_hosts(&world);
    test_web_add_host(world.web, "evil.example");
    answer_redirect(&world, "https", HOST, "/", "https", "evil.example",
                    "/autodiscover/autodiscover.svc");
    answer_soap(&world, "evil.example", SOAP_SETTINGS("https://evil.example/EWS"));
    expect_error(&world, EXG_ERROR_UNREACHABLE, "nobody has approved");
    g_assert_cmpuint(test_web_requests(world.web, "evil.example"), ==, 0);
}

/* "contoso.example" is not "notcontoso.example". */
static void
test_redirect_neighbour(void)
{
    WORLD;
    add_hosts(&world);
    test_web_add_host(world.web, "not" DOMAIN);
    answer_redirect(&world, "https", HOST, "/", "https", "not" DOMAIN,
                    "/autodiscover/autodiscover.svc");
    expect_error(&world, EXG_ERROR_UNREACHABLE, "nobody has approved");
    g_assert_cmpuint(test_web_requests(world.web, "not" DOMAIN), ==, 0);
}

static void
test_circle_of_urls(void)
{
    WORLD;
    add_hosts(&world);
    test_web_add_host(world.web, "mail." DOMAIN);
    answer_redirect(&world, "https", HOST, "/autodiscover/autodiscover.svc", "https",
                    "mail." DOMAIN, "/autodiscover/autodiscover.svc");
    answer_redirect(&world, "https", "mail." DOMAIN, "/", "https", HOST,
                    "/autodiscover/autodiscover.svc");
    expect_error(&world, EXG_ERROR_UNREACHABLE, "asked already");
    g_assert_cmpuint(test_web_requests(world.web, "mail." DOMAIN), ==, 1);
}

static void
test_itself(void)
{
    WORLD;
    add_hosts(&world);
    answer_redirect(&world, "https", HOST, "/autodiscover/autodiscover.svc", "https", HOST,
                    "/autodiscover/autodiscover.svc");
    answer_pox(&world, HOST, POX_SETTINGS(EWS));
    expect(&world, EXG_DISCOVERY_HOST, EWS);
}

static void
test_hops(void)
{
    WORLD;
    add_hosts(&world);
    for (guint i = 0; i < 20; i++) {
        g_autofree char *from = i == 0 ? g_strdup(HOST) : g_strdup_printf("h%u." DOMAIN, i);
        g_autofree char *to = g_strdup_printf("h%u." DOMAIN, i + 1);
        test_web_add_host(world.web, to);
        answer_redirect(&world, "https", from, "/autodiscover/autodiscover.svc", "https", to,
                        "/autodiscover/autodiscover.svc");
    }
    expect_error(&world, EXG_ERROR_UNREACHABLE, "too many redirections");
    g_assert_cmpuint(test_web_requests(world.web, "h10." DOMAIN), ==, 1);
    g_assert_cmpuint(test_web_requests(world.web, "h11." DOMAIN), ==, 0);
}

/* Two addresses that end at one host, as in every hybrid organisation. */
static void
test_hybrid(void)
{
    static const char *const approved[] = {"autodiscover-s.cloud.example", NULL};
    static const char front[] = "autodiscover-s.cloud.example";
    static const char tenant[] = "autodiscover.tenant.cloud.example";
    WORLD;
    add_hosts(&world);
    test_web_add_host(world.web, front);
    test_web_add_host(world.web, tenant);
    world.options.approved_hosts = approved;
    answer_redirect(&world, "http", HOST, "/", "https", front, "/autodiscover/autodiscover.svc");
    /* The first time it names the other address, then it is where that leads too. */
    g_autofree char *first = test_web_answer(
        200, NULL, "text/xml",
        SOAP_USER("RedirectAddress", "<RedirectTarget>ann@tenant.cloud.example</RedirectTarget>"));
    test_web_rule(world.web, "https", front, "/autodiscover/autodiscover.svc", TEST_WEB_ONCE, first,
                  0);
    answer_soap(&world, front, SOAP_SETTINGS("https://outlook.cloud.example/EWS/Exchange.asmx"));
    answer_redirect(&world, "https", tenant, "/", "https", front, "/autodiscover/autodiscover.svc");
    Search search;
    search_for(&world, ADDRESS, &search);
    g_assert_no_error(search.error);
    g_assert_cmpstr(search.result->endpoint, ==, "https://outlook.cloud.example/EWS/Exchange.asmx");
    g_assert_cmpstr(search.result->address, ==, "ann@tenant.cloud.example");
    search_clear(&search);
    g_assert_cmpuint(test_web_credentials(world.web, front), ==, 2);
}

static void
test_circle_of_addresses(void)
{
    WORLD;
    add_hosts(&world);
    test_web_add_host(world.web, "autodiscover.fabrikam.example");
    answer_soap(
        &world, HOST,
        SOAP_USER("RedirectAddress", "<RedirectTarget>ann@fabrikam.example</RedirectTarget>"));
    answer_soap(
        &world, "autodiscover.fabrikam.example",
        SOAP_USER("RedirectAddress", "<RedirectTarget>ANN@contoso.example</RedirectTarget>"));
    expect_error(&world, EXG_ERROR_UNREACHABLE, "lead in a circle");
    g_assert_cmpuint(test_web_credentials(world.web, HOST), ==, 1);
}

/* --- answers that are none -------------------------------------------------------------------- */

/* exchangelib takes the first such answer for the last word, and remembers it. */
static void
test_not_responsible(void)
{
    static const char *const codes[] = {
        SOAP_USER("InvalidDomain", ""), SOAP_USER("InvalidRequest", ""),
        SOAP_USER("NotFederated", ""), SOAP_USER("SettingIsNotAvailable", "")};
    for (gsize i = 0; i < G_N_ELEMENTS(codes); i++) {
        WORLD;
        add_hosts(&world);
        answer_soap(&world, HOST, codes[i]);
        test_web_add_srv(world.web, DOMAIN, 0, 0, world.options.https_port, "mail." DOMAIN);
        test_web_add_host(world.web, "mail." DOMAIN);
        answer_json(&world, "mail." DOMAIN, JSON_SETTINGS(EWS));
        expect(&world, EXG_DISCOVERY_SRV, EWS);
    }
}

static void
test_no_user(void)
{
    WORLD;
    add_hosts(&world);
    answer_soap(&world, HOST, SOAP_USER("InvalidUser", ""));
    expect_error(&world, EXG_ERROR_NO_MAILBOX, ADDRESS);
}

/* A stranger's word is not enough. */
static void
test_no_user_says_a_stranger(void)
{
    WORLD;
    add_hosts(&world);
    answer_json(&world, DOMAIN, "{\"ErrorCode\":\"UserNotFound\",\"ErrorMessage\":\"x\"}");
    answer_soap(&world, HOST, SOAP_SETTINGS(EWS));
    expect(&world, EXG_DISCOVERY_HOST, EWS);
}

static void
test_wrong_password(void)
{
    WORLD;
    add_hosts(&world);
    answer_status(&world, HOST, "/autodiscover/autodiscover.svc", 401);
    answer_status(&world, HOST, "/autodiscover/autodiscover.xml", 401);
    expect_error(&world, EXG_ERROR_AUTH, HOST);
    g_assert_cmpuint(test_web_credentials(world.web, HOST), ==, 1); /* or the account gets locked */
}

static void
test_no_credentials(void)
{
    WORLD;
    add_hosts(&world);
    world.options.http.authenticator = NULL;
    answer_soap(&world, HOST, SOAP_SETTINGS(EWS));
    expect_error(&world, EXG_ERROR_UNREACHABLE, HOST);
    expect_trusted(&world, "");
}

/* --- time ------------------------------------------------------------------------------------- */

static void
test_black_hole(void)
{
    WORLD;
    test_web_add_black_hole(world.web, DOMAIN);
    test_web_add_host(world.web, HOST);
    answer_json(&world, HOST, JSON_SETTINGS(EWS));
    Search search;
    search_for(&world, ADDRESS, &search);
    g_assert_no_error(search.error);
    g_assert_cmpint(took_ms(&search), <,
                    SOON_MS); /* one after the other it takes EXG_VISIT_TIMEOUT_MS */
    g_test_message("with a black hole in front: %d ms", (int)took_ms(&search));
    search_clear(&search);
    g_assert_nonnull(strstr(world.trace->str, "not waited for"));
}

static void
test_silent_name(void)
{
    WORLD;
    test_web_add_silent_name(world.web, DOMAIN);
    test_web_add_silent_name(world.web, HOST);
    test_web_add_srv(world.web, DOMAIN, 0, 0, world.options.https_port, "mail." DOMAIN);
    test_web_add_host(world.web, "mail." DOMAIN);
    answer_json(&world, "mail." DOMAIN, JSON_SETTINGS(EWS));
    Search search;
    search_for(&world, ADDRESS, &search);
    g_assert_no_error(search.error);
    g_assert_cmpint(search.result->step, ==, EXG_DISCOVERY_SRV);
    g_assert_cmpint(took_ms(&search), <, SOON_MS);
    search_clear(&search);
}

static void
test_deadline(void)
{
    WORLD;
    test_web_add_black_hole(world.web, DOMAIN);
    test_web_add_black_hole(world.web, HOST);
    test_web_add_srv(world.web, DOMAIN, 0, 0, world.options.https_port, NULL);
    world.deadline_us = exg_clock_deadline_ms(1000);
    Search search;
    search_for(&world, ADDRESS, &search);
    g_assert_error(search.error, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    g_assert_nonnull(strstr(search.error->message, "in time"));
    g_assert_cmpint(took_ms(&search), >=, 990);
    g_assert_cmpint(took_ms(&search), <, SOON_MS);
    search_clear(&search);
}

static void
test_cancel(void)
{
    WORLD;
    test_web_add_black_hole(world.web, DOMAIN);
    test_web_add_black_hole(world.web, HOST);
    test_web_add_silent_name(world.web, "mail." DOMAIN);
    test_web_add_srv(world.web, DOMAIN, 0, 0, world.options.https_port, "mail." DOMAIN);
    for (guint rounds = 0; rounds < 60; rounds += 15) {
        g_clear_object(&world.cancellable);
        world.cancellable = g_cancellable_new();
        Search search;
        search_start(&world, ADDRESS, &search);
        for (guint i = 0; i < rounds; i++) {
            ExgTimer round;
            exg_timer_init(&round, world.engine, nothing, NULL);
            exg_timer_set(&round, exg_clock_deadline_ms(20));
            exg_engine_iterate(world.engine, true);
            exg_timer_cancel(&round);
        }
        g_cancellable_cancel(world.cancellable);
        search_wait(&world, &search);
        g_assert_error(search.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
        search_clear(&search);
        run_engine(&world);
    }
}

/* exchangelib needs the sum of all, since one lock is held over each of them. */
static void
test_many(void)
{
    enum { MANY = 50, SLOW_MS = 1500 };
    WORLD;
    Search searches[MANY];
    for (guint i = 0; i < MANY; i++) {
        g_autofree char *domain = g_strdup_printf("d%u.example", i);
        g_autofree char *host = g_strconcat("autodiscover.", domain, NULL);
        g_autofree char *json = g_strdup_printf(JSON_SETTINGS("https://mail.%s/EWS"), domain);
        g_autofree char *text = test_web_answer(200, NULL, "application/json", json);
        test_web_add_black_hole(world.web, domain);
        test_web_add_host(world.web, host);
        test_web_rule(world.web, "https", host, "/", TEST_WEB_DELAY, text, SLOW_MS);
    }
    world.options.trace = NULL;
    gint64 began_us = g_get_monotonic_time();
    for (guint i = 0; i < MANY; i++) {
        g_autofree char *address = g_strdup_printf("ann@d%u.example", i);
        search_start(&world, address, &searches[i]);
    }
    for (guint i = 0; i < MANY; i++)
        search_wait(&world, &searches[i]);
    gint64 ms = (g_get_monotonic_time() - began_us) / 1000;
    for (guint i = 0; i < MANY; i++) {
        g_autofree char *endpoint = g_strdup_printf("https://mail.d%u.example/EWS", i);
        g_assert_no_error(searches[i].error);
        g_assert_cmpstr(searches[i].result->endpoint, ==, endpoint);
        search_clear(&searches[i]);
    }
    g_test_message("%d at once, each %d ms: %d ms", MANY, SLOW_MS, (int)ms);
    g_assert_cmpint(ms, <, MANY * SLOW_MS / 3);
}

/* --- torture ---------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    TestWebAction action;
    const char *text; /* an HTTP answer; "401" and the like: that status */
    gsize amount;
} Damage;

static const Damage damages[] = {
    {"black hole", TEST_WEB_SILENT, NULL, 0},
    {"reset at once", TEST_WEB_RESET, "", 0},
    {"reset in the head", TEST_WEB_RESET, "HTTP/1.1 200 OK\r\nContent-", 20},
    {"reset in the body", TEST_WEB_RESET,
     "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"Url\":", 46},
    {"401", TEST_WEB_ANSWER, "401", 0},
    {"403", TEST_WEB_ANSWER, "403", 0},
    {"500", TEST_WEB_ANSWER, "500", 0},
    {"503", TEST_WEB_ANSWER, "503", 0},
    {"HTML", TEST_WEB_ANSWER, "200", 0},
    {"wrong namespace", TEST_WEB_ANSWER,
     "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 27\r\n\r\n"
     "<Autodiscover xmlns=\"x:y\"/>",
     0},
    {"empty", TEST_WEB_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0},
    {"50 MB", TEST_WEB_FLOOD,
     "<a>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa</a>",
     50 * 1000 * 1000},
    {"no HTTP", TEST_WEB_ANSWER, "220 mail ESMTP\r\n\r\n", 0},
    {"to itself", TEST_WEB_ANSWER, "loop", 0},
    {"to http", TEST_WEB_ANSWER,
     "HTTP/1.1 302 x\r\nLocation: http://mail." DOMAIN "/\r\nContent-Length: 0\r\n\r\n", 0},
    {"to a stranger", TEST_WEB_ANSWER,
     "HTTP/1.1 302 x\r\nLocation: https://evil.example/autodiscover/autodiscover.svc\r\n"
     "Content-Length: 0\r\n\r\n",
     0},
};

static void
do_damage(World *world, const char *scheme, const char *host, const Damage *damage)
{
    g_autofree char *text = g_strdup(damage->text);
    if (damage->text != NULL && g_ascii_isdigit(damage->text[0]) && strlen(damage->text) == 3) {
        g_free(text);
        text = test_web_answer(atoi(damage->text),
                               damage->text[0] == '4' ? "WWW-Authenticate: Basic realm=\"x\""
                                                      : NULL,
                               "text/html", "<html><body>no</body></html>");
    } else if (g_strcmp0(damage->text, "loop") == 0) {
        bool tls = g_str_equal(scheme, "https");
        answer_redirect(world, scheme, host, "/", scheme, host,
                        tls ? "/autodiscover/autodiscover.svc" : "/autodiscover/autodiscover.xml");
        return;
    }
    test_web_rule(world->web, scheme, host, "/", damage->action, text, damage->amount);
}

typedef enum { AT_DOMAIN, AT_HOST, AT_HTTP, AT_SRV, AT_REDIRECT, N_PLACES } Place;
static const char *const places[N_PLACES] = {"domain", "host", "http", "srv", "redirect"};

/* One place broken, and a later or an earlier one that is good: the answer is found, in time, and
 * only those saw credentials who may. */
static void
torture(Place place, const Damage *damage)
{
    WORLD;
    add_hosts(&world);
    test_web_add_host(world.web, "mail." DOMAIN);
    test_web_add_host(world.web, "evil.example");
    guint port = world.options.https_port;
    const char *victim = place == AT_DOMAIN                        ? DOMAIN
                         : place == AT_SRV || place == AT_REDIRECT ? "mail." DOMAIN
                                                                   : HOST;
    do_damage(&world, place == AT_HTTP ? "http" : "https", victim, damage);
    if (place == AT_SRV)
        test_web_add_srv(world.web, DOMAIN, 0, 0, port, "mail." DOMAIN);
    else if (place == AT_REDIRECT)
        answer_redirect(&world, "https", HOST, "/autodiscover/autodiscover.svc", "https",
                        "mail." DOMAIN, "/autodiscover/autodiscover.svc");
    test_web_add_srv(world.web, DOMAIN, 9, 0, port, "good." DOMAIN);
    test_web_add_host(world.web, "good." DOMAIN);
    answer_json(&world, "good." DOMAIN, JSON_SETTINGS(EWS));
    Search search;
    search_for(&world, ADDRESS, &search);
    g_assert_no_error(search.error);
    g_assert_cmpstr(search.result->endpoint, ==, EWS);
    g_autofree char *trusted = test_web_trusted(world.web);
    g_test_message("%-9s %-18s %s from the %s, %4d ms; credentials: %s", places[place],
                   damage->name, "found", exg_discovery_step_name(search.result->step),
                   (int)took_ms(&search), trusted[0] != '\0' ? trusted : "nobody");
    g_assert_cmpint(took_ms(&search), <, SOON_MS);
    g_assert_cmpuint(test_web_credentials(world.web, DOMAIN), ==, 0);
    g_assert_cmpuint(test_web_credentials(world.web, "good." DOMAIN), ==, 0);
    g_assert_cmpuint(test_web_requests(world.web, "evil.example"), ==, 0);
    g_assert_true(test_web_credentials(world.web, "mail." DOMAIN) == 0 || place == AT_REDIRECT);
    search_clear(&search);
}

static void
test_torture(gconstpointer data)
{
    Place place = (Place)GPOINTER_TO_UINT(data);
    for (gsize i = 0; i < G_N_ELEMENTS(damages); i++)
        torture(place, &damages[i]);
}

/* Servers that are not who they should be see nothing at all. */
static void
test_torture_tls(void)
{
    static const char *const names[] = {"wrong name", "expired", "self-signed"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        WORLD;
        TestIdentity *other = test_identity_new_authority("Somebody else");
        TestIdentity *identity = i == 1
                                     ? test_identity_new_server(world.authority, HOST, -7200, -3600)
                                 : i == 2 ? test_identity_new_server(other, HOST, -3600, 3600)
                                          : NULL;
        test_web_add_host(world.web, DOMAIN);
        test_web_add_impostor(world.web, HOST, identity);
        answer_json(&world, HOST, JSON_SETTINGS("https://evil." DOMAIN "/"));
        answer_soap(&world, HOST, SOAP_SETTINGS("https://evil." DOMAIN "/"));
        world.options.http.tls_verify = false; /* is not obeyed here */
        expect_error(&world, EXG_ERROR_UNREACHABLE, HOST);
        g_autofree char *log = test_web_log(world.web);
        g_assert_null(strstr(log, "https://" HOST));
        expect_trusted(&world, "");
        g_test_message("host      %-18s refused; credentials: nobody", names[i]);
        test_identity_free(identity);
        test_identity_free(other);
    }
}

static void
test_all_dead(void)
{
    WORLD;
    expect_error(&world, EXG_ERROR_UNREACHABLE, "https://" HOST);
    expect_trusted(&world, "");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add_func("/autodiscover/discovery/" name, function)
    ADD("C1.6-address", test_domain);
    ADD("C3,C11.3-domain-by-json", test_step_domain);
    ADD("C3,C11.3-host-by-json", test_step_host_json);
    ADD("C3,C3.1-host-by-soap", test_step_host_soap);
    ADD("C3,C10.1,C10.2-host-by-pox", test_step_host_pox);
    ADD("C7.2,C7.4,F17,F21-domain-asks-for-a-login", test_domain_asks_for_login);
    ADD("C3-plain-http", test_step_http);
    ADD("C3,C5-plain-http-only-redirects", test_http_only_redirects);
    ADD("C5.3-plain-http-to-a-stranger", test_http_to_stranger);
    ADD("C5.3-approved-host", test_approved);
    ADD("C4.2,F18-srv-priority", test_srv_priority);
    ADD("C4.2,F18-srv-next", test_srv_next);
    ADD("C4.2-srv-weight", test_srv_weight);
    ADD("C4.1,C4.2-srv-refused", test_srv_refused);
    ADD("C4.2-srv-none", test_srv_none);
    ADD("C5.3-srv-stranger", test_srv_stranger);
    ADD("C2.8,C10.3-redirect-kinds", test_redirect_kinds);
    ADD("C7.2-login-page", test_login_page);
    ADD("C5-redirect-to-a-stranger", test_redirect_stranger);
    ADD("C5-redirect-to-a-neighbour", test_redirect_neighbour);
    ADD("C5,C5.2-circle-of-urls", test_circle_of_urls);
    ADD("C7.2-redirect-to-itself", test_itself);
    ADD("C5,C5.1-hops", test_hops);
    ADD("C5.1,F18-hybrid", test_hybrid);
    ADD("C3.3-circle-of-addresses", test_circle_of_addresses);
    ADD("C7.3,F17-not-responsible", test_not_responsible);
    ADD("C2.8-no-user", test_no_user);
    ADD("C2.8-no-user-says-a-stranger", test_no_user_says_a_stranger);
    ADD("C7.2-wrong-password", test_wrong_password);
    ADD("C7.4-no-credentials", test_no_credentials);
    ADD("F4,C12-black-hole", test_black_hole);
    ADD("C6.1,F4-silent-name", test_silent_name);
    ADD("C7.5,C12-deadline", test_deadline);
    ADD("C12-cancel", test_cancel);
    ADD("C9.1,F3-many-at-once", test_many);
    for (guint place = 0; place < N_PLACES; place++) {
        g_autofree char *name = g_strconcat("/autodiscover/discovery/torture/", places[place],
                                            NULL);
        g_test_add_data_func(name, GUINT_TO_POINTER(place), test_torture);
    }
    ADD("torture/tls", test_torture_tls);
    ADD("torture/all-dead", test_all_dead);
    return g_test_run();
}
