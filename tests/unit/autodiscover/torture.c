/* Each place of a discovery broken in each way: the answer, the time, and who saw a credential. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "tests/lib/world.h"

#include <stdlib.h>
#include <string.h>

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
        world_answer_redirect(world, scheme, host, "/", scheme, host,
                              tls ? "/autodiscover/autodiscover.svc"
                                  : "/autodiscover/autodiscover.xml");
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
    world_add_hosts(&world);
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
        world_answer_redirect(&world, "https", HOST, "/autodiscover/autodiscover.svc", "https",
                              "mail." DOMAIN, "/autodiscover/autodiscover.svc");
    test_web_add_srv(world.web, DOMAIN, 9, 0, port, "good." DOMAIN);
    test_web_add_host(world.web, "good." DOMAIN);
    world_answer_json(&world, "good." DOMAIN, JSON_SETTINGS(EWS));
    Search search;
    search_run(&world, ADDRESS, &search);
    g_assert_no_error(search.error);
    g_assert_cmpstr(search.result->endpoint, ==, EWS);
    g_autofree char *trusted = test_web_trusted(world.web);
    g_test_message("%-9s %-18s %s from the %s, %4d ms; credentials: %s", places[place],
                   damage->name, "found", exg_discovery_step_name(search.result->step),
                   (int)search_took_ms(&search), trusted[0] != '\0' ? trusted : "nobody");
    g_assert_cmpint(search_took_ms(&search), <, SOON_MS);
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
        world_answer_json(&world, HOST, JSON_SETTINGS("https://evil." DOMAIN "/"));
        world_answer_soap(&world, HOST, SOAP_SETTINGS("https://evil." DOMAIN "/"));
        world.options.http.tls_verify = false; /* is not obeyed here */
        world_expect_error(&world, EXG_ERROR_UNREACHABLE, HOST);
        g_autofree char *log = test_web_log(world.web);
        g_assert_null(strstr(log, "https://" HOST));
        world_expect_trusted(&world, "");
        g_test_message("host      %-18s refused; credentials: nobody", names[i]);
        test_identity_free(identity);
        test_identity_free(other);
    }
}

static void
test_all_dead(void)
{
    WORLD;
    world_expect_error(&world, EXG_ERROR_UNREACHABLE, "https://" HOST);
    world_expect_trusted(&world, "");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint place = 0; place < N_PLACES; place++) {
        g_autofree char *name = g_strconcat("/autodiscover/torture/", places[place], NULL);
        g_test_add_data_func(name, GUINT_TO_POINTER(place), test_torture);
    }
    g_test_add_func("/autodiscover/torture/C7.4-tls", test_torture_tls);
    g_test_add_func("/autodiscover/torture/all-dead", test_all_dead);
    return g_test_run();
}
