#include "milter/daemon.h"

#include "common/account/account.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/notify.h"
#include "common/directory/configured.h"
#include "milter/filter.h"
#include "milter/maps.h"

#include <glib-unix.h>
#include <grp.h>
#include <pwd.h>
#include <sysexits.h>

struct ExgMilterDaemon {
    char *conf_path;
    ExgConf *conf;
    ExgEngine *engine;
    ExgDirectoryCache *recipients;
    ExgAccount *account; /* the newest */
    ExgMilterSettings *settings;
    ExgLookUps *look_ups;
    ExgFilter *filter;
    ExgMaps *maps;
    bool is_started; /* the engine has its thread */
};

/* --- from the configuration ------------------------------------------------------------------- */

static bool
read_settings(ExgMilterDaemon *daemon, const ExgConf *conf, ExgMilterSettings **ret_settings,
              ExgAccount **ret_account, GError **error)
{
    g_autoptr(ExgPolicy) policy = exg_policy_new(conf, error);
    if (policy == NULL)
        return false;
    g_autoptr(ExgAccount) account = exg_account_new(daemon->engine, conf, error);
    if (account == NULL)
        return false;
    ExgDirectory *directory = exg_directory_new_configured(daemon->engine, conf, account,
                                                           daemon->recipients, true, error);
    if (directory == NULL)
        return false;
    *ret_settings = exg_milter_settings_new(daemon->engine, g_steal_pointer(&policy), directory,
                                            exg_conf_int(conf, "milter", "timeout"));
    *ret_account = g_steal_pointer(&account);
    return true;
}

static bool
read_socket(const ExgConf *conf, ExgFilterSocket *ret_socket, GError **error)
{
    ExgFilterSocket socket = {
        .listen = exg_conf_string(conf, "milter", "listen"),
        .mode = (mode_t)exg_conf_int(conf, "milter", "socket_mode"),
        .owner = (uid_t)-1,
        .group = (gid_t)-1,
    };
    *ret_socket = socket;
    return true;
}

/* --- life ------------------------------------------------------------------------------------- */

ExgMilterDaemon *
exg_milter_daemon_new(const char *conf_path, bool check_only, GError **error)
{
    g_autoptr(ExgMilterDaemon) daemon = g_new0(ExgMilterDaemon, 1);
    ExgFilterSocket socket;
    daemon->conf_path = g_strdup(conf_path);
    daemon->conf = exg_conf_load(conf_path, error);
    if (daemon->conf == NULL || !read_socket(daemon->conf, &socket, error) ||
        !exg_maps_check(daemon->conf, error))
        return NULL;
    exg_log_open_configured("exgate-milter", daemon->conf);
    daemon->engine = exg_engine_new(error);
    if (daemon->engine == NULL)
        return NULL;
    daemon->recipients = exg_directory_cache_new(
        daemon->engine, check_only ? NULL : exg_conf_string(daemon->conf, "directory", "cache"), 0,
        0);
    if (!read_settings(daemon, daemon->conf, &daemon->settings, &daemon->account, error))
        return NULL;
    daemon->look_ups = exg_look_ups_new((guint)exg_conf_int(daemon->conf, "milter", "max_lookups"));
    if (check_only)
        return g_steal_pointer(&daemon);
    daemon->maps = exg_maps_new(daemon->engine, daemon->conf, daemon->settings, error);
    if (daemon->maps == NULL)
        return NULL;
    daemon->filter = exg_filter_new(&socket, daemon->settings, daemon->look_ups, error);
    return daemon->filter != NULL ? g_steal_pointer(&daemon) : NULL;
}

void
exg_milter_daemon_free(ExgMilterDaemon *daemon)
{
    if (daemon == NULL)
        return;
    exg_filter_free(daemon->filter);
    if (daemon->engine != NULL && !daemon->is_started) /* what was posted is still to be done */
        exg_engine_start(daemon->engine);
    if (daemon->maps != NULL)
        exg_maps_stop(daemon->maps);
    exg_milter_settings_unref(daemon->settings);
    if (daemon->engine != NULL)
        exg_engine_stop(daemon->engine);
    exg_maps_free(daemon->maps);
    exg_look_ups_free(daemon->look_ups);
    exg_account_unref(daemon->account);
    exg_directory_cache_unref(daemon->recipients);
    exg_engine_unref(daemon->engine);
    exg_conf_unref(daemon->conf);
    g_free(daemon->conf_path);
    g_free(daemon);
}

/* --- signals ---------------------------------------------------------------------------------- */

static gboolean
on_terminate(gpointer data)
{
    ExgMilterDaemon *daemon = data;
    exg_notify_systemd("STOPPING=1");
    exg_log(EXG_LOG_INFO, NULL, "stopping; look-ups under way are answered first");
    exg_filter_stop(daemon->filter);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_reload(gpointer data)
{
    ExgMilterDaemon *daemon = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgConf) conf = exg_conf_load(daemon->conf_path, &error);
    ExgMilterSettings *settings;
    ExgAccount *account;
    if (conf == NULL || !read_settings(daemon, conf, &settings, &account, &error)) {
        exg_log(EXG_LOG_ERROR, NULL, "not reloaded, the old configuration stays in force: %s",
                error->message);
        return G_SOURCE_CONTINUE;
    }
    exg_filter_configure(daemon->filter, settings);
    exg_maps_configure(daemon->maps, conf, settings);
    exg_milter_settings_unref(daemon->settings);
    daemon->settings = settings;
    exg_account_unref(daemon->account);
    daemon->account = account;
    exg_look_ups_set_max(daemon->look_ups, (guint)exg_conf_int(conf, "milter", "max_lookups"));
    exg_log_set_level(exg_log_level_configured(conf));
    exg_conf_unref(daemon->conf);
    daemon->conf = g_steal_pointer(&conf);
    exg_log(EXG_LOG_INFO, NULL, "reloaded %s", daemon->conf_path);
    return G_SOURCE_CONTINUE;
}

static void
on_signal(ExgMilterDaemon *daemon, int number, GSourceFunc function)
{
    g_autoptr(GSource) source = g_unix_signal_source_new(number);
    g_source_set_callback(source, function, daemon, NULL);
    g_source_attach(source, exg_engine_context(daemon->engine));
}

int
exg_milter_daemon_run(ExgMilterDaemon *daemon, void (*ready)(gpointer data), gpointer data)
{
    on_signal(daemon, SIGTERM, on_terminate);
    on_signal(daemon, SIGINT, on_terminate);
    on_signal(daemon, SIGHUP, on_reload);
    on_signal(daemon, SIGUSR1, on_reload);
    exg_log(EXG_LOG_INFO, NULL, "exgate-milter %s serves %s and asks %s", EXG_VERSION,
            exg_conf_string(daemon->conf, "milter", "listen"),
            exg_conf_string(daemon->conf, "exchange", "endpoint"));
    exg_engine_start(daemon->engine);
    daemon->is_started = true;
    ready(data);
    if (!exg_filter_run(daemon->filter)) {
        exg_log(EXG_LOG_ERROR, NULL, "libmilter gave up");
        return EX_SOFTWARE;
    }
    exg_log(EXG_LOG_INFO, NULL, "stopped; all look-ups have ended");
    return EX_OK;
}
