/* GetUserOofSettings: whether the owner of a mailbox is away. Nobody else may ask. */
#include "tests/exchange-sim/call.h"
#include "tests/exchange-sim/text.h"

#define DAY_S (24 * 3600)

static void
write_reply(ExgSimCall *call, const char *element, const char *text)
{
    exg_xml_start(&call->writer, element);
    exg_xml_element(&call->writer, "t:Message", text);
    exg_xml_end(&call->writer);
}

static void
write_settings(ExgSimCall *call, const ExgSimMailbox *mailbox)
{
    const char *reply = mailbox->out_of_office;
    g_autofree char *start = exg_sim_time_format(1795219200);
    g_autofree char *end = exg_sim_time_format(1795219200 + DAY_S);
    exg_xml_start(&call->writer, "t:OofSettings");
    exg_xml_element(&call->writer, "t:OofState", reply != NULL ? "Enabled" : "Disabled");
    exg_xml_element(&call->writer, "t:ExternalAudience", "All");
    exg_xml_start(&call->writer, "t:Duration");
    exg_xml_element(&call->writer, "t:StartTime", start);
    exg_xml_element(&call->writer, "t:EndTime", end);
    exg_xml_end(&call->writer);
    write_reply(call, "t:InternalReply", reply != NULL ? reply : "");
    write_reply(call, "t:ExternalReply", reply != NULL ? reply : "");
    exg_xml_end(&call->writer);
    exg_xml_element(&call->writer, "m:AllowExternalOof", "All");
}

bool
exg_sim_get_user_oof_settings(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *asked = exg_sim_type_child(call->envelope.operation, "Mailbox");
    const ExgSimMailbox *mailbox = exg_sim_directory_find(
        call->directory, exg_sim_type_child(asked, "Address")->text);
    g_auto(ExgSimRefusal) failure = {0}, ignored = {0};
    bool injected = exg_sim_call_take_injected(call, &failure);
    if (!injected && mailbox == NULL)
        exg_sim_refuse(&failure, "ErrorMailRecipientNotFound", NULL);
    else if (!injected && mailbox != exg_sim_call_own_mailbox(call, &ignored))
        return exg_sim_refuse(refusal, "ErrorAccessDenied",
                              "The user is not the owner of the mailbox.");
    exg_xml_start(&call->writer, "m:GetUserOofSettingsResponse");
    exg_sim_call_start_message(call, "m:ResponseMessage", &failure);
    exg_xml_end(&call->writer);
    if (failure.code == NULL)
        write_settings(call, mailbox);
    return true;
}
