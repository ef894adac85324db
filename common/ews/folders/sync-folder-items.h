/* sync-folder-items.h - SyncFolderItems: what has changed in a folder since the last time.
 *
 * One call brings one page; changes.h says what to do with its state.
 *
 * Source:   MS-OXWSSYNC.
 */
#ifndef EXG_EWS_FOLDERS_SYNC_FOLDER_ITEMS_H
#define EXG_EWS_FOLDERS_SYNC_FOLDER_ITEMS_H

#include "common/ews/folders/changes.h"

#define EXG_EWS_MAX_SYNC_CHANGES 512

typedef struct {
    ExgEwsChangeKind kind;
    ExgEwsItem *item; /* EXG_EWS_DELETED: its id only; EXG_EWS_READ_CHANGED: and whether it is read */
} ExgEwsItemChange;

typedef struct {
    ExgEwsFolderId folder;
    const char *state; /* NULL: from the beginning */
    guint max_changes; /* 1 to EXG_EWS_MAX_SYNC_CHANGES */
    bool id_only;      /* nothing but ids is wanted of the items */
} ExgEwsItemSync;

void exg_ews_sync_folder_items_async(ExgEwsService *service, const ExgEwsTarget *target,
                                     const ExgEwsItemSync *sync, gint64 deadline_us,
                                     GCancellable *cancellable, GAsyncReadyCallback callback,
                                     gpointer data);
/* `*ret_changes`: of ExgEwsItemChange; (transfer full). */
bool exg_ews_sync_folder_items_finish(ExgEwsService *service, GAsyncResult *result,
                                      ExgEwsChanges **ret_changes, GError **error);

#endif
