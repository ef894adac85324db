/* move-item-private.h - the request and the answer of MoveItem without the way between them. */
#ifndef EXG_EWS_ITEMS_MOVE_ITEM_PRIVATE_H
#define EXG_EWS_ITEMS_MOVE_ITEM_PRIVATE_H

#include "common/ews/items/item-batch-private.h"
#include "common/ews/items/move-item.h"

/* Its context is an ExgEwsBatchRequest with an ExgEwsFolderId, its result an array of ExgEwsResult. */
extern const ExgEwsOperation exg_ews_move_item_operation;

#endif
