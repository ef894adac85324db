/* convert-id-private.h - the request and the answer of ConvertId without the way between them. */
#ifndef EXG_EWS_ITEMS_CONVERT_ID_PRIVATE_H
#define EXG_EWS_ITEMS_CONVERT_ID_PRIVATE_H

#include "common/ews/batch-private.h"
#include "common/ews/items/convert-id.h"

/* Its context is an ExgEwsPortion of ExgEwsAlternateId, the question being the format's name; its
 * result a GPtrArray of ExgEwsAlternateId. */
extern const ExgEwsOperation exg_ews_convert_id_operation;

#endif
