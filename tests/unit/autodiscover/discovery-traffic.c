/* What a discovery takes, gives and costs. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "tests/lib/names.h"
#include "tests/lib/valgrind.h"
#include "tests/lib/world.h"

#include <string.h>

/* --- one discovery ------------------------------------------------------------------------------ */

/* Two at once: each with its own address, credentials, approved hosts and deadline. */
static void
test_own(void)
{
    if (test_skip_under_valgrind("its five seconds are over before the second host is reached"))
        return;
    static const char *const approved[] = {"fabrikam.example", NULL};
    WORLD;
    world_add_hosts(&world);
    world_answer_soap(&world, HOST, SOAP_SETTINGS(EWS));
    test_web_add_host(world.web, "fabrikam.example");
    test_web_add_black_hole(world.web, "autodiscover.fabrikam.example");
    test_web_rule(world.web, "https", "fabrikam.example", "/autodiscover/autodiscover.svc",
                  TEST_WEB_SILENT, NULL, 0);
    Search late, good;
    world.deadline_us = exg_clock_deadline_ms(5000);
    world.options.approved_hosts = approved;
    search_start(&world, "bob@fabrikam.example", &late);
    world.deadline_us = EXG_NO_DEADLINE;
    world.options.approved_hosts = NULL;
    search_start(&world, ADDRESS, &good);
    search_wait(&world, &good);
    g_assert_no_error(good.error);
    g_assert_cmpstr(good.result->endpoint, ==, EWS);
    while (test_web_credentials(world.web, "fabrikam.example") == 0) {
        g_assert_false(late.done);
        search_round(&world);
    }
    g_assert_false(late.done);
    exg_clock_advance(5 * G_TIME_SPAN_SECOND);
    search_wait(&world, &late);
    g_assert_error(late.error, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    g_assert_nonnull(strstr(late.error->message, "in time"));
    search_clear(&late);
    search_clear(&good);
    world.options.http.authenticator = NULL; /* a third one has no credentials */
    guint before = test_web_credentials(world.web, HOST);
    world_expect_error(&world, EXG_ERROR_UNREACHABLE, HOST);
    g_assert_cmpuint(test_web_credentials(world.web, HOST), ==, before);
}

/* exchangelib keeps what a failed discovery has visited, and then refuses it. */
static void
test_result(void)
{
    WORLD;
    world_add_hosts(&world);
    test_web_add_host(world.web, "mail." DOMAIN);
    world_answer_redirect(&world, "https", HOST, "/autodiscover/autodiscover.json", "https",
                          "mail." DOMAIN, "/autodiscover/autodiscover.svc");
    world_expect_error(&world, EXG_ERROR_UNREACHABLE, "https://mail." DOMAIN);
    world_answer_soap(&world, "mail." DOMAIN,
                      SOAP_USER("NoError",
                                "<UserSettings><UserSetting><Name>ExternalEwsUrl</Name><Value>" EWS
                                "</Value></UserSetting><UserSetting><Name>AutoDiscoverSMTPAddress"
                                "</Name><Value>ann.other@contoso.example</Value></UserSetting>"
                                "<UserSetting><Name>UserDisplayName</Name><Value>Ann</Value>"
                                "</UserSetting></UserSettings>"));
    Search search;
    search_run(&world, ADDRESS, &search);
    g_assert_no_error(search.error);
    g_assert_cmpstr(search.result->endpoint, ==, EWS);
    g_assert_cmpstr(search.result->address, ==, "ann.other@contoso.example");
    g_assert_true(g_str_has_prefix(search.result->source, "https://mail." DOMAIN));
    g_assert_cmpstr(exg_autodiscover_answer_get(search.result->answer, "UserDisplayName"), ==,
                    "Ann");
    search_clear(&search);
}

/* A host that takes a request and says nothing is given up after its own time, before the whole is. */
static void
test_own_connections(void)
{
    WORLD;
    world_add_hosts(&world);
    test_web_rule(world.web, "https", HOST, "/", TEST_WEB_SILENT, NULL, 0);
    test_web_rule(world.web, "https", DOMAIN, "/", TEST_WEB_SILENT, NULL, 0);
    Search search;
    search_start(&world, ADDRESS, &search);
    while (test_web_requests(world.web, HOST) < 2) /* by http too, which ends at once */
        search_round(&world);
    exg_clock_advance(EXG_DISCOVERY_TIMEOUT_MS * 1000 / 2);
    search_wait(&world, &search);
    g_assert_error(search.error, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    g_assert_null(strstr(search.error->message, "no answer yet"));
    g_assert_null(strstr(search.error->message, ADDRESS " in time"));
    search_clear(&search);
    while (test_web_connections(world.web) > 0) /* none is left open for nothing */
        search_round(&world);
}

static void
assert_anchors(World *world, const char *url, guint requests, const char *anchor)
{
    g_auto(GStrv) anchors = test_web_headers(world->web, url, "X-AnchorMailbox");
    g_assert_cmpuint(g_strv_length(anchors), ==, requests);
    for (guint i = 0; i < requests; i++)
        g_assert_cmpstr(anchors[i], ==, anchor);
}

static void
test_anchor(void)
{
    WORLD;
    test_web_add_host(world.web, HOST);
    world_answer_pox(&world, HOST, POX_SETTINGS(EWS));
    world_expect(&world, EXG_DISCOVERY_HOST, EWS);
    assert_anchors(&world, "https://" HOST, 3, ADDRESS); /* JSON, SOAP, POX */
    /* what a header line cannot carry is left out */
    Search search;
    search_run(&world, "j\303\274rgen@contoso.example", &search);
    g_assert_no_error(search.error);
    search_clear(&search);
    g_auto(GStrv) anchors = test_web_headers(world.web, "https://" HOST, "X-AnchorMailbox");
    g_assert_cmpuint(g_strv_length(anchors), ==, 6);
    g_assert_cmpstr(anchors[5], ==, "");
}

/* Nobody hears of the address in the clear. */
static void
test_plain_http_is_anonymous(void)
{
    WORLD;
    test_web_add_black_hole(world.web, DOMAIN);
    test_web_add_host(world.web, "mail." DOMAIN);
    test_web_add_impostor(world.web, HOST, NULL);
    world_answer_redirect(&world, "http", HOST, "/", "https", "mail." DOMAIN,
                          "/autodiscover/autodiscover.xml");
    world_answer_json(&world, "mail." DOMAIN, JSON_SETTINGS(EWS));
    world_expect(&world, EXG_DISCOVERY_REDIRECT, EWS);
    assert_anchors(&world, "http://" HOST, 1, "");
    g_autofree char *log = test_web_log(world.web);
    g_assert_null(strstr(log, "http://" HOST "/autodiscover/autodiscover.json"));
}

/* --- what it costs ------------------------------------------------------------------------------ */

/* exchangelib makes three requests where autodiscover.DOMAIN answers; and one for what it knows. */
static void
test_requests(void)
{
    static const char *const bodies[] = {JSON_SETTINGS(EWS), SOAP_SETTINGS(EWS), POX_SETTINGS(EWS)};
    for (guint i = 0; i < G_N_ELEMENTS(bodies); i++) {
        WORLD;
        world_add_hosts(&world);
        (i == 0   ? world_answer_json
         : i == 1 ? world_answer_soap
                  : world_answer_pox)(&world, HOST, bodies[i]);
        test_web_add_silent_name(world.web, DOMAIN);
        test_web_rule(world.web, "http", HOST, "/", TEST_WEB_SILENT, NULL, 0);
        Search search;
        search_run(&world, ADDRESS, &search);
        g_assert_no_error(search.error);
        g_assert_cmpuint(search.result->requests, ==, i + 1);
        g_auto(GStrv) asked = test_web_headers(world.web, "https://", "Host");
        g_assert_cmpuint(g_strv_length(asked), ==, i + 1);
        g_assert_cmpuint(test_web_credentials(world.web, HOST), ==, i);
        search_clear(&search);
    }
}

/* Each name is looked up once, to connect to it; a port is no part of it. */
static void
test_names(void)
{
    static const char *const wanted[] = {DOMAIN, HOST, "mail." DOMAIN};
    WORLD;
    world_add_hosts(&world);
    test_web_add_host(world.web, "mail." DOMAIN);
    world_answer_redirect(&world, "http", HOST, "/", "https", "mail." DOMAIN,
                          "/autodiscover/autodiscover.xml");
    world_answer_json(&world, "mail." DOMAIN, JSON_SETTINGS(EWS));
    world_expect(&world, EXG_DISCOVERY_REDIRECT, EWS);
    g_auto(GStrv) asked = g_strsplit(test_names_asked(), "\n", -1);
    guint others = 0;
    for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
        guint count = 0;
        for (guint k = 0; asked[k] != NULL; k++)
            count += g_str_equal(asked[k], wanted[i]);
        g_assert_cmpuint(count, ==, 1);
    }
    /* the SRV record may have been needed, or not */
    for (guint k = 0; asked[k] != NULL && asked[k][0] != '\0'; k++)
        others += !g_str_has_prefix(asked[k], "SRV _autodiscover._tcp." DOMAIN);
    g_assert_cmpuint(others, ==, G_N_ELEMENTS(wanted));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add_func("/autodiscover/discovery-traffic/" name, function)
    ADD("C1.1-its-own", test_own);
    ADD("C1.2-result", test_result);
    ADD("C1.3-its-own-connections", test_own_connections);
    ADD("C2.1-anchor", test_anchor);
    ADD("plain-http-is-anonymous", test_plain_http_is_anonymous);
    ADD("C3.4-requests", test_requests);
    ADD("C6.2,C6.3-names", test_names);
    return g_test_run();
}
