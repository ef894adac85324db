/* ResolveNames: who is meant by a name or an address. */
#include "tests/exchange-sim/call.h"

#define MAX_RESOLUTIONS 100

static void
write_contact(ExgXmlWriter *writer, const ExgSimMailbox *mailbox)
{
    static const char *const keys[] = {"EmailAddress1", "EmailAddress2", "EmailAddress3"};
    exg_xml_start(writer, "t:Contact");
    exg_xml_element(writer, "t:DisplayName", mailbox->display_name);
    exg_xml_start(writer, "t:EmailAddresses");
    for (guint i = 0; i < G_N_ELEMENTS(keys) && i <= mailbox->aliases->len; i++) {
        g_autofree char *address = i == 0
                                       ? g_strdup_printf("SMTP:%s", mailbox->address)
                                       : g_strdup_printf("smtp:%s", (char *)g_ptr_array_index(
                                                                        mailbox->aliases, i - 1));
        exg_xml_start(writer, "t:Entry");
        exg_xml_attribute(writer, "Key", keys[i]);
        exg_xml_text(writer, address);
        exg_xml_end(writer);
    }
    exg_xml_end(writer);
    exg_xml_element(writer, "t:ContactSource", "ActiveDirectory");
    exg_xml_end(writer);
}

static void
write_resolution(ExgSimCall *call, const ExgSimMailbox *mailbox, bool full)
{
    exg_xml_start(&call->writer, "t:Resolution");
    exg_sim_call_write_mailbox(call, "t:Mailbox", mailbox);
    if (full)
        write_contact(&call->writer, mailbox);
    exg_xml_end(&call->writer);
}

static bool
searches_directory(const ExgXmlNode *operation)
{
    /* Nobody has contacts of his own here. */
    return g_strcmp0(exg_xml_node_attribute(operation, "SearchScope"), "Contacts") != 0;
}

bool
exg_sim_resolve_names(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *operation = call->envelope.operation;
    const char *entry = exg_sim_message_child(operation, "UnresolvedEntry")->text;
    const char *wants_full = exg_xml_node_attribute(operation, "ReturnFullContactData");
    bool full = wants_full[0] == 't' || wants_full[0] == '1';
    g_autoptr(GPtrArray) found = searches_directory(operation)
                                     ? exg_sim_directory_resolve(call->directory, entry)
                                     : g_ptr_array_new();
    g_auto(ExgSimRefusal) failure = {0};
    if (found->len == 0)
        exg_sim_refuse(&failure, "ErrorNameResolutionNoResults", NULL);
    else if (found->len > 1)
        exg_sim_refuse(&failure, "ErrorNameResolutionMultipleResults", NULL);
    exg_sim_call_start_message(call, "m:ResolveNamesResponseMessage", &failure);
    if (found->len > 0) {
        guint shown = MIN(found->len, MAX_RESOLUTIONS);
        g_autofree char *total = g_strdup_printf("%u", shown);
        exg_xml_start(&call->writer, "m:ResolutionSet");
        exg_xml_attribute(&call->writer, "TotalItemsInView", total);
        exg_xml_attribute(&call->writer, "IncludesLastItemInRange",
                          shown == found->len ? "true" : "false");
        for (guint i = 0; i < shown; i++)
            write_resolution(call, g_ptr_array_index(found, i), full);
        exg_xml_end(&call->writer);
    }
    exg_xml_end(&call->writer);
    return true;
}
