/* GetSearchableMailboxes: for whom has the right to search for evidence. */
#include "tests/exchange-sim/call.h"

#include <string.h>

static bool
fits(const ExgSimMailbox *mailbox, const char *filter)
{
    g_autofree char *name = g_utf8_casefold(mailbox->display_name, -1);
    g_autofree char *wanted = g_utf8_casefold(filter, -1);
    bool is_group = g_str_equal(mailbox->type, "PublicDL");
    return (is_group || g_str_equal(mailbox->type, "Mailbox")) && !mailbox->hidden &&
           (strstr(name, wanted) != NULL || strstr(mailbox->address, wanted) != NULL);
}

static void
write_mailbox(ExgSimCall *call, const ExgSimMailbox *mailbox)
{
    guint hash = g_str_hash(mailbox->address);
    g_autofree char *guid = g_strdup_printf("%08x-0000-4000-8000-%012x", hash, hash);
    g_autofree char *reference = g_strdup_printf("/o=Sim/ou=Recipients/cn=%s", mailbox->address);
    exg_xml_start(&call->writer, "t:SearchableMailbox");
    exg_xml_element(&call->writer, "t:Guid", guid);
    exg_xml_element(&call->writer, "t:PrimarySmtpAddress", mailbox->address);
    exg_xml_element(&call->writer, "t:IsExternalMailbox", "false");
    exg_xml_element(&call->writer, "t:ExternalEmailAddress", "");
    exg_xml_element(&call->writer, "t:DisplayName", mailbox->display_name);
    exg_xml_element(&call->writer, "t:IsMembershipGroup",
                    g_str_equal(mailbox->type, "PublicDL") ? "true" : "false");
    exg_xml_element(&call->writer, "t:ReferenceId", reference);
    exg_xml_end(&call->writer);
}

bool
exg_sim_get_searchable_mailboxes(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *filter = exg_sim_message_child(call->envelope.operation, "SearchFilter");
    g_auto(ExgSimRefusal) failure = {0}, ignored = {0};
    const ExgSimMailbox *own = exg_sim_call_own_mailbox(call, &ignored);
    if (!exg_sim_call_take_injected(call, &failure) && (own == NULL || !own->may_discover))
        exg_sim_refuse(&failure, "ErrorAccessDenied", NULL);
    exg_sim_call_start_message(call, "m:GetSearchableMailboxesResponse", &failure);
    exg_xml_start(&call->writer, "m:SearchableMailboxes");
    for (guint i = 0; failure.code == NULL && i < exg_sim_directory_count(call->directory); i++) {
        const ExgSimMailbox *mailbox = exg_sim_directory_get(call->directory, i);
        if (fits(mailbox, filter != NULL ? filter->text : ""))
            write_mailbox(call, mailbox);
    }
    exg_xml_end(&call->writer);
    exg_xml_end(&call->writer);
    return true;
}
