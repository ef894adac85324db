#include "common/xml/tree.h"

#include "common/base/error.h"

#include <string.h>

static const ExgXmlLimits limits = {.total_bytes = 1000000, .depth = 20, .attributes = 20};

static ExgXmlTree *
parse(const char *text, GError **error)
{
    return exg_xml_tree_parse(text, strlen(text), &limits, 100, error);
}

static void
test_shape(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgXmlTree) tree = parse(
        "<s:a xmlns:s='u:s' xmlns='u:d' x='1' s:x='2'>one<b>x</b>two<c/><b y='3'>y</b>three</s:a>",
        &error);
    g_assert_no_error(error);
    const ExgXmlNode *root = exg_xml_tree_root(tree);
    g_assert_true(exg_xml_node_is(root, "u:s", "a"));
    g_assert_true(exg_xml_node_is(root, NULL, "a"));
    g_assert_false(exg_xml_node_is(root, "u:d", "a"));
    g_assert_false(exg_xml_node_is(root, "u:s", "b"));
    g_assert_cmpstr(root->text, ==, "onetwothree");
    g_assert_cmpuint(root->text_length, ==, 11);
    g_assert_null(root->parent);
    g_assert_null(root->next);
    g_assert_cmpuint(root->n_attributes, ==, 2);
    g_assert_cmpstr(exg_xml_node_attribute(root, "x"), ==, "1");

    const ExgXmlNode *b = exg_xml_node_child(root, "u:d", "b");
    g_assert_true(b == root->first_child);
    g_assert_true(b->parent == root);
    g_assert_cmpstr(b->text, ==, "x");
    const ExgXmlNode *c = b->next;
    g_assert_cmpstr(c->name, ==, "c");
    g_assert_cmpstr(c->text, ==, "");
    g_assert_cmpuint(c->text_length, ==, 0);
    const ExgXmlNode *second = exg_xml_node_next_same(b);
    g_assert_true(second == c->next);
    g_assert_cmpstr(exg_xml_node_attribute(second, "y"), ==, "3");
    g_assert_null(exg_xml_node_next_same(second));
    g_assert_null(exg_xml_node_next_same(c));
}

static void
test_null_safe(void)
{
    g_assert_null(exg_xml_node_child(NULL, "u", "a"));
    g_assert_null(exg_xml_node_next_same(NULL));
    g_assert_null(exg_xml_node_attribute(NULL, "a"));
    g_assert_false(exg_xml_node_is(NULL, NULL, "a"));
    exg_xml_tree_free(NULL);
    g_autoptr(ExgXmlTree) tree = parse("<a/>", NULL);
    const ExgXmlNode *root = exg_xml_tree_root(tree);
    g_assert_cmpstr(root->space, ==, "");
    g_assert_true(exg_xml_node_is(root, "", "a"));
    g_assert_null(exg_xml_node_child(exg_xml_node_child(root, NULL, "b"), NULL, "c"));
    g_assert_null(exg_xml_node_attribute(root, "x"));
}

/* Text of a parent goes on after its child's. */
static void
test_nested_text(void)
{
    g_autoptr(ExgXmlTree) tree = parse("<a>1<b>2<c>3</c>4</b>5<b>6</b>7</a>", NULL);
    const ExgXmlNode *a = exg_xml_tree_root(tree);
    g_assert_cmpstr(a->text, ==, "157");
    const ExgXmlNode *b = exg_xml_node_child(a, NULL, "b");
    g_assert_cmpstr(b->text, ==, "24");
    g_assert_cmpstr(exg_xml_node_child(b, NULL, "c")->text, ==, "3");
    g_assert_cmpstr(exg_xml_node_next_same(b)->text, ==, "6");
}

/* More names than are looked for again, each of them twice. */
static void
test_many_names(void)
{
    g_autoptr(GString) text = g_string_new("<a>");
    for (int i = 0; i < 600; i++)
        g_string_append_printf(text, "<n%d a%d='%d'/>", i % 300, i % 300, i);
    g_string_append(text, "</a>");
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgXmlTree) tree = exg_xml_tree_parse(text->str, text->len, &limits, 1000, &error);
    g_assert_no_error(error);
    const ExgXmlNode *node = exg_xml_tree_root(tree)->first_child;
    for (int i = 0; i < 600; i++, node = node->next) {
        char name[16], value[16];
        g_snprintf(name, sizeof name, "n%d", i % 300);
        g_assert_cmpstr(node->name, ==, name);
        name[0] = 'a';
        g_snprintf(value, sizeof value, "%d", i);
        g_assert_cmpstr(exg_xml_node_attribute(node, name), ==, value);
    }
    g_assert_null(node);
}

static void
test_limits(void)
{
    g_autoptr(GError) error = NULL;
    const char *text = "<a><b/><c/></a>";
    g_autoptr(ExgXmlTree) fits = exg_xml_tree_parse(text, strlen(text), &limits, 3, &error);
    g_assert_no_error(error);
    g_assert_nonnull(fits);
    g_autoptr(ExgXmlTree) over = exg_xml_tree_parse(text, strlen(text), &limits, 2, &error);
    g_assert_null(over);
    g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
    g_assert_nonnull(strstr(error->message, "more than 2 elements"));
}

static void
test_cut_everywhere(void)
{
    static const char text[] = "<a x='1'><b>&#x3;\xc3\xbc</b><c><d/></c></a>";
    for (gsize cut = 0; cut < sizeof text - 1; cut++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(ExgXmlTree) tree = exg_xml_tree_parse(text, cut, &limits, 100, &error);
        g_assert_null(tree);
        g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
    }
    g_autoptr(ExgXmlTree) slow = exg_xml_tree_new(&limits, 100);
    g_autoptr(GError) error = NULL;
    for (gsize i = 0; i < sizeof text - 1; i++) {
        g_assert_null(exg_xml_tree_root(slow));
        g_assert_true(exg_xml_tree_feed(slow, text + i, 1, &error));
    }
    g_assert_null(exg_xml_tree_root(slow));
    g_assert_true(exg_xml_tree_finish(slow, &error));
    const ExgXmlNode *root = exg_xml_tree_root(slow);
    g_assert_cmpstr(exg_xml_node_child(root, NULL, "b")->text, ==, "\xef\xbf\xbd\xc3\xbc");
    g_assert_nonnull(exg_xml_node_child(exg_xml_node_child(root, NULL, "c"), NULL, "d"));
}

static void
test_freed_unfinished(void)
{
    ExgXmlTree *tree = exg_xml_tree_new(&limits, 100);
    g_assert_true(exg_xml_tree_feed(tree, "<a><b x='1'>t", 13, NULL));
    g_assert_null(exg_xml_tree_root(tree));
    exg_xml_tree_free(tree);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/xml/tree/shape", test_shape);
    g_test_add_func("/xml/tree/null-safe", test_null_safe);
    g_test_add_func("/xml/tree/nested-text", test_nested_text);
    g_test_add_func("/xml/tree/many-names", test_many_names);
    g_test_add_func("/xml/tree/limits", test_limits);
    g_test_add_func("/xml/tree/cut-everywhere", test_cut_everywhere);
    g_test_add_func("/xml/tree/freed-unfinished", test_freed_unfinished);
    return g_test_run();
}
