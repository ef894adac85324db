/* daemon.h - exgate-lmtpd put together from its configuration: engine, account, backend, server,
 * sockets.
 *
 * Threads:  one, which runs the engine.
 * Errors:   EXG_ERROR_CONFIG, one sentence that names the key, file or socket.
 */
#ifndef EXG_LMTP_DAEMON_H
#define EXG_LMTP_DAEMON_H

#include "common/base/conf.h"
#include <stdbool.h>

typedef struct ExgDaemon ExgDaemon;

/* Opens the sockets, unless `check_only`: then everything else is tried. */
ExgDaemon *exg_daemon_new(const char *conf_path, bool check_only, GError **error);
void exg_daemon_free(ExgDaemon *daemon);

/* Runs until drained after SIGTERM or SIGINT; SIGHUP reloads. Calls `ready` once it serves. Answers
 * the exit status. */
int exg_daemon_run(ExgDaemon *daemon, void (*ready)(gpointer data), gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgDaemon, exg_daemon_free)

#endif
