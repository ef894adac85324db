#include "common/xml/writer.h"

#include "common/xml/tree.h"

#include <string.h>

#define DECLARATION "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
static const ExgXmlLimits limits = {.total_bytes = 1000000, .depth = 50, .attributes = 20};

static void
assert_text(ExgXmlWriter *writer, const char *expected)
{
    gsize length = 0;
    g_autofree char *text = exg_xml_writer_steal(writer, &length);
    g_assert_cmpuint(length, ==, strlen(text));
    g_assert_true(g_str_has_prefix(text, DECLARATION));
    g_assert_cmpstr(text + strlen(DECLARATION), ==, expected);
}

static void
test_elements(void)
{
    g_auto(ExgXmlWriter) writer;
    exg_xml_writer_init(&writer);
    exg_xml_start(&writer, "a");
    exg_xml_attribute(&writer, "x", "1");
    exg_xml_attribute(&writer, "y", "");
    exg_xml_start(&writer, "b");
    exg_xml_end(&writer);
    exg_xml_element(&writer, "c", "text");
    exg_xml_element(&writer, "d", "");
    exg_xml_text(&writer, "more");
    assert_text(&writer, "<a x=\"1\" y=\"\"><b/><c>text</c><d/>more</a>");
}

static void
test_steal_closes_all(void)
{
    g_auto(ExgXmlWriter) writer;
    exg_xml_writer_init(&writer);
    exg_xml_start(&writer, "a");
    exg_xml_start(&writer, "b");
    exg_xml_start(&writer, "c");
    assert_text(&writer, "<a><b><c/></b></a>");
}

static void
test_escapes(void)
{
    g_auto(ExgXmlWriter) writer;
    exg_xml_writer_init(&writer);
    exg_xml_start(&writer, "a");
    exg_xml_attribute(&writer, "x", "<&>\"'\t\r\n");
    exg_xml_text(&writer, "<&>\"'\t\r\n]]>");
    assert_text(&writer,
                "<a x=\"&lt;&amp;&gt;&quot;'&#9;&#13;&#10;\">&lt;&amp;&gt;\"'\t&#13;\n]]&gt;</a>");
}

/* Each of these must come out as it went in, or as U+FFFD. */
static void
test_round_trip(void)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain", "plain"},
        {"J\xc3\xbcrgen \xf0\x9f\x98\x80 \xe4\xb8\xad",
         "J\xc3\xbcrgen \xf0\x9f\x98\x80 \xe4\xb8\xad"},
        {"\x01\x08\x0b\x0c\x1f", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"a\xff"
         "b",
         "a\xef\xbf\xbd"
         "b"},                                                    /* no UTF-8 */
        {"a\xc3", "a\xef\xbf\xbd"},                               /* cut */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
        {"\xc0\xbc", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* over-long "<" */
        {"\xef\xbf\xbe\xef\xbf\xbf", "\xef\xbf\xbd\xef\xbf\xbd"}, /* U+FFFE, U+FFFF */
        {"\xf4\x90\x80\x80",
         "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* past U+10FFFF */
        {"\x7f\xc2\x85", "\x7f\xc2\x85"},
        {"\r\n\t </a><b>&amp;&#x3;]]>", "\r\n\t </a><b>&amp;&#x3;]]>"},
        {"x\" onload=\"y", "x\" onload=\"y"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(ExgXmlWriter) writer;
        exg_xml_writer_init(&writer);
        exg_xml_start(&writer, "a");
        exg_xml_attribute(&writer, "x", cases[i].in);
        exg_xml_text(&writer, cases[i].in);
        gsize length = 0;
        g_autofree char *text = exg_xml_writer_steal(&writer, &length);
        g_autoptr(GError) error = NULL;
        g_autoptr(ExgXmlTree) tree = exg_xml_tree_parse(text, length, &limits, 10, &error);
        g_assert_no_error(error);
        const ExgXmlNode *root = exg_xml_tree_root(tree);
        g_assert_cmpstr(root->text, ==, cases[i].out);
        g_assert_cmpstr(exg_xml_node_attribute(root, "x"), ==, cases[i].out);
        g_assert_cmpuint(root->n_attributes, ==, 1);
        g_assert_null(root->first_child);
    }
}

static void
test_position(void)
{
    g_auto(ExgXmlWriter) writer;
    exg_xml_writer_init(&writer);
    exg_xml_start(&writer, "a");
    exg_xml_start(&writer, "b");
    gsize position = exg_xml_position(&writer);
    exg_xml_end(&writer);
    g_autofree char *text = exg_xml_writer_steal(&writer, NULL);
    g_assert_cmpstr(text + position, ==, "</b></a>");
    g_assert_cmpint(text[position - 1], ==, '>');
}

static void
test_clear_twice(void)
{
    ExgXmlWriter writer;
    exg_xml_writer_init(&writer);
    exg_xml_start(&writer, "a");
    exg_xml_writer_clear(&writer);
    exg_xml_writer_clear(&writer);
    g_assert_null(writer.text);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/xml/writer/elements", test_elements);
    g_test_add_func("/xml/writer/steal-closes-all", test_steal_closes_all);
    g_test_add_func("/xml/writer/escapes", test_escapes);
    g_test_add_func("/xml/writer/A20.1-round-trip", test_round_trip);
    g_test_add_func("/xml/writer/position", test_position);
    g_test_add_func("/xml/writer/clear-twice", test_clear_twice);
    return g_test_run();
}
