#include "common/base/clock.h"

#ifdef EXG_TEST_SEAMS
static gint64 shift_us;
static gint64 stopped_monotonic_us, stopped_real_us; /* 0: they go */

static gint64
load(const gint64 *value)
{
    return __atomic_load_n(value, __ATOMIC_RELAXED);
}

gint64
exg_clock_monotonic_us(void)
{
    gint64 stopped_us = load(&stopped_monotonic_us);
    return (stopped_us != 0 ? stopped_us : g_get_monotonic_time()) + load(&shift_us);
}

gint64
exg_clock_real_us(void)
{
    gint64 stopped_us = load(&stopped_real_us);
    return (stopped_us != 0 ? stopped_us : g_get_real_time()) + load(&shift_us);
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
