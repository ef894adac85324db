/* UpdateItem: what a mail client changes of an item, and extended properties. */
#include "tests/exchange-sim/call.h"
#include "tests/exchange-sim/property.h"
#include "tests/exchange-sim/schema.h"

static bool
mismatch(ExgSimRefusal *refusal)
{
    return exg_sim_refuse_invalid(refusal, "ErrorUpdatePropertyMismatch", NULL);
}

static bool
set_read(ExgSimItem *item, const ExgXmlNode *value, ExgSimRefusal *refusal)
{
    if (value == NULL)
        return exg_sim_refuse_invalid(refusal, "ErrorInvalidPropertyDelete", NULL);
    item->is_read = value->text[0] == 't' || value->text[0] == '1';
    return true;
}

static bool
set_importance(ExgSimItem *item, const ExgXmlNode *value, ExgSimRefusal *refusal)
{
    exg_sim_item_set_property(item, EXG_SIM_IMPORTANCE, "String",
                              value != NULL ? value->text : NULL);
    return true;
}

static bool
set_categories(ExgSimItem *item, const ExgXmlNode *value, ExgSimRefusal *refusal)
{
    g_autoptr(GString) names = g_string_new(NULL);
    for (const ExgXmlNode *name = value != NULL ? value->first_child : NULL; name != NULL;
         name = name->next)
        g_string_append_printf(names, "%s%s", names->len > 0 ? "\n" : "", name->text);
    exg_sim_item_set_property(item, EXG_SIM_CATEGORIES, "String",
                              names->len > 0 ? names->str : NULL);
    return true;
}

static bool
set_flag(ExgSimItem *item, const ExgXmlNode *value, ExgSimRefusal *refusal)
{
    const ExgXmlNode *status = exg_sim_type_child(value, "FlagStatus");
    bool flagged = status != NULL && g_str_equal(status->text, "Flagged");
    bool complete = status != NULL && g_str_equal(status->text, "Complete");
    exg_sim_item_set_property(item, EXG_SIM_FLAG_STATUS, "Integer",
                              flagged    ? "2"
                              : complete ? "1"
                                         : NULL);
    return true;
}

static bool
set_subject(ExgSimItem *item, const ExgXmlNode *value, ExgSimRefusal *refusal)
{
    g_free(item->subject);
    item->subject = value != NULL ? g_strdup(value->text) : NULL;
    return true;
}

static const struct {
    const char *uri, *element;
    bool (*set)(ExgSimItem *item, const ExgXmlNode *value, ExgSimRefusal *refusal);
} fields[] = {
    {"message:IsRead", "IsRead", set_read},
    {"item:Importance", "Importance", set_importance},
    {"item:Categories", "Categories", set_categories},
    {"item:Flag", "Flag", set_flag},
    {"item:Subject", "Subject", set_subject},
};

/* `value`: the one element inside t:Message; NULL: the property is taken away. */
static bool
set_field(ExgSimItem *item, const char *uri, const ExgXmlNode *value, ExgSimRefusal *refusal)
{
    for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (!g_str_equal(fields[i].uri, uri))
            continue;
        if (value != NULL && !g_str_equal(value->name, fields[i].element))
            return mismatch(refusal);
        return fields[i].set(item, value, refusal);
    }
    return exg_sim_refuse(refusal, "ErrorInvalidPropertySet",
                          "The simulated Exchange cannot change '%s'.", uri);
}

static bool
set_extended(ExgSimItem *item, const ExgXmlNode *uri, const ExgXmlNode *property,
             ExgSimRefusal *refusal)
{
    g_autofree char *path = NULL, *inner_path = NULL;
    const char *type = exg_xml_node_attribute(uri, "PropertyType");
    if (!exg_sim_property_path(uri, &path, refusal))
        return false;
    if (property == NULL) {
        exg_sim_item_set_property(item, path, type, NULL);
        return true;
    }
    const ExgXmlNode *inner = exg_sim_type_child(property, "ExtendedFieldURI");
    const ExgXmlNode *value = exg_sim_type_child(property, "Value");
    if (inner == NULL || !exg_sim_property_path(inner, &inner_path, refusal) ||
        !g_str_equal(path, inner_path))
        return mismatch(refusal);
    if (value != NULL && !exg_sim_property_check(type, value->text, refusal))
        return false;
    exg_sim_item_set_property(item, path, type, value != NULL ? value->text : NULL);
    return true;
}

static bool
apply(ExgSimItem *item, const ExgXmlNode *update, ExgSimRefusal *refusal)
{
    const ExgXmlNode *path = update->first_child;
    const ExgXmlNode *holder = path->next;
    const ExgXmlNode *value = holder != NULL ? holder->first_child : NULL;
    if (g_str_equal(update->name, "AppendToItemField"))
        return exg_sim_refuse(refusal, "ErrorInvalidPropertyAppend", NULL);
    if (holder != NULL && (value == NULL || value->next != NULL))
        return exg_sim_refuse_invalid(refusal, "ErrorIncorrectUpdatePropertyCount", NULL);
    if (g_str_equal(path->name, "ExtendedFieldURI"))
        return set_extended(item, path, value, refusal);
    if (g_str_equal(path->name, "FieldURI"))
        return set_field(item, exg_xml_node_attribute(path, "FieldURI"), value, refusal);
    return exg_sim_refuse(refusal, "ErrorInvalidPropertySet", NULL);
}

static bool
is_only_read(const ExgXmlNode *updates)
{
    const ExgXmlNode *only = updates->first_child;
    return only->next == NULL &&
           g_strcmp0(exg_xml_node_attribute(only->first_child, "FieldURI"), "message:IsRead") == 0;
}

static bool
update(ExgSimCall *call, const ExgXmlNode *change, ExgSimItem **ret_item, ExgSimRefusal *refusal)
{
    const ExgXmlNode *operation = call->envelope.operation;
    const ExgXmlNode *updates = exg_sim_type_child(change, "Updates");
    const char *change_key = exg_xml_node_attribute(change->first_child, "ChangeKey");
    const char *resolution = exg_xml_node_attribute(operation, "ConflictResolution");
    g_autoptr(GError) error = NULL;
    ExgSimMailbox *mailbox;
    ExgSimItem *item;
    if (exg_xml_node_attribute(operation, "MessageDisposition") == NULL)
        return exg_sim_refuse_invalid(refusal, "ErrorMessageDispositionRequired", NULL);
    if (!exg_sim_call_item(call, change->first_child, &mailbox, &item, refusal))
        return false;
    if (g_str_equal(resolution, "NeverOverwrite") && change_key != NULL &&
        !g_str_equal(change_key, item->change_key))
        return exg_sim_refuse(refusal, "ErrorIrresolvableConflict", NULL);
    for (const ExgXmlNode *node = updates->first_child; node != NULL; node = node->next)
        if (!apply(item, node, refusal))
            return false;
    if (!exg_sim_mailbox_changed(mailbox, item, is_only_read(updates), &error))
        return exg_sim_refuse(refusal, "ErrorItemSave", "%s", error->message);
    *ret_item = item;
    return true;
}

bool
exg_sim_update_item(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *changes = exg_sim_message_child(call->envelope.operation, "ItemChanges");
    for (const ExgXmlNode *change = changes->first_child; change != NULL; change = change->next) {
        g_auto(ExgSimRefusal) failure = {0};
        ExgSimItem *item = NULL;
        update(call, change, &item, &failure);
        exg_sim_call_start_message(call, "m:UpdateItemResponseMessage", &failure);
        exg_sim_call_write_items(call, item);
        exg_xml_start(&call->writer, "m:ConflictResults");
        exg_xml_element(&call->writer, "t:Count", "0");
        exg_xml_end(&call->writer);
        exg_xml_end(&call->writer);
    }
    return true;
}
