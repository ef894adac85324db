#include "common/auth/oauth/reply-private.h"

#include "common/base/error.h"
#include "common/json/object.h"

#include <string.h>

#define MAX_DESCRIPTION    300
#define MAX_WORD           64
#define MAX_TOKEN          16384                           /* http.sys takes no longer header */
#define MAX_NUMBER         G_GINT64_CONSTANT(100000000000) /* seconds: a few thousand years */
#define DEFAULT_LIFETIME_S 3600 /* where expires_in is missing, which RFC 6749 allows */

struct ExgOauthReply {
    char *host;
    ExgJsonObject *object;
};

/* What the words of a refusal mean for us. */
static const struct {
    const char *word;
    ExgErrorCode code;
    const char *meaning;
} refusals[] = {
    {"invalid_client", EXG_ERROR_AUTH,
     "it does not accept the client id with this secret or certificate"},
    {"invalid_grant", EXG_ERROR_AUTH,
     "the refresh token or code is spent, revoked or expired; exgate login gets a new one"},
    {"interaction_required", EXG_ERROR_AUTH,
     "it wants the user to sign in again; exgate login does that"},
    {"login_required", EXG_ERROR_AUTH,
     "it wants the user to sign in again; exgate login does that"},
    {"consent_required", EXG_ERROR_AUTH,
     "an administrator has to consent to the application's permissions"},
    {"unauthorized_client", EXG_ERROR_AUTH,
     "the application may not use this grant, or is not known to this tenant"},
    {"access_denied", EXG_ERROR_AUTH, "the sign-in was refused"},
    {"authorization_declined", EXG_ERROR_AUTH, "the sign-in was refused"},
    {"expired_token", EXG_ERROR_AUTH, "the code was not used in time"},
    {"bad_verification_code", EXG_ERROR_AUTH, "the device code is not the one that it gave"},
    {"authorization_pending", EXG_ERROR_BUSY, "the user has not signed in yet"},
    {"slow_down", EXG_ERROR_BUSY, "it is asked too often"},
    {"temporarily_unavailable", EXG_ERROR_BUSY, "it asks to come back later"},
    {"server_error", EXG_ERROR_BUSY, "a fault of the server"},
    {"invalid_scope", EXG_ERROR_CONFIG, "it does not know the scope"},
    {"invalid_target", EXG_ERROR_CONFIG, "it does not know the resource"},
    {"invalid_resource", EXG_ERROR_CONFIG, "it does not know the resource"},
    {"unsupported_grant_type", EXG_ERROR_CONFIG, "it does not offer this grant"},
    {"invalid_request", EXG_ERROR_CONFIG, "it does not understand the request"},
};

void
exg_oauth_reply_free(ExgOauthReply *reply)
{
    if (reply == NULL)
        return;
    exg_json_object_free(reply->object);
    g_free(reply->host);
    g_free(reply);
}

const char *
exg_oauth_reply_text(const ExgOauthReply *reply, const char *name)
{
    return exg_json_object_text(reply->object, name);
}

gint64
exg_oauth_reply_number(const ExgOauthReply *reply, const char *name, gint64 fallback)
{
    return exg_json_object_number(reply->object, name, MAX_NUMBER, fallback);
}

/* Printable, in one line, and not longer than `limit`. (transfer full) */
static char *
clean(const char *text, gsize limit)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *line = g_string_new(NULL);
    for (const char *at = valid; *at != '\0' && line->len < limit; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (c == '\r' || c == '\n') /* Entra ID appends lines with trace ids */
            break;
        g_string_append_unichar(line, g_unichar_isprint(c) ? c : ' ');
    }
    return g_string_free(line, FALSE);
}

static GError *
refusal_error(const ExgOauthReply *reply, int status, const char *word)
{
    ExgErrorCode code = status / 100 == 5 || status == 429 ? EXG_ERROR_BUSY : EXG_ERROR_AUTH;
    const char *meaning = "it refuses";
    for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++)
        if (g_str_equal(refusals[i].word, word)) {
            code = refusals[i].code;
            meaning = refusals[i].meaning;
        }
    g_autofree char *short_word = clean(word, MAX_WORD);
    const char *description = exg_oauth_reply_text(reply, "error_description");
    g_autofree char *words = clean(description != NULL ? description : "", MAX_DESCRIPTION);
    GError *error = exg_error_new(code, "The token endpoint at %s answered %s: %s%s%s%s",
                                  reply->host, short_word, meaning, words[0] != '\0' ? " (" : "",
                                  words, words[0] != '\0' ? ")" : "");
    exg_error_set_service_code(error, short_word);
    return error;
}

/* An answer without the JSON of the protocol. */
static GError *
status_error(const char *host, int status)
{
    if (status == 429 || status / 100 == 5)
        return exg_error_new(EXG_ERROR_BUSY, "The token endpoint at %s answered HTTP %d", host,
                             status);
    if (status / 100 == 2)
        return exg_error_new(EXG_ERROR_PROTOCOL,
                             "The token endpoint at %s gave an answer that is not JSON", host);
    return exg_error_new(EXG_ERROR_CONFIG,
                         "The token endpoint at %s answered HTTP %d: is its address right?", host,
                         status);
}

static void
set_facts(GError *error, int status, gint64 retry_after_ms)
{
    exg_error_set_http_status(error, status);
    exg_error_set_stage(error, "token");
    exg_error_set_retry_after(error, retry_after_ms);
    if (error->code == EXG_ERROR_BUSY)
        exg_error_set_reply(error, 451, "4.7.0");
}

ExgOauthReply *
exg_oauth_reply_new(const char *host, int status, const char *json, gsize length,
                    gint64 retry_after_ms, GError **error)
{
    g_autoptr(ExgOauthReply) reply = g_new0(ExgOauthReply, 1);
    reply->host = g_strdup(host);
    reply->object = exg_json_object_read(json, length, EXG_OAUTH_MAX_ANSWER_BYTES);
    GError *failure = NULL;
    if (reply->object == NULL) {
        failure = status_error(host, status);
    } else {
        const char *word = exg_oauth_reply_text(reply, "error");
        if (word != NULL)
            failure = refusal_error(reply, status, word);
        else if (status / 100 != 2)
            failure = status_error(host, status);
    }
    if (failure == NULL)
        return g_steal_pointer(&reply);
    set_facts(failure, status, retry_after_ms);
    g_propagate_error(error, failure);
    return NULL;
}

ExgToken *
exg_oauth_reply_token(const ExgOauthReply *reply, ExgSecret *refresh, GError **error)
{
    const char *access = exg_oauth_reply_text(reply, "access_token");
    const char *type = exg_oauth_reply_text(reply, "token_type");
    if (access == NULL || access[0] == '\0' || strlen(access) > MAX_TOKEN ||
        (type != NULL && g_ascii_strcasecmp(type, "Bearer") != 0)) {
        exg_error_set(error, EXG_ERROR_PROTOCOL,
                      "The token endpoint at %s answered without a bearer token", reply->host);
        return NULL;
    }
    for (const char *at = access; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~') {
            exg_error_set(error, EXG_ERROR_PROTOCOL,
                          "The token endpoint at %s gave a token that fits into no header",
                          reply->host);
            return NULL;
        }
    const char *next = exg_oauth_reply_text(reply, "refresh_token");
    if (next != NULL && (next[0] == '\0' || strlen(next) > MAX_TOKEN))
        next = NULL;
    g_autoptr(ExgSecret) secret = exg_secret_new(access, -1);
    g_autoptr(ExgSecret) renewed = next != NULL ? exg_secret_new(next, -1) : NULL;
    return exg_token_new(secret, renewed != NULL ? renewed : refresh,
                         exg_oauth_reply_number(reply, "expires_in", DEFAULT_LIFETIME_S),
                         exg_oauth_reply_number(reply, "refresh_in", 0));
}
