#include "tests/exchange-sim/property.h"

#include "tests/exchange-sim/schema.h"
#include "tests/exchange-sim/text.h"

#include <string.h>

bool
exg_sim_property_path(const ExgXmlNode *extended_field, char **ret_path, ExgSimRefusal *refusal)
{
    const char *tag = exg_xml_node_attribute(extended_field, "PropertyTag");
    const char *set = exg_xml_node_attribute(extended_field, "PropertySetId");
    const char *known_set = exg_xml_node_attribute(extended_field, "DistinguishedPropertySetId");
    const char *name = exg_xml_node_attribute(extended_field, "PropertyName");
    const char *id = exg_xml_node_attribute(extended_field, "PropertyId");
    if (tag != NULL) {
        if (set != NULL || known_set != NULL || name != NULL || id != NULL)
            return exg_sim_refuse_invalid(refusal, "ErrorInvalidExtendedProperty",
                                          "A PropertyTag excludes a property set, name and id.");
        guint64 value = g_ascii_strtoull(tag, NULL,
                                         g_ascii_strncasecmp(tag, "0x", 2) == 0 ? 16 : 10);
        if (value >= 0x8000)
            return exg_sim_refuse_invalid(
                refusal, "ErrorNoPropertyTagForCustomProperties",
                "Tags from 0x8000 on need a property set and a name or id.");
        *ret_path = g_strdup_printf("0x%04x", (guint)value);
        return true;
    }
    if ((set == NULL) == (known_set == NULL) || (name == NULL) == (id == NULL))
        return exg_sim_refuse_invalid(
            refusal, "ErrorInvalidExtendedProperty",
            "An extended property is a tag, or a property set with a name or an id.");
    g_autofree char *lower = set != NULL ? g_ascii_strdown(set, -1) : g_strdup(known_set);
    *ret_path = name != NULL ? g_strdup_printf("%s/%s", lower, name)
                             : g_strdup_printf("%s/#%s", lower, id);
    return true;
}

bool
exg_sim_property_check(const char *type, const char *value, ExgSimRefusal *refusal)
{
    g_autofree guint8 *bytes = NULL;
    gsize length;
    gint64 number;
    bool right = true;
    if (g_str_equal(type, "Integer"))
        right = g_ascii_string_to_signed(value, 10, G_MININT32, G_MAXINT32, NULL, NULL);
    else if (g_str_equal(type, "Short"))
        right = g_ascii_string_to_signed(value, 10, G_MININT16, G_MAXINT16, NULL, NULL);
    else if (g_str_equal(type, "Long") || g_str_equal(type, "Currency"))
        right = g_ascii_string_to_signed(value, 10, G_MININT64, G_MAXINT64, NULL, NULL);
    else if (g_str_equal(type, "Boolean"))
        right = g_str_equal(value, "true") || g_str_equal(value, "false") ||
                g_str_equal(value, "1") || g_str_equal(value, "0");
    else if (g_str_equal(type, "SystemTime"))
        right = exg_sim_time_parse(value, &number);
    else if (g_str_equal(type, "Binary"))
        right = exg_sim_base64_decode(value, strlen(value), &bytes, &length);
    else if (g_str_equal(type, "CLSID"))
        right = g_uuid_string_is_valid(value);
    if (right)
        return true;
    return exg_sim_refuse_invalid(refusal, "ErrorInvalidExtendedPropertyValue",
                                  "'%.60s' is not a value of type %s.", value, type);
}

/* --- values ----------------------------------------------------------------------------------- */

static ExgSimValue
text_value(const char *text)
{
    return (ExgSimValue){.present = text != NULL, .text = text};
}

static ExgSimValue
number_value(gint64 number)
{
    return (ExgSimValue){.present = true, .is_number = true, .number = number};
}

static bool
field_value(const ExgSimItem *item, const char *uri, ExgSimValue *ret_value)
{
    struct {
        const char *uri;
        ExgSimValue value;
    } fields[] = {
        {"message:InternetMessageId", text_value(item->message_id)},
        {"message:From", text_value(item->from)},
        {"item:Subject", text_value(item->subject)},
        {"item:ItemClass", text_value(item->item_class)},
        {"item:DateTimeCreated", number_value(item->created)},
        {"item:LastModifiedTime", number_value(item->created)},
        {"item:DateTimeReceived", number_value(item->delivered)},
        {"item:Size", number_value((gint64)item->size_bytes)},
        {"item:IsDraft", number_value(exg_sim_item_is_draft(item))},
        {"message:IsRead", number_value(item->is_read)},
    };
    for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (g_str_equal(fields[i].uri, uri)) {
            *ret_value = fields[i].value;
            return true;
        }
    }
    return false;
}

static bool
extended_value(const ExgSimItem *item, const char *path, const char *type, ExgSimValue *ret_value)
{
    if (g_str_equal(path, EXG_SIM_TAG_MESSAGE_FLAGS)) {
        *ret_value = number_value(item->message_flags);
    } else if (g_str_equal(path, EXG_SIM_TAG_ARTICLE_NUMBER)) {
        *ret_value = number_value(item->number);
    } else if (g_str_equal(path, EXG_SIM_TAG_DELIVERY_TIME)) {
        *ret_value = number_value(item->delivered);
    } else if (g_str_equal(path, EXG_SIM_TAG_INTERNET_MESSAGE_ID)) {
        *ret_value = text_value(item->message_id);
    } else if (g_str_equal(path, EXG_SIM_TAG_SUBJECT)) {
        *ret_value = text_value(item->subject);
    } else {
        const char *text = exg_sim_item_property(item, path);
        ExgSimValue number = {.is_number = true};
        bool numeric = g_str_equal(type, "Integer") || g_str_equal(type, "Short") ||
                       g_str_equal(type, "Long") || g_str_equal(type, "SystemTime") ||
                       g_str_equal(type, "Boolean");
        *ret_value = !numeric       ? text_value(text)
                     : text != NULL ? exg_sim_property_constant(text, &number)
                                    : number;
    }
    return true;
}

bool
exg_sim_property_value(gconstpointer item, const ExgXmlNode *path, ExgSimValue *ret_value)
{
    if (g_str_equal(path->name, "FieldURI"))
        return field_value(item, exg_xml_node_attribute(path, "FieldURI"), ret_value);
    if (!g_str_equal(path->name, "ExtendedFieldURI"))
        return false;
    g_auto(ExgSimRefusal) refusal = {0};
    g_autofree char *name = NULL;
    return exg_sim_property_path(path, &name, &refusal) &&
           extended_value(item, name, exg_xml_node_attribute(path, "PropertyType"), ret_value);
}

ExgSimValue
exg_sim_property_constant(const char *text, const ExgSimValue *like)
{
    gint64 number = 0;
    if (!like->is_number)
        return (ExgSimValue){.present = text != NULL, .text = text, .any_case = like->any_case};
    if (g_str_equal(text, "true") || g_str_equal(text, "false"))
        return number_value(g_str_equal(text, "true"));
    if (exg_sim_time_parse(text, &number) ||
        g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &number, NULL))
        return number_value(number);
    return (ExgSimValue){.is_number = true};
}

int
exg_sim_property_compare(const ExgSimValue *a, const ExgSimValue *b)
{
    if (!a->present || !b->present)
        return (int)a->present - (int)b->present;
    if (a->is_number)
        return (a->number > b->number) - (a->number < b->number);
    if (!a->any_case)
        return strcmp(a->text, b->text);
    g_autofree char *first = g_utf8_casefold(a->text, -1);
    g_autofree char *second = g_utf8_casefold(b->text, -1);
    return strcmp(first, second);
}

char *
exg_sim_property_format(const ExgSimValue *value, const char *type)
{
    if (!value->present)
        return NULL;
    if (!value->is_number)
        return g_strdup(value->text);
    if (g_str_equal(type, "SystemTime"))
        return exg_sim_time_format(value->number);
    if (g_str_equal(type, "Boolean"))
        return g_strdup(value->number != 0 ? "true" : "false");
    return g_strdup_printf("%" G_GINT64_FORMAT, value->number);
}

char *
exg_sim_property_text(const ExgSimItem *item, const char *path, GBytes *message)
{
    if (g_str_equal(path, EXG_SIM_TAG_MESSAGE_FLAGS))
        return g_strdup_printf("%u", item->message_flags);
    if (g_str_equal(path, EXG_SIM_TAG_ARTICLE_NUMBER))
        return g_strdup_printf("%u", item->number);
    if (g_str_equal(path, EXG_SIM_TAG_DELIVERY_TIME))
        return exg_sim_time_format(item->delivered);
    if (g_str_equal(path, EXG_SIM_TAG_INTERNET_MESSAGE_ID))
        return g_strdup(item->message_id);
    if (g_str_equal(path, EXG_SIM_TAG_SUBJECT))
        return g_strdup(item->subject);
    if (g_str_equal(path, EXG_SIM_TAG_TRANSPORT_HEADERS) && message != NULL) {
        gsize length;
        const char *content = g_bytes_get_data(message, &length);
        return g_strndup(content, exg_sim_mime_header_length(content, length));
    }
    return g_strdup(exg_sim_item_property(item, path));
}
