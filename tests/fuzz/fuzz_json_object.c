/* JSON from a token endpoint or autodiscover: what we take out of it before json-glib sees it is what json-glib would read. */
#include "common/json/object.h"

#include <json-glib/json-glib.h>

#define MAX_BYTES 65536

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
check_member(JsonObject *all, const char *name, JsonNode *node, gpointer data)
{
    const char *text = exg_json_object_text(data, name);
    bool is_text = JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
    g_assert_cmpstr(text, ==, is_text ? json_node_get_string(node) : NULL);
    gint64 number = exg_json_object_number(data, name, 1000, -1);
    g_assert_cmpint(number, >=, -1);
    g_assert_cmpint(number, <=, 1000);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    const char *json = (const char *)data;
    g_autoptr(ExgJsonObject) object = exg_json_object_read(json, size, MAX_BYTES);
    if (object == NULL)
        return 0;
    g_autoptr(JsonParser) parser = json_parser_new();
    g_assert_true(json_parser_load_from_data(parser, json, (gssize)size, NULL));
    json_object_foreach_member(json_node_get_object(json_parser_get_root(parser)), check_member,
                               object);
    return 0;
}
