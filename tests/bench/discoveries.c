/* discoveries - discovers the endpoints of some addresses, all at once, as exgate-lmtpd would.
 *
 *     discoveries CA-FILE USER:PASSWORD CACHE-FILE ADDRESS…
 *
 * Twice: the second time the cache knows them. Prints the seconds that each took, the seconds of CPU and the peak of memory in KiB;
 * then the endpoints. */
#include "common/auth/basic.h"
#include "common/autodiscover/finder.h"
#include "common/base/clock.h"
#include "tests/bench/usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    ExgEngine *engine;
    ExgDiscoveryFinder *finder;
    char **addresses;
    guint under_way;
    GString *endpoints;
} Bench;

static void
on_found(GObject *source, GAsyncResult *result, gpointer data)
{
    Bench *bench = data;
    g_autoptr(GError) error = NULL;
    g_autofree char *endpoint = exg_discovery_finder_find_finish(result, &error);
    if (endpoint == NULL) {
        fprintf(stderr, "discoveries: %s\n", error->message);
        exit(1);
    }
    g_string_append_printf(bench->endpoints, "%s\n", endpoint);
    bench->under_way--;
}

static void
start(gpointer data)
{
    Bench *bench = data;
    for (char **address = bench->addresses; *address != NULL; address++)
        exg_discovery_finder_find_async(bench->finder, *address, exg_clock_deadline_ms(60000), NULL,
                                        on_found, bench);
}

/* Seconds. */
static double
discover(Bench *bench)
{
    double begun = bench_clock(CLOCK_MONOTONIC);
    g_string_truncate(bench->endpoints, 0);
    bench->under_way = g_strv_length(bench->addresses);
    exg_engine_post(bench->engine, start, bench);
    while (bench->under_way > 0)
        exg_engine_iterate(bench->engine, true);
    return bench_clock(CLOCK_MONOTONIC) - begun;
}

int
main(int argc, char **argv)
{
    const char *colon = argc >= 5 ? strchr(argv[2], ':') : NULL;
    if (colon == NULL) {
        fprintf(stderr, "usage: discoveries CA-FILE USER:PASSWORD CACHE-FILE ADDRESS...\n");
        return 64;
    }
    g_autofree char *user = g_strndup(argv[2], (gsize)(colon - argv[2]));
    g_autoptr(ExgSecret) password = exg_secret_new(colon + 1, -1);
    g_autoptr(ExgHttpAuthenticator) basic = exg_auth_basic_new(user, password);
    g_autoptr(ExgDiscoveryCache) cache = exg_discovery_cache_new(argv[3]);
    const ExgDiscoveryOptions options = {
        .http = {.authenticator = basic,
                 .user_agent = "exgate-bench/1",
                 .ca_file = argv[1],
                 .tls_verify = true,
                 .connect_timeout_ms = 10000,
                 .idle_timeout_ms = 60000,
                 .max_sessions = 1},
    };
    Bench bench = {.addresses = argv + 4, .endpoints = g_string_new(NULL)};
    bench.engine = exg_engine_new(NULL);
    bench.finder = exg_discovery_finder_new(bench.engine, &options, cache);
    double first = discover(&bench), second = discover(&bench);
    printf("%.6f %.6f %.6f %ld\n%s", first, second, bench_clock(CLOCK_PROCESS_CPUTIME_ID),
           bench_peak_kib(), bench.endpoints->str);
    while (exg_engine_iterate(bench.engine, false)) /* what was not waited for ends */
        continue;
    exg_discovery_finder_unref(bench.finder);
    exg_engine_unref(bench.engine);
    g_string_free(bench.endpoints, TRUE);
    return 0;
}
