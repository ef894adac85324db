/* update-folder-private.h - the request and the answer of UpdateFolder without the way between them. */
#ifndef EXG_EWS_FOLDERS_UPDATE_FOLDER_PRIVATE_H
#define EXG_EWS_FOLDERS_UPDATE_FOLDER_PRIVATE_H

#include "common/ews/folders/update-folder.h"
#include "common/ews/folders/folder-order-private.h"

/* Its context is an ExgEwsFolderOrder, its result the folder's id. */
extern const ExgEwsOperation exg_ews_update_folder_operation;

#endif
