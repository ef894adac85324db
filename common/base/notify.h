/* notify.h - tells a service manager how far the program is.
 *
 * Two protocols: systemd's (a datagram to $NOTIFY_SOCKET) and s6's (a newline on a descriptor that
 * the starter named). Both do nothing where nobody asked.
 *
 * Threads:  any.
 * Source:   sd_notify(3); the s6 readiness notification.
 */
#ifndef EXG_BASE_NOTIFY_H
#define EXG_BASE_NOTIFY_H

/* "READY=1", "STOPPING=1", "STATUS=…"; several are separated by newlines. */
void exg_notify_systemd(const char *state);
/* Writes a newline to `fd` and closes it; -1: nobody asked. */
void exg_notify_fd(int fd);

#endif
