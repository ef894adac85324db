/* A stream with TLS, against a GnuTLS client in a thread of its own. */
#include "common/io/stream.h"

#include "common/base/clock.h"
#include "common/base/error.h"

#include <glib/gstdio.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define VOLUME (4 * 1024 * 1024)

typedef struct {
    char *certificate, *key;
} Identity;

static Identity ours, other;

static char *
take_pem(gnutls_datum_t *pem)
{
    char *text = g_strndup((const char *)pem->data, pem->size);
    gnutls_free(pem->data);
    return text;
}

static Identity
make_identity(guint8 serial)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
    gnutls_datum_t pem;
    Identity identity;
    gnutls_x509_privkey_init(&key);
    g_assert_cmpint(gnutls_x509_privkey_generate(
                        key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                    ==, 0);
    gnutls_x509_crt_init(&crt);
    gnutls_x509_crt_set_version(crt, 3);
    gnutls_x509_crt_set_serial(crt, &serial, 1);
    gnutls_x509_crt_set_activation_time(crt, time(NULL) - 60);
    gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 3600);
    gnutls_x509_crt_set_dn(crt, "CN=localhost", NULL);
    gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, "localhost", 9, GNUTLS_FSAN_SET);
    gnutls_x509_crt_set_key(crt, key);
    g_assert_cmpint(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), ==, 0);
    g_assert_cmpint(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem), ==, 0);
    identity.certificate = take_pem(&pem);
    g_assert_cmpint(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem), ==, 0);
    identity.key = take_pem(&pem);
    gnutls_x509_crt_deinit(crt);
    gnutls_x509_privkey_deinit(key);
    return identity;
}

/* --- the stream's owner: echoes ---------------------------------------------------------------- */

typedef struct {
    ExgEngine *engine;
    ExgTlsServer *tls;
    ExgStream *stream;
    int peer;
    gsize echoed, finish_after; /* 0: never */
    bool freed_in_read, paused_once;
    guint closes;
    GError *failure;
    char *server_name;
} Fixture;

static gsize
on_read(ExgStream *stream, const guint8 *data, gsize length, gpointer user)
{
    Fixture *f = user;
    if (f->server_name == NULL)
        f->server_name = g_strdup(exg_stream_tls_server_name(stream));
    if (f->freed_in_read) {
        exg_stream_free(g_steal_pointer(&f->stream));
        return length;
    }
    if (f->paused_once) {
        f->paused_once = false;
        exg_stream_pause(stream);
        exg_stream_write(stream, data, 1);
        return 1;
    }
    exg_stream_write(stream, data, length);
    f->echoed += length;
    if (f->finish_after != 0 && f->echoed >= f->finish_after)
        exg_stream_finish(stream);
    return length;
}

static void
on_closed(ExgStream *stream, const GError *error, gpointer user)
{
    Fixture *f = user;
    f->closes++;
    f->failure = error != NULL ? g_error_copy(error) : NULL;
}

static void
set_up(Fixture *f, gconstpointer data)
{
    static const ExgStreamHandler handler = {on_read, NULL, on_closed};
    int fds[2];
    g_autoptr(GError) error = NULL;
    f->engine = exg_engine_new(NULL);
    f->tls = exg_tls_server_new_from_memory(ours.certificate, ours.key, &error);
    g_assert_no_error(error);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    f->peer = fds[1];
    f->stream = exg_stream_new(f->engine, fds[0], f->tls, 20000, 100000, &handler, f);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    exg_stream_free(f->stream);
    g_assert_false(exg_engine_iterate(f->engine, false));
    exg_tls_server_unref(f->tls);
    exg_engine_unref(f->engine);
    g_clear_error(&f->failure);
    g_free(f->server_name);
    close(f->peer);
}

static void
expect_failure(Fixture *f, const char *part)
{
    g_assert_cmpuint(f->closes, ==, 1);
    g_assert_error(f->failure, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    if (strstr(f->failure->message, part) == NULL)
        g_error("'%s' does not say '%s'", f->failure->message, part);
}

/* --- the client ------------------------------------------------------------------------------- */

typedef struct {
    int fd;
    const char *priority, *name;
    void (*talk)(gnutls_session_t session);
    bool refused; /* the handshake is to fail */
} Client;

static gpointer
run_client(gpointer data)
{
    const Client *client = data;
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
    gnutls_certificate_allocate_credentials(&credentials);
    gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL);
    g_assert_cmpint(gnutls_priority_set_direct(session, client->priority, NULL), ==, 0);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    if (client->name != NULL)
        gnutls_server_name_set(session, GNUTLS_NAME_DNS, client->name, strlen(client->name));
    gnutls_transport_set_int(session, client->fd);
    int result;
    do
        result = gnutls_handshake(session);
    while (result < 0 && gnutls_error_is_fatal(result) == 0);
    if (client->refused) {
        g_assert_cmpint(result, <, 0);
    } else {
        g_assert_cmpint(result, ==, 0);
        client->talk(session);
    }
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    shutdown(client->fd, SHUT_RDWR);
    return NULL;
}

static void
send_all(gnutls_session_t session, const guint8 *data, gsize length)
{
    while (length > 0) {
        gssize step = gnutls_record_send(session, data, length);
        g_assert_cmpint(step, >, 0);
        data += step;
        length -= (gsize)step;
    }
}

static void
expect_bytes(gnutls_session_t session, const guint8 *data, gsize length)
{
    guint8 buffer[5000];
    while (length > 0) {
        gssize step = gnutls_record_recv(session, buffer, MIN(length, sizeof buffer));
        if (step == GNUTLS_E_AGAIN) /* a session ticket came first */
            continue;
        g_assert_cmpint(step, >, 0);
        g_assert_cmpmem(buffer, step, data, step);
        data += step;
        length -= (gsize)step;
    }
}

static void
expect_end(gnutls_session_t session)
{
    char byte;
    gssize result;
    while ((result = gnutls_record_recv(session, &byte, 1)) == GNUTLS_E_AGAIN)
        continue;
    g_assert_cmpint(result, ==, 0); /* close_notify, not a bare end */
}

/* Runs the client against the stream until the stream is closed (or gone) and the client has ended. */
static void
converse(Fixture *f, Client client)
{
    client.fd = f->peer;
    GThread *thread = g_thread_new("client", run_client, &client);
    while (f->closes == 0 && f->stream != NULL)
        exg_engine_iterate(f->engine, true);
    if (f->failure != NULL)
        g_clear_pointer(&f->stream, exg_stream_free); /* or the client may wait for ever */
    g_thread_join(thread);
}

/* --- conversations ---------------------------------------------------------------------------- */

static void
talk_sizes(gnutls_session_t session)
{
    static const gsize sizes[] = {1, 2, 100, 16383, 16384, 16385, 65535, 65536, 65537, 200000};
    g_autofree guint8 *data = g_malloc(200000);
    for (gsize i = 0; i < 200000; i++)
        data[i] = (guint8)(i * 7 + i / 251);
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        send_all(session, data, sizes[i]);
        expect_bytes(session, data, sizes[i]);
    }
    g_assert_cmpint(gnutls_bye(session, GNUTLS_SHUT_WR), ==, 0);
}

static void
test_echo(Fixture *f, gconstpointer priority)
{
    converse(f, (Client){.priority = priority, .name = "mail.example", .talk = talk_sizes});
    g_assert_no_error(f->failure);
    g_assert_cmpstr(f->server_name, ==, "mail.example");
}

static void
talk_bytes(gnutls_session_t session)
{
    guint8 data[300];
    for (gsize i = 0; i < sizeof data; i++) {
        data[i] = (guint8)i;
        send_all(session, data + i, 1);
    }
    expect_bytes(session, data, sizeof data);
    gnutls_bye(session, GNUTLS_SHUT_WR);
}

static void
test_bytes(Fixture *f, gconstpointer data)
{
    converse(f, (Client){.priority = "NORMAL", .talk = talk_bytes});
    g_assert_no_error(f->failure);
    g_assert_cmpstr(f->server_name, ==, NULL);
}

static gpointer
send_volume(gpointer session)
{
    g_autofree guint8 *data = g_malloc0(VOLUME);
    for (gsize i = 0; i < VOLUME; i++)
        data[i] = (guint8)(i * 13 + i / 509);
    send_all(session, data, VOLUME);
    return NULL;
}

/* GnuTLS allows one thread to send while another one receives. */
static void
talk_volume(gnutls_session_t session)
{
    g_autofree guint8 *data = g_malloc0(VOLUME);
    for (gsize i = 0; i < VOLUME; i++)
        data[i] = (guint8)(i * 13 + i / 509);
    GThread *sender = g_thread_new("sender", send_volume, session);
    expect_bytes(session, data, VOLUME);
    g_thread_join(sender);
    gnutls_bye(session, GNUTLS_SHUT_WR);
}

static void
test_volume(Fixture *f, gconstpointer priority)
{
    int small = 4096; /* so that writes block in the middle of records */
    setsockopt(f->peer, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    setsockopt(f->peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    converse(f, (Client){.priority = priority, .talk = talk_volume});
    g_assert_no_error(f->failure);
    g_assert_cmpuint(f->echoed, ==, VOLUME);
}

static void
talk_finish(gnutls_session_t session)
{
    static const guint8 hello[] = "hello";
    send_all(session, hello, 5);
    expect_bytes(session, hello, 5);
    expect_end(session);
}

static void
test_finish(Fixture *f, gconstpointer data)
{
    f->finish_after = 5;
    converse(f, (Client){.priority = "NORMAL", .talk = talk_finish});
    g_assert_no_error(f->failure);
}

static void
talk_premature(gnutls_session_t session)
{
    static const guint8 hello[] = "hello";
    send_all(session, hello, 5);
    expect_bytes(session, hello, 5);
}

static void
test_premature(Fixture *f, gconstpointer data)
{
    converse(f, (Client){.priority = "NORMAL", .talk = talk_premature});
    expect_failure(f, "without saying so");
}

/* Five records of this size are more than one read takes, and it ends within the last. */
static void
talk_paused(gnutls_session_t session)
{
    guint8 data[16000] = {0};
    send_all(session, data, 5);
    expect_bytes(session, data, 1); /* so it is paused now */
    for (guint i = 0; i < 5; i++)
        send_all(session, data, sizeof data);
    expect_bytes(session, data, 4);
    for (guint i = 0; i < 5; i++)
        expect_bytes(session, data, sizeof data);
    gnutls_bye(session, GNUTLS_SHUT_WR);
}

static void
resume(gpointer data)
{
    exg_stream_resume(((Fixture *)data)->stream);
}

/* What the reader left and what GnuTLS has decrypted are both given, without anything new from the peer. */
static void
test_pause(Fixture *f, gconstpointer data)
{
    f->paused_once = true;
    ExgTimer timer;
    exg_timer_init(&timer, f->engine, resume, f);
    exg_timer_set(&timer, exg_clock_deadline_ms(100));
    converse(f, (Client){.priority = "NORMAL", .talk = talk_paused});
    g_assert_no_error(f->failure);
    g_assert_false(exg_timer_is_set(&timer));
}

/* A new handshake in TLS 1.2 is refused, and ends the connection. */
static void
talk_again(gnutls_session_t session)
{
    static const guint8 hello[] = "hello";
    send_all(session, hello, 5);
    expect_bytes(session, hello, 5);
    int result = gnutls_handshake(session);
    g_assert_cmpint(result, ==, GNUTLS_E_WARNING_ALERT_RECEIVED);
    g_assert_cmpint(gnutls_alert_get(session), ==, GNUTLS_A_NO_RENEGOTIATION);
}

static void
test_renegotiation(Fixture *f, gconstpointer data)
{
    converse(f, (Client){.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2", .talk = talk_again});
    expect_failure(f, "The TLS connection failed");
}

static void
talk_rekey(gnutls_session_t session)
{
    static const guint8 hello[] = "hello";
    for (guint i = 0; i < 3; i++) {
        g_assert_cmpint(gnutls_session_key_update(session, GNUTLS_KU_PEER), ==, 0);
        send_all(session, hello, 5);
        expect_bytes(session, hello, 5);
    }
    gnutls_bye(session, GNUTLS_SHUT_WR);
}

static void
test_key_update(Fixture *f, gconstpointer data)
{
    converse(f, (Client){.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.3", .talk = talk_rekey});
    g_assert_no_error(f->failure);
}

static void
talk_to_nobody(gnutls_session_t session)
{
    static const guint8 hello[] = "hello";
    char byte;
    gssize result;
    send_all(session, hello, 5);
    while ((result = gnutls_record_recv(session, &byte, 1)) == GNUTLS_E_AGAIN)
        continue;
    g_assert_cmpint(result, <, 0);
}

static void
test_freed_in_read(Fixture *f, gconstpointer data)
{
    f->freed_in_read = true;
    converse(f, (Client){.priority = "NORMAL", .talk = talk_to_nobody});
    g_assert_null(f->stream);
    g_assert_cmpuint(f->closes, ==, 0);
}

/* --- handshakes that fail --------------------------------------------------------------------- */

static void
test_old_version(Fixture *f, gconstpointer data)
{
    converse(f, (Client){.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.1", .refused = true});
    expect_failure(f, "The TLS handshake failed");
    g_assert_cmpstr(exg_error_facts(f->failure)->stage, ==, "tls");
}

static void
await_closed(Fixture *f)
{
    while (f->closes == 0)
        exg_engine_iterate(f->engine, true);
}

static void
test_garbage(Fixture *f, gconstpointer data)
{
    g_assert_cmpint(write(f->peer, "LHLO client.example\r\n", 21), ==, 21);
    await_closed(f);
    expect_failure(f, "The TLS handshake failed");
}

static void
test_silent_client(Fixture *f, gconstpointer data)
{
    exg_stream_write(f->stream, "220 hello\r\n", 11); /* waits for the handshake */
    for (guint i = 0; i < 5; i++)
        exg_engine_iterate(f->engine, false);
    g_assert_cmpuint(exg_stream_pending(f->stream), ==, 11);
    g_assert_false(exg_engine_iterate(f->engine, false));
    shutdown(f->peer, SHUT_RDWR);
    await_closed(f);
    expect_failure(f, "The TLS handshake failed");
}

/* --- certificates ----------------------------------------------------------------------------- */

static void
assert_unusable(const Identity *identity, const char *part)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(exg_tls_server_new_from_memory(identity->certificate, identity->key, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_nonnull(strstr(error->message, part));
}

static void
test_bad_memory(void)
{
    char nothing[] = "";
    char garbage[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_unusable(&(Identity){nothing, ours.key}, "certificate");
    assert_unusable(&(Identity){garbage, ours.key}, "certificate");
    assert_unusable(&(Identity){ours.key, ours.key}, "certificate");
    assert_unusable(&(Identity){ours.certificate, nothing}, "private key");
    assert_unusable(&(Identity){ours.certificate, ours.certificate}, "private key");
    assert_unusable(&(Identity){ours.certificate, other.key}, "with the private key");
    exg_tls_server_unref(NULL);
}

static void
test_files(void)
{
    g_autofree char *directory = g_dir_make_tmp("exgate-tls-XXXXXX", NULL);
    g_autofree char *certificate = g_build_filename(directory, "cert.pem", NULL);
    g_autofree char *key = g_build_filename(directory, "key.pem", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_null(exg_tls_server_new_from_files(certificate, key, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_nonnull(strstr(error->message, certificate));
    g_clear_error(&error);
    g_assert_true(g_file_set_contents(certificate, ours.certificate, -1, NULL));
    g_assert_null(exg_tls_server_new_from_files(certificate, key, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_nonnull(strstr(error->message, key));
    g_clear_error(&error);
    g_assert_true(g_file_set_contents(key, other.key, -1, NULL));
    g_assert_null(exg_tls_server_new_from_files(certificate, key, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_nonnull(strstr(error->message, certificate));
    g_clear_error(&error);
    g_assert_true(g_file_set_contents(key, ours.key, -1, NULL));
    g_autoptr(ExgTlsServer) tls = exg_tls_server_new_from_files(certificate, key, &error);
    g_assert_no_error(error);
    g_assert_nonnull(tls);
    g_assert_cmpint(g_unlink(certificate) | g_unlink(key) | g_rmdir(directory), ==, 0);
}

int
main(int argc, char **argv)
{
    static const char tls12[] = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
    static const char tls13[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3";
    g_test_init(&argc, &argv, NULL);
    ours = make_identity(1);
    other = make_identity(2);
#define ADD(name, function, data)                                                                  \
    g_test_add("/tls-server/" name, Fixture, data, set_up, function, tear_down)
    ADD("echo/1.2", test_echo, tls12);
    ADD("echo/1.3", test_echo, tls13);
    ADD("volume/1.2", test_volume, tls12);
    ADD("volume/1.3", test_volume, tls13);
    ADD("bytes", test_bytes, NULL);
    ADD("finish", test_finish, NULL);
    ADD("premature", test_premature, NULL);
    ADD("pause", test_pause, NULL);
    ADD("renegotiation", test_renegotiation, NULL);
    ADD("key-update", test_key_update, NULL);
    ADD("freed-in-read", test_freed_in_read, NULL);
    ADD("old-version", test_old_version, NULL);
    ADD("garbage", test_garbage, NULL);
    ADD("silent-client", test_silent_client, NULL);
    g_test_add_func("/tls-server/bad-memory", test_bad_memory);
    g_test_add_func("/tls-server/files", test_files);
    int result = g_test_run();
    g_free(ours.certificate);
    g_free(ours.key);
    g_free(other.certificate);
    g_free(other.key);
    return result;
}
