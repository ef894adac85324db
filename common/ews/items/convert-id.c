#include "common/ews/items/convert-id-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/value-private.h"

#include <string.h>

#define MAX_PORTION  100
#define SCHEMA_SPACE "http://www.w3.org/2001/XMLSchema-instance"

static const char *const formats[EXG_EWS_N_ID_FORMATS] = {
    [EXG_EWS_ENTRY_ID] = "EntryId",
    [EXG_EWS_EWS_ID] = "EwsId",
    [EXG_EWS_EWS_LEGACY_ID] = "EwsLegacyId",
    [EXG_EWS_HEX_ENTRY_ID] = "HexEntryId",
    [EXG_EWS_OWA_ID] = "OwaId",
    [EXG_EWS_STORE_ID] = "StoreId",
};

static const char *const kinds[] = {
    [EXG_EWS_ID_IN_MAILBOX] = "t:AlternateId",
    [EXG_EWS_ID_OF_PUBLIC_FOLDER] = "t:AlternatePublicFolderId",
    [EXG_EWS_ID_OF_PUBLIC_ITEM] = "t:AlternatePublicFolderItemId",
};

const char *
exg_ews_id_format_name(ExgEwsIdFormat format)
{
    return formats[format];
}

bool
exg_ews_id_format_find(const char *name, ExgEwsIdFormat *ret_format)
{
    for (guint i = 0; i < EXG_EWS_N_ID_FORMATS; i++) {
        if (g_strcmp0(formats[i], name) == 0) {
            *ret_format = i;
            return true;
        }
    }
    return false;
}

ExgEwsAlternateId *
exg_ews_alternate_id_new(const char *id, ExgEwsIdFormat format, const char *mailbox)
{
    ExgEwsAlternateId *alternate = g_new0(ExgEwsAlternateId, 1);
    alternate->format = format;
    alternate->id = g_strdup(id);
    alternate->mailbox = g_strdup(mailbox);
    return alternate;
}

void
exg_ews_alternate_id_free(ExgEwsAlternateId *id)
{
    if (id == NULL)
        return;
    g_clear_error(&id->error);
    g_free(id->id);
    g_free(id->mailbox);
    g_free(id->folder_id);
    g_free(id);
}

static void
free_id(gpointer id)
{
    exg_ews_alternate_id_free(id);
}

static gsize
bytes_of(gconstpointer thing)
{
    const ExgEwsAlternateId *id = thing;
    const char *const parts[] = {id->id, id->folder_id, id->mailbox};
    gsize bytes = 0;
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
        bytes += parts[i] != NULL ? strlen(parts[i]) : 0;
    return bytes;
}

static const ExgEwsBatch batch = {.max_portion = MAX_PORTION,
                                  .result_size = sizeof(ExgEwsAlternateId),
                                  .free_result = free_id,
                                  .bytes_of = bytes_of};

static void
write_id(ExgXmlWriter *writer, const ExgEwsAlternateId *id)
{
    exg_xml_start(writer, kinds[id->kind]);
    exg_xml_attribute(writer, "Format", formats[id->format]);
    if (id->kind == EXG_EWS_ID_IN_MAILBOX) {
        exg_xml_attribute(writer, "Id", id->id);
        exg_xml_attribute(writer, "Mailbox", id->mailbox);
        if (id->is_archive)
            exg_xml_attribute(writer, "IsArchive", "true");
    } else {
        exg_xml_attribute(writer, "FolderId", id->folder_id);
        if (id->kind == EXG_EWS_ID_OF_PUBLIC_ITEM)
            exg_xml_attribute(writer, "ItemId", id->id);
    }
    exg_xml_end(writer);
}

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsPortion *portion = context;
    exg_xml_start(writer, "m:ConvertId");
    exg_xml_attribute(writer, "DestinationFormat", portion->question);
    exg_xml_start(writer, "m:SourceIds");
    for (guint i = 0; i < portion->count; i++)
        write_id(writer, portion->things[i]);
}

/* What the server says that it is (a type's name), or by its element. */
static ExgEwsIdKind
kind_of(const ExgXmlNode *node)
{
    const char *name = node->name;
    for (guint i = 0; i < node->n_attributes; i++) {
        const ExgXmlAttribute *attribute = &node->attributes[i];
        if (g_strcmp0(attribute->space, SCHEMA_SPACE) == 0 && g_str_equal(attribute->name, "type"))
            name = attribute->value;
    }
    const char *colon = strchr(name, ':');
    name = colon != NULL ? colon + 1 : name;
    if (g_str_has_prefix(name, "AlternatePublicFolderItemId"))
        return EXG_EWS_ID_OF_PUBLIC_ITEM;
    return g_str_has_prefix(name, "AlternatePublicFolderId") ? EXG_EWS_ID_OF_PUBLIC_FOLDER
                                                             : EXG_EWS_ID_IN_MAILBOX;
}

static bool
read_one(const ExgEwsOperation *operation, const ExgXmlNode *message, const ExgEwsPortion *portion,
         gpointer result, GError **error)
{
    ExgEwsAlternateId *id = result;
    if (!exg_ews_message_check(operation, message, error))
        return false;
    const ExgXmlNode *node = message->first_child;
    while (node != NULL && !g_str_has_prefix(node->name, "Alternate"))
        node = node->next;
    if (node == NULL)
        return exg_ews_answer_senseless(operation, error, "success without an id");
    id->kind = kind_of(node);
    bool public = id->kind != EXG_EWS_ID_IN_MAILBOX;
    bool item = id->kind == EXG_EWS_ID_OF_PUBLIC_ITEM;
    const char *folder_id = public ? exg_xml_node_attribute(node, "FolderId") : NULL;
    const char *item_id = item     ? exg_xml_node_attribute(node, "ItemId")
                          : public ? NULL
                                   : exg_xml_node_attribute(node, "Id");
    bool good = exg_ews_id_format_find(exg_xml_node_attribute(node, "Format"), &id->format) &&
                (!public || (folder_id != NULL && folder_id[0] != '\0')) &&
                ((public && !item) || (item_id != NULL && item_id[0] != '\0'));
    if (!good)
        return exg_ews_answer_senseless(operation, error, "it has an id without its parts");
    id->id = g_strdup(item_id);
    id->folder_id = g_strdup(folder_id);
    id->mailbox = public ? NULL : g_strdup(exg_xml_node_attribute(node, "Mailbox"));
    id->is_archive = exg_ews_read_bool(exg_xml_node_attribute(node, "IsArchive"), false);
    return true;
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer portion,
       gpointer *ret_result, GError **error)
{
    return exg_ews_batch_read(&batch, operation, message, portion, read_one, ret_result, error);
}

const ExgEwsOperation exg_ews_convert_id_operation = {
    .name = "ConvertId",
    .minimum_version = "Exchange2007_SP1",
    .write = write_request,
    .decode = decode,
    .free_result = (GDestroyNotify)g_ptr_array_unref,
};

static ExgEwsAlternateId *
copy_id(const ExgEwsAlternateId *id)
{
    ExgEwsAlternateId *copy = exg_ews_alternate_id_new(id->id, id->format, id->mailbox);
    copy->kind = id->kind;
    copy->is_archive = id->is_archive;
    copy->folder_id = g_strdup(id->folder_id);
    return copy;
}

void
exg_ews_convert_id_async(ExgEwsService *service, const ExgEwsTarget *target, const GPtrArray *ids,
                         ExgEwsIdFormat destination, gint64 deadline_us, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer data)
{
    GPtrArray *copies = g_ptr_array_new_full(ids->len, free_id);
    for (guint i = 0; i < ids->len; i++)
        g_ptr_array_add(copies, copy_id(ids->pdata[i]));
    exg_ews_batch_start(service, &exg_ews_convert_id_operation, &batch, target,
                        (gpointer)formats[destination], NULL, copies, deadline_us, cancellable,
                        callback, data);
}

bool
exg_ews_convert_id_finish(ExgEwsService *service, GAsyncResult *result, GPtrArray **ret_ids,
                          GError **error)
{
    return exg_ews_batch_finish(result, &batch, ret_ids, error);
}
