/* find-item-private.h - the request and the answer of FindItem without the way between them. */
#ifndef EXG_EWS_ITEMS_FIND_ITEM_PRIVATE_H
#define EXG_EWS_ITEMS_FIND_ITEM_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/items/find-item.h"

typedef struct {
    ExgEwsFindBy by;
    char *value;
    char *folder_id; /* of one more folder, or NULL */
    gint64 created_since;
} ExgEwsItemSearch;

/* Its context is an ExgEwsItemSearch, or NULL for one without a further folder; its result a NULL-terminated array of ids. */
extern const ExgEwsOperation exg_ews_find_item_operation;

ExgHttpBody *exg_ews_find_item_body(const char *version, const ExgEwsTarget *target,
                                    ExgEwsFindBy by, const char *value, const char *folder_id,
                                    gint64 created_since);

#endif
