#include "lmtp/daemon.h"

#include "common/account/account.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/notify.h"
#include "common/base/program.h"
#include "common/directory/configured.h"
#include "common/io/listener-conf.h"
#include "common/io/text-socket.h"
#include "common/io/worker.h"
#include "common/mime/address.h"
#include "common/store/ews-store.h"
#include "common/store/journal.h"
#include "common/store/journaled-store.h"
#include "lmtp/delivery.h"
#include "lmtp/server.h"
#include "lmtp/statistics.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define SPOOL_THREADS 4
#define SPOOL_QUEUE   4096

struct ExgDaemon {
    char *conf_path;
    ExgConf *conf;
    ExgEngine *engine;
    ExgWorkerPool *workers;
    ExgSpoolBudget *spool_budget;
    ExgHeaderMarks *junk_marks;
    ExgJournal *journal;
    ExgDirectoryCache *recipients;
    ExgAccount *account; /* the newest */
    ExgTimer report;
    ExgTextSocket *statistics;
    ExgDeliveryBackend *backend;
    ExgLmtpServer *server;
    bool draining;
    int status;
};

/* --- from the configuration ------------------------------------------------------------------- */

/* Our name in the greeting and in trace fields: a host name, nothing that could break a header. */
static const char *
hostname_of(const ExgConf *conf, GError **error)
{
    const char *name = exg_conf_string(conf, "lmtp", "hostname");
    if (name == NULL)
        name = g_get_host_name();
    for (const char *at = name; *at != '\0'; at++) {
        if (!g_ascii_isalnum(*at) && strchr(".-", *at) == NULL) {
            g_autofree char *where = exg_conf_where(conf, "lmtp", "hostname");
            exg_error_set(error, EXG_ERROR_CONFIG,
                          "%s = %s: a host name of letters, digits, dots and hyphens is expected",
                          where, name);
            return NULL;
        }
    }
    return name;
}

static bool
check_recipient_domain(const ExgConf *conf, GError **error)
{
    const char *domain = exg_conf_string(conf, "lmtp", "recipient_domain");
    if (domain == NULL || exg_address_is_domain(domain))
        return true;
    g_autofree char *where = exg_conf_where(conf, "lmtp", "recipient_domain");
    return exg_error_set(error, EXG_ERROR_CONFIG,
                         "%s = %s: a mail domain such as example.com is expected", where, domain);
}

/* `*ret_marks`: NULL if there are none. */
static bool
read_junk_header(const ExgConf *conf, ExgHeaderMarks **ret_marks, GError **error)
{
    const char *rules = exg_conf_string(conf, "delivery", "junk_header");
    g_autoptr(ExgHeaderMarks) marks = rules != NULL ? exg_header_marks_new(rules, error) : NULL;
    if (rules != NULL && marks == NULL)
        return exg_conf_blame(conf, "delivery", "junk_header", error);
    *ret_marks = g_steal_pointer(&marks);
    return true;
}

static bool
check_recipient_delimiter(const ExgConf *conf, GError **error)
{
    const char *delimiters = exg_conf_string(conf, "delivery", "recipient_delimiter");
    if (delimiters == NULL || strspn(delimiters, "+-_=.#/!") == strlen(delimiters))
        return true;
    g_autofree char *where = exg_conf_where(conf, "delivery", "recipient_delimiter");
    return exg_error_set(error, EXG_ERROR_CONFIG,
                         "%s = %s: characters such as + are expected, of + - _ = . # / !", where,
                         delimiters);
}

static bool
check_writable_directory(const ExgConf *conf, const char *group, const char *key, const char *path,
                         GError **error)
{
    const char *fault = NULL;
    if (access(path, W_OK | X_OK) < 0)
        fault = g_strerror(errno);
    else if (!g_file_test(path, G_FILE_TEST_IS_DIR))
        fault = g_strerror(ENOTDIR);
    if (fault == NULL)
        return true;
    g_autofree char *where = exg_conf_where(conf, group, key);
    return exg_error_set(error, EXG_ERROR_CONFIG, "%s: cannot write to the directory %s: %s", where,
                         path, fault);
}

static bool
check_spool_directory(const ExgConf *conf, GError **error)
{
    return check_writable_directory(conf, "lmtp", "spool_directory",
                                    exg_conf_string(conf, "lmtp", "spool_directory"), error);
}

static ExgDuplicateCheck
duplicate_check(const ExgConf *conf)
{
    const char *choice = exg_conf_string(conf, "delivery", "duplicate_check");
    return g_str_equal(choice, "always")    ? EXG_CHECK_ALWAYS
           : g_str_equal(choice, "journal") ? EXG_CHECK_JOURNAL
                                            : EXG_CHECK_DELAYED;
}

static bool
check_parent_directory(const ExgConf *conf, const char *group, const char *key, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(exg_conf_string(conf, group, key));
    return check_writable_directory(conf, group, key, directory, error);
}

/* The cache would set the journal aside as a file of somebody else. */
static bool
check_cache(const ExgConf *conf, GError **error)
{
    if (!exg_conf_bool(conf, "directory", "check_recipients"))
        return true;
    const char *path = exg_conf_string(conf, "directory", "cache");
    g_autofree char *where = exg_conf_where(conf, "directory", "cache");
    if (g_str_equal(path, exg_conf_string(conf, "delivery", "journal")))
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "%s: %s is the delivery journal; a file of its own is expected", where,
                             path);
    return check_parent_directory(conf, "directory", "cache", error);
}

/* What can be checked without opening anything. */
static bool
check_conf(const ExgConf *conf, GError **error)
{
    return check_recipient_domain(conf, error) && check_recipient_delimiter(conf, error) &&
           check_spool_directory(conf, error) && check_cache(conf, error);
}

static bool
delivery_options(ExgDaemon *daemon, const ExgConf *conf, ExgDeliveryOptions *ret_options,
                 GError **error)
{
    const char *hostname = hostname_of(conf, error);
    if (hostname == NULL)
        return false;
    g_autoptr(ExgAccount) account = exg_account_new(daemon->engine, conf, error);
    if (account == NULL)
        return false;
    ExgDirectory *directory = exg_directory_new_configured(daemon->engine, conf, account,
                                                           daemon->recipients, false, error);
    if (directory == NULL)
        return false;
    const char *delimiters = exg_conf_string(conf, "delivery", "recipient_delimiter");
    *ret_options = (ExgDeliveryOptions){
        .store = exg_journaled_store_new(exg_ews_store_new(account, delimiters), daemon->journal,
                                         duplicate_check(conf)),
        .directory = directory,
        .hostname = hostname,
        .delimiters = delimiters,
        .timeout_ms = exg_conf_int(conf, "delivery", "timeout"),
        .bounce_when_full = g_str_equal(exg_conf_string(conf, "delivery", "mailbox_full"),
                                        "bounce"),
        .check_recipients = exg_conf_bool(conf, "directory", "check_recipients"),
        .expand_groups = g_str_equal(exg_conf_string(conf, "directory", "groups"), "expand"),
        .defer_unsure = g_str_equal(exg_conf_string(conf, "directory", "when_unsure"), "defer"),
        .check_timeout_ms = exg_conf_int(conf, "directory", "timeout"),
    };
    exg_account_unref(daemon->account);
    daemon->account = g_steal_pointer(&account);
    exg_account_warn(conf);
    return true;
}

static ExgLmtpServerOptions
server_options(ExgDaemon *daemon, const ExgConf *conf)
{
    return (ExgLmtpServerOptions){
        .hostname = hostname_of(conf, NULL),
        .max_message_bytes = (guint64)exg_conf_int(conf, "lmtp", "max_message_size"),
        .max_recipients = (guint)exg_conf_int(conf, "lmtp", "max_recipients"),
        .max_sessions = (guint)exg_conf_int(conf, "lmtp", "max_sessions"),
        .max_hops = (guint)exg_conf_int(conf, "lmtp", "max_hops"),
        .recipient_domain = exg_conf_string(conf, "lmtp", "recipient_domain"),
        .idle_timeout_ms = exg_conf_int(conf, "lmtp", "idle_timeout"),
        .spool_directory = exg_conf_string(conf, "lmtp", "spool_directory"),
        .spool_memory_bytes = (gsize)exg_conf_int(conf, "lmtp", "spool_memory"),
        .marks = daemon->junk_marks,
        .workers = daemon->workers,
        .spool_budget = daemon->spool_budget,
    };
}

static bool
open_journal(ExgDaemon *daemon, GError **error)
{
    const ExgJournalOptions options = {
        .path = exg_conf_string(daemon->conf, "delivery", "journal"),
        .keep_ms = exg_conf_int(daemon->conf, "delivery", "journal_keep"),
        .settle_ms = exg_conf_int(daemon->conf, "delivery", "settle_time"),
    };
    daemon->journal = exg_journal_open(daemon->engine, &options, error);
    return daemon->journal != NULL || exg_conf_blame(daemon->conf, "delivery", "journal", error);
}

/* --- sockets ---------------------------------------------------------------------------------- */

static bool
listen_systemd(ExgDaemon *daemon, const ExgListenerOptions *options, GError **error)
{
    g_autoptr(GArray) fds = exg_listener_systemd_fds();
    if (fds->len == 0)
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "systemd passed no socket; start exgate-lmtpd.socket, or name a "
                             "socket here");
    for (guint i = 0; i < fds->len; i++)
        if (!exg_lmtp_server_listen_fd(daemon->server, g_array_index(fds, int, i), options, error))
            return false;
    return true;
}

static bool
listen_on(ExgDaemon *daemon, const char *text, const ExgListenerOptions *options, bool check_only,
          GError **error)
{
    ExgSocketAddress address;
    if (!exg_socket_address_parse(text, &address, error))
        return false;
    if (check_only)
        return true;
    return address.kind == EXG_SOCKET_SYSTEMD
               ? listen_systemd(daemon, options, error)
               : exg_lmtp_server_listen(daemon->server, &address, options, error);
}

static bool
listen_all(ExgDaemon *daemon, const ExgConf *conf, bool check_only, GError **error)
{
    ExgListenerOptions options;
    if (!exg_listener_options_read(conf, "lmtp", &options, error))
        return false;
    const char *const *texts = exg_conf_list(conf, "lmtp", "listen");
    for (guint i = 0; texts[i] != NULL; i++)
        if (!listen_on(daemon, texts[i], &options, check_only, error))
            return exg_conf_blame(conf, "lmtp", "listen", error);
    return true;
}

/* --- statistics ------------------------------------------------------------------------------- */

static void
take_statistics(ExgStatistics *ret_statistics, gpointer data)
{
    ExgDaemon *daemon = data;
    ret_statistics->server = exg_lmtp_server_statistics(daemon->server);
    exg_journal_get_statistics(daemon->journal, &ret_statistics->journal);
    exg_throttle_get_statistics(exg_account_throttle(daemon->account),
                                exg_ews_service_endpoints(exg_account_ews(daemon->account)),
                                &ret_statistics->throttle);
    ret_statistics->directory = exg_directory_cache_statistics(daemon->recipients);
    ret_statistics->spool_bytes = exg_spool_budget_used(daemon->spool_budget);
}

static char *
tell_statistics(gpointer data)
{
    ExgStatistics statistics = {0};
    take_statistics(&statistics, data);
    return exg_statistics_to_text(&statistics);
}

/* Deliveries without an outcome that pile up are the administrator's to look into. */
static void
report(gpointer data)
{
    ExgDaemon *daemon = data;
    ExgStatistics statistics;
    take_statistics(&statistics, daemon);
    const ExgLmtpStatistics *server = &statistics.server;
    const ExgJournalStatistics *journal = &statistics.journal;
    if (server->sessions_total > 0)
        exg_log(EXG_LOG_INFO, NULL,
                "since the start: %" G_GUINT64_FORMAT " messages, %" G_GUINT64_FORMAT
                " recipients delivered, %" G_GUINT64_FORMAT " deferred, %" G_GUINT64_FORMAT
                " refused; now: %u sessions, %u deliveries, %" G_GUINT64_FORMAT
                " bytes in the spool, %u of %u requests to Exchange",
                server->transactions, server->delivered, server->deferred, server->refused,
                server->sessions, server->deliveries, statistics.spool_bytes,
                statistics.throttle.in_flight, statistics.throttle.limit);
    if (journal->open > 0)
        exg_log(EXG_LOG_INFO, NULL,
                "%" G_GUINT64_FORMAT " deliveries are under way or of unknown outcome, the oldest "
                "for %" G_GINT64_FORMAT " s; exgate journal list shows them",
                journal->open, journal->oldest_open_ms / 1000);
    gint64 interval_ms = exg_conf_int(daemon->conf, "lmtp", "stats_interval");
    exg_timer_set(&daemon->report, exg_clock_deadline_ms(interval_ms));
}

/* --- life ------------------------------------------------------------------------------------- */

ExgDaemon *
exg_daemon_new(const char *conf_path, bool check_only, GError **error)
{
    g_autoptr(ExgDaemon) daemon = g_new0(ExgDaemon, 1);
    daemon->conf_path = g_strdup(conf_path);
    daemon->conf = exg_conf_load(conf_path, error);
    if (daemon->conf == NULL || !check_conf(daemon->conf, error) ||
        !read_junk_header(daemon->conf, &daemon->junk_marks, error))
        return NULL;
    exg_log_open_configured("exgate-lmtpd", daemon->conf);
    daemon->engine = exg_engine_new(error);
    if (daemon->engine == NULL)
        return NULL;
    /* A check by root must not leave a journal behind that the service cannot write. */
    if (check_only ? !check_parent_directory(daemon->conf, "delivery", "journal", error)
                   : !open_journal(daemon, error))
        return NULL;
    daemon->recipients = exg_directory_cache_new(
        daemon->engine, check_only ? NULL : exg_conf_string(daemon->conf, "directory", "cache"), 0,
        0);
    ExgDeliveryOptions delivery;
    if (!delivery_options(daemon, daemon->conf, &delivery, error))
        return NULL;
    daemon->backend = exg_delivery_backend_new(daemon->engine, &delivery);
    daemon->spool_budget = exg_spool_budget_new(
        (guint64)exg_conf_int(daemon->conf, "lmtp", "spool_max_size"));
    daemon->workers = exg_worker_pool_new(daemon->engine, SPOOL_THREADS, SPOOL_QUEUE);
    ExgLmtpServerOptions options = server_options(daemon, daemon->conf);
    daemon->server = exg_lmtp_server_new(daemon->engine, &options,
                                         exg_delivery_backend_interface(daemon->backend));
    if (!listen_all(daemon, daemon->conf, check_only, error) ||
        (!check_only && !exg_text_socket_open(daemon->engine, daemon->conf, "lmtp", tell_statistics,
                                              daemon, &daemon->statistics, error)))
        return NULL;
    return g_steal_pointer(&daemon);
}

void
exg_daemon_free(ExgDaemon *daemon)
{
    if (daemon == NULL)
        return;
    exg_timer_cancel(&daemon->report);
    exg_text_socket_free(daemon->statistics);
    exg_lmtp_server_free(daemon->server);
    exg_delivery_backend_free(daemon->backend);
    exg_account_unref(daemon->account);
    exg_directory_cache_unref(daemon->recipients);
    exg_journal_close(daemon->journal);
    exg_worker_pool_free(daemon->workers);
    exg_header_marks_unref(daemon->junk_marks);
    exg_spool_budget_unref(daemon->spool_budget);
    exg_engine_unref(daemon->engine);
    exg_conf_unref(daemon->conf);
    g_free(daemon->conf_path);
    g_free(daemon);
}

/* --- signals ---------------------------------------------------------------------------------- */

static void
drained(gpointer data)
{
    ExgDaemon *daemon = data;
    exg_log(EXG_LOG_INFO, NULL, "stopped; all deliveries have ended");
    exg_engine_quit(daemon->engine);
}

static gboolean
on_terminate(gpointer data)
{
    ExgDaemon *daemon = data;
    if (daemon->draining) {
        exg_log(EXG_LOG_WARNING, NULL,
                "stopped at once on a second signal; deliveries under way are cut off");
        daemon->status = EX_TEMPFAIL;
        exg_engine_quit(daemon->engine);
        return G_SOURCE_CONTINUE;
    }
    daemon->draining = true;
    exg_notify_systemd("STOPPING=1");
    exg_log(EXG_LOG_INFO, NULL, "stopping; deliveries under way are finished first");
    exg_lmtp_server_drain(daemon->server, drained, daemon);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_reload(gpointer data)
{
    static const char *const groups[] = {"lmtp", "delivery", "directory", "log", NULL};
    ExgDaemon *daemon = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgConf) conf = exg_conf_load(daemon->conf_path, &error);
    g_autoptr(ExgHeaderMarks) marks = NULL;
    ExgDeliveryOptions delivery;
    if (conf == NULL || !check_conf(conf, &error) || !read_junk_header(conf, &marks, &error) ||
        !delivery_options(daemon, conf, &delivery, &error)) {
        exg_log(EXG_LOG_ERROR, NULL, "not reloaded, the old configuration stays in force: %s",
                error->message);
        return G_SOURCE_CONTINUE;
    }
    exg_program_warn_of_start(daemon->conf, conf, groups);
    exg_log_set_level(exg_log_level_configured(conf));
    exg_delivery_backend_configure(daemon->backend, &delivery);
    exg_spool_budget_set_max(daemon->spool_budget,
                             (guint64)exg_conf_int(conf, "lmtp", "spool_max_size"));
    exg_header_marks_unref(daemon->junk_marks);
    daemon->junk_marks = g_steal_pointer(&marks);
    ExgLmtpServerOptions options = server_options(daemon, conf);
    exg_lmtp_server_set_options(daemon->server, &options);
    exg_conf_unref(daemon->conf);
    daemon->conf = g_steal_pointer(&conf);
    exg_log(EXG_LOG_INFO, NULL, "reloaded %s", daemon->conf_path);
    return G_SOURCE_CONTINUE;
}

int
exg_daemon_run(ExgDaemon *daemon, void (*ready)(gpointer data), gpointer data)
{
    exg_engine_on_signal(daemon->engine, SIGTERM, on_terminate, daemon);
    exg_engine_on_signal(daemon->engine, SIGINT, on_terminate, daemon);
    exg_engine_on_signal(daemon->engine, SIGHUP, on_reload, daemon);
    g_autofree char *sockets = g_strjoinv(" ",
                                          (char **)exg_conf_list(daemon->conf, "lmtp", "listen"));
    exg_log(EXG_LOG_INFO, NULL, "exgate-lmtpd %s serves %s and delivers to %s", EXG_VERSION,
            sockets, exg_conf_string(daemon->conf, "exchange", "endpoint"));
    exg_timer_init(&daemon->report, daemon->engine, report, daemon);
    report(daemon);
    ready(data);
    exg_engine_run(daemon->engine);
    if (exg_delivery_backend_under_way(daemon->backend) > 0) {
        /* Their outcome will be asked for when the mail comes again. Nothing can be taken apart under them. */
        exg_journal_close(daemon->journal);
        _exit(daemon->status);
    }
    return daemon->status;
}
