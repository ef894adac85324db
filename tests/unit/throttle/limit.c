#include "common/throttle/limit-private.h"

#define SECOND ((gint64)G_USEC_PER_SEC)

/* A round of successes at the full limit. */
static void
round_of_successes(ExgThrottleLimit *limit, gint64 now_us)
{
    for (guint i = limit->now; i > 0; i--)
        exg_throttle_limit_succeeded(limit, limit->epoch, true, now_us);
}

static void
test_cut(void)
{
    ExgThrottleLimit limit;
    exg_throttle_limit_init(&limit, 64);
    g_assert_cmpuint(limit.now, ==, 64);
    guint epoch = limit.epoch;
    exg_throttle_limit_refused(&limit, epoch, 40, 0);
    g_assert_cmpuint(limit.now, ==, 20);
    /* The others of the same burst say nothing new. */
    exg_throttle_limit_refused(&limit, epoch, 40, 0);
    g_assert_cmpuint(limit.now, ==, 20);
    exg_throttle_limit_succeeded(&limit, epoch, true, 0);
    g_assert_cmpuint(limit.credit, ==, 0);
    for (guint i = 0; i < 10; i++)
        exg_throttle_limit_refused(&limit, limit.epoch, limit.now, 0);
    g_assert_cmpuint(limit.now, ==, 1);
    g_assert_cmpuint(limit.refused_lowest, >=, 2);
    exg_throttle_limit_succeeded(&limit, limit.epoch, true, 0);
    g_assert_cmpuint(limit.refused_lowest, ==, 0);
}

static void
test_recovers_to_the_ceiling(void)
{
    ExgThrottleLimit limit;
    exg_throttle_limit_init(&limit, 64);
    exg_throttle_limit_refused(&limit, limit.epoch, 9, 0);
    g_assert_cmpuint(limit.now, ==, 4);
    /* One more for each round, and none without demand. */
    for (guint i = 0; i < 100; i++)
        exg_throttle_limit_succeeded(&limit, limit.epoch, false, 0);
    g_assert_cmpuint(limit.now, ==, 4);
    for (guint expected = 5; expected <= 8; expected++) {
        round_of_successes(&limit, 0);
        g_assert_cmpuint(limit.now, ==, expected);
    }
    for (guint i = 0; i < 100; i++)
        round_of_successes(&limit, 0);
    g_assert_cmpuint(limit.now, ==, 8);
}

static void
test_tries_above_the_ceiling(void)
{
    ExgThrottleLimit limit;
    exg_throttle_limit_init(&limit, 64);
    exg_throttle_limit_refused(&limit, limit.epoch, 3, 0);
    round_of_successes(&limit, 1);
    g_assert_cmpuint(limit.now, ==, 2);
    round_of_successes(&limit, 14 * SECOND);
    g_assert_cmpuint(limit.now, ==, 2);
    exg_throttle_limit_succeeded(&limit, limit.epoch, true, 15 * SECOND);
    g_assert_cmpuint(limit.now, ==, 3);

    /* Refused: back, without a cut, and the next one later. */
    exg_throttle_limit_refused(&limit, limit.epoch, 3, 15 * SECOND);
    g_assert_cmpuint(limit.now, ==, 2);
    round_of_successes(&limit, 44 * SECOND);
    g_assert_cmpuint(limit.now, ==, 2);
    round_of_successes(&limit, 45 * SECOND);
    g_assert_cmpuint(limit.now, ==, 3);

    /* Taken: the new ceiling, and the next one sooner. */
    round_of_successes(&limit, 46 * SECOND);
    round_of_successes(&limit, 46 * SECOND);
    g_assert_cmpuint(limit.ceiling, ==, 3);
    round_of_successes(&limit, 60 * SECOND);
    g_assert_cmpuint(limit.now, ==, 3);
    round_of_successes(&limit, 61 * SECOND);
    g_assert_cmpuint(limit.now, ==, 4);
}

/* All the way up again, and never above the cap. */
static void
test_reaches_the_cap(void)
{
    ExgThrottleLimit limit;
    exg_throttle_limit_init(&limit, 10);
    for (guint i = 0; i < 10; i++)
        exg_throttle_limit_refused(&limit, limit.epoch, limit.now, 0);
    g_assert_cmpuint(limit.now, ==, 1);
    gint64 now_us = 0;
    for (; limit.now < 10 && now_us < 600 * SECOND; now_us += SECOND / 10)
        round_of_successes(&limit, now_us);
    g_assert_cmpuint(limit.now, ==, 10);
    g_assert_cmpint(now_us, <, 60 * SECOND);
    for (; now_us < 3600 * SECOND; now_us += SECOND) {
        round_of_successes(&limit, now_us);
        g_assert_cmpuint(limit.now, ==, 10);
    }
}

int
main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/throttle/limit/A3.6,F5-cut", test_cut);
    g_test_add_func("/throttle/limit/A3.13,F5-recovers-to-the-ceiling",
                    test_recovers_to_the_ceiling);
    g_test_add_func("/throttle/limit/tries-above-the-ceiling", test_tries_above_the_ceiling);
    g_test_add_func("/throttle/limit/reaches-the-cap", test_reaches_the_cap);
    return g_test_run();
}
