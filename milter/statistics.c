#include "milter/statistics.h"

#include "common/base/metrics.h"

static void
add_decisions(ExgMetrics *metrics, const ExgCounts *counts)
{
    exg_metrics_begin(metrics, "decisions_total", EXG_COUNTER);
    for (guint i = 0; i < EXG_N_SITUATIONS; i++) {
        for (guint j = 0; j < EXG_N_ACTIONS; j++) {
            g_autofree char *label = g_strdup_printf("situation=\"%s\",action=\"%s\"",
                                                     exg_situation_name((ExgSituation)i),
                                                     exg_action_name((ExgAction)j));
            if (counts->decisions[i][j] > 0)
                exg_metrics_add_labelled(metrics, "decisions_total", label,
                                         counts->decisions[i][j]);
        }
    }
}

static void
add_maps(ExgMetrics *metrics, const ExgMapStatistics *maps)
{
    const struct {
        const char *label;
        guint64 value;
    } answers[] = {
        {"answer=\"good\"", maps->good},       {"answer=\"unknown\"", maps->unknown},
        {"answer=\"refused\"", maps->refused}, {"answer=\"deferred\"", maps->deferred},
        {"answer=\"unsure\"", maps->unsure},   {"answer=\"not-ours\"", maps->not_ours},
    };
    exg_metrics_add(metrics, "map_connections", EXG_GAUGE, maps->connections);
    exg_metrics_add(metrics, "map_connections_total", EXG_COUNTER, maps->connections_total);
    exg_metrics_add(metrics, "map_connections_cut_total", EXG_COUNTER, maps->cut);
    exg_metrics_add(metrics, "map_connections_broken_total", EXG_COUNTER, maps->broken);
    exg_metrics_add(metrics, "map_questions_total", EXG_COUNTER, maps->questions);
    exg_metrics_begin(metrics, "map_answers_total", EXG_COUNTER);
    for (guint i = 0; i < G_N_ELEMENTS(answers); i++)
        exg_metrics_add_labelled(metrics, "map_answers_total", answers[i].label, answers[i].value);
}

char *
exg_milter_statistics_to_text(const ExgMilterStatistics *statistics)
{
    const guint64 *counts = statistics->counts.counts;
    const ExgThrottleStatistics *throttle = &statistics->throttle;
    ExgMetrics metrics;
    exg_metrics_init(&metrics, "exgate_milter_");
    exg_metrics_add(&metrics, "connections", EXG_GAUGE, statistics->connections.open);
    exg_metrics_add(&metrics, "connections_total", EXG_COUNTER, statistics->connections.total);
    exg_metrics_add(&metrics, "connections_held_back_total", EXG_COUNTER,
                    statistics->connections.held_back);
    exg_metrics_add(&metrics, "messages_total", EXG_COUNTER, counts[EXG_COUNT_MESSAGES]);
    exg_metrics_add(&metrics, "skipped_messages_total", EXG_COUNTER,
                    counts[EXG_COUNT_SKIPPED_CLIENTS]);
    exg_metrics_add(&metrics, "skipped_recipients_total", EXG_COUNTER,
                    counts[EXG_COUNT_SKIPPED_RECIPIENTS]);
    add_decisions(&metrics, &statistics->counts);
    exg_metrics_add(&metrics, "learned_total", EXG_COUNTER, counts[EXG_COUNT_LEARNED]);
    exg_metrics_begin(&metrics, "lookups_total", EXG_COUNTER);
    exg_metrics_add_labelled(&metrics, "lookups_total", "from=\"recent\"",
                             counts[EXG_COUNT_RECENT]);
    exg_metrics_add_labelled(&metrics, "lookups_total", "from=\"directory\"",
                             counts[EXG_COUNT_ASKED]);
    exg_metrics_add_labelled(&metrics, "lookups_total", "from=\"nowhere\"",
                             counts[EXG_COUNT_NO_ROOM]);
    exg_metrics_add(&metrics, "lookups", EXG_GAUGE, statistics->look_ups);
    exg_metrics_add(&metrics, "threads", EXG_GAUGE, statistics->threads.workers);
    exg_metrics_add(&metrics, "threads_waiting", EXG_GAUGE, statistics->threads.waiting);
    exg_metrics_add(&metrics, "sessions_without_thread", EXG_GAUGE, statistics->threads.pending);
    add_maps(&metrics, &statistics->maps);
    exg_metrics_begin(&metrics, "directory_lookups_total", EXG_COUNTER);
    exg_metrics_add_labelled(&metrics, "directory_lookups_total", "from=\"cache\"",
                             statistics->directory.hits);
    exg_metrics_add_labelled(&metrics, "directory_lookups_total", "from=\"exchange\"",
                             statistics->directory.misses);
    exg_metrics_add(&metrics, "exchange_in_flight", EXG_GAUGE, throttle->in_flight);
    exg_metrics_add(&metrics, "exchange_waiting", EXG_GAUGE, throttle->waiting);
    exg_metrics_add(&metrics, "exchange_limit", EXG_GAUGE, throttle->limit);
    exg_metrics_add(&metrics, "exchange_closed_seconds", EXG_GAUGE,
                    (guint64)(throttle->closed_ms + 999) / 1000);
    exg_metrics_add(&metrics, "exchange_requests_total", EXG_COUNTER, throttle->granted);
    exg_metrics_add(&metrics, "exchange_throttled_total", EXG_COUNTER, throttle->throttled);
    return exg_metrics_finish(&metrics);
}

char *
exg_milter_statistics_to_line(const ExgMilterStatistics *statistics)
{
    guint64 sums[EXG_N_ACTIONS] = {0};
    for (guint i = 0; i < EXG_N_SITUATIONS; i++)
        for (guint j = 0; j < EXG_N_ACTIONS; j++)
            sums[j] += statistics->counts.decisions[i][j];
    return g_strdup_printf(
        "since the start: %" G_GUINT64_FORMAT " messages, %" G_GUINT64_FORMAT
        " recipients accepted, %" G_GUINT64_FORMAT " deferred, %" G_GUINT64_FORMAT
        " rejected, %" G_GUINT64_FORMAT " of them only in the log, %" G_GUINT64_FORMAT
        " questions by maps; now: %u connections, %u look-ups, %u threads, %u of %u requests to "
        "Exchange",
        statistics->counts.counts[EXG_COUNT_MESSAGES], sums[EXG_ACTION_ACCEPT],
        sums[EXG_ACTION_TEMPFAIL], sums[EXG_ACTION_REJECT],
        statistics->counts.counts[EXG_COUNT_LEARNED], statistics->maps.questions,
        statistics->connections.open, statistics->look_ups, statistics->threads.workers,
        statistics->throttle.in_flight, statistics->throttle.limit);
}
