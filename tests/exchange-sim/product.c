#include "tests/exchange-sim/product.h"

#include "tests/exchange-sim/schema.h"

#include <string.h>

/* Of requests, oldest first. */
static const char *const versions[] = {
    "Exchange2007",     "Exchange2007_SP1", "Exchange2010",     "Exchange2010_SP1",
    "Exchange2010_SP2", "Exchange2013",     "Exchange2013_SP1", "Exchange2016",
};

static const ExgSimProduct products[] = {
    {"Exchange2007_SP1", {8, 1, 240, 6}, "Exchange2007_SP1", "Exchange2007_SP1"},
    {"Exchange2010", {14, 0, 639, 21}, "Exchange2010", "Exchange2010"},
    {"Exchange2010_SP1", {14, 1, 218, 15}, "Exchange2010_SP1", "Exchange2010_SP1"},
    {"Exchange2010_SP2", {14, 2, 247, 5}, "Exchange2010_SP2", "Exchange2010_SP2"},
    {"Exchange2013", {15, 0, 516, 32}, "Exchange2013", "Exchange2013"},
    {"Exchange2013_SP1", {15, 0, 847, 32}, "V2_8", "Exchange2013_SP1"},
    {"Exchange2016", {15, 1, 225, 42}, "V2_48", "Exchange2016"},
    {"Exchange2019", {15, 2, 221, 12}, "V2017_07_11", "Exchange2016"},
    {"ExchangeSE", {15, 2, 2562, 17}, "V2017_07_11", "Exchange2016"},
};

/* What came after 2007 SP1. An operation stands here under the element of its request, an element or attribute
 * where it may stand. */
static const struct {
    const char *parent; /* NULL: it is an operation */
    const char *element;
    const char *attribute; /* NULL: the element itself */
    const char *since;
} novelties[] = {
    {NULL, "GetServerTimeZones", NULL, "Exchange2010"},
    {NULL, "GetRoomLists", NULL, "Exchange2010"},
    {NULL, "GetRooms", NULL, "Exchange2010"},
    {NULL, "GetMailTips", NULL, "Exchange2010"},
    {NULL, "GetStreamingEvents", NULL, "Exchange2010_SP1"},
    {NULL, "GetSearchableMailboxes", NULL, "Exchange2013"},
    {"Subscribe", "StreamingSubscriptionRequest", NULL, "Exchange2010_SP1"},
    {"MoveItem", "ReturnNewItemIds", NULL, "Exchange2010_SP1"},
    {"CopyItem", "ReturnNewItemIds", NULL, "Exchange2010_SP1"},
    {"Body", "ResolveNames", "ContactDataShape", "Exchange2010_SP2"},
    {"Message", "Flag", NULL, "Exchange2013"},
    {"Body", "UpdateItem", "SuppressReadReceipts", "Exchange2013_SP1"},
    {"Body", "DeleteItem", "SuppressReadReceipts", "Exchange2013_SP1"},
};

const ExgSimProduct *
exg_sim_product_find(const char *name)
{
    if (name == NULL)
        return &products[G_N_ELEMENTS(products) - 1];
    for (guint i = 0; i < G_N_ELEMENTS(products); i++)
        if (g_ascii_strcasecmp(products[i].name, name) == 0)
            return &products[i];
    return NULL;
}

void
exg_sim_product_write(const ExgSimProduct *product, ExgXmlWriter *writer)
{
    static const char *const names[] = {"MajorVersion", "MinorVersion", "MajorBuildNumber",
                                        "MinorBuildNumber"};
    exg_xml_start(writer, "t:ServerVersionInfo");
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *number = g_strdup_printf("%u", product->build[i]);
        exg_xml_attribute(writer, names[i], number);
    }
    exg_xml_attribute(writer, "Version", product->schema);
    exg_xml_end(writer);
}

/* --- versions --------------------------------------------------------------------------------- */

/* V2017_07_11: the schema of a date */
static bool
is_dated(const char *text)
{
    return strlen(text) == 11 && text[0] == 'V' && text[5] == '_' && text[8] == '_' &&
           strspn(text + 1, "0123456789_") == 10;
}

/* Its place among the versions, or their number. */
static guint
rank_of(const char *version)
{
    guint rank = 0;
    if (is_dated(version))
        return G_N_ELEMENTS(versions) - 1;
    while (rank < G_N_ELEMENTS(versions) && !g_str_equal(versions[rank], version))
        rank++;
    return rank;
}

bool
exg_sim_product_takes(const ExgSimProduct *product, const char *version, ExgSimRefusal *refusal)
{
    if (version == NULL || rank_of(version) <= rank_of(product->newest))
        return true;
    return exg_sim_refuse_invalid(refusal, "ErrorInvalidServerVersion", NULL);
}

/* --- what a version has ----------------------------------------------------------------------- */

static bool
check_nodes(const ExgXmlNode *node, const char *parent, guint rank, ExgSimRefusal *refusal)
{
    for (guint i = 0; i < G_N_ELEMENTS(novelties); i++) {
        if (novelties[i].parent == NULL || rank_of(novelties[i].since) <= rank ||
            !g_str_equal(node->name, novelties[i].element) ||
            !g_str_equal(parent, novelties[i].parent))
            continue;
        if (novelties[i].attribute == NULL)
            return exg_sim_refuse_schema(
                refusal, "The element '%s' has invalid child element '%s' in namespace '%s'.",
                parent, node->name, node->space);
        if (exg_xml_node_attribute(node, novelties[i].attribute) != NULL)
            return exg_sim_refuse_schema(refusal, "The '%s' attribute of '%s' is not declared.",
                                         novelties[i].attribute, node->name);
    }
    for (const ExgXmlNode *child = node->first_child; child != NULL; child = child->next)
        if (!check_nodes(child, node->name, rank, refusal))
            return false;
    return true;
}

/* The server does not know an operation that is newer than itself. One that is only newer than what the request
 * names is not to be had in that version. */
static bool
check_operation(const ExgSimProduct *product, guint rank, const char *name, ExgSimRefusal *refusal)
{
    for (guint i = 0; i < G_N_ELEMENTS(novelties); i++) {
        guint since = rank_of(novelties[i].since);
        if (novelties[i].parent != NULL || since <= rank ||
            !g_str_equal(name, novelties[i].element))
            continue;
        bool unknown = since > rank_of(product->newest);
        return exg_sim_refuse_invalid(
            refusal, unknown ? "ErrorInvalidRequest" : "ErrorInvalidServerVersion", NULL);
    }
    return true;
}

bool
exg_sim_product_check(const ExgSimProduct *product, const char *version,
                      const ExgXmlNode *operation, ExgSimRefusal *refusal)
{
    guint rank = rank_of(product->newest);
    if (version != NULL)
        rank = MIN(rank, rank_of(version));
    if (rank == G_N_ELEMENTS(versions) - 1)
        return true;
    return check_operation(product, rank, operation->name, refusal) &&
           check_nodes(operation, "Body", rank, refusal);
}
