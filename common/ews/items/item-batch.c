#include "common/ews/items/item-batch-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/item-private.h"

#define FIRST_VERSION_WITH_SUPPRESSION "Exchange2013_SP1"
#define FIRST_VERSION_WITH_NEW_IDS     "Exchange2010_SP1"

typedef struct {
    ExgEwsService *service;
    const ExgEwsOperation *operation;
    char *mailbox;
    ExgEwsAccess access;
    GArray *ids;        /* of ExgEwsItemId */
    GPtrArray *results; /* of ExgEwsResult, NULL where there is none yet */
    gpointer order;
    GDestroyNotify free_order;
    gint64 deadline_us;
    /* The request under way */
    GArray *sent_ids; /* of ExgEwsItemId, the strings of `ids` */
    GArray *sent;     /* of guint: where they stand in `ids` */
    ExgEwsBatchRequest request;
    bool any; /* a request has been answered */
} Batch;

static void
batch_free(gpointer data)
{
    Batch *batch = data;
    exg_ews_service_unref(batch->service);
    g_free(batch->mailbox);
    g_array_unref(batch->ids);
    g_ptr_array_unref(batch->results);
    g_array_unref(batch->sent_ids);
    g_array_unref(batch->sent);
    if (batch->free_order != NULL)
        batch->free_order(batch->order);
    g_free(batch);
}

/* --- one request ------------------------------------------------------------------------------ */

void
exg_ews_item_batch_write_ids(ExgXmlWriter *writer, const ExgEwsBatchRequest *request)
{
    exg_xml_start(writer, "m:ItemIds");
    for (guint i = 0; i < request->n_ids; i++)
        exg_ews_write_item_id(writer, &request->ids[i]);
    exg_xml_end(writer);
}

void
exg_ews_item_batch_write_suppression(ExgXmlWriter *writer, const char *version)
{
    if (exg_ews_version_compare(version, FIRST_VERSION_WITH_SUPPRESSION) >= 0)
        exg_xml_attribute(writer, "SuppressReadReceipts", "true");
}

ExgHttpBody *
exg_ews_item_batch_transfer_body(const char *name, const char *version, const ExgEwsTarget *target,
                                 const ExgEwsBatchRequest *request)
{
    g_auto(ExgXmlWriter) writer;
    exg_xml_writer_init(&writer);
    exg_ews_envelope_start(&writer, version, target);
    exg_xml_start(&writer, name);
    exg_xml_start(&writer, "m:ToFolderId");
    exg_ews_write_any_folder(&writer, target, request->order);
    exg_xml_end(&writer);
    exg_ews_item_batch_write_ids(&writer, request);
    if (exg_ews_version_compare(version, FIRST_VERSION_WITH_NEW_IDS) >= 0)
        exg_xml_element(&writer, "m:ReturnNewItemIds", "true");
    return exg_ews_call_body(&writer);
}

static ExgEwsResult *
read_result(const ExgEwsOperation *operation, const ExgXmlNode *message)
{
    ExgEwsResult *result = g_new0(ExgEwsResult, 1);
    if (!exg_ews_message_check(operation, message, &result->error))
        return result;
    const ExgXmlNode *items = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "Items");
    const ExgXmlNode *item = items != NULL ? items->first_child : NULL;
    const ExgXmlNode *id = exg_xml_node_child(item, EXG_EWS_TYPES_SPACE, "ItemId");
    result->id = g_strdup(exg_ews_item_id(item));
    if (result->id != NULL)
        result->change_key = g_strdup(exg_xml_node_attribute(id, "ChangeKey"));
    return result;
}

static void
free_result(gpointer result)
{
    exg_ews_result_free(result);
}

bool
exg_ews_item_batch_decode(const ExgEwsOperation *operation, const ExgXmlNode *message,
                          gpointer context, gpointer *ret_result, GError **error)
{
    const ExgEwsBatchRequest *request = context;
    g_autoptr(GPtrArray) results = g_ptr_array_new_with_free_func(free_result);
    for (; message != NULL; message = message->next)
        g_ptr_array_add(results, read_result(operation, message));
    if (results->len != request->n_ids)
        return exg_ews_answer_senseless(operation, error, "it tells of %u items instead of %u",
                                        results->len, request->n_ids);
    *ret_result = g_steal_pointer(&results);
    return true;
}

void
exg_ews_item_batch_free_results(gpointer results)
{
    g_ptr_array_unref(results);
}

/* --- one after the other ---------------------------------------------------------------------- */

static void
give(Batch *batch, guint index, ExgEwsResult *result)
{
    exg_ews_result_free(g_ptr_array_index(batch->results, index));
    g_ptr_array_index(batch->results, index) = result;
}

static bool
was_not_tried(const ExgEwsResult *result)
{
    const ExgErrorFacts *facts = result->error != NULL ? exg_error_facts(result->error) : NULL;
    return facts != NULL && g_strcmp0(facts->service_code, "ErrorBatchProcessingStopped") == 0;
}

/* The items of the request get their results. Those that were not tried stay open if any other was. */
static void
take_results(Batch *batch, GPtrArray *results)
{
    bool progress = false;
    for (guint i = 0; i < results->len; i++)
        progress |= !was_not_tried(g_ptr_array_index(results, i));
    for (guint i = 0; i < results->len; i++) {
        ExgEwsResult *result = g_ptr_array_index(results, i);
        if (progress && was_not_tried(result))
            continue;
        g_ptr_array_index(results, i) = NULL;
        give(batch, g_array_index(batch->sent, guint, i), result);
    }
}

static void
fail_rest(Batch *batch, const GError *error)
{
    for (guint i = 0; i < batch->results->len; i++) {
        if (g_ptr_array_index(batch->results, i) != NULL)
            continue;
        ExgEwsResult *result = g_new0(ExgEwsResult, 1);
        /* What has not been sent cannot be in doubt. */
        bool sent = false;
        for (guint at = 0; at < batch->sent->len; at++)
            sent |= g_array_index(batch->sent, guint, at) == i;
        result->error = sent || error->domain != EXG_ERROR || error->code != EXG_ERROR_AMBIGUOUS
                            ? g_error_copy(error)
                            : exg_error_new(EXG_ERROR_BUSY, "Not tried, since an earlier request "
                                                            "of this batch failed");
        give(batch, i, result);
    }
}

static void send_next(GTask *task);

static void
on_answer(GObject *source, GAsyncResult *answer, gpointer data)
{
    GTask *task = data;
    Batch *batch = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    gpointer results = NULL;
    if (exg_ews_call_finish(answer, batch->operation, &results, &error)) {
        batch->any = true;
        take_results(batch, results);
        g_ptr_array_unref(results);
        send_next(task);
        return;
    }
    if (!batch->any) {
        g_task_return_error(task, g_steal_pointer(&error));
    } else {
        fail_rest(batch, error);
        g_task_return_pointer(task, g_ptr_array_ref(batch->results),
                              exg_ews_item_batch_free_results);
    }
    g_object_unref(task);
}

/* Takes the task. */
static void
send_next(GTask *task)
{
    Batch *batch = g_task_get_task_data(task);
    g_array_set_size(batch->sent, 0);
    g_array_set_size(batch->sent_ids, 0);
    for (guint i = 0; i < batch->ids->len && batch->sent->len < EXG_EWS_BATCH_ITEMS; i++) {
        if (g_ptr_array_index(batch->results, i) != NULL)
            continue;
        g_array_append_val(batch->sent, i);
        g_array_append_val(batch->sent_ids, g_array_index(batch->ids, ExgEwsItemId, i));
    }
    if (batch->sent->len == 0) {
        g_task_return_pointer(task, g_ptr_array_ref(batch->results),
                              exg_ews_item_batch_free_results);
        g_object_unref(task);
        return;
    }
    const ExgEwsTarget target = {batch->mailbox, batch->access};
    batch->request = (ExgEwsBatchRequest){(const ExgEwsItemId *)batch->sent_ids->data,
                                          batch->sent_ids->len, batch->order};
    exg_ews_call_start(batch->service, batch->operation, &target, &batch->request, NULL,
                       batch->deadline_us, g_task_get_cancellable(task), on_answer, task);
}

static void
clear_id(gpointer id)
{
    exg_ews_item_id_clear(id);
}

void
exg_ews_item_batch_start(ExgEwsService *service, const ExgEwsOperation *operation,
                         const ExgEwsTarget *target, const ExgEwsItemId *ids, guint n_ids,
                         gpointer order, GDestroyNotify free_order, gint64 deadline_us,
                         GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    Batch *batch = g_new0(Batch, 1);
    batch->service = exg_ews_service_ref(service);
    batch->operation = operation;
    batch->mailbox = g_strdup(target->mailbox);
    batch->access = target->access;
    batch->ids = g_array_sized_new(FALSE, FALSE, sizeof(ExgEwsItemId), n_ids);
    g_array_set_clear_func(batch->ids, clear_id);
    for (guint i = 0; i < n_ids; i++) {
        ExgEwsItemId id = exg_ews_item_id_copy(&ids[i]);
        g_array_append_val(batch->ids, id);
    }
    batch->results = g_ptr_array_new_with_free_func(free_result);
    g_ptr_array_set_size(batch->results, (gint)n_ids);
    batch->order = order;
    batch->free_order = free_order;
    batch->deadline_us = deadline_us;
    batch->sent_ids = g_array_new(FALSE, FALSE, sizeof(ExgEwsItemId));
    batch->sent = g_array_new(FALSE, FALSE, sizeof(guint));

    GTask *task = g_task_new(NULL, cancellable, callback, data);
    g_task_set_source_tag(task, (gpointer)operation);
    g_task_set_name(task, operation->name);
    g_task_set_task_data(task, batch, batch_free);
    g_task_set_check_cancellable(task, FALSE);
    send_next(task);
}

static void
free_folder(gpointer folder)
{
    exg_ews_folder_id_clear(folder);
    g_free(folder);
}

void
exg_ews_item_batch_start_for_folder(ExgEwsService *service, const ExgEwsOperation *operation,
                                    const ExgEwsTarget *target, const ExgEwsItemId *ids,
                                    guint n_ids, const ExgEwsFolderId *folder, gint64 deadline_us,
                                    GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer data)
{
    ExgEwsFolderId *order = NULL;
    if (folder != NULL) {
        order = g_new(ExgEwsFolderId, 1);
        *order = exg_ews_folder_id_copy(folder);
    }
    exg_ews_item_batch_start(service, operation, target, ids, n_ids, order,
                             order != NULL ? free_folder : NULL, deadline_us, cancellable, callback,
                             data);
}

bool
exg_ews_item_batch_finish(GAsyncResult *result, const ExgEwsOperation *operation,
                          GPtrArray **ret_results, GError **error)
{
    gpointer results = NULL;
    if (!exg_ews_call_finish(result, operation, &results, error))
        return false;
    *ret_results = results;
    return true;
}
