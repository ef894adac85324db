/* exgate convert-id: the same item under the names that other protocols have for it. */
#include "common/ews/items/convert-id.h"
#include "cli/tool.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static int
find_format(const char *option, const char *name, ExgEwsIdFormat *ret_format)
{
    for (ExgEwsIdFormat format = 0; format < EXG_EWS_N_ID_FORMATS; format++)
        if (g_ascii_strcasecmp(exg_ews_id_format_name(format), name) == 0) {
            *ret_format = format;
            return EX_OK;
        }
    g_autoptr(GString) formats = g_string_new(NULL);
    for (ExgEwsIdFormat format = 0; format < EXG_EWS_N_ID_FORMATS; format++)
        g_string_append_printf(formats, "%s%s", format > 0 ? ", " : "",
                               exg_ews_id_format_name(format));
    return exg_complain(EX_USAGE, "%s %s: one of %s is expected", option, name, formats->str);
}

static int
print(const ExgTool *tool, const GPtrArray *ids)
{
    int status = EX_OK;
    g_autoptr(GString) json = g_string_new("[");
    for (guint i = 0; i < ids->len; i++) {
        const ExgEwsAlternateId *id = g_ptr_array_index(ids, i);
        status = exg_tool_first_status(status, id->error);
        if (!tool->json && id->error == NULL) {
            g_autofree char *printable = exg_printable(id->id);
            printf("%s\n", printable);
        } else if (!tool->json) {
            exg_complain(EX_OK, "id %u: %s", i + 1, id->error->message);
        }
        exg_json_open(json, NULL, '{');
        exg_json_text(json, "given", tool->operands[i]);
        exg_json_text(json, "id", id->id);
        exg_json_text(json, "format",
                      id->error == NULL ? exg_ews_id_format_name(id->format) : NULL);
        exg_json_text(json, "mailbox", id->mailbox);
        exg_json_error(json, id->error);
        exg_json_close(json, '{');
    }
    exg_json_close(json, '[');
    if (tool->json)
        exg_json_print(json);
    return status;
}

static void
free_id(gpointer id)
{
    exg_ews_alternate_id_free(id);
}

static int
convert(ExgTool *tool, ExgEwsIdFormat from, ExgEwsIdFormat to, const char *mailbox)
{
    int status = exg_tool_open(tool);
    if (status != EX_OK)
        return status;
    if (mailbox == NULL)
        mailbox = exg_account_name(tool->conf);
    if (strchr(mailbox, '@') == NULL)
        return exg_complain(EX_USAGE, "--mailbox is missing: the address of the mailbox that the "
                                      "ids are of");
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(free_id);
    for (guint i = 0; i < tool->n_operands; i++)
        g_ptr_array_add(ids, exg_ews_alternate_id_new(tool->operands[i], from, mailbox));
    const ExgEwsTarget target = {.access = EXG_EWS_SELF};
    exg_ews_convert_id_async(tool->service, &target, ids, to, exg_tool_deadline_us(tool),
                             tool->cancellable, exg_tool_done, tool);
    g_autoptr(GPtrArray) converted = NULL;
    g_autoptr(GError) error = NULL;
    if (!exg_ews_convert_id_finish(tool->service, exg_tool_wait(tool), &converted, &error))
        return exg_tool_complain(error);
    if (exg_tool_common_failure(converted) != NULL)
        return exg_tool_complain(exg_tool_common_failure(converted));
    return print(tool, converted);
}

int
exg_command_convert_id(int argc, char **argv)
{
    g_autofree char *to_name = NULL, *from_name = NULL, *mailbox = NULL;
    const GOptionEntry own[] = {
        {"to", 0, 0, G_OPTION_ARG_FILENAME, &to_name, "The form wanted", "FORMAT"},
        {"from", 0, 0, G_OPTION_ARG_FILENAME, &from_name, "The form given; EwsId", "FORMAT"},
        {"mailbox", 0, 0, G_OPTION_ARG_FILENAME, &mailbox,
         "Whose mailbox they are of; the account's", "ADDRESS"},
        G_OPTION_ENTRY_NULL,
    };
    const ExgToolUsage usage = {
        .operands = "ID…",
        .min = 1,
        .max = G_MAXUINT,
        .summary = "Turns ids of items and folders into another form, one a line. FORMAT is\n"
                   "EntryId, EwsId, EwsLegacyId, HexEntryId, OwaId or StoreId.",
        .own = own,
    };
    g_auto(ExgTool) tool = {0};
    ExgEwsIdFormat to, from = EXG_EWS_EWS_ID;
    int status = exg_tool_parse(&tool, &usage, &argc, &argv);
    if (status == EX_OK && to_name == NULL)
        status = exg_complain(EX_USAGE, "--to FORMAT is missing; try exgate convert-id --help");
    if (status == EX_OK)
        status = find_format("--to", to_name, &to);
    if (status == EX_OK && from_name != NULL)
        status = find_format("--from", from_name, &from);
    return status == EX_OK ? convert(&tool, from, to, mailbox) : status;
}
