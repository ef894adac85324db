/* A date of a header field: one that is understood is the same second however it is written. */
#include "common/mime/date.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* 1 Jan 1900 to 31 Dec 9999, and a zone of up to 99 hours 59 minutes. */
#define EARLIEST (G_GINT64_CONSTANT(-2208988800) - 359940)
#define LATEST   (G_GINT64_CONSTANT(253402300799) + 359941)

static void
check_same(const char *text, gsize length, gint64 expected)
{
    gint64 seconds = expected + 1;
    g_assert_true(exg_date_parse(text, length, &seconds));
    g_assert_cmpint(seconds, ==, expected);
}

/* Written anew in UTC. */
static void
check_rewritten(gint64 seconds)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);
    if (time == NULL || g_date_time_get_year(time) < 1900)
        return; /* moved out of the years that there are by its zone */
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    g_autofree char *text = g_strdup_printf(
        "%s, %d %s %04d %02d:%02d:%02d +0000", days[g_date_time_get_day_of_week(time) - 1],
        g_date_time_get_day_of_month(time), months[g_date_time_get_month(time) - 1],
        g_date_time_get_year(time), g_date_time_get_hour(time), g_date_time_get_minute(time),
        g_date_time_get_second(time));
    check_same(text, strlen(text), seconds);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    const char *text = (const char *)data;
    gint64 seconds = G_MININT64;
    if (!exg_date_parse(text, size, &seconds)) {
        g_assert_cmpint(seconds, ==, G_MININT64);
        return 0;
    }
    g_assert_cmpint(seconds, >=, EARLIEST);
    g_assert_cmpint(seconds, <=, LATEST);
    check_rewritten(seconds);

    g_autoptr(GString) other = g_string_new(" (before)\r\n\t");
    gsize start = other->len;
    g_string_append_len(other, text, (gssize)size);
    g_string_append(other, "\t(after (\\)))");
    check_same(other->str, other->len, seconds);
    for (gsize i = start; i < start + size; i++)
        other->str[i] = g_ascii_isupper(other->str[i]) ? g_ascii_tolower(other->str[i])
                                                       : g_ascii_toupper(other->str[i]);
    check_same(other->str, other->len, seconds);
    return 0;
}
