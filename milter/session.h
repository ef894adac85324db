/* session.h - what an MTA has said so far: of an SMTP client, and of the message that it sends.
 *
 * Knows nothing of libmilter and waits for nothing. A session serves many messages, and after
 * QUIT_NC many clients; what an event leaves out is forgotten from before.
 *
 * Threads:  one at a time, now this and then that.
 * Memory:   one owner.
 * Limits:   an address of EXG_SESSION_ADDRESS_MAX_BYTES; longer ones are left to the MTA.
 * Source:   RFC 5321 4.1.1.2 and 4.1.1.3, RFC 1870 (SIZE), RFC 3834 (automatic responses).
 */
#ifndef EXG_MILTER_SESSION_H
#define EXG_MILTER_SESSION_H

#include "common/base/log.h"
#include "milter/decision.h"

#include <sys/socket.h>

#define EXG_SESSION_ADDRESS_MAX_BYTES 512

/* The fields that we add, and look for in messages. */
#define EXG_SESSION_RECIPIENT_FIELD "X-Exgate-Recipient"
#define EXG_SESSION_MARK_FIELD      "X-Auto-Response-Suppress"

typedef struct ExgMilterSession ExgMilterSession;

ExgMilterSession *exg_milter_session_new(void);
void exg_milter_session_free(ExgMilterSession *session);

/* A client begins. `address`: NULL if the MTA does not know it. */
void exg_milter_session_connect(ExgMilterSession *session, const struct sockaddr *address);

/* A message begins, and ends: sent, aborted or reset. `arguments`: the reverse path and MAIL's
 * parameters, up to NULL. `client_address` (NULL: as at the beginning) and `login` (NULL or "": not
 * authenticated) are what the MTA says of the client now. */
void exg_milter_session_begin(ExgMilterSession *session, char *const *arguments,
                              const char *client_address, const char *login);
void exg_milter_session_end(ExgMilterSession *session);

/* From now on, until it ends, the message is not looked at. */
void exg_milter_session_skip(ExgMilterSession *session);
bool exg_milter_session_is_skipped(const ExgMilterSession *session);

/* NULL: not known. */
const char *exg_milter_session_client(const ExgMilterSession *session);
bool exg_milter_session_is_authenticated(const ExgMilterSession *session);
/* "" for the null sender; NULL: it cannot be read, or there is no message. */
const char *exg_milter_session_sender(const ExgMilterSession *session);
/* As announced; 0: it was not. */
guint64 exg_milter_session_size(const ExgMilterSession *session);

/* The recipient in RCPT's first argument; NULL: none that can be read. (transfer full) */
char *exg_milter_session_read_recipient(const char *argument);

/* A recipient of the message that was looked at and accepted, and one that was accepted unseen. */
void exg_milter_session_add_recipient(ExgMilterSession *session, const char *recipient,
                                      ExgRecipientKind kind, const ExgDecision *decision);
void exg_milter_session_add_unseen(ExgMilterSession *session);

/* A field of its header. */
void exg_milter_session_add_header(ExgMilterSession *session, const char *name, const char *value);
/* How many fields of our name the message has brought along. */
guint exg_milter_session_forged_headers(const ExgMilterSession *session);
/* Sent by a program, and not marked yet as one that wants no automatic reply. */
bool exg_milter_session_wants_mark(const ExgMilterSession *session);
/* What X-Exgate-Recipient shall say: of the recipient, or, where there are several, how many are
 * what, so that nobody learns of a hidden one. NULL: nobody was looked at. (transfer full) */
char *exg_milter_session_describe(const ExgMilterSession *session);

/* What every line of the log about it carries. */
void exg_milter_session_set_fields(const ExgMilterSession *session, ExgEvent *event);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgMilterSession, exg_milter_session_free)

#endif
