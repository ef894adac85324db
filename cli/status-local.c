/* What `exgate status` tells of this host: journal, throttle, exgate-lmtpd. */
#include "cli/status.h"

#include "common/store/journal-admin.h"

#include <gio/gunixsocketaddress.h>
#include <string.h>

#define STATISTICS_MAX_BYTES 65536
#define STATISTICS_WAIT_S    5
#define PREFIX               "exgate_lmtpd_"

/* --- the journal ------------------------------------------------------------------------------ */

static bool
summarize(const ExgTool *tool, ExgJournalSummary *summary, GError **error)
{
    const ExgJournalAdminOptions options = {
        .path = exg_conf_string(tool->conf, "delivery", "journal"),
        .settle_ms = exg_conf_int(tool->conf, "delivery", "settle_time"),
    };
    g_autoptr(ExgJournalAdmin) admin = exg_journal_admin_open(&options, error);
    return admin != NULL && exg_journal_admin_summarize(admin, summary, error);
}

static char *
describe_journal(const ExgTool *tool)
{
    ExgJournalSummary summary;
    g_autoptr(GError) error = NULL;
    const char *path = exg_conf_string(tool->conf, "delivery", "journal");
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return g_strdup_printf("none yet at %s", path);
    if (!summarize(tool, &summary, &error))
        return g_strdup(error->message);
    g_autofree char *size = exg_format_size(summary.size_bytes);
    g_autofree char *age = exg_format_age(summary.oldest_open_ms);
    g_autofree char *oldest = summary.oldest_open_ms >= 0
                                  ? g_strdup_printf(", the oldest for %s", age)
                                  : g_strdup("");
    return g_strdup_printf("%" G_GUINT64_FORMAT " open%s; %" G_GUINT64_FORMAT " done; %s%s",
                           summary.open, oldest, summary.done, size,
                           summary.suspect_until_ms > 0 ? "; rows may have been lost" : "");
}

static void
append_journal(const ExgTool *tool, GString *json)
{
    ExgJournalSummary summary = {0};
    g_autoptr(GError) error = NULL;
    bool good = summarize(tool, &summary, &error);
    exg_json_open(json, "journal", '{');
    exg_json_text(json, "path", exg_conf_string(tool->conf, "delivery", "journal"));
    exg_json_number(json, "open", good ? (gint64)summary.open : -1);
    exg_json_number(json, "oldest_open_s",
                    good && summary.oldest_open_ms >= 0 ? summary.oldest_open_ms / 1000 : -1);
    exg_json_number(json, "done", good ? (gint64)summary.done : -1);
    exg_json_number(json, "size_bytes", good ? (gint64)summary.size_bytes : -1);
    exg_json_error(json, error);
    exg_json_close(json, '{');
}

/* --- the throttle ----------------------------------------------------------------------------- */

static void
throttle_state(const ExgTool *tool, ExgThrottleStatistics *ret_statistics)
{
    exg_throttle_get_statistics(exg_account_throttle(tool->account),
                                exg_ews_service_endpoints(tool->service), ret_statistics);
}

static char *
describe_throttle(const ExgTool *tool)
{
    ExgThrottleStatistics statistics;
    throttle_state(tool, &statistics);
    g_autofree char *state = statistics.closed_ms > 0
                                 ? g_strdup_printf("closed for %d s",
                                                   (int)((statistics.closed_ms + 999) / 1000))
                                 : g_strdup("open");
    return g_strdup_printf("%s; up to %u requests at a time; %s", state, statistics.limit,
                           statistics.shared ? "shared with the other programs of this host"
                                             : "not shared with other programs");
}

static void
append_throttle(const ExgTool *tool, GString *json)
{
    ExgThrottleStatistics statistics;
    throttle_state(tool, &statistics);
    exg_json_open(json, "throttle", '{');
    exg_json_text(json, "path", exg_conf_string(tool->conf, "exchange", "throttle_file"));
    exg_json_bool(json, "shared", statistics.shared);
    exg_json_number(json, "limit", statistics.limit);
    exg_json_number(json, "closed_ms", statistics.closed_ms);
    exg_json_close(json, '{');
}

/* --- exgate-lmtpd ----------------------------------------------------------------------------- */

/* What the service says of itself, in the text format of Prometheus; NULL and why not.
 * (transfer full) */
static char *
read_statistics(const char *path, GError **error)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_socket_client_set_enable_proxy(client, FALSE);
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    g_socket_client_set_timeout(client, STATISTICS_WAIT_S);
    g_autoptr(GSocketConnection)
        connection = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, error);
    if (connection == NULL)
        return NULL;
    GInputStream *input = g_io_stream_get_input_stream(G_IO_STREAM(connection));
    char *text = g_malloc0(STATISTICS_MAX_BYTES + 1);
    gsize length;
    if (g_input_stream_read_all(input, text, STATISTICS_MAX_BYTES, &length, NULL, error))
        return text;
    g_free(text);
    return NULL;
}

/* One line: `exgate_lmtpd_recipients_total{outcome="delivered"} 12` */
static bool
take_apart(const char *line, char **ret_name, gint64 *ret_value)
{
    const char *space = strrchr(line, ' ');
    if (!g_str_has_prefix(line, PREFIX) || space == NULL)
        return false;
    g_autofree char *name = g_strndup(line + strlen(PREFIX),
                                      (gsize)(space - line) - strlen(PREFIX));
    char *label = strchr(name, '{'), *value = strchr(name, '"');
    g_autoptr(GString) words = g_string_new_len(name, label != NULL ? label - name : -1);
    g_string_replace(words, "_total", "", 0);
    if (label != NULL && value != NULL) {
        value[1 + strcspn(value + 1, "\"")] = '\0';
        g_string_append_printf(words, "_%s", value + 1);
    }
    *ret_name = g_string_free(g_steal_pointer(&words), FALSE);
    *ret_value = g_ascii_strtoll(space + 1, NULL, 10);
    return true;
}

static const char *
socket_path(const ExgTool *tool)
{
    return exg_conf_string(tool->conf, "lmtp", "stats_socket");
}

static void
add_line(ExgTable *table, const char *name, const char *value)
{
    const char *const cells[] = {name, value, NULL};
    exg_table_add(table, cells);
}

static void
add_statistics(const ExgTool *tool, ExgTable *table)
{
    if (socket_path(tool) == NULL) {
        add_line(table, "exgate-lmtpd", "not asked, since stats_socket is not set");
        return;
    }
    g_autoptr(GError) error = NULL;
    g_autofree char *text = read_statistics(socket_path(tool), &error);
    if (text == NULL) {
        g_autofree char *sentence = g_strdup_printf("does not answer at %s: %s", socket_path(tool),
                                                    error->message);
        add_line(table, "exgate-lmtpd", sentence);
        return;
    }
    add_line(table, "exgate-lmtpd", "running");
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        g_autofree char *name = NULL;
        gint64 value;
        if (!take_apart(lines[i], &name, &value))
            continue;
        g_autofree char *shown = g_strdup_printf("  %s", g_strdelimit(name, "_", ' '));
        g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, value);
        add_line(table, shown, number);
    }
}

static void
append_statistics(const ExgTool *tool, GString *json)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = socket_path(tool) != NULL ? read_statistics(socket_path(tool), &error)
                                                      : NULL;
    if (text == NULL) {
        exg_json_text(json, "lmtpd", NULL);
        return;
    }
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    exg_json_open(json, "lmtpd", '{');
    for (guint i = 0; lines[i] != NULL; i++) {
        g_autofree char *name = NULL;
        gint64 value;
        if (take_apart(lines[i], &name, &value))
            exg_json_number(json, name, value);
    }
    exg_json_close(json, '{');
}

/* --- all of it -------------------------------------------------------------------------------- */

void
exg_status_add_local(const ExgTool *tool, ExgTable *table)
{
    g_autofree char *journal = describe_journal(tool);
    add_line(table, "journal", journal);
    if (tool->account != NULL) {
        g_autofree char *throttle = describe_throttle(tool);
        add_line(table, "throttle", throttle);
    }
    add_statistics(tool, table);
}

void
exg_status_append_local(const ExgTool *tool, GString *json)
{
    append_journal(tool, json);
    if (tool->account != NULL)
        append_throttle(tool, json);
    append_statistics(tool, json);
}
