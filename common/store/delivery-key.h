/* delivery-key.h - the name under which one message for one recipient is stored exactly once.
 *
 * "v1:" and the hexadecimal SHA-256 of the recipient (lower case), a zero byte and the content
 * digest (message.h). A retry of the MTA gives the same key, since Postfix stamps `Received:` once
 * per queue file; a second submission of the same bytes gives another. Where the message has no
 * `Received:`, the queue id of XFORWARD is hashed in.
 *
 * Threads:  pure.
 */
#ifndef EXG_STORE_DELIVERY_KEY_H
#define EXG_STORE_DELIVERY_KEY_H

#include "common/mime/message.h"

/* `queue_id` may be NULL. The result is 67 characters; (transfer full). */
char *exg_delivery_key_new(const char *recipient, const ExgMessage *message, const char *queue_id);

#endif
