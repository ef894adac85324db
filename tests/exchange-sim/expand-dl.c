/* ExpandDL: the members of a list, one level of them. */
#include "tests/exchange-sim/call.h"

#define MAX_MEMBERS 5000

static bool
is_list(const ExgSimMailbox *mailbox)
{
    return g_str_equal(mailbox->type, "PublicDL") || g_str_equal(mailbox->type, "PrivateDL") ||
           g_str_equal(mailbox->type, "GroupMailbox");
}

/* Who is not in the directory is a contact that only the list knows. */
static void
write_member(ExgSimCall *call, const char *address)
{
    const ExgSimMailbox *member = exg_sim_directory_find(call->directory, address);
    if (member != NULL) {
        exg_sim_call_write_mailbox(call, "t:Mailbox", member);
        return;
    }
    g_autoptr(ExgSimMailbox) stranger = exg_sim_mailbox_new(address);
    g_free(stranger->type);
    stranger->type = g_strdup("Contact");
    exg_sim_call_write_mailbox(call, "t:Mailbox", stranger);
}

bool
exg_sim_expand_dl(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *asked = exg_sim_message_child(call->envelope.operation, "Mailbox");
    const ExgXmlNode *address = exg_sim_type_child(asked, "EmailAddress");
    const ExgSimMailbox *list = address != NULL
                                    ? exg_sim_directory_find(call->directory, address->text)
                                    : NULL;
    g_auto(ExgSimRefusal) failure = {0};
    if (list == NULL || list->hidden || !is_list(list))
        exg_sim_refuse(&failure, "ErrorNameResolutionNoResults", NULL);
    exg_sim_call_start_message(call, "m:ExpandDLResponseMessage", &failure);
    if (failure.code == NULL) {
        guint shown = MIN(list->members->len, MAX_MEMBERS);
        g_autofree char *total = g_strdup_printf("%u", shown);
        exg_xml_start(&call->writer, "m:DLExpansion");
        exg_xml_attribute(&call->writer, "TotalItemsInView", total);
        exg_xml_attribute(&call->writer, "IncludesLastItemInRange",
                          shown == list->members->len ? "true" : "false");
        for (guint i = 0; i < shown; i++)
            write_member(call, g_ptr_array_index(list->members, i));
        exg_xml_end(&call->writer);
    }
    exg_xml_end(&call->writer);
    return true;
}
