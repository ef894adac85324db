/* Networks, and who is in them. */
#include "milter/networks.h"

#include "common/base/error.h"

static bool
contains(const char *network, const char *address)
{
    g_autoptr(GError) error = NULL;
    const char *const texts[] = {"203.0.113.77", network, NULL};
    g_autoptr(ExgNetworks) networks = exg_networks_new(texts, &error);
    g_assert_no_error(error);
    return exg_networks_contain(networks, address);
}

static void
test_inside(void)
{
    static const char *const inside[][2] = {
        {"192.0.2.0/24", "192.0.2.0"},
        {"192.0.2.0/24", "192.0.2.255"},
        {"192.0.2.0/24", "[192.0.2.7]"},
        {"192.0.2.0/24", "::ffff:192.0.2.7"},
        {"::ffff:192.0.2.0/120", "192.0.2.9"},
        {"192.0.2.8/29", "192.0.2.15"},
        {"192.0.2.1", "192.0.2.1"},
        {"192.0.2.1/32", "192.0.2.1"},
        {"0.0.0.0/0", "198.51.100.1"},
        {"128.0.0.0/1", "255.0.0.1"},
        {"2001:db8::/32", "2001:db8:ffff::1"},
        {"2001:db8::/32", "IPv6:2001:DB8::1"},
        {"2001:db8::/32", "ipv6:2001:db8::1"},
        {"2001:db8::/32", "[IPv6:2001:db8::1]"},
        {"2001:db8::1", "2001:0db8:0:0::1"},
        {"2001:db8::/33", "2001:db8:7fff::1"},
        {"fe80::/10", "fe80::1%eth0"},
        {"::/0", "2001:db8::1"},
        {"::/0", "192.0.2.1"},
        {"192.0.2.0/24", "203.0.113.77"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(inside); i++) {
        g_test_message("%s %s", inside[i][0], inside[i][1]);
        g_assert_true(contains(inside[i][0], inside[i][1]));
    }
}

static void
test_outside(void)
{
    static const char *const outside[][2] = {
        {"192.0.2.0/24", "192.0.3.0"},
        {"192.0.2.0/24", "192.0.1.255"},
        {"192.0.2.8/29", "192.0.2.16"},
        {"192.0.2.8/29", "192.0.2.7"},
        {"192.0.2.1", "192.0.2.2"},
        {"0.0.0.0/0", "2001:db8::1"},
        {"128.0.0.0/1", "127.0.0.1"},
        {"2001:db8::/33", "2001:db8:8000::1"},
        {"2001:db8::/32", "2001:db9::"},
        {"192.0.2.0/24", "unknown"},
        {"192.0.2.0/24", ""},
        {"192.0.2.0/24", "192.0.2.0/24"},
        {"192.0.2.0/24", "192.0.2"},
        {"192.0.2.0/24", "192.0.2.1.evil.test"},
        {"192.0.2.0/24", "IPv6:"},
        {"::/0",
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
        {"192.0.2.0/24", NULL},
    };
    for (guint i = 0; i < G_N_ELEMENTS(outside); i++) {
        g_test_message("%s %s", outside[i][0], outside[i][1]);
        g_assert_false(contains(outside[i][0], outside[i][1]));
    }
    const char *const none[] = {NULL};
    g_autoptr(ExgNetworks) empty = exg_networks_new(none, NULL);
    g_assert_false(exg_networks_contain(empty, "192.0.2.1"));
}

static void
test_bad(void)
{
    static const char *const bad[] = {
        "192.0.2.0/33", "192.0.2.0/",   "192.0.2.0/-1",   "192.0.2.0/2x",        "192.0.2.0/ 24",
        "192.0.2/24",   "192.0.2.1/24", "2001:db8::/129", "2001:db8::1/32",      "/24",
        "example.com",  "2001:db8:/32", "192.0.2.0/24/8", "::ffff:192.0.2.1/96",
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        const char *const texts[] = {bad[i], NULL};
        g_autoptr(GError) error = NULL;
        g_test_message("%s", bad[i]);
        g_assert_null(exg_networks_new(texts, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
        g_assert_true(g_str_has_prefix(error->message, bad[i]));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/milter/networks/inside", test_inside);
    g_test_add_func("/milter/networks/outside", test_outside);
    g_test_add_func("/milter/networks/bad", test_bad);
    return g_test_run();
}
