/* list-items-private.h - the request and the answer of a listing without the way between them. */
#ifndef EXG_EWS_ITEMS_LIST_ITEMS_PRIVATE_H
#define EXG_EWS_ITEMS_LIST_ITEMS_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/items/list-items.h"

typedef struct {
    ExgEwsFolderId folder;
    guint offset, max_items;
} ExgEwsListing;

/* Its context is an ExgEwsListing, its result an ExgEwsItemPage. */
extern const ExgEwsOperation exg_ews_list_items_operation;

#endif
