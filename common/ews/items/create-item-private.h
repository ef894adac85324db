/* create-item-private.h - the request and the answer of CreateItem without the way between them. */
#ifndef EXG_EWS_ITEMS_CREATE_ITEM_PRIVATE_H
#define EXG_EWS_ITEMS_CREATE_ITEM_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/items/create-item.h"

/* Its result is the item's id, a string. */
extern const ExgEwsOperation exg_ews_create_item_operation;

ExgHttpBody *exg_ews_create_item_body(const char *version, const ExgEwsTarget *target,
                                      const ExgEwsNewMessage *new_message);

#endif
