#include "common/ews/tag-scanner-private.h"

#include "common/base/error.h"

#include <string.h>

void
exg_ews_tag_scanner_init(ExgEwsTagScanner *scanner)
{
    *scanner = (ExgEwsTagScanner){.markup = g_string_new(NULL), .complete = true};
}

void
exg_ews_tag_scanner_clear(ExgEwsTagScanner *scanner)
{
    if (scanner->markup != NULL)
        g_string_free(scanner->markup, TRUE);
    *scanner = (ExgEwsTagScanner){0};
}

static bool
ends_with(const GString *text, const char *end)
{
    gsize length = strlen(end);
    return text->len >= length && memcmp(text->str + text->len - length, end, length) == 0;
}

static bool
begins_with(const GString *text, const char *begin)
{
    return strncmp(text->str, begin, strlen(begin)) == 0;
}

/* Whether the ">" that was just added ends the markup. */
static bool
is_end(const ExgEwsTagScanner *scanner)
{
    static const char *const kinds[][2] = {{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}};
    const GString *markup = scanner->markup;
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (begins_with(markup, kinds[i][0]))
            return ends_with(markup, kinds[i][1]) &&
                   markup->len >= strlen(kinds[i][0]) + strlen(kinds[i][1]);
    return scanner->quote == 0;
}

static bool
is_tag(const GString *markup)
{
    return markup->str[1] != '!' && markup->str[1] != '?';
}

static ExgEwsToken
token_of(const GString *markup)
{
    if (!is_tag(markup) || ends_with(markup, "/>"))
        return EXG_EWS_TOKEN_OTHER;
    return markup->str[1] == '/' ? EXG_EWS_TOKEN_END : EXG_EWS_TOKEN_START;
}

static void
note_quote(ExgEwsTagScanner *scanner, char c)
{
    if (scanner->markup->len < 3 || !is_tag(scanner->markup))
        return;
    if (scanner->quote == c)
        scanner->quote = 0;
    else if (scanner->quote == 0 && (c == '"' || c == '\''))
        scanner->quote = c;
}

gsize
exg_ews_tag_scanner_run(ExgEwsTagScanner *scanner, const char *data, gsize length,
                        ExgEwsToken *ret_token, GError **error)
{
    if (scanner->complete && data[0] != '<') {
        const char *tag = memchr(data, '<', length);
        *ret_token = EXG_EWS_TOKEN_TEXT;
        return tag != NULL ? (gsize)(tag - data) : length;
    }
    if (scanner->complete) {
        g_string_truncate(scanner->markup, 0);
        scanner->quote = 0;
        scanner->complete = false;
    }
    for (gsize i = 0; i < length; i++) {
        g_string_append_c(scanner->markup, data[i]);
        note_quote(scanner, data[i]);
        if (data[i] == '>' && is_end(scanner)) {
            scanner->complete = true;
            *ret_token = token_of(scanner->markup);
            return i + 1;
        }
        if (scanner->markup->len >= EXG_EWS_MAX_MARKUP_BYTES) {
            exg_error_set(error, EXG_ERROR_PROTOCOL, "The answer has a tag of more than %d bytes",
                          EXG_EWS_MAX_MARKUP_BYTES);
            return 0;
        }
    }
    *ret_token = EXG_EWS_TOKEN_PART;
    return length;
}

bool
exg_ews_tag_scanner_is(const ExgEwsTagScanner *scanner, const char *name)
{
    const char *begin = scanner->markup->str + 1;
    if (*begin == '/')
        begin++;
    gsize length = strcspn(begin, " \t\r\n/>");
    const char *colon = memchr(begin, ':', length);
    if (colon != NULL) {
        length -= (gsize)(colon + 1 - begin);
        begin = colon + 1;
    }
    return length == strlen(name) && memcmp(begin, name, length) == 0;
}

const GString *
exg_ews_tag_scanner_markup(const ExgEwsTagScanner *scanner)
{
    return scanner->markup;
}
