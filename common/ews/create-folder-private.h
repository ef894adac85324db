/* create-folder-private.h - the request and the answer of CreateFolder without the way between them. */
#ifndef EXG_EWS_CREATE_FOLDER_PRIVATE_H
#define EXG_EWS_CREATE_FOLDER_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/create-folder.h"

typedef struct {
    ExgEwsFolderId folder; /* the parent */
    char *name;
} ExgEwsNewFolder;

/* Its context is an ExgEwsNewFolder, its result the folder's id. */
extern const ExgEwsOperation exg_ews_create_folder_operation;

#endif
