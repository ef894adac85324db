/* transaction.h - one mail transaction: envelope, recipients, message, and one reply per recipient
 * in their order.
 *
 *     new → add_recipient … → begin_content → feed … → finish → next_reply … → free
 *
 * A recipient given twice is delivered once and answered twice. All are delivered concurrently;
 * their replies can be taken as soon as they and those before them are known.
 *
 * Threads:  the engine's.
 * Memory:   exg_lmtp_transaction_free() lets go of it at any time: nothing is told to the session
 *           any more, what can be stopped is cancelled, and the memory stays until the backend's
 *           last answer.
 * Limits:   recipients: the session's to enforce. The message: max_message_bytes, past which it is
 *           read and dropped, and each recipient answered 552 5.3.4.
 * Source:   RFC 2033 4.2, RFC 5321 6.3 (loops).
 */
#ifndef EXG_LMTP_TRANSACTION_H
#define EXG_LMTP_TRANSACTION_H

#include "lmtp/command.h"
#include "lmtp/server-private.h"

typedef struct ExgLmtpTransaction ExgLmtpTransaction;

/* What it tells its session, from the engine's loop or inside the call that caused it. */
typedef struct {
    /* The next of the recipients that were added has been checked; 250 means that it is accepted. */
    void (*checked)(const ExgLmtpReply *reply, gpointer session);
    /* Not congested any more. */
    void (*ready)(gpointer session);
    /* There is a reply to take. */
    void (*answered)(gpointer session);
} ExgLmtpTransactionHandler;

/* Where it comes from. Copied. */
typedef struct {
    const char *session_id;
    guint number; /* of this transaction in its session, from 1 */
    const char *lhlo;
    const char *peer;
    char *const *forward; /* what XFORWARD told, by ExgLmtpForward; or NULL */
} ExgLmtpOrigin;

/* `mail` is the MAIL command. */
ExgLmtpTransaction *exg_lmtp_transaction_new(ExgLmtpServer *server, ExgLmtpOptions *options,
                                             ExgEvent *session_event, const ExgLmtpOrigin *origin,
                                             const ExgLmtpCommand *mail,
                                             const ExgLmtpTransactionHandler *handler,
                                             gpointer session);
/* NULL-safe. */
void exg_lmtp_transaction_free(ExgLmtpTransaction *transaction);

const ExgLmtpEnvelope *exg_lmtp_transaction_envelope(const ExgLmtpTransaction *transaction);
ExgEvent *exg_lmtp_transaction_event(const ExgLmtpTransaction *transaction);
/* Asks the backend; answered by `checked`, perhaps inside the call, in the order of the calls. */
void exg_lmtp_transaction_add_recipient(ExgLmtpTransaction *transaction, const char *address);
/* How many are still to be answered. */
guint exg_lmtp_transaction_checks(const ExgLmtpTransaction *transaction);

/* The client has been told to send the message. */
void exg_lmtp_transaction_begin_content(ExgLmtpTransaction *transaction);
/* Takes what came; answers how much of it belongs to the message, and whether its end was in it. */
gsize exg_lmtp_transaction_feed(ExgLmtpTransaction *transaction, const char *input, gsize length,
                                bool *ret_end);
/* Whether the client should be held back until `ready`. */
bool exg_lmtp_transaction_is_congested(ExgLmtpTransaction *transaction);
/* The end has been read: delivers to every recipient. */
void exg_lmtp_transaction_finish(ExgLmtpTransaction *transaction);
/* The next recipient's reply, or NULL if it is not known yet or there is none left. Valid until the
 * transaction is freed. */
const ExgLmtpReply *exg_lmtp_transaction_next_reply(ExgLmtpTransaction *transaction);
/* Whether all replies have been taken. */
bool exg_lmtp_transaction_is_complete(const ExgLmtpTransaction *transaction);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgLmtpTransaction, exg_lmtp_transaction_free)

#endif
