/* get-item-private.h - the request and the answer of GetItem without the way between them. */
#ifndef EXG_EWS_ITEMS_GET_ITEM_PRIVATE_H
#define EXG_EWS_ITEMS_GET_ITEM_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/items/get-item.h"
#include "common/ews/items/mime-filter-private.h"

typedef struct {
    ExgEwsItemId id;
    ExgEwsMimeFilter *filter;
} ExgEwsFetch;

/* Its context is an ExgEwsFetch, its result an ExgEwsContent. */
extern const ExgEwsOperation exg_ews_get_item_operation;

#endif
