#include "common/mime/header-marks.h"

#include "common/base/error.h"

#include <string.h>

static bool
fits(const char *rules, const char *name, const char *value)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgHeaderMarks) marks = exg_header_marks_new(rules, &error);
    g_assert_no_error(error);
    const char *field = exg_header_marks_field(marks, name, strlen(name));
    g_autofree char *copy = g_memdup2(value, strlen(value)); /* a sanitizer sees a look past it */
    return field != NULL && exg_header_marks_fit(marks, field, copy, strlen(value));
}

static void
test_values(void)
{
    g_assert_true(fits("X-Spam-Flag: YES", "X-Spam-Flag", " YES"));
    g_assert_true(fits("X-Spam-Flag: YES", "x-spam-flag", "yes"));
    g_assert_true(fits("X-Spam-Flag:YES", "X-Spam-Flag", "\t YES "));
    g_assert_true(fits("X-Spam-Status: Yes", "X-Spam-Status", " Yes, score=9.1"));
    g_assert_true(fits("X-Spam-Level: *****", "X-Spam-Level", " *******"));
    g_assert_false(fits("X-Spam-Level: *****", "X-Spam-Level", " ****"));
    g_assert_false(fits("X-Spam-Status: Yes", "X-Spam-Status", " Yesterday"));
    g_assert_false(fits("X-Spam-Status: Yes", "X-Spam-Status", " No, Yes"));
    g_assert_false(fits("X-Spam-Status: Yes", "X-Spam-Status", ""));
    g_assert_false(fits("X-Spam-Status: Yes", "X-Spam-Status", "Y"));
    g_assert_false(fits("X-Spam-Status: Yes", "X-Spam", "Yes"));
    g_assert_false(fits("X-Spam-Status: Yes", "X-Spam-Status-", "Yes"));
}

static void
test_any_value(void)
{
    g_assert_true(fits("X-Spam", "X-Spam", ""));
    g_assert_true(fits("X-Spam:", "X-Spam", " whatever"));
    g_assert_false(fits("X-Spam", "X-Spam-Flag", " YES"));
}

static void
test_several(void)
{
    static const char rules[] = "X-A: yes ,X-B:no, X-A: maybe, Subject: [SPAM]: x";
    g_assert_true(fits(rules, "X-A", "yes"));
    g_assert_true(fits(rules, "X-A", "maybe"));
    g_assert_true(fits(rules, "X-B", "no"));
    g_assert_true(fits(rules, "Subject", " [spam]: x for you"));
    g_assert_false(fits(rules, "X-B", "yes"));
    g_assert_false(fits("", "X-A", "yes"));
    g_assert_null(exg_header_marks_field(NULL, "X-A", 3));
}

static void
check_refused(const char *rules)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(exg_header_marks_new(rules, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_null(strchr(error->message, '\n'));
}

static void
test_refused(void)
{
    g_autoptr(GString) many = g_string_new("X: 1");
    for (guint i = 0; i < EXG_HEADER_MARKS_MAX - 1; i++)
        g_string_append(many, ", X: 1");
    g_autoptr(ExgHeaderMarks) full = exg_header_marks_new(many->str, NULL);
    g_assert_nonnull(full);
    g_string_append(many, ", X: 1");
    check_refused(many->str);
    check_refused(",");
    check_refused("X-A: yes,");
    check_refused(": yes");
    check_refused("X A: yes");
    check_refused("X-\xc3\xa4: yes");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mime/header-marks/values", test_values);
    g_test_add_func("/mime/header-marks/any-value", test_any_value);
    g_test_add_func("/mime/header-marks/several", test_several);
    g_test_add_func("/mime/header-marks/refused", test_refused);
    return g_test_run();
}
