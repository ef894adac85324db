#include "common/base/conf.h"
#include "common/base/error.h"

#include <string.h>

#define MINIMUM                                                                                    \
    "[exchange]\nendpoint = https://mail.example.com/EWS/Exchange.asmx\nusername = "               \
    "EXAMPLE\\svc\npassword_file = /p\n"

static ExgConf *
parse(const char *text, GError **error)
{
    return exg_conf_parse(text, strlen(text), "exgate.conf", error);
}

static void
test_values(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgConf) conf = parse(
        "# comment\n\n" MINIMUM "; another\n  [lmtp]  \r\n listen =  unix:/a\tinet:127.0.0.1:24 \n"
        "max_message_size=48M\nidle_timeout = 90s\nsocket_mode = 666\n[delivery]\ntimeout = 2 "
        "min\n",
        &error);
    g_assert_no_error(error);
    g_assert_cmpstr(exg_conf_string(conf, "exchange", "username"), ==, "EXAMPLE\\svc");
    g_assert_true(exg_conf_bool(conf, "exchange", "tls_verify"));
    g_assert_null(exg_conf_string(conf, "exchange", "ca_file"));
    g_assert_cmpint(exg_conf_int(conf, "lmtp", "max_message_size"), ==, 48 * 1024 * 1024);
    g_assert_cmpint(exg_conf_int(conf, "lmtp", "idle_timeout"), ==, 90000);
    g_assert_cmpint(exg_conf_int(conf, "lmtp", "socket_mode"), ==, 0666);
    g_assert_cmpint(exg_conf_int(conf, "delivery", "timeout"), ==, 120000);
    g_assert_cmpint(exg_conf_int(conf, "lmtp", "max_recipients"), ==, 1000);
    const char *const *unset = exg_conf_list(conf, "exchange", "approved_hosts");
    g_assert_nonnull(unset);
    g_assert_null(unset[0]);
    const char *const *list = exg_conf_list(conf, "lmtp", "listen");
    g_assert_cmpuint(g_strv_length((char **)list), ==, 2);
    g_assert_cmpstr(list[1], ==, "inet:127.0.0.1:24");
    g_autofree char *where = exg_conf_where(conf, "exchange", "username");
    g_assert_cmpstr(where, ==, "exgate.conf:5: [exchange] username");
    exg_error_set(&error, EXG_ERROR_CONFIG, "nobody of that name");
    g_assert_false(exg_conf_blame(conf, "exchange", "username", &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_cmpstr(error->message, ==, "exgate.conf:5: [exchange] username: nobody of that name");
    g_assert_false(exg_conf_blame(conf, "exchange", "username", NULL));
}

/* One sentence: file, line, key, what is allowed. */
static void
test_errors(void)
{
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"[exchange]\nendpiont = x\n",
         "exgate.conf:2: [exchange] endpiont is not a known key; the keys of [exchange] are *"},
        {"[exchnage]\n",
         "exgate.conf:1: [exchnage] is not a known group; the groups are exchange, lmtp, *, log"},
        {"[exchange\n", "exgate.conf:1: \"[exchange\" lacks its closing bracket"},
        {"[\n", "exgate.conf:1: \"[\" lacks its closing bracket"},
        {"endpoint = x\n", "exgate.conf:1: endpoint stands before the first [group]"},
        {"[exchange]\nhello\n", "exgate.conf:2: \"hello\" is neither [group] nor key = value"},
        {"[log]\nlevel = info\nlevel = debug\n",
         "exgate.conf:3: [log] level is set a second time; it was set in line 2"},
        {"[log]\nlevel = loud\n",
         "exgate.conf:2: [log] level = loud: one of error, warning, info, debug is expected"},
        {"[exchange]\ntls_verify = maybe\n",
         "exgate.conf:2: [exchange] tls_verify = maybe: yes or no is expected"},
        {"[exchange]\nendpoint = mail.example.com\n",
         "exgate.conf:2: [exchange] endpoint = mail.example.com: a URL such as *"},
        {"[exchange]\nendpoint = https://user:secret@host/\n",
         "exgate.conf:2: [exchange] endpoint = *: a URL such as *"},
        {"[exchange]\nca_file = ca.pem\n",
         "exgate.conf:2: [exchange] ca_file = ca.pem: an absolute path is expected"},
        {"[exchange]\nauth = kerberos\n", "exgate.conf:2: [exchange] auth = kerberos: one of auto, "
                                          "oauth2, negotiate, ntlm, digest, basic, certificate is "
                                          "expected"},
        {"[lmtp]\nmax_sessions = 0\n",
         "exgate.conf:2: [lmtp] max_sessions = 0: a number from 1 to 100000 is expected"},
        {"[lmtp]\nmax_sessions = 99999999999999999999\n",
         "*: a number from 1 to 100000 is expected"},
        {"[lmtp]\nmax_sessions = -1\n", "*: a number from 1 to 100000 is expected"},
        {"[lmtp]\nmax_message_size = 9999999999G\n",
         "*: a size such as 500K or 48M from 1K to 1024M is expected"},
        {"[lmtp]\nidle_timeout = 5 minutes\n",
         "*: a duration such as 500ms, 10s or 5min from 1s to 60min is expected"},
        {"[lmtp]\nsocket_mode = 0888\n", "*: an octal mode from 0000 to 0777 is expected"},
        {"[lmtp]\nlisten =\n", "*: a value is expected"},
        {"[lmtp]\n",
         "exgate.conf: [exchange] endpoint is not set and has no default. The EWS URL*"},
        {"\xff\xfe", "exgate.conf is not a text file in UTF-8"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(parse(rows[i].text, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
        if (!g_pattern_match_simple(rows[i].message, error->message))
            g_error("expected %s, got %s", rows[i].message, error->message);
        g_assert_null(strchr(error->message, '\n'));
    }
}

static void
test_file(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(exg_conf_load("/nonexistent/exgate.conf", &error));
    g_assert_cmpstr(
        error->message, ==,
        "Cannot read the configuration file /nonexistent/exgate.conf: No such file or directory");
    g_clear_error(&error);
    g_assert_null(exg_conf_load("/", &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
}

/* What is written can be read, and says the same. */
static void
test_text(void)
{
    g_autoptr(ExgConf) conf = parse(MINIMUM "[log]\nlevel = debug\n", NULL);
    g_autofree char *text = exg_conf_to_text(conf);
    g_assert_nonnull(strstr(text, "\n#tls_verify = yes\n"));
    g_assert_nonnull(strstr(text, "\nlevel = debug\n"));
    g_autoptr(ExgConf) again = parse(text, NULL);
    g_assert_nonnull(again);
    g_autofree char *text_again = exg_conf_to_text(again);
    g_assert_cmpstr(text, ==, text_again);
}

/* Any prefix of a file is answered: with a configuration or with one sentence. */
static void
test_cut(void)
{
    const char *text = MINIMUM
        "[lmtp]\nlisten = unix:/a inet:[::1]:24\nmax_message_size = 48M\n[log]\nlevel = debug\n";
    for (gsize length = 0; length <= strlen(text); length++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(ExgConf) conf = exg_conf_parse(text, length, "cut", &error);
        g_assert_true((conf != NULL) == (error == NULL));
    }
}

static void
test_schema(void)
{
    gsize count;
    const ExgConfKey *schema = exg_conf_schema(&count);
    g_assert_cmpuint(count, >, 20);
    for (gsize i = 0; i < count; i++) {
        g_assert_nonnull(schema[i].doc);
        g_assert_false(g_str_has_suffix(schema[i].doc, "."));
        for (gsize j = 0; j < i; j++)
            g_assert_false(g_str_equal(schema[i].group, schema[j].group) &&
                           g_str_equal(schema[i].key, schema[j].key));
    }
}

static void
test_duration(void)
{
    static const struct {
        const char *text;
        gint64 ms;
    } good[] = {{"0", 0},          {"5", 5000},     {"5ms", 5},
                {"5 min", 300000}, {"2h", 7200000}, {"7d", 604800000}};
    static const char *const bad[] = {
        "", "x", "-1", "5 fortnights", "1.5h", "99999999999999999999", "9999999999999999d"};
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        gint64 ms = -1;
        g_assert_true(exg_conf_parse_duration(good[i].text, &ms));
        g_assert_cmpint(ms, ==, good[i].ms);
    }
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        gint64 ms = -1;
        g_assert_false(exg_conf_parse_duration(bad[i], &ms));
        g_assert_cmpint(ms, ==, -1);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/conf/values", test_values);
    g_test_add_func("/conf/errors", test_errors);
    g_test_add_func("/conf/file", test_file);
    g_test_add_func("/conf/text", test_text);
    g_test_add_func("/conf/cut", test_cut);
    g_test_add_func("/conf/schema", test_schema);
    g_test_add_func("/conf/duration", test_duration);
    return g_test_run();
}
