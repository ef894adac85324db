/* delete-folder.h - DeleteFolder: removes a folder with all that is in it.
 *
 * Source:   MS-OXWSFOLD.
 */
#ifndef EXG_EWS_FOLDERS_DELETE_FOLDER_H
#define EXG_EWS_FOLDERS_DELETE_FOLDER_H

#include "common/ews/item.h"

void exg_ews_delete_folder_async(ExgEwsService *service, const ExgEwsTarget *target,
                                 const ExgEwsFolderId *folder, ExgEwsDisposal disposal,
                                 gint64 deadline_us, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer data);
bool exg_ews_delete_folder_finish(ExgEwsService *service, GAsyncResult *result, GError **error);

#endif
