/* exgate directory query: is this a recipient? */
#include "cli/directory-private.h"
#include "common/base/error.h"

#include <sysexits.h>

/* All the answers, and how many are still to come. */
typedef struct {
    ExgTool *tool;
    ExgDirectoryFinding **findings; /* one per operand */
    guint missing;
} Answers;

typedef struct {
    Answers *answers;
    guint index;
} Slot;

static void
answered(const ExgDirectoryFinding *finding, gpointer data)
{
    Slot *slot = data;
    Answers *answers = slot->answers;
    answers->findings[slot->index] = exg_directory_finding_copy(finding);
    g_free(slot);
    if (--answers->missing == 0)
        exg_engine_quit(answers->tool->engine);
}

/* --- printing --------------------------------------------------------------------------------- */

static int
status_of(const ExgDirectoryFinding *finding)
{
    switch (finding->verdict) {
    case EXG_DIRECTORY_DELIVERABLE:
    case EXG_DIRECTORY_NOT_A_MAILBOX:
        return EX_OK;
    case EXG_DIRECTORY_NO_SUCH:
        return EX_NOUSER;
    case EXG_DIRECTORY_CANNOT_TELL:
        break;
    }
    return finding->why != NULL && !g_error_matches(finding->why, EXG_ERROR, EXG_ERROR_NO_MAILBOX)
               ? exg_tool_status_of(finding->why)
               : EX_TEMPFAIL;
}

static const char *
answer_words(const ExgDirectoryFinding *finding)
{
    switch (finding->verdict) {
    case EXG_DIRECTORY_DELIVERABLE:
    case EXG_DIRECTORY_NOT_A_MAILBOX:
        return exg_recipient_kind_name(finding->kind);
    case EXG_DIRECTORY_NO_SUCH:
        return "nobody";
    case EXG_DIRECTORY_CANNOT_TELL:
        break;
    }
    return "cannot tell";
}

/* "asked now", "cached, 2h20min old" */
static char *
origin_words(const ExgDirectoryFinding *finding)
{
    if (finding->origin == EXG_DIRECTORY_ASKED)
        return g_strdup(g_error_matches(finding->why, EXG_ERROR, EXG_ERROR_BUSY) ? "not asked"
                                                                                 : "asked now");
    if (finding->origin == EXG_DIRECTORY_LISTED)
        return g_strdup("the map");
    g_autofree char *age = exg_age_since(finding->found_us);
    const char *name = exg_directory_origin_name(finding->origin);
    return age != NULL ? g_strdup_printf("%s, %s old", name, age) : g_strdup(name);
}

/* What else there is to say: the tips, or why nobody can tell. */
static char *
remark_words(const ExgDirectoryFinding *finding)
{
    g_autofree char *tips = exg_tips_words(&finding->tips);
    bool unsure = finding->verdict == EXG_DIRECTORY_CANNOT_TELL ||
                  finding->origin == EXG_DIRECTORY_STALE;
    if (!unsure || finding->why == NULL)
        return g_steal_pointer(&tips);
    g_autofree char *why = exg_printable(finding->why->message);
    return tips[0] != '\0' ? g_strdup_printf("%s; %s", tips, why) : g_steal_pointer(&why);
}

static void
print_table(const Answers *answers)
{
    static const char *const titles[] = {"ADDRESS", "IS", "FROM", "REMARKS", NULL};
    g_autoptr(ExgTable) table = exg_table_new(titles);
    for (guint i = 0; i < answers->tool->n_operands; i++) {
        const ExgDirectoryFinding *finding = answers->findings[i];
        g_autofree char *origin = origin_words(finding);
        g_autofree char *remarks = remark_words(finding);
        const char *const cells[] = {answers->tool->operands[i], answer_words(finding), origin,
                                     remarks, NULL};
        exg_table_add(table, cells);
    }
    exg_table_show(table);
}

static void
print_json(const Answers *answers)
{
    g_autoptr(GString) json = g_string_new("[");
    for (guint i = 0; i < answers->tool->n_operands; i++) {
        const ExgDirectoryFinding *finding = answers->findings[i];
        bool unsure = finding->verdict == EXG_DIRECTORY_CANNOT_TELL ||
                      finding->origin == EXG_DIRECTORY_STALE;
        exg_json_open(json, NULL, '{');
        exg_json_text(json, "address", answers->tool->operands[i]);
        exg_json_text(json, "verdict", exg_directory_verdict_name(finding->verdict));
        exg_json_text(json, "kind", exg_recipient_kind_name(finding->kind));
        exg_json_text(json, "origin", exg_directory_origin_name(finding->origin));
        exg_json_time(json, "found", finding->found_us > 0 ? finding->found_us / 1000 : -1);
        exg_tips_append(json, &finding->tips);
        exg_json_error(json, unsure ? finding->why : NULL);
        exg_json_close(json, '{');
    }
    exg_json_close(json, '[');
    exg_json_print(json);
}

/* --- the command ------------------------------------------------------------------------------ */

static void
ask(ExgTool *tool, ExgDirectory *directory, Answers *answers)
{
    answers->missing = tool->n_operands + 1; /* those that come at once end no run */
    for (guint i = 0; i < tool->n_operands; i++) {
        Slot *slot = g_new(Slot, 1);
        *slot = (Slot){answers, i};
        exg_directory_check(directory, tool->operands[i], exg_tool_deadline_us(tool),
                            tool->cancellable, answered, slot);
    }
    if (--answers->missing > 0)
        exg_tool_wait(tool);
}

int
exg_directory_query(int argc, char **argv)
{
    gboolean fresh = FALSE;
    const GOptionEntry own[] = {
        {"fresh", 0, 0, G_OPTION_ARG_NONE, &fresh, "Ask Exchange, whatever is known", NULL},
        G_OPTION_ENTRY_NULL,
    };
    const ExgToolUsage usage = {
        .operands = "ADDRESS…",
        .min = 1,
        .max = EXG_DIRECTORY_MAX_UNDER_WAY,
        .summary = "Tells whether these are recipients, what is to know of them, and where that\n"
                   "comes from.",
        .own = own,
    };
    g_auto(ExgTool) tool = {0};
    g_auto(ExgDirectoryOfTool) asked = {0};
    int status = exg_tool_parse(&tool, &usage, &argc, &argv);
    if (status == EX_OK)
        status = exg_tool_open(&tool);
    if (status == EX_OK)
        status = exg_directory_of_tool_open(&asked, &tool, !fresh);
    if (status != EX_OK)
        return status;
    Answers answers = {.tool = &tool, .findings = g_new0(ExgDirectoryFinding *, tool.n_operands)};
    ask(&tool, asked.directory, &answers);
    if (tool.json)
        print_json(&answers);
    else
        print_table(&answers);
    for (guint i = 0; i < tool.n_operands; i++) {
        status = status == EX_OK ? status_of(answers.findings[i]) : status;
        exg_directory_finding_free(answers.findings[i]);
    }
    g_free(answers.findings);
    return status;
}
