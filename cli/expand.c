/* exgate expand: who is in a group. */
#include "cli/mailbox-list.h"
#include "common/base/error.h"
#include "common/ews/people/expand-dl.h"

#include <sysexits.h>

#define MAX_MEMBERS 100000

static void
print_json(const ExgTool *tool, const ExgEwsExpansion *expansion)
{
    g_autoptr(GString) json = g_string_new("{");
    exg_json_text(json, "group", tool->operands[0]);
    exg_mailbox_list_append(json, "members", expansion->members);
    exg_json_open(json, "failures", '[');
    for (guint i = 0; i < expansion->failures->len; i++) {
        const ExgEwsExpandFailure *failure = g_ptr_array_index(expansion->failures, i);
        exg_json_open(json, NULL, '{');
        exg_json_text(json, "group", failure->list->address);
        exg_json_error(json, failure->error);
        exg_json_close(json, '{');
    }
    exg_json_close(json, '[');
    exg_json_bool(json, "complete", expansion->complete);
    exg_json_close(json, '{');
    exg_json_print(json);
}

static int
tell_failures(const ExgEwsExpansion *expansion)
{
    int status = EX_OK;
    for (guint i = 0; i < expansion->failures->len; i++) {
        const ExgEwsExpandFailure *failure = g_ptr_array_index(expansion->failures, i);
        status = exg_tool_first_status(status, failure->error);
        exg_complain(EX_OK, "the members of %s are missing: %s", failure->list->address,
                     failure->error->message);
    }
    if (!expansion->complete && expansion->failures->len == 0)
        exg_complain(EX_OK, "there are more members than these %u", expansion->members->len);
    return status;
}

int
exg_command_expand(int argc, char **argv)
{
    gboolean recursive = FALSE;
    const GOptionEntry own[] = {
        {"recursive", 'r', 0, G_OPTION_ARG_NONE, &recursive,
         "The members of groups in it in their place", NULL},
        G_OPTION_ENTRY_NULL,
    };
    const ExgToolUsage usage = {
        .operands = "GROUP",
        .min = 1,
        .max = 1,
        .summary = "Lists the members of a distribution group, which is named by its address.",
        .own = own,
    };
    g_auto(ExgTool) tool = {0};
    int status = exg_tool_parse(&tool, &usage, &argc, &argv);
    if (status == EX_OK)
        status = exg_tool_open(&tool);
    if (status != EX_OK)
        return status;
    g_autoptr(ExgEwsMailbox) list = exg_ews_mailbox_new(tool.operands[0], "PublicDL");
    g_autoptr(ExgEwsExpansion) expansion = NULL;
    g_autoptr(GError) error = NULL;
    gint64 deadline_us = exg_tool_deadline_us(&tool);
    bool good;
    if (recursive) {
        exg_ews_expand_dl_recursive_async(tool.service, list, MAX_MEMBERS, deadline_us,
                                          tool.cancellable, exg_tool_done, &tool);
        good = exg_ews_expand_dl_recursive_finish(tool.service, exg_tool_wait(&tool), &expansion,
                                                  &error);
    } else {
        exg_ews_expand_dl_async(tool.service, list, deadline_us, tool.cancellable, exg_tool_done,
                                &tool);
        good = exg_ews_expand_dl_finish(tool.service, exg_tool_wait(&tool), &expansion, &error);
    }
    if (g_error_matches(error, EXG_ERROR, EXG_ERROR_NO_MAILBOX))
        return exg_complain(EX_NOUSER, "there is no group '%s'", tool.operands[0]);
    if (!good)
        return exg_tool_complain(error);
    if (tool.json)
        print_json(&tool, expansion);
    else
        exg_mailbox_list_print(expansion->members, true);
    return tell_failures(expansion);
}
