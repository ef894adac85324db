/* find-item-private.h - the request and the answer of FindItem without the way between them. */
#ifndef EXG_EWS_FIND_ITEM_PRIVATE_H
#define EXG_EWS_FIND_ITEM_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/find-item.h"

/* Its context is the id of the further folder, or NULL; its result a NULL-terminated array of ids. */
extern const ExgEwsOperation exg_ews_find_item_operation;

ExgHttpBody *exg_ews_find_item_body(const char *version, const ExgEwsTarget *target,
                                    ExgEwsFindBy by, const char *value, const char *folder_id,
                                    gint64 created_since);

#endif
