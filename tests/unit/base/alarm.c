/* What is for the administrator, and how often he is told. */
#include "common/base/alarm.h"

#include "common/base/clock.h"
#include "common/base/log.h"

#include <string.h>

static void
keep_line(ExgLogLevel level, const char *line, gpointer data)
{
    g_assert_cmpint(level, ==, EXG_LOG_ERROR);
    g_string_append_printf(data, "%s\n", line);
}

static bool
raise_alarm(ExgAlarm *alarm, ExgErrorCode code)
{
    g_autoptr(GError) error = exg_error_new(code, "it is so");
    return exg_alarm_raise(alarm, "nothing works", error);
}

static void
test_interval(void)
{
    g_autoptr(GString) lines = g_string_new(NULL);
    ExgAlarm alarm = {0};
    exg_log_set_sink(keep_line, lines);
    g_assert_true(raise_alarm(&alarm, EXG_ERROR_AUTH));
    g_assert_false(raise_alarm(&alarm, EXG_ERROR_AUTH));
    g_assert_false(raise_alarm(&alarm, EXG_ERROR_AUTH));
    g_assert_true(raise_alarm(&alarm, EXG_ERROR_CONFIG)); /* each kind for itself */
    exg_clock_advance(61 * G_USEC_PER_SEC);
    g_assert_true(raise_alarm(&alarm, EXG_ERROR_AUTH));
    exg_log_set_sink(NULL, NULL);
    g_assert_nonnull(strstr(lines->str, "nothing works until this is mended: Exchange refused the "
                                        "service account: it is so (0 more"));
    g_assert_nonnull(strstr(lines->str, "it is so (2 more failed like this"));
}

static void
test_others(void)
{
    ExgAlarm alarm = {0};
    static const ExgErrorCode others[] = {EXG_ERROR_UNREACHABLE, EXG_ERROR_BUSY, EXG_ERROR_QUOTA,
                                          EXG_ERROR_NO_MAILBOX, EXG_ERROR_PROTOCOL};
    for (guint i = 0; i < G_N_ELEMENTS(others); i++)
        g_assert_false(raise_alarm(&alarm, others[i]));
    g_autoptr(GError) foreign = g_error_new_literal(G_FILE_ERROR, EXG_ERROR_AUTH, "x");
    g_assert_false(exg_alarm_concerns(foreign));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/alarm/interval", test_interval);
    g_test_add_func("/base/alarm/others", test_others);
    return g_test_run();
}
