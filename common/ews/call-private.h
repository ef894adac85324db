/* call-private.h - one EWS call on its way: its requests, one after the other until one of them
 * decides, and the answer handed to answer-private.h.
 *
 * Threads:  the engine's.
 * Memory:   `operation` is static; the target's mailbox is copied. The call takes `context` with
 *           its free function.
 * Errors:   those of the HTTP client as they are, and those of the answer. CONFIG, before anything
 *           is sent, where the server is too old for the operation.
 */
#ifndef EXG_EWS_CALL_PRIVATE_H
#define EXG_EWS_CALL_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/service.h"
#include "common/xml/writer.h"

/* Makes the call in the target's mailbox. */
void exg_ews_call_start(ExgEwsService *service, const ExgEwsOperation *operation,
                        const ExgEwsTarget *target, gpointer context, GDestroyNotify free_context,
                        gint64 deadline_us, GCancellable *cancellable, GAsyncReadyCallback callback,
                        gpointer data);
/* The same near another mailbox: all calls with the same `anchor` go to the server of that mailbox
 * and share its cookies, as notifications for a group of mailboxes must. */
void exg_ews_call_start_near(ExgEwsService *service, const ExgEwsOperation *operation,
                             const ExgEwsTarget *target, const char *anchor, gpointer context,
                             GDestroyNotify free_context, gint64 deadline_us,
                             GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer data);
/* Ends a call that cannot be made with its error, which it takes. */
void exg_ews_call_refuse(const ExgEwsOperation *operation, GError *error, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer data);
/* The request that it sends. (transfer full) */
ExgHttpBody *exg_ews_call_payload(const ExgEwsOperation *operation, const char *version,
                                  const ExgEwsTarget *target, gconstpointer context);
/* `*ret_result`: what the operation's decode made; (transfer full). */
bool exg_ews_call_finish(GAsyncResult *result, const ExgEwsOperation *operation,
                         gpointer *ret_result, GError **error);

/* A body of the writer's document, which is spent. */
ExgHttpBody *exg_ews_call_body(ExgXmlWriter *writer);

#endif
