#include "common/auth/gss-private.h"

#include "common/auth/nt-hash-private.h"
#include "common/base/error.h"
#include "common/base/failpoint.h"

#include <errno.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <string.h>
#include <unistd.h>

struct ExgGss {
    ExgGssMechanism mechanism;
    char *keytab, *ccache, *principal, *user;
    ExgSecret *password;
    char *host;
    GBytes *binding;
    gss_cred_id_t credential;
    gss_ctx_id_t context;
    gss_name_t target;
};

static gss_OID_desc spnego_oid = {6, (void *)"\x2b\x06\x01\x05\x05\x02"};
static gss_OID_desc ntlm_oid = {10, (void *)"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"};

static const char *
mechanism_name(ExgGssMechanism mechanism)
{
    return mechanism == EXG_GSS_KERBEROS ? "Kerberos" : "NTLM";
}

static gss_OID
inner_oid(ExgGssMechanism mechanism)
{
    return mechanism == EXG_GSS_KERBEROS ? (gss_OID)gss_mech_krb5 : &ntlm_oid;
}

static gss_OID
outer_oid(ExgGssMechanism mechanism)
{
    return mechanism == EXG_GSS_NTLM ? &ntlm_oid : &spnego_oid;
}

/* --- errors ----------------------------------------------------------------------------------- */

static void
append_status(GString *text, OM_uint32 status, int type, gss_OID mechanism)
{
    OM_uint32 minor, more = 0;
    do {
        gss_buffer_desc part = GSS_C_EMPTY_BUFFER;
        if (GSS_ERROR(gss_display_status(&minor, status, type, mechanism, &more, &part)))
            return;
        g_string_append_printf(text, "%s%.*s", text->len > 0 ? ": " : "", (int)part.length,
                               (const char *)part.value);
        gss_release_buffer(&minor, &part);
    } while (more != 0);
}

/* What the mechanism says, which is nearly always more than GSSAPI's own "unspecified failure". */
static char *
describe(OM_uint32 major, OM_uint32 minor, gss_OID mechanism)
{
    g_autoptr(GString) text = g_string_new(NULL);
    if (minor != 0)
        append_status(text, minor, GSS_C_MECH_CODE, mechanism);
    if (text->len == 0)
        append_status(text, major, GSS_C_GSS_CODE, GSS_C_NO_OID);
    g_strdelimit(text->str, "\r\n", ' ');
    return g_strdup(text->str);
}

static ExgErrorCode
error_code(OM_uint32 major, OM_uint32 minor)
{
    switch ((krb5_error_code)minor) {
    case KRB5_KDC_UNREACH:
    case KRB5_REALM_CANT_RESOLVE:
    case KRB5KDC_ERR_SVC_UNAVAILABLE:
        return EXG_ERROR_UNREACHABLE;
    case KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN:
    case KRB5_REALM_UNKNOWN:
    case KRB5_KT_NOTFOUND:
        return EXG_ERROR_CONFIG;
    default:
        return GSS_ROUTINE_ERROR(major) == GSS_S_BAD_MECH ? EXG_ERROR_CONFIG : EXG_ERROR_AUTH;
    }
}

static bool
fail(const ExgGss *gss, OM_uint32 major, OM_uint32 minor, GError **error)
{
    g_autofree char *reason = describe(major, minor, inner_oid(gss->mechanism));
    return exg_error_set(error, error_code(major, minor), "%s for %s: %s",
                         mechanism_name(gss->mechanism), gss->host, reason);
}

/* --- credentials ------------------------------------------------------------------------------ */

static gss_name_t
import_name(const char *text, gss_OID type)
{
    OM_uint32 minor;
    gss_buffer_desc buffer = {strlen(text), (void *)text};
    gss_name_t name = GSS_C_NO_NAME;
    (void)gss_import_name(&minor, &buffer, type, &name);
    return name;
}

static OM_uint32
acquire_kerberos(const ExgGss *gss, gss_OID mechanism, gss_cred_id_t *ret_credential,
                 OM_uint32 *ret_life_s, OM_uint32 *ret_minor)
{
    gss_key_value_element_desc elements[2];
    gss_key_value_set_desc store = {0, elements};
    /* Tickets of a keytab are nobody else's business: they stay in this process. */
    const char *ccache = gss->ccache == NULL && gss->keytab != NULL ? "MEMORY:exgate" : gss->ccache;
    if (ccache != NULL)
        elements[store.count++] = (gss_key_value_element_desc){"ccache", ccache};
    if (gss->keytab != NULL)
        elements[store.count++] = (gss_key_value_element_desc){"client_keytab", gss->keytab};
    OM_uint32 ignored;
    gss_name_t name = gss->principal != NULL ? import_name(gss->principal, GSS_C_NT_USER_NAME)
                                             : GSS_C_NO_NAME;
    gss_OID_set_desc mechanisms = {1, mechanism};
    OM_uint32 major = gss_acquire_cred_from(ret_minor, name, GSS_C_INDEFINITE, &mechanisms,
                                            GSS_C_INITIATE, &store, ret_credential, NULL,
                                            ret_life_s);
    gss_release_name(&ignored, &name);
    return major;
}

static bool
find_ticket(const ExgGss *gss, GError **error)
{
    OM_uint32 minor, ignored, life_s = 0;
    gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
    OM_uint32 major = acquire_kerberos(gss, (gss_OID)gss_mech_krb5, &credential, &life_s, &minor);
    gss_release_cred(&ignored, &credential);
    if (GSS_ERROR(major))
        return fail(gss, major, minor, error);
    return life_s > 0 || exg_error_set(error, EXG_ERROR_AUTH,
                                       "Kerberos for %s: the ticket has expired", gss->host);
}

/* libkrb5 would pass over a keytab that is not there, and go on with a ticket of which the server is to judge. */
static bool
has_ticket(const ExgGss *gss, GError **error)
{
    if (gss->keytab != NULL && EXG_FAIL_POINT_ERROR("secret-leak"))
        exg_secret_unref(exg_secret_new_from_file(gss->keytab, NULL));
    if (gss->keytab != NULL)
        return access(gss->keytab, R_OK) == 0 ||
               exg_error_set(error, EXG_ERROR_CONFIG,
                             "Kerberos for %s: cannot read the keytab %s: %s", gss->host,
                             gss->keytab, g_strerror(errno));
    GError *reason = NULL;
    if (find_ticket(gss, &reason))
        return true;
    exg_error_set_stage(reason, "ticket");
    g_propagate_error(error, reason);
    return false;
}

/* By a key of a store, which goes to who knows it: a password as such would be tried at a KDC by the Kerberos that SPNEGO
 * asks for a credential as well. */
static OM_uint32
acquire_from_store(const ExgGss *gss, gss_name_t name, const char *key, const ExgSecret *value,
                   gss_cred_id_t *ret_credential, OM_uint32 *ret_minor)
{
    gss_key_value_element_desc element = {key, exg_secret_bytes(value)};
    gss_key_value_set_desc store = {1, &element};
    gss_OID_set_desc mechanisms = {1, outer_oid(gss->mechanism)};
    return gss_acquire_cred_from(ret_minor, name, GSS_C_INDEFINITE, &mechanisms, GSS_C_INITIATE,
                                 &store, ret_credential, NULL, NULL);
}

/* gss-ntlmssp takes "DOMAIN\\user", and a user without a domain. Of "user@domain" it would make a domain, where Windows
 * wants none and the whole for the user. Early versions refuse the hash (in small letters, luckily: capitals they read
 * wrongly). */
static OM_uint32
acquire_ntlm(const ExgGss *gss, const ExgSecret *hash, gss_cred_id_t *ret_credential,
             OM_uint32 *ret_minor)
{
    OM_uint32 ignored;
    bool is_address = strchr(gss->user, '@') != NULL && strchr(gss->user, '\\') == NULL;
    g_autofree char *user = g_strconcat(is_address ? "\\" : "", gss->user, NULL);
    gss_name_t name = import_name(user, GSS_C_NT_USER_NAME);
    OM_uint32 major = EXG_FAIL_POINT_ERROR("nt-hash-refused")
                          ? GSS_S_CRED_UNAVAIL
                          : acquire_from_store(gss, name, "ntlmssp_nthash", hash, ret_credential,
                                               ret_minor);
    if (GSS_ERROR(major))
        major = acquire_from_store(gss, name, "ntlmssp_password", gss->password, ret_credential,
                                   ret_minor);
    gss_release_name(&ignored, &name);
    return major;
}

/* SPNEGO keeps to itself why Kerberos had nothing to say ("cannot find mechanisms to negotiate"), so Kerberos is asked
 * without it. Overwrites the codes if it fails too. */
static void
ask_kerberos(const ExgGss *gss, OM_uint32 *major, OM_uint32 *minor)
{
    OM_uint32 inner_minor, ignored;
    gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
    gss_OID kerberos = inner_oid(EXG_GSS_KERBEROS);
    OM_uint32 inner = acquire_kerberos(gss, kerberos, &credential, NULL, &inner_minor);
    if (!GSS_ERROR(inner))
        inner = gss_init_sec_context(&inner_minor, credential, &context, gss->target, kerberos,
                                     GSS_C_INTEG_FLAG, 0, GSS_C_NO_CHANNEL_BINDINGS,
                                     GSS_C_NO_BUFFER, NULL, &output, NULL, NULL);
    if (GSS_ERROR(inner)) {
        *major = inner;
        *minor = inner_minor;
    }
    gss_release_buffer(&ignored, &output);
    gss_delete_sec_context(&ignored, &context, GSS_C_NO_BUFFER);
    gss_release_cred(&ignored, &credential);
}

/* SPNEGO ignores a credential that was not acquired for SPNEGO, and then offers all it finds: so acquire it for SPNEGO, and
 * restrict it. */
static bool
acquire(ExgGss *gss, GError **error)
{
    OM_uint32 minor, major;
    if (gss->mechanism == EXG_GSS_KERBEROS) {
        major = acquire_kerberos(gss, &spnego_oid, &gss->credential, NULL, &minor);
    } else {
        g_autoptr(ExgSecret) hash = exg_nt_hash(gss->password, error);
        if (hash == NULL)
            return false;
        major = acquire_ntlm(gss, hash, &gss->credential, &minor);
    }
    if (!GSS_ERROR(major) && gss->mechanism != EXG_GSS_NTLM) {
        gss_OID_set_desc inner = {1, inner_oid(gss->mechanism)};
        major = gss_set_neg_mechs(&minor, gss->credential, &inner);
    }
    if (GSS_ERROR(major) && gss->mechanism == EXG_GSS_KERBEROS)
        ask_kerberos(gss, &major, &minor);
    return !GSS_ERROR(major) || fail(gss, major, minor, error);
}

/* --- tokens ----------------------------------------------------------------------------------- */

static bool
prepare(ExgGss *gss, GError **error)
{
    if (gss->target != GSS_C_NO_NAME)
        return true;
    if (gss->mechanism == EXG_GSS_KERBEROS && !has_ticket(gss, error))
        return false;
    g_autofree char *service = g_strdup_printf("HTTP@%s", gss->host);
    gss->target = import_name(service, GSS_C_NT_HOSTBASED_SERVICE);
    return acquire(gss, error);
}

bool
exg_gss_step(ExgGss *gss, GBytes *token, GBytes **ret_token, GError **error)
{
    if (!prepare(gss, error))
        return false;
    struct gss_channel_bindings_struct bindings = {0};
    gss_buffer_desc input = GSS_C_EMPTY_BUFFER, output = GSS_C_EMPTY_BUFFER;
    if (gss->binding != NULL)
        bindings.application_data.value = (void *)g_bytes_get_data(
            gss->binding, &bindings.application_data.length);
    if (token != NULL)
        input.value = (void *)g_bytes_get_data(token, &input.length);
    OM_uint32 minor, ignored;
    OM_uint32 major = gss_init_sec_context(
        &minor, gss->credential, &gss->context, gss->target, outer_oid(gss->mechanism),
        GSS_C_INTEG_FLAG, 0, gss->binding != NULL ? &bindings : GSS_C_NO_CHANNEL_BINDINGS, &input,
        NULL, &output, NULL, NULL);
    if (GSS_ERROR(major) && gss->mechanism == EXG_GSS_KERBEROS && token == NULL)
        ask_kerberos(gss, &major, &minor);
    bool done = !GSS_ERROR(major) || fail(gss, major, minor, error);
    if (done)
        *ret_token = output.length > 0 ? g_bytes_new(output.value, output.length) : NULL;
    gss_release_buffer(&ignored, &output);
    return done;
}

ExgGss *
exg_gss_new(ExgGssMechanism mechanism, const ExgGssSource *source, const char *host,
            GBytes *binding)
{
    ExgGss *gss = g_new0(ExgGss, 1);
    gss->mechanism = mechanism;
    gss->keytab = g_strdup(source->keytab);
    gss->ccache = g_strdup(source->ccache);
    gss->principal = g_strdup(source->principal);
    gss->user = g_strdup(source->user);
    gss->password = source->password != NULL ? exg_secret_ref(source->password) : NULL;
    gss->host = g_strdup(host);
    gss->binding = binding != NULL ? g_bytes_ref(binding) : NULL;
    return gss;
}

void
exg_gss_free(ExgGss *gss)
{
    if (gss == NULL)
        return;
    OM_uint32 minor;
    gss_delete_sec_context(&minor, &gss->context, GSS_C_NO_BUFFER);
    gss_release_cred(&minor, &gss->credential);
    gss_release_name(&minor, &gss->target);
    g_free(gss->keytab);
    g_free(gss->ccache);
    g_free(gss->principal);
    g_free(gss->user);
    exg_secret_unref(gss->password);
    g_free(gss->host);
    g_clear_pointer(&gss->binding, g_bytes_unref);
    g_free(gss);
}

/* --- what is there ---------------------------------------------------------------------------- */

bool
exg_gss_has_ntlm(void)
{
    OM_uint32 minor;
    int present = 0;
    gss_OID_set all = GSS_C_NO_OID_SET;
    if (!GSS_ERROR(gss_indicate_mechs(&minor, &all)))
        (void)gss_test_oid_set_member(&minor, &ntlm_oid, all, &present);
    gss_release_oid_set(&minor, &all);
    return present != 0;
}

bool
exg_gss_is_available(ExgGssMechanism mechanism, const ExgGssSource *source, GError **error)
{
    if (mechanism == EXG_GSS_KERBEROS) {
        g_autoptr(ExgGss) gss = exg_gss_new(mechanism, source, "HTTP", NULL);
        return has_ticket(gss, error);
    }
    if (source->user == NULL || source->password == NULL)
        return exg_error_set(error, EXG_ERROR_CONFIG, "NTLM: there is no password");
    return exg_gss_has_ntlm() || exg_error_set(error, EXG_ERROR_CONFIG,
                                               "NTLM: the mechanism gss-ntlmssp is not installed");
}
