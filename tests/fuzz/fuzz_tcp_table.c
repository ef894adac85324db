/* A stream of requests to a tcp: table: cuts change nothing, and a key encoded again is the same
 * key; an answer is one line that Postfix can read. */
#include "milter/tcp-table.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static guint8 *
copy_of(const guint8 *data, gsize length)
{
    guint8 *copy = g_malloc(MAX(length, 1));
    memcpy(copy, data, length);
    return copy;
}

static void
check_cuts(const guint8 *data, gsize length)
{
    g_autoptr(GString) key = g_string_new(NULL);
    for (gsize cut = 0; cut < length; cut += 1 + cut / 16) {
        g_autofree guint8 *copy = copy_of(data, cut);
        bool valid;
        gsize used;
        ExgMapProgress progress = exg_tcp_table_parse(copy, cut, key, &valid, &used);
        g_assert_true(progress == EXG_MAP_MORE ||
                      (progress == EXG_MAP_BROKEN && cut >= EXG_TCP_TABLE_MAX_BYTES));
    }
}

static void
check_reply(const GString *reply)
{
    g_assert_cmpuint(reply->len, >, 5);
    for (gsize i = 0; i < reply->len - 1; i++)
        g_assert_true(g_ascii_isprint(reply->str[i]));
    g_assert_true(reply->str[reply->len - 1] == '\n');
}

/* What the answer says, encoded as it is, as a key. */
static void
check_written(const GString *key)
{
    g_autoptr(GString) reply = g_string_new(NULL);
    exg_tcp_table_answer(reply, EXG_MAP_FOUND, key->str);
    check_reply(reply);
    if (key->len == 0)
        return;
    g_autofree char *line = g_strdup_printf("get %s", reply->str + strlen("200 "));
    if (strlen(line) > EXG_TCP_TABLE_MAX_BYTES)
        return;
    g_autoptr(GString) again = g_string_new(NULL);
    bool valid = false;
    gsize used = 0;
    g_assert_cmpint(exg_tcp_table_parse((guint8 *)line, strlen(line), again, &valid, &used), ==,
                    EXG_MAP_REQUEST);
    g_assert_true(valid);
    g_assert_cmpstr(again->str, ==, key->str);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(GString) key = g_string_new(NULL);
    for (gsize at = 0;;) {
        g_autofree guint8 *rest = copy_of(data + at, size - at);
        bool valid = false;
        gsize used = 0;
        ExgMapProgress progress = exg_tcp_table_parse(rest, size - at, key, &valid, &used);
        if (progress != EXG_MAP_REQUEST)
            return 0;
        g_assert_cmpuint(used, <=, size - at);
        g_assert_true(rest[used - 1] == '\n');
        check_cuts(rest, used);
        if (valid) {
            g_assert_cmpuint(strlen(key->str), ==, key->len);
            check_written(key);
        }
        at += used;
    }
}
