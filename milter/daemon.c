#include "milter/daemon.h"

#include "common/account/account.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/notify.h"
#include "common/base/program.h"
#include "common/directory/configured.h"
#include "common/io/listener-conf.h"
#include "common/io/text-socket.h"
#include "milter/connections.h"
#include "milter/filter.h"
#include "milter/limits.h"
#include "milter/maps.h"
#include "milter/socket.h"
#include "milter/statistics.h"

#include <signal.h>
#include <sysexits.h>
#include <unistd.h>

/* libmilter writes a reply when its callback has returned; nobody tells when that is done. */
#define REPLY_GRACE_MS 200

struct ExgMilterDaemon {
    char *conf_path;
    ExgConf *conf;
    ExgEngine *engine;
    ExgDirectoryCache *recipients;
    ExgAccount *account; /* the newest */
    ExgMilterSettings *settings;
    ExgLookUps *look_ups;
    ExgMilterSocket socket;
    ExgFilter *filter;
    ExgMaps *maps;
    ExgTextSocket *statistics; /* NULL: none */
    ExgTimer report, grace;
    bool is_stopping;
    guint draining; /* of what is stopping: the filter, the maps */
    int status;
};

static void
quit(gpointer data)
{
    ExgMilterDaemon *daemon = data;
    exg_log(EXG_LOG_INFO, NULL, "stopped; all look-ups have ended");
    exg_engine_quit(daemon->engine);
}

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
    exg_account_warn(conf);
    return true;
}

/* The socket as it is written, and who may use it. */
static bool
read_socket(ExgMilterDaemon *daemon, ExgListenerOptions *ret_options, GError **error)
{
    const ExgConf *conf = daemon->conf;
    if (!exg_listener_options_read(conf, "milter", ret_options, error))
        return false;
    if (exg_milter_socket_parse(exg_conf_string(conf, "milter", "listen"), &daemon->socket, error))
        return true;
    return exg_conf_blame(conf, "milter", "listen", error);
}

static void
apply_limits(ExgMilterDaemon *daemon, const ExgConf *conf)
{
    exg_look_ups_set_max(daemon->look_ups, (guint)exg_conf_int(conf, "milter", "max_threads"));
    exg_threads_set_max(exg_limits_max_workers(conf));
    exg_connections_set_max((guint)exg_conf_int(conf, "milter", "max_connections"));
}

/* --- statistics ------------------------------------------------------------------------------- */

static void
take_statistics(ExgMilterDaemon *daemon, ExgMilterStatistics *ret_statistics)
{
    *ret_statistics = (ExgMilterStatistics){
        .connections = exg_connections_statistics(),
        .threads = exg_threads_statistics(),
        .look_ups = exg_look_ups_count(daemon->look_ups),
        .maps = exg_maps_statistics(daemon->maps),
        .directory = exg_directory_cache_statistics(daemon->recipients),
    };
    exg_counts_get(&ret_statistics->counts);
    exg_throttle_get_statistics(exg_account_throttle(daemon->account),
                                exg_ews_service_endpoints(exg_account_ews(daemon->account)),
                                &ret_statistics->throttle);
}

static char *
tell_statistics(gpointer data)
{
    ExgMilterStatistics statistics;
    take_statistics(data, &statistics);
    return exg_milter_statistics_to_text(&statistics);
}

static void
report(gpointer data)
{
    ExgMilterDaemon *daemon = data;
    ExgMilterStatistics statistics;
    take_statistics(daemon, &statistics);
    g_autofree char *line = exg_milter_statistics_to_line(&statistics);
    if (statistics.counts.counts[EXG_COUNT_MESSAGES] + statistics.maps.questions > 0)
        exg_log(EXG_LOG_INFO, NULL, "%s", line);
    gint64 interval_ms = exg_conf_int(daemon->conf, "milter", "stats_interval");
    exg_timer_set(&daemon->report, exg_clock_deadline_ms(interval_ms));
}

/* --- life ------------------------------------------------------------------------------------- */

static bool
open_all(ExgMilterDaemon *daemon, const ExgListenerOptions *options, GError **error)
{
    if (!exg_limits_prepare(daemon->conf, exg_maps_max_descriptors(daemon->conf), error))
        return false;
    daemon->maps = exg_maps_new(daemon->engine, daemon->conf, daemon->settings, error);
    if (daemon->maps == NULL ||
        !exg_text_socket_open(daemon->engine, daemon->conf, "milter", tell_statistics, daemon,
                              &daemon->statistics, error))
        return false;
    daemon->filter = exg_filter_new(daemon->engine, daemon->settings, daemon->look_ups);
    if (daemon->filter == NULL)
        return exg_error_set(error, EXG_ERROR_CONFIG, "libmilter does not take the filter");
    if (exg_milter_socket_open(&daemon->socket, options, error))
        return true;
    return exg_conf_blame(daemon->conf, "milter", "listen", error);
}

ExgMilterDaemon *
exg_milter_daemon_new(const char *conf_path, bool check_only, GError **error)
{
    g_autoptr(ExgMilterDaemon) daemon = g_new0(ExgMilterDaemon, 1);
    ExgListenerOptions options;
    daemon->conf_path = g_strdup(conf_path);
    daemon->conf = exg_conf_load(conf_path, error);
    if (daemon->conf == NULL || !read_socket(daemon, &options, error) ||
        !exg_maps_check(daemon->conf, error))
        return NULL;
    exg_log_open_configured("exgate-milter", daemon->conf);
    daemon->engine = exg_engine_new(error);
    if (daemon->engine == NULL)
        return NULL;
    exg_timer_init(&daemon->report, daemon->engine, report, daemon);
    exg_timer_init(&daemon->grace, daemon->engine, quit, daemon);
    const char *cache = exg_conf_string(daemon->conf, "directory", "cache");
    daemon->recipients = exg_directory_cache_new(daemon->engine, check_only ? NULL : cache, 0, 0);
    if (!read_settings(daemon, daemon->conf, &daemon->settings, &daemon->account, error))
        return NULL;
    daemon->look_ups = exg_look_ups_new(0);
    apply_limits(daemon, daemon->conf);
    if (!check_only && !open_all(daemon, &options, error))
        return NULL;
    return g_steal_pointer(&daemon);
}

void
exg_milter_daemon_free(ExgMilterDaemon *daemon)
{
    if (daemon == NULL)
        return;
    exg_milter_socket_remove(&daemon->socket);
    exg_milter_socket_clear(&daemon->socket);
    exg_filter_free(daemon->filter);
    exg_text_socket_free(daemon->statistics);
    exg_maps_free(daemon->maps);
    exg_milter_settings_unref(daemon->settings);
    if (daemon->engine != NULL) { /* what was posted is still to be done */
        exg_timer_cancel(&daemon->report);
        exg_timer_cancel(&daemon->grace);
        exg_engine_quit(daemon->engine);
        exg_engine_run(daemon->engine);
    }
    exg_look_ups_free(daemon->look_ups);
    exg_account_unref(daemon->account);
    exg_directory_cache_unref(daemon->recipients);
    exg_engine_unref(daemon->engine);
    exg_conf_unref(daemon->conf);
    g_free(daemon->conf_path);
    g_free(daemon);
}

/* --- signals ---------------------------------------------------------------------------------- */

static void
failed(gpointer data)
{
    ExgMilterDaemon *daemon = data;
    exg_log(EXG_LOG_ERROR, NULL, "libmilter gave up; its own messages are in the system's log");
    daemon->status = EX_SOFTWARE;
    exg_engine_quit(daemon->engine);
}

static void
drained(gpointer data)
{
    ExgMilterDaemon *daemon = data;
    if (--daemon->draining == 0)
        exg_timer_set(&daemon->grace, exg_clock_deadline_ms(REPLY_GRACE_MS));
}

static gboolean
on_terminate(gpointer data)
{
    ExgMilterDaemon *daemon = data;
    if (daemon->is_stopping) {
        exg_log(EXG_LOG_WARNING, NULL, "stopped at once on a second signal");
        daemon->status = EX_TEMPFAIL;
        exg_engine_quit(daemon->engine);
        return G_SOURCE_CONTINUE;
    }
    daemon->is_stopping = true;
    exg_notify_systemd("STOPPING=1");
    exg_log(EXG_LOG_INFO, NULL, "stopping; look-ups under way are answered first");
    exg_milter_socket_remove(&daemon->socket);
    daemon->draining = 2;
    exg_filter_stop(daemon->filter, drained, daemon);
    exg_maps_stop(daemon->maps, drained, daemon);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_reload(gpointer data)
{
    static const char *const groups[] = {"milter", "maps", "directory", "log", NULL};
    ExgMilterDaemon *daemon = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgConf) conf = exg_conf_load(daemon->conf_path, &error);
    ExgMilterSettings *settings;
    ExgAccount *account;
    if (daemon->is_stopping)
        return G_SOURCE_CONTINUE;
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
    exg_program_warn_of_start(daemon->conf, conf, groups);
    apply_limits(daemon, conf);
    exg_log_set_level(exg_log_level_configured(conf));
    exg_conf_unref(daemon->conf);
    daemon->conf = g_steal_pointer(&conf);
    exg_log(EXG_LOG_INFO, NULL, "reloaded %s", daemon->conf_path);
    return G_SOURCE_CONTINUE;
}

int
exg_milter_daemon_run(ExgMilterDaemon *daemon, void (*ready)(gpointer data), gpointer data)
{
    exg_engine_on_signal(daemon->engine, SIGTERM, on_terminate, daemon);
    exg_engine_on_signal(daemon->engine, SIGINT, on_terminate, daemon);
    exg_engine_on_signal(daemon->engine, SIGHUP, on_reload, daemon);
    exg_engine_on_signal(daemon->engine, SIGUSR1, on_reload, daemon);
    exg_log(EXG_LOG_INFO, NULL, "exgate-milter %s serves %s and asks %s", EXG_VERSION,
            exg_conf_string(daemon->conf, "milter", "listen"),
            exg_conf_string(daemon->conf, "exchange", "endpoint"));
    report(daemon);
    exg_filter_start(daemon->filter, failed, daemon);
    ready(data);
    exg_engine_run(daemon->engine);
    exg_milter_socket_remove(&daemon->socket);
    if (exg_filter_is_busy(daemon->filter) ||
        exg_directory_under_way(exg_milter_settings_directory(daemon->settings)) > 0)
        _exit(daemon->status); /* nothing can be taken apart under them */
    return daemon->status;
}
