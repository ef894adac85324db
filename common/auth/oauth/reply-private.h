/* reply-private.h - what a token endpoint answered: fields, or an error in plain words.
 *
 * Threads:  pure functions.
 * Memory:   the reply's strings are wiped when it is freed.
 * Errors:   AUTH (the server refuses these credentials, or this refresh token), CONFIG (the request
 *           is one that it never grants), BUSY, UNREACHABLE, PROTOCOL. The server's own word
 *           ("invalid_grant", "authorization_pending") is the service code among the facts.
 * Limits:   EXG_OAUTH_MAX_ANSWER_BYTES; an error's description is cut.
 * Source:   RFC 6749 5.1 and 5.2, RFC 8628 3.2 and 3.5.
 */
#ifndef EXG_AUTH_OAUTH_REPLY_PRIVATE_H
#define EXG_AUTH_OAUTH_REPLY_PRIVATE_H

#include "common/auth/oauth/token.h"

#define EXG_OAUTH_MAX_ANSWER_BYTES (256 * 1024)

typedef struct ExgOauthReply ExgOauthReply;

/* `host`: whose answer it is, for the sentence. `retry_after_ms`: -1, not told. */
ExgOauthReply *exg_oauth_reply_new(const char *host, int status, const char *json, gsize length,
                                   gint64 retry_after_ms, GError **error);
void exg_oauth_reply_free(ExgOauthReply *reply);

/* A text, or NULL. Valid as long as the reply. */
const char *exg_oauth_reply_text(const ExgOauthReply *reply, const char *name);
/* A number, also where it is written as a text; `fallback` where there is none. */
gint64 exg_oauth_reply_number(const ExgOauthReply *reply, const char *name, gint64 fallback);
/* The token in it. `refresh`: what stays good where the answer brings no new one, or NULL. */
ExgToken *exg_oauth_reply_token(const ExgOauthReply *reply, ExgSecret *refresh, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgOauthReply, exg_oauth_reply_free)

#endif
