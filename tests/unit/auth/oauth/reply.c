#include "common/auth/oauth/reply-private.h"

#include "common/base/clock.h"
#include "common/base/error.h"

#include <string.h>

#define GOOD                                                                                       \
    "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"abc.def\","                 \
    "\"refresh_token\":\"r1\"}"

static ExgOauthReply *
reply_of(int status, const char *json, GError **error)
{
    return exg_oauth_reply_new("login.test", status, json, strlen(json), -1, error);
}

static void
test_token(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgOauthReply) reply = reply_of(200, GOOD, &error);
    g_assert_no_error(error);
    g_autoptr(ExgToken) token = exg_oauth_reply_token(reply, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(exg_secret_bytes(token->access), ==, "abc.def");
    g_assert_cmpstr(exg_secret_bytes(token->refresh), ==, "r1");
    gint64 left = token->expires_us - exg_clock_monotonic_us();
    g_assert_cmpint(left, >, 3580 * G_TIME_SPAN_SECOND);
    g_assert_cmpint(left, <, 3599 * G_TIME_SPAN_SECOND);
    /* Five minutes before its end, give or take the margin. */
    g_assert_cmpint(token->expires_us - token->renew_us, >, 280 * G_TIME_SPAN_SECOND);
    g_assert_true(exg_token_is_good(token));
    g_assert_false(exg_token_is_good(NULL));
}

/* What servers do with numbers, types and absent members. */
static void
test_variants(void)
{
    g_autoptr(ExgSecret) old = exg_secret_new("old", -1);
    static const struct {
        const char *json;
        gint64 lifetime_s;
    } cases[] = {
        {"{\"access_token\":\"a\"}", 3600},
        {"{\"access_token\":\"a\",\"expires_in\":\"120\",\"token_type\":\"bearer\"}", 120},
        {"{\"access_token\":\"a\",\"expires_in\":60.5,\"error_description\":\"\"}", 60},
        {"{\"access_token\":\"a\",\"expires_in\":-5}", 3600},
        {"{\"access_token\":\"a\",\"expires_in\":[1],\"refresh_token\":\"\"}", 3600},
        {"{\"access_token\":\"a\",\"expires_in\":99999999999999999999}", 3600},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(ExgOauthReply) reply = reply_of(200, cases[i].json, &error);
        g_assert_no_error(error);
        g_autoptr(ExgToken) token = exg_oauth_reply_token(reply, old, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(exg_secret_bytes(token->refresh), ==, "old");
        gint64 lifetime_us = token->expires_us - token->issued_us;
        g_assert_cmpint(lifetime_us, <=, cases[i].lifetime_s * G_TIME_SPAN_SECOND);
        g_assert_cmpint(lifetime_us, >=, cases[i].lifetime_s * G_TIME_SPAN_SECOND * 4 / 5);
        g_assert_cmpint(token->renew_us, <=, token->expires_us);
    }
}

static void
test_refusals(void)
{
    static const struct {
        int status;
        const char *json;
        ExgErrorCode code;
        const char *word, *says;
    } cases[] = {
        {401,
         "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid client "
         "secret "
         "provided.\\r\\nTrace ID: 1\"}",
         EXG_ERROR_AUTH, "invalid_client", "AADSTS7000215: Invalid client secret provided.)"},
        {400, "{\"error\":\"invalid_grant\"}", EXG_ERROR_AUTH, "invalid_grant", "exgate login"},
        {400, "{\"error\":\"authorization_pending\"}", EXG_ERROR_BUSY, "authorization_pending",
         "not signed in yet"},
        {400, "{\"error\":\"invalid_scope\"}", EXG_ERROR_CONFIG, "invalid_scope", "scope"},
        {400, "{\"error\":\"new_word\"}", EXG_ERROR_AUTH, "new_word", "refuses"},
        {503, "{\"error\":\"new_word\"}", EXG_ERROR_BUSY, "new_word", "refuses"},
        {503, "<html>down</html>", EXG_ERROR_BUSY, NULL, "HTTP 503"},
        {429, "", EXG_ERROR_BUSY, NULL, "HTTP 429"},
        {404, "<html>no</html>", EXG_ERROR_CONFIG, NULL, "is its address right?"},
        {200, "<html>hello</html>", EXG_ERROR_PROTOCOL, NULL, "not JSON"},
        {200, "[]", EXG_ERROR_PROTOCOL, NULL, "not JSON"},
        {200, "{\"access_token\":\"\\ud800\"}", EXG_ERROR_PROTOCOL, NULL, ""},
        {200, "{\"error\":\"invalid_grant\\u0007\\u001b[2J\"}", EXG_ERROR_AUTH, NULL, "login.test"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(ExgOauthReply) reply = reply_of(cases[i].status, cases[i].json, &error);
        g_autoptr(ExgToken) token = reply != NULL ? exg_oauth_reply_token(reply, NULL, &error)
                                                  : NULL;
        if (i == 11 && token != NULL) /* a lone surrogate becomes what the parser makes of it */
            continue;
        g_assert_null(token);
        g_assert_error(error, EXG_ERROR, (int)cases[i].code);
        g_assert_nonnull(strstr(error->message, cases[i].says));
        if (cases[i].word != NULL)
            g_assert_cmpstr(exg_error_facts(error)->service_code, ==, cases[i].word);
        for (const char *at = error->message; *at != '\0'; at++)
            g_assert_true((guchar)*at >= ' ');
    }
}

/* Answers that try the parser: deep, long, cut anywhere. */
static void
test_hostile(void)
{
    g_autofree char *deep = g_malloc(200000);
    memset(deep, '[', 200000);
    g_autoptr(GError) error = NULL;
    g_assert_null(exg_oauth_reply_new("h", 200, deep, 200000, -1, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
    g_clear_error(&error);
    g_autofree char *space = g_malloc(EXG_OAUTH_MAX_ANSWER_BYTES + 1);
    memset(space, ' ', EXG_OAUTH_MAX_ANSWER_BYTES + 1);
    memcpy(space, GOOD, strlen(GOOD));
    g_assert_null(exg_oauth_reply_new("h", 200, space, EXG_OAUTH_MAX_ANSWER_BYTES + 1, -1, &error));
    g_clear_error(&error);
    for (gsize cut = 0; cut < strlen(GOOD); cut++) {
        g_assert_null(exg_oauth_reply_new("h", 200, GOOD, cut, -1, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
        g_clear_error(&error);
    }
    static const char *const bad_tokens[] = {
        "{\"access_token\":\"a b\"}",
        "{\"access_token\":\"a\\r\\nX: y\"}",
        "{\"access_token\":\"\"}",
        "{\"access_token\":5}",
        "{\"token_type\":\"mac\",\"access_token\":\"a\"}",
        "{}",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(bad_tokens); i++) {
        g_autoptr(ExgOauthReply) reply = reply_of(200, bad_tokens[i], &error);
        g_assert_no_error(error);
        g_assert_null(exg_oauth_reply_token(reply, NULL, &error));
        g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
        g_assert_null(strstr(error->message, "X: y"));
        g_clear_error(&error);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/auth/oauth-reply/token", test_token);
    g_test_add_func("/auth/oauth-reply/variants", test_variants);
    g_test_add_func("/auth/oauth-reply/refusals", test_refusals);
    g_test_add_func("/auth/oauth-reply/hostile", test_hostile);
    return g_test_run();
}
