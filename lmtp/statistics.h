/* statistics.h - what exgate-lmtpd has done and has in hand, as text for people and Prometheus.
 *
 * Threads:  pure.
 * Source:   the Prometheus text format 0.0.4.
 */
#ifndef EXG_LMTP_STATISTICS_H
#define EXG_LMTP_STATISTICS_H

#include "common/directory/cache.h"
#include "common/store/journal.h"
#include "common/throttle/throttle.h"
#include "lmtp/server.h"

typedef struct {
    ExgLmtpStatistics server;
    ExgJournalStatistics journal;
    ExgThrottleStatistics throttle;
    ExgDirectoryCacheStatistics directory;
    guint64 spool_bytes;
} ExgStatistics;

/* (transfer full) */
char *exg_statistics_to_text(const ExgStatistics *statistics);

#endif
