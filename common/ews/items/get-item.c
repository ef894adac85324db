#include "common/ews/items/get-item-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/item-private.h"

void
exg_ews_content_free(ExgEwsContent *content)
{
    if (content == NULL)
        return;
    exg_ews_item_free(content->item);
    g_free(content);
}

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    static const char *const fields[] = {"item:ItemClass", "item:Subject", "item:Size",
                                         "item:DateTimeReceived", "item:HasAttachments"};
    const ExgEwsFetch *fetch = context;
    exg_xml_start(writer, "m:GetItem");
    exg_xml_start(writer, "m:ItemShape");
    exg_xml_element(writer, "t:BaseShape", "IdOnly");
    exg_xml_element(writer, "t:IncludeMimeContent", "true");
    exg_xml_start(writer, "t:AdditionalProperties");
    for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
        exg_ews_write_leaf(writer, "t:FieldURI", "FieldURI", fields[i]);
    exg_xml_end(writer);
    exg_xml_end(writer);
    exg_xml_start(writer, "m:ItemIds");
    exg_ews_write_item_id(writer, &fetch->id);
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
       gpointer *ret_result, GError **error)
{
    const ExgEwsFetch *fetch = context;
    guint64 length;
    if (!exg_ews_message_check(operation, message, error))
        return false;
    const ExgXmlNode *items = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "Items");
    g_autoptr(ExgEwsItem) item = items != NULL ? exg_ews_item_read(items->first_child) : NULL;
    if (item == NULL)
        return exg_ews_answer_senseless(operation, error, "success without an ItemId");
    if (!exg_ews_mime_filter_close(fetch->filter, &length, error))
        return false;
    ExgEwsContent *content = g_new0(ExgEwsContent, 1);
    content->item = g_steal_pointer(&item);
    content->length = length;
    *ret_result = content;
    return true;
}

static void
free_content(gpointer content)
{
    exg_ews_content_free(content);
}

static void
begin(gpointer context)
{
    exg_ews_mime_filter_begin(((ExgEwsFetch *)context)->filter);
}

static bool
take(gpointer context, const char *data, gsize length, GError **error)
{
    return exg_ews_mime_filter_take(((ExgEwsFetch *)context)->filter, data, length, error);
}

static GBytes *
end(gpointer context)
{
    return exg_ews_mime_filter_end(((ExgEwsFetch *)context)->filter);
}

static const ExgEwsIntake intake = {
    .max_bytes = EXG_EWS_MAX_CONTENT_BYTES, .begin = begin, .take = take, .end = end};

const ExgEwsOperation exg_ews_get_item_operation = {
    .name = "GetItem",
    .n_messages = 1,
    .write = write_request,
    .decode = decode,
    .free_result = free_content,
    .intake = &intake,
};

static void
free_fetch(gpointer data)
{
    ExgEwsFetch *fetch = data;
    exg_ews_item_id_clear(&fetch->id);
    exg_ews_mime_filter_free(fetch->filter);
    g_free(fetch);
}

void
exg_ews_get_item_async(ExgEwsService *service, const ExgEwsTarget *target, const ExgEwsItemId *id,
                       int fd, gint64 deadline_us, GCancellable *cancellable,
                       GAsyncReadyCallback callback, gpointer data)
{
    ExgEwsFetch *fetch = g_new(ExgEwsFetch, 1);
    *fetch = (ExgEwsFetch){exg_ews_item_id_copy(id), exg_ews_mime_filter_new(fd)};
    exg_ews_call_start(service, &exg_ews_get_item_operation, target, fetch, free_fetch, deadline_us,
                       cancellable, callback, data);
}

bool
exg_ews_get_item_finish(ExgEwsService *service, GAsyncResult *result, ExgEwsContent **ret_content,
                        GError **error)
{
    gpointer content = NULL;
    if (!exg_ews_call_finish(result, &exg_ews_get_item_operation, &content, error))
        return false;
    *ret_content = content;
    return true;
}
