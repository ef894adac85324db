#include "common/auth/digest-response-private.h"
#include "common/auth/digest.h"
#include "common/base/error.h"
#include "tests/lib/http-fixture.h"

#include <string.h>

#define REFUSAL(challenge)                                                                         \
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: " challenge "\r\nContent-Length: 0\r\n\r\n"

/* The example of RFC 7616 section 3.9.1. */
static void
test_example(void)
{
    static const struct {
        bool sha256;
        const char *response;
    } cases[] = {{false, "8ca523f5e9506fed4657c9700eebdbec"},
                 {true, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"}};
    g_autoptr(ExgSecret) password = exg_secret_new("Circle of Life", -1);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        const ExgAuthDigest digest = {
            .sha256 = cases[i].sha256,
            .user = "Mufasa",
            .realm = "http-auth@example.org",
            .nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            .client_nonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            .method = "GET",
            .target = "/dir/index.html",
            .password = password,
            .count = 1,
        };
        g_autofree char *response = exg_auth_digest_response(&digest);
        g_assert_cmpstr(response, ==, cases[i].response);
    }
}

/* Sends requests to a server that says this; answers what the first with credentials carried, or NULL. */
static char *
ask(const char *challenge, guint requests, GError **ret_error)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    g_autoptr(ExgSecret) password = exg_secret_new("hush-hush", -1);
    g_autoptr(ExgHttpAuthenticator) digest = exg_auth_digest_new("EXAMPLE\\svc", password);
    g_autofree char *refusal = g_strdup_printf(REFUSAL("%s"), challenge);
    fixture.options.authenticator = digest;
    test_server_script(fixture.server, READ, SEND(refusal), READ, SEND(OK_ANSWER), READ,
                       SEND(OK_ANSWER));
    char *header = NULL;
    for (guint i = 0; i < requests; i++) {
        g_autoptr(HttpCall) call = http_call(&fixture, http_fixture_request(&fixture, "body"));
        if (call->error != NULL) {
            g_propagate_error(ret_error, g_steal_pointer(&call->error));
            break;
        }
        http_assert_status(call, 200);
        g_free(header);
        g_autofree char *head = test_server_head(fixture.server, i + 1);
        header = test_head_value(head, "Authorization");
    }
    http_fixture_clear(&fixture);
    return header;
}

static void
test_header(void)
{
    g_autofree char *header = ask(
        "Digest realm=\"a \\\"b\\\"\", nonce=\"n1\", qop=\"auth-int,auth\"", 1, NULL);
    g_assert_true(g_str_has_prefix(header,
                                   "Digest username=\"EXAMPLE\\\\svc\", realm=\"a \\\"b\\\"\", "
                                   "nonce=\"n1\", uri=\"/"));
    g_assert_nonnull(strstr(header, "qop=auth, nc=00000001"));
    g_assert_null(strstr(header, "algorithm"));
    g_assert_null(strstr(header, "opaque"));
    g_assert_null(strstr(header, "hush"));
}

/* The nonce of a connection is good for its next request, and counted. */
static void
test_count(void)
{
    g_autofree char *header = ask(
        "Digest realm=r, nonce=n1, qop=auth, opaque=o, algorithm=md5-SESS", 2, NULL);
    g_assert_nonnull(strstr(header, "nc=00000002"));
    g_assert_nonnull(strstr(header, "opaque=\"o\""));
    g_assert_nonnull(strstr(header, "algorithm=MD5-sess"));
}

static void
test_strongest(void)
{
    g_autofree char *header = ask("Digest realm=r, nonce=n1, qop=auth, algorithm=MD5, "
                                  "Digest realm=r, nonce=n2, qop=auth, algorithm=SHA-512-256, "
                                  "Digest realm=r, nonce=n3, qop=auth, algorithm=SHA-256, "
                                  "Digest realm=r, nonce=n4, qop=auth, algorithm=MD5",
                                  1, NULL);
    g_assert_nonnull(strstr(header, "algorithm=SHA-256,"));
    g_assert_nonnull(strstr(header, "nonce=\"n3\""));
}

static void
test_unknown(void)
{
    static const char *const challenges[] = {
        "Digest realm=r, nonce=n, qop=auth, algorithm=SHA-512-256",
        "Digest realm=r, nonce=n, qop=auth-int",
        "Digest realm=r, nonce=n",
        "Digest realm=r, qop=auth",
        "Digest nonce=n, qop=auth",
        "Digest",
        "Basic realm=r",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(challenges); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(ask(challenges[i], 1, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    }
}

/* A challenge that ends anywhere is answered or refused, and nothing worse. */
static void
test_cut(void)
{
    static const char whole[] =
        "Digest realm=\"r\\\"x\", nonce=\"n\", qop=\"auth\", algorithm=\"MD5\"";
    for (gsize length = strlen("Digest"); length <= strlen(whole); length++) {
        g_autofree char *challenge = g_strndup(whole, length);
        g_autoptr(GError) error = NULL;
        g_autofree char *header = ask(challenge, 1, &error);
        g_assert_true((header != NULL) != (error != NULL));
    }
}

/* A stale nonce is replaced once; without "stale" nothing is tried again. */
static void
test_refused(void)
{
    static const struct {
        const char *challenge;
        guint requests;
    } cases[] = {
        {REFUSAL("Digest realm=r, nonce=n, qop=auth"), 2},
        {REFUSAL("Digest realm=r, nonce=n, qop=auth, stale=false"), 2},
        {REFUSAL("Digest realm=r, nonce=n, qop=auth, stale=TRUE"), 4},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        HttpFixture fixture;
        http_fixture_init(&fixture, NULL);
        g_autoptr(ExgSecret) password = exg_secret_new("hush-hush", -1);
        g_autoptr(ExgHttpAuthenticator) digest = exg_auth_digest_new("svc", password);
        fixture.options.authenticator = digest;
        test_server_script(fixture.server, READ, SEND(cases[i].challenge), READ,
                           SEND(cases[i].challenge));
        test_server_repeat(fixture.server);
        g_autoptr(HttpCall) call = http_call(&fixture, http_fixture_request(&fixture, "body"));
        http_assert_failed(call, EXG_ERROR_AUTH, "auth");
        g_assert_cmpuint(test_server_requests(fixture.server), ==, cases[i].requests);
        http_fixture_clear(&fixture);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/auth/digest/example", test_example);
    g_test_add_func("/auth/digest/A5.2-header", test_header);
    g_test_add_func("/auth/digest/count", test_count);
    g_test_add_func("/auth/digest/strongest", test_strongest);
    g_test_add_func("/auth/digest/unknown", test_unknown);
    g_test_add_func("/auth/digest/cut", test_cut);
    g_test_add_func("/auth/digest/F14-refused", test_refused);
    return g_test_run();
}
