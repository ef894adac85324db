#include "milter/connections.h"

#include "common/base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

#define PAUSE_US (100 * 1000)

typedef struct {
    int fd;
    dev_t device;
    ino_t inode;
} Connection;

static struct {
    GMutex lock;
    GArray *open; /* Connection; some of them may be closed */
    guint max;
    guint64 total, held_back;
    bool refuses, is_full, is_starved;
} all = {.max = G_MAXUINT};

static bool
is_open(const Connection *connection)
{
    struct stat status;
    return fstat(connection->fd, &status) == 0 && status.st_dev == connection->device &&
           status.st_ino == connection->inode;
}

static void
forget_closed(void)
{
    for (guint i = all.open != NULL ? all.open->len : 0; i-- > 0;)
        if (!is_open(&g_array_index(all.open, Connection, i)))
            g_array_remove_index_fast(all.open, i);
}

static void
remember(int fd)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return;
    if (all.open == NULL)
        all.open = g_array_new(FALSE, FALSE, sizeof(Connection));
    const Connection connection = {fd, status.st_dev, status.st_ino};
    g_array_append_val(all.open, connection);
    all.total++;
}

/* Whether there is room for one more. */
static bool
has_room(void)
{
    if (all.refuses)
        return false;
    if (all.open == NULL || all.open->len < all.max)
        return true;
    forget_closed();
    bool was_full = all.is_full;
    all.is_full = all.open->len >= all.max;
    if (all.is_full && !was_full) {
        all.held_back++;
        exg_log(EXG_LOG_WARNING, NULL,
                "%u connections, as many as max_connections allows; further ones wait",
                all.open->len);
    }
    return !all.is_full;
}

static bool
is_shortage(int reason)
{
    return reason == EMFILE || reason == ENFILE || reason == ENOBUFS || reason == ENOMEM;
}

int
exg_connections_accept(int listener, struct sockaddr *address, socklen_t *length)
{
    int fd = -1, reason = EAGAIN;
    g_mutex_lock(&all.lock);
    bool may = has_room();
    if (may) {
        fd = accept4(listener, address, length, SOCK_CLOEXEC);
        reason = errno;
    }
    if (fd >= 0)
        remember(fd);
    bool starves = may && fd < 0 && is_shortage(reason);
    if (starves && !all.is_starved)
        exg_log(EXG_LOG_WARNING, NULL, "nobody can be accepted for now: %s", g_strerror(reason));
    all.is_starved = starves || (all.is_starved && fd < 0);
    g_mutex_unlock(&all.lock);
    if (fd < 0 && (!may || starves)) {
        g_usleep(PAUSE_US); /* libmilter would be back at once */
        reason = EAGAIN;
    }
    errno = reason;
    return fd;
}

void
exg_connections_set_max(guint max)
{
    g_mutex_lock(&all.lock);
    all.max = max;
    g_mutex_unlock(&all.lock);
}

void
exg_connections_refuse(void)
{
    g_mutex_lock(&all.lock);
    all.refuses = true;
    g_mutex_unlock(&all.lock);
}

ExgConnectionsStatistics
exg_connections_statistics(void)
{
    g_mutex_lock(&all.lock);
    forget_closed();
    ExgConnectionsStatistics statistics = {
        .open = all.open != NULL ? all.open->len : 0,
        .total = all.total,
        .held_back = all.held_back,
    };
    g_mutex_unlock(&all.lock);
    return statistics;
}
