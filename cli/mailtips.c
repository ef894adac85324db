/* exgate mailtips: what to know before writing to somebody. */
#include "cli/tool.h"
#include "common/ews/people/get-mail-tips.h"

#include <string.h>
#include <sysexits.h>

/* The words of a piece of HTML. */
static char *
words_of(const char *html)
{
    GString *words = g_string_new(NULL);
    bool in_tag = false, gap = false;
    for (const char *at = html; *at != '\0'; at++) {
        if (*at == '<')
            in_tag = true;
        if (in_tag || g_ascii_isspace(*at)) {
            gap = true;
        } else {
            if (gap && words->len > 0)
                g_string_append_c(words, ' ');
            gap = false;
            g_string_append_c(words, *at);
        }
        if (*at == '>')
            in_tag = false;
    }
    return g_string_free(words, FALSE);
}

static void
add_html(GPtrArray *parts, const char *format_prefix, const char *html)
{
    if (html == NULL || html[0] == '\0')
        return;
    g_autofree char *words = words_of(html);
    g_ptr_array_add(parts, g_strdup_printf("%s%s", format_prefix, words));
}

static char *
describe(const ExgEwsMailTips *tips)
{
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);
    if (tips->error != NULL)
        return g_strdup(tips->error->message);
    if (tips->invalid_recipient == EXG_EWS_YES)
        g_ptr_array_add(parts, g_strdup("no such recipient"));
    if (tips->mailbox_full == EXG_EWS_YES)
        g_ptr_array_add(parts, g_strdup("the mailbox is full"));
    if (tips->delivery_restricted == EXG_EWS_YES)
        g_ptr_array_add(parts, g_strdup("the sender may not write there"));
    if (tips->moderated == EXG_EWS_YES)
        g_ptr_array_add(parts, g_strdup("a moderator decides"));
    if (tips->total_member_count > 0)
        g_ptr_array_add(parts, g_strdup_printf("%" G_GINT64_FORMAT " members, %" G_GINT64_FORMAT
                                               " of them outside",
                                               tips->total_member_count,
                                               MAX(tips->external_member_count, 0)));
    add_html(parts, "out of office: ", tips->out_of_office);
    add_html(parts, "", tips->custom_tip);
    if (tips->max_message_bytes > 0) {
        g_autofree char *size = exg_format_size((guint64)tips->max_message_bytes);
        g_ptr_array_add(parts, g_strdup_printf("messages up to %s", size));
    }
    if (tips->is_pending)
        g_ptr_array_add(parts, g_strdup("Exchange had no time for all of it"));
    if (parts->len == 0)
        return g_strdup("nothing to know");
    g_ptr_array_add(parts, NULL);
    return g_strjoinv("; ", (char **)parts->pdata);
}

static void
append_truth(GString *json, const char *name, ExgEwsTruth truth)
{
    if (truth == EXG_EWS_UNKNOWN)
        exg_json_text(json, name, NULL);
    else
        exg_json_bool(json, name, truth == EXG_EWS_YES);
}

static void
append_json(GString *json, const char *address, const ExgEwsMailTips *tips)
{
    bool known = tips->error == NULL;
    exg_json_open(json, NULL, '{');
    exg_json_text(json, "address", address);
    append_truth(json, "invalid_recipient", known ? tips->invalid_recipient : EXG_EWS_UNKNOWN);
    append_truth(json, "mailbox_full", known ? tips->mailbox_full : EXG_EWS_UNKNOWN);
    append_truth(json, "delivery_restricted", known ? tips->delivery_restricted : EXG_EWS_UNKNOWN);
    append_truth(json, "moderated", known ? tips->moderated : EXG_EWS_UNKNOWN);
    exg_json_number(json, "max_message_bytes", known ? tips->max_message_bytes : -1);
    exg_json_number(json, "members", known ? tips->total_member_count : -1);
    exg_json_number(json, "external_members", known ? tips->external_member_count : -1);
    exg_json_text(json, "out_of_office", known ? tips->out_of_office : NULL);
    exg_json_text(json, "custom_tip", known ? tips->custom_tip : NULL);
    exg_json_bool(json, "pending", known && tips->is_pending);
    exg_json_error(json, tips->error);
    exg_json_close(json, '{');
}

static int
print(const ExgTool *tool, const GPtrArray *all)
{
    static const char *const titles[] = {"ADDRESS", "TIPS", NULL};
    g_autoptr(ExgTable) table = exg_table_new(titles);
    g_autoptr(GString) json = g_string_new("[");
    int status = EX_OK;
    for (guint i = 0; i < all->len; i++) {
        const ExgEwsMailTips *tips = g_ptr_array_index(all, i);
        g_autofree char *sentence = describe(tips);
        const char *const cells[] = {tool->operands[i], sentence, NULL};
        exg_table_add(table, cells);
        append_json(json, tool->operands[i], tips);
        status = exg_tool_first_status(status, tips->error);
        if (status == EX_OK && tips->invalid_recipient == EXG_EWS_YES)
            status = EX_NOUSER;
    }
    exg_json_close(json, '[');
    if (tool->json)
        exg_json_print(json);
    else
        exg_table_show(table);
    return status;
}

int
exg_command_mailtips(int argc, char **argv)
{
    g_autofree char *sender_option = NULL;
    const GOptionEntry own[] = {
        {"sender", 0, 0, G_OPTION_ARG_FILENAME, &sender_option,
         "Who writes: an address that the account may send as", "ADDRESS"},
        G_OPTION_ENTRY_NULL,
    };
    const ExgToolUsage usage = {
        .operands = "ADDRESS…",
        .min = 1,
        .max = G_MAXUINT,
        .summary = "Tells what to know before writing to somebody: out of office, full,\n"
                   "restricted, moderated, how many.",
        .own = own,
    };
    g_auto(ExgTool) tool = {0};
    int status = exg_tool_parse(&tool, &usage, &argc, &argv);
    if (status == EX_OK)
        status = exg_tool_open(&tool);
    if (status != EX_OK)
        return status;
    const char *user = exg_account_name(tool.conf);
    const char *sender = sender_option != NULL ? sender_option : user;
    if (strchr(sender, '@') == NULL)
        return exg_complain(EX_USAGE, "--sender is missing: the address of the service account");
    exg_ews_get_mail_tips_async(tool.service, sender, (const char *const *)tool.operands,
                                exg_tool_deadline_us(&tool), tool.cancellable, exg_tool_done,
                                &tool);
    g_autoptr(GPtrArray) all = NULL;
    g_autoptr(GError) error = NULL;
    if (!exg_ews_get_mail_tips_finish(tool.service, exg_tool_wait(&tool), &all, &error))
        return exg_tool_complain(error);
    if (exg_tool_common_failure(all) != NULL)
        return exg_tool_complain(exg_tool_common_failure(all));
    return print(&tool, all);
}
