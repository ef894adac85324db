/* Paths of MAIL and RCPT: what is taken is clean, and taken again it stays as it is. */
#include "common/base/error.h"
#include "common/mime/address.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
check_refusal(const GError *error)
{
    g_assert_error(error, EXG_ERROR, EXG_ERROR_REJECTED);
    for (const char *c = error->message; *c != '\0'; c++)
        g_assert_true(g_ascii_isprint(*c));
}

static void
check_address(const char *address, bool utf8)
{
    g_assert_cmpuint(strlen(address), <=, 512);
    g_assert_true(g_utf8_validate(address, -1, NULL));
    g_assert_true(utf8 || !exg_address_is_utf8(address));
    for (const char *at = address; *at != '\0'; at = g_utf8_next_char(at))
        g_assert_false(g_unichar_iscntrl(g_utf8_get_char(at)));

    g_autofree char *path = g_strdup_printf("<%s>", address);
    g_autofree char *again = NULL;
    gsize used;
    g_assert_true(exg_address_parse_path(path, strlen(path), utf8, &again, &used, NULL));
    g_assert_cmpuint(used, ==, strlen(path));
    g_assert_cmpstr(again, ==, address);
    /* Whatever needs UTF-8 says so. */
    g_autofree char *ascii = NULL;
    g_assert_true(exg_address_parse_path(path, strlen(path), false, &ascii, &used, NULL) ==
                  !exg_address_is_utf8(address));

    g_autofree char *folded = exg_address_fold(address);
    g_autofree char *twice = exg_address_fold(folded);
    g_assert_cmpstr(twice, ==, folded);
    const char *domain = exg_address_domain(address);
    g_assert_true(domain == NULL || strchr(domain, '@') == NULL);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    if (size == 0)
        return 0;
    bool utf8 = data[0] & 1;
    const char *text = (const char *)data + 1;
    gsize used = 0;
    g_autofree char *address = NULL;
    g_autoptr(GError) error = NULL;
    if (!exg_address_parse_path(text, size - 1, utf8, &address, &used, &error)) {
        check_refusal(error);
        g_assert_null(address);
        g_assert_cmpuint(used, ==, 0);
    } else {
        g_assert_no_error(error);
        g_assert_cmpuint(used, >, 0);
        g_assert_cmpuint(used, <=, size - 1);
        g_assert_true(used == size - 1 || text[used] == ' ');
        check_address(address, utf8);
    }
    /* Folding takes whatever comes. */
    g_autofree char *any = g_strndup(text, size - 1);
    g_autofree char *folded = exg_address_fold(any);
    g_autofree char *twice = exg_address_fold(folded);
    g_assert_cmpstr(twice, ==, folded);
    return 0;
}
