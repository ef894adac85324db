#include "common/ews/cookies-private.h"

#include "common/base/clock.h"

#include <string.h>

#define URL "https://mail.example.com/EWS/Exchange.asmx"

static void
assert_header(ExgEwsCookies *cookies, const char *mailbox, const char *expected)
{
    g_autofree char *header = exg_ews_cookies_header(cookies, URL, mailbox);
    g_assert_cmpstr(header, ==, expected);
}

static void
test_apart(void)
{
    g_autoptr(ExgEwsCookies) cookies = exg_ews_cookies_new();
    exg_ews_cookies_take(cookies, URL, "a@x", "X-BackEndCookie=one; path=/EWS; secure; HttpOnly");
    exg_ews_cookies_take(cookies, URL, "a@x", " exchangecookie = two ;path=/");
    exg_ews_cookies_take(cookies, URL, "b@x", "X-BackEndCookie=three");
    exg_ews_cookies_take(cookies, URL, NULL, "own=four");
    assert_header(cookies, "A@x", "X-BackEndCookie=one; exchangecookie=two");
    assert_header(cookies, "b@x", "X-BackEndCookie=three");
    assert_header(cookies, NULL, "own=four");
    assert_header(cookies, "c@x", NULL);
    g_autofree char *elsewhere = exg_ews_cookies_header(cookies, "https://other/", "a@x");
    g_assert_null(elsewhere);
}

static void
test_change(void)
{
    g_autoptr(ExgEwsCookies) cookies = exg_ews_cookies_new();
    exg_ews_cookies_take(cookies, URL, "a@x", "k=1");
    exg_ews_cookies_take(cookies, URL, "a@x", "l=");
    exg_ews_cookies_take(cookies, URL, "a@x", "k=2; Max-Age=100");
    assert_header(cookies, "a@x", "l=; k=2");
    exg_ews_cookies_take(cookies, URL, "a@x", "k=; expires=Thu, 01-Jan-1970 00:00:00 GMT");
    assert_header(cookies, "a@x", "l=");
    exg_ews_cookies_take(cookies, URL, "a@x", "l=x; max-age=0");
    assert_header(cookies, "a@x", NULL);
    exg_ews_cookies_take(cookies, URL, "a@x", "k=3");
    exg_clock_advance(EXG_EWS_COOKIE_LIFE_US);
    assert_header(cookies, "a@x", NULL);
}

static void
test_hostile(void)
{
    static const char *const bad[] = {"",        "k",     "=v",         ";",      "k=a b",  "k k=v",
                                      "k=\"v\"", "k=a,b", "k=\xc3\xa4", "k=a\tb", "k=a\\b", " = "};
    g_autoptr(ExgEwsCookies) cookies = exg_ews_cookies_new();
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        exg_ews_cookies_take(cookies, URL, "a@x", bad[i]);
    g_autofree char *value = g_strnfill(EXG_EWS_MAX_COOKIE_BYTES, 'v');
    g_autofree char *large = g_strconcat("k=", value, NULL);
    exg_ews_cookies_take(cookies, URL, "a@x", large);
    assert_header(cookies, "a@x", NULL);
}

static void
test_limits(void)
{
    g_autoptr(ExgEwsCookies) cookies = exg_ews_cookies_new();
    for (guint i = 0; i < 3 * EXG_EWS_MAX_COOKIES; i++) {
        g_autofree char *cookie = g_strdup_printf("k%u=v", i);
        exg_ews_cookies_take(cookies, URL, "a@x", cookie);
    }
    g_autofree char *header = exg_ews_cookies_header(cookies, URL, "a@x");
    g_auto(GStrv) parts = g_strsplit(header, "; ", -1);
    g_assert_cmpuint(g_strv_length(parts), ==, EXG_EWS_MAX_COOKIES);
    for (guint i = 0; i < EXG_EWS_MAX_JARS; i++) {
        g_autofree char *mailbox = g_strdup_printf("%u@x", i);
        exg_ews_cookies_take(cookies, URL, mailbox, "k=v");
    }
    assert_header(cookies, "a@x", NULL); /* it was used longest ago */
    assert_header(cookies, "0@x", "k=v");
    exg_ews_cookies_take(cookies, URL, "more@x", "k=v");
    assert_header(cookies, "0@x", "k=v");
    assert_header(cookies, "1@x", NULL);
    exg_ews_cookies_free(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/cookies/A18.4,F22-never-for-another-mailbox", test_apart);
    g_test_add_func("/ews/cookies/A18.4-changed-and-deleted", test_change);
    g_test_add_func("/ews/cookies/A18.4-hostile", test_hostile);
    g_test_add_func("/ews/cookies/A18.4-limits", test_limits);
    return g_test_run();
}
