/* sync-folder-hierarchy.h - SyncFolderHierarchy: which folders came, went, or changed their name or
 * place since the last time. Counts that change are not reported.
 *
 * The rules of states are those of sync-folder-items.h.
 *
 * Source:   MS-OXWSSYNC.
 */
#ifndef EXG_EWS_FOLDERS_SYNC_FOLDER_HIERARCHY_H
#define EXG_EWS_FOLDERS_SYNC_FOLDER_HIERARCHY_H

#include "common/ews/folders/sync-folder-items.h"

typedef struct {
    ExgEwsChangeKind kind;    /* never EXG_EWS_READ_CHANGED */
    ExgEwsFolderInfo *folder; /* EXG_EWS_DELETED: its id only */
} ExgEwsFolderChange;

typedef struct {
    char *state;
    bool is_last;
    GPtrArray *changes; /* of ExgEwsFolderChange */
} ExgEwsFolderChanges;

void exg_ews_folder_changes_free(ExgEwsFolderChanges *changes);

/* Below `root`. `state` NULL: from the beginning. */
void exg_ews_sync_folder_hierarchy_async(ExgEwsService *service, const ExgEwsTarget *target,
                                         const ExgEwsFolderId *root, const char *state,
                                         gint64 deadline_us, GCancellable *cancellable,
                                         GAsyncReadyCallback callback, gpointer data);
/* `*ret_changes`: (transfer full). */
bool exg_ews_sync_folder_hierarchy_finish(ExgEwsService *service, GAsyncResult *result,
                                          ExgEwsFolderChanges **ret_changes, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsFolderChanges, exg_ews_folder_changes_free)

#endif
