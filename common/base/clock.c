#include "common/base/clock.h"

#ifdef EXG_TEST_SEAMS
static gint64 shift_us;

static gint64
shift(void)
{
    return __atomic_load_n(&shift_us, __ATOMIC_RELAXED);
}

gint64
exg_clock_monotonic_us(void)
{
    return g_get_monotonic_time() + shift();
}

gint64
exg_clock_real_us(void)
{
    return g_get_real_time() + shift();
}

void
exg_clock_advance(gint64 us)
{
    __atomic_add_fetch(&shift_us, us, __ATOMIC_RELAXED);
}
#endif
