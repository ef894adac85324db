/* exgate login, exgate logout: the user for whom the programs act, with OAuth2. */
#include "cli/command.h"
#include "cli/output.h"
#include "cli/privilege.h"
#include "common/account/oauth-account.h"
#include "common/auth/oauth/browser-login.h"
#include "common/auth/oauth/device-login.h"
#include "common/base/clock.h"

#include <errno.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define LOCK_PATIENCE_MS 40000 /* a program that renews the tokens is done by then */
#define LOCK_RETRY_MS    200

typedef struct {
    /* The arguments */
    char *conf_path;
    gboolean browser, device;
    /* What is made of them */
    ExgConf *conf;
    ExgEngine *engine;
    ExgOauthAccount account;
    ExgTimer retry;
    gint64 lock_until_us;
    ExgToken *token;
    GError *error;
} Login;

static void
login_clear(Login *login)
{
    exg_token_unref(login->token);
    g_clear_error(&login->error);
    exg_oauth_account_clear(&login->account);
    exg_engine_unref(login->engine);
    exg_conf_unref(login->conf);
    g_free(login->conf_path);
}

static int
parse_arguments(Login *login, const GOptionEntry *own, const char *summary, int argc, char **argv)
{
    const GOptionEntry common[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &login->conf_path,
         "Read FILE instead of " EXG_DEFAULT_CONF, "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_set_summary(context, summary);
    if (own != NULL)
        g_option_context_add_main_entries(context, own, NULL);
    g_option_context_add_main_entries(context, common, NULL);
    g_autoptr(GError) error = NULL;
    if (!g_option_context_parse(context, &argc, &argv, &error))
        return exg_complain(EX_USAGE, "%s; try %s --help", error->message, g_get_prgname());
    if (argc > 1)
        return exg_complain(EX_USAGE, "unexpected argument '%s'; try %s --help", argv[1],
                            g_get_prgname());
    login->conf = exg_conf_load(login->conf_path != NULL ? login->conf_path : EXG_DEFAULT_CONF,
                                &error);
    return login->conf != NULL ? EX_OK : exg_complain(EX_CONFIG, "%s", error->message);
}

/* --- the two ways ----------------------------------------------------------------------------- */

static void
finish(Login *login, ExgToken *token)
{
    login->token = token;
    exg_engine_quit(login->engine);
}

static void
on_browser_done(GObject *object, GAsyncResult *result, gpointer data)
{
    Login *login = data;
    finish(login, exg_browser_login_finish(result, &login->error));
}

static void
on_device_done(GObject *object, GAsyncResult *result, gpointer data)
{
    Login *login = data;
    finish(login, exg_device_login_finish(result, &login->error));
}

/* $BROWSER, as xdg-open takes it; else what the desktop has. */
static bool
open_browser(const char *address)
{
    const char *browser = g_getenv("BROWSER");
    g_auto(GStrv) words = NULL;
    if (browser == NULL || browser[0] == '\0')
        return g_app_info_launch_default_for_uri(address, NULL, NULL);
    int count;
    if (!g_shell_parse_argv(browser, &count, &words, NULL))
        return false;
    words = g_renew(char *, words, (gsize)count + 2);
    words[count] = g_strdup(address);
    words[count + 1] = NULL;
    return g_spawn_async(NULL, words, NULL,
                         G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL |
                             G_SPAWN_STDERR_TO_DEV_NULL,
                         NULL, NULL, NULL, NULL);
}

static void
show_address(const char *address, gpointer data)
{
    bool opened = open_browser(address);
    printf(opened ? "Your browser opens, for you to sign in. If it does not, open this address "
                    "on this machine:\n"
                  : "No browser could be opened. Open this address on this machine:\n");
    printf("\n  %s\n\nWaiting for you to sign in ...\n", address);
    fflush(stdout);
}

static void
show_code(const char *address, const char *code, gpointer data)
{
    g_autofree char *clean_address = exg_printable(address);
    g_autofree char *clean_code = exg_printable(code);
    printf("Open this address in any browser, on any machine:\n\n  %s\n\n"
           "and type this code:\n\n  %s\n\nWaiting for you to sign in ...\n",
           clean_address, clean_code);
    fflush(stdout);
}

static void
begin(gpointer data)
{
    Login *login = data;
    const ExgOauthAccount *account = &login->account;
    const char *user = exg_conf_string(login->conf, "exchange", "username");
    if (login->browser)
        exg_browser_login_async(login->engine, account->http, &account->client,
                                account->authorize_url,
                                user != NULL && strchr(user, '@') != NULL ? user : NULL,
                                show_address, NULL, NULL, on_browser_done, login);
    else
        exg_device_login_async(login->engine, account->http, &account->client, account->device_url,
                               show_code, NULL, NULL, on_device_done, login);
}

/* --- keeping the tokens ----------------------------------------------------------------------- */

/* Not while another program renews the old ones: its answer would replace ours. */
static void
write_tokens(gpointer data)
{
    Login *login = data;
    ExgTokenFile *file = login->account.file;
    if (exg_token_file_try_lock(file, &login->error)) {
        (void)exg_token_file_write(file, login->token, &login->error);
        exg_token_file_unlock(file);
    } else if (login->error == NULL && exg_clock_monotonic_us() < login->lock_until_us) {
        exg_timer_set(&login->retry, exg_clock_deadline_ms(LOCK_RETRY_MS));
        return;
    } else if (login->error == NULL) {
        login->error = exg_error_new(EXG_ERROR_BUSY, "Another program keeps the token file %s",
                                     exg_token_file_path(file));
    }
    exg_engine_quit(login->engine);
}

static int
keep_tokens(Login *login)
{
    const char *path = exg_token_file_path(login->account.file);
    g_autofree char *directory = g_path_get_dirname(path);
    if (!exg_become_owner(directory))
        return exg_complain(EX_OSERR, "cannot become the owner of %s: %s", directory,
                            g_strerror(errno));
    login->lock_until_us = exg_clock_deadline_ms(LOCK_PATIENCE_MS);
    exg_timer_init(&login->retry, login->engine, write_tokens, login);
    exg_engine_post(login->engine, write_tokens, login);
    exg_engine_run(login->engine);
    if (login->error != NULL)
        return exg_complain_of_peer(login->error);
    printf("You are signed in. The tokens are in %s.\n", path);
    if (login->token->refresh == NULL)
        return exg_complain(EX_CONFIG,
                            "no refresh token came with them, so this lasts only as long as the "
                            "access token; oauth_scope needs offline_access");
    return EX_OK;
}

/* --- the commands ----------------------------------------------------------------------------- */

/* Whether there is a user to sign in; if not, says why. */
static bool
is_for_user(const ExgConf *conf)
{
    const char *auth = exg_conf_string(conf, "exchange", "auth");
    bool may_oauth = g_str_equal(auth, "oauth2") || g_str_equal(auth, "auto");
    g_autofree char *where = exg_conf_where(conf, "exchange", may_oauth ? "oauth_grant" : "auth");
    if (!may_oauth)
        exg_complain(EX_CONFIG,
                     "%s = %s needs no login; it is for auth = oauth2 with "
                     "oauth_grant = refresh-token",
                     where, auth);
    else if (g_str_equal(exg_conf_string(conf, "exchange", "oauth_grant"), "refresh-token"))
        return true;
    else
        exg_complain(EX_CONFIG, "%s = client-credentials needs no login; refresh-token does",
                     where);
    return false;
}

/* A browser that could be opened belongs to a desktop, or is named. */
static void
choose_way(Login *login)
{
    if (!login->browser && !login->device)
        login->browser = g_getenv("BROWSER") != NULL || g_getenv("DISPLAY") != NULL ||
                         g_getenv("WAYLAND_DISPLAY") != NULL;
}

/* Before anybody is asked to sign in for nothing. */
static bool
can_keep_tokens(const Login *login)
{
    g_autofree char *directory = g_path_get_dirname(exg_token_file_path(login->account.file));
    if (access(directory, W_OK | X_OK) == 0)
        return true;
    g_autofree char *where = exg_conf_where(login->conf, "exchange", "oauth_token_file");
    (void)exg_complain(EX_CONFIG, "%s: nothing can be kept in %s: %s", where, directory,
                       g_strerror(errno));
    return false;
}

static int
prepare(Login *login)
{
    g_autoptr(GError) error = NULL;
    if (!is_for_user(login->conf))
        return EX_CONFIG;
    exg_borrow_credentials();
    login->engine = exg_engine_new(&error);
    if (login->engine == NULL)
        return exg_complain(EX_OSERR, "%s", error->message);
    if (!exg_oauth_account_init(&login->account, login->engine, login->conf, &error))
        return exg_complain(EX_CONFIG, "%s", error->message);
    if (!can_keep_tokens(login))
        return EX_CONFIG;
    choose_way(login);
    if (login->account.authorize_url == NULL)
        return exg_complain(EX_CONFIG,
                            "the other endpoints are known only where oauth_token_url ends in "
                            "/token, and it is %s",
                            login->account.client.token_url);
    return EX_OK;
}

static int
run(Login *login)
{
    exg_engine_post(login->engine, begin, login);
    exg_engine_run(login->engine);
    return login->token != NULL ? keep_tokens(login) : exg_complain_of_peer(login->error);
}

int
exg_command_login(int argc, char **argv)
{
    Login login = {0};
    const GOptionEntry own[] = {
        {"browser", 0, 0, G_OPTION_ARG_NONE, &login.browser, "Sign in with this machine's browser",
         NULL},
        {"device", 0, 0, G_OPTION_ARG_NONE, &login.device,
         "Sign in on any machine, by typing a code there", NULL},
        G_OPTION_ENTRY_NULL,
    };
    int status = parse_arguments(
        &login, own,
        "Signs a user in at the identity platform, and keeps the tokens for the programs.", argc,
        argv);
    if (status == EX_OK && login.browser && login.device)
        status = exg_complain(EX_USAGE, "--browser and --device exclude each other");
    if (status == EX_OK)
        status = prepare(&login);
    if (status == EX_OK)
        status = run(&login);
    login_clear(&login);
    return status;
}

static int
forget(const ExgConf *conf)
{
    const char *path = exg_conf_string(conf, "exchange", "oauth_token_file");
    g_autoptr(GError) error = NULL;
    if (path == NULL) {
        g_autofree char *where = exg_conf_where(conf, "exchange", "oauth_token_file");
        return exg_complain(EX_CONFIG, "%s is not set, so there is nobody to sign out", where);
    }
    g_autoptr(ExgTokenFile) file = exg_token_file_new(path);
    if (!exg_token_file_remove(file, &error))
        return exg_complain_of_peer(error);
    printf("The tokens in %s are gone from this host. To revoke them everywhere, end the user's "
           "sessions at the identity platform.\n",
           path);
    return EX_OK;
}

int
exg_command_logout(int argc, char **argv)
{
    Login login = {0};
    int status = parse_arguments(&login, NULL, "Forgets the tokens that exgate login has kept.",
                                 argc, argv);
    if (status == EX_OK)
        status = forget(login.conf);
    login_clear(&login);
    return status;
}
