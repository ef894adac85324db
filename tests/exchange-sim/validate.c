#include "tests/exchange-sim/validate.h"

#include "tests/exchange-sim/schema.h"

#include <string.h>

/* --- characters ------------------------------------------------------------------------------- */

static bool
is_xml_character(guint64 c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c <= 0xd7ff) ||
           (c >= 0xe000 && c <= 0xfffd) || (c >= 0x10000 && c <= 0x10ffff);
}

/* Looks at "&#…;" only; other references are the parser's business. */
static bool
check_reference(const char *at, const char *end, ExgSimRefusal *refusal)
{
    if (end - at < 4 || at[1] != '#')
        return true;
    bool hexadecimal = at[2] == 'x';
    guint64 value = 0;
    for (at += hexadecimal ? 3 : 2; at < end && *at != ';'; at++) {
        int digit = g_ascii_xdigit_value(*at);
        if (digit < 0 || (!hexadecimal && digit > 9))
            return exg_sim_refuse_schema(refusal, "A character reference has an invalid digit.");
        value = MIN(value * (hexadecimal ? 16 : 10) + (guint64)digit, 0x110000);
    }
    if (!is_xml_character(value))
        return exg_sim_refuse_schema(
            refusal, "A reference to character 0x%02X is not allowed in XML.", (guint)value);
    return true;
}

static bool
is_control(guint8 byte)
{
    return byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r';
}

/* Eight bytes at a time, since nearly all of a request is base64: the subtraction borrows into a byte's top bit
 * if the byte is below 0x20, the only ones that need a closer look. */
static bool
has_control(const char *data, gsize length)
{
    gsize at = 0;
    while (at < length) {
        guint64 word;
        gsize step = 1;
        if (length - at >= sizeof word) {
            memcpy(&word, data + at, sizeof word);
            step = sizeof word;
            if (((word - 0x2020202020202020u) & ~word & 0x8080808080808080u) == 0) {
                at += step;
                continue;
            }
        }
        for (gsize end = at + step; at < end; at++)
            if (is_control((guint8)data[at]))
                return true;
    }
    return false;
}

bool
exg_sim_validate_characters(const char *data, gsize length, ExgSimRefusal *refusal)
{
    const char *end = data + length;
    for (const char *at = memchr(data, '&', length); at != NULL;
         at = memchr(at, '&', (gsize)(end - at))) {
        if (!check_reference(at, end, refusal))
            return false;
        if (++at == end)
            break;
    }
    if (has_control(data, length))
        return exg_sim_refuse_schema(refusal, "A control character is not allowed in XML.");
    return true;
}

/* --- simple types ----------------------------------------------------------------------------- */

static bool
simple_type_accepts(const ExgSimSimpleType *type, const char *text)
{
    if (type->values != NULL)
        return g_strv_contains(type->values, text);
    return type->check == NULL || type->check(text);
}

/* At most this much of a value is quoted back. */
#define QUOTED "'%.60s'"

static bool
check_attributes(const ExgXmlNode *node, const ExgSimType *type, ExgSimRefusal *refusal)
{
    for (guint i = 0; i < node->n_attributes; i++) {
        const ExgXmlAttribute *attribute = &node->attributes[i];
        /* xml:lang, xsi:type, s:mustUnderstand … are no part of the type. */
        if (attribute->space != NULL && attribute->space[0] != '\0')
            continue;
        const ExgSimAttribute *known = type->attributes;
        while (known != NULL && known->name != NULL && !g_str_equal(known->name, attribute->name))
            known++;
        if (known == NULL || known->name == NULL)
            return exg_sim_refuse_schema(refusal, "The '%s' attribute of '%s' is not declared.",
                                         attribute->name, node->name);
        if (!simple_type_accepts(known->type, attribute->value))
            return exg_sim_refuse_schema(
                refusal,
                "The '%s' attribute of '%s' is invalid: the value " QUOTED " is not of type '%s'.",
                attribute->name, node->name, attribute->value, known->type->name);
    }
    for (const ExgSimAttribute *known = type->attributes; known != NULL && known->name != NULL;
         known++)
        if (known->required && exg_xml_node_attribute(node, known->name) == NULL)
            return exg_sim_refuse_schema(refusal, "The required attribute '%s' of '%s' is missing.",
                                         known->name, node->name);
    return true;
}

/* --- complex types ---------------------------------------------------------------------------- */

/* A place is a row and the alternatives that follow it. */
static const ExgSimRow *
next_place(const ExgSimRow *place)
{
    do
        place++;
    while (place->name != NULL && place->alternative);
    return place;
}

static const ExgSimRow *
find_in_place(const ExgSimType *type, const ExgSimRow *place, const ExgXmlNode *child)
{
    const ExgSimRow *end = next_place(place);
    for (const ExgSimRow *row = place; row < end; row++)
        if (g_str_equal(row->name, child->name) &&
            g_str_equal(row->space != NULL ? row->space : type->space, child->space))
            return row;
    return NULL;
}

static bool
is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

static bool check_node(const ExgXmlNode *node, const ExgSimType *type, ExgSimRefusal *refusal);

static bool
check_children(const ExgXmlNode *node, const ExgSimType *type, ExgSimRefusal *refusal)
{
    const ExgSimRow *place = type->rows;
    guint count = 0;
    for (const ExgXmlNode *child = node->first_child; child != NULL; child = child->next) {
        const ExgSimRow *row = NULL;
        const char *expected = place->name;
        while (place->name != NULL) {
            row = find_in_place(type, place, child);
            if (row != NULL && count < place->max)
                break;
            row = NULL;
            if (count < place->min)
                break;
            place = next_place(place);
            count = 0;
        }
        if (row == NULL)
            return exg_sim_refuse_schema(
                refusal,
                "The element '%s' has invalid child element '%s' in namespace '%s'. %s%s%s.",
                node->name, child->name, child->space,
                expected != NULL ? "Expected '" : "Expected nothing",
                expected != NULL ? expected : "",
                expected != NULL ? "' or what may follow it" : "");
        count++;
        if (!check_node(child, row->type, refusal))
            return false;
    }
    for (; place->name != NULL; place = next_place(place), count = 0)
        if (count < place->min)
            return exg_sim_refuse_schema(
                refusal, "The element '%s' has incomplete content: '%s' is missing.", node->name,
                place->name);
    return true;
}

static bool
check_node(const ExgXmlNode *node, const ExgSimType *type, ExgSimRefusal *refusal)
{
    if (type->opaque)
        return true;
    if (!check_attributes(node, type, refusal))
        return false;
    if (type->rows != NULL) {
        if (!is_blank(node->text))
            return exg_sim_refuse_schema(refusal, "The element '%s' cannot contain text.",
                                         node->name);
        return check_children(node, type, refusal);
    }
    if (node->first_child != NULL)
        return exg_sim_refuse_schema(refusal, "The element '%s' cannot contain child element '%s'.",
                                     node->name, node->first_child->name);
    if (type->text == NULL ? !is_blank(node->text) : !simple_type_accepts(type->text, node->text))
        return exg_sim_refuse_schema(
            refusal, "The '%s' element is invalid: the value " QUOTED " is not of type '%s'.",
            node->name, node->text, type->text != NULL ? type->text->name : "empty");
    return true;
}

/* --- the envelope ----------------------------------------------------------------------------- */

static bool
check_header(const ExgXmlNode *header, ExgSimEnvelope *envelope, ExgSimRefusal *refusal)
{
    for (const ExgXmlNode *node = header->first_child; node != NULL; node = node->next) {
        bool ours = g_str_equal(node->space, EXG_SIM_NS_TYPES);
        const ExgSimType *type = ours ? exg_sim_schema_header(node->name) : NULL;
        if (type == NULL) {
            /* SOAP ignores what it does not know. What looks like Exchange's is a client's mistake, though. */
            if (strstr(node->space, "schemas.microsoft.com/exchange") == NULL)
                continue;
            return exg_sim_refuse_schema(refusal,
                                         "The header '%s' in namespace '%s' is not declared.",
                                         node->name, node->space);
        }
        if (!check_node(node, type, refusal))
            return false;
        if (g_str_equal(node->name, "RequestServerVersion"))
            envelope->version = exg_xml_node_attribute(node, "Version");
        if (g_str_equal(node->name, "ExchangeImpersonation"))
            envelope->connecting_sid = node->first_child->first_child;
    }
    return true;
}

static bool
check_operation(const ExgXmlNode *operation, ExgSimRefusal *refusal)
{
    if (!g_str_equal(operation->space, EXG_SIM_NS_MESSAGES))
        return exg_sim_refuse_schema(refusal,
                                     "No schema is known for the element '%s' in namespace '%s'.",
                                     operation->name, operation->space);
    const ExgSimType *type = exg_sim_schema_operation(operation->name);
    if (type != NULL)
        return check_node(operation, type, refusal);
    if (exg_sim_schema_known_operation(operation->name))
        return exg_sim_refuse_invalid(refusal, "ErrorInvalidRequest",
                                      "The simulated Exchange does not have the operation %s.",
                                      operation->name);
    return exg_sim_refuse_invalid(refusal, "ErrorInvalidRequest", NULL);
}

bool
exg_sim_validate_envelope(const ExgXmlNode *root, const ExgSimProduct *product,
                          ExgSimEnvelope *ret_envelope, ExgSimRefusal *refusal)
{
    *ret_envelope = (ExgSimEnvelope){0};
    if (!exg_xml_node_is(root, EXG_SIM_NS_SOAP, "Envelope"))
        return exg_sim_refuse_schema(refusal,
                                     "No schema is known for the element '%s' in namespace '%s'.",
                                     root->name, root->space);
    const ExgXmlNode *header = root->first_child, *body = header;
    if (header != NULL && exg_xml_node_is(header, EXG_SIM_NS_SOAP, "Header"))
        body = header->next;
    else
        header = NULL;
    if (body == NULL || !exg_xml_node_is(body, EXG_SIM_NS_SOAP, "Body"))
        return exg_sim_refuse_schema(
            refusal, "The element 'Envelope' needs a 'Body', after the 'Header' if there is one.");
    if (body->next != NULL)
        return exg_sim_refuse_schema(
            refusal, "The element 'Envelope' has invalid child element '%s' after 'Body'.",
            body->next->name);
    if (body->first_child == NULL || body->first_child->next != NULL)
        return exg_sim_refuse_schema(refusal,
                                     "The element 'Body' must have exactly one child element.");
    ret_envelope->operation = body->first_child;
    if (header != NULL && !check_header(header, ret_envelope, refusal))
        return false;
    const char *version = ret_envelope->version;
    return exg_sim_product_takes(product, version, refusal) &&
           exg_sim_product_check(product, version, body->first_child, refusal) &&
           check_operation(body->first_child, refusal);
}
