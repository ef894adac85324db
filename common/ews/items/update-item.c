#include "common/ews/items/update-item-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/item-private.h"

#define TAG_FLAG_STATUS "0x1090"

static void
start_change(ExgXmlWriter *writer, const char *field_uri)
{
    exg_xml_start(writer, "t:SetItemField");
    exg_ews_write_leaf(writer, "t:FieldURI", "FieldURI", field_uri);
    exg_xml_start(writer, "t:Message");
}

static void
end_change(ExgXmlWriter *writer)
{
    exg_xml_end(writer);
    exg_xml_end(writer);
}

/* By its MAPI property: the element t:Flag is known since 2013 only. */
static void
write_flag(ExgXmlWriter *writer, ExgEwsFlag flag)
{
    bool none = flag == EXG_EWS_NOT_FLAGGED;
    exg_xml_start(writer, none ? "t:DeleteItemField" : "t:SetItemField");
    exg_ews_write_tag_uri(writer, TAG_FLAG_STATUS);
    if (!none) {
        exg_xml_start(writer, "t:Message");
        exg_xml_start(writer, "t:ExtendedProperty");
        exg_ews_write_tag_uri(writer, TAG_FLAG_STATUS);
        exg_xml_element(writer, "t:Value", flag == EXG_EWS_FLAGGED ? "2" : "1");
        exg_xml_end(writer);
        exg_xml_end(writer);
    }
    exg_xml_end(writer);
}

static void
write_categories(ExgXmlWriter *writer, const char *const *categories)
{
    if (categories == NULL || categories[0] == NULL) {
        exg_xml_start(writer, "t:DeleteItemField");
        exg_ews_write_leaf(writer, "t:FieldURI", "FieldURI", "item:Categories");
        exg_xml_end(writer);
        return;
    }
    start_change(writer, "item:Categories");
    exg_xml_start(writer, "t:Categories");
    for (guint i = 0; categories[i] != NULL; i++)
        exg_xml_element(writer, "t:String", categories[i]);
    exg_xml_end(writer);
    end_change(writer);
}

static void
write_updates(ExgXmlWriter *writer, const ExgEwsItemUpdate *update)
{
    static const char *const importances[] = {"Low", "Normal", "High"};
    if (update->fields & EXG_EWS_SET_CATEGORIES)
        write_categories(writer, update->categories);
    if (update->fields & EXG_EWS_SET_IMPORTANCE) {
        start_change(writer, "item:Importance");
        exg_xml_element(writer, "t:Importance", importances[update->importance]);
        end_change(writer);
    }
    if (update->fields & EXG_EWS_SET_FLAG)
        write_flag(writer, update->flag);
    if (update->fields & EXG_EWS_SET_READ) {
        start_change(writer, "message:IsRead");
        exg_xml_element(writer, "t:IsRead", update->is_read ? "true" : "false");
        end_change(writer);
    }
}

static ExgHttpBody *
make_body(const char *version, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsBatchRequest *request = context;
    g_auto(ExgXmlWriter) writer;
    exg_xml_writer_init(&writer);
    exg_ews_envelope_start(&writer, version, target);
    exg_xml_start(&writer, "m:UpdateItem");
    exg_xml_attribute(&writer, "ConflictResolution", "AutoResolve");
    exg_xml_attribute(&writer, "MessageDisposition", "SaveOnly");
    exg_ews_item_batch_write_suppression(&writer, version);
    exg_xml_start(&writer, "m:ItemChanges");
    for (guint i = 0; i < request->n_ids; i++) {
        exg_xml_start(&writer, "t:ItemChange");
        exg_ews_write_item_id(&writer, &request->ids[i]);
        exg_xml_start(&writer, "t:Updates");
        write_updates(&writer, request->order);
        exg_xml_end(&writer);
        exg_xml_end(&writer);
    }
    return exg_ews_call_body(&writer);
}

const ExgEwsOperation exg_ews_update_item_operation = {
    .name = "UpdateItem",
    .make_body = make_body,
    .decode = exg_ews_item_batch_decode,
    .free_result = exg_ews_item_batch_free_results,
};

static void
free_order(gpointer data)
{
    ExgEwsItemUpdate *order = data;
    g_strfreev((char **)order->categories);
    g_free(order);
}

void
exg_ews_update_item_async(ExgEwsService *service, const ExgEwsTarget *target,
                          const ExgEwsItemId *ids, guint n_ids, const ExgEwsItemUpdate *update,
                          gint64 deadline_us, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer data)
{
    g_return_if_fail(update->fields != 0);
    ExgEwsItemUpdate *order = g_new(ExgEwsItemUpdate, 1);
    *order = *update;
    order->categories = (const char *const *)g_strdupv((char **)update->categories);
    exg_ews_item_batch_start(service, &exg_ews_update_item_operation, target, ids, n_ids, order,
                             free_order, deadline_us, cancellable, callback, data);
}

bool
exg_ews_update_item_finish(ExgEwsService *service, GAsyncResult *result, GPtrArray **ret_results,
                           GError **error)
{
    return exg_ews_item_batch_finish(result, &exg_ews_update_item_operation, ret_results, error);
}
