#include "common/auth/challenge-private.h"

#include <string.h>

static void
test_find(void)
{
    static const struct {
        const char *line, *scheme, *rest; /* NULL: not there */
    } cases[] = {
        {"Negotiate", "negotiate", ""},
        {"Negotiate, NTLM", "NTLM", ""},
        {"Negotiate, NTLM", "Basic", NULL},
        {"negotiate YII=", "Negotiate", "YII="},
        {"Basic realm=\"ntlm, digest\"", "digest", NULL},
        {"Basic realm=\"a\", Digest realm=\"b, c\", nonce=x", "digest", "realm=\"b, c\", nonce=x"},
        {"Basic realm = \"NTLM\" , NTLM", "NTLM", ""},
        {"Basic realm=\"Negotiate \\\" NTLM\"", "NTLM", NULL},
        {"Bearer client_id=\"x\", trusted_issuers=\"y\",Basic Realm=\"\"", "Basic", "Realm=\"\""},
        {"Basic realm=\"never ends, NTLM", "NTLM", NULL},
        {"", "NTLM", NULL},
        {" , ,", "NTLM", NULL},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *const lines[] = {cases[i].line, NULL};
        g_autofree char *rest = NULL;
        bool found = exg_auth_challenge_find(lines, cases[i].scheme, 0, &rest);
        g_assert_cmpint(found, ==, cases[i].rest != NULL);
        g_assert_cmpstr(rest, ==, cases[i].rest);
    }
    g_assert_false(exg_auth_challenge_find(NULL, "NTLM", 0, NULL));
}

/* A header may hold thousands; looking at one after the other must not take forever. */
static void
test_many(void)
{
    g_autoptr(GString) line = g_string_new("Basic");
    for (guint i = 0; i < 9000; i++)
        g_string_append(line, ", Digest");
    const char *const lines[] = {line->str, NULL};
    guint found = 0;
    while (exg_auth_challenge_find(lines, "Digest", found, NULL))
        found++;
    g_assert_cmpuint(found, ==, EXG_AUTH_MAX_CHALLENGES);
}

static void
test_names(void)
{
    const char *const lines[] = {"Negotiate", "NTLM", "Basic Realm=\"\", Digest nonce=a", NULL};
    g_autofree char *names = exg_auth_challenge_names(lines);
    g_assert_cmpstr(names, ==, "Negotiate, NTLM, Basic, Digest");
    g_autofree char *none = exg_auth_challenge_names(NULL);
    g_assert_cmpstr(none, ==, "nothing");
}

static void
test_token(void)
{
    const char *const good[] = {"Negotiate aGVsbG8=", NULL}, *const bad[] = {"Negotiate a\"b",
                                                                             NULL};
    const char *const bare[] = {"Negotiate", NULL};
    g_autoptr(GBytes) token = exg_auth_challenge_token(good, "Negotiate");
    g_assert_cmpmem(g_bytes_get_data(token, NULL), g_bytes_get_size(token), "hello", 5);
    g_assert_null(exg_auth_challenge_token(bad, "Negotiate"));
    g_assert_null(exg_auth_challenge_token(bare, "Negotiate"));
    g_assert_null(exg_auth_challenge_token(good, "NTLM"));
}

static void
test_parameter(void)
{
    static const char rest[] =
        "realm=\"a \\\"b\\\", c\", nonce = xyz, qop=\"auth,auth-int\", empty=\"\", bare";
    g_autofree char *realm = exg_auth_challenge_parameter(rest, "REALM");
    g_autofree char *nonce = exg_auth_challenge_parameter(rest, "nonce");
    g_autofree char *qop = exg_auth_challenge_parameter(rest, "qop");
    g_autofree char *empty = exg_auth_challenge_parameter(rest, "empty");
    g_assert_cmpstr(realm, ==, "a \"b\", c");
    g_assert_cmpstr(nonce, ==, "xyz");
    g_assert_cmpstr(qop, ==, "auth,auth-int");
    g_assert_cmpstr(empty, ==, "");
    g_assert_null(exg_auth_challenge_parameter(rest, "bare"));
    g_assert_null(exg_auth_challenge_parameter(rest, "stale"));
}

/* Cut at every byte, each part is read without reaching past its end. */
static void
test_cut(void)
{
    static const char line[] = "Negotiate YII=, Digest realm=\"a \\\" b\", nonce = \"x\\\\\", "
                               "qop=\"auth\", Basic realm=\"\"";
    for (gsize length = 0; length <= strlen(line); length++) {
        g_autofree char *cut = g_strndup(line, length);
        const char *const lines[] = {cut, NULL};
        g_autofree char *names = exg_auth_challenge_names(lines);
        g_autofree char *rest = NULL;
        if (exg_auth_challenge_find(lines, "Digest", 0, &rest)) {
            g_autofree char *nonce = exg_auth_challenge_parameter(rest, "nonce");
            g_assert_true(nonce == NULL || strlen(nonce) <= length);
        }
        g_assert_cmpuint(strlen(names), <=, MAX(length, strlen("nothing")));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/auth/challenge/A6.6-find", test_find);
    g_test_add_func("/auth/challenge/many", test_many);
    g_test_add_func("/auth/challenge/names", test_names);
    g_test_add_func("/auth/challenge/token", test_token);
    g_test_add_func("/auth/challenge/parameter", test_parameter);
    g_test_add_func("/auth/challenge/cut", test_cut);
    return g_test_run();
}
