#include "common/base/clock.h"
#include "common/base/failpoint.h"

#include <glib.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void
test_off(void)
{
    exg_failpoint_configure(NULL);
    g_assert_false(EXG_FAIL_POINT_ERROR("anything"));
}

static void
test_after_and_times(void)
{
    exg_failpoint_configure("here=error,after=2,times=1;there=error");
    g_assert_false(EXG_FAIL_POINT_ERROR("here"));
    g_assert_false(EXG_FAIL_POINT_ERROR("here"));
    g_assert_true(EXG_FAIL_POINT_ERROR("here"));
    g_assert_false(EXG_FAIL_POINT_ERROR("here"));
    g_assert_true(EXG_FAIL_POINT_ERROR("there"));
    g_assert_false(EXG_FAIL_POINT_ERROR("elsewhere"));
    exg_failpoint_configure(NULL);
}

static void
test_kill(void)
{
    pid_t child = fork();
    if (child == 0) {
        exg_failpoint_configure("now=kill");
        EXG_FAIL_POINT("now");
        _exit(0);
    }
    int status;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFSIGNALED(status));
    g_assert_cmpint(WTERMSIG(status), ==, SIGKILL);
}

static void
test_delay(void)
{
    exg_failpoint_configure("slow=delay:30");
    gint64 before = g_get_monotonic_time();
    EXG_FAIL_POINT("slow");
    g_assert_cmpint(g_get_monotonic_time() - before, >=, 30000);
    exg_failpoint_configure(NULL);
}

static void
test_clock(void)
{
    gint64 before = exg_clock_monotonic_us();
    gint64 real_before = exg_clock_real_us();
    exg_clock_advance((gint64)3600 * G_USEC_PER_SEC);
    g_assert_cmpint(exg_clock_monotonic_us() - before, >=, (gint64)3600 * G_USEC_PER_SEC);
    g_assert_cmpint(exg_clock_real_us() - real_before, >=, (gint64)3600 * G_USEC_PER_SEC);
    g_assert_cmpint(exg_clock_deadline_ms(1000) - exg_clock_monotonic_us(), <=, G_USEC_PER_SEC);
}

static void
test_clock_stop(void)
{
    exg_clock_stop();
    gint64 before = exg_clock_monotonic_us();
    gint64 real_before = exg_clock_real_us();
    g_usleep(2000);
    exg_clock_stop();
    g_assert_cmpint(exg_clock_monotonic_us(), ==, before);
    exg_clock_advance(5);
    g_assert_cmpint(exg_clock_monotonic_us(), ==, before + 5);
    g_assert_cmpint(exg_clock_real_us(), ==, real_before + 5);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/failpoint/off", test_off);
    g_test_add_func("/failpoint/after-and-times", test_after_and_times);
    g_test_add_func("/failpoint/kill", test_kill);
    g_test_add_func("/failpoint/delay", test_delay);
    g_test_add_func("/clock/advance", test_clock);
    g_test_add_func("/clock/stop", test_clock_stop);
    return g_test_run();
}
