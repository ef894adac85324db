#include "common/ews/item-private.h"

#include "common/ews/envelope-private.h"
#include "common/ews/value-private.h"

#define MAX_NUMBER     (G_GINT64_CONSTANT(1) << 53)
#define MAX_CATEGORIES 100

/* Properties of MAPI that EWS has no element for in all its versions. */
#define TAG_FLAG_STATUS "0x1090"
#define TAG_LAST_VERB   "0x1081"

static const char types[] = EXG_EWS_TYPES_SPACE;

void
exg_ews_item_free(ExgEwsItem *item)
{
    if (item == NULL)
        return;
    g_free(item->id);
    g_free(item->change_key);
    g_free(item->folder_id);
    g_free(item->item_class);
    g_free(item->subject);
    g_free(item->from_name);
    g_free(item->from_address);
    g_free(item->message_id);
    g_strfreev(item->categories);
    g_free(item);
}

void
exg_ews_folder_info_free(ExgEwsFolderInfo *folder)
{
    if (folder == NULL)
        return;
    g_free(folder->id);
    g_free(folder->change_key);
    g_free(folder->parent_id);
    g_free(folder->folder_class);
    g_free(folder->display_name);
    g_free(folder);
}

void
exg_ews_result_free(ExgEwsResult *result)
{
    if (result == NULL)
        return;
    g_clear_error(&result->error);
    g_free(result->id);
    g_free(result->change_key);
    g_free(result);
}

/* --- requests --------------------------------------------------------------------------------- */

void
exg_ews_write_any_folder(ExgXmlWriter *writer, const ExgEwsTarget *target,
                         const ExgEwsFolderId *folder)
{
    if (folder->id != NULL)
        exg_ews_write_leaf(writer, "t:FolderId", "Id", folder->id);
    else
        exg_ews_write_folder(writer, target, folder->distinguished);
}

void
exg_ews_write_page(ExgXmlWriter *writer, const char *name, guint offset, guint max_entries)
{
    g_autofree char *max = g_strdup_printf("%u", max_entries);
    g_autofree char *first = g_strdup_printf("%u", offset);
    exg_xml_start(writer, name);
    exg_xml_attribute(writer, "MaxEntriesReturned", max);
    exg_xml_attribute(writer, "Offset", first);
    exg_xml_attribute(writer, "BasePoint", "Beginning");
    exg_xml_end(writer);
}

void
exg_ews_write_item_id(ExgXmlWriter *writer, const ExgEwsItemId *id)
{
    exg_xml_start(writer, "t:ItemId");
    exg_xml_attribute(writer, "Id", id->id);
    if (id->change_key != NULL)
        exg_xml_attribute(writer, "ChangeKey", id->change_key);
    exg_xml_end(writer);
}

void
exg_ews_write_tag_uri(ExgXmlWriter *writer, const char *tag)
{
    exg_xml_start(writer, "t:ExtendedFieldURI");
    exg_xml_attribute(writer, "PropertyTag", tag);
    exg_xml_attribute(writer, "PropertyType", "Integer");
    exg_xml_end(writer);
}

static void
write_fields(ExgXmlWriter *writer, const char *const *uris, gsize count)
{
    for (gsize i = 0; i < count; i++)
        exg_ews_write_leaf(writer, "t:FieldURI", "FieldURI", uris[i]);
}

void
exg_ews_write_item_shape(ExgXmlWriter *writer, bool id_only)
{
    static const char *const fields[] = {"item:ParentFolderId",
                                         "item:ItemClass",
                                         "item:Subject",
                                         "item:DateTimeReceived",
                                         "item:Size",
                                         "item:Categories",
                                         "item:Importance",
                                         "item:IsDraft",
                                         "item:HasAttachments",
                                         "message:From",
                                         "message:InternetMessageId",
                                         "message:IsRead"};
    exg_xml_start(writer, "m:ItemShape");
    exg_xml_element(writer, "t:BaseShape", "IdOnly");
    if (!id_only) {
        exg_xml_start(writer, "t:AdditionalProperties");
        write_fields(writer, fields, G_N_ELEMENTS(fields));
        exg_ews_write_tag_uri(writer, TAG_FLAG_STATUS);
        exg_ews_write_tag_uri(writer, TAG_LAST_VERB);
        exg_xml_end(writer);
    }
    exg_xml_end(writer);
}

void
exg_ews_write_folder_shape(ExgXmlWriter *writer)
{
    static const char *const fields[] = {"folder:ParentFolderId", "folder:FolderClass"};
    exg_xml_start(writer, "m:FolderShape");
    exg_xml_element(writer, "t:BaseShape", "Default");
    exg_xml_start(writer, "t:AdditionalProperties");
    write_fields(writer, fields, G_N_ELEMENTS(fields));
    exg_xml_end(writer);
    exg_xml_end(writer);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void
read_id(const ExgXmlNode *node, const char *name, char **ret_id, char **ret_change_key)
{
    const ExgXmlNode *id = exg_xml_node_child(node, types, name);
    *ret_id = g_strdup(exg_xml_node_attribute(id, "Id"));
    if (ret_change_key != NULL)
        *ret_change_key = g_strdup(exg_xml_node_attribute(id, "ChangeKey"));
}

static GStrv
read_categories(const ExgXmlNode *list)
{
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    guint count = 0;
    for (const ExgXmlNode *name = exg_xml_node_child(list, types, "String");
         name != NULL && count < MAX_CATEGORIES; name = exg_xml_node_next_same(name), count++)
        g_strv_builder_add(names, name->text);
    return count > 0 ? g_strv_builder_end(names) : NULL;
}

static void
read_properties(ExgEwsItem *item, const ExgXmlNode *node)
{
    for (const ExgXmlNode *property = exg_xml_node_child(node, types, "ExtendedProperty");
         property != NULL; property = exg_xml_node_next_same(property)) {
        const ExgXmlNode *uri = exg_xml_node_child(property, types, "ExtendedFieldURI");
        const char *tag = exg_xml_node_attribute(uri, "PropertyTag");
        gint64 value = exg_ews_child_number(property, "Value", 0, MAX_NUMBER, -1);
        if (tag == NULL || value < 0)
            continue;
        if (g_ascii_strcasecmp(tag, TAG_FLAG_STATUS) == 0 && value <= EXG_EWS_FLAGGED)
            item->flag = (ExgEwsFlag)value;
        else if (g_ascii_strcasecmp(tag, TAG_LAST_VERB) == 0 && value >= 102 && value <= 104)
            item->last_verb = (guint)value;
    }
}

static ExgEwsImportance
importance_of(const char *text)
{
    if (g_str_equal(text, "High"))
        return EXG_EWS_IMPORTANCE_HIGH;
    return g_str_equal(text, "Low") ? EXG_EWS_IMPORTANCE_LOW : EXG_EWS_IMPORTANCE_NORMAL;
}

ExgEwsItem *
exg_ews_item_read(const ExgXmlNode *node)
{
    if (exg_ews_item_id(node) == NULL)
        return NULL;
    ExgEwsItem *item = g_new0(ExgEwsItem, 1);
    const ExgXmlNode *from = exg_xml_node_child(exg_xml_node_child(node, types, "From"), types,
                                                "Mailbox");
    read_id(node, "ItemId", &item->id, &item->change_key);
    read_id(node, "ParentFolderId", &item->folder_id, NULL);
    item->item_class = exg_ews_child_copy(node, "ItemClass");
    item->subject = exg_ews_child_copy(node, "Subject");
    item->from_name = exg_ews_child_copy(from, "Name");
    item->from_address = exg_ews_child_copy(from, "EmailAddress");
    item->message_id = exg_ews_child_copy(node, "InternetMessageId");
    item->categories = read_categories(exg_xml_node_child(node, types, "Categories"));
    item->received = exg_ews_child_time(node, "DateTimeReceived", -1);
    item->size_bytes = exg_ews_child_number(node, "Size", 0, MAX_NUMBER, -1);
    item->importance = importance_of(exg_ews_child_text(node, "Importance"));
    item->is_read = exg_ews_child_bool(node, "IsRead", false);
    item->is_draft = exg_ews_child_bool(node, "IsDraft", false);
    item->has_attachments = exg_ews_child_bool(node, "HasAttachments", false);
    read_properties(item, node);
    return item;
}

ExgEwsFolderInfo *
exg_ews_folder_info_read(const ExgXmlNode *node)
{
    const char *id = exg_xml_node_attribute(exg_xml_node_child(node, types, "FolderId"), "Id");
    if (id == NULL || id[0] == '\0')
        return NULL;
    ExgEwsFolderInfo *folder = g_new0(ExgEwsFolderInfo, 1);
    read_id(node, "FolderId", &folder->id, &folder->change_key);
    read_id(node, "ParentFolderId", &folder->parent_id, NULL);
    folder->folder_class = exg_ews_child_copy(node, "FolderClass");
    folder->display_name = exg_ews_child_copy(node, "DisplayName");
    folder->total_count = exg_ews_child_number(node, "TotalCount", 0, MAX_NUMBER, -1);
    folder->unread_count = exg_ews_child_number(node, "UnreadCount", 0, MAX_NUMBER, -1);
    folder->child_count = exg_ews_child_number(node, "ChildFolderCount", 0, MAX_NUMBER, -1);
    return folder;
}

/* --- what is given, copied -------------------------------------------------------------------- */

ExgEwsFolderId
exg_ews_folder_id_copy(const ExgEwsFolderId *folder)
{
    return (ExgEwsFolderId){g_strdup(folder->distinguished), g_strdup(folder->id)};
}

void
exg_ews_folder_id_clear(ExgEwsFolderId *folder)
{
    g_free((char *)folder->distinguished);
    g_free((char *)folder->id);
    *folder = (ExgEwsFolderId){0};
}

ExgEwsItemId
exg_ews_item_id_copy(const ExgEwsItemId *id)
{
    return (ExgEwsItemId){g_strdup(id->id), g_strdup(id->change_key)};
}

void
exg_ews_item_id_clear(ExgEwsItemId *id)
{
    g_free((char *)id->id);
    g_free((char *)id->change_key);
    *id = (ExgEwsItemId){0};
}

const char *
exg_ews_disposal_name(ExgEwsDisposal disposal)
{
    static const char *const names[] = {
        [EXG_EWS_TO_DELETED_ITEMS] = "MoveToDeletedItems",
        [EXG_EWS_SOFT_DELETE] = "SoftDelete",
        [EXG_EWS_HARD_DELETE] = "HardDelete",
    };
    return names[disposal];
}
