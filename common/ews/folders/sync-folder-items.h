/* sync-folder-items.h - SyncFolderItems: what has changed in a folder since the last time.
 *
 * One call brings one page. Ask again with the new state until `is_last`; keep a state only after
 * its changes are stored. A state that the server does not know any more is an error that
 * exg_ews_sync_is_lost() tells: begin anew with none.
 *
 * Source:   MS-OXWSSYNC.
 */
#ifndef EXG_EWS_FOLDERS_SYNC_FOLDER_ITEMS_H
#define EXG_EWS_FOLDERS_SYNC_FOLDER_ITEMS_H

#include "common/ews/item.h"

#define EXG_EWS_MAX_SYNC_CHANGES 512

typedef enum { EXG_EWS_CREATED, EXG_EWS_CHANGED, EXG_EWS_READ_CHANGED, EXG_EWS_DELETED } ExgEwsChangeKind;

typedef struct {
    ExgEwsChangeKind kind;
    ExgEwsItem *item; /* EXG_EWS_DELETED: its id only; EXG_EWS_READ_CHANGED: and whether it is read */
} ExgEwsItemChange;

typedef struct {
    char *state;
    bool is_last;
    GPtrArray *changes; /* of ExgEwsItemChange */
} ExgEwsItemChanges;

void exg_ews_item_changes_free(ExgEwsItemChanges *changes);

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
/* `*ret_changes`: (transfer full). */
bool exg_ews_sync_folder_items_finish(ExgEwsService *service, GAsyncResult *result,
                                      ExgEwsItemChanges **ret_changes, GError **error);

/* Whether an error means that the state is of no use any more. */
bool exg_ews_sync_is_lost(const GError *error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsItemChanges, exg_ews_item_changes_free)

#endif
