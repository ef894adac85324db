/* find-folder.h - FindFolder: the mail folder of that name at the top of a mailbox or right below
 * its inbox.
 *
 * Names compare in any case. Of two, the one at the top is it. Folders for other things than mail
 * (calendars, contacts, searches) are not.
 *
 * Source:   MS-OXWSFOLD, MS-OXWSSRCH.
 */
#ifndef EXG_EWS_FOLDERS_FIND_FOLDER_H
#define EXG_EWS_FOLDERS_FIND_FOLDER_H

#include "common/ews/service.h"

void exg_ews_find_folder_async(ExgEwsService *service, const ExgEwsTarget *target, const char *name,
                               gint64 deadline_us, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer data);
/* True with the folder's id (transfer full), or with NULL there if there is none. */
bool exg_ews_find_folder_finish(ExgEwsService *service, GAsyncResult *result, char **ret_folder_id,
                                GError **error);

#endif
