/* exgate check: what Exchange says, to a stranger and to the account. */
#include "cli/check.h"

#include "common/account/oauth-account.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/ews/folders/get-folder.h"
#include "common/mime/date.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define ANSWER_MAX_BYTES 65536
#define SKEW_NOTE_S      60
#define SKEW_MAX_S       300 /* past that, Kerberos refuses */
#define CHOSEN           ": chosen"

static const char *
conf_value(const ExgCheck *check, const char *key)
{
    return exg_conf_string(check->tool.conf, "exchange", key);
}

/* --- a stranger ------------------------------------------------------------------------------- */

static bool
offers(char *const *challenges, const char *scheme)
{
    gsize length = strlen(scheme);
    for (guint i = 0; challenges[i] != NULL; i++)
        if (g_ascii_strncasecmp(challenges[i], scheme, length) == 0 &&
            strchr(" ", challenges[i][length]) != NULL)
            return true;
    return false;
}

/* Whether the configured way to sign in is among them. */
static bool
can_sign_in(const ExgCheck *check, char *const *challenges)
{
    const ExgConf *conf = check->tool.conf;
    const char *auth = conf_value(check, "auth");
    if (g_str_equal(auth, "oauth2"))
        return offers(challenges, "Bearer");
    if (!g_str_equal(auth, "auto"))
        return offers(challenges, auth);
    bool basic = offers(challenges, "Basic") && exg_conf_bool(conf, "exchange", "allow_basic");
    return (exg_oauth_account_is_set(conf) && offers(challenges, "Bearer")) ||
           offers(challenges, "Negotiate") ||
           (conf_value(check, "password_file") != NULL &&
            (offers(challenges, "NTLM") || offers(challenges, "Digest") || basic));
}

static char *
list_schemes(char *const *challenges)
{
    g_autoptr(GString) list = g_string_new(NULL);
    for (guint i = 0; challenges[i] != NULL; i++)
        g_string_append_printf(list, "%s%.*s", i > 0 ? ", " : "", (int)strcspn(challenges[i], " "),
                               challenges[i]);
    return g_string_free(g_steal_pointer(&list), FALSE);
}

static void
mend_offers(ExgCheck *check, char *const *challenges)
{
    const char *auth = conf_value(check, "auth");
    const char *option = g_str_equal(auth, "basic")    ? "BasicAuthentication"
                         : g_str_equal(auth, "digest") ? "DigestAuthentication"
                         : g_str_equal(auth, "oauth2") ? "OAuthAuthentication"
                                                       : "WindowsAuthentication";
    exg_check_mend(check, "In the Exchange Management Shell",
                   "Get-WebServicesVirtualDirectory |\n"
                   "    Set-WebServicesVirtualDirectory -%s $true",
                   option);
    if (!g_str_equal(auth, "auto"))
        exg_check_mend(check, "Or, in exgate.conf, take what is offered", "auth = auto");
    else if (offers(challenges, "Basic"))
        exg_check_mend(check, "Or, in exgate.conf, let the password itself be sent, over TLS",
                       "allow_basic = yes");
}

static bool
judge_challenges(ExgCheck *check, ExgHttpResponse *response)
{
    g_auto(GStrv) challenges = exg_http_response_headers(response, "WWW-Authenticate");
    g_autofree char *list = list_schemes(challenges);
    const char *auth = conf_value(check, "auth");
    if (!can_sign_in(check, challenges)) {
        exg_check_report(check, "sign-in", EXG_STEP_WRONG, EX_CONFIG,
                         g_str_equal(auth, "auto")
                             ? "the server offers %s; auth = %s can use nothing of that"
                             : "the server offers %s; auth = %s is not among them",
                         list[0] != '\0' ? list : "nothing", auth);
        mend_offers(check, challenges);
        return false;
    }
    exg_check_report(check, "sign-in", EXG_STEP_OK, 0, "the server offers %s; auth = %s", list,
                     auth);
    return true;
}

static bool
judge_status(ExgCheck *check, int status)
{
    if (status == 404) {
        exg_check_report(check, "sign-in", EXG_STEP_WRONG, EX_CONFIG,
                         "there is nothing at that path (HTTP 404)");
        exg_check_mend(check, "In the Exchange Management Shell: where it is",
                       "Get-WebServicesVirtualDirectory |\n"
                       "    Format-List Server, InternalUrl, ExternalUrl");
        return false;
    }
    if (status >= 500) {
        exg_check_report(check, "sign-in", EXG_STEP_WRONG, EX_UNAVAILABLE,
                         "the web server is there, Exchange is not (HTTP %d)", status);
        exg_check_mend(check, "In the Exchange Management Shell, on that server",
                       "Test-ServiceHealth\nRestart-WebAppPool MSExchangeServicesAppPool");
        return false;
    }
    bool refused = status == 403 || (status >= 300 && status < 400);
    exg_check_report(check, "sign-in", refused ? EXG_STEP_WRONG : EXG_STEP_NOTE, EX_UNAVAILABLE,
                     refused ? "something in front of Exchange keeps it away (HTTP %d)"
                             : "no credentials are asked for (HTTP %d)",
                     status);
    if (refused)
        exg_check_mend(check, "From here: who answers",
                       "curl -skI %s |\n    grep -i -e ^server -e ^location", check->url);
    return !refused;
}

static void
judge_clock(ExgCheck *check, ExgHttpResponse *response)
{
    const char *date = exg_http_response_header(response, "Date");
    gint64 there, here = exg_clock_real_us() / G_USEC_PER_SEC;
    if (date == NULL || !exg_date_parse(date, strlen(date), &there)) {
        exg_check_report(check, "clock", EXG_STEP_SKIPPED, 0, "the server does not tell its time");
        return;
    }
    gint64 skew = here - there;
    if (llabs(skew) < SKEW_NOTE_S) {
        exg_check_report(check, "clock", EXG_STEP_OK, 0, "like the server's, within %d s",
                         (int)llabs(skew) + 1);
        return;
    }
    bool fatal = llabs(skew) >= SKEW_MAX_S && !g_str_equal(conf_value(check, "auth"), "basic");
    g_autofree char *amount = exg_format_age(llabs(skew) * 1000);
    exg_check_report(check, "clock", fatal ? EXG_STEP_WRONG : EXG_STEP_NOTE, EX_CONFIG,
                     "%s %s the server's%s", amount, skew > 0 ? "ahead of" : "behind",
                     fatal ? ": Kerberos takes no more than 5 min" : "");
    exg_check_mend(check, "Here, as root", "timedatectl set-ntp true\ntimedatectl timesync-status");
    exg_check_mend(check, "Or in PowerShell on the Exchange server, if its clock is the wrong one",
                   "w32tm /resync /force\nw32tm /query /status");
}

bool
exg_check_offers(ExgCheck *check)
{
    ExgTool *tool = &check->tool;
    if (g_str_equal(conf_value(check, "auth"), "certificate")) {
        exg_check_report(check, "sign-in", EXG_STEP_OK, 0,
                         "with the client certificate, as the connection begins");
        return true;
    }
    const ExgHttpClientOptions options = {
        .user_agent = "exgate/" EXG_VERSION,
        .ca_file = conf_value(check, "ca_file"),
        .client_certificate = conf_value(check, "client_certificate_file"),
        .client_key = conf_value(check, "client_key_file"),
        .tls_verify = exg_conf_bool(tool->conf, "exchange", "tls_verify"),
        .connect_timeout_ms = exg_conf_int(tool->conf, "exchange", "connect_timeout"),
        .idle_timeout_ms = 1000,
        .max_sessions = 1,
    };
    g_autoptr(ExgHttpClient) client = exg_http_client_new(tool->engine, &options);
    g_autoptr(ExgHttpRequest)
        request = exg_http_request_new("POST", check->url, NULL, ANSWER_MAX_BYTES);
    g_autoptr(GError) error = NULL;
    exg_http_request_add_header(request, "Content-Type", "text/xml; charset=utf-8");
    exg_http_client_send_async(client, request, exg_tool_deadline_us(tool), tool->cancellable,
                               exg_tool_done, tool);
    g_autoptr(ExgHttpResponse)
        response = exg_http_client_send_finish(client, exg_tool_wait(tool), &error);
    if (response == NULL) {
        exg_check_report(check, "sign-in", EXG_STEP_WRONG, exg_tool_status_of(error), "%s",
                         error->message);
        exg_check_mend(check, "From here: what it answers", "curl -vk %s", check->url);
        return false;
    }
    int status = exg_http_response_status(response);
    bool good = status == 401 ? judge_challenges(check, response) : judge_status(check, status);
    judge_clock(check, response);
    return good;
}

/* --- the account ------------------------------------------------------------------------------ */

/* The name by which Active Directory knows it. (transfer full) */
static char *
account_name(const ExgCheck *check)
{
    const char *user = exg_account_name(check->tool.conf);
    const char *backslash = strrchr(user, '\\');
    g_autofree char *name = g_strndup(backslash != NULL ? backslash + 1 : user,
                                      strcspn(backslash != NULL ? backslash + 1 : user, "@"));
    return exg_check_quote(name);
}

static void
note_busy(ExgCheck *check, const GError *error)
{
    const ExgErrorFacts *facts = exg_error_facts(error);
    if (g_error_matches(error, EXG_ERROR, EXG_ERROR_BUSY))
        check->busy_ms = MAX(check->busy_ms, MAX(facts->retry_after_ms, 0));
}

/* The file that the installed units load the password from. */
static const char *
secret_file(const char *path)
{
    return g_str_equal(path, "credential:exchange-password") ? "/etc/exgate/password" : path;
}

/* A new secret. What systemd hands over as a credential it reads when a service starts. */
static void
mend_secret(ExgCheck *check, const char *where, const char *path)
{
    const char *file = secret_file(path);
    g_autofree char *quoted = g_shell_quote(file);
    if (file[0] == '/')
        exg_check_mend(check, where, "install -m 600 /dev/null %s\ncat > %s\n%s", quoted, quoted,
                       file == path ? "systemctl reload exgate-lmtpd"
                                    : "systemctl try-restart exgate-lmtpd exgate-milter");
    else
        exg_check_mend(check, "Write it into the file that systemd loads it from, then restart",
                       "systemctl cat exgate-lmtpd | grep Credential=\n"
                       "systemctl try-restart exgate-lmtpd exgate-milter");
}

static void
mend_password(ExgCheck *check)
{
    g_autofree char *name = account_name(check);
    const char *path = conf_value(check, "password_file");
    exg_check_mend(check, "In PowerShell with Active Directory: is it locked, disabled, expired",
                   "Get-ADUser %s `\n    -Properties Enabled, LockedOut, PasswordExpired\n"
                   "Unlock-ADAccount %s\nSet-ADAccountPassword %s -Reset",
                   name, name, name);
    if (path == NULL)
        return;
    mend_secret(check, "Here, as root; type the password, Enter and Ctrl-D", path);
    g_autofree char *quoted = g_shell_quote(path);
    if (path[0] == '/')
        exg_check_mend(check,
                       "Or, if the one that is there is right by now, to have it tried at once",
                       "touch %s\nsystemctl reload exgate-lmtpd", quoted);
}

/* The identity platform gave no token, or there is none to renew. */
static void
mend_token(ExgCheck *check)
{
    if (g_str_equal(conf_value(check, "oauth_grant"), "refresh-token")) {
        exg_check_mend(check, "Here, as root: the user has to sign in", "exgate login");
        return;
    }
    const char *secret = conf_value(check, "oauth_client_secret_file");
    const char *certificate = conf_value(check, "oauth_certificate_file");
    const char *file = conf_value(check, "access_token_file");
    const char *path = secret != NULL ? secret : certificate != NULL ? certificate : file;
    g_autofree char *quoted = g_shell_quote(path != NULL ? path : "");
    if (secret != NULL)
        mend_secret(check, "Here, as root, with a new secret of the application; Enter and Ctrl-D",
                    secret);
    else if (certificate != NULL)
        exg_check_mend(check, "Is it the one that the application is registered with",
                       "openssl x509 -in %s -noout -enddate -fingerprint", quoted);
    else if (file != NULL)
        exg_check_mend(check, "Is somebody writing it", "ls -l %s", quoted);
    else
        exg_check_mend(check, "Does it print a token", "%s",
                       conf_value(check, "access_token_command"));
}

static void
judge_login(ExgCheck *check, const GError *error)
{
    g_autofree char *name = account_name(check);
    note_busy(check, error);
    exg_check_report(check, "login", EXG_STEP_WRONG, exg_tool_status_of(error), "%s",
                     error->message);
    if (g_strcmp0(exg_error_facts(error)->stage, "token") == 0)
        mend_token(check);
    else if (g_error_matches(error, EXG_ERROR, EXG_ERROR_AUTH))
        mend_password(check);
    else if (g_error_matches(error, EXG_ERROR, EXG_ERROR_DENIED) ||
             exg_error_facts(error)->http_status == 403)
        exg_check_mend(check, "In the Exchange Management Shell: may it use EWS",
                       "Get-OrganizationConfig | Format-List Ews*\n"
                       "Get-CASMailbox %s | Format-List Ews*\n"
                       "Set-CASMailbox %s -EwsEnabled $true",
                       name, name);
    else if (g_error_matches(error, EXG_ERROR, EXG_ERROR_BUSY))
        exg_check_throttling(check);
    else
        exg_check_mend(check, "In the Exchange Management Shell, on that server",
                       "Test-ServiceHealth\nTest-WebServicesConnectivity -AllowUnsecureAccess");
}

static void
judge_version(ExgCheck *check)
{
    ExgEwsServerVersion version;
    exg_ews_service_server_version(check->tool.service, &version);
    exg_check_report(check, "version", EXG_STEP_OK, 0, "%s, build %s; the API of %s",
                     version.product != NULL ? version.product : "an unknown product",
                     version.build[0] != '\0' ? version.build : "unknown", version.speaks);
}

/* With auth = auto: what was chosen, and before that why nothing stronger was. (transfer full) */
static char *
describe_login(const ExgCheck *check)
{
    g_autofree char *how = exg_account_describe_authentication(check->tool.account);
    if (how == NULL)
        return g_strdup(conf_value(check, "auth"));
    g_auto(GStrv) lines = g_strsplit(how, "\n", -1);
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; lines[i] != NULL; i++) {
        if (g_str_has_suffix(lines[i], CHOSEN))
            g_string_prepend_len(text, lines[i], (gssize)(strlen(lines[i]) - strlen(CHOSEN)));
        else if (lines[i][0] != '\0' && !g_str_has_prefix(lines[i], "offered: "))
            g_string_append_printf(text, "; %s", lines[i]);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

bool
exg_check_login(ExgCheck *check)
{
    ExgTool *tool = &check->tool;
    const char *user = exg_account_name(check->tool.conf);
    g_autoptr(GError) error = NULL;
    if (!exg_tool_ask_for_self(tool, &error)) {
        judge_login(check, error);
        exg_check_report(check, "version", EXG_STEP_SKIPPED, 0, "not told without a login");
        exg_check_report(check, "mailbox", EXG_STEP_SKIPPED, 0, "not tried without a login");
        return false;
    }
    g_autofree char *how = describe_login(check);
    exg_check_report(check, "login", EXG_STEP_OK, 0, "as %s by %s", user, how);
    judge_version(check);
    return true;
}

/* --- mailboxes -------------------------------------------------------------------------------- */

static void
mend_impersonation(ExgCheck *check)
{
    g_autofree char *user = exg_check_quote(exg_account_name(check->tool.conf));
    exg_check_mend(check, "In the Exchange Management Shell: the right, and who has it",
                   "New-ManagementRoleAssignment -Name 'exgate delivery' `\n"
                   "    -Role ApplicationImpersonation -User %s\n"
                   "Get-ManagementRoleAssignment -Role ApplicationImpersonation `\n"
                   "    -GetEffectiveUsers",
                   user);
}

static void
mend_access(ExgCheck *check, const char *address)
{
    g_autofree char *mailbox = exg_check_quote(address);
    g_autofree char *user = exg_check_quote(exg_account_name(check->tool.conf));
    exg_check_mend(check, "In the Exchange Management Shell",
                   "Add-MailboxPermission %s -User %s `\n"
                   "    -AccessRights FullAccess -AutoMapping $false",
                   mailbox, user);
}

static void
mend_mailbox(ExgCheck *check, const char *address)
{
    g_autofree char *mailbox = exg_check_quote(address);
    exg_check_mend(check, "In the Exchange Management Shell: who it is, and where",
                   "Get-Recipient %s |\n    Format-List RecipientType*, EmailAddresses\n"
                   "Get-Mailbox %s |\n    Format-List Database, ServerName",
                   mailbox, mailbox);
}

static void
judge_mailbox(ExgCheck *check, const char *address, const GError *error)
{
    const ExgErrorFacts *facts = exg_error_facts(error);
    const char *code = facts != NULL && facts->service_code != NULL ? facts->service_code : "";
    bool impersonation = g_str_equal(conf_value(check, "access"), "impersonation");
    note_busy(check, error);
    if (impersonation && strstr(code, "Impersonat") != NULL) {
        exg_check_report(check, "impersonation", EXG_STEP_WRONG, EX_NOPERM, "%s may not act for %s",
                         exg_account_name(check->tool.conf), address);
        mend_impersonation(check);
        exg_check_report(check, "mailbox", EXG_STEP_SKIPPED, 0, "%s: not tried without that right",
                         address);
        return;
    }
    exg_check_report(check, "mailbox", EXG_STEP_WRONG, exg_tool_status_of(error), "%s: %s", address,
                     error->message);
    if (g_error_matches(error, EXG_ERROR, EXG_ERROR_NO_MAILBOX))
        mend_mailbox(check, address);
    else if (g_str_equal(code, "ErrorAccessDenied") ||
             g_error_matches(error, EXG_ERROR, EXG_ERROR_DENIED))
        mend_access(check, address);
    else
        mend_mailbox(check, address);
}

void
exg_check_mailbox(ExgCheck *check, const char *address)
{
    ExgTool *tool = &check->tool;
    ExgEwsTarget target = exg_account_target(tool->account, address);
    exg_ews_get_folder_async(tool->service, &target, "inbox", exg_tool_deadline_us(tool),
                             tool->cancellable, exg_tool_done, tool);
    g_autoptr(ExgEwsFolder) folder = NULL;
    g_autoptr(GError) error = NULL;
    if (!exg_ews_get_folder_finish(tool->service, exg_tool_wait(tool), &folder, &error)) {
        judge_mailbox(check, address, error);
        return;
    }
    if (target.access == EXG_EWS_IMPERSONATION)
        exg_check_report(check, "impersonation", EXG_STEP_OK, 0, "%s may act for %s",
                         exg_account_name(check->tool.conf), address);
    exg_check_report(check, "mailbox", EXG_STEP_OK, 0,
                     "the inbox of %s has %" G_GINT64_FORMAT " items, %" G_GINT64_FORMAT " unread",
                     address, MAX(folder->total_count, 0), MAX(folder->unread_count, 0));
}

/* --- throttling ------------------------------------------------------------------------------- */

void
exg_check_throttling(ExgCheck *check)
{
    ExgThrottleStatistics statistics;
    exg_throttle_get_statistics(exg_account_throttle(check->tool.account),
                                exg_ews_service_endpoints(check->tool.service), &statistics);
    if (check->busy_ms < 0 && statistics.closed_ms == 0) {
        exg_check_report(check, "throttling", EXG_STEP_OK, 0,
                         "Exchange does not ask for less; up to %u requests at a time",
                         statistics.limit);
        return;
    }
    g_autofree char *name = account_name(check);
    g_autofree char *time = exg_format_age(MAX(check->busy_ms, statistics.closed_ms));
    exg_check_report(check, "throttling", EXG_STEP_WRONG, EX_TEMPFAIL,
                     "Exchange asks for less; it wants to be left alone for %s", time);
    exg_check_mend(check, "In the Exchange Management Shell: a policy of its own for the account",
                   "New-ThrottlingPolicy exgate -EwsMaxConcurrency 100\n"
                   "Set-ThrottlingPolicyAssociation %s -ThrottlingPolicy exgate",
                   name);
    exg_check_mend(check, "Or, in exgate.conf, ask for less", "max_connections = 16");
}
