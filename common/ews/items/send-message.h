/* send-message.h - CreateItem with SendAndSaveCopy or SendOnly: sends one message.
 *
 * EWS knows no envelope: recipients that no header line names must be given as `bcc`. The MIME
 * content is encoded while it is sent.
 *
 * The request is sent at most once; whatever leaves its outcome open is EXG_ERROR_AMBIGUOUS. Then look
 * for the Message-ID among what was sent before sending again: after EXG_EWS_SEND_ONLY there is
 * nothing to look for.
 *
 * Source:   MS-OXWSCORE, MS-OXWSMSG.
 */
#ifndef EXG_EWS_ITEMS_SEND_MESSAGE_H
#define EXG_EWS_ITEMS_SEND_MESSAGE_H

#include "common/ews/item.h"
#include "common/mime/message.h"

typedef enum { EXG_EWS_SEND_AND_SAVE, EXG_EWS_SEND_ONLY } ExgEwsSending;

typedef struct {
    ExgEwsSending sending;
    ExgEwsFolderId saved_in;  /* with EXG_EWS_SEND_AND_SAVE; both NULL: "sentitems" */
    const char *const *bcc;   /* addresses, NULL-terminated; or NULL */
    ExgMessage *message;      /* referenced */
} ExgEwsOutgoing;

void exg_ews_send_message_async(ExgEwsService *service, const ExgEwsTarget *target,
                                const ExgEwsOutgoing *outgoing, gint64 deadline_us,
                                GCancellable *cancellable, GAsyncReadyCallback callback,
                                gpointer data);
bool exg_ews_send_message_finish(ExgEwsService *service, GAsyncResult *result, GError **error);

#endif
