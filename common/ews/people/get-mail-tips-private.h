/* get-mail-tips-private.h - the request and the answer of GetMailTips without the way between them. */
#ifndef EXG_EWS_PEOPLE_GET_MAIL_TIPS_PRIVATE_H
#define EXG_EWS_PEOPLE_GET_MAIL_TIPS_PRIVATE_H

#include "common/ews/batch-private.h"
#include "common/ews/people/get-mail-tips.h"

/* Its context is an ExgEwsPortion of addresses, the question being the sender; its result a GPtrArray of
 * ExgEwsMailTips. */
extern const ExgEwsOperation exg_ews_get_mail_tips_operation;

#endif
