/* clock.h - the time, from a clock that tests can move.
 *
 * Deadlines are absolute times on the monotonic clock, in microseconds. In a release build the
 * functions are the system's clocks; with EXG_TEST_SEAMS a test may shift both clocks together, for
 * its own process or by the file that EXGATE_CLOCK names, with a gint64 of microseconds in it, for
 * those that it starts.
 *
 * Threads:  any.
 */
#ifndef EXG_BASE_CLOCK_H
#define EXG_BASE_CLOCK_H

#include <glib.h>

#define EXG_NO_DEADLINE G_MAXINT64

#ifdef EXG_TEST_SEAMS
gint64 exg_clock_monotonic_us(void);
gint64 exg_clock_real_us(void);
/* Moves both clocks forward by `us`. An engine notices at its next wake-up. */
void exg_clock_advance(gint64 us);
/* From now on both clocks go only by exg_clock_advance(), however slow the machine is. */
void exg_clock_stop(void);
#else
#define exg_clock_monotonic_us() g_get_monotonic_time()
#define exg_clock_real_us()      g_get_real_time()
#endif

/* The deadline `ms` milliseconds from now. */
static inline gint64
exg_clock_deadline_ms(gint64 ms)
{
    return exg_clock_monotonic_us() + ms * 1000;
}

#endif
