#include "common/xml/tree.h"

#include "common/base/error.h"

#include <string.h>

#define BLOCK_BYTES 4096
#define NAME_SLOTS  64

typedef struct Node Node;

struct Node {
    ExgXmlNode node; /* what others see; first, so that one is the other */
    Node *last;      /* child so far */
    gsize text_start;
};

/* Memory is handed out from the front, and goes all at once. */
typedef struct Block Block;
struct Block {
    Block *next;
    gsize used, size;
    guint8 bytes[] __attribute__((aligned(sizeof(gpointer))));
};

/* The reader has each name once while it lives; a copy of it. */
typedef struct {
    const char *name;
    const char *kept;
} Name;

struct ExgXmlTree {
    ExgXmlReader *reader;
    Block *blocks; /* all that the nodes point to, and they themselves */
    guint n_nodes, max_nodes;
    ExgXmlNode *root;
    Node *open;    /* the element being filled */
    GString *text; /* of the open elements, the innermost last */
    Name names[NAME_SLOTS];
    bool complete;
};

/* --- memory ----------------------------------------------------------------------------------- */

static gpointer
allocate(ExgXmlTree *tree, gsize size)
{
    gsize rounded = (size + sizeof(gpointer) - 1) & ~(sizeof(gpointer) - 1);
    Block *block = tree->blocks;
    if (block == NULL || block->size - block->used < rounded) {
        gsize room = MAX(BLOCK_BYTES - sizeof(Block), rounded);
        block = g_malloc(sizeof(Block) + room);
        *block = (Block){.next = tree->blocks, .size = room};
        tree->blocks = block;
    }
    gpointer memory = block->bytes + block->used;
    block->used += rounded;
    return memory;
}

static void
free_blocks(ExgXmlTree *tree)
{
    while (tree->blocks != NULL) {
        Block *block = tree->blocks;
        tree->blocks = block->next;
        g_free(block);
    }
}

static const char *
keep(ExgXmlTree *tree, const char *text, gsize length)
{
    char *kept = allocate(tree, length + 1);
    memcpy(kept, text, length);
    kept[length] = '\0';
    return kept;
}

/* Names come again and again. */
static const char *
keep_name(ExgXmlTree *tree, const char *name)
{
    Name *slot = &tree->names[((gsize)name >> 3) % NAME_SLOTS];
    if (slot->name != name)
        *slot = (Name){name, keep(tree, name, strlen(name))};
    return slot->kept;
}

static void
keep_attributes(ExgXmlTree *tree, ExgXmlNode *node, const ExgXmlAttribute *attributes, guint count)
{
    if (count == 0)
        return;
    ExgXmlAttribute *kept = allocate(tree, count * sizeof(ExgXmlAttribute));
    for (guint i = 0; i < count; i++)
        kept[i] = (ExgXmlAttribute){
            .space = attributes[i].space != NULL ? keep_name(tree, attributes[i].space) : NULL,
            .name = keep_name(tree, attributes[i].name),
            .value = keep(tree, attributes[i].value, strlen(attributes[i].value)),
        };
    node->attributes = kept;
    node->n_attributes = count;
}

/* --- filling ---------------------------------------------------------------------------------- */

static bool
on_start(gpointer user, const char *space, const char *name, const ExgXmlAttribute *attributes,
         guint count, GError **error)
{
    ExgXmlTree *tree = user;
    if (tree->n_nodes >= tree->max_nodes)
        return exg_error_set(error, EXG_ERROR_PROTOCOL,
                             "The XML document has more than %u elements", tree->max_nodes);
    tree->n_nodes++;
    Node *parent = tree->open;
    Node *self = allocate(tree, sizeof(Node));
    *self = (Node){.text_start = tree->text->len};
    self->node.space = space != NULL ? keep_name(tree, space) : "";
    self->node.name = keep_name(tree, name);
    self->node.text = "";
    self->node.parent = (ExgXmlNode *)parent;
    keep_attributes(tree, &self->node, attributes, count);
    if (parent == NULL)
        tree->root = &self->node;
    else if (parent->last == NULL)
        parent->node.first_child = &self->node;
    else
        parent->last->node.next = &self->node;
    if (parent != NULL)
        parent->last = self;
    tree->open = self;
    return true;
}

static bool
on_text(gpointer user, const char *text, gsize length, GError **error)
{
    ExgXmlTree *tree = user;
    g_string_append_len(tree->text, text, (gssize)length);
    return true;
}

static bool
on_end(gpointer user, const char *space, const char *name, GError **error)
{
    ExgXmlTree *tree = user;
    Node *self = tree->open;
    gsize length = tree->text->len - self->text_start;
    if (length > 0)
        self->node.text = keep(tree, tree->text->str + self->text_start, length);
    self->node.text_length = length;
    g_string_truncate(tree->text, self->text_start);
    tree->open = (Node *)self->node.parent;
    return true;
}

ExgXmlTree *
exg_xml_tree_new(const ExgXmlLimits *limits, guint max_nodes)
{
    static const ExgXmlHandler handler = {.start = on_start, .text = on_text, .end = on_end};
    ExgXmlTree *tree = g_new0(ExgXmlTree, 1);
    tree->reader = exg_xml_reader_new(limits, &handler, tree);
    tree->text = g_string_new(NULL);
    tree->max_nodes = max_nodes;
    return tree;
}

/* What only parsing needs. */
static void
drop_parser(ExgXmlTree *tree)
{
    g_clear_pointer(&tree->reader, exg_xml_reader_free);
    if (tree->text != NULL)
        g_string_free(g_steal_pointer(&tree->text), TRUE);
}

void
exg_xml_tree_free(ExgXmlTree *tree)
{
    if (tree == NULL)
        return;
    drop_parser(tree);
    free_blocks(tree);
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
