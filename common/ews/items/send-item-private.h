/* send-item-private.h - the request and the answer of SendItem without the way between them. */
#ifndef EXG_EWS_ITEMS_SEND_ITEM_PRIVATE_H
#define EXG_EWS_ITEMS_SEND_ITEM_PRIVATE_H

#include "common/ews/items/item-batch-private.h"
#include "common/ews/items/send-item.h"

/* Its context is an ExgEwsBatchRequest with an ExgEwsFolderId or NULL, its result an array of
 * ExgEwsResult. */
extern const ExgEwsOperation exg_ews_send_item_operation;

#endif
