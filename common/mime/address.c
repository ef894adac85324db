#include "common/mime/address.h"

#include "common/base/error.h"

#include <arpa/inet.h>
#include <string.h>

#define LOCAL_MAX_BYTES   256
#define DOMAIN_MAX_BYTES  255
#define LABEL_MAX_BYTES   63
#define PATH_MAX_BYTES    512
#define LITERAL_MAX_BYTES 64

typedef struct {
    const char *at, *end;
    bool allow_utf8;
} Cursor;

static bool
refuse(GError **error, const char *phrase)
{
    return exg_error_set(error, EXG_ERROR_REJECTED, "%s", phrase);
}

static inline bool
next_is(const Cursor *cursor, char wanted)
{
    return cursor->at < cursor->end && *cursor->at == wanted;
}

static bool
skip(Cursor *cursor, char wanted)
{
    if (!next_is(cursor, wanted))
        return false;
    cursor->at++;
    return true;
}

/* Length of the non-ASCII character at the cursor; 0 with an error if it may not be there. */
static gsize
utf8_length(const Cursor *cursor, GError **error)
{
    if (!cursor->allow_utf8) {
        GError *refused = exg_error_new(EXG_ERROR_REJECTED, "Address needs SMTPUTF8");
        exg_error_set_reply(refused, 553, "5.6.7");
        g_propagate_error(error, refused);
        return 0;
    }
    gunichar c = g_utf8_get_char_validated(cursor->at, cursor->end - cursor->at);
    if (c == (gunichar)-1 || c == (gunichar)-2) {
        refuse(error, "Address is not valid UTF-8");
        return 0;
    }
    if (g_unichar_iscntrl(c)) {
        refuse(error, "Address has a control character");
        return 0;
    }
    return (gsize)(g_utf8_next_char(cursor->at) - cursor->at);
}

static bool
is_atom_char(char c)
{
    return g_ascii_isalnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool
take_quoted(Cursor *cursor, GString *local, GError **error)
{
    cursor->at++;
    for (;;) {
        if (cursor->at == cursor->end)
            return refuse(error, "Address has an unfinished quoted string");
        if (skip(cursor, '"'))
            return true;
        bool escaped = skip(cursor, '\\');
        if (cursor->at == cursor->end)
            return refuse(error, "Address has an unfinished quoted string");
        gsize length = 1;
        if (!g_ascii_isprint(*cursor->at)) {
            if ((guchar)*cursor->at < 0x80 || escaped)
                return refuse(error, "Address has a control character");
            if ((length = utf8_length(cursor, error)) == 0)
                return false;
        }
        g_string_append_len(local, cursor->at, (gssize)length);
        cursor->at += length;
    }
}

/* Dots are taken anywhere: some carriers gave out "a..b" and "a." to their customers. */
static bool
take_dot_string(Cursor *cursor, GString *local, GError **error)
{
    while (cursor->at < cursor->end) {
        gsize length = 1;
        if ((guchar)*cursor->at >= 0x80) {
            if ((length = utf8_length(cursor, error)) == 0)
                return false;
        } else if (!is_atom_char(*cursor->at) && *cursor->at != '.') {
            break;
        }
        g_string_append_len(local, cursor->at, (gssize)length);
        cursor->at += length;
    }
    return local->len > 0 || refuse(error, "Address has no local part");
}

static void
append_local(GString *address, const GString *local)
{
    bool plain = local->len > 0;
    for (gsize i = 0; i < local->len && plain; i++)
        plain = is_atom_char(local->str[i]) || local->str[i] == '.' ||
                (guchar)local->str[i] >= 0x80;
    if (plain) {
        g_string_append_len(address, local->str, (gssize)local->len);
        return;
    }
    g_string_append_c(address, '"');
    for (gsize i = 0; i < local->len; i++) {
        if (local->str[i] == '"' || local->str[i] == '\\')
            g_string_append_c(address, '\\');
        g_string_append_c(address, local->str[i]);
    }
    g_string_append_c(address, '"');
}

static bool
take_local(Cursor *cursor, GString *address, GError **error)
{
    const char *start = cursor->at;
    g_autoptr(GString) local = g_string_new(NULL);
    if (next_is(cursor, '"') ? !take_quoted(cursor, local, error)
                             : !take_dot_string(cursor, local, error))
        return false;
    if (cursor->at - start > LOCAL_MAX_BYTES)
        return refuse(error, "Local part of the address is too long");
    append_local(address, local);
    return true;
}

static bool
take_literal(Cursor *cursor, GError **error)
{
    const char *start = cursor->at + 1;
    const char *close = memchr(start, ']', (gsize)(cursor->end - start));
    if (close == NULL || close - start >= LITERAL_MAX_BYTES ||
        memchr(start, '\0', (gsize)(close - start)) != NULL)
        return refuse(error, "Address literal is not valid");
    char text[LITERAL_MAX_BYTES];
    memcpy(text, start, (gsize)(close - start));
    text[close - start] = '\0';
    guint8 binary[sizeof(struct in6_addr)];
    bool is_v6 = g_ascii_strncasecmp(text, "IPv6:", 5) == 0;
    if (inet_pton(is_v6 ? AF_INET6 : AF_INET, is_v6 ? text + 5 : text, binary) != 1)
        return refuse(error, "Address literal is not valid");
    cursor->at = close + 1;
    return true;
}

static bool
take_label(Cursor *cursor, GError **error)
{
    const char *start = cursor->at;
    while (cursor->at < cursor->end) {
        gsize length = 1;
        if ((guchar)*cursor->at >= 0x80) {
            if ((length = utf8_length(cursor, error)) == 0)
                return false;
        } else if (!g_ascii_isalnum(*cursor->at) && *cursor->at != '-' && *cursor->at != '_') {
            break;
        }
        cursor->at += length;
    }
    if (cursor->at == start || *start == '-' || cursor->at[-1] == '-')
        return refuse(error, "Domain of the address is not valid");
    if (cursor->at - start > LABEL_MAX_BYTES)
        return refuse(error, "Domain of the address is too long");
    return true;
}

/* A dot at the end is taken. */
static bool
take_domain(Cursor *cursor, GError **error)
{
    const char *start = cursor->at;
    if (next_is(cursor, '['))
        return take_literal(cursor, error);
    do {
        if (!take_label(cursor, error))
            return false;
    } while (skip(cursor, '.') && cursor->at < cursor->end && strchr("> :,", *cursor->at) == NULL);
    return cursor->at - start <= DOMAIN_MAX_BYTES ||
           refuse(error, "Domain of the address is too long");
}

static bool
skip_route(Cursor *cursor, GError **error)
{
    do {
        if (!skip(cursor, '@'))
            return refuse(error, "Source route is not valid");
        if (!take_domain(cursor, error))
            return false;
    } while (skip(cursor, ','));
    return skip(cursor, ':') || refuse(error, "Source route is not valid");
}

static bool
take_mailbox(Cursor *cursor, GString *address, GError **error)
{
    if (next_is(cursor, '@') && !skip_route(cursor, error))
        return false;
    if (!take_local(cursor, address, error))
        return false;
    if (!skip(cursor, '@'))
        return true;
    const char *domain = cursor->at;
    if (!take_domain(cursor, error))
        return false;
    g_string_append_c(address, '@');
    g_string_append_len(address, domain, cursor->at - domain);
    return true;
}

static bool
take_end(Cursor *cursor, bool bracketed, GError **error)
{
    if (bracketed && cursor->at == cursor->end)
        return refuse(error, "Address has no closing bracket");
    if (bracketed && !skip(cursor, '>'))
        return refuse(error, "Address has a character that is not allowed there");
    if (cursor->at < cursor->end && *cursor->at != ' ')
        return refuse(error, bracketed ? "Address is followed by something else"
                                       : "Address has a character that is not allowed there");
    return true;
}

bool
exg_address_parse_path(const char *text, gsize length, bool allow_utf8, char **ret_address,
                       gsize *ret_used, GError **error)
{
    Cursor cursor = {.at = text, .end = text + length, .allow_utf8 = allow_utf8};
    g_autoptr(GString) address = g_string_new(NULL);
    bool bracketed = skip(&cursor, '<');
    bool is_null = bracketed && next_is(&cursor, '>');
    if (!is_null && !take_mailbox(&cursor, address, error))
        return false;
    if (!take_end(&cursor, bracketed, error))
        return false;
    if (cursor.at - text > PATH_MAX_BYTES)
        return refuse(error, "Address is too long");
    *ret_used = (gsize)(cursor.at - text);
    *ret_address = g_strndup(address->str, address->len);
    return true;
}

char *
exg_address_fold(const char *address)
{
    char *folded;
    if (exg_address_is_utf8(address) && g_utf8_validate(address, -1, NULL)) {
        /* Not g_utf8_strdown(), which asks the locale: the delivery key is made of this. */
        GString *lower = g_string_sized_new(strlen(address));
        for (const char *at = address; *at != '\0'; at = g_utf8_next_char(at))
            g_string_append_unichar(lower, g_unichar_tolower(g_utf8_get_char(at)));
        folded = g_string_free(lower, FALSE);
    } else {
        folded = g_ascii_strdown(address, -1);
    }
    if (exg_address_domain(folded) != NULL)
        for (gsize length = strlen(folded); folded[length - 1] == '.'; length--)
            folded[length - 1] = '\0';
    return folded;
}

const char *
exg_address_domain(const char *address)
{
    const char *at = strrchr(address, '@');
    return at != NULL && strchr(at, '"') == NULL ? at + 1 : NULL;
}

bool
exg_address_is_domain(const char *text)
{
    Cursor cursor = {.at = text, .end = text + strlen(text), .allow_utf8 = true};
    return take_domain(&cursor, NULL) && cursor.at == cursor.end;
}

char *
exg_address_complete(const char *address, const char *domain)
{
    if (domain == NULL || exg_address_domain(address) != NULL)
        return g_strdup(address);
    return g_strconcat(address, "@", domain, NULL);
}

bool
exg_address_split_detail(const char *address, const char *delimiters, char **ret_base,
                         char **ret_detail)
{
    const char *domain = exg_address_domain(address);
    gsize length = domain != NULL ? (gsize)(domain - 1 - address) : strlen(address);
    Cursor cursor = {.at = address, .end = address + length, .allow_utf8 = true};
    g_autoptr(GString) local = g_string_new(NULL);
    if (!next_is(&cursor, '"'))
        g_string_append_len(local, address, (gssize)length);
    else if (!take_quoted(&cursor, local, NULL))
        return false;
    gsize base = strcspn(local->str, delimiters);
    if (base == 0 || base + 1 >= local->len)
        return false;

    char *detail = g_strdup(local->str + base + 1);
    g_string_truncate(local, base);
    GString *rest = g_string_new(NULL);
    append_local(rest, local);
    g_string_append(rest, address + length);
    *ret_base = g_string_free(rest, FALSE);
    *ret_detail = detail;
    return true;
}

bool
exg_address_is_utf8(const char *address)
{
    for (; *address != '\0'; address++)
        if ((guchar)*address >= 0x80)
            return true;
    return false;
}
