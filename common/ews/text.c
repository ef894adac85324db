#include "common/ews/text-private.h"

#include <stdbool.h>
#include <string.h>

char *
exg_ews_clean_text(const char *text, gsize max)
{
    GString *clean = g_string_new(NULL);
    bool blank = false; /* one is due before the next word */
    for (const char *at = text != NULL ? text : ""; *at != '\0';) {
        gunichar c = g_utf8_get_char_validated(at, -1);
        if (c == (gunichar)-1 || c == (gunichar)-2) {
            c = 0xfffd;
            at++;
        } else {
            at = g_utf8_next_char(at);
        }
        /* Format characters are invisible, and some turn the direction of what follows. */
        GUnicodeType type = g_unichar_type(c);
        if (g_unichar_isspace(c) || type == G_UNICODE_CONTROL || type == G_UNICODE_FORMAT ||
            type == G_UNICODE_LINE_SEPARATOR || type == G_UNICODE_PARAGRAPH_SEPARATOR) {
            blank = clean->len > 0;
            continue;
        }
        char bytes[6];
        int length = g_unichar_to_utf8(c, bytes);
        if (clean->len + blank + (gsize)length > max)
            break;
        if (blank)
            g_string_append_c(clean, ' ');
        blank = false;
        g_string_append_len(clean, bytes, length);
    }
    while (clean->len > 0 && clean->str[clean->len - 1] == '.')
        g_string_truncate(clean, clean->len - 1);
    return g_string_free(clean, FALSE);
}
