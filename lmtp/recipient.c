#include "lmtp/recipient.h"

#include "lmtp/reply.h"

void
exg_recipient_reply(const ExgDirectoryFinding *finding, const char *recipient, ExgEvent *event,
                    ExgLmtpReply *ret_reply)
{
    exg_event_set(event, "looked_up", exg_directory_origin_name(finding->origin));
    exg_event_set(event, "directory", finding->why != NULL ? finding->why->message : NULL);
    switch (finding->verdict) {
    case EXG_DIRECTORY_DELIVERABLE:
        exg_lmtp_reply_set(ret_reply, 250, "2.1.5", "<%s> has a mailbox", recipient);
        return;
    case EXG_DIRECTORY_NO_SUCH:
        exg_event_set(event, "outcome", "no-mailbox");
        exg_lmtp_reply_set(ret_reply, 550, "5.1.1", "<%s> no such mailbox", recipient);
        return;
    case EXG_DIRECTORY_NOT_A_MAILBOX:
        exg_event_set(event, "outcome", "not-a-mailbox");
        exg_lmtp_reply_set(ret_reply, 550, "5.1.1",
                           "<%s> is %s, and exgate delivers to mailboxes only", recipient,
                           exg_recipient_kind_words(finding->kind));
        return;
    case EXG_DIRECTORY_CANNOT_TELL:
        break;
    }
    if (finding->kind == EXG_RECIPIENT_MAILBOX) {
        exg_event_set(event, "outcome", "witnesses-differ");
        exg_lmtp_reply_set(ret_reply, 450, "4.2.1",
                           "<%s> is in the directory, but has no mailbox that can be reached now",
                           recipient);
    } else {
        exg_event_set(event, "outcome", "cannot-tell");
        exg_lmtp_reply_set(ret_reply, 450, "4.2.1",
                           "<%s> Exchange cannot tell now whether there is such a mailbox",
                           recipient);
    }
}
