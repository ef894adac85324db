/* daemon.h - exgate-milter put together from its configuration: engine, account, directory, filter.
 *
 * The main thread runs the engine; libmilter has threads of its own beside it.
 *
 * Threads:  the main one.
 * Errors:   EXG_ERROR_CONFIG, one sentence that names the key, file or socket.
 */
#ifndef EXG_MILTER_DAEMON_H
#define EXG_MILTER_DAEMON_H

#include "common/base/conf.h"

typedef struct ExgMilterDaemon ExgMilterDaemon;

/* Opens the sockets, unless `check_only`: then everything else is tried. */
ExgMilterDaemon *exg_milter_daemon_new(const char *conf_path, bool check_only, GError **error);
void exg_milter_daemon_free(ExgMilterDaemon *daemon);

/* Runs until SIGTERM or SIGINT; SIGHUP and SIGUSR1 reload. Calls `ready` once it serves. Answers the
 * exit status. */
int exg_milter_daemon_run(ExgMilterDaemon *daemon, void (*ready)(gpointer data), gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgMilterDaemon, exg_milter_daemon_free)

#endif
