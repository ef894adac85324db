/* expand-dl-private.h - the request and the answer of ExpandDL without the way between them. */
#ifndef EXG_EWS_PEOPLE_EXPAND_DL_PRIVATE_H
#define EXG_EWS_PEOPLE_EXPAND_DL_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/people/expand-dl.h"

/* Its context is an ExgEwsMailbox, its result an ExgEwsExpansion. */
extern const ExgEwsOperation exg_ews_expand_dl_operation;

#endif
