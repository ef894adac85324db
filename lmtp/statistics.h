/* statistics.h - what exgate-lmtpd has done and has in hand, as text for people and Prometheus.
 *
 * Whoever connects to the socket gets the text and the end of the connection; nothing is asked of
 * him, and nothing he sends is looked at.
 *
 * Threads:  the engine's.
 * Errors:   those of listener.h.
 * Limits:   EXG_STATISTICS_MAX_CLIENTS connections at a time; others wait.
 * Source:   the Prometheus text format 0.0.4.
 */
#ifndef EXG_LMTP_STATISTICS_H
#define EXG_LMTP_STATISTICS_H

#include "common/directory/cache.h"
#include "common/store/journal.h"
#include "common/throttle/throttle.h"
#include "lmtp/server.h"

#define EXG_STATISTICS_MAX_CLIENTS 16

typedef struct {
    ExgLmtpStatistics server;
    ExgJournalStatistics journal;
    ExgThrottleStatistics throttle;
    ExgDirectoryCacheStatistics directory;
    guint64 spool_bytes;
} ExgStatistics;

/* (transfer full) */
char *exg_statistics_to_text(const ExgStatistics *statistics);

typedef struct ExgStatisticsSocket ExgStatisticsSocket;

typedef void (*ExgStatisticsFunc)(ExgStatistics *ret_statistics, gpointer data);

/* `function` is called for each who connects. */
ExgStatisticsSocket *exg_statistics_socket_new(ExgEngine *engine, const char *path,
                                               ExgStatisticsFunc function, gpointer data,
                                               GError **error);
void exg_statistics_socket_free(ExgStatisticsSocket *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgStatisticsSocket, exg_statistics_socket_free)

#endif
