/* update-item-private.h - the request and the answer of UpdateItem without the way between them. */
#ifndef EXG_EWS_ITEMS_UPDATE_ITEM_PRIVATE_H
#define EXG_EWS_ITEMS_UPDATE_ITEM_PRIVATE_H

#include "common/ews/items/item-batch-private.h"
#include "common/ews/items/update-item.h"

/* Its context is an ExgEwsBatchRequest with an ExgEwsItemUpdate, its result an array of
 * ExgEwsResult. */
extern const ExgEwsOperation exg_ews_update_item_operation;

#endif
