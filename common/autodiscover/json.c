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

/* json-glib's parser recurses for each bracket. */
static bool
is_shallow(const char *json, gsize length)
{
    guint depth = 0;
    for (gsize i = 0; i < length; i++)
        if ((json[i] == '{' || json[i] == '[') && ++depth > MAX_DEPTH)
            return false;
    return true;
}

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
                  is_shallow(json, length) && g_utf8_validate_len(json, length, NULL) &&
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
