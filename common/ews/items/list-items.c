#include "common/ews/items/list-items-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/item-private.h"
#include "common/ews/value-private.h"

void
exg_ews_item_page_free(ExgEwsItemPage *page)
{
    if (page == NULL)
        return;
    g_ptr_array_unref(page->items);
    g_free(page);
}

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsListing *listing = context;
    exg_xml_start(writer, "m:FindItem");
    exg_xml_attribute(writer, "Traversal", "Shallow");
    exg_ews_write_item_shape(writer, false);
    exg_ews_write_page(writer, "m:IndexedPageItemView", listing->offset,
                       CLAMP(listing->max_items, 1, EXG_EWS_MAX_LIST_PAGE));
    exg_xml_start(writer, "m:SortOrder");
    exg_xml_start(writer, "t:FieldOrder");
    exg_xml_attribute(writer, "Order", "Descending");
    exg_ews_write_leaf(writer, "t:FieldURI", "FieldURI", "item:DateTimeReceived");
    exg_xml_end(writer);
    exg_xml_end(writer);
    exg_xml_start(writer, "m:ParentFolderIds");
    exg_ews_write_any_folder(writer, target, &listing->folder);
}

static gint64
attribute_number(const ExgXmlNode *node, const char *name)
{
    const char *text = exg_xml_node_attribute(node, name);
    gint64 number = -1;
    if (text == NULL || !g_ascii_string_to_signed(text, 10, 0, G_MAXINT32, &number, NULL))
        return -1;
    return number;
}

/* Servers contradict themselves. A page that brings nothing, or does not lead on, is the last. */
static void
find_next(const ExgXmlNode *root, guint offset, ExgEwsItemPage *page)
{
    gint64 next = attribute_number(root, "IndexedPagingOffset");
    page->total = attribute_number(root, "TotalItemsInView");
    page->is_last = exg_ews_read_bool(exg_xml_node_attribute(root, "IncludesLastItemInRange"),
                                      false);
    page->next_offset = next >= 0 ? (guint)next : offset + page->items->len;
    if (page->items->len == 0 || page->next_offset <= offset)
        page->is_last = true;
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
       gpointer *ret_result, GError **error)
{
    const ExgEwsListing *listing = context;
    if (!exg_ews_message_check(operation, message, error))
        return false;
    const ExgXmlNode *root = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "RootFolder");
    const ExgXmlNode *list = exg_xml_node_child(root, EXG_EWS_TYPES_SPACE, "Items");
    if (list == NULL)
        return exg_ews_answer_senseless(operation, error, "success without Items");
    g_autoptr(ExgEwsItemPage) page = g_new0(ExgEwsItemPage, 1);
    page->items = g_ptr_array_new_with_free_func((GDestroyNotify)exg_ews_item_free);
    for (const ExgXmlNode *node = list->first_child; node != NULL; node = node->next) {
        ExgEwsItem *item = exg_ews_item_read(node);
        if (item == NULL)
            return exg_ews_answer_senseless(operation, error, "an item without an ItemId");
        g_ptr_array_add(page->items, item);
    }
    find_next(root, listing->offset, page);
    *ret_result = g_steal_pointer(&page);
    return true;
}

static void
free_page(gpointer page)
{
    exg_ews_item_page_free(page);
}

const ExgEwsOperation exg_ews_list_items_operation = {
    .name = "FindItem",
    .n_messages = 1,
    .write = write_request,
    .decode = decode,
    .free_result = free_page,
};

static void
free_listing(gpointer data)
{
    ExgEwsListing *listing = data;
    exg_ews_folder_id_clear(&listing->folder);
    g_free(listing);
}

void
exg_ews_list_items_async(ExgEwsService *service, const ExgEwsTarget *target,
                         const ExgEwsFolderId *folder, guint offset, guint max_items,
                         gint64 deadline_us, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer data)
{
    ExgEwsListing *listing = g_new(ExgEwsListing, 1);
    *listing = (ExgEwsListing){exg_ews_folder_id_copy(folder), offset, max_items};
    exg_ews_call_start(service, &exg_ews_list_items_operation, target, listing, free_listing,
                       deadline_us, cancellable, callback, data);
}

bool
exg_ews_list_items_finish(ExgEwsService *service, GAsyncResult *result, ExgEwsItemPage **ret_page,
                          GError **error)
{
    gpointer page = NULL;
    if (!exg_ews_call_finish(result, &exg_ews_list_items_operation, &page, error))
        return false;
    *ret_page = page;
    return true;
}
