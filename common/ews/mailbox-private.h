/* mailbox-private.h - a mailbox in requests and answers. */
#ifndef EXG_EWS_MAILBOX_PRIVATE_H
#define EXG_EWS_MAILBOX_PRIVATE_H

#include "common/ews/mailbox.h"
#include "common/xml/tree.h"
#include "common/xml/writer.h"

/* What Exchange takes; longer ones are refused without a word about them. */
#define EXG_EWS_MAX_TEXT_CHARACTERS 255
#define EXG_EWS_MAX_ID_CHARACTERS   512

/* Whether it can be asked for. Everybody but a OneOff needs an address or an item id, and neither
 * may be too long. Errors: EXG_ERROR_PROTOCOL. */
bool exg_ews_mailbox_check(const ExgEwsMailbox *mailbox, GError **error);
/* An element of EmailAddressType. */
void exg_ews_mailbox_write(ExgXmlWriter *writer, const char *element, const ExgEwsMailbox *mailbox);
/* NULL-safe; NULL if it has neither name nor address nor item id. */
ExgEwsMailbox *exg_ews_mailbox_read(const ExgXmlNode *node);
/* Those in the children of that name. (transfer full) */
GPtrArray *exg_ews_mailbox_read_all(const ExgXmlNode *parent, const char *name);
/* An array that frees the mailboxes in it. */
GPtrArray *exg_ews_mailbox_array_new(void);
/* The same for mailboxes that are equal. (transfer full) */
char *exg_ews_mailbox_key(const ExgEwsMailbox *mailbox);

#endif
