/* statistics.h - what exgate-milter has done and has in hand, as text for people and Prometheus.
 *
 * Threads:  pure.
 * Source:   the Prometheus text format 0.0.4.
 */
#ifndef EXG_MILTER_STATISTICS_H
#define EXG_MILTER_STATISTICS_H

#include "common/directory/cache.h"
#include "common/throttle/throttle.h"
#include "milter/connections.h"
#include "milter/counts.h"
#include "milter/map-server.h"
#include "milter/threads.h"

typedef struct {
    ExgCounts counts;
    ExgConnectionsStatistics connections;
    ExgThreadsStatistics threads;
    guint look_ups; /* under way */
    ExgMapStatistics maps;
    ExgDirectoryCacheStatistics directory;
    ExgThrottleStatistics throttle;
} ExgMilterStatistics;

/* (transfer full) */
char *exg_milter_statistics_to_text(const ExgMilterStatistics *statistics);
/* One line for the log. (transfer full) */
char *exg_milter_statistics_to_line(const ExgMilterStatistics *statistics);

#endif
