#include "common/mime/date.h"

#define COMMENT_MAX_DEPTH 8
#define WORD_MAX_BYTES    8

typedef struct {
    const char *at, *end;
} Cursor;

static const char days[] = "sunmontuewedthufrisat";
static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

static const struct {
    const char *name;
    int hours;
} zones[] = {{"edt", -4}, {"est", -5}, {"cdt", -5}, {"cst", -6},
             {"mdt", -6}, {"mst", -7}, {"pdt", -7}, {"pst", -8}};

/* Skips white space and comments; false if a comment does not end. */
static bool
skip_blank(Cursor *cursor)
{
    guint depth = 0;
    for (; cursor->at < cursor->end; cursor->at++) {
        char c = *cursor->at;
        if (c == '(') {
            if (++depth > COMMENT_MAX_DEPTH)
                return false;
        } else if (depth == 0) {
            if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
                return true;
        } else if (c == ')') {
            depth--;
        } else if (c == '\\' && ++cursor->at == cursor->end) {
            return false;
        }
    }
    return depth == 0;
}

static bool
take(Cursor *cursor, char wanted)
{
    if (cursor->at == cursor->end || *cursor->at != wanted)
        return false;
    cursor->at++;
    return true;
}

/* Between `min_digits` and `max_digits` of them. */
static bool
take_number(Cursor *cursor, guint min_digits, guint max_digits, int *ret_number, guint *ret_digits)
{
    int number = 0;
    guint digits = 0;
    for (; cursor->at < cursor->end && g_ascii_isdigit(*cursor->at); cursor->at++) {
        if (++digits > max_digits)
            return false;
        number = number * 10 + g_ascii_digit_value(*cursor->at);
    }
    if (digits < min_digits)
        return false;
    *ret_number = number;
    if (ret_digits != NULL)
        *ret_digits = digits;
    return true;
}

/* Letters, in lower case. */
static bool
take_word(Cursor *cursor, char word[WORD_MAX_BYTES])
{
    guint length = 0;
    for (; cursor->at < cursor->end && g_ascii_isalpha(*cursor->at); cursor->at++) {
        if (length + 1 == WORD_MAX_BYTES)
            return false;
        word[length++] = g_ascii_tolower(*cursor->at);
    }
    word[length] = '\0';
    return length > 0;
}

/* Position of a name in a table of names of three letters, or -1. */
static int
find_name(const char *table, const char *word)
{
    for (int i = 0; table[i * 3] != '\0'; i++)
        if (word[0] == table[i * 3] && word[1] == table[i * 3 + 1] && word[2] == table[i * 3 + 2] &&
            word[3] == '\0')
            return i;
    return -1;
}

static bool
take_day_name(Cursor *cursor)
{
    char word[WORD_MAX_BYTES];
    if (cursor->at == cursor->end || !g_ascii_isalpha(*cursor->at))
        return true; /* it may be missing */
    return take_word(cursor, word) && find_name(days, word) >= 0 && skip_blank(cursor) &&
           take(cursor, ',') && skip_blank(cursor);
}

static bool
take_date(Cursor *cursor, gint64 *ret_days)
{
    int day, month, year;
    guint digits;
    char word[WORD_MAX_BYTES];
    if (!take_number(cursor, 1, 2, &day, NULL) || !skip_blank(cursor) || !take_word(cursor, word) ||
        !skip_blank(cursor) || !take_number(cursor, 2, 4, &year, &digits) || !skip_blank(cursor))
        return false;
    month = find_name(months, word) + 1;
    if (digits < 4)
        year += digits == 2 && year < 50 ? 2000 : 1900;
    if (month == 0 || year < 1900 ||
        !g_date_valid_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year))
        return false;
    GDate date, epoch;
    g_date_clear(&date, 1);
    g_date_clear(&epoch, 1);
    g_date_set_dmy(&date, (GDateDay)day, (GDateMonth)month, (GDateYear)year);
    g_date_set_dmy(&epoch, 1, G_DATE_JANUARY, 1970);
    *ret_days = g_date_days_between(&epoch, &date);
    return true;
}

static bool
take_time(Cursor *cursor, int *ret_seconds)
{
    int hour, minute, second = 0;
    if (!take_number(cursor, 2, 2, &hour, NULL) || !skip_blank(cursor) || !take(cursor, ':') ||
        !skip_blank(cursor) || !take_number(cursor, 2, 2, &minute, NULL) || !skip_blank(cursor))
        return false;
    if (take(cursor, ':') &&
        (!skip_blank(cursor) || !take_number(cursor, 2, 2, &second, NULL) || !skip_blank(cursor)))
        return false;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    *ret_seconds = (hour * 60 + minute) * 60 + second;
    return true;
}

static bool
take_zone(Cursor *cursor, int *ret_seconds)
{
    bool west = take(cursor, '-');
    int seconds = 0;
    if (west || take(cursor, '+')) {
        int number;
        if (!take_number(cursor, 4, 4, &number, NULL) || number % 100 > 59)
            return false;
        seconds = (number / 100 * 60 + number % 100) * (west ? -60 : 60);
    } else {
        char word[WORD_MAX_BYTES];
        if (!take_word(cursor, word))
            return false;
        for (gsize i = 0; i < G_N_ELEMENTS(zones); i++)
            if (g_str_equal(word, zones[i].name))
                seconds = zones[i].hours * 3600;
    }
    *ret_seconds = seconds;
    return skip_blank(cursor);
}

bool
exg_date_parse(const char *text, gsize length, gint64 *ret_seconds)
{
    Cursor cursor = {.at = text, .end = text + length};
    gint64 day;
    int time, zone;
    if (!skip_blank(&cursor) || !take_day_name(&cursor) || !take_date(&cursor, &day) ||
        !take_time(&cursor, &time) || !take_zone(&cursor, &zone) || cursor.at != cursor.end)
        return false;
    *ret_seconds = day * 86400 + time - zone;
    return true;
}

void
exg_date_append(GString *text, gint64 seconds)
{
    static const char *const day_names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);
    g_return_if_fail(time != NULL);
    g_string_append_printf(
        text, "%s, %d %s %04d %02d:%02d:%02d +0000",
        day_names[g_date_time_get_day_of_week(time) - 1], g_date_time_get_day_of_month(time),
        month_names[g_date_time_get_month(time) - 1], g_date_time_get_year(time),
        g_date_time_get_hour(time), g_date_time_get_minute(time), g_date_time_get_second(time));
}
