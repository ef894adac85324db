/* metrics.h - numbers as text for people and Prometheus.
 *
 * Threads:  one at a time.
 * Memory:   embedded; the text is taken at the end.
 * Source:   the Prometheus text format 0.0.4.
 */
#ifndef EXG_BASE_METRICS_H
#define EXG_BASE_METRICS_H

#include <glib.h>

typedef enum { EXG_GAUGE, EXG_COUNTER } ExgMetricKind;

typedef struct {
    GString *text;
    const char *prefix; /* "exgate_lmtpd_" */
} ExgMetrics;

void exg_metrics_init(ExgMetrics *metrics, const char *prefix);
void exg_metrics_add(ExgMetrics *metrics, const char *name, ExgMetricKind kind, guint64 value);
/* A name with several values: it begins, and each has its label, "outcome=\"delivered\"". */
void exg_metrics_begin(ExgMetrics *metrics, const char *name, ExgMetricKind kind);
void exg_metrics_add_labelled(ExgMetrics *metrics, const char *name, const char *label,
                              guint64 value);
/* (transfer full) */
char *exg_metrics_finish(ExgMetrics *metrics);

#endif
