/* token-source.h - the one place that a program's access token comes from.
 *
 * Whoever needs a token asks; all who ask while one is being fetched wait for the same request. A
 * token is renewed ahead of its end, while the one at hand still serves. After a failure nothing is
 * asked for a while (1 s, doubling to 60 s; 10 s to 15 min where the server refused us; Retry-After
 * where it is longer): those who ask get the same error at once.
 *
 * Threads:  the engine's.
 * Memory:   reference counted; a request under way holds a reference.
 * Errors:   those of the request (reply-private.h, http/client.h), with what is left to wait
 *           and the stage "token";
 *           BUSY when the caller's deadline passes first.
 * Limits:   a request has FETCH_TIMEOUT_MS (30 s), whoever waits for it.
 */
#ifndef EXG_AUTH_OAUTH_TOKEN_SOURCE_H
#define EXG_AUTH_OAUTH_TOKEN_SOURCE_H

#include "common/auth/oauth/token.h"
#include "common/io/engine.h"

typedef struct ExgTokenSource ExgTokenSource;

/* How a kind of source gets a new token: oauth.h, token-command.h. */
typedef struct {
    /* Answers with a GTask whose pointer is an ExgToken. `spent`: the token that is to be replaced, or
     * NULL. Never called again before it has answered. */
    void (*fetch)(gpointer self, const ExgToken *spent, gint64 deadline_us,
                  GAsyncReadyCallback callback, gpointer data);
    void (*free)(gpointer self);
} ExgTokenSourceClass;

/* Takes `self`. */
ExgTokenSource *exg_token_source_new(ExgEngine *engine, const ExgTokenSourceClass *class,
                                     gpointer self);
ExgTokenSource *exg_token_source_ref(ExgTokenSource *source);
void exg_token_source_unref(ExgTokenSource *source);

void exg_token_source_get_async(ExgTokenSource *source, gint64 deadline_us,
                                GAsyncReadyCallback callback, gpointer data);
/* (transfer full) */
ExgToken *exg_token_source_get_finish(ExgTokenSource *source, GAsyncResult *result,
                                      GError **error);
/* A server refused this token: if it is still the one at hand, it is not handed out again. */
void exg_token_source_reject(ExgTokenSource *source, const ExgToken *token);

/* For statistics and tests: fetches begun. */
guint64 exg_token_source_fetches(const ExgTokenSource *source);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgTokenSource, exg_token_source_unref)

#endif
