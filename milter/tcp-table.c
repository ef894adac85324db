#include "milter/tcp-table.h"

#include <string.h>

/* False if it is not encoded as it should be, or holds a zero byte. */
static bool
decode(const char *text, gsize length, GString *key)
{
    for (gsize i = 0; i < length; i++) {
        char c = text[i];
        if (c == '%') {
            if (length - i < 3 || !g_ascii_isxdigit(text[i + 1]) || !g_ascii_isxdigit(text[i + 2]))
                return false;
            c = (char)(g_ascii_xdigit_value(text[i + 1]) * 16 + g_ascii_xdigit_value(text[i + 2]));
            i += 2;
        }
        if (c == '\0')
            return false;
        g_string_append_c(key, c);
    }
    return true;
}

ExgMapProgress
exg_tcp_table_parse(const guint8 *data, gsize length, GString *key, bool *ret_valid,
                    gsize *ret_used)
{
    static const char verb[] = "get ";
    const char *line = (const char *)data;
    const char *end = memchr(line, '\n', MIN(length, EXG_TCP_TABLE_MAX_BYTES));
    if (end == NULL)
        return length < EXG_TCP_TABLE_MAX_BYTES ? EXG_MAP_MORE : EXG_MAP_BROKEN;
    gsize size = (gsize)(end - line);
    g_string_truncate(key, 0);
    *ret_used = size + 1;
    *ret_valid = size >= strlen(verb) && memcmp(line, verb, strlen(verb)) == 0 &&
                 decode(line + strlen(verb), size - strlen(verb), key);
    return EXG_MAP_REQUEST;
}

static void
write_reply(GString *reply, int code, const char *text)
{
    g_string_printf(reply, "%d ", code);
    for (const char *at = text; *at != '\0'; at++) {
        if (g_ascii_isgraph(*at) && *at != '%')
            g_string_append_c(reply, *at);
        else
            g_string_append_printf(reply, "%%%02x", (guchar)*at);
    }
    g_string_append_c(reply, '\n');
}

void
exg_tcp_table_answer(GString *reply, ExgMapStatus status, const char *text)
{
    static const int codes[] = {
        [EXG_MAP_FOUND] = 200, [EXG_MAP_NOT_FOUND] = 500, [EXG_MAP_TEMPORARY] = 400};
    write_reply(reply, codes[status], text[0] != '\0' ? text : "-");
}

void
exg_tcp_table_refuse(GString *reply, const char *reason)
{
    write_reply(reply, 400, reason);
}
