#include "lmtp/reply.h"

#include "common/base/disposition.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
exg_lmtp_reply_set(ExgLmtpReply *reply, int code, const char *enhanced, const char *format, ...)
{
    reply->code = code;
    g_strlcpy(reply->enhanced, enhanced, sizeof reply->enhanced);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reply->text, sizeof reply->text, format, arguments);
    va_end(arguments);
}

void
exg_lmtp_reply_clean(const ExgLmtpReply *answer, ExgLmtpReply *ret_reply)
{
    int code = answer->code;
    if (code >= 200 && code < 300)
        code = 250;
    else if (code < 400 || code > 599 || code == 421)
        code = 451;
    char generic[8];
    g_snprintf(generic, sizeof generic, "%d.0.0", code / 100);
    bool valid = memchr(answer->enhanced, '\0', sizeof answer->enhanced) != NULL &&
                 exg_enhanced_fits(answer->enhanced, code);
    exg_lmtp_reply_set(ret_reply, code, valid ? answer->enhanced : generic, "%.*s",
                       EXG_LMTP_REPLY_TEXT_MAX_BYTES, answer->text);
}

/* Bytes of the character at `text` that may be written as they are; 0: none. */
static gsize
printable_bytes(const char *text, bool utf8)
{
    if (g_ascii_isprint(*text))
        return 1;
    gunichar c = utf8 ? g_utf8_get_char_validated(text, -1) : (gunichar)-1;
    if (c == (gunichar)-1 || c == (gunichar)-2 || c < 0x80 || g_unichar_iscntrl(c))
        return 0;
    return (gsize)(g_utf8_next_char(text) - text);
}

gsize
exg_lmtp_reply_format(const ExgLmtpReply *reply, bool utf8,
                      char line[static EXG_LMTP_REPLY_MAX_BYTES])
{
    const gsize room = EXG_LMTP_REPLY_MAX_BYTES - 1 - strlen("\r\n");
    gsize length = (gsize)g_snprintf(line, room, "%03d%s%s ", reply->code,
                                     reply->enhanced[0] != '\0' ? " " : "", reply->enhanced);
    for (const char *at = reply->text; *at != '\0';) {
        gsize bytes = printable_bytes(at, utf8), taken = MAX(bytes, 1);
        if (length + taken > room)
            break;
        memcpy(line + length, bytes > 0 ? at : "?", taken);
        length += taken;
        at += taken;
    }
    memcpy(line + length, "\r\n", 2);
    return length + 2;
}
