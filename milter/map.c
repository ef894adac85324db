#include "milter/map.h"

#include "common/mime/address.h"

#include <string.h>

bool
exg_map_kind_find(const char *name, gsize length, ExgMapKind *ret_kind)
{
    static const char *const names[EXG_N_MAPS] = {[EXG_MAP_RECIPIENTS] = "recipients",
                                                  [EXG_MAP_ACCESS] = "access",
                                                  [EXG_MAP_SENDMAIL] = "sendmail"};
    for (guint i = 0; i < EXG_N_MAPS; i++) {
        if (length == strlen(names[i]) && memcmp(name, names[i], length) == 0) {
            *ret_kind = (ExgMapKind)i;
            return true;
        }
    }
    return false;
}

bool
exg_map_is_address(const char *key)
{
    const char *at = strrchr(key, '@');
    if (at == NULL || at == key || !exg_address_is_domain(at + 1))
        return false;
    for (const char *c = key; *c != '\0'; c++)
        if (g_ascii_iscntrl(*c))
            return false;
    return g_utf8_validate(key, -1, NULL);
}

/* One line, whatever it is made of. */
static void
append_text(GString *line, const char *text)
{
    gsize length = strnlen(text, EXG_MAP_TEXT_MAX_BYTES);
    /* not in the middle of a character */
    while (length > 0 && ((guchar)text[length] & 0xc0) == 0x80)
        length--;
    for (gsize i = 0; i < length; i++)
        g_string_append_c(line, g_ascii_iscntrl(text[i]) ? '?' : text[i]);
}

void
exg_map_action(const ExgMapAnswer *answer, GString *text)
{
    switch (answer->outcome) {
    case EXG_MAP_NOT_OURS:
    case EXG_MAP_GOOD:
        g_string_assign(text, "DUNNO");
        return;
    case EXG_MAP_UNSURE:
        /* Another restriction may still refuse it for good. */
        g_string_printf(text, "DEFER_IF_PERMIT %s ", answer->enhanced);
        break;
    default:
        g_string_printf(text, "%d %s ", answer->code, answer->enhanced);
    }
    append_text(text, answer->text);
}

static ExgMapStatus
look_up_recipient(const ExgMapAnswer *answer, GString *text)
{
    g_string_truncate(text, 0);
    switch (answer->outcome) {
    case EXG_MAP_NOT_OURS:
    case EXG_MAP_UNKNOWN:
        return EXG_MAP_NOT_FOUND;
    case EXG_MAP_UNSURE:
        append_text(text, answer->text);
        return EXG_MAP_TEMPORARY;
    default:
        g_string_assign(text, "DUNNO");
        return EXG_MAP_FOUND;
    }
}

/* Sendmail takes a text apart into addresses unless it is quoted, and puts the recipient in front of
 * it by itself. */
static void
write_sendmail_error(const ExgMapAnswer *answer, GString *text)
{
    const char *reason = answer->text;
    const char *end = reason[0] == '<' ? strstr(reason, "> ") : NULL;
    if (end != NULL)
        reason = end + 2;
    g_string_printf(text, "ERROR:%s:\"%d ", answer->enhanced, answer->code);
    gsize at = text->len;
    append_text(text, reason);
    for (; at < text->len; at++)
        if (strchr("\"\\$", text->str[at]) != NULL)
            text->str[at] = '\'';
    g_string_append_c(text, '"');
}

ExgMapStatus
exg_map_look_up(ExgMapKind kind, const ExgMapAnswer *answer, GString *text)
{
    if (kind == EXG_MAP_RECIPIENTS)
        return look_up_recipient(answer, text);
    g_string_truncate(text, 0);
    if (answer->outcome == EXG_MAP_NOT_OURS || answer->outcome == EXG_MAP_GOOD)
        return EXG_MAP_NOT_FOUND;
    if (kind == EXG_MAP_ACCESS)
        exg_map_action(answer, text);
    else
        write_sendmail_error(answer, text);
    return EXG_MAP_FOUND;
}
