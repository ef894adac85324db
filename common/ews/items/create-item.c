#include "common/ews/items/create-item-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/item-private.h"
#include "common/ews/items/mime-body-private.h"

/* Opens an extended property of a tag and writes its value. Only the number: its type stands
 * beside it. */
static void
write_tagged_property(ExgXmlWriter *writer, const char *tag, const char *type, const char *value)
{
    exg_xml_start(writer, "t:ExtendedProperty");
    exg_xml_start(writer, "t:ExtendedFieldURI");
    exg_xml_attribute(writer, "PropertyTag", tag);
    exg_xml_attribute(writer, "PropertyType", type);
    exg_xml_end(writer);
    exg_xml_element(writer, "t:Value", value);
    exg_xml_end(writer);
}

static void
write_properties(ExgXmlWriter *writer, const ExgEwsNewMessage *new_message)
{
    /* PidTagMessageFlags: without it the item would be a draft. */
    write_tagged_property(writer, "0x0E07", "Integer", "0");
    /* PidTagMessageDeliveryTime */
    g_autofree char *time = exg_ews_format_time(new_message->delivery_time);
    write_tagged_property(writer, "0x0E06", "SystemTime", time);
    exg_xml_start(writer, "t:ExtendedProperty");
    exg_ews_write_delivery_key_uri(writer);
    exg_xml_element(writer, "t:Value", new_message->delivery_key);
    exg_xml_end(writer);
    exg_xml_element(writer, "t:IsRead", "false");
}

ExgHttpBody *
exg_ews_create_item_body(const char *version, const ExgEwsTarget *target,
                         const ExgEwsNewMessage *new_message)
{
    g_auto(ExgXmlWriter) writer;
    exg_xml_writer_init(&writer);
    exg_ews_envelope_start(&writer, version, target);
    exg_xml_start(&writer, "m:CreateItem");
    exg_xml_attribute(&writer, "MessageDisposition", "SaveOnly");
    exg_xml_start(&writer, "m:SavedItemFolderId");
    exg_ews_write_any_folder(&writer, target,
                             &(ExgEwsFolderId){new_message->folder, new_message->folder_id});
    exg_xml_end(&writer);
    exg_xml_start(&writer, "m:Items");
    exg_xml_start(&writer, "t:Message");
    exg_xml_start(&writer, "t:MimeContent");
    exg_xml_attribute(&writer, "CharacterSet", "UTF-8");
    gsize split = exg_xml_position(&writer);
    exg_xml_end(&writer);
    write_properties(&writer, new_message);

    gsize length = 0;
    char *text = exg_xml_writer_steal(&writer, &length);
    g_autoptr(GBytes) whole = g_bytes_new_take(text, length);
    g_autoptr(GBytes) prefix = g_bytes_new_from_bytes(whole, 0, split);
    g_autoptr(GBytes) suffix = g_bytes_new_from_bytes(whole, split, length - split);
    return exg_ews_mime_body_new(prefix, new_message->trace, new_message->message, suffix);
}

/* A message on its way: what the request is made of, as often as it has to be. */
typedef struct {
    ExgEwsNewMessage message;
    char *folder, *folder_id;
    char *delivery_key;
} Passage;

static gpointer
passage_new(const ExgEwsNewMessage *new_message)
{
    Passage *passage = g_new0(Passage, 1);
    passage->message = *new_message;
    passage->message.folder = passage->folder = g_strdup(new_message->folder);
    passage->message.folder_id = passage->folder_id = g_strdup(new_message->folder_id);
    passage->message.delivery_key = passage->delivery_key = g_strdup(new_message->delivery_key);
    passage->message.trace = g_bytes_ref(new_message->trace);
    passage->message.message = exg_message_ref(new_message->message);
    return passage;
}

static void
passage_free(gpointer data)
{
    Passage *passage = data;
    g_bytes_unref(passage->message.trace);
    exg_message_unref(passage->message.message);
    g_free(passage->folder);
    g_free(passage->folder_id);
    g_free(passage->delivery_key);
    g_free(passage);
}

static ExgHttpBody *
make_body(const char *version, const ExgEwsTarget *target, gconstpointer context)
{
    const Passage *passage = context;
    return exg_ews_create_item_body(version, target, &passage->message);
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
       gpointer *ret_result, GError **error)
{
    if (!exg_ews_message_check(operation, message, error))
        return false;
    const ExgXmlNode *items = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "Items");
    const char *id = items != NULL ? exg_ews_item_id(items->first_child) : NULL;
    if (id == NULL)
        return exg_ews_answer_senseless(operation, error, "success without an ItemId");
    *ret_result = g_strdup(id);
    return true;
}

const ExgEwsOperation exg_ews_create_item_operation = {
    .name = "CreateItem",
    .once = true,
    .n_messages = 1,
    .make_body = make_body,
    .decode = decode,
    .free_result = g_free,
};

void
exg_ews_create_item_async(ExgEwsService *service, const ExgEwsTarget *target,
                          const ExgEwsNewMessage *new_message, gint64 deadline_us,
                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    exg_ews_call_start(service, &exg_ews_create_item_operation, target, passage_new(new_message),
                       passage_free, deadline_us, cancellable, callback, data);
}

bool
exg_ews_create_item_finish(ExgEwsService *service, GAsyncResult *result, char **ret_item_id,
                           GError **error)
{
    gpointer id = NULL;
    if (!exg_ews_call_finish(result, &exg_ews_create_item_operation, &id, error))
        return false;
    *ret_item_id = id;
    return true;
}
