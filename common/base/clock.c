#include "common/base/clock.h"

#ifdef EXG_TEST_SEAMS
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static gint64 shift_us;
static gint64 stopped_monotonic_us, stopped_real_us; /* 0: they go */

static gint64
load(const gint64 *value)
{
    return __atomic_load_n(value, __ATOMIC_RELAXED);
}

/* The number in the file that EXGATE_CLOCK names, as it is at this moment. */
static gpointer
map_shift(gpointer unused)
{
    static const gint64 none;
    const char *path = g_getenv("EXGATE_CLOCK");
    if (path == NULL)
        return (gpointer)&none;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *map = fd >= 0 ? mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (map == MAP_FAILED)
        g_error("EXGATE_CLOCK: %s: %s", path, g_strerror(errno));
    close(fd);
    return map;
}

static gint64
shift(void)
{
    static GOnce once = G_ONCE_INIT;
    return load(&shift_us) + load(g_once(&once, map_shift, NULL));
}

gint64
exg_clock_monotonic_us(void)
{
    gint64 stopped_us = load(&stopped_monotonic_us);
    return (stopped_us != 0 ? stopped_us : g_get_monotonic_time()) + shift();
}

gint64
exg_clock_real_us(void)
{
    gint64 stopped_us = load(&stopped_real_us);
    return (stopped_us != 0 ? stopped_us : g_get_real_time()) + shift();
}

void
exg_clock_stop(void)
{
    if (load(&stopped_monotonic_us) != 0)
        return;
    __atomic_store_n(&stopped_real_us, g_get_real_time(), __ATOMIC_RELAXED);
    __atomic_store_n(&stopped_monotonic_us, g_get_monotonic_time(), __ATOMIC_RELAXED);
}

void
exg_clock_advance(gint64 us)
{
    __atomic_add_fetch(&shift_us, us, __ATOMIC_RELAXED);
}
#endif
