/* Mode, owner and group of sockets from the configuration. */
#include "common/io/listener-conf.h"

#include <string.h>

static ExgConf *
conf_with(const char *lines)
{
    g_autofree char *text = g_strdup_printf("[exchange]\nendpoint = https://x.test/EWS\n"
                                            "username = u\npassword_file = /p\n[lmtp]\n%s",
                                            lines);
    g_autoptr(GError) error = NULL;
    ExgConf *conf = exg_conf_parse(text, strlen(text), "test.conf", &error);
    g_assert_no_error(error);
    return conf;
}

static void
test_good(void)
{
    g_autoptr(ExgConf) bare = conf_with("");
    ExgListenerOptions options;
    g_assert_true(exg_listener_options_read(bare, "lmtp", &options, NULL));
    g_assert_cmpint(options.mode, ==, 0660);
    g_assert_true(options.owner == (uid_t)-1 && options.group == (gid_t)-1);

    g_autoptr(ExgConf) full = conf_with("socket_mode = 0600\nsocket_owner = root\n"
                                        "socket_group = root\n");
    g_assert_true(exg_listener_options_read(full, "lmtp", &options, NULL));
    g_assert_cmpint(options.mode, ==, 0600);
    g_assert_true(options.owner == 0 && options.group == 0);
}

static void
test_nobody(void)
{
    static const struct {
        const char *line, *fault;
    } faults[] = {
        {"socket_owner = no-such-user-here\n",
         "test.conf:6: [lmtp] socket_owner: there is no user no-such-user-here"},
        {"socket_group = no-such-group-here\n",
         "test.conf:6: [lmtp] socket_group: there is no group no-such-group-here"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
        g_autoptr(ExgConf) conf = conf_with(faults[i].line);
        g_autoptr(GError) error = NULL;
        ExgListenerOptions options;
        g_assert_false(exg_listener_options_read(conf, "lmtp", &options, &error));
        g_assert_cmpstr(error->message, ==, faults[i].fault);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/io/listener-conf/good", test_good);
    g_test_add_func("/io/listener-conf/nobody", test_nobody);
    return g_test_run();
}
