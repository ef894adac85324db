#include "common/ews/value-private.h"

#include "common/ews/envelope-private.h"

#include <string.h>

#define MAX_DURATION_PART (1000 * 1000 * 1000)

static const ExgXmlNode *
find_child(const ExgXmlNode *parent, const char *name)
{
    const ExgXmlNode *node = exg_xml_node_child(parent, EXG_EWS_TYPES_SPACE, name);
    return node != NULL ? node : exg_xml_node_child(parent, EXG_EWS_MESSAGES_SPACE, name);
}

const char *
exg_ews_child_text(const ExgXmlNode *parent, const char *name)
{
    const ExgXmlNode *node = find_child(parent, name);
    return node != NULL ? node->text : "";
}

char *
exg_ews_child_copy(const ExgXmlNode *parent, const char *name)
{
    const ExgXmlNode *node = find_child(parent, name);
    return node != NULL ? g_strdup(node->text) : NULL;
}

gint64
exg_ews_child_number(const ExgXmlNode *parent, const char *name, gint64 min, gint64 max,
                     gint64 otherwise)
{
    gint64 number;
    const char *text = exg_ews_child_text(parent, name);
    return g_ascii_string_to_signed(text, 10, min, max, &number, NULL) ? number : otherwise;
}

bool
exg_ews_child_bool(const ExgXmlNode *parent, const char *name, bool otherwise)
{
    return exg_ews_read_bool(exg_ews_child_text(parent, name), otherwise);
}

gint64
exg_ews_child_time(const ExgXmlNode *parent, const char *name, gint64 otherwise)
{
    gint64 seconds = otherwise;
    exg_ews_read_time(exg_ews_child_text(parent, name), NULL, &seconds);
    return seconds;
}

bool
exg_ews_read_bool(const char *text, bool otherwise)
{
    static const char *const yes[] = {"true", "1", "on", NULL};
    static const char *const no[] = {"false", "0", "off", NULL};
    if (text == NULL)
        return otherwise;
    return otherwise ? !g_strv_contains(no, text) : g_strv_contains(yes, text);
}

bool
exg_ews_read_time(const char *text, GTimeZone *zone, gint64 *ret_seconds)
{
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, zone != NULL ? zone : utc);
    if (time == NULL)
        return false;
    *ret_seconds = g_date_time_to_unix(time);
    return true;
}

bool
exg_ews_read_duration(const char *text, gint64 *ret_seconds)
{
    static const struct {
        char letter;
        bool of_time; /* comes after the T */
        gint64 seconds;
    } units[] = {{'D', false, 86400}, {'H', true, 3600}, {'M', true, 60}, {'S', true, 1}};
    bool negative = text[0] == '-', in_time = false;
    gint64 sum = 0;
    guint next = 0; /* unit that may follow */
    text += negative;
    if (*text++ != 'P' || *text == '\0')
        return false;
    while (*text != '\0') {
        if (*text == 'T' && !in_time) {
            in_time = true;
            text++;
        }
        char *end;
        if (!g_ascii_isdigit(*text))
            return false;
        guint64 number = g_ascii_strtoull(text, &end, 10);
        /* fractions of a second are of no interest */
        if (*end == '.')
            end += 1 + strspn(end + 1, "0123456789");
        while (next < G_N_ELEMENTS(units) &&
               (units[next].letter != *end || units[next].of_time != in_time))
            next++;
        if (next == G_N_ELEMENTS(units) || number > MAX_DURATION_PART)
            return false;
        sum += (gint64)number * units[next++].seconds;
        text = end + 1;
    }
    *ret_seconds = negative ? -sum : sum;
    return true;
}
