/* server.h - the LMTP server: listeners, their sessions, and what is under way when it has to end.
 *
 * One object each: a listener accepts (common/io/listener.h); a session speaks with one client
 * (session.h); a transaction is one envelope and its message, with one reply per recipient
 * (transaction.h); a backend delivers (backend.h).
 *
 * A transaction outlives its session if the client goes away during delivery: its deliveries are
 * cancelled, and their answers are awaited and logged all the same.
 *
 * Threads:  the engine's.
 * Memory:   options are copied; workers and backend must outlive the server and every delivery
 *           under way (exg_lmtp_server_drain() says when the last has ended).
 * Errors:   those of listener.h.
 * Limits:   in the options; 0 means the default. Per session: one command line, one transaction,
 *           one message (in memory up to spool_memory_bytes), replies not yet read by the client up
 *           to those of one transaction.
 * Bugs:     XFORWARD is believed from whoever may connect, so listen where only the MTA can.
 * Source:   RFC 2033 (LMTP), RFC 5321, RFC 2920 (PIPELINING), RFC 1870 (SIZE), RFC 2034
 *           (ENHANCEDSTATUSCODES), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8), Postfix's
 *           XFORWARD_README.
 */
#ifndef EXG_LMTP_SERVER_H
#define EXG_LMTP_SERVER_H

#include "common/io/listener.h"
#include "common/io/worker.h"
#include "common/mime/header-marks.h"
#include "common/mime/spool-budget.h"
#include "lmtp/backend.h"

#define EXG_LMTP_DEFAULT_MAX_RECIPIENTS     1000
#define EXG_LMTP_DEFAULT_MAX_MESSAGE_BYTES  (50 * 1024 * 1024)
#define EXG_LMTP_DEFAULT_MAX_HOPS           50
#define EXG_LMTP_DEFAULT_MAX_BAD_COMMANDS   20
#define EXG_LMTP_DEFAULT_IDLE_TIMEOUT_MS    (5 * 60 * 1000)
#define EXG_LMTP_DEFAULT_MESSAGE_TIMEOUT_MS (60 * 60 * 1000)
#define EXG_LMTP_DEFAULT_SPOOL_MEMORY_BYTES (128 * 1024)

typedef struct {
    const char *hostname;        /* in greeting and LHLO; cut at EXG_LMTP_HOSTNAME_MAX_BYTES. NULL: the system's */
    const char *greeting;        /* after the host name; NULL: "LMTP exgate" */
    guint max_sessions;          /* of all listeners together: more are told 421 4.3.2; 0: no limit */
    guint max_recipients;        /* accepted in one transaction: more are told 452 4.5.3 */
    guint64 max_message_bytes;   /* announced as SIZE */
    guint max_hops;              /* Received fields: more are a loop */
    guint max_bad_commands;      /* then 421 4.7.0 */
    const char *recipient_domain; /* of recipients without one; NULL: they stay so */
    gint64 idle_timeout_ms;      /* for a command to be complete; during DATA for the next byte */
    gint64 message_timeout_ms;   /* for a whole message, however slowly it drips */
    const char *spool_directory; /* NULL: the system's temporary directory */
    gsize spool_memory_bytes;    /* a larger message goes to a file */
    ExgWorkerPool *workers;      /* for the spool */
    ExgHeaderMarks *marks;       /* of messages, for the backend; referenced; NULL: none */
    ExgSpoolBudget *spool_budget; /* of all messages together; outlives the server; NULL: none */
} ExgLmtpServerOptions;

#define EXG_LMTP_HOSTNAME_MAX_BYTES 64
/* For the rest of a message that is being sent when the server begins to drain. */
#define EXG_LMTP_DRAIN_GRACE_MS 10000

typedef struct {
    guint sessions;           /* now */
    guint deliveries;         /* under way now */
    guint64 sessions_total;   /* since the start */
    guint64 transactions;     /* messages received completely */
    guint64 delivered;        /* recipients answered 250 after the message */
    guint64 deferred;         /* 4xx, at RCPT or after the message */
    guint64 refused;          /* 5xx, likewise */
} ExgLmtpStatistics;

typedef struct ExgLmtpServer ExgLmtpServer;

ExgLmtpServer *exg_lmtp_server_new(ExgEngine *engine, const ExgLmtpServerOptions *options,
                                   ExgLmtpBackend *backend);
/* Closes listeners and sessions at once. Deliveries under way are cancelled; what they hold is
 * freed with their answers. Not to be called inside a function of the backend. */
void exg_lmtp_server_free(ExgLmtpServer *server);

/* Listens on one more address. */
bool exg_lmtp_server_listen(ExgLmtpServer *server, const ExgSocketAddress *address,
                            const ExgListenerOptions *options, GError **error);
/* Listens on a socket that already does; takes `fd`. */
bool exg_lmtp_server_listen_fd(ExgLmtpServer *server, int fd, const ExgListenerOptions *options,
                               GError **error);
/* Where the n-th listener is bound, or NULL if there are not that many. */
const ExgSocketAddress *exg_lmtp_server_address(const ExgLmtpServer *server, guint n);

/* Sessions that begin from now on use these. */
void exg_lmtp_server_set_options(ExgLmtpServer *server, const ExgLmtpServerOptions *options);

/* Stops accepting, and says 421 4.3.2 to every session that waits for a command, to the others when
 * they do; one whose client does not finish sending its message is told so, too. `done` is called once, from the engine's loop, when the last session and the
 * last delivery have ended; not after exg_lmtp_server_free(). To be called once. */
void exg_lmtp_server_drain(ExgLmtpServer *server, ExgEngineFunc done, gpointer data);

ExgLmtpStatistics exg_lmtp_server_statistics(const ExgLmtpServer *server);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgLmtpServer, exg_lmtp_server_free)

#endif
