#include "common/ews/items/delete-item-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/item-private.h"

static ExgHttpBody *
make_body(const char *version, const ExgEwsTarget *target, gconstpointer context)
{
    const ExgEwsBatchRequest *request = context;
    g_auto(ExgXmlWriter) writer;
    exg_xml_writer_init(&writer);
    exg_ews_envelope_start(&writer, version, target);
    exg_xml_start(&writer, "m:DeleteItem");
    exg_xml_attribute(&writer, "DeleteType", request->order);
    /* A meeting in the folder would make Exchange ask. */
    exg_xml_attribute(&writer, "SendMeetingCancellations", "SendToNone");
    exg_ews_item_batch_write_suppression(&writer, version);
    exg_ews_item_batch_write_ids(&writer, request);
    return exg_ews_call_body(&writer);
}

const ExgEwsOperation exg_ews_delete_item_operation = {
    .name = "DeleteItem",
    .make_body = make_body,
    .decode = exg_ews_item_batch_decode,
    .free_result = exg_ews_item_batch_free_results,
};

void
exg_ews_delete_item_async(ExgEwsService *service, const ExgEwsTarget *target,
                          const ExgEwsItemId *ids, guint n_ids, ExgEwsDisposal disposal,
                          gint64 deadline_us, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer data)
{
    exg_ews_item_batch_start(service, &exg_ews_delete_item_operation, target, ids, n_ids,
                             (gpointer)exg_ews_disposal_name(disposal), NULL, deadline_us,
                             cancellable, callback, data);
}

bool
exg_ews_delete_item_finish(ExgEwsService *service, GAsyncResult *result, GPtrArray **ret_results,
                           GError **error)
{
    return exg_ews_item_batch_finish(result, &exg_ews_delete_item_operation, ret_results, error);
}
