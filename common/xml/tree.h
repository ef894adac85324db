/* tree.h - a small XML document as a tree, for answers whose size is bounded.
 *
 * Threads:  immutable after parsing.
 * Memory:   all nodes belong to the tree; free it once.
 * Errors:   as reader.h.
 * Limits:   those of the reader, and max_nodes.
 */
#ifndef EXG_XML_TREE_H
#define EXG_XML_TREE_H

#include "common/xml/reader.h"

typedef struct ExgXmlTree ExgXmlTree;
typedef struct ExgXmlNode ExgXmlNode;

struct ExgXmlNode {
    const char *space; /* namespace URI, or "" */
    const char *name;  /* local name */
    const char *text;  /* all text directly inside, joined, untrimmed; never NULL */
    gsize text_length;
    const ExgXmlAttribute *attributes;
    guint n_attributes;
    ExgXmlNode *parent, *first_child, *next; /* next: the following sibling */
};

/* A tree is filled piece by piece, like a reader… */
ExgXmlTree *exg_xml_tree_new(const ExgXmlLimits *limits, guint max_nodes);
bool exg_xml_tree_feed(ExgXmlTree *tree, const char *data, gsize length, GError **error);
bool exg_xml_tree_finish(ExgXmlTree *tree, GError **error);
/* … or from one piece. */
ExgXmlTree *exg_xml_tree_parse(const char *data, gsize length, const ExgXmlLimits *limits,
                               guint max_nodes, GError **error);
void exg_xml_tree_free(ExgXmlTree *tree);

/* NULL before exg_xml_tree_finish() has succeeded. */
const ExgXmlNode *exg_xml_tree_root(const ExgXmlTree *tree);

/* In these, `space` NULL means any namespace, "" none. */
bool exg_xml_node_is(const ExgXmlNode *node, const char *space, const char *name);
/* The first child element of that name, or NULL. NULL-safe, so that look-ups can be chained. */
const ExgXmlNode *exg_xml_node_child(const ExgXmlNode *node, const char *space, const char *name);
/* The next sibling of the same name and namespace, or NULL. */
const ExgXmlNode *exg_xml_node_next_same(const ExgXmlNode *node);
/* The value of an attribute without namespace, or NULL. NULL-safe. */
const char *exg_xml_node_attribute(const ExgXmlNode *node, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgXmlTree, exg_xml_tree_free)

#endif
