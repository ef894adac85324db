/* sync-folder-items-private.h - the request and the answer of SyncFolderItems without the way between
 * them. */
#ifndef EXG_EWS_FOLDERS_SYNC_FOLDER_ITEMS_PRIVATE_H
#define EXG_EWS_FOLDERS_SYNC_FOLDER_ITEMS_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/folders/sync-folder-items.h"

/* Its context is an ExgEwsItemSync, its result an ExgEwsChanges. */
extern const ExgEwsOperation exg_ews_sync_folder_items_operation;

#endif
