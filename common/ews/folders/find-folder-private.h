/* find-folder-private.h - the request and the answer of FindFolder without the way between them. */
#ifndef EXG_EWS_FOLDERS_FIND_FOLDER_PRIVATE_H
#define EXG_EWS_FOLDERS_FIND_FOLDER_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/folders/find-folder.h"

/* Its context is the name; its result the id, or NULL. */
extern const ExgEwsOperation exg_ews_find_folder_operation;

#endif
