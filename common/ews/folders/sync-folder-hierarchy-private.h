/* sync-folder-hierarchy-private.h - the request and the answer of SyncFolderHierarchy without the way
 * between them. */
#ifndef EXG_EWS_FOLDERS_SYNC_FOLDER_HIERARCHY_PRIVATE_H
#define EXG_EWS_FOLDERS_SYNC_FOLDER_HIERARCHY_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/folders/sync-folder-hierarchy.h"

typedef struct {
    ExgEwsFolderId root;
    const char *state; /* or NULL */
} ExgEwsFolderSync;

/* Its context is an ExgEwsFolderSync, its result an ExgEwsChanges. */
extern const ExgEwsOperation exg_ews_sync_folder_hierarchy_operation;

#endif
