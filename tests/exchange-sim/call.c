#include "tests/exchange-sim/call.h"

#include "tests/exchange-sim/schema.h"
#include "tests/exchange-sim/soap.h"
#include "tests/exchange-sim/text.h"

#include <string.h>

/* A request's limits. The body has been limited before; this many nodes are some 5,000 items. */
#define MAX_DEPTH      64
#define MAX_ATTRIBUTES 64
#define MAX_NODES      100000

typedef struct {
    const char *name;
    ExgSimOperationFunc run;
    const char *
        response; /* element of the answer, NULL: the operation writes it; of each message in it … */
    const char *message;
    const char *content; /* … and what an error message must still have, or NULL */
    const char
        *container; /* child of the request with one child per message, or NULL: one message */
} Operation;

static const Operation operations[] = {
    {"ConvertId", exg_sim_convert_id, "m:ConvertIdResponse", "m:ConvertIdResponseMessage", NULL,
     "SourceIds"},
    {"CreateItem", exg_sim_create_item, "m:CreateItemResponse", "m:CreateItemResponseMessage",
     "m:Items", "Items"},
    {"ExpandDL", exg_sim_expand_dl, "m:ExpandDLResponse", "m:ExpandDLResponseMessage", NULL, NULL},
    {"FindFolder", exg_sim_find_folder, "m:FindFolderResponse", "m:FindFolderResponseMessage", NULL,
     "ParentFolderIds"},
    {"FindItem", exg_sim_find_item, "m:FindItemResponse", "m:FindItemResponseMessage", NULL,
     "ParentFolderIds"},
    {"GetFolder", exg_sim_get_folder, "m:GetFolderResponse", "m:GetFolderResponseMessage",
     "m:Folders", "FolderIds"},
    {"GetItem", exg_sim_get_item, "m:GetItemResponse", "m:GetItemResponseMessage", "m:Items",
     "ItemIds"},
    {"GetMailTips", exg_sim_get_mail_tips, NULL, NULL, NULL, NULL},
    {"GetRoomLists", exg_sim_get_room_lists, NULL, NULL, NULL, NULL},
    {"GetRooms", exg_sim_get_rooms, NULL, NULL, NULL, NULL},
    {"GetSearchableMailboxes", exg_sim_get_searchable_mailboxes, NULL, NULL, NULL, NULL},
    {"GetServerTimeZones", exg_sim_get_server_time_zones, "m:GetServerTimeZonesResponse",
     "m:GetServerTimeZonesResponseMessage", "m:TimeZoneDefinitions", NULL},
    {"GetUserAvailability", exg_sim_get_user_availability, NULL, NULL, NULL, NULL},
    {"GetUserOofSettings", exg_sim_get_user_oof_settings, NULL, NULL, NULL, NULL},
    {"CopyItem", exg_sim_copy_item, "m:CopyItemResponse", "m:CopyItemResponseMessage", "m:Items",
     "ItemIds"},
    {"CreateFolder", exg_sim_create_folder, "m:CreateFolderResponse",
     "m:CreateFolderResponseMessage", "m:Folders", "Folders"},
    {"DeleteFolder", exg_sim_delete_folder, "m:DeleteFolderResponse",
     "m:DeleteFolderResponseMessage", NULL, "FolderIds"},
    {"DeleteItem", exg_sim_delete_item, "m:DeleteItemResponse", "m:DeleteItemResponseMessage", NULL,
     "ItemIds"},
    {"GetStreamingEvents", exg_sim_get_streaming_events, "m:GetStreamingEventsResponse",
     "m:GetStreamingEventsResponseMessage", NULL, NULL},
    {"MoveItem", exg_sim_move_item, "m:MoveItemResponse", "m:MoveItemResponseMessage", "m:Items",
     "ItemIds"},
    {"SendItem", exg_sim_send_item, "m:SendItemResponse", "m:SendItemResponseMessage", NULL,
     "ItemIds"},
    {"Subscribe", exg_sim_subscribe, "m:SubscribeResponse", "m:SubscribeResponseMessage", NULL,
     NULL},
    {"SyncFolderHierarchy", exg_sim_sync_folder_hierarchy, "m:SyncFolderHierarchyResponse",
     "m:SyncFolderHierarchyResponseMessage", NULL, NULL},
    {"SyncFolderItems", exg_sim_sync_folder_items, "m:SyncFolderItemsResponse",
     "m:SyncFolderItemsResponseMessage", NULL, NULL},
    {"Unsubscribe", exg_sim_unsubscribe, "m:UnsubscribeResponse", "m:UnsubscribeResponseMessage",
     NULL, NULL},
    {"UpdateFolder", exg_sim_update_folder, "m:UpdateFolderResponse",
     "m:UpdateFolderResponseMessage", "m:Folders", "FolderChanges"},
    {"UpdateItem", exg_sim_update_item, "m:UpdateItemResponse", "m:UpdateItemResponseMessage",
     "m:Items", "ItemChanges"},
    {"ResolveNames", exg_sim_resolve_names, "m:ResolveNamesResponse",
     "m:ResolveNamesResponseMessage", NULL, NULL},
};

/* By its name, or by the element of its request: some are called NAMERequest. */
static const Operation *
find_operation(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(operations); i++) {
        const char *rest = exg_sim_after(name, operations[i].name);
        if (rest != NULL && (rest[0] == '\0' || g_str_equal(rest, "Request")))
            return &operations[i];
    }
    return NULL;
}

const ExgXmlNode *
exg_sim_message_child(const ExgXmlNode *node, const char *name)
{
    return exg_xml_node_child(node, EXG_SIM_NS_MESSAGES, name);
}

const ExgXmlNode *
exg_sim_type_child(const ExgXmlNode *node, const char *name)
{
    return exg_xml_node_child(node, EXG_SIM_NS_TYPES, name);
}

/* --- who and where ---------------------------------------------------------------------------- */

static bool
has_store(const ExgSimMailbox *mailbox)
{
    return g_str_equal(mailbox->type, "Mailbox") || g_str_equal(mailbox->type, "GroupMailbox");
}

static bool
no_mailbox(ExgSimRefusal *refusal, const char *address)
{
    exg_sim_refuse(refusal, "ErrorNonExistentMailbox", NULL);
    exg_sim_refusal_set_value(refusal, "SmtpAddress", address);
    return false;
}

static bool
impersonate(ExgSimCall *call)
{
    const ExgXmlNode *sid = call->envelope.connecting_sid;
    if (sid == NULL)
        return true;
    if (!call->caller.may_impersonate)
        return exg_sim_refuse(&call->refusal, "ErrorImpersonateUserDenied", NULL);
    g_autofree char *name = g_strstrip(g_strdup(sid->text));
    ExgSimMailbox *mailbox = g_str_equal(sid->name, "SID")
                                 ? exg_sim_directory_find_sid(call->directory, name)
                                 : exg_sim_directory_find(call->directory, name);
    if (mailbox == NULL || !has_store(mailbox))
        return no_mailbox(&call->refusal, name);
    if (g_str_equal(sid->name, "PrimarySmtpAddress") &&
        g_ascii_strcasecmp(name, mailbox->address) != 0) {
        exg_sim_refuse(&call->refusal, "ErrorNonPrimarySmtpAddress", NULL);
        exg_sim_refusal_set_value(&call->refusal, "Primary", mailbox->address);
        return false;
    }
    call->impersonated = mailbox;
    return true;
}

/* An account "NAME", "DOMAIN\NAME" or "NAME@DOMAIN" has the mailbox of that address or name, if there is one. */
static ExgSimMailbox *
mailbox_of_account(const ExgSimCall *call)
{
    const char *backslash = strrchr(call->caller.account, '\\');
    const char *name = backslash != NULL ? backslash + 1 : call->caller.account;
    if (strchr(name, '@') != NULL)
        return exg_sim_directory_find(call->directory, name);
    for (guint i = 0; i < exg_sim_directory_count(call->directory); i++) {
        ExgSimMailbox *mailbox = exg_sim_directory_get(call->directory, i);
        gsize local = strcspn(mailbox->address, "@");
        if (local == strlen(name) && g_ascii_strncasecmp(mailbox->address, name, local) == 0)
            return mailbox;
    }
    return NULL;
}

ExgSimMailbox *
exg_sim_call_own_mailbox(ExgSimCall *call, ExgSimRefusal *refusal)
{
    if (call->impersonated != NULL)
        return call->impersonated;
    ExgSimMailbox *own = mailbox_of_account(call);
    if (own == NULL || !has_store(own)) {
        exg_sim_refuse(refusal, "ErrorMissingEmailAddress", NULL);
        return NULL;
    }
    return own;
}

/* The service account gets into every mailbox that is not private; somebody impersonated only into his own. */
static bool
may_enter(const ExgSimCall *call, const ExgSimMailbox *mailbox)
{
    return call->impersonated != NULL ? mailbox == call->impersonated : !mailbox->is_private;
}

bool
exg_sim_call_folder(ExgSimCall *call, const ExgXmlNode *id, ExgSimMailbox **ret_mailbox,
                    const ExgSimFolder **ret_folder, ExgSimRefusal *refusal)
{
    const char *text = exg_xml_node_attribute(id, "Id");
    const ExgSimFolder *folder;
    ExgSimMailbox *mailbox;
    if (g_str_equal(id->name, "FolderId")) {
        g_autofree char *address = NULL;
        guint number;
        if (!exg_sim_id_parse(text, &address, &folder, &number) || number != 0)
            return exg_sim_refuse_invalid(refusal, "ErrorInvalidIdMalformed", NULL);
        mailbox = exg_sim_directory_find(call->directory, address);
    } else if (g_str_equal(id->name, "DistinguishedFolderId")) {
        folder = exg_sim_folder_find(text);
        const ExgXmlNode *address = exg_sim_type_child(exg_sim_type_child(id, "Mailbox"),
                                                       "EmailAddress");
        mailbox = address != NULL ? exg_sim_directory_find(call->directory, address->text)
                                  : exg_sim_call_own_mailbox(call, refusal);
        if (mailbox == NULL && address == NULL)
            return false;
        if (mailbox == NULL || !has_store(mailbox))
            return no_mailbox(refusal, address != NULL ? address->text : call->caller.account);
    } else {
        return exg_sim_refuse_invalid(refusal, "ErrorInvalidFolderId", NULL);
    }
    /* Exchange does not tell "not there" from "not for you". */
    if (folder == NULL || mailbox == NULL || !may_enter(call, mailbox) ||
        !exg_sim_folder_is_in(folder, mailbox->address))
        return exg_sim_refuse(refusal, "ErrorFolderNotFound", NULL);
    *ret_mailbox = mailbox;
    *ret_folder = folder;
    return true;
}

bool
exg_sim_call_item(ExgSimCall *call, const ExgXmlNode *id, ExgSimMailbox **ret_mailbox,
                  ExgSimItem **ret_item, ExgSimRefusal *refusal)
{
    g_autofree char *address = NULL;
    const ExgSimFolder *folder;
    guint number;
    const char *text = exg_xml_node_attribute(id, "Id");
    if (text == NULL || !exg_sim_id_parse(text, &address, &folder, &number) || number == 0)
        return exg_sim_refuse_invalid(refusal, "ErrorInvalidIdMalformed", NULL);
    ExgSimMailbox *mailbox = exg_sim_directory_find(call->directory, address);
    ExgSimItem *item = mailbox != NULL && may_enter(call, mailbox)
                           ? exg_sim_mailbox_find(mailbox, folder, number)
                           : NULL;
    if (item == NULL)
        return exg_sim_refuse(refusal, "ErrorItemNotFound", NULL);
    *ret_mailbox = mailbox;
    *ret_item = item;
    return true;
}

/* Whose mailbox the request concerns, for the log and the scenario: the first that it names. */
static char *
find_mailbox(ExgSimCall *call)
{
    static const char *const containers[] = {"SavedItemFolderId", "ParentFolderIds", "FolderIds",
                                             "ToFolderId",        "SyncFolderId",    "ItemIds"};
    g_auto(ExgSimRefusal) ignored = {0};
    if (call->impersonated != NULL)
        return g_strdup(call->impersonated->address);
    if (call->envelope.connecting_sid != NULL)
        return g_strdup(call->envelope.connecting_sid->text);
    for (guint i = 0; i < G_N_ELEMENTS(containers); i++) {
        const ExgXmlNode *container = exg_sim_message_child(call->envelope.operation,
                                                            containers[i]);
        const ExgXmlNode *id = container != NULL ? container->first_child : NULL;
        const ExgXmlNode *address = exg_sim_type_child(exg_sim_type_child(id, "Mailbox"),
                                                       "EmailAddress");
        const char *text = exg_xml_node_attribute(id, "Id");
        const ExgSimFolder *folder;
        char *found;
        guint number;
        if (address != NULL) {
            ExgSimMailbox *mailbox = exg_sim_directory_find(call->directory, address->text);
            return g_strdup(mailbox != NULL ? mailbox->address : address->text);
        }
        if (text != NULL && exg_sim_id_parse(text, &found, &folder, &number))
            return found;
    }
    ExgSimMailbox *own = exg_sim_call_own_mailbox(call, &ignored);
    return own != NULL ? g_strdup(own->address) : NULL;
}

/* --- the call --------------------------------------------------------------------------------- */

static bool
parse(ExgSimCall *call, const char *body, gsize length)
{
    const ExgXmlLimits limits = {
        .total_bytes = length + 1, .depth = MAX_DEPTH, .attributes = MAX_ATTRIBUTES};
    g_autoptr(GError) error = NULL;
    if (!exg_sim_validate_characters(body, length, &call->refusal))
        return false;
    call->tree = exg_xml_tree_parse(body, length, &limits, MAX_NODES, &error);
    if (call->tree == NULL)
        return exg_sim_refuse_schema(&call->refusal, "%s", error->message);
    return true;
}

ExgSimCall *
exg_sim_call_new(ExgSimDirectory *directory, ExgSimCaller *caller, const char *body, gsize length)
{
    ExgSimCall *call = g_new0(ExgSimCall, 1);
    call->directory = directory;
    call->caller = *caller;
    *caller = (ExgSimCaller){0};
    if (!parse(call, body, length))
        return call;
    bool valid = exg_sim_validate_envelope(exg_xml_tree_root(call->tree),
                                           exg_sim_directory_product(call->directory),
                                           &call->envelope, &call->refusal);
    if (call->envelope.operation != NULL) {
        const char *name = call->envelope.operation->name;
        const Operation *operation = find_operation(name);
        call->operation = operation != NULL ? operation->name : name;
    }
    if (valid)
        impersonate(call);
    if (valid)
        call->mailbox = find_mailbox(call);
    return call;
}

void
exg_sim_call_free(ExgSimCall *call)
{
    if (call == NULL)
        return;
    exg_sim_refusal_clear(&call->refusal);
    exg_xml_tree_free(call->tree);
    g_free(call->caller.account);
    g_free(call->caller.anchor);
    g_free(call->caller.client_request_id);
    g_free(call->mailbox);
    g_free(call->response_code);
    g_free(call->invalid);
    g_clear_pointer(&call->streams, g_ptr_array_unref);
    g_free(call);
}

static void
note_code(ExgSimCall *call, const ExgSimRefusal *refusal)
{
    const char *code = refusal->code != NULL ? refusal->code : "NoError";
    if (call->response_code == NULL || g_str_equal(call->response_code, "NoError")) {
        g_free(call->response_code);
        call->response_code = g_strdup(code);
    }
    if (refusal->invalid && call->invalid == NULL)
        call->invalid = g_strdup_printf("%s %s", refusal->code, refusal->text);
}

void
exg_sim_call_start_message(ExgSimCall *call, const char *element, const ExgSimRefusal *refusal)
{
    ExgXmlWriter *writer = &call->writer;
    note_code(call, refusal);
    exg_xml_start(writer, element);
    if (refusal->code == NULL) {
        exg_xml_attribute(writer, "ResponseClass", "Success");
        exg_xml_element(writer, "m:ResponseCode", "NoError");
        return;
    }
    exg_xml_attribute(writer, "ResponseClass", exg_sim_code_class(refusal->code));
    exg_xml_element(writer, "m:MessageText", refusal->text);
    exg_xml_element(writer, "m:ResponseCode", refusal->code);
    exg_xml_element(writer, "m:DescriptiveLinkKey", "0");
    exg_sim_soap_write_values(writer, "m:MessageXml", refusal);
}

bool
exg_sim_call_take_injected(const ExgSimCall *call, ExgSimRefusal *refusal)
{
    if (call->injected == NULL)
        return false;
    exg_sim_refuse(refusal, call->injected->code, "%s", call->injected->text);
    if (call->injected->value_name != NULL)
        exg_sim_refusal_set_value(refusal, call->injected->value_name, call->injected->value);
    refusal->inner = g_strdup(call->injected->inner);
    return true;
}

void
exg_sim_call_write_mailbox(ExgSimCall *call, const char *element, const ExgSimMailbox *mailbox)
{
    exg_xml_start(&call->writer, element);
    exg_xml_element(&call->writer, "t:Name", mailbox->display_name);
    exg_xml_element(&call->writer, "t:EmailAddress", mailbox->address);
    exg_xml_element(&call->writer, "t:RoutingType", "SMTP");
    exg_xml_element(&call->writer, "t:MailboxType", mailbox->type);
    exg_xml_end(&call->writer);
}

void
exg_sim_call_write_items(ExgSimCall *call, const ExgSimItem *item)
{
    exg_xml_start(&call->writer, "m:Items");
    if (item != NULL) {
        exg_xml_start(&call->writer, "t:Message");
        exg_xml_start(&call->writer, "t:ItemId");
        exg_xml_attribute(&call->writer, "Id", item->id);
        exg_xml_attribute(&call->writer, "ChangeKey", item->change_key);
        exg_xml_end(&call->writer);
        exg_xml_end(&call->writer);
    }
    exg_xml_end(&call->writer);
}

static char *
answer_fault(ExgSimCall *call, guint *ret_status, gsize *ret_length)
{
    note_code(call, &call->refusal);
    *ret_status = 500;
    return exg_sim_soap_fault(&call->refusal, ret_length);
}

static void
start_response(ExgSimCall *call, const Operation *operation)
{
    exg_sim_soap_start(&call->writer, exg_sim_directory_product(call->directory));
    if (operation->response == NULL)
        return;
    exg_xml_start(&call->writer, operation->response);
    exg_xml_start(&call->writer, "m:ResponseMessages");
}

char *
exg_sim_call_execute(ExgSimCall *call, guint *ret_status, gsize *ret_length)
{
    if (call->refusal.code != NULL)
        return answer_fault(call, ret_status, ret_length);
    const Operation *operation = find_operation(call->operation);
    start_response(call, operation);
    if (!operation->run(call, &call->refusal)) {
        exg_xml_writer_clear(&call->writer);
        return answer_fault(call, ret_status, ret_length);
    }
    *ret_status = 200;
    return exg_sim_soap_end(&call->writer, ret_length);
}

static guint
count_messages(const ExgSimCall *call, const Operation *operation)
{
    guint count = 0;
    if (operation->container == NULL)
        return 1;
    const ExgXmlNode *container = exg_sim_message_child(call->envelope.operation,
                                                        operation->container);
    for (const ExgXmlNode *node = container->first_child; node != NULL; node = node->next)
        count++;
    return count;
}

char *
exg_sim_call_execute_code(ExgSimCall *call, const ExgSimFault *fault, guint *ret_status,
                          gsize *ret_length)
{
    g_auto(ExgSimRefusal) refusal = {0}, stopped = {0};
    exg_sim_refuse(&refusal, fault->code, NULL);
    exg_sim_refuse(&stopped, "ErrorBatchProcessingStopped", NULL);
    if (fault->backoff_ms >= 0) {
        g_autofree char *backoff = g_strdup_printf("%" G_GINT64_FORMAT, fault->backoff_ms);
        exg_sim_refusal_set_value(&refusal, "BackOffMilliseconds", backoff);
    }
    refusal.inner = g_strdup(fault->inner);
    if (fault->as_fault) {
        note_code(call, &refusal);
        *ret_status = 500;
        return exg_sim_soap_fault(&refusal, ret_length);
    }
    const Operation *operation = find_operation(call->operation);
    start_response(call, operation);
    if (operation->response == NULL) {
        call->injected = &refusal;
        (void)operation->run(call, &call->refusal);
        call->injected = NULL;
        *ret_status = 200;
        return exg_sim_soap_end(&call->writer, ret_length);
    }
    for (guint i = 0; i < count_messages(call, operation); i++) {
        bool untried = i > 0 && exg_sim_code_stops_batch(fault->code);
        exg_sim_call_start_message(call, operation->message, untried ? &stopped : &refusal);
        if (operation->content != NULL)
            exg_xml_element(&call->writer, operation->content, "");
        exg_xml_end(&call->writer);
    }
    *ret_status = 200;
    return exg_sim_soap_end(&call->writer, ret_length);
}
