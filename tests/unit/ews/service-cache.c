#include "common/ews/service-cache.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "tests/lib/http-fixture.h"

typedef struct {
    HttpFixture http;
    ExgEwsServiceCache *cache;
    bool broken;
    guint made;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data)
{
    http_fixture_init(&fixture->http, NULL);
    fixture->http.client = exg_http_client_new(fixture->http.engine, &fixture->http.options);
    fixture->cache = exg_ews_service_cache_new();
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    exg_ews_service_cache_free(fixture->cache);
    http_fixture_clear(&fixture->http);
}

static ExgEwsService *
make(gpointer data, GError **error)
{
    Fixture *fixture = data;
    fixture->made++;
    if (fixture->broken) {
        exg_error_set(error, EXG_ERROR_CONFIG, "broken");
        return NULL;
    }
    return exg_ews_service_new(fixture->http.client,
                               test_server_url(fixture->http.server, NULL, "/"), NULL);
}

static const char *const one_url[] = {"https://a/EWS", NULL};
static const char *const two_urls[] = {"https://a/EWS", "https://b/EWS", NULL};

static ExgEwsService *
get(Fixture *fixture, const ExgEwsServiceKey *key, GError **error)
{
    return exg_ews_service_cache_get(fixture->cache, key, make, fixture, error);
}

static void
test_same(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgSecret) secret = exg_secret_new("s", -1), again = exg_secret_new("s", -1);
    const ExgEwsServiceKey key = {one_url, "basic", "u", NULL, secret};
    const char *const urls[] = {"https://a/EWS", NULL};
    const ExgEwsServiceKey equal = {urls, "basic", "u", NULL, again};
    g_autoptr(ExgEwsService) first = get(fixture, &key, NULL);
    g_autoptr(ExgEwsService) second = get(fixture, &equal, NULL);
    g_assert_nonnull(first);
    g_assert_true(first == second);
    g_assert_cmpuint(fixture->made, ==, 1);
}

static void
test_different(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgSecret) one = exg_secret_new("s", -1), two = exg_secret_new("t", -1);
    const ExgEwsServiceKey keys[] = {
        {one_url, "basic", "u", NULL, one}, {two_urls, "basic", "u", NULL, one},
        {one_url, "ntlm", "u", NULL, one},  {one_url, "basic", "v", NULL, one},
        {one_url, "basic", "u", "t", one},  {one_url, "basic", "u", "", one},
        {one_url, "basic", "u", NULL, two}, {one_url, "basic", "u", NULL, NULL},
        {one_url, "basicu", "", NULL, one}, {one_url, "basic", NULL, "u", one},
    };
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autoptr(ExgEwsService) service = get(fixture, &keys[i], NULL);
        g_assert_nonnull(service);
        g_assert_cmpuint(fixture->made, ==, i + 1);
    }
}

static void
test_failures(Fixture *fixture, gconstpointer data)
{
    const ExgEwsServiceKey key = {one_url, "basic", "u", NULL, NULL};
    fixture->broken = true;
    for (guint i = 0; i < 3; i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(get(fixture, &key, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
        g_assert_cmpuint(fixture->made, ==, 1);
    }
    fixture->broken = false;
    exg_clock_advance(EXG_EWS_FAILURE_LIFE_US);
    g_autoptr(ExgEwsService) service = get(fixture, &key, NULL);
    g_assert_nonnull(service);
    g_assert_cmpuint(fixture->made, ==, 2);
}

static void
test_forget(Fixture *fixture, gconstpointer data)
{
    const ExgEwsServiceKey key = {one_url, "basic", "u", NULL, NULL};
    fixture->broken = true;
    g_assert_null(get(fixture, &key, NULL));
    fixture->broken = false;
    exg_ews_service_cache_forget(fixture->cache, &key);
    g_autoptr(ExgEwsService) first = get(fixture, &key, NULL);
    g_assert_nonnull(first);
    exg_ews_service_cache_forget(fixture->cache, &key);
    g_autoptr(ExgEwsService) second = get(fixture, &key, NULL);
    g_assert_true(first != second);
    exg_ews_service_cache_forget(fixture->cache, &key);
    exg_ews_service_cache_forget(fixture->cache, &key);
}

static void
test_clear(Fixture *fixture, gconstpointer data)
{
    test_server_script(fixture->http.server, READ, SEND(OK_ANSWER), READ);
    const ExgEwsServiceKey key = {one_url, "basic", "u", NULL, NULL};
    g_autoptr(ExgEwsService) service = get(fixture, &key, NULL);
    g_autoptr(HttpCall) call = http_call(&fixture->http, http_fixture_request(&fixture->http, "x"));
    http_assert_status(call, 200);
    g_assert_cmpuint(http_fixture_statistics(&fixture->http).idle, ==, 1);
    exg_ews_service_cache_clear(fixture->cache);
    g_assert_cmpuint(http_fixture_statistics(&fixture->http).sessions, ==, 0);
    g_autoptr(ExgEwsService) other = get(fixture, &key, NULL);
    g_assert_true(other != service);
    for (guint i = 0; i < 2 * EXG_EWS_MAX_SERVICES; i++) {
        g_autofree char *user = g_strdup_printf("u%u", i);
        const ExgEwsServiceKey many = {one_url, "basic", user, NULL, NULL};
        g_autoptr(ExgEwsService) one = get(fixture, &many, NULL);
        g_assert_nonnull(one);
    }
    exg_ews_service_cache_free(NULL);
}

#define ADD(name, function)                                                                        \
    g_test_add("/ews/service-cache/" name, Fixture, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("A4.1,A4.2,A4.6,F12-same-key-same-service", test_same);
    ADD("A4.6,A4.7-what-makes-a-key", test_different);
    ADD("A4.3-failures-are-kept-for-a-minute", test_failures);
    ADD("A4.4-forget", test_forget);
    ADD("A4.4-close-connections", test_clear);
    return g_test_run();
}
