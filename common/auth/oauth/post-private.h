/* post-private.h - one request to a token endpoint.
 *
 * Threads:  the engine's.
 * Memory:   takes the form; form and answer are wiped.
 * Errors:   those of the HTTP client and of reply-private.h. An answer that did not come
 *           (AMBIGUOUS) is UNREACHABLE here: asking again does no harm.
 */
#ifndef EXG_AUTH_OAUTH_POST_PRIVATE_H
#define EXG_AUTH_OAUTH_POST_PRIVATE_H

#include "common/auth/oauth/form-private.h"
#include "common/auth/oauth/reply-private.h"
#include "common/http/client.h"

void exg_oauth_post_async(ExgHttpClient *http, const char *url, ExgForm *form, gint64 deadline_us,
                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
/* (transfer full) */
ExgOauthReply *exg_oauth_post_finish(GAsyncResult *result, GError **error);

#endif
