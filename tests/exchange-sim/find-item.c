/* FindItem: the items of folders that fit a restriction. */
#include "tests/exchange-sim/call.h"
#include "tests/exchange-sim/item-shape.h"
#include "tests/exchange-sim/page.h"
#include "tests/exchange-sim/restriction.h"

typedef struct {
    const ExgXmlNode *path;
    bool descending;
} Order;

static gint
compare_items(gconstpointer a, gconstpointer b, gpointer data)
{
    const ExgSimItem *x = *(ExgSimItem *const *)a, *y = *(ExgSimItem *const *)b;
    const GArray *orders = data;
    for (guint i = 0; i < orders->len; i++) {
        const Order *order = &g_array_index(orders, Order, i);
        ExgSimValue first, second;
        if (!exg_sim_property_value(x, order->path, &first) ||
            !exg_sim_property_value(y, order->path, &second))
            continue;
        int result = exg_sim_property_compare(&first, &second);
        if (result != 0)
            return order->descending ? -result : result;
    }
    return (x->number > y->number) - (x->number < y->number);
}

static void
sort(GPtrArray *items, const ExgXmlNode *sort_order)
{
    g_autoptr(GArray) orders = g_array_new(FALSE, FALSE, sizeof(Order));
    for (const ExgXmlNode *node = sort_order != NULL ? sort_order->first_child : NULL; node != NULL;
         node = node->next) {
        Order order = {node->first_child,
                       g_str_equal(exg_xml_node_attribute(node, "Order"), "Descending")};
        g_array_append_val(orders, order);
    }
    if (orders->len > 0)
        g_ptr_array_sort_with_data(items, compare_items, orders);
}

static bool
check(const ExgXmlNode *operation, ExgSimRefusal *refusal)
{
    static const char *const unsupported[] = {"FractionalPageItemView",
                                              "SeekToConditionPageItemView",
                                              "CalendarView",
                                              "ContactsView",
                                              "GroupBy",
                                              "DistinguishedGroupBy",
                                              "QueryString"};
    const ExgXmlNode *restriction = exg_sim_message_child(operation, "Restriction");
    g_autoptr(ExgSimItem) any = exg_sim_item_new();
    for (guint i = 0; i < G_N_ELEMENTS(unsupported); i++)
        if (exg_sim_message_child(operation, unsupported[i]) != NULL)
            return exg_sim_refuse_invalid(refusal, "ErrorInvalidRequest",
                                          "The simulated Exchange does not have '%s'.",
                                          unsupported[i]);
    return exg_sim_item_shape_check(exg_sim_message_child(operation, "ItemShape"), refusal) &&
           (restriction == NULL || exg_sim_restriction_check(restriction->first_child,
                                                             exg_sim_property_value, any, refusal));
}

static GPtrArray *
search(const ExgXmlNode *operation, const ExgSimMailbox *mailbox, const ExgSimFolder *folder)
{
    GPtrArray *found = g_ptr_array_new();
    const ExgXmlNode *restriction = exg_sim_message_child(operation, "Restriction");
    /* There are neither soft-deleted nor associated items. */
    if (!g_str_equal(exg_xml_node_attribute(operation, "Traversal"), "Shallow"))
        return found;
    for (guint i = 0; i < exg_sim_mailbox_count(mailbox, folder); i++) {
        const ExgSimItem *item = exg_sim_mailbox_item(mailbox, folder, i);
        if (restriction == NULL ||
            exg_sim_restriction_matches(restriction->first_child, exg_sim_property_value, item))
            g_ptr_array_add(found, (gpointer)item);
    }
    sort(found, exg_sim_message_child(operation, "SortOrder"));
    return found;
}

static void
write_result(ExgSimCall *call, const ExgSimMailbox *mailbox, GPtrArray *found)
{
    const ExgXmlNode *view = exg_sim_message_child(call->envelope.operation, "IndexedPageItemView");
    const ExgXmlNode *shape = exg_sim_message_child(call->envelope.operation, "ItemShape");
    guint from, to;
    exg_xml_start(&call->writer, "m:RootFolder");
    exg_sim_page_write(view, found->len, &call->writer, &from, &to);
    exg_xml_start(&call->writer, "t:Items");
    for (guint i = from; i < to; i++)
        exg_sim_item_shape_write(shape, &call->writer, mailbox, g_ptr_array_index(found, i), true);
    exg_xml_end(&call->writer);
    exg_xml_end(&call->writer);
}

bool
exg_sim_find_item(ExgSimCall *call, ExgSimRefusal *refusal)
{
    const ExgXmlNode *ids = exg_sim_message_child(call->envelope.operation, "ParentFolderIds");
    if (!check(call->envelope.operation, refusal))
        return false;
    for (const ExgXmlNode *id = ids->first_child; id != NULL; id = id->next) {
        g_auto(ExgSimRefusal) failure = {0};
        ExgSimMailbox *mailbox;
        const ExgSimFolder *folder;
        bool found = exg_sim_call_folder(call, id, &mailbox, &folder, &failure);
        exg_sim_call_start_message(call, "m:FindItemResponseMessage", &failure);
        if (found) {
            g_autoptr(GPtrArray) items = search(call->envelope.operation, mailbox, folder);
            if (call->lie) {
                call->denied += items->len;
                g_ptr_array_set_size(items, 0);
            }
            write_result(call, mailbox, items);
        }
        exg_xml_end(&call->writer);
    }
    return true;
}
