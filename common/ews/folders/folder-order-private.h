/* folder-order-private.h - what CreateFolder and UpdateFolder have in common: the order, and the answer. */
#ifndef EXG_EWS_FOLDERS_FOLDER_ORDER_PRIVATE_H
#define EXG_EWS_FOLDERS_FOLDER_ORDER_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/item-private.h"

/* A folder and a name: what is made there, or what it is to be called. The context of both. */
typedef struct {
    ExgEwsFolderId folder;
    char *name;
} ExgEwsFolderOrder;

/* Copies both. */
ExgEwsFolderOrder *exg_ews_folder_order_new(const ExgEwsFolderId *folder, const char *name);
void exg_ews_folder_order_free(gpointer order);
/* For `decode` of operations that answer with a folder: its id. */
bool exg_ews_folder_id_decode(const ExgEwsOperation *operation, const ExgXmlNode *message,
                              gpointer context, gpointer *ret_result, GError **error);

#endif
