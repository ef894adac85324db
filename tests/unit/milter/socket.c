/* The forms of the milter socket. */
#include "milter/socket.h"

#include "common/base/error.h"

#include <string.h>

static void
test_good(void)
{
    static const struct {
        const char *text;
        bool is_unix;
    } cases[] = {
        {"unix:/run/x.sock", true}, {"local:/run/x.sock", true},    {"/run/x.sock", true},
        {"UNIX:/run/x.sock", true}, {"inet:8895@localhost", false}, {"inet:0@127.0.0.1", false},
        {"inet:8895", false},       {"inet6:8895@::1", false},      {"inet6:8895@[::1]", false},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        ExgMilterSocket parsed;
        g_autoptr(GError) error = NULL;
        g_test_message("%s", cases[i].text);
        g_assert_true(exg_milter_socket_parse(cases[i].text, &parsed, &error));
        g_assert_no_error(error);
        g_assert_cmpint(parsed.is_unix, ==, cases[i].is_unix);
        g_assert_cmpstr(parsed.text, ==, cases[i].text);
        if (parsed.is_unix)
            g_assert_cmpstr(parsed.path.text, ==, "unix:/run/x.sock");
        exg_milter_socket_clear(&parsed);
        exg_milter_socket_remove(&parsed); /* it was never opened */
    }
}

static void
test_bad(void)
{
    static const char *const bad[] = {
        "",         "unix:",       "unix:x.sock",  "x.sock",    "unix:/run/",   "unix:/a\tb",
        "inet:",    "inet:smtp@x", "inet:65536@x", "inet:-1@x", "inet:1 @x",    "inet:8895@",
        "inet6:@x", "tcp:8895@x",  "inet7:8895@x", "systemd:",  "inet:8895x@y",
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        ExgMilterSocket parsed = {.text = NULL};
        g_autoptr(GError) error = NULL;
        g_test_message("%s", bad[i]);
        g_assert_false(exg_milter_socket_parse(bad[i], &parsed, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
        g_assert_null(parsed.text);
    }
}

/* Cut anywhere it is a socket or none. */
static void
test_cut(void)
{
    static const char *const whole[] = {"inet6:8895@[::1]", "local:/run/exgate/milter.sock"};
    for (guint i = 0; i < G_N_ELEMENTS(whole); i++) {
        for (gsize length = 0; length <= strlen(whole[i]); length++) {
            g_autofree char *cut = g_strndup(whole[i], length);
            ExgMilterSocket parsed = {.text = NULL};
            bool good = exg_milter_socket_parse(cut, &parsed, NULL);
            g_assert_cmpint(good, ==, parsed.text != NULL);
            exg_milter_socket_clear(&parsed);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/milter/socket/good", test_good);
    g_test_add_func("/milter/socket/bad", test_bad);
    g_test_add_func("/milter/socket/cut", test_cut);
    return g_test_run();
}
