/* get-item.h - GetItem: one item, and its message as Exchange makes it, in MIME.
 *
 * The content is decoded while it arrives and written to a file, so memory does not grow with it. The
 * engine's thread writes, 16 KB at a time, into the page cache: that takes 24 us, and 31 ms at most
 * beside a disk that is kept busy (measured: 24,000 writes, a local disk). A file on anything slower
 * wants an engine of its own.
 *
 * Source:   MS-OXWSCORE.
 */
#ifndef EXG_EWS_ITEMS_GET_ITEM_H
#define EXG_EWS_ITEMS_GET_ITEM_H

#include "common/ews/item.h"

#define EXG_EWS_MAX_CONTENT_BYTES ((gsize)1 << 30) /* of an answer with a message in it */

typedef struct {
    ExgEwsItem *item;
    guint64 length; /* of the message in the file */
} ExgEwsContent;

void exg_ews_content_free(ExgEwsContent *content);

/* `fd`: a file, written from its beginning and cut after the message; the caller's, open until the
 * call has finished. After a failure there may be anything in it. */
void exg_ews_get_item_async(ExgEwsService *service, const ExgEwsTarget *target,
                            const ExgEwsItemId *id, int fd, gint64 deadline_us,
                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
/* `*ret_content`: (transfer full). */
bool exg_ews_get_item_finish(ExgEwsService *service, GAsyncResult *result,
                             ExgEwsContent **ret_content, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsContent, exg_ews_content_free)

#endif
