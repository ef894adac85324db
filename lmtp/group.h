/* group.h - a message for a distribution group: delivered to each of its members, with one reply.
 *
 * Lists in the list are expanded as well. Each member's delivery is one of its own, under the
 * member's own key: a retry for the group finds those who have the message in the journal and
 * finishes the rest. 250 only if all have it; a member that has to wait makes the group wait; one
 * that is refused refuses it, once nobody has to wait any more.
 *
 * A group with a member that has no mailbox here (a contact, a public folder), with too many or
 * without any is refused before anybody has got the message: nobody is left out in silence.
 *
 * Threads:  the engine's.
 * Limits:   EXG_DIRECTORY_MAX_MEMBERS members.
 */
#ifndef EXG_LMTP_GROUP_H
#define EXG_LMTP_GROUP_H

#include "common/directory/directory.h"
#include "lmtp/backend.h"

/* Delivers to one member; answered exactly once, perhaps inside the call. */
typedef void (*ExgGroupDeliver)(const char *member, ExgEvent *event, ExgLmtpAnswer answer,
                                gpointer answer_data, gpointer data);

/* Answered exactly once. `deadline_us` is of the expansion. */
void exg_group_deliver(ExgDirectory *directory, const char *group, ExgEvent *event,
                       gint64 deadline_us, GCancellable *cancellable, ExgGroupDeliver deliver,
                       gpointer deliver_data, ExgLmtpAnswer answer, gpointer data);

#endif
