#include "milter/patience.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "milter/threads.h"

#include <errno.h>
#include <stdbool.h>

/* Whoever waits for less only looks whether a command has begun; libmilter does so for 1 ms. */
#define LOOK_MAX_MS 100

/* When this thread shall be done with the command that it reads or answers; 0: it has seen none. */
static __thread gint64 deadline_us;

static int
wait_for(struct pollfd *fds, nfds_t count, gint64 timeout_ms)
{
    const struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000};
    return ppoll(fds, count, timeout_ms >= 0 ? &timeout : NULL, NULL);
}

/* Whoever sends a byte now and then gets no further with it; but a reply for which there is room is
 * written, however late. */
static int
wait_for_peer(struct pollfd *peer, int timeout_ms)
{
    gint64 left_ms = (deadline_us - exg_clock_monotonic_us() + 999) / 1000;
    bool replies = (peer->events & POLLOUT) != 0;
    int ready = replies || left_ms > 0 ? wait_for(peer, 1, 0) : 0;
    if (ready == 0 && left_ms > 0) {
        exg_threads_begin_wait();
        ready = wait_for(peer, 1, MIN(timeout_ms, left_ms));
        int reason = errno;
        exg_threads_end_wait();
        errno = reason;
    }
    if (ready == 0)
        exg_log(EXG_LOG_WARNING, NULL, "an MTA that stops in the middle of a %s is disconnected",
                replies ? "reply" : "command");
    return ready;
}

int
exg_patience_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    bool is_peer = count == 1 && exg_threads_is_libmilters();
    if (is_peer && timeout_ms >= 0 && timeout_ms <= LOOK_MAX_MS)
        deadline_us = exg_clock_deadline_ms(EXG_PATIENCE_MS);
    else if (is_peer && timeout_ms > 0 && deadline_us != 0)
        return wait_for_peer(fds, timeout_ms);
    return wait_for(fds, count, timeout_ms);
}
