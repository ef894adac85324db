/* exgate journal list, show, status: what only looks. */
#include "cli/command.h"
#include "cli/journal-private.h"
#include "cli/output.h"
#include "common/base/clock.h"

#include <sysexits.h>
#include <unistd.h>

#define SHORT_KEY_BYTES (3 + 12)
#define DEFAULT_LIMIT   100

static gint64
age_ms(const ExgJournalRow *row)
{
    return MAX(exg_clock_real_us() / 1000 - row->begun_ms, 0);
}

static gint64
seconds_up(gint64 ms)
{
    return (ms + 999) / 1000;
}

static const char *const state_names[] = {
    [EXG_JOURNAL_ROW_OPEN] = "open",           [EXG_JOURNAL_ROW_SETTLING] = "settling",
    [EXG_JOURNAL_ROW_UNDER_WAY] = "under way", [EXG_JOURNAL_ROW_ABANDONED] = "abandoned",
    [EXG_JOURNAL_ROW_DONE] = "done",
};

static const char *const next_retry[] = {
    [EXG_JOURNAL_ROW_OPEN] = "Exchange is asked for the key; it is sent again only if it is not "
                             "there",
    [EXG_JOURNAL_ROW_SETTLING] = "put off (451 4.4.2), since Exchange may still be storing it",
    [EXG_JOURNAL_ROW_UNDER_WAY] = "put off (451 4.4.2) until the process is done with it",
    [EXG_JOURNAL_ROW_ABANDONED] = "put off (451 4.4.2), and the time to settle begins",
    [EXG_JOURNAL_ROW_DONE] = "answered 250 and not sent again",
};

static void
append_json(GString *json, const ExgJournalRow *row)
{
    bool settling = row->state == EXG_JOURNAL_ROW_SETTLING;
    g_string_append_c(json, '{');
    exg_json_text(json, "key", row->key);
    exg_json_text(json, "state", state_names[row->state]);
    exg_json_text(json, "recipient", row->recipient);
    exg_json_text(json, "message_id", row->message_id);
    exg_json_text(json, "queue_id", row->queue_id);
    exg_json_text(json, "item_id", row->item_id);
    exg_json_time(json, "begun", row->begun_ms);
    exg_json_number(json, "age_s", age_ms(row) / 1000);
    exg_json_number(json, "settles_in_s", settling ? seconds_up(row->wait_ms) : -1);
    exg_json_time(json, "done", row->state == EXG_JOURNAL_ROW_DONE ? row->settled_ms : -1);
    exg_json_number(json, "process", row->process > 0 ? row->process : -1);
    g_string_append_c(json, '}');
}

/* --- list ------------------------------------------------------------------------------------- */

static void
print_rows(const GPtrArray *rows)
{
    static const char *const titles[] = {"KEY",      "STATE",      "AGE", "RECIPIENT",
                                         "QUEUE-ID", "MESSAGE-ID", NULL};
    g_autoptr(ExgTable) output = exg_table_new(titles);
    for (guint i = 0; i < rows->len; i++) {
        const ExgJournalRow *row = g_ptr_array_index(rows, i);
        g_autofree char *key = g_strndup(row->key, SHORT_KEY_BYTES);
        g_autofree char *age = exg_format_age(age_ms(row));
        g_autofree char *state = row->state == EXG_JOURNAL_ROW_SETTLING
                                     ? g_strdup_printf("settling %" G_GINT64_FORMAT "s",
                                                       seconds_up(row->wait_ms))
                                     : g_strdup(state_names[row->state]);
        const char *const cells[] = {key,           state,           age, row->recipient,
                                     row->queue_id, row->message_id, NULL};
        exg_table_add(output, cells);
    }
    exg_table_show(output);
}

static void
print_rows_json(const GPtrArray *rows)
{
    g_autoptr(GString) json = g_string_new("[");
    for (guint i = 0; i < rows->len; i++) {
        g_string_append(json, i > 0 ? ",\n " : "");
        append_json(json, g_ptr_array_index(rows, i));
    }
    printf("%s]\n", json->str);
}

/* Appends what one kind of rows has, as far as the limit reaches. */
static bool
collect(ExgJournalAdmin *admin, bool done, const char *recipient, guint limit, GPtrArray *rows,
        bool *more, GError **error)
{
    const ExgJournalFilter filter = {
        .done = done, .recipient = recipient, .limit = MAX(limit - rows->len, 1)};
    g_autoptr(GPtrArray) found = NULL;
    bool cut;
    if (!exg_journal_admin_list(admin, &filter, &found, &cut, error))
        return false;
    if (rows->len == limit) {
        *more |= found->len > 0;
        return true;
    }
    g_ptr_array_extend_and_steal(rows, g_steal_pointer(&found));
    *more |= cut;
    return true;
}

static void
free_row(gpointer row)
{
    exg_journal_row_free(row);
}

int
exg_journal_list(int argc, char **argv)
{
    gboolean all = FALSE, done = FALSE, json = FALSE;
    g_autofree char *recipient = NULL;
    int limit = DEFAULT_LIMIT;
    const GOptionEntry own[] = {
        {"all", 0, 0, G_OPTION_ARG_NONE, &all, "Those without an outcome, then those done", NULL},
        {"done", 0, 0, G_OPTION_ARG_NONE, &done, "Those done, the latest first", NULL},
        {"recipient", 0, 0, G_OPTION_ARG_FILENAME, &recipient, "Only those of this recipient",
         "ADDRESS"},
        {"limit", 0, 0, G_OPTION_ARG_INT, &limit, "At most so many; 100", "NUMBER"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "For programs: an array of objects", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(ExgJournalTool) tool = {0};
    if (!exg_journal_tool_parse(&tool, own, NULL,
                                "Lists the deliveries whose outcome is not known, oldest first.",
                                &argc, &argv))
        return EX_USAGE;
    if (limit < 1 || limit > EXG_JOURNAL_LIST_MAX)
        return exg_complain(EX_USAGE, "--limit %d: a number from 1 to %d is expected", limit,
                            EXG_JOURNAL_LIST_MAX);
    int status = exg_journal_tool_open(&tool, EXG_TOOL_READS);
    if (status != EX_OK)
        return status;

    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(free_row);
    bool more = false;
    if (((all || !done) &&
         !collect(tool.admin, false, recipient, (guint)limit, rows, &more, &error)) ||
        ((all || done) && !collect(tool.admin, true, recipient, (guint)limit, rows, &more, &error)))
        return exg_journal_complain(error);
    if (json)
        print_rows_json(rows);
    else if (rows->len == 0 && isatty(STDOUT_FILENO))
        puts(done ? "None is done." : all ? "There are none." : "None is open.");
    else
        print_rows(rows);
    return more ? exg_complain(EX_OK, "there are more than %d; --limit shows them", limit) : EX_OK;
}

/* --- show ------------------------------------------------------------------------------------- */

static void
add_line(ExgTable *output, const char *name, const char *value)
{
    const char *const cells[] = {name, value, NULL};
    exg_table_add(output, cells);
}

static void
print_row(const ExgJournalRow *row)
{
    g_autoptr(ExgTable) output = exg_table_new(NULL);
    g_autofree char *age = exg_format_age(age_ms(row));
    g_autofree char *begun = exg_format_time(row->begun_ms);
    g_autofree char *first_try = g_strdup_printf("%s, %s ago", begun, age);
    add_line(output, "key", row->key);
    add_line(output, "state", state_names[row->state]);
    add_line(output, "next retry", next_retry[row->state]);
    add_line(output, "recipient", row->recipient);
    add_line(output, "message id", row->message_id);
    add_line(output, "queue id", row->queue_id);
    add_line(output, "first try", first_try);
    if (row->process > 0) {
        g_autofree char *process = g_strdup_printf("%" G_GINT64_FORMAT, row->process);
        add_line(output, "process", process);
    }
    if (row->state == EXG_JOURNAL_ROW_SETTLING) {
        g_autofree char *wait = g_strdup_printf("in %" G_GINT64_FORMAT " s",
                                                seconds_up(row->wait_ms));
        add_line(output, "settles", wait);
    }
    if (row->state == EXG_JOURNAL_ROW_DONE) {
        g_autofree char *done = exg_format_time(row->settled_ms);
        add_line(output, "done", done);
        add_line(output, "item", row->item_id);
    }
    exg_table_show(output);
}

int
exg_journal_show(int argc, char **argv)
{
    gboolean json = FALSE;
    const GOptionEntry own[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "For programs: an object", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(ExgJournalTool) tool = {0};
    if (!exg_journal_tool_parse(&tool, own, "KEY",
                                "Shows one delivery. KEY may be cut to 6 digits or more.", &argc,
                                &argv))
        return EX_USAGE;
    g_autoptr(ExgJournalRow) row = NULL;
    int status = exg_journal_tool_open(&tool, EXG_TOOL_READS);
    if (status == EX_OK)
        status = exg_journal_tool_find(&tool, argv[1], &row);
    if (status != EX_OK)
        return status;
    if (!json) {
        print_row(row);
        return EX_OK;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    append_json(text, row);
    printf("%s\n", text->str);
    return EX_OK;
}

/* --- status ----------------------------------------------------------------------------------- */

static void
print_summary(const char *path, const ExgJournalSummary *summary)
{
    g_autoptr(ExgTable) output = exg_table_new(NULL);
    g_autofree char *age = exg_format_age(summary->oldest_open_ms);
    g_autofree char *open = summary->oldest_open_ms >= 0
                                ? g_strdup_printf("%" G_GUINT64_FORMAT ", the oldest for %s",
                                                  summary->open, age)
                                : g_strdup("0");
    g_autofree char *done = g_strdup_printf("%" G_GUINT64_FORMAT, summary->done);
    g_autofree char *until = exg_format_time(summary->suspect_until_ms);
    g_autofree char *suspect = summary->suspect_until_ms > 0
                                   ? g_strdup_printf("until %s, since rows may have been lost: "
                                                     "Exchange is asked before each first try",
                                                     until)
                                   : g_strdup("no");
    g_autofree char *size = exg_format_size(summary->size_bytes);
    add_line(output, "journal", path);
    add_line(output, "open", open);
    add_line(output, "done", done);
    add_line(output, "suspect", suspect);
    add_line(output, "size", size);
    exg_table_show(output);
}

static void
print_summary_json(const char *path, const ExgJournalSummary *summary)
{
    g_autoptr(GString) json = g_string_new("{");
    gint64 oldest_ms = summary->oldest_open_ms;
    exg_json_text(json, "journal", path);
    exg_json_number(json, "open", (gint64)summary->open);
    exg_json_number(json, "oldest_open_s", oldest_ms >= 0 ? oldest_ms / 1000 : -1);
    exg_json_number(json, "done", (gint64)summary->done);
    exg_json_time(json, "suspect_until",
                  summary->suspect_until_ms > 0 ? summary->suspect_until_ms : -1);
    exg_json_number(json, "size_bytes", (gint64)summary->size_bytes);
    printf("%s}\n", json->str);
}

int
exg_journal_status(int argc, char **argv)
{
    gboolean json = FALSE;
    const GOptionEntry own[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &json, "For programs: an object", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(ExgJournalTool) tool = {0};
    if (!exg_journal_tool_parse(&tool, own, NULL, "Tells how many deliveries the journal knows.",
                                &argc, &argv))
        return EX_USAGE;
    int status = exg_journal_tool_open(&tool, EXG_TOOL_READS);
    if (status != EX_OK)
        return status;
    g_autoptr(GError) error = NULL;
    ExgJournalSummary summary;
    if (!exg_journal_admin_summarize(tool.admin, &summary, &error))
        return exg_journal_complain(error);
    if (json)
        print_summary_json(tool.path, &summary);
    else
        print_summary(tool.path, &summary);
    return EX_OK;
}
