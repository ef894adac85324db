/* list-items.h - FindItem: a page of what lies in a folder, the newest first.
 *
 * Follow `next_offset` until `is_last`. What comes or goes meanwhile shifts the pages: to keep a copy
 * of a folder, use sync-folder-items.h.
 *
 * Source:   MS-OXWSSRCH.
 */
#ifndef EXG_EWS_ITEMS_LIST_ITEMS_H
#define EXG_EWS_ITEMS_LIST_ITEMS_H

#include "common/ews/item.h"

#define EXG_EWS_MAX_LIST_PAGE 1000

typedef struct {
    GPtrArray *items; /* of ExgEwsItem */
    guint next_offset;
    gint64 total; /* in the folder; -1: not told */
    bool is_last;
} ExgEwsItemPage;

void exg_ews_item_page_free(ExgEwsItemPage *page);

/* `max_items`: 1 to EXG_EWS_MAX_LIST_PAGE. */
void exg_ews_list_items_async(ExgEwsService *service, const ExgEwsTarget *target,
                              const ExgEwsFolderId *folder, guint offset, guint max_items,
                              gint64 deadline_us, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer data);
/* `*ret_page`: (transfer full). */
bool exg_ews_list_items_finish(ExgEwsService *service, GAsyncResult *result,
                               ExgEwsItemPage **ret_page, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsItemPage, exg_ews_item_page_free)

#endif
