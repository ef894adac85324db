#include "common/autodiscover/json.h"

#include "common/autodiscover/answer-private.h"
#include "common/base/error.h"

#include <json-glib/json-glib.h>

#define MAX_DEPTH 8

char *
exg_autodiscover_json_url(const char *host, const char *address, guint redirects)
{
    g_autofree char *name = g_uri_escape_string(address, "@", FALSE);
    g_autofree char *count = redirects > 0 ? g_strdup_printf("&RedirectCount=%u", redirects)
                                           : g_strdup("");
    return g_strdup_printf("https://%s/autodiscover/autodiscover.json/v1.0/%s?Protocol=EWS%s", host,
                           name, count);
}

/* --- what is given to json-glib ----------------------------------------------------------------- */

/* The 16 bits of an escape "\\uXXXX" at `at`; G_MAXUINT: it is none. */
static guint
escape_at(const char *at, const char *end)
{
    guint bits = 0;
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return G_MAXUINT;
    for (int i = 2; i < 6; i++) {
        if (!g_ascii_isxdigit(at[i]))
            return G_MAXUINT;
        bits = bits << 4 | (guint)g_ascii_xdigit_value(at[i]);
    }
    return bits;
}

/* How long the escape at `at` is; 0: it is wrong, or half a surrogate pair. Of these json-glib makes what
 * is no text, or leaks memory. */
static gsize
escape_length(const char *at, const char *end)
{
    enum { HIGH = 0xd800 >> 10, LOW = 0xdc00 >> 10 };
    if (end - at < 2)
        return 0;
    if (at[1] != 'u')
        return 2;
    guint bits = escape_at(at, end);
    if (bits == G_MAXUINT || bits >> 10 == LOW)
        return 0;
    if (bits >> 10 != HIGH)
        return 6;
    return escape_at(at + 6, end) >> 10 == LOW ? 12 : 0;
}

/* Past a string, whose first quote is before `at`; NULL: it does not end, or json-glib must not see it. */
static const char *
skip_string(const char *at, const char *end)
{
    while (at < end && *at != '"') {
        gsize length = *at == '\\' ? escape_length(at, end) : 1;
        if (length == 0)
            return NULL;
        at += length;
    }
    return at < end ? at + 1 : NULL;
}

/* One object, and nothing around it: json-glib takes several, and leaks all but the last. It also calls
 * itself for each bracket. */
static bool
is_one_object(const char *json, gsize length)
{
    const char *end = json + length;
    guint depth = 0;
    for (const char *at = json; at != NULL && at < end;) {
        char c = *at++;
        if (depth == 0 && c != '{' && !g_ascii_isspace(c))
            return false;
        if (c == '{' || c == '[') {
            if (++depth > MAX_DEPTH)
                return false;
        } else if (c == '}' || c == ']') {
            if (--depth > 0)
                continue;
            while (at < end && g_ascii_isspace(*at))
                at++;
            return at == end;
        } else if (c == '"') {
            at = skip_string(at, end);
        }
    }
    return false;
}

/* --- answers ------------------------------------------------------------------------------------ */

static const char *
text_of(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    if (node == NULL || !JSON_NODE_HOLDS_VALUE(node) ||
        json_node_get_value_type(node) != G_TYPE_STRING)
        return NULL;
    return json_node_get_string(node);
}

ExgAutodiscoverAnswer *
exg_autodiscover_json_read(const char *json, gsize length, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    bool parsed = length > 0 && length <= EXG_AUTODISCOVER_MAX_ANSWER_BYTES &&
                  is_one_object(json, length) && g_utf8_validate_len(json, length, NULL) &&
                  json_parser_load_from_data(parser, json, (gssize)length, NULL);
    JsonNode *root = parsed ? json_parser_get_root(parser) : NULL;
    JsonObject *object = root != NULL && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root)
                                                                      : NULL;
    const char *url = object != NULL ? text_of(object, "Url") : NULL;
    const char *code = object != NULL ? text_of(object, "ErrorCode") : NULL;
    if (url == NULL && code == NULL) {
        exg_error_set(error, EXG_ERROR_PROTOCOL,
                      "The answer is not autodiscover's: JSON with a Url is expected");
        return NULL;
    }
    if (code != NULL) {
        bool no_user = g_str_equal(code, "UserNotFound");
        ExgAutodiscoverAnswer *answer = exg_autodiscover_answer_new(
            no_user ? EXG_AUTODISCOVER_NO_USER : EXG_AUTODISCOVER_NOT_HERE);
        exg_autodiscover_answer_explain(answer, code, text_of(object, "ErrorMessage"));
        return answer;
    }
    ExgAutodiscoverAnswer *answer = exg_autodiscover_answer_new(EXG_AUTODISCOVER_SETTINGS);
    exg_autodiscover_answer_put(answer, "ExternalEwsUrl", url);
    return answer;
}
