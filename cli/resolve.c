/* exgate resolve: who is meant by a name. */
#include "cli/tool.h"
#include "common/base/error.h"
#include "common/ews/people/resolve-candidates.h"

#include <sysexits.h>

static const char *
or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static void
append_candidate(GString *json, const ExgEwsCandidate *candidate)
{
    const ExgEwsMailbox *mailbox = candidate->mailbox;
    const ExgEwsContact *contact = candidate->contact;
    exg_json_open(json, NULL, '{');
    exg_json_text(json, "name", or_null(mailbox->name));
    exg_json_text(json, "address", or_null(mailbox->address));
    exg_json_text(json, "routing_type", or_null(mailbox->routing_type));
    exg_json_text(json, "type", or_null(mailbox->type));
    exg_json_text(json, "source", contact != NULL ? or_null(contact->source) : NULL);
    exg_json_text(json, "department", contact != NULL ? or_null(contact->department) : NULL);
    exg_json_text(json, "job_title", contact != NULL ? or_null(contact->job_title) : NULL);
    exg_json_text(json, "office", contact != NULL ? or_null(contact->office) : NULL);
    exg_json_close(json, '{');
}

static void
print_json(const ExgTool *tool, const GPtrArray *answers)
{
    g_autoptr(GString) json = g_string_new("[");
    for (guint i = 0; i < answers->len; i++) {
        const ExgEwsCandidates *answer = g_ptr_array_index(answers, i);
        exg_json_open(json, NULL, '{');
        exg_json_text(json, "asked", tool->operands[i]);
        exg_json_open(json, "candidates", '[');
        for (guint j = 0; answer->error == NULL && j < answer->candidates->len; j++)
            append_candidate(json, g_ptr_array_index(answer->candidates, j));
        exg_json_close(json, '[');
        exg_json_bool(json, "complete", answer->error != NULL || answer->complete);
        exg_json_error(json, answer->error);
        exg_json_close(json, '{');
    }
    exg_json_close(json, '[');
    exg_json_print(json);
}

static void
print_table(const ExgTool *tool, const GPtrArray *answers)
{
    static const char *const titles[] = {"ASKED", "NAME", "ADDRESS", "TYPE", NULL};
    bool several = tool->n_operands > 1; /* otherwise one knows what was asked */
    g_autoptr(ExgTable) table = exg_table_new(several ? titles : titles + 1);
    guint rows = 0;
    for (guint i = 0; i < answers->len; i++) {
        const ExgEwsCandidates *answer = g_ptr_array_index(answers, i);
        for (guint j = 0; answer->error == NULL && j < answer->candidates->len; j++, rows++) {
            const ExgEwsCandidate *candidate = g_ptr_array_index(answer->candidates, j);
            const ExgEwsMailbox *mailbox = candidate->mailbox;
            const char *const cells[] = {tool->operands[i], or_null(mailbox->name),
                                         or_null(mailbox->address), or_null(mailbox->type), NULL};
            exg_table_add(table, several ? cells : cells + 1);
        }
    }
    if (rows > 0)
        exg_table_show(table);
}

/* What stands beside the table, and the exit status. */
static int
tell_failures(const ExgTool *tool, const GPtrArray *answers)
{
    int status = EX_OK;
    for (guint i = 0; i < answers->len; i++) {
        const ExgEwsCandidates *answer = g_ptr_array_index(answers, i);
        status = exg_tool_first_status(status, answer->error);
        if (g_error_matches(answer->error, EXG_ERROR, EXG_ERROR_NO_MAILBOX))
            exg_complain(EX_OK, "nobody is found for '%s'", tool->operands[i]);
        else if (answer->error != NULL)
            exg_complain(EX_OK, "%s: %s", tool->operands[i], answer->error->message);
        else if (!answer->complete)
            exg_complain(EX_OK, "%s: there are more than the %u that Exchange shows",
                         tool->operands[i], answer->candidates->len);
    }
    return status;
}

int
exg_command_resolve(int argc, char **argv)
{
    const ExgToolUsage usage = {
        .operands = "NAME…",
        .min = 1,
        .max = G_MAXUINT,
        .summary = "Looks names, parts of names and addresses up in Exchange's address list.",
    };
    g_auto(ExgTool) tool = {0};
    int status = exg_tool_parse(&tool, &usage, &argc, &argv);
    if (status == EX_OK)
        status = exg_tool_open(&tool);
    if (status != EX_OK)
        return status;
    const ExgEwsTarget target = {.access = EXG_EWS_SELF};
    const ExgEwsResolveOptions options = {.scope = EXG_EWS_SEARCH_DIRECTORY,
                                          .contact = EXG_EWS_CONTACT_USUAL};
    exg_ews_resolve_candidates_async(tool.service, &target, (const char *const *)tool.operands,
                                     &options, exg_tool_deadline_us(&tool), tool.cancellable,
                                     exg_tool_done, &tool);
    g_autoptr(GPtrArray) answers = NULL;
    g_autoptr(GError) error = NULL;
    if (!exg_ews_resolve_candidates_finish(tool.service, exg_tool_wait(&tool), &answers, &error))
        return exg_tool_complain(error);
    if (exg_tool_common_failure(answers) != NULL)
        return exg_tool_complain(exg_tool_common_failure(answers));
    if (tool.json)
        print_json(&tool, answers);
    else
        print_table(&tool, answers);
    return tell_failures(&tool, answers);
}
