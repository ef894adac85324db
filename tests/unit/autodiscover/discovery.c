/* Discovery among servers that are right, wrong, slow and far from home. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "tests/lib/valgrind.h"
#include "tests/lib/world.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
        {"ann\xfc@c.de", NULL}, /* no UTF-8 */
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
    search_run(&world, "nobody", &search);
    g_assert_error(search.error, EXG_ERROR, EXG_ERROR_CONFIG);
    search_clear(&search);
}

/* --- the steps -------------------------------------------------------------------------------- */

static void
test_step_domain(void)
{
    WORLD;
    world_add_hosts(&world);
    world_answer_json(&world, DOMAIN, JSON_SETTINGS(EWS));
    world_expect(&world, EXG_DISCOVERY_DOMAIN, EWS);
    world_expect_trusted(&world, "");
}

static void
test_step_host_json(void)
{
    WORLD;
    world_add_hosts(&world);
    world_answer_json(&world, HOST, JSON_SETTINGS(EWS));
    world_answer_soap(&world, HOST, SOAP_SETTINGS("https://not.this/"));
    world_expect(&world, EXG_DISCOVERY_HOST, EWS);
    world_expect_trusted(&world, "");
}

static void
test_step_host_soap(void)
{
    WORLD;
    world_add_hosts(&world);
    world_answer_soap(&world, HOST, SOAP_SETTINGS(EWS));
    world_expect(&world, EXG_DISCOVERY_HOST, EWS);
    world_expect_trusted(&world, HOST);
    g_assert_nonnull(strstr(world.trace->str, "autodiscover.svc with credentials 200 settings"));
}

static void
test_step_host_pox(void)
{
    WORLD;
    world_add_hosts(&world);
    world_answer_pox(&world, HOST, POX_SETTINGS(EWS));
    world_expect(&world, EXG_DISCOVERY_HOST, EWS);
    world_expect_trusted(&world, HOST);
}

/* exchangelib stops where a web server asks for a login (C7.2), and gives it the password (C7.4). */
static void
test_domain_asks_for_login(void)
{
    WORLD;
    world_add_hosts(&world);
    world_answer_status(&world, DOMAIN, "/", 401);
    world_answer_soap(&world, HOST, SOAP_SETTINGS(EWS));
    world_expect(&world, EXG_DISCOVERY_HOST, EWS);
    world_expect_trusted(&world, HOST);
    g_assert_cmpuint(test_web_requests(world.web, DOMAIN), <=, 1);
}

static void
test_step_http(void)
{
    WORLD;
    world_add_hosts(&world);
    test_web_add_host(world.web, "mail." DOMAIN);
    world_answer_redirect(&world, "http", HOST, "/autodiscover/autodiscover.xml", "https",
                          "mail." DOMAIN, "/autodiscover/autodiscover.xml");
    world_answer_json(&world, "mail." DOMAIN, JSON_SETTINGS(EWS));
    world_expect(&world, EXG_DISCOVERY_REDIRECT, EWS);
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
                                      "https://evil.example%2f." DOMAIN "/autodiscover.xml",
                                      "https://evil.example\\." DOMAIN "/autodiscover.xml",
                                      "https://evil.example\xef\xbc\x8f." DOMAIN "/x",
                                      "https://" DOMAIN "./autodiscover.xml",
                                      "https://\xff\xfe." DOMAIN "/autodiscover.xml",
                                      "https://ann:pw@mail." DOMAIN "/autodiscover.xml"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        WORLD;
        world_add_hosts(&world);
        g_autofree char *header = g_strconcat("Location: ", bad[i], NULL);
        g_autofree char *text = test_web_answer(301, header, "text/html", "");
        test_web_rule(world.web, "http", HOST, "/", TEST_WEB_ANSWER, text, 0);
        world_expect_error(&world, EXG_ERROR_UNREACHABLE, "http://" HOST);
    }
    WORLD; /* a settings answer by plain HTTP is nobody's word */
    world_add_hosts(&world);
    g_autofree char *text = test_web_answer(200, NULL, "application/json", JSON_SETTINGS(EWS));
    test_web_rule(world.web, "http", HOST, "/", TEST_WEB_ANSWER, text, 0);
    world_expect_error(&world, EXG_ERROR_UNREACHABLE,
                       "HTTP 200 where a redirection was looked for");
    world_expect_trusted(&world, HOST);
}

static bool
on_approve(const char *host, gpointer data)
{
    World *world = data;
    world->asked++;
    return g_strcmp0(host, world->approves) == 0;
}

static void
test_http_to_stranger(void)
{
    WORLD;
    world_add_hosts(&world);
    test_web_add_host(world.web, "evil.example");
    world_answer_redirect(&world, "http", HOST, "/", "https", "evil.example",
                          "/autodiscover/autodiscover.xml");
    world_answer_pox(&world, "evil.example", POX_SETTINGS("https://evil.example/EWS"));
    world_answer_json(&world, "evil.example", JSON_SETTINGS("https://evil.example/EWS"));
    world_expect_error(&world, EXG_ERROR_UNREACHABLE, "nobody has approved");
    g_assert_cmpuint(test_web_requests(world.web, "evil.example"), ==, 0);

    /* The user may say yes. */
    world.options.approve = on_approve;
    world.options.approve_data = &world;
    world.approves = "evil.example";
    world_expect(&world, EXG_DISCOVERY_REDIRECT, "https://evil.example/EWS");
    g_assert_cmpuint(world.asked, >, 0);
}

static void
test_approved(void)
{
    static const char *const approved[] = {"eas.hoster.example", NULL};
    WORLD;
    world_add_hosts(&world);
    test_web_add_host(world.web, approved[0]);
    world_answer_redirect(&world, "http", HOST, "/", "https", approved[0],
                          "/autodiscover/autodiscover.xml");
    world_answer_pox(&world, approved[0],
                     POX_SETTINGS("https://ews.hoster.example/EWS/Exchange.asmx"));
    world.options.approved_hosts = approved;
    world_expect(&world, EXG_DISCOVERY_REDIRECT, "https://ews.hoster.example/EWS/Exchange.asmx");
    g_assert_cmpuint(test_web_credentials(world.web, approved[0]), ==, 1);
}

/* --- SRV -------------------------------------------------------------------------------------- */

/* Which target is the first of two. */
static bool
is_first(const World *world, const char *one, const char *other)
{
    g_autofree char *first = g_strdup_printf("srv %s:%u 0 found", one, world->options.https_port);
    g_autofree char *second = g_strdup_printf("srv %s:%u 0 found", other,
                                              world->options.https_port);
    const char *before = strstr(world->trace->str, first);
    const char *after = strstr(world->trace->str, second);
    return before != NULL && after != NULL && before < after;
}

/* exchangelib takes the greatest number; RFC 2782 wants the lowest. */
static void
test_srv_priority(void)
{
    WORLD;
    guint port = world.options.https_port;
    test_web_add_srv(world.web, DOMAIN, 10, 0, port, "backup." DOMAIN);
    test_web_add_srv(world.web, DOMAIN, 0, 100, port, "primary." DOMAIN);
    test_web_add_host(world.web, "primary." DOMAIN);
    test_web_add_black_hole(world.web, "backup." DOMAIN);
    world_answer_json(&world, "primary." DOMAIN, JSON_SETTINGS(EWS));
    world_expect(&world, EXG_DISCOVERY_SRV, EWS);
    g_assert_true(is_first(&world, "primary." DOMAIN, "backup." DOMAIN));
}

static void
test_srv_next(void)
{
    WORLD;
    guint port = world.options.https_port;
    test_web_add_srv(world.web, DOMAIN, 0, 0, port, "dead." DOMAIN);
    test_web_add_srv(world.web, DOMAIN, 1, 0, port, "backup." DOMAIN);
    test_web_add_host(world.web, "backup." DOMAIN);
    world_answer_json(&world, "backup." DOMAIN, JSON_SETTINGS(EWS));
    world_expect(&world, EXG_DISCOVERY_SRV, EWS);
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
    world_answer_json(&world, "light." DOMAIN, JSON_SETTINGS(EWS));
    world_answer_json(&world, "heavy." DOMAIN, JSON_SETTINGS(EWS));
    guint heavy = 0;
    for (guint i = 0; i < 20; i++) {
        g_string_truncate(world.trace, 0);
        world_expect(&world, EXG_DISCOVERY_SRV, EWS);
        heavy += is_first(&world, "heavy." DOMAIN, "light." DOMAIN);
    }
    g_assert_cmpuint(heavy, >=, 10);
}

static void
test_srv_refused(void)
{
    WORLD;
    test_web_add_srv(world.web, DOMAIN, 0, 0, 1, "odd." DOMAIN);
    test_web_add_host(world.web, "odd." DOMAIN);
    world_answer_json(&world, "odd." DOMAIN, JSON_SETTINGS(EWS));
    world_expect_error(&world, EXG_ERROR_UNREACHABLE, "SRV record");
    g_assert_nonnull(strstr(world.trace->str, "only port 443"));
    g_assert_cmpuint(test_web_requests(world.web, "odd." DOMAIN), ==, 0);
}

static void
test_srv_none(void)
{
    WORLD;
    test_web_add_srv(world.web, DOMAIN, 0, 0, world.options.https_port, ".");
    world_expect_error(&world, EXG_ERROR_UNREACHABLE, "SRV record");
}

/* A stranger may be asked without credentials; what he says counts where it leads home. */
static void
test_srv_stranger(void)
{
    WORLD;
    test_web_add_srv(world.web, DOMAIN, 0, 0, world.options.https_port, "srv.hoster.example");
    test_web_add_host(world.web, "srv.hoster.example");
    world_answer_json(&world, "srv.hoster.example", JSON_SETTINGS("https://ews.hoster.example/"));
    world_answer_soap(&world, "srv.hoster.example", SOAP_SETTINGS("https://ews.hoster.example/"));
    world_expect_error(&world, EXG_ERROR_UNREACHABLE, "nobody has approved");
    world_expect_trusted(&world, "");
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
        world_add_hosts(&world);
        test_web_add_host(world.web, "mail." DOMAIN);
        g_autofree char *soap = g_strdup_printf(soap_url, world.options.https_port);
        g_autofree char *pox = g_strdup_printf(pox_url, world.options.https_port);
        if (kind == 0)
            world_answer_soap(&world, HOST, soap);
        else if (kind == 1)
            world_answer_pox(&world, HOST, pox);
        else
            world_answer_redirect(&world, "https", HOST,
                                  kind == 2 ? "/autodiscover/autodiscover.json"
                                            : "/autodiscover/autodiscover.svc",
                                  "https", "mail." DOMAIN, "/autodiscover/autodiscover.svc");
        world_answer_soap(&world, "mail." DOMAIN, SOAP_SETTINGS(EWS));
        world_expect(&world, EXG_DISCOVERY_REDIRECT, EWS);
        g_assert_cmpuint(test_web_credentials(world.web, "mail." DOMAIN), >=, 1);
        g_assert_cmpuint(test_web_credentials(world.web, DOMAIN), ==, 0);
    }
}

/* Where everything is led to a login page, the next protocol is asked. */
static void
test_login_page(void)
{
    WORLD;
    world_add_hosts(&world);
    world_answer_redirect(&world, "https", HOST, "/autodiscover/autodiscover.json", "https", HOST,
                          "/owa");
    world_answer_soap(&world, HOST, SOAP_SETTINGS(EWS));
    world_expect(&world, EXG_DISCOVERY_HOST, EWS);
}

/* Even a host that is vouched for does not lead credentials out of the domain. */
static void
test_redirect_stranger(void)
{
    WORLD;
    world_add_hosts(&world);
    test_web_add_host(world.web, "evil.example");
    world_answer_redirect(&world, "https", HOST, "/", "https", "evil.example",
                          "/autodiscover/autodiscover.svc");
    world_answer_soap(&world, "evil.example", SOAP_SETTINGS("https://evil.example/EWS"));
    world_expect_error(&world, EXG_ERROR_UNREACHABLE, "nobody has approved");
    g_assert_cmpuint(test_web_requests(world.web, "evil.example"), ==, 0);
}

/* "contoso.example" is not "notcontoso.example". */
static void
test_redirect_neighbour(void)
{
    WORLD;
    world_add_hosts(&world);
    test_web_add_host(world.web, "not" DOMAIN);
    world_answer_redirect(&world, "https", HOST, "/", "https", "not" DOMAIN,
                          "/autodiscover/autodiscover.svc");
    world_expect_error(&world, EXG_ERROR_UNREACHABLE, "nobody has approved");
    g_assert_cmpuint(test_web_requests(world.web, "not" DOMAIN), ==, 0);
}

static void
test_circle_of_urls(void)
{
    WORLD;
    world_add_hosts(&world);
    test_web_add_host(world.web, "mail." DOMAIN);
    world_answer_redirect(&world, "https", HOST, "/autodiscover/autodiscover.svc", "https",
                          "mail." DOMAIN, "/autodiscover/autodiscover.svc");
    world_answer_redirect(&world, "https", "mail." DOMAIN, "/", "https", HOST,
                          "/autodiscover/autodiscover.svc");
    world_expect_error(&world, EXG_ERROR_UNREACHABLE, "asked already");
    g_assert_cmpuint(test_web_requests(world.web, "mail." DOMAIN), ==, 1);
}

static void
test_itself(void)
{
    WORLD;
    world_add_hosts(&world);
    world_answer_redirect(&world, "https", HOST, "/autodiscover/autodiscover.svc", "https", HOST,
                          "/autodiscover/autodiscover.svc");
    world_answer_pox(&world, HOST, POX_SETTINGS(EWS));
    world_expect(&world, EXG_DISCOVERY_HOST, EWS);
}

static void
test_hops(void)
{
    WORLD;
    world_add_hosts(&world);
    for (guint i = 0; i < 20; i++) {
        g_autofree char *from = i == 0 ? g_strdup(HOST) : g_strdup_printf("h%u." DOMAIN, i);
        g_autofree char *to = g_strdup_printf("h%u." DOMAIN, i + 1);
        test_web_add_host(world.web, to);
        world_answer_redirect(&world, "https", from, "/autodiscover/autodiscover.svc", "https", to,
                              "/autodiscover/autodiscover.svc");
    }
    world_expect_error(&world, EXG_ERROR_UNREACHABLE, "too many redirections");
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
    world_add_hosts(&world);
    test_web_add_host(world.web, front);
    test_web_add_host(world.web, tenant);
    world.options.approved_hosts = approved;
    world_answer_redirect(&world, "http", HOST, "/", "https", front,
                          "/autodiscover/autodiscover.svc");
    /* The first time it names the other address, then it is where that leads too. */
    g_autofree char *first = test_web_answer(
        200, NULL, "text/xml",
        SOAP_USER("RedirectAddress", "<RedirectTarget>ann@tenant.cloud.example</RedirectTarget>"));
    test_web_rule(world.web, "https", front, "/autodiscover/autodiscover.svc", TEST_WEB_ONCE, first,
                  0);
    world_answer_soap(&world, front,
                      SOAP_SETTINGS("https://outlook.cloud.example/EWS/Exchange.asmx"));
    world_answer_redirect(&world, "https", tenant, "/", "https", front,
                          "/autodiscover/autodiscover.svc");
    Search search;
    search_run(&world, ADDRESS, &search);
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
    world_add_hosts(&world);
    test_web_add_host(world.web, "autodiscover.fabrikam.example");
    world_answer_soap(
        &world, HOST,
        SOAP_USER("RedirectAddress", "<RedirectTarget>ann@fabrikam.example</RedirectTarget>"));
    world_answer_soap(
        &world, "autodiscover.fabrikam.example",
        SOAP_USER("RedirectAddress", "<RedirectTarget>ANN@contoso.example</RedirectTarget>"));
    world_expect_error(&world, EXG_ERROR_UNREACHABLE, "lead in a circle");
    g_assert_cmpuint(test_web_credentials(world.web, HOST), ==, 1);
}

/* A server that is to be believed says that there is another address, and not which one. */
static void
test_nowhere(void)
{
    static const char *const codes[] = {"RedirectAddress", "RedirectUrl"};
    for (gsize i = 0; i < G_N_ELEMENTS(codes); i++) {
        WORLD;
        world_add_hosts(&world);
        g_autofree char *soap = g_strdup_printf(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>"
            "<GetUserSettingsResponseMessage xmlns=\"" SPACE "\"><Response><ErrorCode>%s"
            "</ErrorCode></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>",
            codes[i]);
        world_answer_soap(&world, HOST, soap);
        world_expect_error(&world, EXG_ERROR_UNREACHABLE, HOST);
        g_assert_nonnull(strstr(world.trace->str, codes[i]));
    }
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
        world_add_hosts(&world);
        world_answer_soap(&world, HOST, codes[i]);
        test_web_add_srv(world.web, DOMAIN, 0, 0, world.options.https_port, "mail." DOMAIN);
        test_web_add_host(world.web, "mail." DOMAIN);
        world_answer_json(&world, "mail." DOMAIN, JSON_SETTINGS(EWS));
        world_expect(&world, EXG_DISCOVERY_SRV, EWS);
        if (i == 0)
            g_assert_nonnull(strstr(world.trace->str, "refused: InvalidDomain (the server is not "
                                                      "responsible for this domain)"));
    }
}

static void
test_no_user(void)
{
    WORLD;
    world_add_hosts(&world);
    world_answer_soap(&world, HOST, SOAP_USER("InvalidUser", ""));
    world_expect_error(&world, EXG_ERROR_NO_MAILBOX, ADDRESS);
}

/* A stranger's word is not enough. */
static void
test_no_user_says_a_stranger(void)
{
    WORLD;
    world_add_hosts(&world);
    world_answer_json(&world, DOMAIN, "{\"ErrorCode\":\"UserNotFound\",\"ErrorMessage\":\"x\"}");
    world_answer_soap(&world, HOST, SOAP_SETTINGS(EWS));
    world_expect(&world, EXG_DISCOVERY_HOST, EWS);
}

static void
test_wrong_password(void)
{
    WORLD;
    world_add_hosts(&world);
    world_answer_status(&world, HOST, "/autodiscover/autodiscover.svc", 401);
    world_answer_status(&world, HOST, "/autodiscover/autodiscover.xml", 401);
    world_expect_error(&world, EXG_ERROR_AUTH, HOST);
    g_assert_cmpuint(test_web_credentials(world.web, HOST), ==, 1); /* or the account gets locked */
}

static void
test_no_credentials(void)
{
    WORLD;
    world_add_hosts(&world);
    world.options.http.authenticator = NULL;
    world_answer_soap(&world, HOST, SOAP_SETTINGS(EWS));
    world_expect_error(&world, EXG_ERROR_UNREACHABLE, HOST);
    world_expect_trusted(&world, "");
}

/* With its key. (transfer full) */
static char *
write_certificate(const World *world)
{
    TestIdentity *identity = test_identity_new_server(world->authority, "svc", -3600, 3600);
    char *path = g_build_filename(g_get_tmp_dir(), "exgate-client-XXXXXX", NULL);
    gnutls_datum_t key = {0};
    close(g_mkstemp(path));
    test_identity_write(identity, path);
    g_assert_cmpint(gnutls_x509_privkey_export2(identity->key, GNUTLS_X509_FMT_PEM, &key), ==, 0);
    FILE *file = fopen(path, "a");
    g_assert_cmpuint(fwrite(key.data, 1, key.size, file), ==, key.size);
    fclose(file);
    gnutls_free(key.data);
    test_identity_free(identity);
    return path;
}

/* A client certificate goes where a password would: to nobody else; and where it is all that there
 * is, the protocols that want credentials are asked. */
static void
test_client_certificate(void)
{
    WORLD;
    world_add_hosts(&world);
    test_web_add_host(world.web, "mail." DOMAIN);
    test_web_add_srv(world.web, DOMAIN, 0, 0, world.options.https_port, "srv.hoster.example");
    test_web_add_host(world.web, "srv.hoster.example");
    world_answer_redirect(&world, "http", HOST, "/", "https", "mail." DOMAIN,
                          "/autodiscover/autodiscover.xml");
    g_autofree char *path = write_certificate(&world);
    world.options.http.client_certificate = path;
    world.options.http.authenticator = NULL;
    world_expect_error(&world, EXG_ERROR_UNREACHABLE, HOST);
    g_assert_cmpuint(test_web_requests(world.web, DOMAIN), >, 0);
    g_assert_cmpuint(test_web_requests(world.web, "srv.hoster.example"), >, 0);
    world_expect_trusted(&world, HOST);
    world_answer_soap(&world, HOST, SOAP_SETTINGS(EWS));
    world_expect(&world, EXG_DISCOVERY_HOST, EWS);
    g_assert_nonnull(strstr(world.trace->str, "autodiscover.svc with credentials 200 settings"));
    unlink(path);
}

/* Of each place one line, for the administrator, with what could be done about it. */
static void
test_places(void)
{
    static const char *const shown[] = {"there is no such name, or it has no address (0)",
                                        "is for another name", "evil.example", "odd." DOMAIN};
    WORLD;
    guint https = world.options.https_port, http = world.options.http_port;
    test_web_add_impostor(world.web, HOST, NULL);
    test_web_add_srv(world.web, DOMAIN, 0, 0, 1, "odd." DOMAIN);
    world_answer_redirect(&world, "http", HOST, "/", "https", "evil.example", "/x");
    Search search;
    search_run(&world, ADDRESS, &search);
    g_assert_error(search.error, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    g_auto(GStrv) lines = g_strsplit(search.places->str, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 4 + 1);
    const char *const names[] = {"https://" DOMAIN, "https://" HOST, "http://" HOST,
                                 "SRV record of " DOMAIN};
    const guint ports[] = {https, https, http, 0};
    const ExgDiscoveryTrouble troubles[] = {EXG_DISCOVERY_NO_REMEDY, EXG_DISCOVERY_UNTRUSTED,
                                            EXG_DISCOVERY_UNAPPROVED, EXG_DISCOVERY_NO_REMEDY};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *begin = ports[i] != 0 ? g_strdup_printf("%s:%u: ", names[i], ports[i])
                                               : g_strdup_printf("%s: ", names[i]);
        g_autofree char *end = g_strdup_printf(" (%d)", (int)troubles[i]);
        g_assert_true(g_str_has_prefix(lines[i], begin));
        g_assert_nonnull(strstr(lines[i], shown[i]));
        g_assert_true(g_str_has_suffix(lines[i], end));
    }
    search_clear(&search);
    search_run(&world, "nobody", &search); /* that is about no place */
    g_assert_cmpstr(search.places->str, ==, "");
    search_clear(&search);
}

/* --- time ------------------------------------------------------------------------------------- */

static void
test_black_hole(void)
{
    WORLD;
    test_web_add_black_hole(world.web, DOMAIN);
    test_web_add_host(world.web, HOST);
    world_answer_json(&world, HOST, JSON_SETTINGS(EWS));
    Search search;
    search_run(&world, ADDRESS, &search);
    g_assert_no_error(search.error);
    search_assert_soon(&search); /* one after the other it takes EXG_VISIT_TIMEOUT_MS */
    g_test_message("with a black hole in front: %d ms", (int)search_took_ms(&search));
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
    world_answer_json(&world, "mail." DOMAIN, JSON_SETTINGS(EWS));
    Search search;
    search_run(&world, ADDRESS, &search);
    g_assert_no_error(search.error);
    g_assert_cmpint(search.result->step, ==, EXG_DISCOVERY_SRV);
    search_assert_soon(&search);
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
    search_run(&world, ADDRESS, &search);
    g_assert_error(search.error, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    g_assert_nonnull(strstr(search.error->message, "in time"));
    g_assert_cmpint(search_took_ms(&search), >=, 990);
    search_assert_soon(&search);
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
        for (guint i = 0; i < rounds; i++)
            search_round(&world);
        g_cancellable_cancel(world.cancellable);
        search_wait(&world, &search);
        g_assert_error(search.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
        search_clear(&search);
        world_run(&world);
    }
}

/* exchangelib needs the sum of all, since one lock is held over each of them. */
static void
test_many(void)
{
    enum { MANY = 50, SLOW_MS = 1500 };
    if (test_skip_under_valgrind("fifty handshakes take longer than each of them is waited for"))
        return;
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

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add_func("/autodiscover/discovery/" name, function)
    ADD("C1.6-address", test_domain);
    ADD("C3,C11.3-domain-by-json", test_step_domain);
    ADD("C3,C11.1,C11.3-host-by-json", test_step_host_json);
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
    ADD("C2.6-redirect-to-nowhere", test_nowhere);
    ADD("C7.3,F17-not-responsible", test_not_responsible);
    ADD("C2.8-no-user", test_no_user);
    ADD("C2.8-no-user-says-a-stranger", test_no_user_says_a_stranger);
    ADD("C7.2-wrong-password", test_wrong_password);
    ADD("C7.4-no-credentials", test_no_credentials);
    ADD("C7.4-client-certificate", test_client_certificate);
    ADD("C12-places", test_places);
    ADD("F4,C12-black-hole", test_black_hole);
    ADD("C6.1,F4-silent-name", test_silent_name);
    ADD("C7.5,C12-deadline", test_deadline);
    ADD("C12-cancel", test_cancel);
    ADD("C9.1,F3-many-at-once", test_many);
    return g_test_run();
}
