/* exgate searchable: in which mailboxes the account may search for evidence. */
#include "cli/tool.h"
#include "common/base/error.h"
#include "common/ews/people/get-searchable-mailboxes.h"

#include <sysexits.h>

static void
print_json(const ExgEwsSearchable *searchable)
{
    g_autoptr(GString) json = g_string_new("{");
    exg_json_open(json, "mailboxes", '[');
    for (guint i = 0; i < searchable->mailboxes->len; i++) {
        const ExgEwsSearchableMailbox *mailbox = g_ptr_array_index(searchable->mailboxes, i);
        exg_json_open(json, NULL, '{');
        exg_json_text(json, "name", mailbox->display_name);
        exg_json_text(json, "address", mailbox->primary_address);
        exg_json_text(json, "external_address", mailbox->external_address);
        exg_json_text(json, "guid", mailbox->guid);
        exg_json_text(json, "reference_id", mailbox->reference_id);
        exg_json_bool(json, "is_external", mailbox->is_external);
        exg_json_bool(json, "is_group", mailbox->is_group);
        exg_json_close(json, '{');
    }
    exg_json_close(json, '[');
    exg_json_open(json, "failures", '[');
    for (guint i = 0; i < searchable->failures->len; i++) {
        const ExgEwsUnsearchableMailbox *failure = g_ptr_array_index(searchable->failures, i);
        exg_json_open(json, NULL, '{');
        exg_json_text(json, "mailbox", failure->mailbox);
        exg_json_text(json, "message", failure->message);
        exg_json_bool(json, "is_archive", failure->is_archive);
        exg_json_close(json, '{');
    }
    exg_json_close(json, '[');
    exg_json_close(json, '{');
    exg_json_print(json);
}

static void
print_table(const ExgEwsSearchable *searchable)
{
    static const char *const titles[] = {"NAME", "ADDRESS", "TYPE", NULL};
    g_autoptr(ExgTable) table = exg_table_new(titles);
    for (guint i = 0; i < searchable->mailboxes->len; i++) {
        const ExgEwsSearchableMailbox *mailbox = g_ptr_array_index(searchable->mailboxes, i);
        const char *const cells[] = {mailbox->display_name,
                                     mailbox->is_external ? mailbox->external_address
                                                          : mailbox->primary_address,
                                     mailbox->is_group      ? "group"
                                     : mailbox->is_external ? "external mailbox"
                                                            : "mailbox",
                                     NULL};
        exg_table_add(table, cells);
    }
    exg_table_show(table);
}

/* Without the role Exchange says no more than that access is denied. */
static int
complain(const ExgTool *tool, const GError *error)
{
    int status = exg_tool_complain(error);
    if (g_error_matches(error, EXG_ERROR, EXG_ERROR_DENIED))
        exg_complain(EX_OK,
                     "what gives the right, in the Exchange Management Shell: "
                     "Add-RoleGroupMember 'Discovery Management' -Member '%s'",
                     exg_conf_string(tool->conf, "exchange", "username"));
    return status;
}

int
exg_command_searchable(int argc, char **argv)
{
    gboolean expand = FALSE;
    const GOptionEntry own[] = {
        {"expand", 0, 0, G_OPTION_ARG_NONE, &expand, "The members of groups, too", NULL},
        G_OPTION_ENTRY_NULL,
    };
    const ExgToolUsage usage = {
        .operands = "[FILTER]",
        .max = 1,
        .summary = "Lists the mailboxes in which the account may search for evidence. FILTER is\n"
                   "part of a name or an address. This takes the role group Discovery Management.",
        .own = own,
    };
    g_auto(ExgTool) tool = {0};
    int status = exg_tool_parse(&tool, &usage, &argc, &argv);
    if (status == EX_OK)
        status = exg_tool_open(&tool);
    if (status != EX_OK)
        return status;
    exg_ews_get_searchable_mailboxes_async(tool.service, tool.operands[0], expand,
                                           exg_tool_deadline_us(&tool), tool.cancellable,
                                           exg_tool_done, &tool);
    g_autoptr(ExgEwsSearchable) searchable = NULL;
    g_autoptr(GError) error = NULL;
    if (!exg_ews_get_searchable_mailboxes_finish(tool.service, exg_tool_wait(&tool), &searchable,
                                                 &error))
        return complain(&tool, error);
    if (tool.json)
        print_json(searchable);
    else
        print_table(searchable);
    for (guint i = 0; i < searchable->failures->len; i++) {
        const ExgEwsUnsearchableMailbox *failure = g_ptr_array_index(searchable->failures, i);
        exg_complain(EX_OK, "%s cannot be searched: %s", failure->mailbox, failure->message);
    }
    return EX_OK;
}
