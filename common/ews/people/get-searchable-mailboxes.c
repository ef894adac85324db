#include "common/ews/people/get-searchable-mailboxes-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/value-private.h"

static const ExgEwsTarget self = {.access = EXG_EWS_SELF};

static void
free_mailbox(gpointer data)
{
    ExgEwsSearchableMailbox *mailbox = data;
    g_free(mailbox->guid);
    g_free(mailbox->primary_address);
    g_free(mailbox->external_address);
    g_free(mailbox->display_name);
    g_free(mailbox->reference_id);
    g_free(mailbox);
}

static void
free_failure(gpointer data)
{
    ExgEwsUnsearchableMailbox *failure = data;
    g_free(failure->mailbox);
    g_free(failure->message);
    g_free(failure);
}

void
exg_ews_searchable_free(ExgEwsSearchable *searchable)
{
    if (searchable == NULL)
        return;
    g_ptr_array_unref(searchable->mailboxes);
    g_ptr_array_unref(searchable->failures);
    g_free(searchable);
}

static void
free_searchable(gpointer searchable)
{
    exg_ews_searchable_free(searchable);
}

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsSearchableQuestion *question = context;
    exg_xml_start(writer, "m:GetSearchableMailboxes");
    if (question->filter != NULL)
        exg_xml_element(writer, "m:SearchFilter", question->filter);
    exg_xml_element(writer, "m:ExpandGroupMembership", question->expand_groups ? "true" : "false");
}

static char *
text_of(const ExgXmlNode *node, const char *name)
{
    return g_strdup(exg_ews_child_text(node, name));
}

static ExgEwsSearchableMailbox *
read_mailbox(const ExgXmlNode *node)
{
    ExgEwsSearchableMailbox *mailbox = g_new0(ExgEwsSearchableMailbox, 1);
    mailbox->guid = text_of(node, "Guid");
    mailbox->primary_address = text_of(node, "PrimarySmtpAddress");
    mailbox->external_address = text_of(node, "ExternalEmailAddress");
    mailbox->display_name = text_of(node, "DisplayName");
    mailbox->reference_id = text_of(node, "ReferenceId");
    mailbox->is_external = exg_ews_child_bool(node, "IsExternalMailbox", false);
    mailbox->is_group = exg_ews_child_bool(node, "IsMembershipGroup", false);
    return mailbox;
}

static ExgEwsUnsearchableMailbox *
read_failure(const ExgXmlNode *node)
{
    ExgEwsUnsearchableMailbox *failure = g_new0(ExgEwsUnsearchableMailbox, 1);
    failure->mailbox = text_of(node, "Mailbox");
    failure->error_code = exg_ews_child_number(node, "ErrorCode", G_MININT32, G_MAXUINT32, 0);
    failure->message = text_of(node, "ErrorMessage");
    failure->is_archive = exg_ews_child_bool(node, "IsArchive", false);
    return failure;
}

/* Failures may stand among the mailboxes, or in a list of their own. */
static void
read_list(ExgEwsSearchable *searchable, const ExgXmlNode *list)
{
    for (const ExgXmlNode *node = list != NULL ? list->first_child : NULL; node != NULL;
         node = node->next) {
        if (g_str_equal(node->name, "SearchableMailbox"))
            g_ptr_array_add(searchable->mailboxes, read_mailbox(node));
        else if (g_str_equal(node->name, "FailedMailbox"))
            g_ptr_array_add(searchable->failures, read_failure(node));
    }
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
       gpointer *ret_result, GError **error)
{
    if (!exg_ews_message_check(operation, message, error))
        return false;
    ExgEwsSearchable *searchable = g_new0(ExgEwsSearchable, 1);
    searchable->mailboxes = g_ptr_array_new_with_free_func(free_mailbox);
    searchable->failures = g_ptr_array_new_with_free_func(free_failure);
    read_list(searchable,
              exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "SearchableMailboxes"));
    read_list(searchable, exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "FailedMailboxes"));
    *ret_result = searchable;
    return true;
}

const ExgEwsOperation exg_ews_get_searchable_mailboxes_operation = {
    .name = "GetSearchableMailboxes",
    .n_messages = 1,
    .bare = true,
    .own_mailbox = true,
    .minimum_version = "Exchange2013",
    .write = write_request,
    .decode = decode,
    .free_result = free_searchable,
};

static void
free_question(gpointer data)
{
    ExgEwsSearchableQuestion *question = data;
    g_free(question->filter);
    g_free(question);
}

void
exg_ews_get_searchable_mailboxes_async(ExgEwsService *service, const char *filter,
                                       bool expand_groups, gint64 deadline_us,
                                       GCancellable *cancellable, GAsyncReadyCallback callback,
                                       gpointer data)
{
    ExgEwsSearchableQuestion *question = g_new0(ExgEwsSearchableQuestion, 1);
    question->filter = g_strdup(filter);
    question->expand_groups = expand_groups;
    exg_ews_call_start(service, &exg_ews_get_searchable_mailboxes_operation, &self, question,
                       free_question, deadline_us, cancellable, callback, data);
}

bool
exg_ews_get_searchable_mailboxes_finish(ExgEwsService *service, GAsyncResult *result,
                                        ExgEwsSearchable **ret_searchable, GError **error)
{
    gpointer searchable = NULL;
    if (!exg_ews_call_finish(result, &exg_ews_get_searchable_mailboxes_operation, &searchable,
                             error))
        return false;
    *ret_searchable = searchable;
    return true;
}
