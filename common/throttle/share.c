#include "common/throttle/share-private.h"

#include <sys/eventfd.h>
#include <unistd.h>

struct ExgThrottleShare {
    ExgEngineFunc function;
    gpointer data;
    ExgThrottleFile *file; /* the thread's */
    GThread *thread;
    int ended; /* an eventfd: visits that ended */
    ExgWatch *watch;
    GMutex lock; /* of what follows */
    GCond wake;
    ExgThrottleSync *sync;
    bool closing;
};

/* The next visit to make, or NULL when there are no more. */
static ExgThrottleSync *
next_visit(ExgThrottleShare *share)
{
    g_mutex_lock(&share->lock);
    while (share->sync == NULL && !share->closing)
        g_cond_wait(&share->wake, &share->lock);
    ExgThrottleSync *sync = g_steal_pointer(&share->sync);
    g_mutex_unlock(&share->lock);
    return sync;
}

static gpointer
thread_main(gpointer data)
{
    ExgThrottleShare *share = data;
    ExgThrottleSync *sync;
    while ((sync = next_visit(share)) != NULL) {
        exg_throttle_file_visit(share->file, sync);
        if (eventfd_write(share->ended, 1) < 0)
            break;
    }
    return NULL;
}

static void
visit_ended(int fd, guint events, gpointer data)
{
    ExgThrottleShare *share = data;
    eventfd_t count;
    if (eventfd_read(fd, &count) == 0)
        share->function(share->data);
}

ExgThrottleShare *
exg_throttle_share_new(ExgEngine *engine, const char *path, ExgEngineFunc function, gpointer data)
{
    int ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ended < 0)
        return NULL;
    ExgThrottleShare *share = g_new0(ExgThrottleShare, 1);
    share->function = function;
    share->data = data;
    share->ended = ended;
    share->file = exg_throttle_file_new(path);
    g_mutex_init(&share->lock);
    g_cond_init(&share->wake);
    share->watch = exg_watch_new(engine, ended, EXG_IO_READ, visit_ended, share);
    share->thread = g_thread_try_new("exgate-throttle", thread_main, share, NULL);
    if (share->thread == NULL)
        exg_throttle_share_free(g_steal_pointer(&share), NULL);
    return share;
}

void
exg_throttle_share_visit(ExgThrottleShare *share, ExgThrottleSync *sync)
{
    g_mutex_lock(&share->lock);
    share->sync = sync;
    g_cond_signal(&share->wake);
    g_mutex_unlock(&share->lock);
}

void
exg_throttle_share_free(ExgThrottleShare *share, ExgThrottleSync *last)
{
    if (share == NULL)
        return;
    g_mutex_lock(&share->lock);
    share->closing = true;
    g_cond_signal(&share->wake);
    g_mutex_unlock(&share->lock);
    if (share->thread != NULL)
        g_thread_join(share->thread);
    if (last != NULL)
        exg_throttle_file_visit(share->file, last);
    exg_watch_free(share->watch);
    exg_throttle_file_free(share->file);
    g_mutex_clear(&share->lock);
    g_cond_clear(&share->wake);
    close(share->ended);
    g_free(share);
}
