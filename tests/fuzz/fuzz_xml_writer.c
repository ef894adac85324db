/* Any value: what is written is well-formed, and reads as the value with U+FFFD for what XML
 * cannot carry. */
#include "common/xml/tree.h"
#include "common/xml/writer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static char *
write_document(const char *value, gsize *ret_length)
{
    g_auto(ExgXmlWriter) writer;
    exg_xml_writer_init(&writer);
    exg_xml_start(&writer, "a");
    exg_xml_attribute(&writer, "v", value);
    exg_xml_element(&writer, "b", value);
    return exg_xml_writer_steal(&writer, ret_length);
}

/* What was read, as element and as attribute the same. (transfer full) */
static char *
read_document(const char *document, gsize length)
{
    ExgXmlLimits limits = {.total_bytes = length, .depth = 2, .attributes = 1};
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgXmlTree) tree = exg_xml_tree_parse(document, length, &limits, 2, &error);
    g_assert_no_error(error);
    const ExgXmlNode *root = exg_xml_tree_root(tree);
    const ExgXmlNode *inner = exg_xml_node_child(root, "", "b");
    g_assert_nonnull(inner);
    g_assert_cmpstr(exg_xml_node_attribute(root, "v"), ==, inner->text);
    g_assert_cmpuint(inner->text_length, ==, strlen(inner->text));
    return g_strdup(inner->text);
}

static bool
is_carried(gunichar c)
{
    return (c >= 0x20 || c == '\t' || c == '\n' || c == '\r') && c != 0xfffe && c != 0xffff;
}

/* Character by character the same, where there was one to carry. */
static void
check_read(const char *value, const char *read)
{
    const char *replacement = "\xef\xbf\xbd";
    while (*value != '\0') {
        gunichar c = g_utf8_get_char_validated(value, -1);
        bool valid = c != (gunichar)-1 && c != (gunichar)-2;
        gsize length = valid ? (gsize)(g_utf8_next_char(value) - value) : 1;
        if (valid && is_carried(c)) {
            g_assert_cmpint(strncmp(read, value, length), ==, 0);
            read += length;
        } else {
            g_assert_true(g_str_has_prefix(read, replacement));
            read += strlen(replacement);
        }
        value += length;
    }
    g_assert_cmpstr(read, ==, "");
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree char *value = g_strndup((const char *)data, size);
    gsize length;
    g_autofree char *document = write_document(value, &length);
    g_assert_cmpuint(length, ==, strlen(document));
    g_autofree char *read = read_document(document, length);
    check_read(value, read);

    gsize length_again;
    g_autofree char *document_again = write_document(read, &length_again);
    g_autofree char *read_again = read_document(document_again, length_again);
    g_assert_cmpstr(read_again, ==, read);
    return 0;
}
