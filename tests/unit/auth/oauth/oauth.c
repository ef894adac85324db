#include "common/auth/oauth/oauth.h"

#include "common/auth/oauth/bearer.h"
#include "common/auth/oauth/token-command.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "tests/lib/http-fixture.h"
#include "tests/lib/scratch.h"

#include <glib/gstdio.h>
#include <gnutls/abstract.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An HTTP answer with that JSON. Static. */
static const char *
answer(const char *status, const char *json)
{
    static GPtrArray *texts;
    if (texts == NULL)
        texts = g_ptr_array_new_with_free_func(g_free);
    char *text = g_strdup_printf("HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
                                 "Content-Length: %zu\r\n\r\n%s",
                                 status, strlen(json), json);
    g_ptr_array_add(texts, text);
    return text;
}

typedef struct {
    HttpFixture http;
    char *directory;
    ExgHttpClient *plain; /* without credentials, to the token endpoint */
    ExgOauthClient client;
    ExgTokenSource *source;
    ExgToken *token;
    GError *error;
    bool done;
} Fixture;

static void
setup(Fixture *fixture, gconstpointer data)
{
    http_fixture_init(&fixture->http, NULL);
    fixture->directory = test_scratch_new();
    fixture->http.options.idle_timeout_ms = 86400000; /* the clock is moved, connections stay */
    fixture->plain = exg_http_client_new(fixture->http.engine, &fixture->http.options);
    fixture->client = (ExgOauthClient){
        .token_url = test_server_url(fixture->http.server, NULL, "/tenant/oauth2/v2.0/token"),
        .client_id = "0000-client",
        .scope = "https://outlook.office365.com/.default",
    };
    fixture->client.token_url = g_strdup(fixture->client.token_url);
}

static void
teardown(Fixture *fixture, gconstpointer data)
{
    exg_token_source_unref(fixture->source);
    exg_token_unref(fixture->token);
    g_clear_error(&fixture->error);
    exg_http_client_unref(fixture->plain);
    g_free((char *)fixture->client.token_url);
    exg_secret_unref(fixture->client.client_secret);
    test_scratch_free(fixture->directory);
    http_fixture_clear(&fixture->http);
}

static void
on_token(GObject *object, GAsyncResult *result, gpointer data)
{
    Fixture *fixture = data;
    fixture->token = exg_token_source_get_finish(fixture->source, result, &fixture->error);
    fixture->done = true;
}

static void
get(Fixture *fixture)
{
    g_clear_pointer(&fixture->token, exg_token_unref);
    g_clear_error(&fixture->error);
    fixture->done = false;
    g_main_context_push_thread_default(exg_engine_context(fixture->http.engine));
    exg_token_source_get_async(fixture->source, EXG_NO_DEADLINE, on_token, fixture);
    http_fixture_until(&fixture->http, fixture->done);
    g_main_context_pop_thread_default(exg_engine_context(fixture->http.engine));
}

static void
assert_token(Fixture *fixture, const char *text)
{
    g_assert_no_error(fixture->error);
    g_assert_cmpstr(exg_secret_bytes(fixture->token->access), ==, text);
}

/* --- client credentials ----------------------------------------------------------------------- */

static void
test_secret(Fixture *fixture, gconstpointer data)
{
    fixture->client.client_secret = exg_secret_new("s3cret &=+%\303\274", -1);
    fixture->source = exg_oauth_source_new(fixture->plain, &fixture->client, fixture->http.engine);
    test_server_script(fixture->http.server, READ,
                       SEND(answer("200 OK", "{\"access_token\":\"one\",\"expires_in\":60}")), READ,
                       SEND(answer("200 OK", "{\"access_token\":\"two\",\"expires_in\":60}")));
    get(fixture);
    assert_token(fixture, "one");
    g_autofree char *head = test_server_head(fixture->http.server, 0);
    g_autofree char *type = test_head_value(head, "Content-Type");
    g_assert_cmpstr(type, ==, "application/x-www-form-urlencoded");
    g_assert_true(g_str_has_prefix(head, "POST /tenant/oauth2/v2.0/token HTTP/1.1\r\n"));
    test_server_assert_field(fixture->http.server, 0, "grant_type", "client_credentials");
    test_server_assert_field(fixture->http.server, 0, "client_id", "0000-client");
    test_server_assert_field(fixture->http.server, 0, "client_secret", "s3cret &=+%\303\274");
    test_server_assert_field(fixture->http.server, 0, "scope",
                             "https://outlook.office365.com/.default");
    /* After its end the grant is made again: no refresh_token grant that nothing would come of. */
    exg_clock_advance(61 * G_TIME_SPAN_SECOND);
    get(fixture);
    assert_token(fixture, "two");
    test_server_assert_field(fixture->http.server, 1, "grant_type", "client_credentials");
}

static void
test_wrong_secret(Fixture *fixture, gconstpointer data)
{
    fixture->client.client_secret = exg_secret_new("hush-hush", -1);
    fixture->source = exg_oauth_source_new(fixture->plain, &fixture->client, fixture->http.engine);
    test_server_script(
        fixture->http.server, READ,
        SEND(answer("401 Unauthorized",
                    "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: x\"}")));
    test_server_repeat(fixture->http.server);
    for (guint i = 0; i < 3; i++) {
        get(fixture);
        g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_AUTH);
        g_assert_null(strstr(fixture->error->message, "hush"));
        g_assert_nonnull(strstr(fixture->error->message, "AADSTS7000215"));
    }
    g_assert_cmpuint(test_server_requests(fixture->http.server), ==, 1);
}

/* base64url to bytes. */
static guchar *
decode(const char *text, gsize *ret_length)
{
    g_autoptr(GString) base64 = g_string_new(text);
    g_strdelimit(base64->str, "-", '+');
    g_strdelimit(base64->str, "_", '/');
    while (base64->len % 4 != 0)
        g_string_append_c(base64, '=');
    return g_base64_decode(base64->str, ret_length);
}

/* Certificate and key in one file; the key is of that kind. (transfer full) */
static char *
write_identity(Fixture *fixture, TestIdentity *identity, gnutls_pk_algorithm_t algorithm)
{
    if (algorithm == GNUTLS_PK_RSA) {
        gnutls_x509_privkey_deinit(identity->key);
        gnutls_x509_privkey_init(&identity->key);
        gnutls_x509_privkey_generate(identity->key, GNUTLS_PK_RSA, 2048, 0);
        gnutls_x509_crt_set_key(identity->certificate, identity->key);
        gnutls_x509_crt_sign2(identity->certificate, identity->certificate, identity->key,
                              GNUTLS_DIG_SHA256, 0);
    }
    char *path = g_build_filename(fixture->directory, "both.pem", NULL);
    test_identity_write(identity, path);
    gnutls_datum_t key;
    g_assert_cmpint(gnutls_x509_privkey_export2(identity->key, GNUTLS_X509_FMT_PEM, &key), >=, 0);
    FILE *file = fopen(path, "a");
    g_assert_cmpuint(fwrite(key.data, 1, key.size, file), ==, key.size);
    fclose(file);
    gnutls_free(key.data);
    return path;
}

/* An assertion can be made with a RSA key alone, and its own. */
static void
test_wrong_keys(Fixture *fixture, gconstpointer data)
{
    TestIdentity *identity = test_identity_new_authority("client");
    g_autofree char *path = write_identity(fixture, identity, GNUTLS_PK_ECDSA);
    g_autoptr(GError) error = NULL;
    g_assert_null(exg_client_assertion_new(path, NULL, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_nonnull(strstr(error->message, "RSA"));
    g_clear_error(&error);
    g_autofree char *own = write_identity(fixture, identity, GNUTLS_PK_RSA);
    g_autofree char *certificate = g_build_filename(fixture->directory, "other.pem", NULL);
    TestIdentity *other = test_identity_new_authority("other");
    test_identity_write(other, certificate);
    g_assert_null(exg_client_assertion_new(certificate, own, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_nonnull(strstr(error->message, "is not that of"));
    g_clear_error(&error);
    g_assert_null(exg_client_assertion_new("/nonexistent", NULL, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_clear_error(&error);
    exg_clock_advance(100 * 366 * G_TIME_SPAN_DAY);
    g_assert_null(exg_client_assertion_new(own, NULL, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_nonnull(strstr(error->message, "the certificate has expired"));
    test_identity_free(other);
    test_identity_free(identity);
}

/* The certificate instead of a secret: the assertion verifies, and says what it must. */
static void
test_certificate(Fixture *fixture, gconstpointer data)
{
    TestIdentity *identity = test_identity_new_authority("client");
    g_autofree char *path = write_identity(fixture, identity, GNUTLS_PK_RSA);
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgClientAssertion) assertion = exg_client_assertion_new(path, NULL, &error);
    g_assert_no_error(error);
    fixture->client.assertion = assertion;
    fixture->source = exg_oauth_source_new(fixture->plain, &fixture->client, fixture->http.engine);
    test_server_script(fixture->http.server, READ,
                       SEND(answer("200 OK", "{\"access_token\":\"c\"}")));
    get(fixture);
    assert_token(fixture, "c");
    test_server_assert_field(fixture->http.server, 0, "client_secret", NULL);
    test_server_assert_field(fixture->http.server, 0, "client_assertion_type",
                             "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    g_autofree char *jwt = test_server_field(fixture->http.server, 0, "client_assertion");
    g_auto(GStrv) parts = g_strsplit(jwt, ".", -1);
    g_assert_cmpuint(g_strv_length(parts), ==, 3);
    gsize length;
    g_autofree char *header = (char *)decode(parts[0], &length);
    g_assert_nonnull(strstr(header, "\"alg\":\"PS256\""));
    g_assert_nonnull(strstr(header, "\"x5t#S256\":\""));
    g_autofree char *claims = (char *)decode(parts[1], &length);
    g_assert_nonnull(strstr(claims, fixture->client.token_url));
    g_assert_nonnull(strstr(claims, "\"iss\":\"0000-client\""));
    g_assert_nonnull(strstr(claims, "\"jti\":\""));
    g_autofree guchar *proof = decode(parts[2], &length);
    g_autofree char *content = g_strdup_printf("%s.%s", parts[0], parts[1]);
    gnutls_datum_t signed_data = {(guchar *)content, (unsigned)strlen(content)};
    gnutls_datum_t signature = {proof, (unsigned)length};
    gnutls_pubkey_t public;
    gnutls_pubkey_init(&public);
    g_assert_cmpint(gnutls_pubkey_import_x509(public, identity->certificate, 0), >=, 0);
    g_assert_cmpint(gnutls_pubkey_verify_data2(public, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, 0,
                                               &signed_data, &signature),
                    >=, 0);
    gnutls_pubkey_deinit(public);
    test_identity_free(identity);
    g_clear_pointer(&fixture->source, exg_token_source_unref);
}

/* --- refresh tokens --------------------------------------------------------------------------- */

static ExgTokenFile *
token_file(Fixture *fixture, const char *json)
{
    g_autofree char *path = g_build_filename(fixture->directory, "tokens", NULL);
    g_assert_true(g_file_set_contents(path, json, -1, NULL));
    g_assert_cmpint(g_chmod(path, 0600), ==, 0);
    return exg_token_file_new(path);
}

/* A refresh token is used once; what comes instead is on disk before it counts. */
static void
test_refresh(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgTokenFile) file = token_file(
        fixture, "{\"expires_at\":1,\"access_token\":\"old\",\"refresh_token\":\"r1\"}");
    fixture->source = exg_oauth_refresh_source_new(fixture->plain, &fixture->client, file,
                                                   fixture->http.engine);
    test_server_script(
        fixture->http.server, READ,
        SEND(answer("200 OK",
                    "{\"access_token\":\"a1\",\"refresh_token\":\"r2\",\"expires_in\":60}")),
        READ, SEND(answer("200 OK", "{\"access_token\":\"a2\",\"expires_in\":3600}")));
    get(fixture);
    assert_token(fixture, "a1");
    test_server_assert_field(fixture->http.server, 0, "grant_type", "refresh_token");
    test_server_assert_field(fixture->http.server, 0, "refresh_token", "r1");
    test_server_assert_field(fixture->http.server, 0, "scope", NULL);
    g_autoptr(ExgToken) stored = exg_token_file_read(file, NULL);
    g_assert_cmpstr(exg_secret_bytes(stored->refresh), ==, "r2");
    g_assert_cmpstr(exg_secret_bytes(stored->access), ==, "a1");
    /* The next answer brings none: the last one stays good. */
    exg_clock_advance(61 * G_TIME_SPAN_SECOND);
    get(fixture);
    assert_token(fixture, "a2");
    test_server_assert_field(fixture->http.server, 1, "refresh_token", "r2");
    g_autoptr(ExgToken) last = exg_token_file_read(file, NULL);
    g_assert_cmpstr(exg_secret_bytes(last->refresh), ==, "r2");
    struct stat info;
    g_assert_cmpint(stat(exg_token_file_path(file), &info), ==, 0);
    g_assert_cmpint(info.st_mode & 0777, ==, 0600);
}

/* Another program has the lock, and leaves a new token: nothing is asked for. */
static void
test_shared(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgTokenFile) file = token_file(
        fixture, "{\"expires_at\":1,\"access_token\":\"old\",\"refresh_token\":\"r1\"}");
    g_autoptr(ExgTokenFile) other = exg_token_file_new(exg_token_file_path(file));
    g_autoptr(GError) error = NULL;
    g_assert_true(exg_token_file_try_lock(other, &error));
    fixture->source = exg_oauth_refresh_source_new(fixture->plain, &fixture->client, file,
                                                   fixture->http.engine);
    g_main_context_push_thread_default(exg_engine_context(fixture->http.engine));
    exg_token_source_get_async(fixture->source, EXG_NO_DEADLINE, on_token, fixture);
    for (guint i = 0; i < 20; i++)
        http_fixture_round(&fixture->http);
    g_assert_false(fixture->done);
    g_autoptr(ExgSecret) access = exg_secret_new("theirs", -1);
    g_autoptr(ExgSecret) refresh = exg_secret_new("r9", -1);
    g_autoptr(ExgToken) token = exg_token_new(access, refresh, 3600, 0);
    g_assert_true(exg_token_file_write(other, token, &error));
    exg_token_file_unlock(other);
    exg_clock_advance(G_TIME_SPAN_SECOND);
    http_fixture_until(&fixture->http, fixture->done);
    g_main_context_pop_thread_default(exg_engine_context(fixture->http.engine));
    assert_token(fixture, "theirs");
    g_assert_cmpuint(test_server_requests(fixture->http.server), ==, 0);
}

static void
test_revoked(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgTokenFile) file = token_file(
        fixture, "{\"expires_at\":1,\"access_token\":\"old\",\"refresh_token\":\"r1\"}");
    fixture->source = exg_oauth_refresh_source_new(fixture->plain, &fixture->client, file,
                                                   fixture->http.engine);
    test_server_script(fixture->http.server, READ,
                       SEND(answer("400 Bad Request", "{\"error\":\"invalid_grant\"}")));
    get(fixture);
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_AUTH);
    g_assert_nonnull(strstr(fixture->error->message, "exgate login"));
    /* The lock is free again, the file as it was. */
    g_assert_true(exg_token_file_try_lock(file, NULL));
    g_autoptr(ExgToken) stored = exg_token_file_read(file, NULL);
    g_assert_cmpstr(exg_secret_bytes(stored->refresh), ==, "r1");
}

static void
test_bad_files(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgTokenFile) file = token_file(fixture, "nonsense");
    g_assert_null(exg_token_file_read(file, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_clear_error(&error);
    g_assert_cmpint(g_chmod(exg_token_file_path(file), 0644), ==, 0);
    g_assert_null(exg_token_file_read(file, &error));
    g_assert_nonnull(strstr(error->message, "chmod 600"));
    g_clear_error(&error);
    g_assert_true(exg_token_file_remove(file, &error));
    g_assert_true(exg_token_file_remove(file, &error));
    g_assert_null(exg_token_file_read(file, &error));
    g_assert_nonnull(strstr(error->message, "exgate login"));
    g_clear_error(&error);
    g_assert_cmpint(symlink("/etc/hostname", exg_token_file_path(file)), ==, 0);
    g_assert_null(exg_token_file_read(file, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_clear_error(&error);
    g_autoptr(ExgSecret) secret = exg_secret_new("x", -1);
    g_autoptr(ExgToken) token = exg_token_new(secret, NULL, 60, 0);
    g_autoptr(ExgTokenFile) nowhere = exg_token_file_new("/nonexistent/tokens");
    g_assert_false(exg_token_file_write(nowhere, token, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_RESOURCES);
}

/* --- the bearer's requests -------------------------------------------------------------------- */

static void
use_bearer(Fixture *fixture)
{
    fixture->client.client_secret = exg_secret_new("s", -1);
    fixture->source = exg_oauth_source_new(fixture->plain, &fixture->client, fixture->http.engine);
    ExgHttpAuthenticator *bearer = exg_auth_bearer_new(fixture->source);
    fixture->http.options.authenticator = bearer;
}

static void
assert_bearer(Fixture *fixture, guint n, const char *wanted)
{
    g_autofree char *head = test_server_head(fixture->http.server, n);
    g_autofree char *value = test_head_value(head, "Authorization");
    g_assert_cmpstr(value, ==, wanted);
}

#define REFUSED                                                                                    \
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"invalid_token\"\r\n"            \
    "Content-Length: 0\r\n\r\n"

/* A server that no longer takes the token: a new one is got, once, and the caller sees nothing. */
static void
test_bearer(Fixture *fixture, gconstpointer data)
{
    use_bearer(fixture);
    g_autoptr(ExgHttpAuthenticator) bearer = fixture->http.options.authenticator;
    test_server_script(fixture->http.server, READ,
                       SEND(answer("200 OK", "{\"access_token\":\"t1\"}")), READ,
                       SEND(answer("200 OK", "{\"access_token\":\"t2\"}")));
    test_server_script(fixture->http.server, READ, SEND(OK_ANSWER), READ, SEND(REFUSED));
    test_server_script(fixture->http.server, READ, SEND(OK_ANSWER));
    g_autoptr(HttpCall)
        first = http_call(&fixture->http, http_fixture_request(&fixture->http, "a"));
    http_assert_status(first, 200);
    assert_bearer(fixture, 1, "Bearer t1");
    exg_clock_advance(20 * G_TIME_SPAN_SECOND);
    g_autoptr(HttpCall)
        second = http_call(&fixture->http, http_fixture_request(&fixture->http, "b"));
    http_assert_status(second, 200);
    g_assert_cmpuint(test_server_requests(fixture->http.server), ==, 5);
    assert_bearer(fixture, 4, "Bearer t2");
    g_assert_cmpuint(exg_token_source_fetches(fixture->source), ==, 2);
}

/* A token that is refused although it is new: one other is got, and then there is a clear error. For
 * some time no further token is thrown away for it. */
static void
test_bearer_refused(Fixture *fixture, gconstpointer data)
{
    use_bearer(fixture);
    g_autoptr(ExgHttpAuthenticator) bearer = fixture->http.options.authenticator;
    test_server_script(fixture->http.server, READ,
                       SEND(answer("200 OK", "{\"access_token\":\"t1\"}")), READ,
                       SEND(answer("200 OK", "{\"access_token\":\"t2\"}")));
    test_server_script(fixture->http.server, READ, SEND(REFUSED));
    test_server_repeat(fixture->http.server);
    for (int i = 0; i < 3; i++) {
        g_autoptr(HttpCall)
            call = http_call(&fixture->http, http_fixture_request(&fixture->http, "a"));
        http_assert_failed(call, EXG_ERROR_AUTH, "auth");
        g_assert_cmpuint(exg_token_source_fetches(fixture->source), ==, 2);
    }
}

/* --- tokens of others ------------------------------------------------------------------------- */

/* GLib's own thread lets go of a process a little after its end. */
static void
wait_until_gone(Fixture *fixture, guint fds)
{
    g_clear_pointer(&fixture->source, exg_token_source_unref);
    http_fixture_until(&fixture->http, http_count_fds() <= fds);
}

static void
test_command(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    guint fds = http_count_fds();
    /* The claims say {"exp":1}. */
    static const struct {
        const char *command, *token;
        ExgErrorCode code;
    } cases[] = {
        {"printf 'opaque-token\\nmore\\n'", "opaque-token", 0},
        {"printf ''", NULL, EXG_ERROR_CONFIG},
        {"printf 'two words'", NULL, EXG_ERROR_CONFIG},
        {"printf 'e30.eyJleHAiOjF9.x'", NULL, EXG_ERROR_AUTH},
        {"false", NULL, EXG_ERROR_UNREACHABLE},
        {"/nonexistent/program --token", NULL, EXG_ERROR_CONFIG},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_clear_pointer(&fixture->source, exg_token_source_unref);
        fixture->source = exg_token_from_command_new(fixture->http.engine, cases[i].command,
                                                     &error);
        g_assert_no_error(error);
        get(fixture);
        if (cases[i].token != NULL)
            assert_token(fixture, cases[i].token);
        else
            g_assert_error(fixture->error, EXG_ERROR, (int)cases[i].code);
    }
    g_assert_null(exg_token_from_command_new(fixture->http.engine, "'open", &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    wait_until_gone(fixture, fds);
}

/* It is killed at the deadline, but what it has started goes on and keeps its output open. */
static void
test_command_late(Fixture *fixture, gconstpointer data)
{
    g_autofree char *held = g_build_filename(fixture->directory, "held", NULL);
    g_autofree char *started = g_build_filename(fixture->directory, "started", NULL);
    g_autofree char *command = g_strdup_printf("sh -c '(: > %s; cat %s 2>&1); true'", started,
                                               held);
    guint fds = http_count_fds();
    g_assert_cmpint(mkfifo(held, 0600), ==, 0);
    int holder = open(held, O_RDWR | O_CLOEXEC);
    g_assert_cmpint(holder, >=, 0);
    fixture->source = exg_token_from_command_new(fixture->http.engine, command, NULL);
    g_main_context_push_thread_default(exg_engine_context(fixture->http.engine));
    exg_token_source_get_async(fixture->source, EXG_NO_DEADLINE, on_token, fixture);
    http_fixture_until(&fixture->http, g_file_test(started, G_FILE_TEST_EXISTS));
    exg_clock_advance(31 * G_TIME_SPAN_SECOND);
    http_fixture_until(&fixture->http, fixture->done);
    g_main_context_pop_thread_default(exg_engine_context(fixture->http.engine));
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    g_assert_nonnull(strstr(fixture->error->message, "in time"));
    g_unlink(held); /* lets it go, whether it has opened that yet or not */
    close(holder);
    wait_until_gone(fixture, fds);
}

static void
test_file(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgTokenFile) file = token_file(fixture, "from-a-file\n");
    fixture->source = exg_token_from_file_new(fixture->http.engine, exg_token_file_path(file));
    get(fixture);
    assert_token(fixture, "from-a-file");
    g_assert_true(exg_token_file_remove(file, NULL));
    exg_clock_advance(G_TIME_SPAN_HOUR);
    get(fixture);
    g_assert_error(fixture->error, EXG_ERROR, EXG_ERROR_CONFIG);
}

static void
test_clouds(void)
{
    g_autofree char *url = exg_oauth_url("worldwide", "contoso.example", "token");
    g_assert_cmpstr(url, ==, "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token");
    g_autofree char *china = exg_oauth_url("china", "a/b", "devicecode");
    g_assert_cmpstr(china, ==,
                    "https://login.partner.microsoftonline.cn/a%2Fb/oauth2/v2.0/devicecode");
    g_assert_null(exg_oauth_url("moon", "x", "token"));
    g_assert_cmpstr(exg_oauth_default_scope("us-government"), ==,
                    "https://outlook.office365.us/.default");
    g_assert_null(exg_oauth_default_scope("moon"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add(name, Fixture, NULL, setup, function, teardown)
    ADD("/auth/oauth/A7.4,A7.5,A7.11-client-secret", test_secret);
    ADD("/auth/oauth/A7.2,F14-wrong-secret", test_wrong_secret);
    ADD("/auth/oauth/A7.15-certificate", test_certificate);
    ADD("/auth/oauth/A7.15-wrong-keys", test_wrong_keys);
    ADD("/auth/oauth/A7.8,A7.9-refresh", test_refresh);
    ADD("/auth/oauth/A7.10-shared", test_shared);
    ADD("/auth/oauth/A7.9-revoked", test_revoked);
    ADD("/auth/oauth/token-file", test_bad_files);
    ADD("/auth/oauth/A7.11,A5.2-bearer", test_bearer);
    ADD("/auth/oauth/A7.12-bearer-refused", test_bearer_refused);
    ADD("/auth/oauth/A7.15,A7.7-command", test_command);
    ADD("/auth/oauth/command-late", test_command_late);
    ADD("/auth/oauth/A7.7-file", test_file);
    g_test_add_func("/auth/oauth/A7.3-clouds", test_clouds);
    return g_test_run();
}
