/* delete-item-private.h - the request and the answer of DeleteItem without the way between them. */
#ifndef EXG_EWS_DELETE_ITEM_PRIVATE_H
#define EXG_EWS_DELETE_ITEM_PRIVATE_H

#include "common/ews/delete-item.h"
#include "common/ews/item-batch-private.h"

/* Its context is an ExgEwsBatchRequest with a name of exg_ews_disposal_name(), its result an array of
 * ExgEwsResult. */
extern const ExgEwsOperation exg_ews_delete_item_operation;

/* "HardDelete" */
const char *exg_ews_disposal_name(ExgEwsDisposal disposal);

#endif
