/* A stream of socketmap requests: cuts change nothing, a request written again is the same request,
 * and an answer is a netstring again. */
#include "milter/socketmap.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* Of an exact size, so that a sanitizer sees any look past it. (transfer full) */
static guint8 *
copy_of(const guint8 *data, gsize length)
{
    guint8 *copy = g_malloc(MAX(length, 1));
    memcpy(copy, data, length);
    return copy;
}

/* However little of a request has come, it is not taken for another. */
static void
check_cuts(const guint8 *data, gsize length, ExgMapProgress whole)
{
    for (gsize cut = 0; cut < length; cut += 1 + cut / 16) {
        g_autofree guint8 *copy = copy_of(data, cut);
        ExgSocketmapQuery query;
        gsize used;
        ExgMapProgress progress = exg_socketmap_parse(copy, cut, &query, &used);
        g_assert_true(progress == EXG_MAP_MORE ||
                      (progress == EXG_MAP_BROKEN && whole == EXG_MAP_BROKEN));
    }
}

static void
check_written(const ExgSocketmapQuery *query)
{
    g_autoptr(GString) content = g_string_new_len(query->name, (gssize)query->name_length);
    g_string_append_c(content, ' ');
    g_string_append_len(content, query->key, (gssize)query->key_length);
    g_assert_cmpuint(content->len, <=, EXG_SOCKETMAP_MAX_BYTES);
    g_autofree char *written = g_strdup_printf("%zu:%s,", content->len, content->str);
    ExgSocketmapQuery again;
    gsize used = 0;
    g_assert_cmpint(exg_socketmap_parse((guint8 *)written, strlen(written), &again, &used), ==,
                    EXG_MAP_REQUEST);
    g_assert_cmpuint(used, ==, strlen(written));
    g_assert_cmpmem(again.name, again.name_length, query->name, query->name_length);
    g_assert_cmpmem(again.key, again.key_length, query->key, query->key_length);

    /* Its key as the value of an answer. */
    g_autofree char *key = g_strndup(query->key, query->key_length);
    g_autoptr(GString) reply = g_string_new(NULL);
    exg_socketmap_answer(reply, EXG_MAP_FOUND, key);
    g_autofree char *expected = g_strdup_printf("%zu:OK %s,", strlen(key) + 3, key);
    g_assert_cmpstr(reply->str, ==, expected);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    gsize at = 0;
    for (;;) {
        g_autofree guint8 *rest = copy_of(data + at, size - at);
        ExgSocketmapQuery query;
        gsize used = 0;
        ExgMapProgress progress = exg_socketmap_parse(rest, size - at, &query, &used);
        check_cuts(rest, progress == EXG_MAP_REQUEST ? used : size - at, progress);
        if (progress != EXG_MAP_REQUEST)
            return 0;
        g_assert_cmpuint(used, >, 0);
        g_assert_cmpuint(used, <=, size - at);
        check_written(&query);
        at += used;
    }
}
