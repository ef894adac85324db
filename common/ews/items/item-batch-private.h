/* item-batch-private.h - one operation on many items: requests of a bearable size, and for each item what
 * became of it.
 *
 * The requests go out one after the other. Items that Exchange did not try because of an earlier one
 * (ErrorBatchProcessingStopped) are asked for again as long as that gets anywhere; an item that has
 * its result is never sent again. When a request fails as a whole, the items in it and all after it
 * have that error; only if it was the first one, the batch fails as a whole.
 *
 * Threads:  the engine's.
 * Limits:   EXG_EWS_BATCH_ITEMS per request.
 */
#ifndef EXG_EWS_ITEMS_ITEM_BATCH_PRIVATE_H
#define EXG_EWS_ITEMS_ITEM_BATCH_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/item.h"

#define EXG_EWS_BATCH_ITEMS 100

/* What one request is made of: the context of the operation. */
typedef struct {
    const ExgEwsItemId *ids;
    guint n_ids;
    gconstpointer order; /* what shall be done with them */
} ExgEwsBatchRequest;

/* m:ItemIds */
void exg_ews_item_batch_write_ids(ExgXmlWriter *writer, const ExgEwsBatchRequest *request);
/* SuppressReadReceipts, where the version has it: what is read or deleted by a program was not read by
 * its recipient. */
void exg_ews_item_batch_write_suppression(ExgXmlWriter *writer, const char *version);
/* For `make_body` of what takes the items into the folder (an ExgEwsFolderId) that is the order:
 * "m:MoveItem", "m:CopyItem". (transfer full) */
ExgHttpBody *exg_ews_item_batch_transfer_body(const char *name, const char *version,
                                              const ExgEwsTarget *target,
                                              const ExgEwsBatchRequest *request);
/* For `decode` and `free_result` of the operation, whose result is an array of ExgEwsResult. */
bool exg_ews_item_batch_decode(const ExgEwsOperation *operation, const ExgXmlNode *message,
                          gpointer context, gpointer *ret_result, GError **error);
void exg_ews_item_batch_free_results(gpointer results);

/* Copies `ids`; takes `order`. */
void exg_ews_item_batch_start(ExgEwsService *service, const ExgEwsOperation *operation,
                         const ExgEwsTarget *target, const ExgEwsItemId *ids, guint n_ids,
                         gpointer order, GDestroyNotify free_order, gint64 deadline_us,
                         GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
/* The same with a copy of a folder, which may be NULL, as the order. */
void exg_ews_item_batch_start_for_folder(ExgEwsService *service, const ExgEwsOperation *operation,
                                         const ExgEwsTarget *target, const ExgEwsItemId *ids,
                                         guint n_ids, const ExgEwsFolderId *folder,
                                         gint64 deadline_us, GCancellable *cancellable,
                                         GAsyncReadyCallback callback, gpointer data);
/* `*ret_results`: of ExgEwsResult, as many as ids; (transfer full). */
bool exg_ews_item_batch_finish(GAsyncResult *result, const ExgEwsOperation *operation,
                          GPtrArray **ret_results, GError **error);

#endif
