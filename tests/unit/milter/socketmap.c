/* Netstrings: every request at every cut, and what is none. */
#include "milter/socketmap.h"

#include <string.h>

/* Parses a copy that ends where the bytes end, so that a sanitizer sees every byte too many. The
 * query points into it until the next call. */
static ExgMapProgress
parse(const char *bytes, gsize length, ExgSocketmapQuery *ret_query, gsize *ret_used)
{
    static guint8 *copy;
    g_free(copy);
    copy = g_malloc(MAX(length, 1));
    memcpy(copy, bytes, length);
    return exg_socketmap_parse(copy, length, ret_query, ret_used);
}

static const struct {
    const char *bytes, *name, *key;
} good[] = {
    {"26:recipients ann@example.com,", "recipients", "ann@example.com"},
    {"22:access ann@example.com,", "access", "ann@example.com"},
    {"11:access a b,,", "access", "a b,"},
    {"7:access ,", "access", ""},
    {"1: ,", "", ""},
    {"14:access j\xc3\xb6@x:y,", "access", "j\xc3\xb6@x:y"},
};

static void
test_every_cut(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        /* A second request behind it is left alone. */
        g_autofree char *bytes = g_strconcat(good[i].bytes, "3:a b,", NULL);
        gsize whole = strlen(good[i].bytes);
        g_test_message("%s", bytes);
        for (gsize length = 0; length <= strlen(bytes); length++) {
            ExgSocketmapQuery query;
            gsize used = 12345;
            ExgMapProgress progress = parse(bytes, length, &query, &used);
            if (length < whole) {
                g_assert_cmpint(progress, ==, EXG_MAP_MORE);
                continue;
            }
            g_assert_cmpint(progress, ==, EXG_MAP_REQUEST);
            g_assert_cmpuint(used, ==, whole);
            g_assert_cmpmem(query.name, query.name_length, good[i].name, strlen(good[i].name));
            g_assert_cmpmem(query.key, query.key_length, good[i].key, strlen(good[i].key));
        }
    }
}

static void
test_broken(void)
{
    static const struct {
        const char *bytes;
        gsize length;
    } bad[] = {
#define BYTES(literal) {literal, sizeof literal - 1}
        BYTES(":"),    BYTES("x"),         BYTES("-1:"),      BYTES(" 1: ,"),   BYTES("01: ,"),
        BYTES("1; ,"), BYTES("4097"),      BYTES("99999"),    BYTES("3:a bc"),  BYTES("3:abc,"),
        BYTES("0:,"),  BYTES("3:a\0b,"),   BYTES("4:a b\0,"), BYTES("get a\n"), BYTES("\n"),
        BYTES("\xff"), BYTES("request=x"),
#undef BYTES
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *shown = g_strescape(bad[i].bytes, NULL);
        g_test_message("%s", shown);
        ExgSocketmapQuery query;
        gsize used;
        g_assert_cmpint(parse(bad[i].bytes, bad[i].length, &query, &used), ==, EXG_MAP_BROKEN);
    }
}

static void
test_largest(void)
{
    g_autofree char *key = g_strnfill(EXG_SOCKETMAP_MAX_BYTES - strlen("access "), 'k');
    g_autofree char *request = g_strdup_printf("%d:access %s,", EXG_SOCKETMAP_MAX_BYTES, key);
    ExgSocketmapQuery query;
    gsize used;
    g_assert_cmpint(parse(request, strlen(request), &query, &used), ==, EXG_MAP_REQUEST);
    g_assert_cmpuint(query.key_length, ==, strlen(key));
    g_assert_cmpint(parse(request, strlen(request) - 1, &query, &used), ==, EXG_MAP_MORE);
}

static void
test_answers(void)
{
    g_autoptr(GString) reply = g_string_new("what was there");
    exg_socketmap_answer(reply, EXG_MAP_FOUND, "550 5.1.1 No");
    g_assert_cmpstr(reply->str, ==, "15:OK 550 5.1.1 No,");
    exg_socketmap_answer(reply, EXG_MAP_NOT_FOUND, "");
    g_assert_cmpstr(reply->str, ==, "9:NOTFOUND ,");
    exg_socketmap_answer(reply, EXG_MAP_TEMPORARY, "later");
    g_assert_cmpstr(reply->str, ==, "10:TEMP later,");
    exg_socketmap_refuse(reply, "never");
    g_assert_cmpstr(reply->str, ==, "10:PERM never,");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/milter/socketmap/every-cut", test_every_cut);
    g_test_add_func("/milter/socketmap/broken", test_broken);
    g_test_add_func("/milter/socketmap/largest", test_largest);
    g_test_add_func("/milter/socketmap/answers", test_answers);
    return g_test_run();
}
