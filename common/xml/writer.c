#include "common/xml/writer.h"

#include <stdbool.h>

#define REPLACEMENT "\xef\xbf\xbd"

void
exg_xml_writer_init(ExgXmlWriter *writer)
{
    writer->text = g_string_new("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
    writer->open = g_ptr_array_new();
    writer->tag_open = FALSE;
}

void
exg_xml_writer_clear(ExgXmlWriter *writer)
{
    if (writer->text != NULL)
        g_string_free(g_steal_pointer(&writer->text), TRUE);
    g_clear_pointer(&writer->open, g_ptr_array_unref);
    writer->tag_open = FALSE;
}

static void
close_tag(ExgXmlWriter *writer)
{
    if (writer->tag_open)
        g_string_append_c(writer->text, '>');
    writer->tag_open = FALSE;
}

/* XML 1.0 2.2, Char, less what validation has refused already (surrogates, values past
 * U+10FFFF). */
static bool
is_char(gunichar c)
{
    return (c >= 0x20 && c != 0xfffe && c != 0xffff) || c == '\t' || c == '\n' || c == '\r';
}

/* What stands for a character that must not be written as it is, or NULL. A raw carriage return
 * would be read as a line feed, and in an attribute every white space as a blank (XML 1.0 2.11,
 * 3.3.3). */
static const char *
escape(char c, bool attribute)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\r':
        return "&#13;";
    case '"':
        return attribute ? "&quot;" : NULL;
    case '\t':
        return attribute ? "&#9;" : NULL;
    case '\n':
        return attribute ? "&#10;" : NULL;
    default:
        return NULL;
    }
}

static void
append(GString *text, const char *value, bool attribute)
{
    const char *run = value; /* what can be copied as it is */
    const char *at = value;
    while (*at != '\0') {
        const char *instead = escape(*at, attribute);
        gsize length = 1;
        if ((guchar)*at >= 0x80 || (guchar)*at < 0x20) {
            gunichar c = g_utf8_get_char_validated(at, -1);
            bool valid = c != (gunichar)-1 && c != (gunichar)-2;
            if (valid)
                length = (gsize)(g_utf8_next_char(at) - at);
            if (!valid || !is_char(c))
                instead = REPLACEMENT;
        }
        if (instead != NULL) {
            g_string_append_len(text, run, at - run);
            g_string_append(text, instead);
            run = at + length;
        }
        at += length;
    }
    g_string_append_len(text, run, at - run);
}

void
exg_xml_start(ExgXmlWriter *writer, const char *name)
{
    close_tag(writer);
    g_string_append_c(writer->text, '<');
    g_string_append(writer->text, name);
    g_ptr_array_add(writer->open, (gpointer)name);
    writer->tag_open = TRUE;
}

void
exg_xml_attribute(ExgXmlWriter *writer, const char *name, const char *value)
{
    g_return_if_fail(writer->tag_open);
    g_string_append_c(writer->text, ' ');
    g_string_append(writer->text, name);
    g_string_append(writer->text, "=\"");
    append(writer->text, value, true);
    g_string_append_c(writer->text, '"');
}

void
exg_xml_text(ExgXmlWriter *writer, const char *value)
{
    if (value[0] == '\0')
        return;
    close_tag(writer);
    append(writer->text, value, false);
}

void
exg_xml_end(ExgXmlWriter *writer)
{
    g_return_if_fail(writer->open->len > 0);
    const char *name = g_ptr_array_steal_index(writer->open, writer->open->len - 1);
    if (writer->tag_open) {
        g_string_append(writer->text, "/>");
    } else {
        g_string_append(writer->text, "</");
        g_string_append(writer->text, name);
        g_string_append_c(writer->text, '>');
    }
    writer->tag_open = FALSE;
}

void
exg_xml_element(ExgXmlWriter *writer, const char *name, const char *value)
{
    exg_xml_start(writer, name);
    exg_xml_text(writer, value);
    exg_xml_end(writer);
}

gsize
exg_xml_position(ExgXmlWriter *writer)
{
    close_tag(writer);
    return writer->text->len;
}

char *
exg_xml_writer_steal(ExgXmlWriter *writer, gsize *ret_length)
{
    while (writer->open->len > 0)
        exg_xml_end(writer);
    if (ret_length != NULL)
        *ret_length = writer->text->len;
    char *text = g_string_free(g_steal_pointer(&writer->text), FALSE);
    exg_xml_writer_clear(writer);
    return text;
}
