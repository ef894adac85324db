/* patience.h - how long a worker of libmilter waits for a peer in the middle of a command.
 *
 * Between commands one thread of libmilter's waits for all connections. A command that has begun is
 * read by a worker, though, which waits for the rest of it, and for the peer to take the reply, as
 * long as smfi_settimeout() says: two hours, and that anew for each byte. It cannot be told less,
 * for idle connections are closed by the same time, and one is idle for as long as a large message
 * takes that nobody wants to see.
 *
 * So libmilter waits here (seams.c). A command has EXG_PATIENCE_MS from its beginning to be complete
 * and its reply to be taken, or its connection ends; and while a worker waits for a peer, others are
 * at hand (threads.h).
 *
 * Threads:  any; those that libmilter has not started wait as with poll(2).
 * Limits:   EXG_PATIENCE_MS, in which the longest look-up has room. MTAs give up on us sooner.
 * Source:   libmilter 8.17: mi_engine() looks for a moment whether a command has begun, and nothing
 *           else of libmilter's waits for so little; mi_rd_cmd() and mi_wr_cmd() then wait.
 */
#ifndef EXG_MILTER_PATIENCE_H
#define EXG_MILTER_PATIENCE_H

#include <poll.h>

#define EXG_PATIENCE_MS 60000

/* Like poll(2). Answers 0, as if nothing had happened for so long, when the peer has had its time. */
int exg_patience_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

#endif
