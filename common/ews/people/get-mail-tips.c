#include "common/ews/people/get-mail-tips-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/value-private.h"

/* Exchange has no impersonation for this operation. */
static const ExgEwsTarget self = {.access = EXG_EWS_SELF};

static void
free_tips(gpointer data)
{
    ExgEwsMailTips *tips = data;
    if (tips == NULL)
        return;
    g_clear_error(&tips->error);
    g_free(tips->out_of_office);
    g_free(tips->custom_tip);
    g_free(tips);
}

static const ExgEwsBatch batch = {.max_portion = EXG_EWS_MAIL_TIPS_PORTION,
                                  .result_size = sizeof(ExgEwsMailTips),
                                  .free_result = free_tips};

static void
write_address(ExgXmlWriter *writer, const char *element, const char *address)
{
    exg_xml_start(writer, element);
    exg_xml_element(writer, "t:EmailAddress", address);
    exg_xml_element(writer, "t:RoutingType", "SMTP");
    exg_xml_end(writer);
}

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsPortion *portion = context;
    exg_xml_start(writer, "m:GetMailTips");
    write_address(writer, "m:SendingAs", portion->question);
    exg_xml_start(writer, "m:Recipients");
    for (guint i = 0; i < portion->count; i++)
        write_address(writer, "t:Mailbox", portion->things[i]);
    exg_xml_end(writer);
    exg_xml_element(writer, "m:MailTipsRequested", "All");
}

/* --- the answer ------------------------------------------------------------------------------- */

static bool
is_pending(const ExgXmlNode *node, const char *tip)
{
    const char *text = exg_ews_child_text(node, "PendingMailTips");
    g_auto(GStrv) pending = g_strsplit_set(text, " \t\r\n", -1);
    return g_strv_contains((const char *const *)pending, tip) ||
           g_strv_contains((const char *const *)pending, "All");
}

/* The node whose child a tip is, or NULL if the server had no time for the tip: what stands there
 * then says nothing. */
static const ExgXmlNode *
known(const ExgXmlNode *node, const char *tip)
{
    return is_pending(node, tip) ? NULL : node;
}

static ExgEwsTruth
truth_of(const ExgXmlNode *node, const char *name)
{
    if (exg_ews_child_bool(node, name, false))
        return EXG_EWS_YES;
    return exg_ews_child_bool(node, name, true) ? EXG_EWS_UNKNOWN : EXG_EWS_NO;
}

static gint64
number_of(const ExgXmlNode *node, const char *name)
{
    return exg_ews_child_number(node, name, 0, G_MAXINT64, -1);
}

/* NULL where they are not told. */
static char *
words_of(const ExgXmlNode *parent, const char *name)
{
    const ExgXmlNode *node = exg_xml_node_child(parent, EXG_EWS_TYPES_SPACE, name);
    return node != NULL ? g_strdup(node->text) : NULL;
}

static void
read_tips(ExgEwsMailTips *tips, const ExgXmlNode *node)
{
    const ExgXmlNode *away = exg_xml_node_child(known(node, "OutOfOfficeMessage"),
                                                EXG_EWS_TYPES_SPACE, "OutOfOffice");
    const ExgXmlNode *reply = exg_xml_node_child(away, EXG_EWS_TYPES_SPACE, "ReplyBody");
    tips->invalid_recipient = truth_of(known(node, "InvalidRecipient"), "InvalidRecipient");
    tips->mailbox_full = truth_of(known(node, "MailboxFullStatus"), "MailboxFull");
    tips->delivery_restricted = truth_of(known(node, "DeliveryRestriction"), "DeliveryRestricted");
    tips->moderated = truth_of(known(node, "ModerationStatus"), "IsModerated");
    tips->max_message_bytes = number_of(known(node, "MaxMessageSize"), "MaxMessageSize");
    tips->total_member_count = number_of(known(node, "TotalMemberCount"), "TotalMemberCount");
    tips->external_member_count = number_of(known(node, "ExternalMemberCount"),
                                            "ExternalMemberCount");
    tips->out_of_office = words_of(reply, "Message");
    tips->custom_tip = words_of(known(node, "CustomMailTip"), "CustomMailTip");
    tips->is_pending = exg_ews_child_text(node, "PendingMailTips")[0] != '\0';
}

static bool
read_one(const ExgEwsOperation *operation, const ExgXmlNode *message, const ExgEwsPortion *portion,
         gpointer result, GError **error)
{
    if (!exg_ews_message_check(operation, message, error))
        return false;
    const ExgXmlNode *node = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "MailTips");
    if (node == NULL)
        return exg_ews_answer_senseless(operation, error, "success without MailTips");
    read_tips(result, node);
    return true;
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *response, gpointer context,
       gpointer *ret_result, GError **error)
{
    const ExgEwsPortion *portion = context;
    const ExgXmlNode *list = exg_xml_node_child(response, EXG_EWS_MESSAGES_SPACE,
                                                "ResponseMessages");
    /* One recipient's error may be reported above all. */
    if ((list == NULL || list->first_child == NULL) &&
        !exg_ews_message_check(operation, response, error))
        return false;
    return exg_ews_batch_read(&batch, operation, list != NULL ? list->first_child : NULL, portion,
                              read_one, ret_result, error);
}

const ExgEwsOperation exg_ews_get_mail_tips_operation = {
    .name = "GetMailTips",
    .own_mailbox = true,
    .n_messages = 1,
    .bare = true,
    .minimum_version = "Exchange2010",
    .write = write_request,
    .decode = decode,
    .free_result = (GDestroyNotify)g_ptr_array_unref,
};

void
exg_ews_get_mail_tips_async(ExgEwsService *service, const char *sender,
                            const char *const *recipients, gint64 deadline_us,
                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    GPtrArray *addresses = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; recipients[i] != NULL; i++)
        g_ptr_array_add(addresses, g_strdup(recipients[i]));
    exg_ews_batch_start(service, &exg_ews_get_mail_tips_operation, &batch, &self, g_strdup(sender),
                        g_free, addresses, deadline_us, cancellable, callback, data);
}

bool
exg_ews_get_mail_tips_finish(ExgEwsService *service, GAsyncResult *result, GPtrArray **ret_tips,
                             GError **error)
{
    return exg_ews_batch_finish(result, &batch, ret_tips, error);
}
