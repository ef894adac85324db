#include "common/json/object.h"

#include "common/base/secret.h"

#include <json-glib/json-glib.h>
#include <string.h>

struct ExgJsonObject {
    JsonNode *root;    /* holds an object, with blanks for what is in `texts` */
    GHashTable *texts; /* name → text, of the object's own members */
};

/* --- what is given to json-glib ----------------------------------------------------------------- */

/* The 16 bits of an escape "\uXXXX" at `at`; G_MAXUINT: it is none. */
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

static bool
is_blank(const char *at, const char *end)
{
    while (at < end && g_ascii_isspace(*at))
        at++;
    return at == end;
}

/* One object, with nothing around it: json-glib takes several, and leaks all but the last; it takes
 * comments, in which brackets do not count; and it calls itself for each bracket. */
static bool
is_one_object(const char *json, gsize length)
{
    const char *end = json + length;
    guint depth = 0;
    for (const char *at = json; at != NULL && at < end;) {
        char c = *at++;
        if (depth == 0 && c != '{' && !g_ascii_isspace(c))
            return false;
        if (c == '"') {
            at = skip_string(at, end);
        } else if (c == '{' || c == '[') {
            if (++depth > EXG_JSON_MAX_DEPTH)
                return false;
        } else if (c == '}' || c == ']') {
            if (--depth == 0)
                return is_blank(at, end);
        } else if (!g_ascii_isalnum(c) && !g_ascii_isspace(c) &&
                   (c == '\0' || strchr("+-.:,", c) == NULL)) {
            return false;
        }
    }
    return false;
}

/* The texts of the object's own members, name by name, and blanks in their place in `rest`, a copy of it: json-glib would
 * leave copies of them behind. A text with something to decode stays; after a name with that all stay. */
static GHashTable *
take_texts(const char *json, char *rest, gsize length)
{
    GHashTable *texts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                              exg_secret_wipe_and_free);
    g_autofree char *name = NULL;
    const char *end = json + length;
    bool is_value = false;
    guint depth = 0;
    for (const char *at = json; at < end;) {
        char c = *at++;
        if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        else if (c == ':' || c == ',')
            is_value = c == ':';
        if (c != '"')
            continue;
        const char *text = at;
        at = skip_string(at, end);
        gsize size = (gsize)(at - 1 - text);
        bool plain = memchr(text, '\\', size) == NULL;
        if (depth != 1)
            continue;
        if (is_value && plain && name != NULL) {
            g_hash_table_replace(texts, g_strdup(name), g_strndup(text, size));
            memset(rest + (text - json), ' ', size);
        } else if (is_value && name != NULL) {
            g_hash_table_remove(texts, name);
        } else if (plain) {
            g_free(name);
            name = g_strndup(text, size);
        } else {
            g_hash_table_remove_all(texts);
            memcpy(rest, json, length);
            break;
        }
    }
    return texts;
}

ExgJsonObject *
exg_json_object_read(const char *json, gsize length, gsize max_bytes)
{
    /* Texts of JSON hold UTF-8, and a NUL ends what the parser sees. */
    if (length == 0 || length > max_bytes || !is_one_object(json, length) ||
        !g_utf8_validate_len(json, length, NULL))
        return NULL;
    char *rest = g_memdup2(json, length);
    g_autoptr(GHashTable) texts = take_texts(json, rest, length);
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    bool parsed = json_parser_load_from_data(parser, rest, (gssize)length, NULL);
    exg_secret_wipe_and_free(rest);
    if (!parsed)
        return NULL;
    JsonNode *root = json_parser_get_root(parser);
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root))
        return NULL;
    ExgJsonObject *object = g_new(ExgJsonObject, 1);
    object->root = json_node_ref(root);
    object->texts = g_steal_pointer(&texts);
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
    g_hash_table_unref(object->texts);
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
    if (value == NULL || json_node_get_value_type(value) != G_TYPE_STRING)
        return NULL;
    const char *text = g_hash_table_lookup(object->texts, name);
    return text != NULL ? text : json_node_get_string(value);
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
        bool good = g_ascii_string_to_signed(exg_json_object_text(object, name), 10, 0, max,
                                             &number, NULL);
        return good ? number : fallback;
    }
    if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE)
        return fallback;
    double number = json_node_get_double(value);
    return number >= 0 && number <= (double)max ? (gint64)number : fallback;
}
