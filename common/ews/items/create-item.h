/* create-item.h - CreateItem: puts one received message into one mailbox.
 *
 * The item is made as delivered mail: not a draft (0x0E07 = 0), unread, with its time of delivery
 * (0x0E06) and the delivery key in the same request, so that it can be asked for if the answer gets
 * lost. The MIME content is encoded while it is sent.
 *
 * Success is only: HTTP 200, a CreateItemResponse, ResponseClass Success, NoError *and* an ItemId.
 * The request is sent at most once; whatever leaves its outcome open is EXG_ERROR_AMBIGUOUS.
 *
 * Source:   MS-OXWSCORE, MS-OXWSMSG; MS-OXCMSG for the properties.
 */
#ifndef EXG_EWS_ITEMS_CREATE_ITEM_H
#define EXG_EWS_ITEMS_CREATE_ITEM_H

#include "common/ews/item.h"
#include "common/mime/message.h"

typedef struct {
    const char *folder;    /* a distinguished folder id: "inbox", "junkemail" */
    const char *folder_id; /* of another folder, which then counts; or NULL */
    const char *delivery_key;
    gint64 delivery_time; /* seconds since 1970 */
    GBytes *trace; /* header lines to put in front of the message, each with CRLF; referenced */
    ExgMessage *message; /* referenced */
} ExgEwsNewMessage;

/* `new_message` and `target` are copied. */
void exg_ews_create_item_async(ExgEwsService *service, const ExgEwsTarget *target,
                               const ExgEwsNewMessage *new_message, gint64 deadline_us,
                               GCancellable *cancellable, GAsyncReadyCallback callback,
                               gpointer data);
/* `*ret_item_id`: (transfer full). */
bool exg_ews_create_item_finish(ExgEwsService *service, GAsyncResult *result, char **ret_item_id,
                                GError **error);

#endif
