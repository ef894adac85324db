/* CreateItem: stores messages, or sends them to whoever of the recipients is in the directory. */
#include "common/base/failpoint.h"
#include "tests/exchange-sim/call.h"
#include "tests/exchange-sim/property.h"
#include "tests/exchange-sim/schema.h"
#include "tests/exchange-sim/text.h"

#include <string.h>

/* What one item of the request comes to. */
typedef struct {
    ExgSimItem *item;
    char *content;
    gsize length;
} NewItem;

static void
new_item_clear(NewItem *new_item)
{
    exg_sim_item_free(new_item->item);
    g_free(new_item->content);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NewItem, new_item_clear)

static bool
check_elements(const ExgXmlNode *node, ExgSimRefusal *refusal)
{
    /* Elements that the schema allows here and Exchange does not let a client set. */
    static const char *const read_only[] = {
        "ItemId",
        "ParentFolderId",
        "DateTimeReceived",
        "Size",
        "IsSubmitted",
        "IsDraft",
        "IsFromMe",
        "IsResend",
        "IsUnmodified",
        "InternetMessageHeaders",
        "DateTimeSent",
        "DateTimeCreated",
        "ResponseObjects",
        "DisplayCc",
        "DisplayTo",
        "HasAttachments",
        "EffectiveRights",
        "LastModifiedName",
        "LastModifiedTime",
        "IsAssociated",
        "ConversationId",
        "ConversationIndex",
        "ConversationTopic",
        "InternetMessageId",
        "ReceivedBy",
        "ReceivedRepresenting",
        NULL,
    };
    for (const ExgXmlNode *child = node->first_child; child != NULL; child = child->next)
        if (g_strv_contains(read_only, child->name))
            return exg_sim_refuse_invalid(refusal, "ErrorInvalidPropertySet",
                                          "The property '%s' cannot be set.", child->name);
    return true;
}

static bool
read_extended_properties(ExgSimItem *item, const ExgXmlNode *node, ExgSimRefusal *refusal)
{
    gint64 seconds;
    for (const ExgXmlNode *property = exg_sim_type_child(node, "ExtendedProperty");
         property != NULL; property = exg_xml_node_next_same(property)) {
        const ExgXmlNode *uri = exg_sim_type_child(property, "ExtendedFieldURI");
        const ExgXmlNode *value = exg_sim_type_child(property, "Value");
        const char *type = exg_xml_node_attribute(uri, "PropertyType");
        g_autofree char *path = NULL;
        if (!exg_sim_property_path(uri, &path, refusal))
            return false;
        if ((value == NULL) != g_str_has_suffix(type, "Array"))
            return exg_sim_refuse_invalid(refusal, "ErrorInvalidExtendedProperty",
                                          "An array type needs Values, any other one Value.");
        if (value == NULL)
            continue;
        if (!exg_sim_property_check(type, value->text, refusal))
            return false;
        exg_sim_item_add_property(item, path, type, value->text);
        if (g_str_equal(path, EXG_SIM_TAG_MESSAGE_FLAGS))
            item->message_flags = (guint32)g_ascii_strtoll(value->text, NULL, 10);
        else if (g_str_equal(path, EXG_SIM_TAG_DELIVERY_TIME) &&
                 exg_sim_time_parse(value->text, &seconds))
            item->delivered = seconds;
    }
    return true;
}

/* A message without MIME content, from its elements. Enough for clients that compose that way. */
static void
compose(NewItem *new_item, const ExgXmlNode *node)
{
    static const char *const lists[] = {"ToRecipients", "CcRecipients"};
    GString *text = g_string_new(NULL);
    const ExgXmlNode *subject = exg_sim_type_child(node, "Subject");
    const ExgXmlNode *body = exg_sim_type_child(node, "Body");
    const char *format = exg_xml_node_attribute(body, "BodyType");
    for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
        const ExgXmlNode *list = exg_sim_type_child(node, lists[i]);
        for (const ExgXmlNode *to = exg_sim_type_child(list, "Mailbox"); to != NULL;
             to = to->next) {
            const ExgXmlNode *address = exg_sim_type_child(to, "EmailAddress");
            if (address != NULL)
                g_string_append_printf(text, "%s: <%s>\r\n", i == 0 ? "To" : "Cc", address->text);
        }
    }
    if (subject != NULL)
        g_string_append_printf(text, "Subject: %s\r\n", subject->text);
    g_string_append_printf(
        text, "MIME-Version: 1.0\r\nContent-Type: text/%s; charset=utf-8\r\n\r\n%s\r\n",
        g_strcmp0(format, "HTML") == 0 ? "html" : "plain", body != NULL ? body->text : "");
    new_item->length = text->len;
    new_item->content = g_string_free(text, FALSE);
}

static bool
read_content(NewItem *new_item, const ExgXmlNode *node, ExgSimRefusal *refusal)
{
    const ExgXmlNode *mime = exg_sim_type_child(node, "MimeContent");
    guint8 *bytes;
    if (mime == NULL) {
        compose(new_item, node);
        return true;
    }
    if (!exg_sim_base64_decode(mime->text, mime->text_length, &bytes, &new_item->length))
        return exg_sim_refuse_invalid(refusal, "ErrorMimeContentInvalidBase64String", NULL);
    new_item->content = (char *)bytes;
    if (new_item->length == 0)
        return exg_sim_refuse_invalid(refusal, "ErrorMimeContentInvalid", NULL);
    return true;
}

static bool
read_item(ExgSimCall *call, const ExgXmlNode *node, NewItem *new_item, ExgSimRefusal *refusal)
{
    if (!g_str_equal(node->name, "Message") && !g_str_equal(node->name, "Item"))
        return exg_sim_refuse_invalid(refusal, "ErrorInvalidItemForOperationCreateItem",
                                      "The simulated Exchange stores messages only, not '%s'.",
                                      node->name);
    ExgSimItem *item = new_item->item = exg_sim_item_new();
    item->message_flags = EXG_SIM_FLAG_UNSENT | EXG_SIM_FLAG_UNMODIFIED;
    if (!check_elements(node, refusal) || !read_extended_properties(item, node, refusal) ||
        !read_content(new_item, node, refusal))
        return false;
    const ExgXmlNode *class = exg_sim_type_child(node, "ItemClass");
    const ExgXmlNode *is_read = exg_sim_type_child(node, "IsRead");
    item->item_class = g_strdup(class != NULL ? class->text : "IPM.Note");
    item->is_read = is_read != NULL ? is_read->text[0] == 't' || is_read->text[0] == '1'
                                    : (item->message_flags & EXG_SIM_FLAG_READ) != 0;
    exg_sim_item_read_header(item, new_item->content, new_item->length);
    item->account = g_strdup(call->caller.account);
    item->impersonated = call->impersonated != NULL ? g_strdup(call->envelope.connecting_sid->text)
                                                    : NULL;
    item->anchor = g_strdup(call->caller.anchor);
    item->client_request_id = g_strdup(call->caller.client_request_id);
    return true;
}

static const ExgSimItem *
store(ExgSimCall *call, ExgSimMailbox *mailbox, const ExgSimFolder *folder, NewItem *new_item,
      ExgSimRefusal *refusal)
{
    g_autoptr(GError) error = NULL;
    if (mailbox->is_full || (mailbox->quota_bytes != 0 &&
                             mailbox->used_bytes + new_item->length > mailbox->quota_bytes)) {
        exg_sim_refuse(refusal, "ErrorQuotaExceeded", NULL);
        return NULL;
    }
    EXG_FAIL_POINT("sim-before-storing");
    ExgSimItem *item = exg_sim_mailbox_store(mailbox, folder, g_steal_pointer(&new_item->item),
                                             new_item->content, new_item->length, &error);
    if (item == NULL)
        exg_sim_refuse(refusal, "ErrorItemSave", "%s", error->message);
    else
        call->stored++;
    EXG_FAIL_POINT("sim-stored");
    return item;
}

/* --- sending ---------------------------------------------------------------------------------- */

static void
collect_recipients(const ExgXmlNode *node, const char *content, gsize length, GPtrArray *addresses)
{
    static const char *const lists[] = {"ToRecipients", "CcRecipients", "BccRecipients"};
    static const char *const fields[] = {"To", "Cc", "Bcc"};
    for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
        const ExgXmlNode *list = exg_sim_type_child(node, lists[i]);
        for (const ExgXmlNode *to = exg_sim_type_child(list, "Mailbox"); to != NULL;
             to = to->next) {
            const ExgXmlNode *address = exg_sim_type_child(to, "EmailAddress");
            if (address != NULL)
                exg_sim_mime_addresses(address->text, addresses);
        }
        g_autofree char *field = exg_sim_mime_field(content, length, fields[i]);
        if (field != NULL)
            exg_sim_mime_addresses(field, addresses);
    }
}

/* Puts a copy into the inbox of every recipient who is here; what goes elsewhere is lost. */
bool
exg_sim_send_copies(ExgSimCall *call, const ExgXmlNode *node, const char *content, gsize length,
                    ExgSimRefusal *refusal)
{
    g_autoptr(GPtrArray) addresses = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) done = g_ptr_array_new();
    collect_recipients(node, content, length, addresses);
    if (addresses->len == 0)
        return exg_sim_refuse(refusal, "ErrorInvalidRecipients", NULL);
    for (guint i = 0; i < addresses->len; i++) {
        ExgSimMailbox *mailbox = exg_sim_directory_find(call->directory,
                                                        g_ptr_array_index(addresses, i));
        if (mailbox == NULL || g_ptr_array_find(done, mailbox, NULL))
            continue;
        g_ptr_array_add(done, mailbox);
        g_autoptr(GError) error = NULL;
        ExgSimItem *copy = exg_sim_item_new();
        copy->item_class = g_strdup("IPM.Note");
        exg_sim_item_read_header(copy, content, length);
        const ExgSimFolder *inbox = exg_sim_folder_find("inbox");
        const ExgSimItem *arrived = exg_sim_mailbox_store(mailbox, inbox, copy, content, length,
                                                          &error);
        if (arrived == NULL)
            return exg_sim_refuse(refusal, "ErrorItemSave", "%s", error->message);
        call->stored++;
        exg_sim_mailbox_tell(
            mailbox,
            &(ExgSimEvent){.kind = EXG_SIM_NEW_MAIL, .item_id = arrived->id, .parent = inbox});
    }
    return true;
}

/* --- the operation ---------------------------------------------------------------------------- */

/* Where items are saved: the folder that the request names, else the usual one for what is done with them. */
static bool
find_target(ExgSimCall *call, bool sending, ExgSimMailbox **ret_mailbox,
            const ExgSimFolder **ret_folder, ExgSimRefusal *refusal)
{
    const ExgXmlNode *target = exg_sim_message_child(call->envelope.operation, "SavedItemFolderId");
    if (target != NULL)
        return exg_sim_call_folder(call, target->first_child, ret_mailbox, ret_folder, refusal);
    *ret_folder = exg_sim_folder_find(sending ? "sentitems" : "drafts");
    *ret_mailbox = exg_sim_call_own_mailbox(call, refusal);
    return *ret_mailbox != NULL;
}

/* `*ret_stored` is NULL after SendOnly and SendAndSaveCopy, whose answers name no item. */
static bool
create(ExgSimCall *call, const ExgXmlNode *node, const ExgSimItem **ret_stored,
       ExgSimRefusal *refusal)
{
    const char *disposition = exg_xml_node_attribute(call->envelope.operation,
                                                     "MessageDisposition");
    if (disposition == NULL)
        return exg_sim_refuse_invalid(refusal, "ErrorMessageDispositionRequired",
                                      "A message needs a MessageDisposition.");
    bool sending = !g_str_equal(disposition, "SaveOnly"),
         saving = !g_str_equal(disposition, "SendOnly");
    g_auto(NewItem) new_item = {0};
    ExgSimMailbox *mailbox = NULL;
    const ExgSimFolder *folder = NULL;
    if (saving && !find_target(call, sending, &mailbox, &folder, refusal))
        return false;
    if (!read_item(call, node, &new_item, refusal))
        return false;
    *ret_stored = NULL;
    if (sending) {
        if (!exg_sim_send_copies(call, node, new_item.content, new_item.length, refusal))
            return false;
        new_item.item->message_flags = EXG_SIM_FLAG_READ;
        new_item.item->is_read = true;
    }
    if (!saving)
        return true;
    const ExgSimItem *stored = store(call, mailbox, folder, &new_item, refusal);
    if (stored != NULL && !sending)
        *ret_stored = stored;
    return stored != NULL;
}

static void
write_item(ExgSimCall *call, const ExgSimItem *item)
{
    exg_xml_start(&call->writer, "m:Items");
    if (item != NULL) {
        exg_xml_start(&call->writer, "t:Message");
        if (!call->no_item_id) {
            exg_xml_start(&call->writer, "t:ItemId");
            exg_xml_attribute(&call->writer, "Id", item->id);
            exg_xml_attribute(&call->writer, "ChangeKey", item->change_key);
            exg_xml_end(&call->writer);
        }
        exg_xml_end(&call->writer);
    }
    exg_xml_end(&call->writer);
}

bool
exg_sim_create_item(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *items = exg_sim_message_child(call->envelope.operation, "Items");
    bool stopped = false;
    for (const ExgXmlNode *node = items->first_child; node != NULL; node = node->next) {
        g_auto(ExgSimRefusal) failure = {0};
        const ExgSimItem *stored = NULL;
        if (stopped)
            exg_sim_refuse(&failure, "ErrorBatchProcessingStopped", NULL);
        else if (!create(call, node, &stored, &failure))
            stopped = exg_sim_code_stops_batch(failure.code);
        exg_sim_call_start_message(call, "m:CreateItemResponseMessage", &failure);
        write_item(call, stored);
        exg_xml_end(&call->writer);
    }
    return true;
}
