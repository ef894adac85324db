/* create-folder-private.h - the request and the answer of CreateFolder without the way between them. */
#ifndef EXG_EWS_FOLDERS_CREATE_FOLDER_PRIVATE_H
#define EXG_EWS_FOLDERS_CREATE_FOLDER_PRIVATE_H

#include "common/ews/folders/create-folder.h"
#include "common/ews/folders/folder-order-private.h"

/* Its context is an ExgEwsFolderOrder, its result the folder's id. */
extern const ExgEwsOperation exg_ews_create_folder_operation;

#endif
