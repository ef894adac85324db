#include "tests/exchange-sim/sign-in.h"

#include "common/base/error.h"
#include "tests/exchange-sim/digest.h"
#include "tests/exchange-sim/text.h"

#include <gssapi/gssapi_ext.h>
#include <string.h>

struct ExgSimSignIn {
    const ExgSimSignInPolicy *policy;
    ExgSimAccounts *accounts;
    const ExgSimAccount *account; /* whom the connection belongs to, once proven */
    gss_ctx_id_t context;
    bool ntlm_only; /* the handshake under way is NTLM's own scheme */
    ExgSimDigest *digest;
};

static gss_OID_desc ntlm_oid = {10, (void *)"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"};

/* --- the policy ------------------------------------------------------------------------------- */

bool
exg_sim_sign_in_policy_parse(const char *schemes, const char *protection,
                             ExgSimSignInPolicy *ret_policy, GError **error)
{
    ExgSimSignInPolicy policy = {0};
    g_auto(GStrv) names = g_strsplit(schemes, ",", -1);
    for (guint i = 0; names[i] != NULL; i++) {
        if (g_str_equal(names[i], "basic"))
            policy.basic = true;
        else if (g_str_equal(names[i], "negotiate"))
            policy.negotiate = true;
        else if (g_str_equal(names[i], "ntlm"))
            policy.ntlm = true;
        else if (g_str_equal(names[i], "none"))
            policy.nothing = true;
        else if (g_str_equal(names[i], "digest"))
            policy.digest = policy.digest_sha256 = true;
        else if (g_str_equal(names[i], "digest-md5"))
            policy.digest = true;
        else if (g_str_equal(names[i], "digest-sess"))
            policy.digest = policy.digest_session = true;
        else
            return exg_error_set(error, EXG_ERROR_CONFIG, "--auth: there is no scheme '%s'",
                                 names[i]);
    }
    if (g_str_equal(protection, "require"))
        policy.protection = EXG_SIM_PROTECTION_REQUIRE;
    else if (g_str_equal(protection, "allow"))
        policy.protection = EXG_SIM_PROTECTION_ALLOW;
    else if (!g_str_equal(protection, "none"))
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "--extended-protection is none, allow or require");
    *ret_policy = policy;
    return true;
}

void
exg_sim_sign_in_policy_clear(ExgSimSignInPolicy *policy)
{
    g_clear_pointer(&policy->certificate, g_bytes_unref);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void
add_token(ExgSimAnswer *answer, const char *scheme, const gss_buffer_desc *token)
{
    g_autofree char *base64 = g_base64_encode(token->value, token->length);
    g_autofree char *value = g_strdup_printf("%s %s", scheme, base64);
    exg_sim_answer_add_header(answer, "WWW-Authenticate", value);
}

/* In IIS's order. `diagnostics`: what is wrong with the token that came, or NULL. */
static void
offer_after_token(const ExgSimSignIn *self, const char *diagnostics, ExgSimAnswer *answer)
{
    exg_sim_answer_set_status(answer, 401, false);
    if (self->policy->negotiate)
        exg_sim_answer_add_header(answer, "WWW-Authenticate", "Negotiate");
    if (self->policy->ntlm)
        exg_sim_answer_add_header(answer, "WWW-Authenticate", "NTLM");
    if (self->policy->digest)
        exg_sim_digest_offer(self->digest, false, answer);
    if (self->policy->basic)
        exg_sim_answer_add_header(answer, "WWW-Authenticate", "Basic realm=\"localhost\"");
    if (!exg_sim_oauth_has_clients(self->policy->oauth))
        return;
    g_autofree char *bearer = exg_sim_oauth_challenge(self->policy->oauth, diagnostics != NULL);
    exg_sim_answer_add_header(answer, "WWW-Authenticate", bearer);
    if (diagnostics != NULL)
        exg_sim_answer_add_header(answer, "x-ms-diagnostics", diagnostics);
}

static void
offer(const ExgSimSignIn *self, ExgSimAnswer *answer)
{
    offer_after_token(self, NULL, answer);
}

/* --- GSSAPI ----------------------------------------------------------------------------------- */

static void
drop_context(ExgSimSignIn *self)
{
    OM_uint32 minor;
    gss_delete_sec_context(&minor, &self->context, GSS_C_NO_BUFFER);
}

static const ExgSimAccount *
account_of(const ExgSimSignIn *self, gss_name_t name)
{
    OM_uint32 minor;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    if (GSS_ERROR(gss_display_name(&minor, name, &text, NULL)))
        return NULL;
    g_autofree char *user = g_strndup(text.value, text.length);
    gss_release_buffer(&minor, &text);
    return exg_sim_accounts_find(self->accounts, user);
}

static bool
is_protected(const ExgSimSignIn *self, OM_uint32 flags)
{
    return self->policy->protection != EXG_SIM_PROTECTION_REQUIRE ||
           flags & GSS_C_CHANNEL_BOUND_FLAG;
}

static OM_uint32
accept_token(ExgSimSignIn *self, gss_buffer_t input, gss_name_t *ret_name, gss_buffer_t ret_output,
             OM_uint32 *ret_flags)
{
    static const char prefix[] = "tls-server-end-point:";
    guint8 binding[sizeof prefix - 1 + 32];
    gsize length = 32;
    g_autoptr(GChecksum)
        hash = g_checksum_new(G_CHECKSUM_SHA256); /* as the certificate is signed */
    gsize size;
    const guchar *certificate = g_bytes_get_data(self->policy->certificate, &size);
    memcpy(binding, prefix, strlen(prefix));
    g_checksum_update(hash, certificate, (gssize)size);
    g_checksum_get_digest(hash, binding + strlen(prefix), &length);
    struct gss_channel_bindings_struct wanted = {.application_data = {sizeof binding, binding}};

    OM_uint32 minor, ignored;
    gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
    gss_OID_set_desc ntlm = {1, &ntlm_oid};
    if (self->ntlm_only && GSS_ERROR(gss_acquire_cred(&minor, GSS_C_NO_NAME, 0, &ntlm, GSS_C_ACCEPT,
                                                      &credential, NULL, NULL)))
        return GSS_S_NO_CRED;
    OM_uint32 major = gss_accept_sec_context(
        &minor, &self->context, credential, input,
        self->policy->protection == EXG_SIM_PROTECTION_NONE ? GSS_C_NO_CHANNEL_BINDINGS : &wanted,
        ret_name, NULL, ret_output, ret_flags, NULL, NULL);
    gss_release_cred(&ignored, &credential);
    return major;
}

/* NTLM lasts as long as its connection, always. */
static bool
lasts(const ExgSimSignIn *self, const gss_buffer_desc *input)
{
    static const char ntlm[] = "NTLMSSP";
    bool is_ntlm = self->ntlm_only ||
                   memmem(input->value, input->length, ntlm, strlen(ntlm)) != NULL;
    return is_ntlm || !self->policy->each_request;
}

static const ExgSimAccount *
judge_token(ExgSimSignIn *self, const char *scheme, const char *base64, ExgSimAnswer *answer)
{
    g_autofree guint8 *bytes = NULL;
    gsize length;
    bool ntlm = g_str_equal(scheme, "NTLM");
    if (self->context == GSS_C_NO_CONTEXT)
        self->ntlm_only = ntlm;
    if (ntlm != self->ntlm_only ||
        !exg_sim_base64_decode(base64, strlen(base64), &bytes, &length)) {
        drop_context(self);
        offer(self, answer);
        return NULL;
    }
    gss_buffer_desc input = {length, bytes}, output = GSS_C_EMPTY_BUFFER;
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 minor, flags = 0;
    OM_uint32 major = accept_token(self, &input, &name, &output, &flags);
    const ExgSimAccount *account = NULL;
    if (major == GSS_S_COMPLETE && is_protected(self, flags))
        account = account_of(self, name);
    if (account == NULL && major != GSS_S_CONTINUE_NEEDED)
        offer(self, answer);
    else if (account == NULL)
        exg_sim_answer_set_status(answer, 401, false);
    if (output.length > 0 && (account != NULL || major == GSS_S_CONTINUE_NEEDED))
        add_token(answer, scheme, &output);
    if (account != NULL && lasts(self, &input))
        self->account = account;
    gss_release_buffer(&minor, &output);
    gss_release_name(&minor, &name);
    if (major != GSS_S_CONTINUE_NEEDED)
        drop_context(self);
    return account;
}

static const ExgSimAccount *
judge_digest(ExgSimSignIn *self, const char *method, const char *target, const char *credentials,
             ExgSimAnswer *answer)
{
    bool stale = false;
    const ExgSimAccount *account = exg_sim_digest_judge(self->digest, method, target, credentials,
                                                        &stale);
    if (account == NULL && stale) {
        exg_sim_answer_set_status(answer, 401, false);
        exg_sim_digest_offer(self->digest, true, answer);
    } else if (account == NULL) {
        offer(self, answer);
    }
    return account;
}

/* --- bearer tokens ---------------------------------------------------------------------------- */

static const ExgSimAccount *
judge_bearer(ExgSimSignIn *self, const char *token, ExgSimAnswer *answer)
{
    const char *diagnostics;
    const char *client = exg_sim_oauth_sign_in(self->policy->oauth, token, &diagnostics);
    if (client != NULL)
        return exg_sim_accounts_find(self->accounts, client);
    offer_after_token(self, diagnostics, answer);
    return NULL;
}

/* --- a connection ----------------------------------------------------------------------------- */

static const ExgSimAccount *
judge(ExgSimSignIn *self, const char *method, const char *target, const char *authorization,
      ExgSimAnswer *answer)
{
    const char *token;
    if (self->policy->nothing)
        return exg_sim_accounts_first(self->accounts);
    if (authorization == NULL) {
        if (self->account == NULL)
            offer(self, answer);
        return self->account;
    }
    self->account = NULL;
    if (self->policy->negotiate && (token = exg_sim_after(authorization, "Negotiate ")) != NULL)
        return judge_token(self, "Negotiate", token, answer);
    if (self->policy->ntlm && (token = exg_sim_after(authorization, "NTLM ")) != NULL)
        return judge_token(self, "NTLM", token, answer);
    if (exg_sim_oauth_has_clients(self->policy->oauth) &&
        (token = exg_sim_after(authorization, "Bearer ")) != NULL)
        return judge_bearer(self, token, answer);
    if (self->policy->digest && (token = exg_sim_after(authorization, "Digest ")) != NULL)
        return judge_digest(self, method, target, token, answer);
    const ExgSimAccount *account = self->policy->basic
                                       ? exg_sim_accounts_sign_in(self->accounts, authorization)
                                       : NULL;
    if (account == NULL)
        offer(self, answer);
    return account;
}

const ExgSimAccount *
exg_sim_sign_in_judge(ExgSimSignIn *self, const char *method, const char *target,
                      const char *authorization, ExgSimAnswer *answer)
{
    const ExgSimAccount *account = judge(self, method, target, authorization, answer);
    if (account == NULL && authorization != NULL && self->context == GSS_C_NO_CONTEXT)
        exg_sim_accounts_refuse(self->accounts);
    return account;
}

void
exg_sim_sign_in_forget(ExgSimSignIn *self, ExgSimAnswer *answer)
{
    self->account = NULL;
    drop_context(self);
    offer(self, answer);
}

ExgSimSignIn *
exg_sim_sign_in_new(const ExgSimSignInPolicy *policy, ExgSimAccounts *accounts)
{
    ExgSimSignIn *self = g_new0(ExgSimSignIn, 1);
    self->policy = policy;
    self->accounts = accounts;
    const ExgSimDigestOptions options = {policy->digest_sha256, policy->digest_session,
                                         policy->digest_uses};
    self->digest = exg_sim_digest_new(accounts, &options);
    return self;
}

void
exg_sim_sign_in_free(ExgSimSignIn *self)
{
    if (self == NULL)
        return;
    drop_context(self);
    exg_sim_digest_free(self->digest);
    g_free(self);
}
