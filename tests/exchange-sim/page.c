#include "tests/exchange-sim/page.h"

/* An attribute that the schema knows for a number. */
static gint64
number_of(const ExgXmlNode *view, const char *attribute, gint64 otherwise)
{
    const char *text = exg_xml_node_attribute(view, attribute);
    return text != NULL ? g_ascii_strtoll(text, NULL, 10) : otherwise;
}

static void
write_number(ExgXmlWriter *writer, const char *attribute, guint number)
{
    g_autofree char *text = g_strdup_printf("%u", number);
    exg_xml_attribute(writer, attribute, text);
}

void
exg_sim_page_write(const ExgXmlNode *view, guint total, ExgXmlWriter *writer, guint *ret_from,
                   guint *ret_to)
{
    guint count = (guint)CLAMP(number_of(view, "MaxEntriesReturned", EXG_SIM_PAGE_MAX), 0,
                               EXG_SIM_PAGE_MAX);
    guint skip = (guint)CLAMP(number_of(view, "Offset", 0), 0, (gint64)total);
    bool from_end = g_strcmp0(exg_xml_node_attribute(view, "BasePoint"), "End") == 0;
    guint to = from_end ? total - skip : skip + MIN(count, total - skip);
    guint from = from_end ? to - MIN(count, to) : skip;
    write_number(writer, "IndexedPagingOffset", from_end ? total - from : to);
    write_number(writer, "TotalItemsInView", total);
    exg_xml_attribute(writer, "IncludesLastItemInRange",
                      (from_end ? from == 0 : to == total) ? "true" : "false");
    *ret_from = from;
    *ret_to = to;
}
