/* batch-private.h - one question about many things, in several calls.
 *
 * The things are asked for in portions of `max_portion` things and EXG_EWS_BATCH_BYTES at most (one
 * that is larger goes alone), EXG_EWS_BATCH_CALLS calls at a time. There is one result per
 * thing, in the order of the things: where the server had an error for a thing alone, or a call
 * failed, it is an error, and the others are not touched by it. Once the server has refused our
 * credentials nothing more is asked.
 *
 * A thing whose own error is one that passes (ErrorServerBusy …) is asked for again with a fault-tolerant
 * policy, after all others have their answers: it alone, never what has its result. This is for
 * questions; what changes anything is item-batch-private.h's.
 *
 * Threads:  the engine's.
 * Errors:   cancelling fails the whole.
 */
#ifndef EXG_EWS_BATCH_PRIVATE_H
#define EXG_EWS_BATCH_PRIVATE_H

#include "common/ews/answer-private.h"

#define EXG_EWS_BATCH_CALLS 4
#define EXG_EWS_BATCH_BYTES 262144

/* What one call asks: the context of its operation. */
typedef struct {
    gconstpointer question; /* the same for all */
    gconstpointer const *things;
    guint count;
} ExgEwsPortion;

/* The result of a thing is a structure whose first member is its GError, NULL if all is well, and
 * which is otherwise zero where there is an error. */
typedef struct {
    guint max_portion;
    gsize result_size;
    GDestroyNotify free_result; /* NULL-safe */
    gsize (*bytes_of)(gconstpointer thing); /* NULL: all are small */
} ExgEwsBatch;

/* Reads the result of one thing out of its node. False: `error` becomes the result. */
typedef bool (*ExgEwsReadOne)(const ExgEwsOperation *operation, const ExgXmlNode *node,
                              const ExgEwsPortion *portion, gpointer result, GError **error);

/* For decode functions: the results of a portion, one per sibling of `first`, as a GPtrArray. */
bool exg_ews_batch_read(const ExgEwsBatch *batch, const ExgEwsOperation *operation,
                        const ExgXmlNode *first, const ExgEwsPortion *portion, ExgEwsReadOne read,
                        gpointer *ret_results, GError **error);

/* Takes `things`, and `question` with its free function. */
void exg_ews_batch_start(ExgEwsService *service, const ExgEwsOperation *operation,
                         const ExgEwsBatch *batch, const ExgEwsTarget *target, gpointer question,
                         GDestroyNotify free_question, GPtrArray *things, gint64 deadline_us,
                         GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
/* Ends a question that cannot be asked with its error, which it takes. */
void exg_ews_batch_refuse(const ExgEwsBatch *batch, GError *error, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer data);
/* `*ret_results`: one per thing. */
bool exg_ews_batch_finish(GAsyncResult *result, const ExgEwsBatch *batch, GPtrArray **ret_results,
                          GError **error);

#endif
