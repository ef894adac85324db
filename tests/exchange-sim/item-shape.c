#include "tests/exchange-sim/item-shape.h"

#include "tests/exchange-sim/property.h"
#include "tests/exchange-sim/schema.h"
#include "tests/exchange-sim/text.h"

#include <string.h>

typedef struct {
    ExgXmlWriter *writer;
    const ExgSimMailbox *mailbox;
    const ExgSimItem *item;
    const ExgXmlNode *shape;
    GBytes *content; /* read when first needed */
} Showing;

static GBytes *
content_of(Showing *showing)
{
    if (showing->content == NULL)
        showing->content = exg_sim_mailbox_content(showing->mailbox, showing->item);
    return showing->content;
}

static void
write_time(ExgXmlWriter *writer, const char *element, gint64 seconds)
{
    g_autofree char *text = exg_sim_time_format(seconds);
    exg_xml_element(writer, element, text);
}

static void
write_bool(ExgXmlWriter *writer, const char *element, bool value)
{
    exg_xml_element(writer, element, value ? "true" : "false");
}

static void
write_text(ExgXmlWriter *writer, const char *element, const char *value)
{
    if (value != NULL)
        exg_xml_element(writer, element, value);
}

/* --- the fields ------------------------------------------------------------------------------- */

static void
show_mime_content(Showing *showing)
{
    gsize length;
    GBytes *content = content_of(showing);
    if (content == NULL)
        return;
    const guint8 *bytes = g_bytes_get_data(content, &length);
    g_autofree char *text = g_base64_encode(bytes, length);
    exg_xml_start(showing->writer, "t:MimeContent");
    exg_xml_attribute(showing->writer, "CharacterSet", "UTF-8");
    exg_xml_text(showing->writer, text);
    exg_xml_end(showing->writer);
}

static void
show_item_id(Showing *showing)
{
    exg_xml_start(showing->writer, "t:ItemId");
    exg_xml_attribute(showing->writer, "Id", showing->item->id);
    exg_xml_attribute(showing->writer, "ChangeKey", showing->item->change_key);
    exg_xml_end(showing->writer);
}

static void
show_parent_folder(Showing *showing)
{
    g_autofree char *id = exg_sim_id_new(showing->mailbox->address, showing->item->folder, 0);
    exg_xml_start(showing->writer, "t:ParentFolderId");
    exg_xml_attribute(showing->writer, "Id", id);
    exg_xml_attribute(showing->writer, "ChangeKey", "AQAAAA==");
    exg_xml_end(showing->writer);
}

static void
show_item_class(Showing *showing)
{
    exg_xml_element(showing->writer, "t:ItemClass", showing->item->item_class);
}

static void
show_subject(Showing *showing)
{
    write_text(showing->writer, "t:Subject", showing->item->subject);
}

static void
show_sensitivity(Showing *showing)
{
    exg_xml_element(showing->writer, "t:Sensitivity", "Normal");
}

/* The content after the header as it is: the simulator does not understand MIME. */
static void
show_body(Showing *showing)
{
    gsize length;
    GBytes *content = content_of(showing);
    if (content == NULL)
        return;
    const char *bytes = g_bytes_get_data(content, &length);
    gsize header = exg_sim_mime_header_length(bytes, length);
    g_autofree char *text = g_strndup(bytes + header, length - header);
    exg_xml_start(showing->writer, "t:Body");
    exg_xml_attribute(showing->writer, "BodyType", "Text");
    exg_xml_text(showing->writer, text);
    exg_xml_end(showing->writer);
}

static void
show_received(Showing *showing)
{
    write_time(showing->writer, "t:DateTimeReceived", showing->item->delivered);
}

static void
show_size(Showing *showing)
{
    g_autofree char *size = g_strdup_printf("%d", (int)MIN(showing->item->size_bytes, G_MAXINT32));
    exg_xml_element(showing->writer, "t:Size", size);
}

static void
show_categories(Showing *showing)
{
    const char *lines = exg_sim_item_property(showing->item, EXG_SIM_CATEGORIES);
    if (lines == NULL)
        return;
    g_auto(GStrv) names = g_strsplit(lines, "\n", -1);
    exg_xml_start(showing->writer, "t:Categories");
    for (guint i = 0; names[i] != NULL; i++)
        exg_xml_element(showing->writer, "t:String", names[i]);
    exg_xml_end(showing->writer);
}

static void
show_flag(Showing *showing)
{
    static const char *const words[] = {"NotFlagged", "Complete", "Flagged"};
    const char *status = exg_sim_item_property(showing->item, EXG_SIM_FLAG_STATUS);
    guint64 number = status != NULL ? g_ascii_strtoull(status, NULL, 10) : 0;
    exg_xml_start(showing->writer, "t:Flag");
    exg_xml_element(showing->writer, "t:FlagStatus", words[MIN(number, 2)]);
    exg_xml_end(showing->writer);
}

static void
show_importance(Showing *showing)
{
    const char *importance = exg_sim_item_property(showing->item, EXG_SIM_IMPORTANCE);
    exg_xml_element(showing->writer, "t:Importance", importance != NULL ? importance : "Normal");
}

static void
show_is_draft(Showing *showing)
{
    write_bool(showing->writer, "t:IsDraft", exg_sim_item_is_draft(showing->item));
}

static void
show_is_unmodified(Showing *showing)
{
    write_bool(showing->writer, "t:IsUnmodified",
               (showing->item->message_flags & EXG_SIM_FLAG_UNMODIFIED) != 0);
}

static void
show_internet_headers(Showing *showing)
{
    gsize length;
    GBytes *content = content_of(showing);
    if (content == NULL)
        return;
    const char *bytes = g_bytes_get_data(content, &length);
    g_autofree char *block = g_strndup(bytes, exg_sim_mime_header_length(bytes, length));
    g_auto(GStrv) lines = g_strsplit(block, "\n", -1);
    bool open = false;
    for (guint i = 0; lines[i] != NULL; i++) {
        char *colon = strchr(lines[i], ':');
        if (colon == NULL || lines[i][0] == ' ' || lines[i][0] == '\t')
            continue;
        if (!open)
            exg_xml_start(showing->writer, "t:InternetMessageHeaders");
        open = true;
        *colon = '\0';
        exg_xml_start(showing->writer, "t:InternetMessageHeader");
        exg_xml_attribute(showing->writer, "HeaderName", lines[i]);
        exg_xml_text(showing->writer, g_strstrip(colon + 1));
        exg_xml_end(showing->writer);
    }
    if (open)
        exg_xml_end(showing->writer);
}

static void
show_sent(Showing *showing)
{
    if (showing->item->sent != -1)
        write_time(showing->writer, "t:DateTimeSent", showing->item->sent);
}

static void
show_created(Showing *showing)
{
    write_time(showing->writer, "t:DateTimeCreated", showing->item->created);
}

static void
show_has_attachments(Showing *showing)
{
    write_bool(showing->writer, "t:HasAttachments", false);
}

void
exg_sim_extended_property_write(ExgXmlWriter *writer, const ExgXmlNode *uri, const char *value)
{
    exg_xml_start(writer, "t:ExtendedProperty");
    exg_xml_start(writer, "t:ExtendedFieldURI");
    for (guint i = 0; i < uri->n_attributes; i++)
        exg_xml_attribute(writer, uri->attributes[i].name, uri->attributes[i].value);
    exg_xml_end(writer);
    exg_xml_element(writer, "t:Value", value);
    exg_xml_end(writer);
}

static void
show_extended_properties(Showing *showing)
{
    const ExgXmlNode *paths = exg_sim_type_child(showing->shape, "AdditionalProperties");
    for (const ExgXmlNode *uri = exg_sim_type_child(paths, "ExtendedFieldURI"); uri != NULL;
         uri = exg_xml_node_next_same(uri)) {
        g_auto(ExgSimRefusal) ignored = {0};
        g_autofree char *path = NULL;
        if (!exg_sim_property_path(uri, &path, &ignored))
            continue;
        GBytes *content = g_str_equal(path, EXG_SIM_TAG_TRANSPORT_HEADERS) ? content_of(showing)
                                                                           : NULL;
        g_autofree char *value = exg_sim_property_text(showing->item, path, content);
        if (value == NULL)
            continue;
        exg_sim_extended_property_write(showing->writer, uri, value);
    }
}

static void
show_from(Showing *showing)
{
    g_autoptr(GPtrArray) addresses = g_ptr_array_new_with_free_func(g_free);
    if (showing->item->from != NULL)
        exg_sim_mime_addresses(showing->item->from, addresses);
    if (addresses->len == 0)
        return;
    exg_xml_start(showing->writer, "t:From");
    exg_xml_start(showing->writer, "t:Mailbox");
    exg_xml_element(showing->writer, "t:Name", showing->item->from);
    exg_xml_element(showing->writer, "t:EmailAddress",
                    g_ptr_array_index(addresses, addresses->len - 1));
    exg_xml_element(showing->writer, "t:RoutingType", "SMTP");
    exg_xml_end(showing->writer);
    exg_xml_end(showing->writer);
}

static void
show_message_id(Showing *showing)
{
    write_text(showing->writer, "t:InternetMessageId", showing->item->message_id);
}

static void
show_is_read(Showing *showing)
{
    write_bool(showing->writer, "t:IsRead", showing->item->is_read);
}

/* --- the shapes ------------------------------------------------------------------------------- */

/* In which base shapes a field is. */
enum { ALWAYS = 1, DEFAULT = 2, ALL = 4, CONTENT = 8 /* never in a search */ };

/* In the order that t:Message demands. */
static const struct {
    const char *uri;
    guint shapes;
    void (*show)(Showing *showing);
} fields[] = {
    {"item:MimeContent", CONTENT, show_mime_content},
    {"item:ItemId", ALWAYS, show_item_id},
    {"item:ParentFolderId", ALL, show_parent_folder},
    {"item:ItemClass", ALL, show_item_class},
    {"item:Subject", DEFAULT | ALL, show_subject},
    {"item:Sensitivity", DEFAULT | ALL, show_sensitivity},
    {"item:Body", DEFAULT | ALL | CONTENT, show_body},
    {"item:DateTimeReceived", ALL, show_received},
    {"item:Size", DEFAULT | ALL, show_size},
    {"item:Categories", DEFAULT | ALL, show_categories},
    {"item:Importance", ALL, show_importance},
    {"item:IsDraft", ALL, show_is_draft},
    {"item:IsUnmodified", ALL, show_is_unmodified},
    {"item:InternetMessageHeaders", ALL | CONTENT, show_internet_headers},
    {"item:DateTimeSent", DEFAULT | ALL, show_sent},
    {"item:DateTimeCreated", DEFAULT | ALL, show_created},
    {"item:HasAttachments", DEFAULT | ALL, show_has_attachments},
    {NULL, ALWAYS, show_extended_properties},
    {"item:Flag", ALL, show_flag},
    {"message:From", DEFAULT | ALL, show_from},
    {"message:InternetMessageId", ALL, show_message_id},
    {"message:IsRead", DEFAULT | ALL, show_is_read},
};

bool
exg_sim_item_shape_check(const ExgXmlNode *shape, ExgSimRefusal *refusal)
{
    const ExgXmlNode *paths = exg_sim_type_child(shape, "AdditionalProperties");
    for (const ExgXmlNode *uri = exg_sim_type_child(paths, "ExtendedFieldURI"); uri != NULL;
         uri = exg_xml_node_next_same(uri)) {
        g_autofree char *path = NULL;
        if (!exg_sim_property_path(uri, &path, refusal))
            return false;
    }
    return true;
}

bool
exg_sim_shape_asks_for(const ExgXmlNode *shape, const char *field_uri)
{
    const ExgXmlNode *paths = exg_sim_type_child(shape, "AdditionalProperties");
    for (const ExgXmlNode *field = exg_sim_type_child(paths, "FieldURI"); field != NULL;
         field = exg_xml_node_next_same(field))
        if (g_str_equal(exg_xml_node_attribute(field, "FieldURI"), field_uri))
            return true;
    return false;
}

static bool
asks_for(const ExgXmlNode *shape, const char *field_uri)
{
    const ExgXmlNode *mime = exg_sim_type_child(shape, "IncludeMimeContent");
    bool wants_mime = mime != NULL && (mime->text[0] == 't' || mime->text[0] == '1');
    return (wants_mime && g_str_equal(field_uri, "item:MimeContent")) ||
           exg_sim_shape_asks_for(shape, field_uri);
}

void
exg_sim_item_shape_write(const ExgXmlNode *shape, ExgXmlWriter *writer,
                         const ExgSimMailbox *mailbox, const ExgSimItem *item, bool searching)
{
    Showing showing = {.writer = writer, .mailbox = mailbox, .item = item, .shape = shape};
    const char *base = exg_sim_type_child(shape, "BaseShape")->text;
    guint wanted = ALWAYS;
    if (g_str_equal(base, "Default"))
        wanted |= DEFAULT;
    else if (g_str_equal(base, "AllProperties"))
        wanted |= ALL;
    exg_xml_start(writer, "t:Message");
    for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (searching && (fields[i].shapes & CONTENT) != 0)
            continue;
        if ((fields[i].shapes & wanted) != 0 ||
            (fields[i].uri != NULL && asks_for(shape, fields[i].uri)))
            fields[i].show(&showing);
    }
    exg_xml_end(writer);
    g_clear_pointer(&showing.content, g_bytes_unref);
}
