#include "common/account/credentials-private.h"

#include "common/account/oauth-account.h"
#include "common/auth/basic.h"
#include "common/auth/choice.h"
#include "common/auth/digest.h"
#include "common/auth/negotiate.h"
#include "common/base/error.h"

static const char *
value(const ExgConf *conf, const char *key)
{
    return exg_conf_string(conf, "exchange", key);
}

static ExgSecret *
read_password(const ExgConf *conf, GError **error)
{
    g_autofree char *where = exg_conf_where(conf, "exchange", "password_file");
    const char *path = value(conf, "password_file");
    if (path == NULL) {
        exg_error_set(error, EXG_ERROR_CONFIG, "%s is not set, and auth = %s needs a password",
                      where, value(conf, "auth"));
        return NULL;
    }
    if (value(conf, "username") == NULL) {
        g_autofree char *user = exg_conf_where(conf, "exchange", "username");
        exg_error_set(error, EXG_ERROR_CONFIG, "%s is not set, and password_file needs it", user);
        return NULL;
    }
    ExgSecret *password = exg_secret_new_from_file(path, error);
    if (password == NULL)
        g_prefix_error(error, "%s: ", where);
    return password;
}

static ExgHttpAuthenticator *
kerberos_new(ExgEngine *engine, const ExgConf *conf)
{
    return exg_auth_kerberos_new(engine, value(conf, "kerberos_keytab"),
                                 value(conf, "kerberos_ccache"), value(conf, "kerberos_principal"));
}

/* Kerberos; or NTLM in its place, where there is a password and neither a key nor a ticket. */
static ExgHttpAuthenticator *
negotiate_new(ExgEngine *engine, const ExgConf *conf, ExgSecret *password)
{
    g_autoptr(ExgHttpAuthenticator) kerberos = kerberos_new(engine, conf);
    if (password == NULL || value(conf, "kerberos_keytab") != NULL ||
        exg_auth_negotiate_is_available(kerberos, NULL))
        return g_steal_pointer(&kerberos);
    return exg_auth_ntlm_new(engine, value(conf, "username"), password, true);
}

/* False: its keys are set, but not well. */
static bool
add_bearer(ExgHttpAuthenticator *choice, ExgEngine *engine, const ExgConf *conf, GError **error)
{
    static const ExgAuthCandidate oauth = {
        .name = "oauth2", .offered = "Bearer", .needs_tls = true, .has_last_word = true};
    bool is_set = exg_oauth_account_is_set(conf);
    ExgHttpAuthenticator *bearer = is_set ? exg_oauth_account_bearer_new(engine, conf, error)
                                          : NULL;
    if (is_set && bearer == NULL)
        return false;
    exg_auth_choice_add(choice, &oauth, bearer, "oauth_client_id is not set");
    return true;
}

static ExgHttpAuthenticator *
auto_new(ExgEngine *engine, const ExgConf *conf, ExgSecret *password, GError **error)
{
    static const ExgAuthCandidate kerberos = {.name = "kerberos",
                                              .offered = "Negotiate",
                                              .is_available = exg_auth_negotiate_is_available};
    static const ExgAuthCandidate ntlm = {.name = "ntlm",
                                          .offered = "NTLM",
                                          .is_available = exg_auth_negotiate_is_available,
                                          .has_last_word = true};
    static const ExgAuthCandidate spnego = {.name = "ntlm inside negotiate",
                                            .offered = "Negotiate",
                                            .is_available = exg_auth_negotiate_is_available,
                                            .has_last_word = true};
    static const ExgAuthCandidate digest = {
        .name = "digest", .offered = "Digest", .has_last_word = true};
    static const ExgAuthCandidate basic = {
        .name = "basic", .offered = "Basic", .needs_tls = true, .has_last_word = true};
    const char *user = value(conf, "username");
    const char *no_password = "password_file is not set";
    bool may_basic = exg_conf_bool(conf, "exchange", "allow_basic");
    g_autoptr(ExgHttpAuthenticator) choice = exg_auth_choice_new();
    if (!add_bearer(choice, engine, conf, error))
        return NULL;
    exg_auth_choice_add(choice, &kerberos, kerberos_new(engine, conf), NULL);
    exg_auth_choice_add(choice, &ntlm,
                        password != NULL ? exg_auth_ntlm_new(engine, user, password, false) : NULL,
                        no_password);
    exg_auth_choice_add(choice, &spnego,
                        password != NULL ? exg_auth_ntlm_new(engine, user, password, true) : NULL,
                        no_password);
    exg_auth_choice_add(choice, &digest,
                        password != NULL ? exg_auth_digest_new(user, password) : NULL, no_password);
    exg_auth_choice_add(choice, &basic,
                        password != NULL && may_basic ? exg_auth_basic_new(user, password) : NULL,
                        may_basic ? no_password : "allow_basic is no");
    return g_steal_pointer(&choice);
}

static ExgHttpAuthenticator *
authenticator_new(ExgEngine *engine, const ExgConf *conf, ExgSecret *password, GError **error)
{
    const char *auth = value(conf, "auth");
    if (g_str_equal(auth, "oauth2"))
        return exg_oauth_account_bearer_new(engine, conf, error);
    if (g_str_equal(auth, "auto"))
        return auto_new(engine, conf, password, error);
    if (g_str_equal(auth, "negotiate"))
        return negotiate_new(engine, conf, password);
    if (g_str_equal(auth, "ntlm"))
        return exg_auth_ntlm_new(engine, value(conf, "username"), password, false);
    if (g_str_equal(auth, "digest"))
        return exg_auth_digest_new(value(conf, "username"), password);
    return exg_auth_basic_new(value(conf, "username"), password);
}

bool
exg_account_authenticator_new(ExgEngine *engine, const ExgConf *conf,
                              ExgHttpAuthenticator **ret_authenticator, GError **error)
{
    const char *auth = value(conf, "auth");
    if (g_str_equal(auth, "certificate")) {
        g_autofree char *where = exg_conf_where(conf, "exchange", "client_certificate_file");
        if (value(conf, "client_certificate_file") == NULL)
            return exg_error_set(error, EXG_ERROR_CONFIG,
                                 "%s is not set, and auth = certificate needs it", where);
        *ret_authenticator = NULL;
        return true;
    }
    bool optional = g_str_equal(auth, "auto") || g_str_equal(auth, "negotiate") ||
                    g_str_equal(auth, "oauth2");
    g_autoptr(ExgSecret) password = NULL;
    if (!optional || value(conf, "password_file") != NULL) {
        password = read_password(conf, error);
        if (password == NULL)
            return false;
    }
    *ret_authenticator = authenticator_new(engine, conf, password, error);
    return *ret_authenticator != NULL;
}

char *
exg_account_authentication_version(void)
{
    return g_strdup_printf("authentication: OAuth2, basic, digest, negotiate with Kerberos%s",
                           exg_auth_negotiate_has_ntlm() ? ", NTLM alone and inside negotiate"
                                                         : "; NTLM: gss-ntlmssp is not installed");
}
