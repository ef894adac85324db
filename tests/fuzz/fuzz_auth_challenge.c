/* Any bytes as what WWW-Authenticate offers: it comes apart in one way: each challenge that is named can be found, and
 * no other; where quotes do not matter, lines do not either. */
#include "common/auth/challenge-private.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static const char *const schemes[] = {"Basic", "Bearer", "Digest", "Negotiate", "NTLM"};
static const char *const parameters[] = {"realm", "nonce", "qop", "error", "authorization_uri"};

static gsize
length_of(const char *const *lines)
{
    gsize length = 0;
    for (guint i = 0; lines[i] != NULL; i++)
        length += strlen(lines[i]) + 2;
    return length;
}

/* What follows a scheme. */
static void
check_rest(const char *rest, gsize length)
{
    g_assert_cmpuint(strlen(rest), <=, length);
    for (guint i = 0; i < G_N_ELEMENTS(parameters); i++) {
        g_autofree char *value = exg_auth_challenge_parameter(rest, parameters[i]);
        g_assert_true(value == NULL || strlen(value) < strlen(rest));
    }
}

/* The n-th of its name is there, and so is each before it. */
static guint
count(const char *const *lines, const char *scheme, gsize length)
{
    guint n = 0;
    for (char *rest = NULL; exg_auth_challenge_find(lines, scheme, n, &rest); n++) {
        check_rest(rest, length);
        g_free(rest);
    }
    return n;
}

static void
check_names(const char *const *lines, gsize length)
{
    g_autofree char *names = exg_auth_challenge_names(lines);
    g_auto(GStrv) words = g_strsplit(names, ", ", -1);
    for (guint i = 0; i < G_N_ELEMENTS(schemes); i++) {
        guint named = 0;
        for (guint word = 0; words[word] != NULL; word++)
            named += g_ascii_strcasecmp(words[word], schemes[i]) == 0;
        g_assert_cmpuint(count(lines, schemes[i], length), ==, named);
        g_autoptr(GBytes) token = exg_auth_challenge_token(lines, schemes[i]);
        g_assert_true(token == NULL || (named > 0 && g_bytes_get_size(token) <= length));
    }
    g_autofree char *joined = g_strjoinv(", ", (char **)lines);
    if (strchr(joined, '"') != NULL)
        return;
    const char *const one_line[] = {joined, NULL};
    g_autofree char *same = exg_auth_challenge_names(one_line);
    g_assert_cmpstr(same, ==, names);
}

/* Each line is the value of a field. */
int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    check_names((const char *const *)lines, length_of((const char *const *)lines));
    return 0;
}
