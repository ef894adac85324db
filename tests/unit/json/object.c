#include "common/json/object.h"

#include <string.h>

#define MAX_BYTES 100000

static ExgJsonObject *
read_text(const char *json)
{
    return exg_json_object_read(json, strlen(json), MAX_BYTES);
}

static void
test_values(void)
{
    g_autoptr(ExgJsonObject)
        object = read_text("{\"a\":\"x\\u00e9\",\"pair\":\"\\\\ud800\\ud83d\\ude00\",\"n\":7,\"t\":"
                           "\"8\",\"f\":2.9,\"no\":null,"
                           "\"deep\":{\"a\":\"y\"},\"list\":[\"z\"],\"e\":\"\"}");
    g_assert_nonnull(object);
    g_assert_cmpstr(exg_json_object_text(object, "a"), ==, "xé");
    g_assert_cmpstr(exg_json_object_text(object, "e"), ==, "");
    g_assert_cmpstr(exg_json_object_text(object, "pair"), ==, "\\ud800😀");
    const char *const no_texts[] = {"n", "no", "deep", "list", "missing"};
    for (gsize i = 0; i < G_N_ELEMENTS(no_texts); i++)
        g_assert_null(exg_json_object_text(object, no_texts[i]));
    g_assert_cmpint(exg_json_object_number(object, "n", 7, -1), ==, 7);
    g_assert_cmpint(exg_json_object_number(object, "n", 6, -1), ==, -1);
    g_assert_cmpint(exg_json_object_number(object, "t", 10, -1), ==, 8);
    g_assert_cmpint(exg_json_object_number(object, "t", 7, -1), ==, -1);
    g_assert_cmpint(exg_json_object_number(object, "f", 10, -1), ==, 2);
    const char *const no_numbers[] = {"a", "e", "no", "deep", "list", "missing"};
    for (gsize i = 0; i < G_N_ELEMENTS(no_numbers); i++)
        g_assert_cmpint(exg_json_object_number(object, no_numbers[i], 10, -1), ==, -1);
}

/* The last of several with one name counts, with and without something to decode. */
static void
test_repeated_names(void)
{
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"{\"a\":\"one\",\"a\":\"two\"}", "two"},
        {"{\"a\":\"one\",\"a\":\"\\u0074wo\"}", "two"},
        {"{\"a\":\"\\u006fne\",\"a\":\"two\"}", "two"},
        {"{\"a\":\"one\",\"a\":2}", NULL},
        {"{\"a\":{\"a\":\"one\"},\"b\":\"a\",\"a\":\"two\"}", "two"},
        {"{\"a\":\"two\",\"b\":[\"a\",\"x\"],\"c\":{\"a\":\"three\"}}", "two"},
        {"{\"a\" : \"t\\\\wo\"}", "t\\wo"},
        {"{\"a\":\"a:b,c{\"}", "a:b,c{"},
        {"{\"\\u0061\":\"two\"}", "two"},
        {"{\"a\":\"one\",\"\\u0061\":\"two\"}", "two"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(ExgJsonObject) object = read_text(rows[i].json);
        g_assert_nonnull(object);
        g_assert_cmpstr(exg_json_object_text(object, "a"), ==, rows[i].text);
    }
}

static void
test_numbers_out_of_range(void)
{
    g_autoptr(ExgJsonObject) object = read_text("{\"below\":-1,\"above\":1e300,\"text\":\"-1\","
                                                "\"long\":\"99999999999999999999\"}");
    const char *const names[] = {"below", "above", "text", "long"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_cmpint(exg_json_object_number(object, names[i], G_MAXINT32, 5), ==, 5);
}

static void
test_no_object(void)
{
    const char *const texts[] = {
        "", " ", "[]", "\"text\"", "5", "null", "{", "{\"a\"}", "<html>", "{\"a\":\"\xff\"}",
        /* several, more than JSON, wrong escapes and halves of surrogate pairs: json-glib leaks */
        "{} {}", "{},{}", "{}]", "{]}", "var a = {\"a\":1}", "{/* } */}",
        "{ /*\"*/} {\"x\":1} /*\"*/}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\udc00x\"}",
        "{\"a\":\"\\ud800\\u0041\"}", "{\"a\":\"\\ud83d\\ud83d\"}", "{\"a\":\"\\ud8\"}",
        "{\"a\":\"\\"};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        g_assert_null(read_text(texts[i]));
    /* What follows a NUL would not be seen. */
    g_assert_null(exg_json_object_read("{}\0{", 4, MAX_BYTES));
}

/* Objects in objects, `depth` brackets deep. */
static char *
nested(guint depth)
{
    GString *json = g_string_new(NULL);
    for (guint i = 1; i < depth; i++)
        g_string_append(json, "{\"a\":");
    g_string_append(json, "{}");
    for (guint i = 1; i < depth; i++)
        g_string_append_c(json, '}');
    return g_string_free(json, FALSE);
}

static void
test_limits(void)
{
    g_autofree char *deep = nested(EXG_JSON_MAX_DEPTH);
    g_autoptr(ExgJsonObject) good = read_text(deep);
    g_assert_nonnull(good);
    g_autofree char *deeper = nested(EXG_JSON_MAX_DEPTH + 1);
    g_assert_null(read_text(deeper));
    /* Brackets in a text are none. */
    g_autofree char *brackets = g_strnfill(1000, '[');
    g_autofree char *harmless = g_strdup_printf("{\"a\":\"\\\"%s\"}", brackets);
    g_autoptr(ExgJsonObject) object = read_text(harmless);
    g_assert_nonnull(object);
    g_assert_cmpuint(strlen(exg_json_object_text(object, "a")), ==, 1001);
    g_assert_null(exg_json_object_read(harmless, strlen(harmless), strlen(harmless) - 1));
}

static void
test_cut_anywhere(void)
{
    const char *json = "{\"a\":\"x\\n\\u00e9é\",\"b\":[1,{\"c\":true}],\"n\":-1.5e3}";
    for (gsize length = 0; length < strlen(json); length++) {
        g_autofree char *cut = g_memdup2(json,
                                         MAX(length, 1)); /* so that reading past it is seen */
        g_assert_null(exg_json_object_read(cut, length, 1000));
    }
    g_autoptr(ExgJsonObject) object = read_text(json);
    g_assert_nonnull(object);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/object/values", test_values);
    g_test_add_func("/json/object/repeated-names", test_repeated_names);
    g_test_add_func("/json/object/numbers-out-of-range", test_numbers_out_of_range);
    g_test_add_func("/json/object/no-object", test_no_object);
    g_test_add_func("/json/object/limits", test_limits);
    g_test_add_func("/json/object/cut-anywhere", test_cut_anywhere);
    return g_test_run();
}
