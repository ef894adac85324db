/* get-folder.h - GetFolder: does a distinguished folder of this mailbox exist, seen with the
 * delivery's own identity?
 *
 * On the inbox it is the surest check that a delivery would work.
 *
 * Source:   MS-OXWSFOLD.
 */
#ifndef EXG_EWS_FOLDERS_GET_FOLDER_H
#define EXG_EWS_FOLDERS_GET_FOLDER_H

#include "common/ews/service.h"

typedef struct {
    char *id;
    char *display_name;
    gint64 total_count;  /* -1: not told */
    gint64 unread_count; /* -1: not told */
} ExgEwsFolder;

void exg_ews_folder_free(ExgEwsFolder *folder);

void exg_ews_get_folder_async(ExgEwsService *service, const ExgEwsTarget *target,
                              const char *distinguished_id, gint64 deadline_us,
                              GCancellable *cancellable, GAsyncReadyCallback callback,
                              gpointer data);
/* `*ret_folder`: (transfer full). */
bool exg_ews_get_folder_finish(ExgEwsService *service, GAsyncResult *result,
                               ExgEwsFolder **ret_folder, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsFolder, exg_ews_folder_free)

#endif
