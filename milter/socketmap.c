#include "milter/socketmap.h"

#include <string.h>

ExgMapProgress
exg_socketmap_parse(const guint8 *data, gsize length, ExgSocketmapQuery *ret_query, gsize *ret_used)
{
    gsize size = 0, at = 0;
    while (at < length && g_ascii_isdigit(data[at])) {
        /* A leading zero stands alone. */
        if (at > 0 && size == 0)
            return EXG_MAP_BROKEN;
        size = size * 10 + (gsize)(data[at++] - '0');
        if (size > EXG_SOCKETMAP_MAX_BYTES)
            return EXG_MAP_BROKEN;
    }
    if (at == length)
        return EXG_MAP_MORE;
    if (at == 0 || data[at++] != ':')
        return EXG_MAP_BROKEN;
    if (length - at <= size)
        return EXG_MAP_MORE;
    const char *content = (const char *)data + at;
    if (content[size] != ',' || memchr(content, '\0', size) != NULL)
        return EXG_MAP_BROKEN;
    const char *space = memchr(content, ' ', size);
    if (space == NULL)
        return EXG_MAP_BROKEN;
    *ret_query = (ExgSocketmapQuery){
        .name = content,
        .name_length = (gsize)(space - content),
        .key = space + 1,
        .key_length = (gsize)(content + size - (space + 1)),
    };
    *ret_used = at + size + 1;
    return EXG_MAP_REQUEST;
}

static void
write_reply(GString *reply, const char *status, const char *text)
{
    g_string_printf(reply, "%zu:%s %s,", strlen(status) + 1 + strlen(text), status, text);
}

void
exg_socketmap_answer(GString *reply, ExgMapStatus status, const char *text)
{
    static const char *const words[] = {
        [EXG_MAP_FOUND] = "OK", [EXG_MAP_NOT_FOUND] = "NOTFOUND", [EXG_MAP_TEMPORARY] = "TEMP"};
    write_reply(reply, words[status], text);
}

void
exg_socketmap_refuse(GString *reply, const char *reason)
{
    write_reply(reply, "PERM", reason);
}
