/* What libmilter asks of the C library where its answer would do harm, answered by us: the dynamic
 * linker finds a function of the program's before the library's of the same name. libmilter has no
 * other way to be told how many connections and threads there may be, how long half a command is
 * waited for, and which signals are its own.
 *
 * Nobody else in the process calls accept() or sigwait(): exgate's listeners use accept4(), and its
 * signals come through GLib. The threads of others, and what these wait for, pass through unchanged.
 */
#include "milter/connections.h"
#include "milter/patience.h"
#include "milter/threads.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

int
accept(int fd, __SOCKADDR_ARG address, socklen_t *length)
{
    return exg_connections_accept(fd, address.__sockaddr__, length);
}

int
pthread_create(pthread_t *thread, const pthread_attr_t *attributes, ExgThreadRoutine routine,
               void *argument)
{
    static ExgThreadCreate next;
    ExgThreadCreate create = __atomic_load_n(&next, __ATOMIC_ACQUIRE);
    if (create == NULL) {
        create = (ExgThreadCreate)dlsym(RTLD_NEXT, "pthread_create");
        if (create == NULL)
            abort();
        __atomic_store_n(&next, create, __ATOMIC_RELEASE);
    }
    return exg_threads_create(create, thread, attributes, routine, argument);
}

int
poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    return exg_patience_poll(fds, count, timeout_ms);
}

/* libmilter's signal thread would take SIGHUP for the end, and SIGTERM and SIGINT from under us. */
int
sigwait(const sigset_t *signals, int *number)
{
    for (;;)
        pause();
}
