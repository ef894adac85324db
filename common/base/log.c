#include "common/base/log.h"

#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

typedef struct {
    const char *key;
    char *value;
} Field;

struct ExgEvent {
    gint references;
    ExgEvent *parent;
    GArray *fields;
};

static struct {
    const char *program;
    ExgLogTarget target;
    gint level;
    bool journal;
    ExgLogSink sink;
    gpointer sink_data;
} logger = {.program = "exgate", .level = EXG_LOG_INFO};

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

/* stderr is the journal when JOURNAL_STREAM names its device and inode (systemd.exec(5)). */
static bool
stderr_is_journal(void)
{
    const char *stream = g_getenv("JOURNAL_STREAM");
    struct stat status;
    if (stream == NULL || fstat(STDERR_FILENO, &status) < 0)
        return false;
    g_autofree char *mine = g_strdup_printf("%lu:%lu", (unsigned long)status.st_dev,
                                            (unsigned long)status.st_ino);
    return g_str_equal(stream, mine);
}

void
exg_log_open(const char *program, ExgLogTarget target, ExgLogLevel level)
{
    logger.program = program;
    logger.target = target;
    logger.journal = stderr_is_journal();
    exg_log_set_level(level);
    if (target == EXG_LOG_TO_SYSLOG)
        openlog(program, LOG_PID, LOG_MAIL);
}

ExgLogLevel
exg_log_level_configured(const ExgConf *conf)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    const char *name = exg_conf_string(conf, "log", "level");
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        if (g_str_equal(name, names[i]))
            return (ExgLogLevel)i;
    return EXG_LOG_INFO;
}

void
exg_log_open_configured(const char *program, const ExgConf *conf)
{
    bool to_syslog = g_str_equal(exg_conf_string(conf, "log", "target"), "syslog");
    exg_log_open(program, to_syslog ? EXG_LOG_TO_SYSLOG : EXG_LOG_TO_STDERR,
                 exg_log_level_configured(conf));
}

void
exg_log_set_level(ExgLogLevel level)
{
    g_atomic_int_set(&logger.level, (gint)level);
}

bool
exg_log_enabled(ExgLogLevel level)
{
    return (gint)level <= g_atomic_int_get(&logger.level);
}

void
exg_log_set_sink(ExgLogSink sink, gpointer data)
{
    logger.sink = sink;
    logger.sink_data = data;
}

static void
field_clear(gpointer data)
{
    g_free(((Field *)data)->value);
}

ExgEvent *
exg_event_new(ExgEvent *parent)
{
    ExgEvent *event = g_new0(ExgEvent, 1);
    event->references = 1;
    event->parent = parent != NULL ? exg_event_ref(parent) : NULL;
    event->fields = g_array_new(FALSE, FALSE, sizeof(Field));
    g_array_set_clear_func(event->fields, field_clear);
    return event;
}

ExgEvent *
exg_event_ref(ExgEvent *event)
{
    g_atomic_int_inc(&event->references);
    return event;
}

void
exg_event_unref(ExgEvent *event)
{
    if (event == NULL || !g_atomic_int_dec_and_test(&event->references))
        return;
    exg_event_unref(event->parent);
    g_array_unref(event->fields);
    g_free(event);
}

void
exg_event_set(ExgEvent *event, const char *key, const char *value)
{
    for (guint i = 0; i < event->fields->len; i++) {
        if (g_str_equal(g_array_index(event->fields, Field, i).key, key)) {
            g_array_remove_index(event->fields, i);
            break;
        }
    }
    if (value != NULL) {
        Field field = {key, g_strdup(value)};
        g_array_append_val(event->fields, field);
    }
}

void
exg_event_set_int(ExgEvent *event, const char *key, gint64 value)
{
    char text[32];
    g_snprintf(text, sizeof text, "%" G_GINT64_FORMAT, value);
    exg_event_set(event, key, text);
}

/* Control characters and invalid UTF-8 become \xNN; a value also gets its quotes and backslashes escaped. */
static void
append_clean(GString *line, const char *text, gsize max, bool value)
{
    gsize start = line->len;
    for (const char *at = text; *at != '\0' && line->len - start < max;) {
        gunichar c = g_utf8_get_char_validated(at, -1);
        if (c == (gunichar)-1 || c == (gunichar)-2 || c < 0x20 || (c >= 0x7f && c < 0xa0) ||
            c == 0x2028 || c == 0x2029) {
            g_string_append_printf(line, "\\x%02x", (guchar)*at);
            at++;
            continue;
        }
        if (value && (c == '"' || c == '\\'))
            g_string_append_c(line, '\\');
        const char *next = g_utf8_next_char(at);
        g_string_append_len(line, at, next - at);
        at = next;
    }
}

static void
append_fields(GString *line, const ExgEvent *event)
{
    if (event == NULL)
        return;
    append_fields(line, event->parent);
    for (guint i = 0; i < event->fields->len; i++) {
        const Field *field = &g_array_index(event->fields, Field, i);
        bool quote = field->value[0] == '\0' || strpbrk(field->value, " \t\"=") != NULL;
        g_string_append_printf(line, " %s=%s", field->key, quote ? "\"" : "");
        append_clean(line, field->value, EXG_LOG_VALUE_MAX_BYTES, true);
        if (quote)
            g_string_append_c(line, '"');
    }
}

static void
write_stderr(ExgLogLevel level, const char *text)
{
    g_autofree char *line = NULL;
    if (logger.journal) {
        line = g_strdup_printf("<%d>%s\n", priorities[level], text);
    } else {
        g_autoptr(GDateTime) now = g_date_time_new_now_local();
        g_autofree char *stamp = g_date_time_format(now, "%Y-%m-%d %H:%M:%S");
        line = g_strdup_printf("%s.%03d %s[%d]: %s\n", stamp,
                               g_date_time_get_microsecond(now) / 1000, logger.program,
                               (int)getpid(), text);
    }
    /* One write, so that lines of several processes do not mix. A log that cannot be written has nobody to tell. */
    if (write(STDERR_FILENO, line, strlen(line)) < 0)
        return;
}

void
exg_log(ExgLogLevel level, const ExgEvent *event, const char *format, ...)
{
    if (!exg_log_enabled(level))
        return;
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);

    g_autoptr(GString) line = g_string_sized_new(256);
    g_string_append_printf(line, "%s: ", level_names[level]);
    append_clean(line, text, EXG_LOG_LINE_MAX_BYTES / 2, false);
    append_fields(line, event);
    if (line->len > EXG_LOG_LINE_MAX_BYTES)
        g_string_truncate(line, EXG_LOG_LINE_MAX_BYTES);

    if (logger.sink != NULL)
        logger.sink(level, line->str, logger.sink_data);
    else if (logger.target == EXG_LOG_TO_SYSLOG)
        syslog(priorities[level], "%s", line->str);
    else
        write_stderr(level, line->str);
}
