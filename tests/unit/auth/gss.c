/* Our initiator against an acceptor of MIT Kerberos and gss-ntlmssp, in one process. Kerberos takes a KDC: the system test
 * auth-negotiate.t runs this program beside one, and says so by EXG_TEST_KEYTAB. */
#include "common/auth/gss-private.h"
#include "common/base/error.h"
#include "common/base/failpoint.h"
#include "tests/lib/scratch.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <gssapi/gssapi_ext.h>
#include <malloc.h>
#include <string.h>

#define RIGHT "tls-server-end-point:the hash of a certificate"

static char *directory, *users, *krb5_conf;

static gss_OID_desc ntlm_oid = {10, (void *)"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"};

static bool
skip_without(ExgGssMechanism mechanism)
{
    if (mechanism == EXG_GSS_KERBEROS || exg_gss_has_ntlm())
        return false;
    g_test_skip("gss-ntlmssp is not installed");
    return true;
}

typedef struct {
    bool accepted, bound;
    GError *error; /* the initiator's */
} Outcome;

/* A handshake to its end; the acceptor knows the right binding. */
static Outcome
shake_hands(ExgGssMechanism mechanism, const char *password, GBytes *binding)
{
    g_autoptr(ExgSecret) secret = exg_secret_new(password, -1);
    const ExgGssSource source = {
        .keytab = g_getenv("EXG_TEST_KEYTAB"), .user = "EXAMPLE\\svc", .password = secret};
    g_autoptr(ExgGss) gss = exg_gss_new(mechanism, &source, "localhost", binding);
    struct gss_channel_bindings_struct wanted = {
        .application_data = {strlen(RIGHT), (void *)RIGHT}};
    OM_uint32 minor, flags = 0, major = GSS_S_CONTINUE_NEEDED;
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
    gss_OID_set_desc only_ntlm = {1, &ntlm_oid};
    if (mechanism == EXG_GSS_NTLM)
        g_assert_cmpuint(GSS_ERROR(gss_acquire_cred(&minor, GSS_C_NO_NAME, 0, &only_ntlm,
                                                    GSS_C_ACCEPT, &credential, NULL, NULL)),
                         ==, 0);
    Outcome outcome = {0};
    g_autoptr(GBytes) answer = NULL;
    for (guint legs = 0; major == GSS_S_CONTINUE_NEEDED && legs < 8; legs++) {
        g_autoptr(GBytes) token = NULL;
        if (!exg_gss_step(gss, answer, &token, &outcome.error) || token == NULL)
            break;
        gss_buffer_desc input = {0}, output = GSS_C_EMPTY_BUFFER;
        input.value = (void *)g_bytes_get_data(token, &input.length);
        major = gss_accept_sec_context(&minor, &context, credential, &input, &wanted, NULL, NULL,
                                       &output, &flags, NULL, NULL);
        g_clear_pointer(&answer, g_bytes_unref);
        answer = g_bytes_new(output.value, output.length);
        gss_release_buffer(&minor, &output);
    }
    gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
    gss_release_cred(&minor, &credential);
    outcome.accepted = major == GSS_S_COMPLETE;
    outcome.bound = outcome.accepted && flags & GSS_C_CHANNEL_BOUND_FLAG;
    return outcome;
}

/* Right ones are recognized, wrong ones and zeros refused; without any an acceptor can tell, and refuses where it requires
 * them. */
static void
test_bindings(gconstpointer data)
{
    ExgGssMechanism mechanism = (ExgGssMechanism)GPOINTER_TO_INT(data);
    static const char zeros[sizeof RIGHT - 1];
    g_autoptr(GBytes) right = g_bytes_new(RIGHT, strlen(RIGHT));
    g_autoptr(GBytes) wrong = g_bytes_new("tls-server-end-point:another", 28);
    g_autoptr(GBytes) zero = g_bytes_new(zeros, sizeof zeros);
    const struct {
        GBytes *binding;
        bool accepted, bound;
    } cases[] = {
        {right, true, true}, {wrong, false, false}, {zero, false, false}, {NULL, true, false}};
    if (skip_without(mechanism))
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        Outcome outcome = shake_hands(mechanism, "pass word", cases[i].binding);
        g_test_message("binding %zu: %s", i,
                       outcome.error != NULL ? outcome.error->message : "no error");
        g_assert_cmpint(outcome.accepted, ==, cases[i].accepted);
        g_assert_cmpint(outcome.bound, ==, cases[i].bound);
        g_clear_error(&outcome.error);
    }
}

/* An early gss-ntlmssp, which takes the password alone. */
static void
test_without_hash(gconstpointer data)
{
    ExgGssMechanism mechanism = (ExgGssMechanism)GPOINTER_TO_INT(data);
    if (skip_without(mechanism))
        return;
    exg_failpoint_configure("nt-hash-refused=error");
    Outcome right = shake_hands(mechanism, "pass word", NULL);
    Outcome wrong = shake_hands(mechanism, "wrong", NULL);
    exg_failpoint_configure(NULL);
    g_assert_no_error(right.error);
    g_assert_true(right.accepted);
    g_assert_false(wrong.accepted);
    g_clear_error(&wrong.error);
}

/* --- a KDC that nobody should ask ---------------------------------------------------------------- */

/* Hangs up, and counts. */
static gpointer
serve_kdc(gpointer data)
{
    GSocketListener *listener = data;
    guint *asked = g_new0(guint, 1);
    for (;;) {
        g_autoptr(GSocketConnection) visit = g_socket_listener_accept(listener, NULL, NULL, NULL);
        guint8 first = 0;
        GInputStream *input = visit != NULL ? g_io_stream_get_input_stream(G_IO_STREAM(visit))
                                            : NULL;
        /* a request begins with its length, of which the first byte is 0; ours to end with is another */
        if (input == NULL ||
            (g_input_stream_read(input, &first, 1, NULL, NULL) == 1 && first == 'q'))
            return asked;
        (*asked)++;
    }
}

/* Lets `use` run beside a KDC; how often that was asked. */
static guint
count_requests(void (*use)(void))
{
    g_autoptr(GSocketListener) listener = g_socket_listener_new();
    guint16 port = g_socket_listener_add_any_inet_port(listener, NULL, NULL);
    g_autofree char *conf = g_strdup_printf("[libdefaults]\ndefault_realm = EXAMPLE.TEST\n"
                                            "dns_lookup_kdc = false\nudp_preference_limit = 1\n"
                                            "dns_canonicalize_hostname = false\n"
                                            "[realms]\nEXAMPLE.TEST = {\nkdc = 127.0.0.1:%u\n}\n",
                                            port);
    g_autofree char *path = g_build_filename(directory, "kdc.conf", NULL);
    g_autofree char *before = g_strdup(g_getenv("KRB5_CONFIG"));
    g_assert_true(g_file_set_contents(path, conf, -1, NULL));
    g_setenv("KRB5_CONFIG", path, TRUE);
    GThread *kdc = g_thread_new("kdc", serve_kdc, listener);
    use();
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_socket_client_set_enable_proxy(client, FALSE);
    g_autoptr(GSocketConnection)
        last = g_socket_client_connect_to_host(client, "127.0.0.1", port, NULL, NULL);
    g_assert_true(g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(last)), "q",
                                            1, NULL, NULL, NULL));
    g_autofree guint *asked = g_thread_join(kdc);
    g_setenv("KRB5_CONFIG", before, TRUE);
    g_unlink(path);
    return *asked;
}

static void
use_ntlm(void)
{
    for (guint i = 0; i < 2; i++) {
        Outcome outcome = shake_hands(EXG_GSS_SPNEGO_NTLM, i == 0 ? "pass word" : "wrong", NULL);
        g_assert_cmpint(outcome.accepted, ==, i == 0);
        g_clear_error(&outcome.error);
    }
}

/* What others do. */
static void
use_password(void)
{
    static gss_OID_desc spnego_oid = {6, (void *)"\x2b\x06\x01\x05\x05\x02"};
    gss_OID_set_desc only_spnego = {1, &spnego_oid};
    gss_buffer_desc name = {3, (void *)"svc"}, password = {9, (void *)"pass word"};
    gss_name_t user = GSS_C_NO_NAME;
    gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
    OM_uint32 minor;
    (void)gss_import_name(&minor, &name, GSS_C_NT_USER_NAME, &user);
    (void)gss_acquire_cred_with_password(&minor, user, &password, GSS_C_INDEFINITE, &only_spnego,
                                         GSS_C_INITIATE, &credential, NULL, NULL);
    gss_release_name(&minor, &user);
    gss_release_cred(&minor, &credential);
}

/* The password of NTLM is no business of a KDC's, which would count it as one more attempt. */
static void
test_no_kdc(void)
{
    if (skip_without(EXG_GSS_SPNEGO_NTLM))
        return;
    g_assert_cmpuint(count_requests(use_ntlm), ==, 0);
    g_assert_cmpuint(count_requests(use_password), >, 0);
}

static void
test_wrong_password(gconstpointer data)
{
    ExgGssMechanism mechanism = (ExgGssMechanism)GPOINTER_TO_INT(data);
    if (skip_without(mechanism))
        return;
    Outcome outcome = shake_hands(mechanism, "wrong", NULL);
    g_assert_false(outcome.accepted);
    g_clear_error(&outcome.error);
}

/* A field of NTLM's last message: its length, twice, and where it is. (transfer full) */
static char *
field_of(GBytes *message, gsize at)
{
    gsize size;
    const guint8 *data = g_bytes_get_data(message, &size);
    g_assert_cmpuint(size, >, at + 8);
    gsize length = data[at] | (gsize)data[at + 1] << 8;
    gsize offset = data[at + 4] | (gsize)data[at + 5] << 8;
    g_assert_cmpuint(offset + length, <=, size);
    return g_convert((const char *)data + offset, (gssize)length, "UTF-8", "UTF-16LE", NULL, NULL,
                     NULL);
}

/* What an acceptor asks after the first message. */
static GBytes *
ask(GBytes *first)
{
    gss_OID_set_desc only_ntlm = {1, &ntlm_oid};
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
    gss_buffer_desc input = {0}, output = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    input.value = (void *)g_bytes_get_data(first, &input.length);
    g_assert_cmpuint(GSS_ERROR(gss_acquire_cred(&minor, GSS_C_NO_NAME, 0, &only_ntlm, GSS_C_ACCEPT,
                                                &credential, NULL, NULL)),
                     ==, 0);
    g_assert_cmpuint(gss_accept_sec_context(&minor, &context, credential, &input,
                                            GSS_C_NO_CHANNEL_BINDINGS, NULL, NULL, &output, NULL,
                                            NULL, NULL),
                     ==, GSS_S_CONTINUE_NEEDED);
    GBytes *question = g_bytes_new(output.value, output.length);
    gss_release_buffer(&minor, &output);
    gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
    gss_release_cred(&minor, &credential);
    return question;
}

/* Who NTLM's last message says that we are: an address goes there whole, with no domain. */
static void
test_ntlm_names(void)
{
    static const struct {
        const char *user, *domain, *name;
    } cases[] = {
        {"EXAMPLE\\svc", "EXAMPLE", "svc"},
        {"svc@example.com", "", "svc@example.com"},
        {"svc", "", "svc"},
    };
    if (skip_without(EXG_GSS_NTLM))
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(ExgSecret) secret = exg_secret_new("pass word", -1);
        const ExgGssSource source = {.user = cases[i].user, .password = secret};
        g_autoptr(ExgGss) gss = exg_gss_new(EXG_GSS_NTLM, &source, "localhost", NULL);
        g_autoptr(GBytes) first = NULL, last = NULL;
        g_autoptr(GError) error = NULL;
        g_assert_true(exg_gss_step(gss, NULL, &first, &error));
        g_autoptr(GBytes) question = ask(first);
        (void)exg_gss_step(gss, question, &last, &error);
        g_assert_no_error(error);
        g_autofree char *domain = field_of(last, 28), *name = field_of(last, 36);
        g_assert_cmpstr(domain, ==, cases[i].domain);
        g_assert_cmpstr(name, ==, cases[i].name);
    }
}

/* gss-ntlmssp 1.2 loses 7.8 KB of OpenSSL's with each password that it hashes. The hash being ours, nothing is left of a
 * handshake. (Sanitizers and valgrind count otherwise: there it is always 0.) */
static void
test_ntlm_memory(void)
{
    enum { WARM_UP = 20, HANDSHAKES = 200 };
    if (skip_without(EXG_GSS_NTLM))
        return;
    g_autoptr(ExgSecret) secret = exg_secret_new("pass word", -1);
    const ExgGssSource source = {.user = "EXAMPLE\\svc", .password = secret};
    g_autoptr(GBytes) question = NULL;
    gsize before = 0;
    for (guint i = 0; i < WARM_UP + HANDSHAKES; i++) {
        if (i == WARM_UP)
            before = mallinfo2().uordblks;
        g_autoptr(ExgGss) gss = exg_gss_new(EXG_GSS_NTLM, &source, "localhost", NULL);
        g_autoptr(GBytes) first = NULL, last = NULL;
        g_autoptr(GError) error = NULL;
        g_assert_true(exg_gss_step(gss, NULL, &first, &error));
        if (question == NULL)
            question = ask(first);
        g_assert_true(exg_gss_step(gss, question, &last, &error));
    }
    gssize lost = (gssize)(mallinfo2().uordblks - before) / HANDSHAKES;
    g_test_message("%" G_GSSIZE_FORMAT " bytes for each handshake", lost);
    g_assert_cmpint(lost, <, 500);
}

/* A token from the network, cut at every byte and spoiled at some: an error or a further token, and no crash. */
static void
test_spoiled(gconstpointer data)
{
    ExgGssMechanism mechanism = (ExgGssMechanism)GPOINTER_TO_INT(data);
    g_autoptr(ExgSecret) secret = exg_secret_new("pass word", -1);
    const ExgGssSource source = {.user = "EXAMPLE\\svc", .password = secret};
    static const guint8 challenge[] =
        "NTLMSSP\0\x02\0\0\0\x08\0\x08\0\x38\0\0\0\x05\x82\x89\xa2wxyzabcd\0\0\0\0\0\0\0\0"
        "\x10\0\x10\0\x40\0\0\0\x0a\0\x63\x45\0\0\0\x0f"
        "D\0O\0M\0E\0"
        "\x02\0\x08\0D\0O\0M\0E\0\0\0\0\0";
    if (skip_without(mechanism))
        return;
    for (gsize length = 0; length < sizeof challenge - 1; length++) {
        g_autoptr(ExgGss) gss = exg_gss_new(mechanism, &source, "localhost", NULL);
        g_autoptr(GBytes) first = NULL, second = NULL;
        g_autoptr(GError) error = NULL;
        g_assert_true(exg_gss_step(gss, NULL, &first, &error));
        g_autoptr(GBytes) cut = g_bytes_new(challenge, length);
        if (!exg_gss_step(gss, cut, &second, &error))
            g_assert_error(error, EXG_ERROR, EXG_ERROR_AUTH);
    }
}

static void
expect_unavailable(ExgGssMechanism mechanism, const ExgGssSource *source, const char *words)
{
    g_autoptr(GError) error = NULL;
    g_assert_false(exg_gss_is_available(mechanism, source, &error));
    g_assert_nonnull(strstr(error->message, words));
    g_assert_null(strchr(error->message, '\n'));
}

static void
test_missing(void)
{
    g_autofree char *nowhere = g_build_filename(directory, "nothing", NULL);
    g_autofree char *cache = g_strdup_printf("FILE:%s", nowhere);
    const ExgGssSource no_keytab = {.keytab = nowhere}, no_cache = {.ccache = cache},
                       no_password = {0};
    expect_unavailable(EXG_GSS_KERBEROS, &no_keytab, nowhere);
    expect_unavailable(EXG_GSS_KERBEROS, &no_cache, "Kerberos for HTTP: ");
    expect_unavailable(EXG_GSS_NTLM, &no_password, "password");
    g_autoptr(ExgGss) gss = exg_gss_new(EXG_GSS_KERBEROS, &no_cache, "localhost", NULL);
    g_autoptr(GBytes) token = NULL;
    g_autoptr(GError) error = NULL;
    g_assert_false(exg_gss_step(gss, NULL, &token, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_AUTH);
    g_assert_true(g_str_has_prefix(error->message, "Kerberos for localhost: "));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    directory = test_scratch_new();
    users = g_build_filename(directory, "users", NULL);
    g_assert_true(g_file_set_contents(users, "EXAMPLE:svc:pass word\n", -1, NULL));
    g_setenv("NTLM_USER_FILE", users, TRUE);
    /* SPNEGO asks Kerberos too: without a KDC it must not go and look for one in the network. */
    krb5_conf = g_build_filename(directory, "krb5.conf", NULL);
    if (g_getenv("EXG_TEST_KEYTAB") == NULL) {
        g_assert_true(
            g_file_set_contents(krb5_conf,
                                "[libdefaults]\ndefault_realm = EXAMPLE.TEST\n"
                                "dns_lookup_kdc = false\ndns_canonicalize_hostname = false\n",
                                -1, NULL));
        g_setenv("KRB5_CONFIG", krb5_conf, TRUE);
    }
    if (g_getenv("EXG_TEST_KEYTAB") != NULL)
        g_test_add_data_func("/auth/gss/A5.2,A8.5-bindings-kerberos",
                             GINT_TO_POINTER(EXG_GSS_KERBEROS), test_bindings);
    g_test_add_data_func("/auth/gss/A5.2,A8.5-bindings-ntlm", GINT_TO_POINTER(EXG_GSS_NTLM),
                         test_bindings);
    g_test_add_data_func("/auth/gss/A5.2,A8.5-bindings-spnego-ntlm",
                         GINT_TO_POINTER(EXG_GSS_SPNEGO_NTLM), test_bindings);
    g_test_add_func("/auth/gss/A5.4,A5.5-ntlm-names", test_ntlm_names);
    g_test_add_data_func("/auth/gss/wrong-password-ntlm", GINT_TO_POINTER(EXG_GSS_NTLM),
                         test_wrong_password);
    g_test_add_data_func("/auth/gss/wrong-password-spnego-ntlm",
                         GINT_TO_POINTER(EXG_GSS_SPNEGO_NTLM), test_wrong_password);
    g_test_add_func("/auth/gss/ntlm-memory", test_ntlm_memory);
    g_test_add_data_func("/auth/gss/without-hash-ntlm", GINT_TO_POINTER(EXG_GSS_NTLM),
                         test_without_hash);
    g_test_add_data_func("/auth/gss/without-hash-spnego-ntlm", GINT_TO_POINTER(EXG_GSS_SPNEGO_NTLM),
                         test_without_hash);
    g_test_add_func("/auth/gss/F14-no-kdc", test_no_kdc);
    g_test_add_data_func("/auth/gss/spoiled-ntlm", GINT_TO_POINTER(EXG_GSS_NTLM), test_spoiled);
    g_test_add_data_func("/auth/gss/spoiled-spnego", GINT_TO_POINTER(EXG_GSS_SPNEGO_NTLM),
                         test_spoiled);
    g_test_add_func("/auth/gss/missing", test_missing);
    int status = g_test_run();
    g_free(users);
    g_free(krb5_conf);
    test_scratch_free(directory);
    return status;
}
