#include "common/auth/challenge-private.h"

#include <string.h>

#define TOKEN "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* One element of the comma-separated list, without what surrounds it; a comma inside quotes does not end it. */
static const char *
next_element(const char *at, const char **ret_begin, gsize *ret_length)
{
    at += strspn(at, ", \t");
    *ret_begin = at;
    bool quoted = false;
    for (; *at != '\0' && (quoted || *at != ','); at++) {
        if (quoted && *at == '\\' && at[1] != '\0')
            at++;
        else if (*at == '"')
            quoted = !quoted;
    }
    const char *end = at;
    while (end > *ret_begin && strchr(" \t", end[-1]) != NULL)
        end--;
    *ret_length = (gsize)(end - *ret_begin);
    return *ret_length > 0 ? at : NULL;
}

/* Whether an element begins a challenge, rather than being one more parameter of the last; the length of the scheme. */
static gsize
scheme_length(const char *element, gsize length)
{
    gsize name = MIN(strspn(element, TOKEN), length);
    gsize space = MIN(strspn(element + name, " \t"), length - name);
    if (name == 0 || (space == 0 && name < length))
        return 0;
    /* "realm = x" is a parameter, "Negotiate =" would be neither */
    return name + space < length && element[name + space] == '=' ? 0 : name;
}

typedef bool (*ChallengeFunc)(const char *scheme, const char *rest, gpointer data);

/* Calls the function for each challenge of a line until it answers true. */
static bool
walk(const char *line, ChallengeFunc function, gpointer data)
{
    g_autofree char *scheme = NULL;
    g_autoptr(GString) rest = g_string_new(NULL);
    const char *begin;
    gsize length;
    while ((line = next_element(line, &begin, &length)) != NULL) {
        gsize name = scheme_length(begin, length);
        if (name > 0) {
            if (scheme != NULL && function(scheme, rest->str, data))
                return true;
            g_free(scheme);
            scheme = g_strndup(begin, name);
            gsize space = strspn(begin + name, " \t");
            g_string_truncate(rest, 0);
            if (name < length)
                g_string_append_len(rest, begin + name + space, (gssize)(length - name - space));
        } else if (scheme != NULL) {
            g_string_append_printf(rest, "%s%.*s", rest->len > 0 ? ", " : "", (int)length, begin);
        }
    }
    return scheme != NULL && function(scheme, rest->str, data);
}

typedef struct {
    const char *scheme;
    guint n;
    char *rest;
} Search;

static bool
match(const char *scheme, const char *rest, gpointer data)
{
    Search *search = data;
    if (g_ascii_strcasecmp(scheme, search->scheme) != 0 || search->n-- > 0)
        return false;
    search->rest = g_strdup(rest);
    return true;
}

bool
exg_auth_challenge_find(const char *const *challenges, const char *scheme, guint n, char **ret_rest)
{
    Search search = {scheme, n, NULL};
    bool found = false;
    if (challenges == NULL || n >= EXG_AUTH_MAX_CHALLENGES)
        return false;
    for (guint i = 0; !found && challenges[i] != NULL; i++)
        found = walk(challenges[i], match, &search);
    if (found && ret_rest != NULL)
        *ret_rest = search.rest;
    else
        g_free(search.rest);
    return found;
}

GBytes *
exg_auth_challenge_token(const char *const *challenges, const char *scheme)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    g_autofree char *rest = NULL;
    if (!exg_auth_challenge_find(challenges, scheme, 0, &rest) || rest[0] == '\0' ||
        rest[strspn(rest, alphabet)] != '\0')
        return NULL;
    gsize length;
    guchar *token = g_base64_decode(rest, &length);
    return g_bytes_new_take(token, length);
}

/* The text between quotes, or up to the end. */
static char *
unquote(const char *value, gsize length)
{
    if (length < 2 || value[0] != '"' || value[length - 1] != '"')
        return g_strndup(value, length);
    GString *text = g_string_sized_new(length);
    for (gsize i = 1; i + 1 < length; i++) {
        if (value[i] == '\\' && i + 2 < length)
            i++;
        g_string_append_c(text, value[i]);
    }
    return g_string_free(text, FALSE);
}

char *
exg_auth_challenge_parameter(const char *rest, const char *name)
{
    const char *begin;
    gsize length;
    while ((rest = next_element(rest, &begin, &length)) != NULL) {
        gsize key = MIN(strspn(begin, TOKEN), length);
        gsize at = key + strspn(begin + key, " \t");
        if (key != strlen(name) || g_ascii_strncasecmp(begin, name, key) != 0 || at >= length ||
            begin[at] != '=')
            continue;
        at++;
        at += strspn(begin + at, " \t");
        return unquote(begin + at, at < length ? length - at : 0);
    }
    return NULL;
}

static bool
add_name(const char *scheme, const char *rest, gpointer data)
{
    GString *names = data;
    g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", scheme);
    return false;
}

char *
exg_auth_challenge_names(const char *const *challenges)
{
    GString *names = g_string_new(NULL);
    for (guint i = 0; challenges != NULL && challenges[i] != NULL; i++)
        (void)walk(challenges[i], add_name, names);
    if (names->len == 0)
        g_string_append(names, "nothing");
    return g_string_free(names, FALSE);
}
