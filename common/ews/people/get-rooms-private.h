/* get-rooms-private.h - the request and the answer of GetRoomLists and GetRooms without the way between them. */
#ifndef EXG_EWS_PEOPLE_GET_ROOMS_PRIVATE_H
#define EXG_EWS_PEOPLE_GET_ROOMS_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/people/get-rooms.h"

/* Results are GPtrArrays of ExgEwsMailbox; the context is the address of the list, or NULL. */
extern const ExgEwsOperation exg_ews_get_room_lists_operation;
extern const ExgEwsOperation exg_ews_get_rooms_operation;

#endif
