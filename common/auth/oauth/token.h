/* token.h - an access token, how long it is good, and what renews it.
 *
 * Threads:  immutable and reference counted: any thread.
 * Memory:   the tokens are secrets: wiped, not dumped.
 * Source:   RFC 6749 5.1.
 */
#ifndef EXG_AUTH_OAUTH_TOKEN_H
#define EXG_AUTH_OAUTH_TOKEN_H

#include "common/base/secret.h"

#include <gio/gio.h>
#include <stdbool.h>

typedef struct {
    gint references;
    ExgSecret *access;
    ExgSecret *refresh; /* NULL: none came with it */
    gint64 issued_us;   /* monotonic, like the others */
    gint64 renew_us;    /* from then on a new one should be got, while this one still serves */
    gint64 expires_us;
} ExgToken;

/* References the secrets. It is good for `lifetime_s` seconds from now, and to be renewed once
 * `renew_s` have passed (0: five minutes before its end, or after four fifths of a short life). */
ExgToken *exg_token_new(ExgSecret *access, ExgSecret *refresh, gint64 lifetime_s, gint64 renew_s);
ExgToken *exg_token_ref(ExgToken *token);
void exg_token_unref(ExgToken *token);

/* Whether it can be used for a request that begins now. */
bool exg_token_is_good(const ExgToken *token);

/* Ends a task with a token, or where that is NULL with the error. Takes both. */
void exg_token_return(GTask *task, ExgToken *token, GError *error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgToken, exg_token_unref)

#endif
