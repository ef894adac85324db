/* update-item.h - UpdateItem: marks items as read, flags them, sets their categories and importance.
 *
 * Reading sends no receipt, as far as the version of the schema can say so (2013 SP1 and newer).
 *
 * Source:   MS-OXWSCORE; MS-OXOFLAG 2.2.1.1.
 */
#ifndef EXG_EWS_ITEMS_UPDATE_ITEM_H
#define EXG_EWS_ITEMS_UPDATE_ITEM_H

#include "common/ews/item.h"

typedef enum {
    EXG_EWS_SET_READ = 1,
    EXG_EWS_SET_FLAG = 2,
    EXG_EWS_SET_IMPORTANCE = 4,
    EXG_EWS_SET_CATEGORIES = 8
} ExgEwsItemFields;

typedef struct {
    guint fields; /* ExgEwsItemFields; at least one */
    bool is_read;
    ExgEwsFlag flag;
    ExgEwsImportance importance;
    const char *const *categories; /* all that they shall have; NULL: none */
} ExgEwsItemUpdate;

/* The same for all items. */
void exg_ews_update_item_async(ExgEwsService *service, const ExgEwsTarget *target,
                               const ExgEwsItemId *ids, guint n_ids, const ExgEwsItemUpdate *update,
                               gint64 deadline_us, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer data);
/* `*ret_results`: an ExgEwsResult for each id, with its new change key; (transfer full). */
bool exg_ews_update_item_finish(ExgEwsService *service, GAsyncResult *result,
                                GPtrArray **ret_results, GError **error);

#endif
