/* session.h - one connection: reads commands, keeps the order, writes replies.
 *
 * Commands are taken one at a time, as far as they have come. While recipients are being checked,
 * further ones join them, up to 50; all other commands wait, as they do while a message is
 * delivered, so replies stay in order. Replies to a batch of
 * commands leave in one write; the reply for a recipient after the message leaves at once.
 *
 * Threads:  the engine's.
 * Memory:   a session frees itself when its connection has ended.
 * Bugs:     a client that shuts down its sending side is taken for gone, and its deliveries are
 *           cancelled.
 * Limits:   an idle session holds its stream, its event and a few strings; nothing of a
 *           transaction.
 */
#ifndef EXG_LMTP_SESSION_H
#define EXG_LMTP_SESSION_H

#include "lmtp/server-private.h"

typedef struct ExgLmtpSession ExgLmtpSession;

/* Takes `fd` and greets. `peer` is for the log and the backend; `listener` is released at the end,
 * and may be NULL. */
void exg_lmtp_session_start(ExgLmtpServer *server, int fd, const char *peer, ExgListener *listener);
/* The server is draining: ends the session, now or when what it waits for has come: the look-up of
 * recipients, the deliveries of a message, or the rest of one within EXG_LMTP_DRAIN_GRACE_MS. */
void exg_lmtp_session_drain(ExgLmtpSession *session);
/* Ends it now, without a word. */
void exg_lmtp_session_free(ExgLmtpSession *session);

#endif
