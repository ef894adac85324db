/* create-folder.h - CreateFolder: makes a folder for mail.
 *
 * Source:   MS-OXWSFOLD.
 */
#ifndef EXG_EWS_FOLDERS_CREATE_FOLDER_H
#define EXG_EWS_FOLDERS_CREATE_FOLDER_H

#include "common/ews/item.h"

void exg_ews_create_folder_async(ExgEwsService *service, const ExgEwsTarget *target, const ExgEwsFolderId *parent, const char *name,
                               gint64 deadline_us, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer data);
/* `*ret_folder_id`: (transfer full). */
bool exg_ews_create_folder_finish(ExgEwsService *service, GAsyncResult *result, char **ret_folder_id,
                       GError **error);

#endif
