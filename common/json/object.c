#include "common/json/object.h"

#include "common/base/secret.h"

#include <json-glib/json-glib.h>
#include <string.h>

struct ExgJsonObject {
    JsonNode *root; /* holds an object */
};

/* --- what is given to json-glib ----------------------------------------------------------------- */

/* The 16 bits of an escape "\\uXXXX" at `at`, or 0. */
static guint
escape_at(const char *at, const char *end)
{
    guint bits = 0;
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return 0;
    for (int i = 2; i < 6; i++) {
        if (!g_ascii_isxdigit(at[i]))
            return 0;
        bits = bits << 4 | (guint)g_ascii_xdigit_value(at[i]);
    }
    return bits;
}

/* Past a string, whose first quote is before `at`; NULL: it does not end, or has half a surrogate pair,
 * of which json-glib makes what is no text, or leaks it. */
static const char *
skip_string(const char *at, const char *end)
{
    for (; at < end && *at != '"'; at++) {
        guint half = escape_at(at, end) >> 10;
        if (half == 0xdc00 >> 10 ||
            (half == 0xd800 >> 10 && escape_at(at + 6, end) >> 10 != 0xdc00 >> 10))
            return NULL;
        if (half == 0xd800 >> 10)
            at += 11;
        else if (*at == '\\')
            at++;
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
            if (++depth > EXG_JSON_MAX_DEPTH)
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

ExgJsonObject *
exg_json_object_read(const char *json, gsize length, gsize max_bytes)
{
    /* Texts of JSON hold UTF-8, and a NUL ends what the parser sees. */
    if (length == 0 || length > max_bytes || !is_one_object(json, length) ||
        !g_utf8_validate_len(json, length, NULL))
        return NULL;
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    if (!json_parser_load_from_data(parser, json, (gssize)length, NULL))
        return NULL;
    JsonNode *root = json_parser_get_root(parser);
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root))
        return NULL;
    ExgJsonObject *object = g_new(ExgJsonObject, 1);
    object->root = json_node_ref(root);
    return object;
}

/* --- what it has read ------------------------------------------------------------------------- */

/* Wipes every text below a node. */
static void
wipe(JsonNode *node)
{
    if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING) {
        char *text = (char *)json_node_get_string(node);
        exg_secret_wipe(text, strlen(text));
    } else if (JSON_NODE_HOLDS_OBJECT(node)) {
        g_autoptr(GList) members = json_object_get_values(json_node_get_object(node));
        for (GList *at = members; at != NULL; at = at->next)
            wipe(at->data);
    } else if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *array = json_node_get_array(node);
        for (guint i = 0; i < json_array_get_length(array); i++)
            wipe(json_array_get_element(array, i));
    }
}

void
exg_json_object_free(ExgJsonObject *object)
{
    if (object == NULL)
        return;
    wipe(object->root);
    json_node_unref(object->root);
    g_free(object);
}

/* The value of that name, or NULL. */
static JsonNode *
value_of(const ExgJsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(json_node_get_object(object->root), name);
    return node != NULL && JSON_NODE_HOLDS_VALUE(node) ? node : NULL;
}

const char *
exg_json_object_text(const ExgJsonObject *object, const char *name)
{
    JsonNode *value = value_of(object, name);
    return value != NULL && json_node_get_value_type(value) == G_TYPE_STRING
               ? json_node_get_string(value)
               : NULL;
}

gint64
exg_json_object_number(const ExgJsonObject *object, const char *name, gint64 max, gint64 fallback)
{
    JsonNode *value = value_of(object, name);
    if (value == NULL)
        return fallback;
    GType type = json_node_get_value_type(value);
    if (type == G_TYPE_STRING) {
        gint64 number;
        bool good = g_ascii_string_to_signed(json_node_get_string(value), 10, 0, max, &number,
                                             NULL);
        return good ? number : fallback;
    }
    if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE)
        return fallback;
    double number = json_node_get_double(value);
    return number >= 0 && number <= (double)max ? (gint64)number : fallback;
}
