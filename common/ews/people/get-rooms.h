/* get-rooms.h - GetRoomLists and GetRooms: which meeting rooms are there?
 *
 * Errors:   GetRooms: NO_MAILBOX if there is no such list.
 * Source:   MS-OXWSGTRM, MS-OXWSGTRMS; Exchange 2010 and newer.
 */
#ifndef EXG_EWS_PEOPLE_GET_ROOMS_H
#define EXG_EWS_PEOPLE_GET_ROOMS_H

#include "common/ews/mailbox.h"
#include "common/ews/service.h"

void exg_ews_get_room_lists_async(ExgEwsService *service, gint64 deadline_us,
                                  GCancellable *cancellable, GAsyncReadyCallback callback,
                                  gpointer data);
/* `*ret_lists`: of ExgEwsMailbox; (transfer full). */
bool exg_ews_get_room_lists_finish(ExgEwsService *service, GAsyncResult *result,
                                   GPtrArray **ret_lists, GError **error);

void exg_ews_get_rooms_async(ExgEwsService *service, const char *list_address, gint64 deadline_us,
                             GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer data);
/* `*ret_rooms`: of ExgEwsMailbox; (transfer full). */
bool exg_ews_get_rooms_finish(ExgEwsService *service, GAsyncResult *result, GPtrArray **ret_rooms,
                              GError **error);

#endif
