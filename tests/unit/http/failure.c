/* Connections that cannot be had: addresses, TLS, certificates. */
#include "common/base/clock.h"
#include "common/base/disposition.h"
#include "common/base/error.h"
#include "common/http/failure-private.h"
#include "tests/lib/http-fixture.h"
#include "tests/lib/scratch.h"

#include <string.h>

#define HOUR 3600L

static char *directory;
static TestIdentity *authority;
static char *ca_file;

static HttpCall *
call_host(HttpFixture *fixture, const char *host)
{
    g_autoptr(GBytes) bytes = g_bytes_new_static("body", 4);
    ExgHttpBody *body = exg_http_body_new_bytes(bytes);
    return http_call(
        fixture,
        exg_http_request_new("POST", test_server_url(fixture->server, host, "/"), body, 65536));
}

static void
test_trusted(void)
{
    TestIdentity *identity = test_identity_new_server(authority, "127.0.0.1", -HOUR, HOUR);
    HttpFixture fixture;
    http_fixture_init(&fixture, identity);
    fixture.options.ca_file = ca_file;
    test_server_script(fixture.server, READ, SEND(OK_ANSWER), READ, SEND(OK_ANSWER));
    for (int i = 0; i < 2; i++) {
        g_autoptr(HttpCall) call = call_host(&fixture, NULL);
        http_assert_status(call, 200);
    }
    g_assert_cmpuint(test_server_connections(fixture.server), ==, 1);
    http_fixture_clear(&fixture);
    test_identity_free(identity);
}

/* By name, so that what the resolver found is what libcurl uses. */
static void
test_trusted_name(void)
{
    TestIdentity *identity = test_identity_new_server(authority, "localhost", -HOUR, HOUR);
    HttpFixture fixture;
    http_fixture_init(&fixture, identity);
    fixture.options.ca_file = ca_file;
    test_server_script(fixture.server, READ, SEND(OK_ANSWER));
    g_autoptr(HttpCall) call = call_host(&fixture, "localhost");
    http_assert_status(call, 200);
    http_fixture_clear(&fixture);
    test_identity_free(identity);
}

static void
check_distrust(const TestIdentity *identity, const char *file, const char *reason)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, identity);
    fixture.options.ca_file = file;
    test_server_script(fixture.server, READ, SEND(OK_ANSWER));
    test_server_repeat(fixture.server);
    g_autoptr(HttpCall) call = call_host(&fixture, NULL);
    http_assert_failed(call, EXG_ERROR_CONFIG, "tls");
    g_test_message("%s", call->error->message);
    g_assert_nonnull(strstr(call->error->message, "127.0.0.1"));
    g_assert_nonnull(strstr(call->error->message, reason));
    g_assert_nonnull(strstr(call->error->message, "ca_file"));
    g_assert_null(strchr(call->error->message, '\n'));
    ExgDisposition disposition = exg_disposition_of(call->error);
    g_assert_cmpint(disposition.smtp_code, ==, 451);
    g_assert_cmpstr(disposition.enhanced, ==, "4.7.5");
    g_assert_false(exg_http_request_body_sent(call->request));
    g_assert_cmpuint(test_server_requests(fixture.server), ==, 0);
    http_fixture_clear(&fixture);
}

static void
test_untrusted(void)
{
    TestIdentity *stranger = test_identity_new_authority("Somebody else");
    TestIdentity *identity = test_identity_new_server(stranger, "127.0.0.1", -HOUR, HOUR);
    check_distrust(identity, ca_file, "is signed by an authority that is not trusted");
    check_distrust(identity, ca_file, "Somebody else");
    check_distrust(identity, NULL, "not trusted");
    test_identity_free(identity);
    test_identity_free(stranger);
}

static void
test_expired(void)
{
    TestIdentity *identity = test_identity_new_server(authority, "127.0.0.1", -3 * HOUR, -HOUR);
    check_distrust(identity, ca_file, "expired on 20");
    test_identity_free(identity);
}

static void
test_not_yet_valid(void)
{
    TestIdentity *identity = test_identity_new_server(authority, "127.0.0.1", HOUR, 3 * HOUR);
    check_distrust(identity, ca_file, "is not valid before 20");
    test_identity_free(identity);
}

static void
test_wrong_name(void)
{
    TestIdentity *identity = test_identity_new_server(authority, "mail.example.com", -HOUR, HOUR);
    check_distrust(identity, ca_file, "is for another name (CN=mail.example.com)");
    test_identity_free(identity);
}

static void
test_ca_file_missing(void)
{
    TestIdentity *identity = test_identity_new_server(authority, "127.0.0.1", -HOUR, HOUR);
    check_distrust(identity, "/nowhere/ca.pem", "/nowhere/ca.pem");
    test_identity_free(identity);
}

static void
test_not_verified(void)
{
    TestIdentity *stranger = test_identity_new_authority("Somebody else");
    TestIdentity *identity = test_identity_new_server(stranger, "mail.example.com", -HOUR, HOUR);
    HttpFixture fixture;
    http_fixture_init(&fixture, identity);
    fixture.options.tls_verify = false;
    test_server_script(fixture.server, READ, SEND(OK_ANSWER));
    g_autoptr(HttpCall) call = call_host(&fixture, NULL);
    http_assert_status(call, 200);
    http_fixture_clear(&fixture);
    test_identity_free(identity);
    test_identity_free(stranger);
}

/* What both flavours of libcurl say when a server does not like our certificate, or wants one, or when we cannot read it. */
static void
test_client_certificate(void)
{
    static const char token[] = "pkcs11:token=t;object=o?pin-value=4711";
    static const struct {
        enum { HANDSHAKE, FIRST, LATER } when;
        CURLcode code;
        const char *text, *certificate;
        gint expected;
        const char *reason;
    } rows[] = {
        {HANDSHAKE, CURLE_SSL_CONNECT_ERROR, "gnutls_handshake() failed: Certificate is expired",
         "/c.pem", EXG_ERROR_AUTH, "mail does not accept the client certificate (it has expired)"},
        {HANDSHAKE, CURLE_SSL_CONNECT_ERROR, "gnutls_handshake() failed: CA is unknown", token,
         EXG_ERROR_AUTH, "its issuer is not trusted there"},
        {HANDSHAKE, CURLE_SSL_CONNECT_ERROR, "gnutls_handshake() failed: Certificate is required",
         NULL, EXG_ERROR_CONFIG, "mail wants a client certificate (none was shown)"},
        {HANDSHAKE, CURLE_SSL_CONNECT_ERROR, "gnutls_handshake() failed: Handshake failed", NULL,
         EXG_ERROR_UNREACHABLE, "perhaps it wants a client certificate"},
        {HANDSHAKE, CURLE_SSL_CONNECT_ERROR,
         "OpenSSL/3.0.19: error:0A000410:SSL routines::sslv3 alert handshake failure", NULL,
         EXG_ERROR_UNREACHABLE,
         "mail failed: sslv3 alert handshake failure; perhaps it wants a client certificate"},
        {HANDSHAKE, CURLE_SSL_CONNECT_ERROR, "gnutls_handshake() failed: Send failure: Broken pipe",
         NULL, EXG_ERROR_UNREACHABLE, "perhaps it wants a client certificate"},
        {HANDSHAKE, CURLE_PEER_FAILED_VERIFICATION, "SSL certificate verification failed", "/c.pem",
         EXG_ERROR_AUTH, "mail does not accept the client certificate (it has expired)"},
        {FIRST, CURLE_RECV_ERROR, "GnuTLS recv error (-12): A TLS fatal alert has been received.",
         "/c.pem", EXG_ERROR_AUTH, "mail does not accept the client certificate"},
        {FIRST, CURLE_RECV_ERROR, "GnuTLS recv error (-12): A TLS fatal alert has been received.",
         NULL, EXG_ERROR_CONFIG, "mail wants a client certificate"},
        {LATER, CURLE_RECV_ERROR, "GnuTLS recv error (-12): A TLS fatal alert has been received.",
         NULL, EXG_ERROR_UNREACHABLE, "closed the connection"},
        {FIRST, CURLE_RECV_ERROR,
         "OpenSSL SSL_read: OpenSSL/3.0.11: error:0A00045C:SSL routines::tlsv13 alert certificate "
         "required, errno 0",
         NULL, EXG_ERROR_CONFIG, "wants a client certificate (none was shown)"},
        {HANDSHAKE, CURLE_SSL_CONNECT_ERROR,
         "OpenSSL/3.0.11: error:0A000418:SSL routines::tlsv1 alert unknown ca", "/c.pem",
         EXG_ERROR_AUTH, "its issuer is not trusted there"},
        {HANDSHAKE, CURLE_SSL_CONNECT_ERROR, "error reading X.509 key or certificate file", token,
         EXG_ERROR_AUTH, "not with this PIN"},
        {HANDSHAKE, CURLE_SSL_CERTPROBLEM, "could not load PEM client certificate", "/c.pem",
         EXG_ERROR_AUTH, "cannot be read"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        const ExgHttpFailure failure = {.code = rows[i].code,
                                        .text = rows[i].text,
                                        .stage = rows[i].when == HANDSHAKE ? "tls" : "answer",
                                        .host = "mail",
                                        .client_certificate = rows[i].certificate,
                                        .established = rows[i].when != HANDSHAKE,
                                        .answered = rows[i].when == LATER};
        g_autoptr(GError) error = exg_http_failure_to_error(&failure);
        g_test_message("%s", error->message);
        g_assert_error(error, EXG_ERROR, rows[i].expected);
        g_assert_nonnull(strstr(error->message, rows[i].reason));
        g_assert_true((strstr(error->message, "client_certificate_file") != NULL) ==
                      (rows[i].when != LATER));
        g_assert_null(strstr(error->message, "4711"));
        g_assert_null(strstr(error->message, "TLS fatal"));
    }
}

/* With OpenSSL a chain that was refused is empty. */
static void
test_no_chain(void)
{
    const struct curl_certinfo empty = {0};
    const struct curl_certinfo *const chains[] = {NULL, &empty};
    for (gsize i = 0; i < G_N_ELEMENTS(chains); i++) {
        const ExgHttpFailure failure = {
            .code = CURLE_PEER_FAILED_VERIFICATION,
            .text = "SSL certificate problem: self-signed certificate",
            .stage = "tls",
            .host = "mail",
            .chain = chains[i],
        };
        g_autoptr(GError) error = exg_http_failure_to_error(&failure);
        g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
        g_assert_nonnull(strstr(error->message, "The certificate of mail is not trusted"));
    }
}

static void
test_old_tls(void)
{
    TestIdentity *identity = test_identity_new_server(authority, "127.0.0.1", -HOUR, HOUR);
    HttpFixture fixture;
    http_fixture_init(&fixture, identity);
    fixture.options.ca_file = ca_file;
    test_server_set_priority(fixture.server, "NORMAL:-VERS-ALL:+VERS-TLS1.1");
    test_server_script(fixture.server, READ, SEND(OK_ANSWER));
    g_autoptr(HttpCall) call = call_host(&fixture, NULL);
    http_assert_failed(call, EXG_ERROR_UNREACHABLE, "tls");
    g_test_message("%s", call->error->message);
    http_fixture_clear(&fixture);
    test_identity_free(identity);
}

static void
test_no_tls(void)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    test_server_script(fixture.server, READ_BYTES(10), SEND("HTTP/1.1 400 Bad Request\r\n\r\n"));
    g_autofree char *url = g_strdup_printf("https://127.0.0.1:%u/",
                                           test_server_port(fixture.server));
    g_autoptr(HttpCall) call = http_call(&fixture, exg_http_request_new("GET", url, NULL, 100));
    http_assert_failed(call, EXG_ERROR_UNREACHABLE, "tls");
    g_test_message("%s", call->error->message);
    g_assert_false(exg_http_request_body_sent(call->request));
    http_fixture_clear(&fixture);
}

static void
test_refused(void)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    guint16 port;
    {
        g_autoptr(TestServer) gone = test_server_new(NULL);
        port = test_server_port(gone);
    }
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/", port);
    g_autoptr(HttpCall) call = http_call(&fixture, exg_http_request_new("GET", url, NULL, 100));
    http_assert_failed(call, EXG_ERROR_UNREACHABLE, "connect");
    g_autofree char *wanted = g_strdup_printf(
        "Cannot connect to 127.0.0.1 port %u: Connection refused", port);
    g_assert_cmpstr(call->error->message, ==, wanted);
    ExgHttpClientStatistics statistics = http_fixture_statistics(&fixture);
    g_assert_cmpuint(statistics.sessions, ==, 0);
    g_assert_cmpuint(statistics.connections, ==, 0);
    http_fixture_clear(&fixture);
}

static void
test_bad_urls(void)
{
    static const char *const urls[] = {"",
                                       "mail.example.com",
                                       "ftp://127.0.0.1/",
                                       "https://user:word@127.0.0.1/",
                                       "http:///path",
                                       "http://127.0.0.1:99999/",
                                       "file:///etc/passwd"};
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(urls); i++) {
        g_autoptr(HttpCall)
            call = http_call(&fixture, exg_http_request_new("GET", urls[i], NULL, 100));
        g_assert_error(call->error, EXG_ERROR, EXG_ERROR_CONFIG);
        g_assert_null(strstr(call->error->message, "word"));
    }
    http_fixture_clear(&fixture);
}

/* main() sets a proxy in the environment, which is not for us. */
static void
test_no_proxy(void)
{
    HttpFixture fixture;
    http_fixture_init(&fixture, NULL);
    g_assert_nonnull(g_getenv("http_proxy"));
    test_server_script(fixture.server, READ, SEND(OK_ANSWER));
    g_autoptr(HttpCall) call = http_call(&fixture, http_fixture_request(&fixture, "x"));
    http_assert_status(call, 200);
    http_fixture_clear(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_setenv("http_proxy", "http://127.0.0.1:1/", TRUE); /* for all tests of this file */
    g_setenv("ALL_PROXY", "http://127.0.0.1:1/", TRUE);
    directory = test_scratch_new();
    ca_file = g_build_filename(directory, "ca.pem", NULL);
    authority = test_identity_new_authority("Test authority");
    test_identity_write(authority, ca_file);
    g_test_add_func("/http/failure/A8.1-trusted", test_trusted);
    g_test_add_func("/http/failure/trusted-name", test_trusted_name);
    g_test_add_func("/http/failure/A8.1,A10-untrusted", test_untrusted);
    g_test_add_func("/http/failure/A8.1-expired", test_expired);
    g_test_add_func("/http/failure/not-yet-valid", test_not_yet_valid);
    g_test_add_func("/http/failure/A8.1-wrong-name", test_wrong_name);
    g_test_add_func("/http/failure/ca-file-missing", test_ca_file_missing);
    g_test_add_func("/http/failure/not-verified", test_not_verified);
    g_test_add_func("/http/failure/client-certificate", test_client_certificate);
    g_test_add_func("/http/failure/no-chain", test_no_chain);
    g_test_add_func("/http/failure/old-tls", test_old_tls);
    g_test_add_func("/http/failure/A10-no-tls", test_no_tls);
    g_test_add_func("/http/failure/A10-refused", test_refused);
    g_test_add_func("/http/failure/bad-urls", test_bad_urls);
    g_test_add_func("/http/failure/no-proxy", test_no_proxy);
    int result = g_test_run();
    test_identity_free(authority);
    g_free(ca_file);
    test_scratch_free(directory);
    return result;
}
