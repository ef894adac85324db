/* log.h - log lines, and the event that a line belongs to.
 *
 * An event is a unit of work (a session, a transaction, one recipient's delivery, a request) with
 * fields and a parent. Every line logged on it carries its fields and its parents', so that one
 * search for a queue id finds everything. A line is `level: text key=value key="va lue" …`: control
 * characters and quotes in a value are escaped, so nothing from the network can forge a line or a
 * field.
 *
 * Library code (common/) logs at debug only; programs log the outcome. Secrets and message bodies
 * are never given to this module.
 *
 * Threads:  the logger is process-wide and callable from any thread; an event belongs to one thread
 *           at a time.
 * Limits:   a value is cut at EXG_LOG_VALUE_MAX_BYTES, a line at EXG_LOG_LINE_MAX_BYTES.
 */
#ifndef EXG_BASE_LOG_H
#define EXG_BASE_LOG_H

#include "common/base/conf.h"

#define EXG_LOG_VALUE_MAX_BYTES 512
#define EXG_LOG_LINE_MAX_BYTES  4096

typedef enum { EXG_LOG_ERROR, EXG_LOG_WARNING, EXG_LOG_INFO, EXG_LOG_DEBUG } ExgLogLevel;
typedef enum {
    EXG_LOG_TO_STDERR, /* with a time stamp, or with "<priority>" when stderr is the journal */
    EXG_LOG_TO_SYSLOG  /* facility mail */
} ExgLogTarget;

/* Call once, before other threads exist. `program` is a static string. */
void exg_log_open(const char *program, ExgLogTarget target, ExgLogLevel level);
/* The same as [log] says. */
void exg_log_open_configured(const char *program, const ExgConf *conf);
/* From any thread. */
void exg_log_set_level(ExgLogLevel level);
ExgLogLevel exg_log_level_configured(const ExgConf *conf);
bool exg_log_enabled(ExgLogLevel level);

typedef struct ExgEvent ExgEvent;

ExgEvent *exg_event_new(ExgEvent *parent);
ExgEvent *exg_event_ref(ExgEvent *event);
void exg_event_unref(ExgEvent *event);
/* Sets or replaces a field; `key` is a static string of [a-z_]. NULL removes it. */
void exg_event_set(ExgEvent *event, const char *key, const char *value);
void exg_event_set_int(ExgEvent *event, const char *key, gint64 value);

/* `event` may be NULL. */
void exg_log(ExgLogLevel level, const ExgEvent *event, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* For unit tests: lines go to this function instead; NULL restores the target. */
typedef void (*ExgLogSink)(ExgLogLevel level, const char *line, gpointer data);
void exg_log_set_sink(ExgLogSink sink, gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEvent, exg_event_unref)

#endif
