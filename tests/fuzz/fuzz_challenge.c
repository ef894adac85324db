/* What a 401 offers: a challenge that is named can be found, and what is in it is in the header. */
#include "common/auth/challenge-private.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void
check_challenge(const char *line, const char *rest)
{
    static const char *const names[] = {"realm", "nonce", "qop", "stale", "algorithm"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *value = exg_auth_challenge_parameter(rest, names[i]);
        g_assert_true(value == NULL || strlen(value) < strlen(line));
    }
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree char *line = g_strndup((const char *)data, size);
    const char *const challenges[] = {line, NULL};
    g_autofree char *offered = exg_auth_challenge_names(challenges);
    g_auto(GStrv) names = g_strsplit(offered, ", ", -1);
    for (guint i = 0; !g_str_equal(offered, "nothing") && names[i] != NULL; i++) {
        g_autofree char *rest = NULL;
        g_assert_true(exg_auth_challenge_find(challenges, names[i], 0, &rest));
        check_challenge(line, rest);
        g_autoptr(GBytes) token = exg_auth_challenge_token(challenges, names[i]);
        g_assert_true(token == NULL || g_bytes_get_size(token) < strlen(line));
    }
    return 0;
}
