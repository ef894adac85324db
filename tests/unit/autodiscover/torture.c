/* Each place of a discovery broken in each way: the answer, the time, and who saw a credential. */
#include "common/base/clock.h"
#include "common/base/error.h"
#include "tests/lib/valgrind.h"
#include "tests/lib/world.h"

#include <stdlib.h>
#include <string.h>

/* --- the ways ----------------------------------------------------------------------------------- */

#define MAIL "mail." DOMAIN
#define EVIL "evil.example"

/* In place of a good host, before anything is asked. */
typedef void (*Prepare)(World *world, const char *host);

typedef struct {
    const char *name;
    TestWebAction action;
    const char *text; /* an HTTP answer; "401" and the like: that status; NULL: none */
    gsize amount;
    Prepare prepare; /* or NULL */
    bool needs_tls;  /* nothing of plain HTTP */
    bool is_allowed; /* to those whose word counts */
} Damage;

static void
refuse(World *world, const char *host)
{
    test_web_add_refusal(world->web, host);
}

static void
swallow(World *world, const char *host)
{
    test_web_add_black_hole(world->web, host);
}

static void
silence(World *world, const char *host)
{
    test_web_add_silent_name(world->web, host);
}

static void
lose(World *world, const char *host)
{
}

static void
take_another_name(World *world, const char *host)
{
    test_web_add_impostor(world->web, host, NULL);
}

static void
let_expire(World *world, const char *host)
{
    TestIdentity *identity = test_identity_new_server(world->authority, host, -7200, -3600);
    test_web_add_impostor(world->web, host, identity);
    test_identity_free(identity);
}

static void
sign_by_another(World *world, const char *host)
{
    TestIdentity *other = test_identity_new_authority("Somebody else");
    TestIdentity *identity = test_identity_new_server(other, host, -3600, 3600);
    test_web_add_impostor(world->web, host, identity);
    test_identity_free(identity);
    test_identity_free(other);
}

static void
sign_itself(World *world, const char *host)
{
    TestIdentity *identity = test_identity_new_authority(host);
    test_web_add_impostor(world->web, host, identity);
    test_identity_free(identity);
}

#define REDIRECT(location) "HTTP/1.1 302 x\r\nLocation: " location "\r\nContent-Length: 0\r\n\r\n"

static const Damage damages[] = {
    {.name = "no such name", .prepare = lose},
    {.name = "silent name server", .prepare = silence},
    {.name = "refused", .prepare = refuse},
    {.name = "black hole", .prepare = swallow, .needs_tls = true},
    {.name = "wrong name", .prepare = take_another_name, .needs_tls = true},
    {.name = "expired", .prepare = let_expire, .needs_tls = true},
    {.name = "unknown authority", .prepare = sign_by_another, .needs_tls = true},
    {.name = "self-signed", .prepare = sign_itself, .needs_tls = true},
    {.name = "no answer", .action = TEST_WEB_SILENT},
    {.name = "reset at once", .action = TEST_WEB_RESET, .text = ""},
    {.name = "reset in the head",
     .action = TEST_WEB_RESET,
     .text = "HTTP/1.1 200 OK\r\nContent-",
     .amount = 20},
    {.name = "reset in the body",
     .action = TEST_WEB_RESET,
     .text = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"Url\":",
     .amount = 46},
    {.name = "401", .text = "401"},
    {.name = "403", .text = "403"},
    {.name = "500", .text = "500"},
    {.name = "503", .text = "503"},
    {.name = "HTML", .text = "200"},
    {.name = "wrong namespace",
     .text = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 27\r\n\r\n"
             "<Autodiscover xmlns=\"x:y\"/>"},
    {.name = "empty", .text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
    {.name = "50 MB",
     .action = TEST_WEB_FLOOD,
     .text = "<a>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa</a>",
     .amount = 50 * 1000 * 1000},
    {.name = "no HTTP", .text = "220 mail ESMTP\r\n\r\n"},
    {.name = "to itself", .text = "loop"},
    {.name = "in a circle", .text = "circle"},
    {.name = "without end", .text = "endless"},
    {.name = "circle of addresses", .text = "addresses"},
    {.name = "to http", .text = REDIRECT("http://" MAIL "/")},
    {.name = "to a stranger", .text = REDIRECT("https://" EVIL "/autodiscover/autodiscover.svc")},
    {.name = "to a stranger's EWS", .text = "stranger's EWS", .is_allowed = true},
};

typedef enum { AT_DOMAIN, AT_HOST, AT_HTTP, AT_SRV, AT_REDIRECT, N_PLACES } Place;
static const char *const places[N_PLACES] = {"domain", "host", "http", "srv", "redirect"};

#define LONG_WAY 15

/* From the victim to h0, from there to h1, … */
static void
lead_away(World *world, const char *scheme, const char *victim)
{
    for (guint i = 0; i < LONG_WAY; i++) {
        g_autofree char *from = i == 0 ? g_strdup(victim) : g_strdup_printf("h%u." DOMAIN, i - 1);
        g_autofree char *to = g_strdup_printf("h%u." DOMAIN, i);
        test_web_add_host(world->web, to);
        world_answer_redirect(world, i == 0 ? scheme : "https", from, "/", "https", to,
                              "/autodiscover/autodiscover.svc");
    }
}

/* What takes more than a rule. */
static bool
do_special(World *world, const char *scheme, const char *host, const char *what)
{
    static const char svc[] = "/autodiscover/autodiscover.svc";
    bool tls = g_str_equal(scheme, "https");
    if (g_str_equal(what, "loop")) {
        world_answer_redirect(world, scheme, host, "/", scheme, host,
                              tls ? svc : "/autodiscover/autodiscover.xml");
    } else if (g_str_equal(what, "circle")) {
        test_web_add_host(world->web, "h0." DOMAIN);
        world_answer_redirect(world, scheme, host, "/", "https", "h0." DOMAIN, svc);
        world_answer_redirect(world, "https", "h0." DOMAIN, "/", scheme, host, svc);
    } else if (g_str_equal(what, "endless")) {
        lead_away(world, scheme, host);
    } else if (g_str_equal(what, "addresses")) {
        g_autofree char *text = test_web_answer(
            200, NULL, "text/xml",
            SOAP_USER("RedirectAddress", "<RedirectTarget>ANN@contoso.example</RedirectTarget>"));
        test_web_rule(world->web, scheme, host, "/", TEST_WEB_ANSWER, text, 0);
    } else if (g_str_equal(what, "stranger's EWS")) {
        g_autofree char *text = test_web_answer(200, NULL, "application/json",
                                                JSON_SETTINGS("https://" EVIL "/EWS"));
        test_web_rule(world->web, scheme, host, "/", TEST_WEB_ANSWER, text, 0);
    } else {
        return false;
    }
    return true;
}

static void
do_damage(World *world, const char *scheme, const char *host, const Damage *damage)
{
    g_autofree char *text = g_strdup(damage->text);
    if (damage->prepare != NULL ||
        (damage->text != NULL && do_special(world, scheme, host, damage->text)))
        return;
    if (damage->text != NULL && g_ascii_isdigit(damage->text[0]) && strlen(damage->text) == 3) {
        g_free(text);
        text = test_web_answer(atoi(damage->text),
                               damage->text[0] == '4' ? "WWW-Authenticate: Basic realm=\"x\""
                                                      : NULL,
                               "text/html", "<html><body>no</body></html>");
    }
    test_web_rule(world->web, scheme, host, "/", damage->action, text, damage->amount);
}

/* --- the places ----------------------------------------------------------------------------------- */

/* All hosts, good ones but the victim. */
static void
build(World *world, Place place, const char *victim, const Damage *damage)
{
    static const char *const hosts[] = {DOMAIN, HOST, MAIL, EVIL};
    for (guint i = 0; i < G_N_ELEMENTS(hosts); i++)
        if (damage->prepare != NULL && g_str_equal(hosts[i], victim))
            damage->prepare(world, victim);
        else
            test_web_add_host(world->web, hosts[i]);
    do_damage(world, place == AT_HTTP ? "http" : "https", victim, damage);
    guint port = world->options.https_port;
    if (place == AT_SRV)
        test_web_add_srv(world->web, DOMAIN, 0, 0, port, MAIL);
    else if (place == AT_REDIRECT)
        world_answer_redirect(world, "https", HOST, "/autodiscover/autodiscover.svc", "https", MAIL,
                              "/autodiscover/autodiscover.svc");
    test_web_add_srv(world->web, DOMAIN, 9, 0, port, "good." DOMAIN);
    test_web_add_host(world->web, "good." DOMAIN);
    world_answer_json(world, "good." DOMAIN, JSON_SETTINGS(EWS));
}

/* Credentials go to the domain's own autodiscover host, and to those of the domain that it leads to. */
static bool
may_see_credentials(Place place, const char *host)
{
    bool is_led_to = g_str_equal(host, MAIL) || (host[0] == 'h' && g_ascii_isdigit(host[1]));
    return g_str_equal(host, HOST) ||
           (is_led_to && (place == AT_REDIRECT || (place == AT_HOST && host[0] == 'h')));
}

static void
expect_safe(World *world, Place place, const char *victim, const Damage *damage)
{
    g_autofree char *trusted = test_web_trusted(world->web);
    g_auto(GStrv) hosts = g_strsplit(trusted, " ", -1);
    for (guint i = 0; hosts[i] != NULL; i++)
        if (!may_see_credentials(place, hosts[i]))
            g_error("%s saw credentials: %s, %s", hosts[i], places[place], damage->name);
    g_assert_cmpuint(test_web_requests(world->web, EVIL), ==, 0);
    /* a server that is not who it should be sees nothing at all */
    g_autofree char *log = test_web_log(world->web);
    g_autofree char *url = g_strdup_printf("https://%s/", victim);
    g_assert_true(damage->prepare == NULL || strstr(log, url) == NULL);
    /* a password that is refused once is not offered again */
    if (place != AT_HTTP && g_strcmp0(damage->text, "401") == 0)
        g_assert_cmpuint(test_web_credentials(world->web, victim), <=, 1);
}

/* One place broken, and a later or an earlier one that is good: the answer is found, in time, and
 * only those saw credentials who may. */
static void
torture(Place place, const Damage *damage)
{
    WORLD;
    const char *victim = place == AT_DOMAIN                        ? DOMAIN
                         : place == AT_SRV || place == AT_REDIRECT ? MAIL
                                                                   : HOST;
    bool counts = place == AT_HOST || place == AT_REDIRECT;
    if ((place == AT_HTTP && damage->needs_tls) || (counts && damage->is_allowed))
        return;
    build(&world, place, victim, damage);
    world.options.http.tls_verify = false; /* is not obeyed here */
    Search search;
    search_run(&world, ADDRESS, &search);
    g_assert_no_error(search.error);
    g_assert_cmpstr(search.result->endpoint, ==, EWS);
    g_autofree char *trusted = test_web_trusted(world.web);
    g_test_message("%-9s %-20s found from the %s, %4d ms; credentials: %s", places[place],
                   damage->name, exg_discovery_step_name(search.result->step),
                   (int)search_took_ms(&search), trusted[0] != '\0' ? trusted : "nobody");
    search_assert_soon(&search);
    expect_safe(&world, place, victim, damage);
    search_clear(&search);
}

static void
test_torture(gconstpointer data)
{
    Place place = (Place)GPOINTER_TO_UINT(data);
    if (place != AT_HOST && test_skip_under_valgrind("minutes, for what one place does as well"))
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(damages); i++)
        torture(place, &damages[i]);
}

/* Nobody is good: who is asked learns no more than where one is, and the failure tells of each. */
static void
hopeless(Place place, const Damage *damage)
{
    WORLD;
    static const char *const hosts[] = {DOMAIN, HOST};
    for (guint i = 0; i < G_N_ELEMENTS(hosts); i++) {
        if (damage->prepare != NULL)
            damage->prepare(&world, hosts[i]);
        else
            test_web_add_host(world.web, hosts[i]);
        do_damage(&world, "https", hosts[i], damage);
    }
    test_web_add_host(world.web, MAIL);
    test_web_add_host(world.web, EVIL);
    bool waits = damage->action == TEST_WEB_SILENT || damage->prepare == swallow ||
                 damage->prepare == silence;
    world.deadline_us = waits ? exg_clock_deadline_ms(700) : EXG_NO_DEADLINE;
    int code = g_strcmp0(damage->text, "401") == 0 ? EXG_ERROR_AUTH : EXG_ERROR_UNREACHABLE;
    Search search;
    search_run(&world, ADDRESS, &search);
    g_assert_error(search.error, EXG_ERROR, code);
    g_autofree char *trusted = test_web_trusted(world.web);
    g_test_message("all       %-20s %4d ms; credentials: %s", damage->name,
                   (int)search_took_ms(&search), trusted[0] != '\0' ? trusted : "nobody");
    search_assert_soon(&search);
    g_assert_nonnull(strstr(search.error->message, "https://" DOMAIN));
    g_assert_null(strstr(search.error->message, "secret"));
    expect_safe(&world, place, HOST, damage);
    search_clear(&search);
}

static void
test_hopeless(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(damages); i++)
        if (!damages[i].is_allowed)
            hopeless(AT_HOST, &damages[i]);
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
#define ADD(name, place, function)                                                                 \
    g_test_add_data_func("/autodiscover/torture/" name, GUINT_TO_POINTER(place), function)
    ADD("C7.2,C7.4-domain", AT_DOMAIN, test_torture);
    ADD("C7.2,C7.4-host", AT_HOST, test_torture);
    ADD("C7.2,C7.4-http", AT_HTTP, test_torture);
    ADD("C7.2,C7.4-srv", AT_SRV, test_torture);
    ADD("C7.2,C7.4-redirect", AT_REDIRECT, test_torture);
    g_test_add_func("/autodiscover/torture/C7.4-hopeless", test_hopeless);
    g_test_add_func("/autodiscover/torture/all-dead", test_all_dead);
    return g_test_run();
}
