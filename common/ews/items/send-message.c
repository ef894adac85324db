#include "common/ews/items/send-message-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/item-private.h"
#include "common/ews/items/mime-body-private.h"

static void
write_bcc(ExgXmlWriter *writer, const char *const *addresses)
{
    if (addresses == NULL || addresses[0] == NULL)
        return;
    exg_xml_start(writer, "t:BccRecipients");
    for (guint i = 0; addresses[i] != NULL; i++) {
        exg_xml_start(writer, "t:Mailbox");
        exg_xml_element(writer, "t:EmailAddress", addresses[i]);
        exg_xml_end(writer);
    }
    exg_xml_end(writer);
}

static void
write_folder(ExgXmlWriter *writer, const ExgEwsTarget *target, const ExgEwsFolderId *folder)
{
    static const ExgEwsFolderId sent_items = {.distinguished = "sentitems"};
    bool named = folder->distinguished != NULL || folder->id != NULL;
    exg_xml_start(writer, "m:SavedItemFolderId");
    exg_ews_write_any_folder(writer, target, named ? folder : &sent_items);
    exg_xml_end(writer);
}

static ExgHttpBody *
make_body(const char *version, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsOutgoing *outgoing = context;
    bool saved = outgoing->sending == EXG_EWS_SEND_AND_SAVE;
    g_auto(ExgXmlWriter) writer;
    exg_xml_writer_init(&writer);
    exg_ews_envelope_start(&writer, version, target);
    exg_xml_start(&writer, "m:CreateItem");
    exg_xml_attribute(&writer, "MessageDisposition", saved ? "SendAndSaveCopy" : "SendOnly");
    if (saved)
        write_folder(&writer, target, &outgoing->saved_in);
    exg_xml_start(&writer, "m:Items");
    exg_xml_start(&writer, "t:Message");
    exg_xml_start(&writer, "t:MimeContent");
    exg_xml_attribute(&writer, "CharacterSet", "UTF-8");
    gsize split = exg_xml_position(&writer);
    exg_xml_end(&writer);
    write_bcc(&writer, outgoing->bcc);

    gsize length = 0;
    char *text = exg_xml_writer_steal(&writer, &length);
    g_autoptr(GBytes) whole = g_bytes_new_take(text, length);
    g_autoptr(GBytes) prefix = g_bytes_new_from_bytes(whole, 0, split);
    g_autoptr(GBytes) suffix = g_bytes_new_from_bytes(whole, split, length - split);
    return exg_ews_mime_body_new(prefix, NULL, outgoing->message, suffix);
}

/* What was sent has no ItemId in the answer. */
static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
       gpointer *ret_result, GError **error)
{
    if (!exg_ews_message_check(operation, message, error))
        return false;
    *ret_result = NULL;
    return true;
}

const ExgEwsOperation exg_ews_send_message_operation = {
    .name = "CreateItem",
    .once = true,
    .n_messages = 1,
    .make_body = make_body,
    .decode = decode,
};

static void
free_outgoing(gpointer data)
{
    ExgEwsOutgoing *outgoing = data;
    exg_ews_folder_id_clear(&outgoing->saved_in);
    g_strfreev((char **)outgoing->bcc);
    exg_message_unref(outgoing->message);
    g_free(outgoing);
}

void
exg_ews_send_message_async(ExgEwsService *service, const ExgEwsTarget *target,
                           const ExgEwsOutgoing *outgoing, gint64 deadline_us,
                           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    ExgEwsOutgoing *copy = g_new(ExgEwsOutgoing, 1);
    *copy = *outgoing;
    copy->saved_in = exg_ews_folder_id_copy(&outgoing->saved_in);
    copy->bcc = (const char *const *)g_strdupv((char **)outgoing->bcc);
    exg_message_ref(copy->message);
    exg_ews_call_start(service, &exg_ews_send_message_operation, target, copy, free_outgoing,
                       deadline_us, cancellable, callback, data);
}

bool
exg_ews_send_message_finish(ExgEwsService *service, GAsyncResult *result, GError **error)
{
    gpointer nothing = NULL;
    return exg_ews_call_finish(result, &exg_ews_send_message_operation, &nothing, error);
}
