/* mailbox.h - somebody as EWS names him: a name, an address, and what kind of recipient he is.
 *
 * Source:   MS-OXWSCDATA (EmailAddressType).
 */
#ifndef EXG_EWS_MAILBOX_H
#define EXG_EWS_MAILBOX_H

#include <glib.h>
#include <stdbool.h>

/* "" where there is none. */
typedef struct {
    char *name;
    char *address;
    char *routing_type; /* "SMTP", "EX" … */
    char *type;         /* "Mailbox", "PublicDL", "PrivateDL", "Contact", "PublicFolder", "Unknown", "OneOff",
                           "GroupMailbox", or what else the server says */
    char *item_id;      /* of a contact or a list of one's own */
} ExgEwsMailbox;

/* With routing type SMTP; `type` NULL: "Mailbox". */
ExgEwsMailbox *exg_ews_mailbox_new(const char *address, const char *type);
ExgEwsMailbox *exg_ews_mailbox_copy(const ExgEwsMailbox *mailbox);
void exg_ews_mailbox_free(ExgEwsMailbox *mailbox);

/* Whether both are the same: by item id if both have one, else by address in any case. */
bool exg_ews_mailbox_equal(const ExgEwsMailbox *mailbox, const ExgEwsMailbox *other);
/* Public or private distribution list: ExpandDL tells who is in it. */
bool exg_ews_mailbox_is_list(const ExgEwsMailbox *mailbox);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsMailbox, exg_ews_mailbox_free)

#endif
