/* sync-folder-hierarchy.h - SyncFolderHierarchy: which folders came, went, or changed their name or
 * place since the last time. Counts that change are not reported.
 *
 * One call brings one page; changes.h says what to do with its state.
 *
 * Source:   MS-OXWSSYNC.
 */
#ifndef EXG_EWS_FOLDERS_SYNC_FOLDER_HIERARCHY_H
#define EXG_EWS_FOLDERS_SYNC_FOLDER_HIERARCHY_H

#include "common/ews/folders/changes.h"

typedef struct {
    ExgEwsChangeKind kind;    /* never EXG_EWS_READ_CHANGED */
    ExgEwsFolderInfo *folder; /* EXG_EWS_DELETED: its id only */
} ExgEwsFolderChange;

/* Below `root`. `state` NULL: from the beginning. */
void exg_ews_sync_folder_hierarchy_async(ExgEwsService *service, const ExgEwsTarget *target,
                                         const ExgEwsFolderId *root, const char *state,
                                         gint64 deadline_us, GCancellable *cancellable,
                                         GAsyncReadyCallback callback, gpointer data);
/* `*ret_changes`: of ExgEwsFolderChange; (transfer full). */
bool exg_ews_sync_folder_hierarchy_finish(ExgEwsService *service, GAsyncResult *result,
                                          ExgEwsChanges **ret_changes, GError **error);

#endif
