#include "common/base/metrics.h"

void
exg_metrics_init(ExgMetrics *metrics, const char *prefix)
{
    *metrics = (ExgMetrics){g_string_sized_new(4096), prefix};
}

void
exg_metrics_begin(ExgMetrics *metrics, const char *name, ExgMetricKind kind)
{
    g_string_append_printf(metrics->text, "# TYPE %s%s %s\n", metrics->prefix, name,
                           kind == EXG_GAUGE ? "gauge" : "counter");
}

void
exg_metrics_add(ExgMetrics *metrics, const char *name, ExgMetricKind kind, guint64 value)
{
    exg_metrics_begin(metrics, name, kind);
    g_string_append_printf(metrics->text, "%s%s %" G_GUINT64_FORMAT "\n", metrics->prefix, name,
                           value);
}

void
exg_metrics_add_labelled(ExgMetrics *metrics, const char *name, const char *label, guint64 value)
{
    g_string_append_printf(metrics->text, "%s%s{%s} %" G_GUINT64_FORMAT "\n", metrics->prefix, name,
                           label, value);
}

char *
exg_metrics_finish(ExgMetrics *metrics)
{
    return g_string_free(g_steal_pointer(&metrics->text), FALSE);
}
