/* exgate journal: its commands, and how they come to their journal. */
#include "cli/command.h"
#include "cli/journal-private.h"
#include "common/base/error.h"

#include <sysexits.h>

static const ExgCommand commands[] = {
    {"list", "List the deliveries without an outcome, or others", exg_journal_list},
    {"show", "Show one in full", exg_journal_show},
    {"ask", "Ask Exchange whether it has one", exg_journal_ask},
    {"settle", "Write an outcome by hand", exg_journal_settle},
    {"prune", "Delete what has long been done", exg_journal_prune},
    {"status", "Count them, and tell the state of the file", exg_journal_status},
};

static const ExgCommandTable table = {
    .program = "exgate journal",
    .summary = "Looks into the journal that makes exgate-lmtpd deliver exactly once, also while\n"
               "it is running.",
    .commands = commands,
    .count = G_N_ELEMENTS(commands),
};

int
exg_command_journal(int argc, char **argv)
{
    return exg_command_run(&table, argc, argv);
}

/* --- what the commands share ------------------------------------------------------------------ */

bool
exg_journal_tool_parse(ExgJournalTool *tool, const GOptionEntry *own, const char *operand,
                       const char *summary, int *argc, char ***argv)
{
    const GOptionEntry common[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &tool->conf_path,
         "Read FILE instead of " EXG_DEFAULT_CONF, "FILE"},
        {"journal", 0, 0, G_OPTION_ARG_FILENAME, &tool->path,
         "Use this journal, not the configured one", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new(operand);
    g_option_context_set_summary(context, summary);
    if (own != NULL)
        g_option_context_add_main_entries(context, own, NULL);
    g_option_context_add_main_entries(context, common, NULL);
    g_autoptr(GError) error = NULL;
    if (!g_option_context_parse(context, argc, argv, &error)) {
        exg_complain(EX_USAGE, "%s; try %s --help", error->message, g_get_prgname());
        return false;
    }
    int wanted = operand != NULL ? 2 : 1;
    if (*argc < wanted)
        exg_complain(EX_USAGE, "%s is missing; try %s --help", operand, g_get_prgname());
    else if (*argc > wanted)
        exg_complain(EX_USAGE, "unexpected argument '%s'; try %s --help", (*argv)[wanted],
                     g_get_prgname());
    return *argc == wanted;
}

gint64
exg_journal_tool_duration_ms(const ExgJournalTool *tool, const char *key)
{
    if (tool->conf != NULL)
        return exg_conf_int(tool->conf, "delivery", key);
    gsize count;
    const ExgConfKey *schema = exg_conf_schema(&count);
    gint64 ms = 0;
    for (gsize i = 0; i < count; i++)
        if (g_str_equal(schema[i].group, "delivery") && g_str_equal(schema[i].key, key))
            exg_conf_parse_duration(schema[i].fallback, &ms);
    return ms;
}

int
exg_journal_complain(const GError *error)
{
    if (g_error_matches(error, EXG_ERROR, EXG_ERROR_BUSY) ||
        g_error_matches(error, EXG_ERROR, EXG_ERROR_RESOURCES))
        return exg_complain(EX_TEMPFAIL, "%s", error->message);
    if (g_error_matches(error, EXG_ERROR, EXG_ERROR_REJECTED))
        return exg_complain(EX_DATAERR, "%s", error->message);
    return exg_complain(EX_NOINPUT, "%s", error->message);
}

int
exg_journal_tool_open(ExgJournalTool *tool, ExgJournalToolMode mode)
{
    g_autoptr(GError) error = NULL;
    if (tool->path == NULL || tool->conf_path != NULL || (mode & EXG_TOOL_NEEDS_CONF)) {
        tool->conf = exg_conf_load(tool->conf_path != NULL ? tool->conf_path : EXG_DEFAULT_CONF,
                                   &error);
        if (tool->conf == NULL)
            return exg_complain(EX_CONFIG, "%s", error->message);
    }
    if (tool->path == NULL)
        tool->path = g_strdup(exg_conf_string(tool->conf, "delivery", "journal"));
    const ExgJournalAdminOptions options = {
        .path = tool->path,
        .settle_ms = exg_journal_tool_duration_ms(tool, "settle_time"),
        .writable = mode & EXG_TOOL_WRITES,
    };
    tool->admin = exg_journal_admin_open(&options, &error);
    return tool->admin != NULL ? EX_OK : exg_journal_complain(error);
}

int
exg_journal_tool_find(ExgJournalTool *tool, const char *key, ExgJournalRow **ret_row)
{
    g_autoptr(GError) error = NULL;
    guint matches = 0;
    if (!exg_journal_admin_find(tool->admin, key, ret_row, &matches, &error)) {
        if (g_error_matches(error, EXG_ERROR, EXG_ERROR_REJECTED))
            return exg_complain(EX_USAGE, "%s", error->message);
        return exg_journal_complain(error);
    }
    if (matches == 0)
        return exg_complain(EX_NOINPUT, "%s has no key that begins with %s", tool->path, key);
    if (matches > 1)
        return exg_complain(EX_USAGE, "several keys begin with %s; give more digits", key);
    return EX_OK;
}

void
exg_journal_tool_clear(ExgJournalTool *tool)
{
    exg_journal_admin_close(tool->admin);
    exg_conf_unref(tool->conf);
    g_free(tool->conf_path);
    g_free(tool->path);
}
