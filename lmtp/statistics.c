#include "lmtp/statistics.h"

#include "common/base/metrics.h"

char *
exg_statistics_to_text(const ExgStatistics *statistics)
{
    const ExgLmtpStatistics *server = &statistics->server;
    const ExgJournalStatistics *journal = &statistics->journal;
    const ExgThrottleStatistics *throttle = &statistics->throttle;
    ExgMetrics metrics;
    exg_metrics_init(&metrics, "exgate_lmtpd_");
    exg_metrics_add(&metrics, "sessions", EXG_GAUGE, server->sessions);
    exg_metrics_add(&metrics, "sessions_total", EXG_COUNTER, server->sessions_total);
    exg_metrics_add(&metrics, "messages_total", EXG_COUNTER, server->transactions);
    exg_metrics_begin(&metrics, "recipients_total", EXG_COUNTER);
    exg_metrics_add_labelled(&metrics, "recipients_total", "outcome=\"delivered\"",
                             server->delivered);
    exg_metrics_add_labelled(&metrics, "recipients_total", "outcome=\"deferred\"",
                             server->deferred);
    exg_metrics_add_labelled(&metrics, "recipients_total", "outcome=\"refused\"", server->refused);
    exg_metrics_add(&metrics, "deliveries", EXG_GAUGE, server->deliveries);
    exg_metrics_add(&metrics, "spool_bytes", EXG_GAUGE, statistics->spool_bytes);
    exg_metrics_add(&metrics, "journal_open", EXG_GAUGE, journal->open);
    exg_metrics_add(&metrics, "journal_oldest_open_seconds", EXG_GAUGE,
                    (guint64)journal->oldest_open_ms / 1000);
    exg_metrics_add(&metrics, "journal_done", EXG_GAUGE, journal->done);
    exg_metrics_add(&metrics, "journal_commits_total", EXG_COUNTER, journal->commits);
    exg_metrics_add(&metrics, "exchange_in_flight", EXG_GAUGE, throttle->in_flight);
    exg_metrics_add(&metrics, "exchange_waiting", EXG_GAUGE, throttle->waiting);
    exg_metrics_add(&metrics, "exchange_limit", EXG_GAUGE, throttle->limit);
    exg_metrics_add(&metrics, "exchange_closed_seconds", EXG_GAUGE,
                    (guint64)(throttle->closed_ms + 999) / 1000);
    exg_metrics_add(&metrics, "exchange_requests_total", EXG_COUNTER, throttle->granted);
    exg_metrics_add(&metrics, "exchange_held_back_total", EXG_COUNTER, throttle->refused);
    exg_metrics_add(&metrics, "exchange_throttled_total", EXG_COUNTER, throttle->throttled);
    exg_metrics_begin(&metrics, "directory_lookups_total", EXG_COUNTER);
    exg_metrics_add_labelled(&metrics, "directory_lookups_total", "from=\"cache\"",
                             statistics->directory.hits);
    exg_metrics_add_labelled(&metrics, "directory_lookups_total", "from=\"exchange\"",
                             statistics->directory.misses);
    return exg_metrics_finish(&metrics);
}
