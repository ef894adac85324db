/* delete-folder-private.h - the request and the answer of DeleteFolder without the way between them. */
#ifndef EXG_EWS_FOLDERS_DELETE_FOLDER_PRIVATE_H
#define EXG_EWS_FOLDERS_DELETE_FOLDER_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/folders/delete-folder.h"

typedef struct {
    ExgEwsFolderId folder;
    ExgEwsDisposal disposal;
} ExgEwsFolderRemoval;

/* Its context is an ExgEwsFolderRemoval, its result nothing. */
extern const ExgEwsOperation exg_ews_delete_folder_operation;

#endif
