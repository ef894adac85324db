#include "common/ews/text-private.h"

#include <string.h>

static void
assert_clean(const char *text, gsize max, const char *expected)
{
    g_autofree char *clean = exg_ews_clean_text(text, max);
    g_assert_cmpstr(clean, ==, expected);
    g_assert_cmpuint(strlen(clean), <=, max);
    g_assert_true(g_utf8_validate(clean, -1, NULL));
}

static void
test_clean(void)
{
    assert_clean(NULL, 10, "");
    assert_clean("", 10, "");
    assert_clean("The mailbox is over quota.", 100, "The mailbox is over quota");
    assert_clean("  a \r\n\t b  ", 100, "a b");
    assert_clean("a\r\n250 2.0.0 forged", 100, "a 250 2.0.0 forged");
    assert_clean("a\x01"
                 "b\x7f"
                 "c\xc2\x85"
                 "d\xe2\x80\xa8"
                 "e",
                 100, "a b c d e");
    assert_clean("a\xe2\x80\xae"
                 "b",
                 100, "a b");
    assert_clean("a\xff"
                 "b\xc3",
                 100,
                 "a\xef\xbf\xbd"
                 "b\xef\xbf\xbd");
    assert_clean("...", 10, "");
}

static void
test_cut(void)
{
    assert_clean("abcdef", 4, "abcd");
    assert_clean("ab cdef", 3, "ab");
    assert_clean("ab\xc3\xbc", 3, "ab");
    assert_clean("ab\xc3\xbc", 4, "ab\xc3\xbc");
    assert_clean("abc", 0, "");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/text/clean", test_clean);
    g_test_add_func("/ews/text/cut", test_cut);
    return g_test_run();
}
