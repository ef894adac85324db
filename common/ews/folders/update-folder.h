/* update-folder.h - UpdateFolder: gives a folder another name.
 *
 * Source:   MS-OXWSFOLD.
 */
#ifndef EXG_EWS_FOLDERS_UPDATE_FOLDER_H
#define EXG_EWS_FOLDERS_UPDATE_FOLDER_H

#include "common/ews/item.h"

void exg_ews_update_folder_async(ExgEwsService *service, const ExgEwsTarget *target, const ExgEwsFolderId *folder, const char *name,
                               gint64 deadline_us, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer data);
/* `*ret_folder_id`: (transfer full). */
bool exg_ews_update_folder_finish(ExgEwsService *service, GAsyncResult *result, char **ret_folder_id,
                       GError **error);

#endif
