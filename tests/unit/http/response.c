#include "common/base/clock.h"
#include "common/http/request-private.h"

#include <string.h>
#include <time.h>

/* Lines separated by '|'; true if all of them are taken. */
static ExgHttpResponse *
response_of(const char *lines)
{
    g_autoptr(ExgHttpResponse) response = exg_http_response_new();
    g_auto(GStrv) split = g_strsplit(lines, "|", -1);
    for (guint i = 0; split[i] != NULL; i++)
        if (!exg_http_response_take_line(response, split[i], strlen(split[i])))
            return NULL;
    exg_http_response_complete(response);
    return g_steal_pointer(&response);
}

static void
test_good(void)
{
    g_autoptr(ExgHttpResponse) response = response_of(
        "HTTP/1.1 200 OK\r\n|A: one\r\n|b:two\n|C:\t three \t\r\n|D:\r\n|a: last\r\n"
        "|E: begun\r\n|\t and continued\r\n|\r\n");
    g_assert_nonnull(response);
    g_assert_cmpint(exg_http_response_status(response), ==, 200);
    g_assert_cmpstr(exg_http_response_header(response, "a"), ==, "one");
    g_assert_cmpstr(exg_http_response_header(response, "B"), ==, "two");
    g_assert_cmpstr(exg_http_response_header(response, "C"), ==, "three");
    g_assert_cmpstr(exg_http_response_header(response, "D"), ==, "");
    g_assert_cmpstr(exg_http_response_header(response, "E"), ==, "begun and continued");
    g_assert_null(exg_http_response_header(response, "F"));
    g_assert_cmpuint(g_bytes_get_size(exg_http_response_body(response)), ==, 0);
}

static void
test_bad(void)
{
    static const char *const bad[] = {"HTTP/1.1 20\r\n",
                                      "HTTP/1.1\r\n",
                                      "HTTP/1.1 2000 OK\r\n",
                                      "HTTP/1.1 2x0 OK\r\n",
                                      "A: b\r\n",
                                      "HTTP/1.1 ",
                                      "HTTP/1.1 200 OK|no colon\r\n",
                                      "HTTP/1.1 200 OK|: no name\r\n",
                                      " folded\r\n",
                                      "HTTP/1.1 200 OK| folded\r\n"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(ExgHttpResponse) response = response_of(bad[i]);
        if (response != NULL)
            g_error("taken: %s", bad[i]);
    }
    /* What is not terminated by a zero is not read past its end. */
    static const char line[] = "HTTP/1.1 200 OK";
    for (gsize length = 1; length < 12; length++) {
        g_autofree char *exact = g_memdup2(line, length);
        g_autoptr(ExgHttpResponse) response = exg_http_response_new();
        (void)exg_http_response_take_line(response, exact, length);
        g_assert_cmpint(exg_http_response_status(response), ==, 0);
    }
}

/* RFC 9110 5.5: what would end a line or a string elsewhere is a blank. */
static void
test_controls(void)
{
    static const struct {
        const char *line;
        gsize length;
    } lines[] = {
#define LINE(text) {text, sizeof text - 1}
        LINE("HTTP/1.1 200 OK\r\n"), LINE("A: x\rSet-Cookie: y\r\n"), LINE("B: x\0y\r\n"),
        LINE("C:\r\0z\r\r\r\n"),     LINE("D\0E: hidden\r\n"),        LINE("F: begun\r\n"),
        LINE("\t and\ron\0\r\n"),
#undef LINE
    };
    g_autoptr(ExgHttpResponse) response = exg_http_response_new();
    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++)
        g_assert_true(exg_http_response_take_line(response, lines[i].line, lines[i].length));
    g_assert_cmpstr(exg_http_response_header(response, "A"), ==, "x Set-Cookie: y");
    g_assert_cmpstr(exg_http_response_header(response, "B"), ==, "x y");
    g_assert_cmpstr(exg_http_response_header(response, "C"), ==, "z");
    g_assert_null(exg_http_response_header(response, "D"));
    g_assert_cmpstr(exg_http_response_header(response, "F"), ==, "begun and on");
}

static void
test_challenges(void)
{
    g_autoptr(ExgHttpResponse) response = response_of(
        "HTTP/1.1 401 No|WWW-Authenticate: Negotiate|X: y|www-authenticate: Basic realm=\"a, b\"");
    g_auto(GStrv) challenges = exg_http_response_headers(response, "WWW-Authenticate");
    g_assert_cmpuint(g_strv_length(challenges), ==, 2);
    g_assert_cmpstr(challenges[0], ==, "Negotiate");
    g_assert_cmpstr(challenges[1], ==, "Basic realm=\"a, b\"");
    g_autoptr(ExgHttpResponse) plain = response_of("HTTP/1.1 401 No");
    g_auto(GStrv) none = exg_http_response_headers(plain, "WWW-Authenticate");
    g_assert_cmpuint(g_strv_length(none), ==, 0);
}

static void
check_retry_after(const char *value, gint64 least, gint64 most)
{
    g_autofree char *lines = g_strdup_printf("HTTP/1.1 503 Busy|Retry-After: %s", value);
    g_autoptr(ExgHttpResponse) response = response_of(lines);
    gint64 wait_ms = exg_http_response_retry_after_ms(response);
    if (wait_ms < least || wait_ms > most)
        g_error("'%s': %" G_GINT64_FORMAT, value, wait_ms);
}

static void
test_retry_after(void)
{
    const gint64 day = 24 * 60 * 60 * 1000;
    check_retry_after("0", 0, 0);
    check_retry_after("120", 120000, 120000);
    check_retry_after("86400", day, day);
    check_retry_after("86401", day, day);
    check_retry_after("99999999999999999999999999", day, day);
    check_retry_after("soon", -1, -1);
    check_retry_after("", -1, -1);
    check_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 0, 0);
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autoptr(GDateTime) later = g_date_time_add_seconds(now, 100);
    g_autofree char *fixed = g_date_time_format(later, "%a, %d %b %Y %H:%M:%S GMT");
    g_autofree char *old = g_date_time_format(later, "%A, %d-%b-%y %H:%M:%S GMT");
    g_autofree char *older = g_date_time_format(later, "%a %b %e %H:%M:%S %Y");
    check_retry_after(fixed, 95000, 100000);
    check_retry_after(old, 95000, 100000);
    check_retry_after(older, 95000, 100000);
    check_retry_after("Fri, 31 Dec 2094 23:59:59 GMT", day, day);
    g_autoptr(ExgHttpResponse) silent = response_of("HTTP/1.1 503 Busy");
    g_assert_cmpint(exg_http_response_retry_after_ms(silent), ==, -1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/http/response/good", test_good);
    g_test_add_func("/http/response/bad", test_bad);
    g_test_add_func("/http/response/controls", test_controls);
    g_test_add_func("/http/response/challenges", test_challenges);
    g_test_add_func("/http/response/A11.1-retry-after", test_retry_after);
    return g_test_run();
}
