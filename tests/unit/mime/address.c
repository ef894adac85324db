#include "common/mime/address.h"

#include "common/base/error.h"

#include <string.h>

#define TEN       "0123456789"
#define FIFTY     TEN TEN TEN TEN TEN
#define LABEL_50  FIFTY "."
#define LOCAL_256 FIFTY FIFTY FIFTY FIFTY FIFTY "012345"
#define DOMAIN_254                                                                                 \
    LABEL_50 LABEL_50 LABEL_50 LABEL_50 "01234567890123456789012345678901234567890123456789"

typedef struct {
    const char *text;
    const char *address; /* NULL: refused */
    const char *rest;    /* what is left of the text */
} Row;

static const Row ascii_rows[] = {
    {"<>", "", ""},
    {"<> SIZE=1", "", " SIZE=1"},
    {"<user@example.com>", "user@example.com", ""},
    {"<user@example.com> BODY=8BITMIME", "user@example.com", " BODY=8BITMIME"},
    {"<User@Example.COM>", "User@Example.COM", ""},
    {"<postmaster>", "postmaster", ""},
    {"<a>", "a", ""},
    {"user@example.com", "user@example.com", ""},
    {"user@example.com SIZE=1", "user@example.com", " SIZE=1"},
    {"user", "user", ""},
    {"<user@localhost>", "user@localhost", ""},
    {"<user@example.com.>", "user@example.com.", ""},
    {"user@example.com. X", "user@example.com.", " X"},
    {"<user@my_host.example>", "user@my_host.example", ""},
    {"<user@1.2.3>", "user@1.2.3", ""},
    {"<user@x--y.example>", "user@x--y.example", ""},
    {"<!#$%&'*+-/=?^_`{|}~@example.com>", "!#$%&'*+-/=?^_`{|}~@example.com", ""},
    {"<first.last+tag@example.com>", "first.last+tag@example.com", ""},
    {"<a..b@example.com>", "a..b@example.com", ""},
    {"<.a.@example.com>", ".a.@example.com", ""},
    /* quoted local parts */
    {"<\"user\"@example.com>", "user@example.com", ""},
    {"<\"a.b\"@example.com>", "a.b@example.com", ""},
    {"<\"u\\s\\er\"@example.com>", "user@example.com", ""},
    {"<\"a b\"@example.com>", "\"a b\"@example.com", ""},
    {"<\"a@b\"@example.com>", "\"a@b\"@example.com", ""},
    {"<\"a\\@b\"@example.com>", "\"a@b\"@example.com", ""},
    {"<\"a>b\"@example.com> X", "\"a>b\"@example.com", " X"},
    {"<\"a\\\"b\"@example.com>", "\"a\\\"b\"@example.com", ""},
    {"<\"a\\\\\"@example.com>", "\"a\\\\\"@example.com", ""},
    {"<\"\"@example.com>", "\"\"@example.com", ""},
    {"<\"a@b\">", "\"a@b\"", ""},
    {"\"a b\"@example.com X", "\"a b\"@example.com", " X"},
    /* address literals */
    {"<user@[192.0.2.1]>", "user@[192.0.2.1]", ""},
    {"<user@[IPv6:2001:db8::1]>", "user@[IPv6:2001:db8::1]", ""},
    {"<user@[ipv6:::ffff:192.0.2.1]> X", "user@[ipv6:::ffff:192.0.2.1]", " X"},
    /* source routes */
    {"<@a.example:user@example.com>", "user@example.com", ""},
    {"<@a.example,@b.example:user@example.com>", "user@example.com", ""},
    {"<@[192.0.2.1],@b.example.:\"user\"@example.com>", "user@example.com", ""},
    /* as long as may be */
    {"<" LOCAL_256 "@e>", LOCAL_256 "@e", ""},
    {"<u@" DOMAIN_254 ">", "u@" DOMAIN_254, ""},
    {"<u@" DOMAIN_254 ".>", "u@" DOMAIN_254 ".", ""},
    {"<u@" FIFTY "0123456789012.example>", "u@" FIFTY "0123456789012.example", ""},

    {"", NULL, NULL},
    {"<", NULL, NULL},
    {">", NULL, NULL},
    {" ", NULL, NULL},
    {" <user@example.com>", NULL, NULL},
    {"<user@example.com", NULL, NULL},
    {"<user@example.com ", NULL, NULL},
    {"<user", NULL, NULL},
    {"user@example.com>", NULL, NULL},
    {"<user@example.com>>", NULL, NULL},
    {"<user@example.com>x", NULL, NULL},
    {"<user@example.com>,<b@example.com>", NULL, NULL},
    {"<user@example.com>\tX", NULL, NULL},
    {"<>x", NULL, NULL},
    {"<<user@example.com>>", NULL, NULL},
    {"< user@example.com>", NULL, NULL},
    {"<user@example.com >", NULL, NULL},
    {"<user @example.com>", NULL, NULL},
    {"<us er@example.com>", NULL, NULL},
    {"<user@exam ple.com>", NULL, NULL},
    {"<@example.com>", NULL, NULL},
    {"@example.com", NULL, NULL},
    {"<user@>", NULL, NULL},
    {"<user@@example.com>", NULL, NULL},
    {"<a@b@c>", NULL, NULL},
    {"<user@.example.com>", NULL, NULL},
    {"<user@example..com>", NULL, NULL},
    {"<user@example.com..>", NULL, NULL},
    {"<user@.>", NULL, NULL},
    {"<user@-example.com>", NULL, NULL},
    {"<user@example-.com>", NULL, NULL},
    {"<user@exa!mple.com>", NULL, NULL},
    {"<user(comment)@example.com>", NULL, NULL},
    {"<user,other@example.com>", NULL, NULL},
    {"<us\\er@example.com>", NULL, NULL},
    {"<us\"er@example.com>", NULL, NULL},
    {"<\"us\"er@example.com>", NULL, NULL},
    {"<\"user@example.com>", NULL, NULL},
    {"<\"user\\", NULL, NULL},
    {"<\"user\\\"@example.com>", NULL, NULL},
    {"<\"", NULL, NULL},
    {"<user\r\n@example.com>", NULL, NULL},
    {"<user@example.com\r\n>", NULL, NULL},
    {"<user@example.com>\r\n", NULL, NULL},
    {"<\"us\ter\"@example.com>", NULL, NULL},
    {"<\"us\\\ter\"@example.com>", NULL, NULL},
    {"<\"us\x7f"
     "er\"@example.com>",
     NULL, NULL},
    {"<us\x01"
     "er@example.com>",
     NULL, NULL},
    {"<user@[192.0.2.1>", NULL, NULL},
    {"<user@[192.0.2]>", NULL, NULL},
    {"<user@[192.0.2.256]>", NULL, NULL},
    {"<user@[2001:db8::1]>", NULL, NULL},
    {"<user@[IPv6:2001:db8::g]>", NULL, NULL},
    {"<user@[IPv6:fe80::1%eth0]>", NULL, NULL},
    {"<user@[x400:something]>", NULL, NULL},
    {"<user@[]>", NULL, NULL},
    {"<user@[192.0.2.1]x>", NULL, NULL},
    {"<user@[" FIFTY FIFTY "]>", NULL, NULL},
    {"<@a.example>", NULL, NULL},
    {"<@a.example:>", NULL, NULL},
    {"<@a.example,:user@example.com>", NULL, NULL},
    {"<@a.example,b.example:user@example.com>", NULL, NULL},
    {"<@a.example;user@example.com>", NULL, NULL},
    {"<" LOCAL_256 "6@e>", NULL, NULL},
    {"<\"" LOCAL_256 "\"@e>", NULL, NULL}, /* on the wire it is longer */
    {"<u@" DOMAIN_254 "01>", NULL, NULL},
    {"<u@" FIFTY "01234567890123.example>", NULL, NULL},
    {"<" LOCAL_256 "@" DOMAIN_254 ">", NULL, NULL}, /* path */
    /* without SMTPUTF8 */
    {"<\xc3\xbcser@example.com>", NULL, NULL},
    {"<user@\xc3\xbc.example>", NULL, NULL},
    {"<\"\xc3\xbc\"@example.com>", NULL, NULL},
    {"<\xff@example.com>", NULL, NULL},
};

static const Row utf8_rows[] = {
    {"<user@example.com> SMTPUTF8", "user@example.com", " SMTPUTF8"},
    {"<\xc3\xbcser@example.com>", "\xc3\xbcser@example.com", ""},
    {"<user@b\xc3\xbc"
     "cher.example>",
     "user@b\xc3\xbc"
     "cher.example",
     ""},
    {"<\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b\xe5\xad\x90.example>",
     "\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b\xe5\xad\x90.example", ""},
    {"<\"\xc3\xbc\"@example.com>", "\xc3\xbc@example.com", ""},
    {"<\"\xc3\xbc x\"@example.com>", "\"\xc3\xbc x\"@example.com", ""},
    {"\xf0\x9f\x98\x80@example.com X", "\xf0\x9f\x98\x80@example.com", " X"},

    {"<\xc3@example.com>", NULL, NULL},
    {"<\xc3", NULL, NULL},
    {"<\xbc@example.com>", NULL, NULL},
    {"<\xc0\x80@example.com>", NULL, NULL},         /* overlong NUL */
    {"<\xed\xa0\x80@example.com>", NULL, NULL},     /* surrogate */
    {"<\xf4\x90\x80\x80@example.com>", NULL, NULL}, /* past U+10FFFF */
    {"<user@\xff.example>", NULL, NULL},
    {"<\"\xff\"@example.com>", NULL, NULL},
    {"<\"\\\xc3\xbc\"@example.com>", NULL, NULL},
    {"<\xc2\x85@example.com>", NULL, NULL}, /* C1 control */
    {"<user@\xc2\x85>", NULL, NULL},
};

/* Parses a copy of exactly `length` bytes, so that a sanitizer sees any look past it. */
static bool
parse(const char *text, gsize length, bool utf8, char **ret_address, gsize *ret_used,
      GError **error)
{
    g_autofree char *copy = g_memdup2(text, length);
    return exg_address_parse_path(copy, length, utf8, ret_address, ret_used, error);
}

static void
check_refused(const char *text, gsize length, bool utf8)
{
    char *address = (char *)"untouched";
    gsize used = 12345;
    g_autoptr(GError) error = NULL;
    g_assert_false(parse(text, length, utf8, &address, &used, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_REJECTED);
    g_assert_cmpstr(address, ==, "untouched");
    g_assert_cmpuint(used, ==, 12345);
    g_assert_cmpuint(strlen(error->message), <, 80);
    for (const char *c = error->message; *c != '\0'; c++)
        g_assert_true(g_ascii_isprint(*c));
    g_assert_false(parse(text, length, utf8, &address, &used, NULL));
}

static void
check_rows(const Row *rows, gsize count, bool utf8)
{
    for (gsize i = 0; i < count; i++) {
        const Row *row = &rows[i];
        gsize length = strlen(row->text), used;
        g_autofree char *address = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *shown = g_strescape(row->text, NULL);
        g_test_message("%s", shown);
        if (row->address == NULL) {
            check_refused(row->text, length, utf8);
            continue;
        }
        g_assert_true(parse(row->text, length, utf8, &address, &used, &error));
        g_assert_no_error(error);
        g_assert_cmpstr(address, ==, row->address);
        g_assert_cmpstr(row->text + used, ==, row->rest);
        /* What came out goes in again and stays as it is. */
        g_autofree char *again = g_strdup_printf("<%s>", address);
        g_autofree char *twice = NULL;
        g_assert_true(parse(again, strlen(again), utf8, &twice, &used, NULL));
        g_assert_cmpstr(twice, ==, address);
        /* Cut anywhere before its closing bracket it is none. */
        for (gsize cut = 0; row->text[0] == '<' && cut + strlen(row->rest) < length; cut++)
            check_refused(row->text, cut, utf8);
    }
}

static void
test_ascii(void)
{
    check_rows(ascii_rows, G_N_ELEMENTS(ascii_rows), false);
    /* Where UTF-8 may be, ASCII is read the same. */
    check_rows(ascii_rows, G_N_ELEMENTS(ascii_rows) - 4, true);
}

static void
test_utf8(void)
{
    check_rows(utf8_rows, G_N_ELEMENTS(utf8_rows), true);
}

static void
test_utf8_not_allowed(void)
{
    char *address;
    gsize used;
    g_autoptr(GError) error = NULL;
    g_assert_false(parse("<\xc3\xbc@example.com>", 16, false, &address, &used, &error));
    g_assert_cmpint(exg_error_facts(error)->smtp_code, ==, 553);
    g_assert_cmpstr(exg_error_facts(error)->enhanced, ==, "5.6.7");
}

static void
test_nul(void)
{
    check_refused("<us\0er@example.com>", 19, true);
    check_refused("<\"us\0er\"@example.com>", 21, true);
    check_refused("<user@exa\0mple.com>", 19, true);
    check_refused("<user@example.\0>", 16, true);
    check_refused("<user@[192.0.2.1\0]>", 19, true);
    check_refused("<user@example.com>\0", 19, true);
    check_refused("user@example.com\0", 17, true);
}

static void
check_fold(const char *address, const char *expected)
{
    g_autofree char *folded = exg_address_fold(address);
    g_autofree char *twice = exg_address_fold(folded);
    g_assert_cmpstr(folded, ==, expected);
    g_assert_cmpstr(twice, ==, expected);
}

static void
test_fold(void)
{
    check_fold("User@Example.COM", "user@example.com");
    check_fold("User@Example.COM.", "user@example.com");
    check_fold("User", "user");
    check_fold("User.", "user.");
    check_fold("", "");
    check_fold("@", "@");
    check_fold("\"A B\"@Example.com", "\"a b\"@example.com");
    check_fold("\xc3\x9cSER@B\xc3\x9c"
               "CHER.example.",
               "\xc3\xbcser@b\xc3\xbc"
               "cher.example");
    check_fold("A\xff@B", "a\xff@b"); /* no UTF-8: letters only */
}

static void
test_parts(void)
{
    g_assert_cmpstr(exg_address_domain("user@example.com"), ==, "example.com");
    g_assert_cmpstr(exg_address_domain("\"a@b\"@example.com"), ==, "example.com");
    g_assert_cmpstr(exg_address_domain("user@[IPv6:::1]"), ==, "[IPv6:::1]");
    g_assert_null(exg_address_domain("user"));
    g_assert_null(exg_address_domain("\"a@b\""));
    g_assert_null(exg_address_domain(""));
    g_assert_false(exg_address_is_utf8("user@example.com"));
    g_assert_false(exg_address_is_utf8(""));
    g_assert_true(exg_address_is_utf8("user@b\xc3\xbc"
                                      "cher.example"));
}

static void
check_completed(const char *address, const char *domain, const char *expected)
{
    g_autofree char *completed = exg_address_complete(address, domain);
    g_assert_cmpstr(completed, ==, expected);
}

static void
test_complete(void)
{
    check_completed("ann", "example.com", "ann@example.com");
    check_completed("\"a@b\"", "example.com", "\"a@b\"@example.com");
    check_completed("ann@example.net", "example.com", "ann@example.net");
    check_completed("ann", NULL, "ann");
}

static void
test_domain(void)
{
    static const char *const good[] = {"example.com", "example.com.", "localhost", "[192.0.2.1]",
                                       "b\xc3\xbc"
                                       "cher.example"};
    static const char *const bad[] = {
        "", ".", "@example.com", "example.com x", "example..com", "-a.example", "a>", "a\r\nb"};
    for (guint i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_true(exg_address_is_domain(good[i]));
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(exg_address_is_domain(bad[i]));
}

static void
check_split(const char *address, const char *expected_base, const char *expected_detail)
{
    g_autofree char *base = NULL, *detail = NULL;
    bool split = exg_address_split_detail(address, "+-", &base, &detail);
    g_assert_true(split == (expected_base != NULL));
    g_assert_cmpstr(base, ==, expected_base);
    g_assert_cmpstr(detail, ==, expected_detail);
}

static void
test_split_detail(void)
{
    check_split("ann+lists@example.com", "ann@example.com", "lists");
    check_split("Ann+Lists+a-b@Example.com.", "Ann@Example.com.", "Lists+a-b");
    check_split("ann-lists", "ann", "lists");
    check_split("\"ann+my lists\"@example.com", "ann@example.com", "my lists");
    check_split("\"a b+\\\"x@y\\\"\"@example.com", "\"a b\"@example.com", "\"x@y\"");
    check_split("gr\xc3\xbc+n\xc3\xa4@example.com", "gr\xc3\xbc@example.com", "n\xc3\xa4");
    check_split("ann@example.com", NULL, NULL);
    check_split("ann@ex-ample.com", NULL, NULL);
    check_split("ann+@example.com", NULL, NULL);
    check_split("+lists@example.com", NULL, NULL);
    check_split("+@example.com", NULL, NULL);
    check_split("", NULL, NULL);
    check_split("\"+x\"@example.com", NULL, NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mime/address/ascii", test_ascii);
    g_test_add_func("/mime/address/utf8", test_utf8);
    g_test_add_func("/mime/address/utf8-not-allowed", test_utf8_not_allowed);
    g_test_add_func("/mime/address/nul", test_nul);
    g_test_add_func("/mime/address/fold", test_fold);
    g_test_add_func("/mime/address/parts", test_parts);
    g_test_add_func("/mime/address/complete", test_complete);
    g_test_add_func("/mime/address/domain", test_domain);
    g_test_add_func("/mime/address/split-detail", test_split_detail);
    return g_test_run();
}
