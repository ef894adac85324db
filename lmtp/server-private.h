/* server-private.h - what sessions and transactions share with their server.
 *
 * Threads:  the engine's.
 * Memory:   the server is kept by its owner, each of its sessions and each transaction:
 *           exg_lmtp_server_free() ends the owner's part, and the last of them frees the memory.
 */
#ifndef EXG_LMTP_SERVER_PRIVATE_H
#define EXG_LMTP_SERVER_PRIVATE_H

#include "lmtp/server.h"

/* The options with their defaults filled in; a session keeps those it began with. */
typedef struct {
    ExgLmtpServerOptions values;
    char *hostname, *greeting, *recipient_domain, *spool_directory;
} ExgLmtpOptions;

ExgLmtpOptions *exg_lmtp_options_ref(ExgLmtpOptions *options);
void exg_lmtp_options_unref(ExgLmtpOptions *options);

struct ExgLmtpServer {
    guint references;
    ExgEngine *engine;
    ExgLmtpBackend *backend;
    ExgLmtpOptions *options;
    GPtrArray *listeners;
    GQueue sessions;
    guint transactions; /* that exist, with or without a session */
    ExgLmtpStatistics statistics;
    guint64 next_id;
    bool draining;
    ExgEngineFunc drained;
    gpointer drained_data;
};

ExgLmtpServer *exg_lmtp_server_ref(ExgLmtpServer *server);
void exg_lmtp_server_unref(ExgLmtpServer *server);
/* A session or a transaction has ended. */
void exg_lmtp_server_check_drained(ExgLmtpServer *server);
/* A short name, unique across restarts as long as the clock does not go back. (transfer full) */
char *exg_lmtp_server_make_id(ExgLmtpServer *server);

#endif
