/* What a 401 offers, a field a line: it comes apart in one way. Each challenge that is named can be found, as often as
 * it is named, within the limit; what is in it is in the header; and where quotes do not matter, neither do lines. */
#include "common/auth/challenge-private.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* What follows a scheme in a text of that length. */
static void
check_rest(const char *rest, gsize length)
{
    static const char *const names[] = {"realm", "nonce", "qop", "stale", "algorithm", "error"};
    g_assert_cmpuint(strlen(rest), <=, length);
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *value = exg_auth_challenge_parameter(rest, names[i]);
        g_assert_true(value == NULL || strlen(value) < strlen(rest));
    }
}

static guint
count_named(const GStrv names, const char *scheme)
{
    guint count = 0;
    for (guint i = 0; names[i] != NULL; i++)
        count += g_ascii_strcasecmp(names[i], scheme) == 0;
    return count;
}

static void
check_scheme(const char *const *lines, const char *scheme, guint named, gsize length)
{
    guint found = 0;
    for (char *rest = NULL; exg_auth_challenge_find(lines, scheme, found, &rest); found++) {
        check_rest(rest, length);
        g_free(rest);
    }
    g_assert_cmpuint(found, ==, MIN(named, EXG_AUTH_MAX_CHALLENGES));
    g_autoptr(GBytes) token = exg_auth_challenge_token(lines, scheme);
    g_assert_true(token == NULL || (named > 0 && g_bytes_get_size(token) < length));
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    static const char *const known[] = {"Basic", "Bearer", "Digest", "Negotiate", "NTLM"};
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    const char *const *challenges = (const char *const *)lines;
    /* parameters are put together again with a blank after the comma */
    gsize length = 2 * strlen(text) + 1;
    g_autofree char *offered = exg_auth_challenge_names(challenges);
    g_auto(GStrv) names = g_str_equal(offered, "nothing") ? g_new0(char *, 1)
                                                          : g_strsplit(offered, ", ", -1);
    for (guint i = 0; i < G_N_ELEMENTS(known); i++)
        check_scheme(challenges, known[i], count_named(names, known[i]), length);
    for (guint i = 0; names[i] != NULL; i++)
        check_scheme(challenges, names[i], count_named(names, names[i]), length);
    if (strchr(text, '"') != NULL)
        return 0;
    g_autofree char *joined = g_strjoinv(", ", lines);
    const char *const one_line[] = {joined, NULL};
    g_autofree char *same = exg_auth_challenge_names(one_line);
    g_assert_cmpstr(same, ==, offered);
    return 0;
}
