#include "common/throttle/limit-private.h"

#define TRY_FIRST_US    (15 * G_USEC_PER_SEC)
#define TRY_SHORTEST_US (1 * G_USEC_PER_SEC)
#define TRY_LONGEST_US  (600 * G_USEC_PER_SEC)

void
exg_throttle_limit_init(ExgThrottleLimit *limit, guint max)
{
    *limit = (ExgThrottleLimit){
        .max = max, .now = max, .ceiling = max, .try_interval_us = TRY_FIRST_US};
}

static void
schedule_try(ExgThrottleLimit *limit, gint64 interval_us, gint64 now_us)
{
    limit->trying = false;
    limit->try_interval_us = CLAMP(interval_us, TRY_SHORTEST_US, TRY_LONGEST_US);
    limit->try_us = now_us + limit->try_interval_us;
}

void
exg_throttle_limit_succeeded(ExgThrottleLimit *limit, guint epoch, bool full, gint64 now_us)
{
    limit->refused_lowest = 0;
    if (epoch != limit->epoch || !full)
        return;
    if (limit->trying) {
        /* Two rounds, since the first may have met a server that was just idle. */
        if (++limit->credit < 2 * limit->now)
            return;
        limit->credit = 0;
        limit->ceiling = limit->now;
        schedule_try(limit, limit->try_interval_us / 2, now_us);
    } else if (limit->now < limit->ceiling) {
        if (++limit->credit < limit->now)
            return;
        limit->credit = 0;
        limit->now++;
    } else if (limit->now < limit->max && now_us >= limit->try_us) {
        limit->credit = 0;
        limit->now++;
        limit->epoch++;
        limit->trying = true;
    }
}

void
exg_throttle_limit_refused(ExgThrottleLimit *limit, guint epoch, guint level, gint64 now_us)
{
    if (epoch != limit->epoch)
        return;
    limit->epoch++;
    limit->credit = 0;
    if (limit->trying) {
        limit->now = limit->ceiling;
        schedule_try(limit, limit->try_interval_us * 2, now_us);
        return;
    }
    if (limit->now == 1)
        limit->refused_lowest++;
    level = MIN(level, limit->now);
    limit->ceiling = MAX(level, 2) - 1;
    limit->now = MAX(level / 2, 1);
    schedule_try(limit, limit->try_interval_us, now_us);
}
