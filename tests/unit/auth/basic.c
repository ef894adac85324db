#include "common/auth/basic.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "tests/lib/http-fixture.h"

#include <string.h>

static void
keep_line(ExgLogLevel level, const char *line, gpointer data)
{
    g_string_append_printf(data, "%s\n", line);
}

/* Each pair of RFC 7617's kind, at all three paddings of base64. */
static void
test_header(void)
{
    static const struct {
        const char *user, *password, *header;
    } cases[] = {
        {"Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
        {"test", "123\302\243", "Basic dGVzdDoxMjPCow=="},
        {"EXAMPLE\\svc", "pass:word", "Basic RVhBTVBMRVxzdmM6cGFzczp3b3Jk"},
        {"u@example.com", "x", "Basic dUBleGFtcGxlLmNvbTp4"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        HttpFixture fixture;
        http_fixture_init(&fixture, NULL);
        g_autoptr(ExgSecret) password = exg_secret_new(cases[i].password, -1);
        g_autoptr(ExgHttpAuthenticator) basic = exg_auth_basic_new(cases[i].user, password);
        fixture.options.authenticator = basic;
        test_server_script(fixture.server, READ, SEND(OK_ANSWER), READ, SEND(OK_ANSWER));
        for (guint n = 0; n < 2; n++) {
            g_autoptr(HttpCall) call = http_call(&fixture, http_fixture_request(&fixture, "body"));
            http_assert_status(call, 200);
            g_autofree char *head = test_server_head(fixture.server, n);
            g_autofree char *value = test_head_value(head, "Authorization");
            g_assert_cmpstr(value, ==, cases[i].header);
        }
        g_assert_cmpuint(test_server_connections(fixture.server), ==, 1);
        http_fixture_clear(&fixture);
    }
}

static void
test_long(void)
{
    for (gsize length = 1; length < 400; length += 13) {
        g_autofree char *text = http_large_text(length);
        g_autofree char *pair = g_strdup_printf("user:%s", text);
        g_autofree char *base64 = g_base64_encode((const guchar *)pair, strlen(pair));
        g_autofree char *wanted = g_strdup_printf("Basic %s", base64);
        HttpFixture fixture;
        http_fixture_init(&fixture, NULL);
        g_autoptr(ExgSecret) password = exg_secret_new(text, -1);
        g_autoptr(ExgHttpAuthenticator) basic = exg_auth_basic_new("user", password);
        fixture.options.authenticator = basic;
        test_server_script(fixture.server, READ, SEND(OK_ANSWER));
        g_autoptr(HttpCall) call = http_call(&fixture, http_fixture_request(&fixture, "body"));
        http_assert_status(call, 200);
        g_autofree char *head = test_server_head(fixture.server, 0);
        g_autofree char *value = test_head_value(head, "Authorization");
        g_assert_cmpstr(value, ==, wanted);
        http_fixture_clear(&fixture);
    }
}

/* A wrong password: asked once, not again and again, and said without the secret. */
static void
test_refused(void)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    g_autoptr(ExgSecret) password = exg_secret_new("hush-hush", -1);
    g_autoptr(ExgHttpAuthenticator) basic = exg_auth_basic_new("svc", password);
    fixture.options.authenticator = basic;
    test_server_script(fixture.server, READ,
                       SEND("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
                            "Content-Length: 4\r\n\r\nnope"));
    test_server_repeat(fixture.server);
    g_autoptr(GString) lines = g_string_new(NULL);
    exg_log_set_level(EXG_LOG_DEBUG);
    exg_log_set_sink(keep_line, lines);
    ExgHttpRequest *request = http_fixture_request(&fixture, "body");
    exg_http_request_set_once(request);
    g_autoptr(HttpCall) call = http_call(&fixture, request);
    exg_log_set_sink(NULL, NULL);
    exg_log_set_level(EXG_LOG_INFO);
    http_assert_failed(call, EXG_ERROR_AUTH, "auth");
    g_assert_cmpint(exg_error_facts(call->error)->http_status, ==, 401);
    g_assert_false(exg_http_request_body_sent(call->request)); /* refused, so not acted on */
    g_assert_cmpuint(test_server_requests(fixture.server), ==, 1);
    g_assert_cmpuint(lines->len, >, 0);
    g_autofree char *coded = g_base64_encode((const guchar *)"svc:hush-hush", 13);
    g_assert_null(strstr(lines->str, "hush"));
    g_assert_null(strstr(lines->str, coded));
    g_assert_null(strstr(call->error->message, "hush"));
    http_fixture_clear(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/auth/basic/A5.2,A5.4-header", test_header);
    g_test_add_func("/auth/basic/long", test_long);
    g_test_add_func("/auth/basic/A5.8,A7.1,A21,F21-refused", test_refused);
    return g_test_run();
}
