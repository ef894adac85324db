#include "tests/lib/world.h"

#include "common/auth/basic.h"
#include "common/base/clock.h"
#include "tests/lib/valgrind.h"

#include <string.h>
#include <unistd.h>

/* --- the world -------------------------------------------------------------------------------- */

static void
on_trace(const ExgDiscoveryEvent *event, gpointer data)
{
    World *world = data;
    g_string_append_printf(world->trace, "%s %s%s %d %s\n", exg_discovery_step_name(event->step),
                           event->url, event->credentials ? " with credentials" : "", event->status,
                           event->sentence);
}

void
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

void
world_run(World *world)
{
    while (exg_engine_iterate(world->engine, false))
        continue;
}

void
world_clear(World *world)
{
    world_run(world);
    exg_http_authenticator_unref(world->authenticator);
    exg_engine_unref(world->engine);
    test_web_free(world->web);
    test_identity_free(world->authority);
    unlink(world->ca_file);
    g_free(world->ca_file);
    g_string_free(world->trace, TRUE);
    g_clear_object(&world->cancellable);
}

void
world_add_hosts(World *world)
{
    test_web_add_host(world->web, DOMAIN);
    test_web_add_host(world->web, HOST);
}

static void
world_answer(World *world, const char *host, const char *path, const char *type, const char *body)
{
    g_autofree char *text = test_web_answer(200, NULL, type, body);
    test_web_rule(world->web, "https", host, path, TEST_WEB_ANSWER, text, 0);
}

void
world_answer_json(World *world, const char *host, const char *body)
{
    world_answer(world, host, "/autodiscover/autodiscover.json", "application/json", body);
}

void
world_answer_soap(World *world, const char *host, const char *body)
{
    world_answer(world, host, "/autodiscover/autodiscover.svc", "text/xml", body);
}

void
world_answer_pox(World *world, const char *host, const char *body)
{
    world_answer(world, host, "/autodiscover/autodiscover.xml", "text/xml", body);
}

void
world_answer_status(World *world, const char *host, const char *path, int status)
{
    const char *header = status == 401 ? "WWW-Authenticate: Basic realm=\"x\"" : NULL;
    g_autofree char *text = test_web_answer(status, header, "text/html", "<html>no</html>");
    test_web_rule(world->web, "https", host, path, TEST_WEB_ANSWER, text, 0);
}

void
world_answer_redirect(World *world, const char *scheme, const char *host, const char *path,
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

static void
on_done(GObject *source, GAsyncResult *result, gpointer data)
{
    Search *search = data;
    g_assert_false(search->done);
    search->done = true;
    search->result = exg_discovery_finish(result, &search->error);
    const GPtrArray *places = exg_discovery_places(result);
    for (guint i = 0; places != NULL && i < places->len; i++) {
        const ExgDiscoveryPlace *place = g_ptr_array_index(places, i);
        g_string_append_printf(search->places, "%s: %s (%d)\n", place->name, place->outcome,
                               (int)place->trouble);
    }
    search->ended_us = g_get_monotonic_time();
    g_assert_true((search->result != NULL) != (search->error != NULL));
}

static void
nothing(gpointer data)
{
}

void
search_start(World *world, const char *address, Search *search)
{
    *search = (Search){.began_us = g_get_monotonic_time(), .places = g_string_new(NULL)};
    GMainContext *context = exg_engine_context(world->engine);
    g_main_context_push_thread_default(context);
    exg_discovery_async(world->engine, &world->options, address, world->deadline_us,
                        world->cancellable, on_done, search);
    g_main_context_pop_thread_default(context);
}

void
search_round(World *world)
{
    ExgTimer round;
    exg_timer_init(&round, world->engine, nothing, NULL);
    exg_timer_set(&round, exg_clock_deadline_ms(20));
    exg_engine_iterate(world->engine, true);
    exg_timer_cancel(&round);
}

void
search_wait(World *world, Search *search)
{
    while (!search->done)
        search_round(world);
}

void
search_clear(Search *search)
{
    exg_discovery_result_free(search->result);
    g_clear_error(&search->error);
    g_string_free(search->places, TRUE);
}

gint64
search_took_ms(const Search *search)
{
    return (search->ended_us - search->began_us) / 1000;
}

void
search_assert_soon(const Search *search)
{
    if (!test_under_valgrind())
        g_assert_cmpint(search_took_ms(search), <, SOON_MS);
}

void
search_run(World *world, const char *address, Search *search)
{
    search_start(world, address, search);
    search_wait(world, search);
    world_run(world);
}

void
world_expect(World *world, ExgDiscoveryStep step, const char *endpoint)
{
    Search search;
    search_run(world, ADDRESS, &search);
    g_assert_no_error(search.error);
    g_assert_cmpstr(search.result->endpoint, ==, endpoint);
    g_assert_cmpstr(exg_discovery_step_name(search.result->step), ==,
                    exg_discovery_step_name(step));
    search_clear(&search);
}

void
world_expect_error(World *world, ExgErrorCode code, const char *part)
{
    Search search;
    search_run(world, ADDRESS, &search);
    g_assert_error(search.error, EXG_ERROR, (int)code);
    if (strstr(search.error->message, part) == NULL)
        g_error("\"%s\" is not in \"%s\"", part, search.error->message);
    search_clear(&search);
}

void
world_expect_trusted(World *world, const char *hosts)
{
    g_autofree char *trusted = test_web_trusted(world->web);
    g_assert_cmpstr(trusted, ==, hosts);
}
