/* get-folder-private.h - the request and the answer of GetFolder without the way between them. */
#ifndef EXG_EWS_FOLDERS_GET_FOLDER_PRIVATE_H
#define EXG_EWS_FOLDERS_GET_FOLDER_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/folders/get-folder.h"

/* Its result is an ExgEwsFolder. */
extern const ExgEwsOperation exg_ews_get_folder_operation;

#endif
