/* Our initiator against an acceptor of MIT Kerberos and gss-ntlmssp, in one process. Kerberos takes a KDC: the system test
 * auth-negotiate.t runs this program beside one, and says so by EXG_TEST_KEYTAB. */
#include "common/auth/gss-private.h"
#include "common/base/error.h"

#include <glib/gstdio.h>
#include <gssapi/gssapi_ext.h>
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
    directory = g_dir_make_tmp("exgate-gss-XXXXXX", NULL);
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
        g_test_add_data_func("/auth/gss/A5.2-bindings-kerberos", GINT_TO_POINTER(EXG_GSS_KERBEROS),
                             test_bindings);
    g_test_add_data_func("/auth/gss/A5.2-bindings-ntlm", GINT_TO_POINTER(EXG_GSS_NTLM),
                         test_bindings);
    g_test_add_data_func("/auth/gss/A5.2-bindings-spnego-ntlm",
                         GINT_TO_POINTER(EXG_GSS_SPNEGO_NTLM), test_bindings);
    g_test_add_data_func("/auth/gss/wrong-password-ntlm", GINT_TO_POINTER(EXG_GSS_NTLM),
                         test_wrong_password);
    g_test_add_data_func("/auth/gss/wrong-password-spnego-ntlm",
                         GINT_TO_POINTER(EXG_GSS_SPNEGO_NTLM), test_wrong_password);
    g_test_add_data_func("/auth/gss/spoiled-ntlm", GINT_TO_POINTER(EXG_GSS_NTLM), test_spoiled);
    g_test_add_data_func("/auth/gss/spoiled-spnego", GINT_TO_POINTER(EXG_GSS_SPNEGO_NTLM),
                         test_spoiled);
    g_test_add_func("/auth/gss/missing", test_missing);
    int status = g_test_run();
    g_unlink(users);
    g_unlink(krb5_conf);
    g_rmdir(directory);
    g_free(users);
    g_free(krb5_conf);
    g_free(directory);
    return status;
}
