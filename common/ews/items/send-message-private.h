/* send-message-private.h - the request and the answer of sending without the way between them. */
#ifndef EXG_EWS_ITEMS_SEND_MESSAGE_PRIVATE_H
#define EXG_EWS_ITEMS_SEND_MESSAGE_PRIVATE_H

#include "common/ews/answer-private.h"
#include "common/ews/items/send-message.h"

/* Its context is an ExgEwsOutgoing, its result nothing. */
extern const ExgEwsOperation exg_ews_send_message_operation;

#endif
