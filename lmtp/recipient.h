/* recipient.h - what a finding of the directory means for a recipient: the reply, and what the log
 * says of it.
 *
 * Threads:  the engine's.
 */
#ifndef EXG_LMTP_RECIPIENT_H
#define EXG_LMTP_RECIPIENT_H

#include "common/directory/directory.h"
#include "lmtp/backend.h"

/* 250 2.1.5, 550 5.1.1 or 450 4.2.1. What the administrator alone should read goes to the event. */
void exg_recipient_reply(const ExgDirectoryFinding *finding, const char *recipient, ExgEvent *event,
                         ExgLmtpReply *ret_reply);

#endif
