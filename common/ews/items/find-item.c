#include "common/ews/items/find-item-private.h"

#include "common/ews/call-private.h"
#include "common/ews/items/create-item.h"
#include "common/ews/envelope-private.h"
#include "common/ews/item-private.h"
#include "common/ews/value-private.h"

#define MAX_ENTRIES 10 /* of one folder; one is enough to know */

static const char *const folders[] = {"inbox", "deleteditems", "junkemail"};

static void
write_constant(ExgXmlWriter *writer, const char *value)
{
    exg_xml_start(writer, "t:FieldURIOrConstant");
    exg_ews_write_leaf(writer, "t:Constant", "Value", value);
    exg_xml_end(writer);
}

static void
write_restriction(ExgXmlWriter *writer, ExgEwsFindBy by, const char *value, gint64 created_since)
{
    exg_xml_start(writer, "m:Restriction");
    if (created_since != 0) {
        g_autofree char *since = exg_ews_format_time(created_since);
        exg_xml_start(writer, "t:And");
        exg_xml_start(writer, "t:IsGreaterThanOrEqualTo");
        exg_ews_write_leaf(writer, "t:FieldURI", "FieldURI", "item:DateTimeCreated");
        write_constant(writer, since);
        exg_xml_end(writer);
    }
    exg_xml_start(writer, "t:IsEqualTo");
    if (by == EXG_EWS_BY_DELIVERY_KEY)
        exg_ews_write_delivery_key_uri(writer);
    else
        exg_ews_write_leaf(writer, "t:FieldURI", "FieldURI", "message:InternetMessageId");
    write_constant(writer, value);
    exg_xml_end(writer);
    if (created_since != 0)
        exg_xml_end(writer);
    exg_xml_end(writer);
}

static void
search_free(gpointer data)
{
    ExgEwsItemSearch *search = data;
    g_free(search->value);
    g_free(search->folder_id);
    g_free(search);
}

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsItemSearch *search = context;
    exg_xml_start(writer, "m:FindItem");
    exg_xml_attribute(writer, "Traversal", "Shallow");
    exg_ews_write_item_shape(writer, true);
    exg_ews_write_page(writer, "m:IndexedPageItemView", 0, MAX_ENTRIES);
    write_restriction(writer, search->by, search->value, search->created_since);
    exg_xml_start(writer, "m:ParentFolderIds");
    for (guint i = 0; i < G_N_ELEMENTS(folders); i++)
        exg_ews_write_folder(writer, target, folders[i]);
    if (search->folder_id != NULL)
        exg_ews_write_any_folder(writer, target, &(ExgEwsFolderId){.id = search->folder_id});
}

static bool
collect(const ExgEwsOperation *operation, const ExgXmlNode *message, GPtrArray *ids, GError **error)
{
    const ExgXmlNode *root = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "RootFolder");
    const ExgXmlNode *items = exg_xml_node_child(root, EXG_EWS_TYPES_SPACE, "Items");
    const char *last = exg_xml_node_attribute(root, "IncludesLastItemInRange");
    guint before = ids->len;
    for (const ExgXmlNode *item = items != NULL ? items->first_child : NULL; item != NULL;
         item = item->next) {
        const char *id = exg_ews_item_id(item);
        if (id == NULL)
            return exg_ews_answer_senseless(operation, error, "an item without an ItemId");
        g_ptr_array_add(ids, g_strdup(id));
    }
    /* Nothing found is only said by a search that came to its end. */
    bool to_the_end = exg_ews_read_bool(last, false);
    if (items == NULL || (ids->len == before && !to_the_end))
        return exg_ews_answer_senseless(operation, error, "a folder was not searched to its end");
    return true;
}

/* A hit is a hit, whatever became of the other folders; a miss needs the word of all. */
static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
       gpointer *ret_result, GError **error)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) failure = NULL;
    const ExgEwsItemSearch *search = context;
    bool further = search != NULL && search->folder_id != NULL;
    guint wanted = G_N_ELEMENTS(folders) + further, answered = 0;
    for (; message != NULL; message = message->next) {
        answered++;
        GError **where = failure == NULL ? &failure : NULL;
        if (exg_ews_message_check(operation, message, where))
            collect(operation, message, ids, where);
    }
    if (answered != wanted)
        return exg_ews_answer_senseless(operation, error, "%u answers for %u folders", answered,
                                        wanted);
    if (ids->len == 0 && failure != NULL) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    g_ptr_array_add(ids, NULL);
    *ret_result = g_ptr_array_free(g_steal_pointer(&ids), FALSE);
    return true;
}

static void
free_ids(gpointer ids)
{
    g_strfreev(ids);
}

const ExgEwsOperation exg_ews_find_item_operation = {
    .name = "FindItem",
    .write = write_request,
    .decode = decode,
    .free_result = free_ids,
};

ExgHttpBody *
exg_ews_find_item_body(const char *version, const ExgEwsTarget *target, ExgEwsFindBy by,
                       const char *value, const char *folder_id, gint64 created_since)
{
    const ExgEwsItemSearch search = {by, (char *)value, (char *)folder_id, created_since};
    return exg_ews_call_payload(&exg_ews_find_item_operation, version, target, &search);
}

void
exg_ews_find_item_async(ExgEwsService *service, const ExgEwsTarget *target, ExgEwsFindBy by,
                        const char *value, const char *folder_id, gint64 created_since,
                        gint64 deadline_us, GCancellable *cancellable, GAsyncReadyCallback callback,
                        gpointer data)
{
    ExgEwsItemSearch *search = g_new(ExgEwsItemSearch, 1);
    *search = (ExgEwsItemSearch){by, g_strdup(value), g_strdup(folder_id), created_since};
    exg_ews_call_start(service, &exg_ews_find_item_operation, target, search, search_free,
                       deadline_us, cancellable, callback, data);
}

bool
exg_ews_find_item_finish(ExgEwsService *service, GAsyncResult *result, char ***ret_item_ids,
                         GError **error)
{
    gpointer ids = NULL;
    if (!exg_ews_call_finish(result, &exg_ews_find_item_operation, &ids, error))
        return false;
    *ret_item_ids = ids;
    return true;
}
