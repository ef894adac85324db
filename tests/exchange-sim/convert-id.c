/* ConvertId: an id in another form. Here the forms differ in how they are written, and in a letter
 * that says which one it is. */
#include "tests/exchange-sim/call.h"
#include "tests/exchange-sim/text.h"

#include <string.h>

#define SCHEMA_INSTANCE "http://www.w3.org/2001/XMLSchema-instance"

static GBytes *
from_hex(const char *text)
{
    gsize length = strlen(text);
    if (length % 2 != 0 || strspn(text, "0123456789ABCDEFabcdef") != length)
        return NULL;
    guint8 *bytes = g_malloc(length / 2 + 1);
    for (gsize i = 0; i < length / 2; i++)
        bytes[i] = (guint8)(g_ascii_xdigit_value(text[2 * i]) * 16 +
                            g_ascii_xdigit_value(text[2 * i + 1]));
    return g_bytes_new_take(bytes, length / 2);
}

static char
letter_of(const char *format)
{
    return g_str_equal(format, "EwsId") ? '\0' : format[0];
}

/* What an id means, or NULL if it is malformed. */
static GBytes *
read_id(const char *format, const char *id)
{
    g_autoptr(GBytes) bytes = NULL;
    if (g_str_equal(format, "HexEntryId")) {
        bytes = from_hex(id);
    } else {
        g_autofree char *text = g_str_equal(format, "OwaId") ? g_uri_unescape_string(id, NULL)
                                                             : g_strdup(id);
        guint8 *data;
        gsize length;
        if (text != NULL && exg_sim_base64_decode(text, strlen(text), &data, &length))
            bytes = g_bytes_new_take(data, length);
    }
    gsize length = 0;
    const char *data = bytes != NULL ? g_bytes_get_data(bytes, &length) : NULL;
    char letter = letter_of(format);
    if (length == 0 || (letter != '\0' && (length == 1 || data[0] != letter)))
        return NULL;
    gsize skipped = letter != '\0';
    return g_bytes_new_from_bytes(bytes, skipped, length - skipped);
}

static char *
to_hex(const guint8 *bytes, gsize length)
{
    GString *text = g_string_new(NULL);
    for (gsize i = 0; i < length; i++)
        g_string_append_printf(text, "%02X", bytes[i]);
    return g_string_free(text, FALSE);
}

static char *
format_id(const char *format, GBytes *id)
{
    gsize length;
    const guint8 *data = g_bytes_get_data(id, &length);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    char letter = letter_of(format);
    if (letter != '\0')
        g_byte_array_append(bytes, (const guint8 *)&letter, 1);
    g_byte_array_append(bytes, data, (guint)length);
    if (g_str_equal(format, "HexEntryId"))
        return to_hex(bytes->data, bytes->len);
    g_autofree char *text = g_base64_encode(bytes->data, bytes->len);
    return g_str_equal(format, "OwaId") ? g_uri_escape_string(text, NULL, FALSE)
                                        : g_steal_pointer(&text);
}

/* The attributes of an id that are ids themselves, in the new format. False if one is malformed. */
static bool
convert(const ExgXmlNode *id, const char *format, char **ret_converted)
{
    static const char *const names[] = {"Id", "FolderId", "ItemId"};
    bool good = true;
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *text = exg_xml_node_attribute(id, names[i]);
        g_autoptr(GBytes) bytes = text != NULL ? read_id(exg_xml_node_attribute(id, "Format"), text)
                                               : NULL;
        good = good && (text == NULL || bytes != NULL);
        ret_converted[i] = bytes != NULL ? format_id(format, bytes) : NULL;
    }
    return good;
}

/* Whose id it is; NULL if it is none of ours. */
static char *
owner_of(const ExgXmlNode *id)
{
    const ExgSimFolder *folder;
    guint number;
    char *owner = NULL;
    const char *text = exg_xml_node_attribute(id, "Id");
    g_autoptr(GBytes) bytes = text != NULL ? read_id(exg_xml_node_attribute(id, "Format"), text)
                                           : NULL;
    g_autofree char *ours = bytes != NULL ? format_id("EwsId", bytes) : NULL;
    if (ours == NULL || !exg_sim_id_parse(ours, &owner, &folder, &number))
        return NULL;
    return owner;
}

/* As Exchange does it: the element is called AlternateId, whatever it is, and has the address of the mailbox that the
 * id belongs to, whatever the request says. */
static void
write_id(ExgXmlWriter *writer, const ExgXmlNode *id, const char *format, char **converted)
{
    static const char *const names[] = {"Id", "FolderId", "ItemId"};
    g_autofree char *owner = owner_of(id);
    const char *mailbox = owner != NULL ? owner : exg_xml_node_attribute(id, "Mailbox");
    const char *archive = exg_xml_node_attribute(id, "IsArchive");
    g_autofree char *type = g_strconcat("t:", id->name, "Type", NULL);
    exg_xml_start(writer, "m:AlternateId");
    exg_xml_attribute(writer, "xmlns:xsi", SCHEMA_INSTANCE);
    exg_xml_attribute(writer, "xsi:type", type);
    exg_xml_attribute(writer, "Format", format);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        if (converted[i] != NULL)
            exg_xml_attribute(writer, names[i], converted[i]);
    if (mailbox != NULL)
        exg_xml_attribute(writer, "Mailbox", mailbox);
    if (archive != NULL)
        exg_xml_attribute(writer, "IsArchive", archive);
    exg_xml_end(writer);
}

bool
exg_sim_convert_id(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *operation = call->envelope.operation;
    const char *format = exg_xml_node_attribute(operation, "DestinationFormat");
    const ExgXmlNode *ids = exg_sim_message_child(operation, "SourceIds");
    for (const ExgXmlNode *id = ids->first_child; id != NULL; id = id->next) {
        g_auto(ExgSimRefusal) failure = {0};
        char *converted[3];
        if (!convert(id, format, converted))
            exg_sim_refuse(&failure, "ErrorInvalidIdMalformed", NULL);
        exg_sim_call_start_message(call, "m:ConvertIdResponseMessage", &failure);
        if (failure.code == NULL)
            write_id(&call->writer, id, format, converted);
        exg_xml_end(&call->writer);
        for (guint i = 0; i < G_N_ELEMENTS(converted); i++)
            g_free(converted[i]);
    }
    return true;
}
