/* connections.h - what libmilter accepts: not more connections than there is room for.
 *
 * libmilter accepts whatever comes, looks at all its connections at every wake-up, and asks again at
 * once, for ever, when there is no descriptor for the next one. So it accepts here (seams.c): at
 * `max` connections, or when descriptors are short all the same, nothing is accepted, and it is held
 * back for a moment instead of spinning. Who comes then waits in the socket's backlog.
 *
 * Which connections are closed again nobody tells. That is found out, by looking whether a
 * descriptor is still the socket that was accepted, when it matters.
 *
 * Threads:  any. There is one libmilter in a process, and so one set of its connections.
 * Limits:   `max`.
 */
#ifndef EXG_MILTER_CONNECTIONS_H
#define EXG_MILTER_CONNECTIONS_H

#include <glib.h>
#include <sys/socket.h>

void exg_connections_set_max(guint max);
/* Like accept(2), and fails with EAGAIN, after a moment, while nobody is to be accepted. */
int exg_connections_accept(int listener, struct sockaddr *address, socklen_t *length);
/* From now on nobody is accepted. */
void exg_connections_refuse(void);

typedef struct {
    guint open;        /* now */
    guint64 total;     /* accepted since the start */
    guint64 held_back; /* times that it was full */
} ExgConnectionsStatistics;

ExgConnectionsStatistics exg_connections_statistics(void);

#endif
