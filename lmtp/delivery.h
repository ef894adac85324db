/* delivery.h - the backend of exgate-lmtpd: one message into one Exchange mailbox, and the reply
 * that tells the truth about it.
 *
 * At RCPT a recipient is refused if the directory (directory.h) is sure, and the message is not
 * wanted for it then; who cannot be looked up is accepted or deferred, as configured.
 *
 * 250 only after the store has confirmed the item. 550 5.1.1 only if two witnesses agree: the store
 * knows no such mailbox, and the directory finds nobody, or none that can have one; otherwise 450
 * 4.2.1. At the deadline 451, while the request goes on and settles its outcome. A second delivery
 * of the same key while one is under way is told to come back later.
 *
 * Threads:  the engine's.
 */
#ifndef EXG_LMTP_DELIVERY_H
#define EXG_LMTP_DELIVERY_H

#include "common/directory/directory.h"
#include "common/store/store.h"
#include "lmtp/backend.h"

typedef struct {
    ExgStore *store;         /* taken */
    ExgDirectory *directory; /* taken */
    const char *hostname;    /* copied; for the trace lines */
    const char *delimiters;  /* copied; between user and folder in a recipient (ews-store.h); NULL: none */
    gint64 timeout_ms;       /* of a reply; the request itself may take twice as long */
    bool bounce_when_full;   /* a full mailbox is 552 5.2.2 instead of 452 4.2.2 */
    bool check_recipients;   /* at RCPT; otherwise all are accepted there */
    bool expand_groups;      /* to their members (group.h); otherwise they are refused */
    bool defer_unsure;       /* at RCPT: 450 4.2.1 where the directory cannot tell, instead of 250 */
    gint64 check_timeout_ms; /* of the reply to RCPT */
} ExgDeliveryOptions;

typedef struct ExgDeliveryBackend ExgDeliveryBackend;

ExgDeliveryBackend *exg_delivery_backend_new(ExgEngine *engine, const ExgDeliveryOptions *options);
/* Replaces store, directory and settings (after a reload); deliveries under way end with the old
 * ones. */
void exg_delivery_backend_configure(ExgDeliveryBackend *backend, const ExgDeliveryOptions *options);
/* Nothing may be under way. */
void exg_delivery_backend_free(ExgDeliveryBackend *backend);
/* Deliveries whose outcome is still to come, those past their deadline included, and look-ups of
 * recipients. */
guint exg_delivery_backend_under_way(const ExgDeliveryBackend *backend);
ExgLmtpBackend *exg_delivery_backend_interface(ExgDeliveryBackend *backend);

#endif
