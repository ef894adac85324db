#include "common/xml/tree.h"

#include "common/base/error.h"

#include <string.h>

#define CHUNK_BYTES 4096

struct ExgXmlTree {
    ExgXmlReader *reader;
    GStringChunk *strings; /* everything the nodes point to */
    GPtrArray *nodes;
    guint max_nodes;
    ExgXmlNode *root;
    ExgXmlNode *open; /* the element being filled */
    GPtrArray
        *texts; /* of GString: the texts of the open elements, by depth; kept for the next ones */
    GPtrArray *last; /* of ExgXmlNode: the last child so far of each open element, by depth */
    guint depth;
    bool complete;
};

static void
free_text(gpointer text)
{
    g_string_free(text, TRUE);
}

static void
free_node(gpointer data)
{
    ExgXmlNode *node = data;
    g_free((gpointer)node->attributes);
    g_free(node);
}

/* Names come again and again: each is kept once. */
static const char *
keep_name(ExgXmlTree *tree, const char *name)
{
    return name != NULL ? g_string_chunk_insert_const(tree->strings, name) : "";
}

static void
keep_attributes(ExgXmlTree *tree, ExgXmlNode *node, const ExgXmlAttribute *attributes, guint count)
{
    if (count == 0)
        return;
    ExgXmlAttribute *kept = g_new(ExgXmlAttribute, count);
    for (guint i = 0; i < count; i++)
        kept[i] = (ExgXmlAttribute){
            .space = attributes[i].space != NULL ? keep_name(tree, attributes[i].space) : NULL,
            .name = keep_name(tree, attributes[i].name),
            .value = g_string_chunk_insert(tree->strings, attributes[i].value),
        };
    node->attributes = kept;
    node->n_attributes = count;
}

static void
open_level(ExgXmlTree *tree)
{
    if (tree->texts->len == tree->depth) {
        g_ptr_array_add(tree->texts, g_string_new(NULL));
        g_ptr_array_add(tree->last, NULL);
    }
    g_string_truncate(g_ptr_array_index(tree->texts, tree->depth), 0);
    g_ptr_array_index(tree->last, tree->depth) = NULL;
    tree->depth++;
}

static bool
on_start(gpointer user, const char *space, const char *name, const ExgXmlAttribute *attributes,
         guint count, GError **error)
{
    ExgXmlTree *tree = user;
    if (tree->nodes->len >= tree->max_nodes)
        return exg_error_set(error, EXG_ERROR_PROTOCOL,
                             "The XML document has more than %u elements", tree->max_nodes);
    ExgXmlNode *node = g_new0(ExgXmlNode, 1);
    g_ptr_array_add(tree->nodes, node);
    node->space = keep_name(tree, space);
    node->name = keep_name(tree, name);
    node->text = "";
    node->parent = tree->open;
    keep_attributes(tree, node, attributes, count);
    if (tree->open == NULL) {
        tree->root = node;
    } else {
        gpointer *last = &g_ptr_array_index(tree->last, tree->depth - 1);
        if (*last == NULL)
            tree->open->first_child = node;
        else
            ((ExgXmlNode *)*last)->next = node;
        *last = node;
    }
    tree->open = node;
    open_level(tree);
    return true;
}

static bool
on_text(gpointer user, const char *text, gsize length, GError **error)
{
    ExgXmlTree *tree = user;
    g_string_append_len(g_ptr_array_index(tree->texts, tree->depth - 1), text, (gssize)length);
    return true;
}

static bool
on_end(gpointer user, const char *space, const char *name, GError **error)
{
    ExgXmlTree *tree = user;
    const GString *text = g_ptr_array_index(tree->texts, tree->depth - 1);
    if (text->len > 0)
        tree->open->text = g_string_chunk_insert_len(tree->strings, text->str, (gssize)text->len);
    tree->open->text_length = text->len;
    tree->open = tree->open->parent;
    tree->depth--;
    return true;
}

ExgXmlTree *
exg_xml_tree_new(const ExgXmlLimits *limits, guint max_nodes)
{
    static const ExgXmlHandler handler = {.start = on_start, .text = on_text, .end = on_end};
    ExgXmlTree *tree = g_new0(ExgXmlTree, 1);
    tree->reader = exg_xml_reader_new(limits, &handler, tree);
    tree->strings = g_string_chunk_new(CHUNK_BYTES);
    tree->nodes = g_ptr_array_new_with_free_func(free_node);
    tree->texts = g_ptr_array_new_with_free_func(free_text);
    tree->last = g_ptr_array_new();
    tree->max_nodes = max_nodes;
    return tree;
}

/* What only parsing needs. */
static void
drop_parser(ExgXmlTree *tree)
{
    g_clear_pointer(&tree->reader, exg_xml_reader_free);
    g_clear_pointer(&tree->texts, g_ptr_array_unref);
    g_clear_pointer(&tree->last, g_ptr_array_unref);
}

void
exg_xml_tree_free(ExgXmlTree *tree)
{
    if (tree == NULL)
        return;
    drop_parser(tree);
    g_ptr_array_unref(tree->nodes);
    g_string_chunk_free(tree->strings);
    g_free(tree);
}

bool
exg_xml_tree_feed(ExgXmlTree *tree, const char *data, gsize length, GError **error)
{
    g_return_val_if_fail(!tree->complete, false);
    return exg_xml_reader_feed(tree->reader, data, length, error);
}

bool
exg_xml_tree_finish(ExgXmlTree *tree, GError **error)
{
    g_return_val_if_fail(!tree->complete, false);
    if (!exg_xml_reader_finish(tree->reader, error))
        return false;
    tree->complete = true;
    drop_parser(tree);
    return true;
}

ExgXmlTree *
exg_xml_tree_parse(const char *data, gsize length, const ExgXmlLimits *limits, guint max_nodes,
                   GError **error)
{
    g_autoptr(ExgXmlTree) tree = exg_xml_tree_new(limits, max_nodes);
    if (!exg_xml_tree_feed(tree, data, length, error) || !exg_xml_tree_finish(tree, error))
        return NULL;
    return g_steal_pointer(&tree);
}

const ExgXmlNode *
exg_xml_tree_root(const ExgXmlTree *tree)
{
    return tree->complete ? tree->root : NULL;
}

bool
exg_xml_node_is(const ExgXmlNode *node, const char *space, const char *name)
{
    return node != NULL && g_str_equal(node->name, name) &&
           (space == NULL || g_str_equal(node->space, space));
}

static const ExgXmlNode *
first_from(const ExgXmlNode *node, const char *space, const char *name)
{
    while (node != NULL && !exg_xml_node_is(node, space, name))
        node = node->next;
    return node;
}

const ExgXmlNode *
exg_xml_node_child(const ExgXmlNode *node, const char *space, const char *name)
{
    return node != NULL ? first_from(node->first_child, space, name) : NULL;
}

const ExgXmlNode *
exg_xml_node_next_same(const ExgXmlNode *node)
{
    return node != NULL ? first_from(node->next, node->space, node->name) : NULL;
}

const char *
exg_xml_node_attribute(const ExgXmlNode *node, const char *name)
{
    for (guint i = 0; node != NULL && i < node->n_attributes; i++)
        if (node->attributes[i].space == NULL && g_str_equal(node->attributes[i].name, name))
            return node->attributes[i].value;
    return NULL;
}
