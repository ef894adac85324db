/* exgate roomlists, exgate rooms: which meeting rooms there are. */
#include "cli/mailbox-list.h"
#include "common/base/error.h"
#include "common/ews/people/get-rooms.h"

#include <sysexits.h>

static int
print(const ExgTool *tool, const char *name, const GPtrArray *mailboxes)
{
    if (!tool->json) {
        exg_mailbox_list_print(mailboxes, false);
        return EX_OK;
    }
    g_autoptr(GString) json = g_string_new("{");
    if (tool->n_operands > 0)
        exg_json_text(json, "list", tool->operands[0]);
    exg_mailbox_list_append(json, name, mailboxes);
    exg_json_close(json, '{');
    exg_json_print(json);
    return EX_OK;
}

int
exg_command_roomlists(int argc, char **argv)
{
    const ExgToolUsage usage = {.summary = "Lists the lists of meeting rooms."};
    g_auto(ExgTool) tool = {0};
    int status = exg_tool_parse(&tool, &usage, &argc, &argv);
    if (status == EX_OK)
        status = exg_tool_open(&tool);
    if (status != EX_OK)
        return status;
    exg_ews_get_room_lists_async(tool.service, exg_tool_deadline_us(&tool), tool.cancellable,
                                 exg_tool_done, &tool);
    g_autoptr(GPtrArray) lists = NULL;
    g_autoptr(GError) error = NULL;
    if (!exg_ews_get_room_lists_finish(tool.service, exg_tool_wait(&tool), &lists, &error))
        return exg_tool_complain(error);
    if (lists->len == 0)
        exg_complain(EX_OK, "there are no room lists; in the Exchange Management Shell, "
                            "New-DistributionGroup -RoomList makes one");
    return print(&tool, "room_lists", lists);
}

int
exg_command_rooms(int argc, char **argv)
{
    const ExgToolUsage usage = {
        .operands = "LIST",
        .min = 1,
        .max = 1,
        .summary = "Lists the meeting rooms of a list; `exgate roomlists` tells its address.",
    };
    g_auto(ExgTool) tool = {0};
    int status = exg_tool_parse(&tool, &usage, &argc, &argv);
    if (status == EX_OK)
        status = exg_tool_open(&tool);
    if (status != EX_OK)
        return status;
    exg_ews_get_rooms_async(tool.service, tool.operands[0], exg_tool_deadline_us(&tool),
                            tool.cancellable, exg_tool_done, &tool);
    g_autoptr(GPtrArray) rooms = NULL;
    g_autoptr(GError) error = NULL;
    if (!exg_ews_get_rooms_finish(tool.service, exg_tool_wait(&tool), &rooms, &error)) {
        if (g_error_matches(error, EXG_ERROR, EXG_ERROR_NO_MAILBOX))
            return exg_complain(EX_NOUSER,
                                "there is no list '%s'; exgate roomlists tells which "
                                "there are",
                                tool.operands[0]);
        return exg_tool_complain(error);
    }
    return print(&tool, "rooms", rooms);
}
