#include "common/base/log.h"

#include <string.h>

static GString *lines;

static void
collect(ExgLogLevel level, const char *line, gpointer data)
{
    g_string_append_printf(lines, "%s\n", line);
}

static const char *
taken(void)
{
    static char *last;
    g_free(last);
    last = g_strdup(lines->str);
    g_string_truncate(lines, 0);
    return last;
}

static void
test_fields(void)
{
    g_autoptr(ExgEvent) session = exg_event_new(NULL);
    exg_event_set(session, "session", "S1");
    g_autoptr(ExgEvent) recipient = exg_event_new(session);
    exg_event_set(recipient, "to", "a@example.com");
    exg_event_set_int(recipient, "size", 42);
    exg_event_set(recipient, "reply", "250 2.0.0 Ok");
    exg_log(EXG_LOG_INFO, recipient, "delivered");
    g_assert_cmpstr(taken(), ==,
                    "info: delivered session=S1 to=a@example.com size=42 reply=\"250 2.0.0 Ok\"\n");

    exg_event_set(recipient, "reply", NULL);
    exg_event_set(recipient, "to", "");
    exg_log(EXG_LOG_WARNING, recipient, "x");
    g_assert_cmpstr(taken(), ==, "warning: x session=S1 size=42 to=\"\"\n");
}

/* Nothing that comes from outside can end a line, a value, or look like a field. */
static void
test_forgery(void)
{
    g_autoptr(ExgEvent) event = exg_event_new(NULL);
    exg_event_set(event, "to", "a\" reply=\"250\n\r\t\x1b[31m\\ \xff\xe2\x80\xa8 ü");
    exg_log(EXG_LOG_INFO, event, "text\nwith %s", "line\x7f end");
    g_assert_cmpstr(taken(), ==,
                    "info: text\\x0awith line\\x7f end to=\"a\\\" "
                    "reply=\\\"250\\x0a\\x0d\\x09\\x1b[31m\\\\ \\xff"
                    "\\xe2\\x80\\xa8 ü\"\n");
}

static void
test_limits(void)
{
    g_autofree char *long_text = g_strnfill(100000, 'x');
    g_autoptr(ExgEvent) event = exg_event_new(NULL);
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
        exg_event_set(event, keys[i], long_text);
    exg_log(EXG_LOG_INFO, event, "%s", long_text);
    g_assert_cmpuint(strlen(taken()), <=, EXG_LOG_LINE_MAX_BYTES + 1);
}

static void
test_level(void)
{
    exg_log_set_level(EXG_LOG_WARNING);
    g_assert_false(exg_log_enabled(EXG_LOG_INFO));
    exg_log(EXG_LOG_INFO, NULL, "not said");
    exg_log(EXG_LOG_ERROR, NULL, "said");
    g_assert_cmpstr(taken(), ==, "error: said\n");
    exg_log_set_level(EXG_LOG_INFO);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    lines = g_string_new(NULL);
    exg_log_set_sink(collect, NULL);
    g_test_add_func("/log/fields", test_fields);
    g_test_add_func("/log/forgery", test_forgery);
    g_test_add_func("/log/limits", test_limits);
    g_test_add_func("/log/level", test_level);
    return g_test_run();
}
