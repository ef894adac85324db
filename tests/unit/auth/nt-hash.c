#include "common/auth/nt-hash-private.h"

#include "common/base/error.h"

/* Computed with openssl's md4, of the text in UTF-16. */
static void
test_hashes(void)
{
    static const struct {
        const char *password, *hash;
    } rows[] = {
        {"", "31d6cfe0d16ae931b73c59d7e0c089c0"},
        {"password", "8846f7eaee8fb117ad06bdd830b7586c"},
        {"p\xc3\xa4ssw\xc3\xb6rd \xe2\x98\x83", "a4e64e46714e7865ab5e914dd1ca40f6"},
        {"\xf0\x9f\x94\x91", "5f7b3ff474e4237afd6a078f3c4d8632"},
        {"xxxxxxxxxxxxxxxxxxxxxxxxxxx", "0ae2ac07ba42fb76e0d9e5852d00e83f"},
        {"xxxxxxxxxxxxxxxxxxxxxxxxxxxx", "e4e10a22597efd64ad85ec18c948cbf2"},
        {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "59c7fe1adebc59dcb0f513cbed87eb92"},
        {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "59c1f6430d9d1aea6d9212f4cb6ea3ea"},
        {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "ce4e33c64e8fa0084ef3974a8c8ece59"},
        {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
         "889359447c0a6a784f8736e76326ce51"},
        {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
         "b1b3356e5e05046ffe6d3f87ae2f8c12"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(ExgSecret) password = exg_secret_new(rows[i].password, -1);
        g_autoptr(GError) error = NULL;
        g_autoptr(ExgSecret) hash = exg_nt_hash(password, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(exg_secret_bytes(hash), ==, rows[i].hash);
    }
}

static void
test_no_utf8(void)
{
    g_autoptr(ExgSecret) password = exg_secret_new("p\xe4ss", -1);
    g_autoptr(GError) error = NULL;
    g_assert_null(exg_nt_hash(password, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/auth/nt-hash/hashes", test_hashes);
    g_test_add_func("/auth/nt-hash/no-utf8", test_no_utf8);
    return g_test_run();
}
