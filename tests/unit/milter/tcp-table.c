/* The lines of tcp: tables: every request at every cut, and what is none. */
#include "milter/tcp-table.h"

#include <string.h>

static ExgMapProgress
parse(const char *bytes, gsize length, GString *key, bool *ret_valid, gsize *ret_used)
{
    g_autofree guint8 *copy = g_malloc(MAX(length, 1));
    memcpy(copy, bytes, length);
    return exg_tcp_table_parse(copy, length, key, ret_valid, ret_used);
}

static const struct {
    const char *line, *key; /* NULL: cannot be answered */
} lines[] = {
    {"get ann@example.com\n", "ann@example.com"},
    {"get %41nn%20b%25@example.com\n", "Ann b%@example.com"},
    {"get j%C3%b6rg@example.com\n", "j\xc3\xb6rg@example.com"},
    {"get \n", ""},
    {"get a b\n", "a b"},
    {"put ann@example.com x\n", NULL},
    {"GET x\n", NULL},
    {"get\n", NULL},
    {"\n", NULL},
    {"get %\n", NULL},
    {"get %4\n", NULL},
    {"get %4x\n", NULL},
    {"get a%00b\n", NULL},
    {"22:access ann@example.com,\n", NULL},
};

static void
test_every_cut(void)
{
    g_autoptr(GString) key = g_string_new(NULL);
    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *bytes = g_strconcat(lines[i].line, "get other\n", NULL);
        gsize whole = strlen(lines[i].line);
        g_test_message("%s", bytes);
        for (gsize length = 0; length <= strlen(bytes); length++) {
            bool valid = false;
            gsize used = 0;
            ExgMapProgress progress = parse(bytes, length, key, &valid, &used);
            if (length < whole) {
                g_assert_cmpint(progress, ==, EXG_MAP_MORE);
                continue;
            }
            g_assert_cmpint(progress, ==, EXG_MAP_REQUEST);
            g_assert_cmpuint(used, ==, whole);
            g_assert_true(valid == (lines[i].key != NULL));
            if (valid)
                g_assert_cmpstr(key->str, ==, lines[i].key);
        }
    }
}

static void
test_zero_byte(void)
{
    g_autoptr(GString) key = g_string_new(NULL);
    bool valid = true;
    gsize used;
    g_assert_cmpint(parse("get a\0b\n", 8, key, &valid, &used), ==, EXG_MAP_REQUEST);
    g_assert_false(valid);
    g_assert_cmpuint(used, ==, 8);
}

static void
test_longest(void)
{
    g_autoptr(GString) key = g_string_new(NULL);
    g_autoptr(GString) line = g_string_new("get ");
    while (line->len < EXG_TCP_TABLE_MAX_BYTES - 1)
        g_string_append_c(line, 'k');
    bool valid = false;
    gsize used;
    g_assert_cmpint(parse(line->str, line->len, key, &valid, &used), ==, EXG_MAP_MORE);
    g_string_append_c(line, '\n');
    g_assert_cmpint(parse(line->str, line->len, key, &valid, &used), ==, EXG_MAP_REQUEST);
    g_assert_true(valid);
    g_assert_cmpuint(used, ==, EXG_TCP_TABLE_MAX_BYTES);

    line->str[line->len - 1] = 'k';
    g_assert_cmpint(parse(line->str, line->len, key, &valid, &used), ==, EXG_MAP_BROKEN);
    g_string_append_c(line, '\n');
    g_assert_cmpint(parse(line->str, line->len, key, &valid, &used), ==, EXG_MAP_BROKEN);
}

static void
test_answers(void)
{
    g_autoptr(GString) reply = g_string_new("what was there");
    exg_tcp_table_answer(reply, EXG_MAP_FOUND, "550 5.1.1 No: 100%\xc3\xa4");
    g_assert_cmpstr(reply->str, ==, "200 550%205.1.1%20No:%20100%25%c3%a4\n");
    exg_tcp_table_answer(reply, EXG_MAP_NOT_FOUND, "");
    g_assert_cmpstr(reply->str, ==, "500 -\n");
    exg_tcp_table_answer(reply, EXG_MAP_TEMPORARY, "a\nb");
    g_assert_cmpstr(reply->str, ==, "400 a%0ab\n");
    exg_tcp_table_refuse(reply, "what?");
    g_assert_cmpstr(reply->str, ==, "400 what?\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/milter/tcp-table/every-cut", test_every_cut);
    g_test_add_func("/milter/tcp-table/zero-byte", test_zero_byte);
    g_test_add_func("/milter/tcp-table/longest", test_longest);
    g_test_add_func("/milter/tcp-table/answers", test_answers);
    return g_test_run();
}
