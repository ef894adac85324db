/* GetMailTips: what one should know before writing to somebody. */
#include "tests/exchange-sim/call.h"

/* A mailbox without room for that much is full. */
#define LEAST_MESSAGE_BYTES     512
#define USUAL_MAX_MESSAGE_BYTES (36u * 1024 * 1024)

static void
write_bool(ExgSimCall *call, const char *element, bool value)
{
    exg_xml_element(&call->writer, element, value ? "true" : "false");
}

static void
write_number(ExgSimCall *call, const char *element, guint64 number)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, number);
    exg_xml_element(&call->writer, element, text);
}

static guint
count_external(const ExgSimCall *call, const ExgSimMailbox *list)
{
    guint count = 0;
    for (guint i = 0; i < list->members->len; i++)
        count += exg_sim_directory_find(call->directory, g_ptr_array_index(list->members, i)) ==
                 NULL;
    return count;
}

static void
write_known(ExgSimCall *call, const ExgSimMailbox *mailbox)
{
    ExgXmlWriter *writer = &call->writer;
    exg_xml_start(writer, "t:OutOfOffice");
    exg_xml_start(writer, "t:ReplyBody");
    exg_xml_element(writer, "t:Message",
                    mailbox->out_of_office != NULL ? mailbox->out_of_office : "");
    exg_xml_end(writer);
    exg_xml_end(writer);
    write_bool(call, "t:MailboxFull",
               mailbox->is_full ||
                   (mailbox->quota_bytes > 0 &&
                    mailbox->used_bytes + LEAST_MESSAGE_BYTES > mailbox->quota_bytes));
    if (mailbox->tip != NULL)
        exg_xml_element(writer, "t:CustomMailTip", mailbox->tip);
    if (mailbox->members->len > 0) {
        write_number(call, "t:TotalMemberCount", mailbox->members->len);
        write_number(call, "t:ExternalMemberCount", count_external(call, mailbox));
    }
    write_number(call, "t:MaxMessageSize",
                 mailbox->max_message_bytes > 0 ? mailbox->max_message_bytes
                                                : USUAL_MAX_MESSAGE_BYTES);
    write_bool(call, "t:DeliveryRestricted", mailbox->restricted);
    write_bool(call, "t:IsModerated", mailbox->moderated);
}

static void
write_tips(ExgSimCall *call, const char *address)
{
    ExgXmlWriter *writer = &call->writer;
    const ExgSimMailbox *mailbox = exg_sim_directory_find(call->directory, address);
    exg_xml_start(writer, "m:MailTips");
    exg_xml_start(writer, "t:RecipientAddress");
    exg_xml_element(writer, "t:Name", mailbox != NULL ? mailbox->display_name : "");
    exg_xml_element(writer, "t:EmailAddress", address);
    exg_xml_element(writer, "t:RoutingType", "SMTP");
    exg_xml_end(writer);
    exg_xml_element(writer, "t:PendingMailTips", "");
    if (mailbox != NULL)
        write_known(call, mailbox);
    write_bool(call, "t:InvalidRecipient", mailbox == NULL);
    exg_xml_end(writer);
}

bool
exg_sim_get_mail_tips(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *recipients = exg_sim_message_child(call->envelope.operation, "Recipients");
    g_auto(ExgSimRefusal) success = {0};
    exg_sim_call_start_message(call, "m:GetMailTipsResponse", &success);
    exg_xml_start(&call->writer, "m:ResponseMessages");
    for (const ExgXmlNode *node = recipients->first_child; node != NULL; node = node->next) {
        g_auto(ExgSimRefusal) failure = {0};
        const ExgXmlNode *address = exg_sim_type_child(node, "EmailAddress");
        if (!exg_sim_call_take_injected(call, &failure) && address == NULL)
            exg_sim_refuse_invalid(&failure, "ErrorInvalidArgument", NULL);
        exg_sim_call_start_message(call, "m:MailTipsResponseMessageType", &failure);
        if (failure.code == NULL)
            write_tips(call, address->text);
        exg_xml_end(&call->writer);
    }
    return true;
}
