#include "tests/exchange-sim/text.h"

#include <string.h>

/* --- base64 ----------------------------------------------------------------------------------- */

enum { PAD = 64, SPACE = 65, BAD = 255 };

static const guint8 *
base64_values(void)
{
    static guint8 values[256];
    static gsize ready;
    if (g_once_init_enter(&ready)) {
        memset(values, BAD, sizeof values);
        const char *alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for (guint i = 0; i < 64; i++)
            values[(guint8)alphabet[i]] = (guint8)i;
        values['='] = PAD;
        values[' '] = values['\t'] = values['\r'] = values['\n'] = SPACE;
        g_once_init_leave(&ready, 1);
    }
    return values;
}

bool
exg_sim_base64_decode(const char *text, gsize length, guint8 **ret_bytes, gsize *ret_length)
{
    const guint8 *value = base64_values();
    const guint8 *at = (const guint8 *)text, *end = at + length;
    g_autofree guint8 *bytes = g_malloc(length / 4 * 3 + 4);
    guint8 *to = bytes;
    guint32 group = 0;
    guint count = 0, pads = 0;

    while (at < end) {
        /* Whole groups of four first: that is nearly all of a message. */
        while (count == 0 && pads == 0 && end - at >= 4) {
            guint8 a = value[at[0]], b = value[at[1]], c = value[at[2]], d = value[at[3]];
            if ((a | b | c | d) >= 64)
                break;
            guint32 bits = (guint32)a << 18 | (guint32)b << 12 | (guint32)c << 6 | d;
            to[0] = (guint8)(bits >> 16);
            to[1] = (guint8)(bits >> 8);
            to[2] = (guint8)bits;
            to += 3;
            at += 4;
        }
        if (at == end)
            break;
        guint8 v = value[*at++];
        if (v == SPACE)
            continue;
        if (v == BAD)
            return false;
        if (v == PAD) {
            if (count + pads >= 4 || count < 2)
                return false;
            pads++;
        } else {
            if (pads > 0)
                return false;
            group = group << 6 | v;
            count++;
        }
        if (count == 4) {
            *to++ = (guint8)(group >> 16);
            *to++ = (guint8)(group >> 8);
            *to++ = (guint8)group;
            group = count = 0;
        }
    }
    if (count + pads != 0 && count + pads != 4)
        return false;
    if (count == 2) {
        *to++ = (guint8)(group >> 4);
    } else if (count == 3) {
        *to++ = (guint8)(group >> 10);
        *to++ = (guint8)(group >> 2);
    }
    *to = 0;
    *ret_length = (gsize)(to - bytes);
    *ret_bytes = g_steal_pointer(&bytes);
    return true;
}

/* --- times ------------------------------------------------------------------------------------ */

bool
exg_sim_time_parse(const char *text, gint64 *ret_seconds)
{
    if (strlen(text) < strlen("2026-11-21T20:04:05") || text[4] != '-' || text[10] != 'T')
        return false;
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, utc);
    if (time == NULL)
        return false;
    *ret_seconds = g_date_time_to_unix(time);
    return true;
}

char *
exg_sim_time_format(gint64 seconds)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);
    return time != NULL ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ")
                        : g_strdup("1601-01-01T00:00:00Z");
}

char *
exg_sim_time_now(void)
{
    gint64 now_us = g_get_real_time();
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(now_us / G_USEC_PER_SEC);
    g_autofree char *seconds = g_date_time_format(time, "%Y-%m-%dT%H:%M:%S");
    return g_strdup_printf("%s.%03dZ", seconds, (int)(now_us % G_USEC_PER_SEC / 1000));
}

/* --- mail headers ----------------------------------------------------------------------------- */

gsize
exg_sim_mime_header_length(const char *message, gsize length)
{
    gsize at = 0;
    while (at < length) {
        const char *newline = memchr(message + at, '\n', length - at);
        if (newline == NULL)
            return length;
        gsize line = (gsize)(newline - message) - at;
        gsize next = (gsize)(newline - message) + 1;
        if (line == 0 || (line == 1 && message[at] == '\r'))
            return next;
        at = next;
    }
    return length;
}

char *
exg_sim_mime_field(const char *message, gsize length, const char *name)
{
    gsize end = exg_sim_mime_header_length(message, length);
    gsize name_length = strlen(name);
    g_autoptr(GString) value = NULL;

    for (gsize at = 0; at < end;) {
        const char *newline = memchr(message + at, '\n', end - at);
        gsize next = newline != NULL ? (gsize)(newline - message) + 1 : end;
        gsize stop = newline != NULL ? next - 1 : end;
        if (stop > at && message[stop - 1] == '\r')
            stop--;
        bool folded = message[at] == ' ' || message[at] == '\t';
        if (value != NULL && !folded)
            break;
        if (value != NULL) {
            g_string_append_len(value, message + at, (gssize)(stop - at));
        } else if (!folded && stop - at > name_length && message[at + name_length] == ':' &&
                   g_ascii_strncasecmp(message + at, name, name_length) == 0) {
            gsize from = at + name_length + 1;
            value = g_string_new_len(message + from, (gssize)(stop - from));
        }
        at = next;
    }
    return value != NULL ? g_strstrip(g_string_free(g_steal_pointer(&value), FALSE)) : NULL;
}

void
exg_sim_mime_addresses(const char *value, GPtrArray *addresses)
{
    g_auto(GStrv) words = g_strsplit_set(value, ", \t<>;:\"()", -1);
    for (guint i = 0; words[i] != NULL; i++) {
        const char *at = strchr(words[i], '@');
        if (at != NULL && at != words[i] && at[1] != '\0')
            g_ptr_array_add(addresses, g_ascii_strdown(words[i], -1));
    }
}

static int
digits(const char *text)
{
    guint64 value;
    return exg_sim_number(text, 9999, &value) ? (int)value : -1;
}

gint64
exg_sim_mime_date(const char *value)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const char *comma = strchr(value, ',');
    g_auto(GStrv) words = g_strsplit_set(comma != NULL ? comma + 1 : value, " \t:", -1);
    const char *found[7] = {0};
    guint count = 0;
    for (guint i = 0; words[i] != NULL && count < 7; i++)
        if (words[i][0] != '\0')
            found[count++] = words[i];
    if (count < 7)
        return -1;
    for (int month = 0; month < 12; month++) {
        if (g_ascii_strncasecmp(found[1], months[month], 3) != 0)
            continue;
        g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(found[6]);
        if (zone == NULL)
            zone = g_time_zone_new_utc();
        g_autoptr(GDateTime)
            time = g_date_time_new(zone, digits(found[2]), month + 1, digits(found[0]),
                                   digits(found[3]), digits(found[4]), digits(found[5]));
        return time != NULL ? g_date_time_to_unix(time) : -1;
    }
    return -1;
}

/* --- words ------------------------------------------------------------------------------------ */

char *
exg_sim_word(const char *value)
{
    if (value == NULL || value[0] == '\0')
        return g_strdup("-");
    GString *word = g_string_new(NULL);
    for (const guint8 *at = (const guint8 *)value; *at != '\0'; at++) {
        if (*at <= ' ' || *at == '"' || *at == '%' || *at == 0x7f)
            g_string_append_printf(word, "%%%02X", *at);
        else
            g_string_append_c(word, (char)*at);
    }
    return g_string_free(word, FALSE);
}

char *
exg_sim_word_decode(const char *word)
{
    char *value = g_uri_unescape_string(word, NULL);
    return value != NULL ? value : g_strdup(word);
}

const char *
exg_sim_after(const char *text, const char *prefix)
{
    return g_str_has_prefix(text, prefix) ? text + strlen(prefix) : NULL;
}

bool
exg_sim_number(const char *text, guint64 max, guint64 *ret_value)
{
    return g_ascii_string_to_unsigned(text, 10, 0, max, ret_value, NULL);
}
