/* delete-item-private.h - the request and the answer of DeleteItem without the way between them. */
#ifndef EXG_EWS_ITEMS_DELETE_ITEM_PRIVATE_H
#define EXG_EWS_ITEMS_DELETE_ITEM_PRIVATE_H

#include "common/ews/items/delete-item.h"
#include "common/ews/items/item-batch-private.h"

/* Its context is an ExgEwsBatchRequest with a name of exg_ews_disposal_name(), its result an array of
 * ExgEwsResult. */
extern const ExgEwsOperation exg_ews_delete_item_operation;

#endif
