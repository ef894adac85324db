/* browser-login.h - signs a user in by the browser of this machine (authorization code with PKCE).
 *
 * The browser is sent to the server's sign-in page, and comes back to a listener on the loopback
 * interface, which takes one request with the right state, answers it with a short page, and is gone.
 * What comes without it (another program, a browser's request for an icon) is answered 404.
 *
 * Threads:  the engine's.
 * Errors:   AUTH: refused, or nobody came back in time; RESOURCES: no listener;
 *           G_IO_ERROR_CANCELLED; those of reply-private.h.
 * Limits:   ten minutes; eight connections at a time, 16 KiB of request each.
 * Source:   RFC 8252 (loopback redirect), RFC 7636 (PKCE, S256), RFC 6749 4.1.
 */
#ifndef EXG_AUTH_OAUTH_BROWSER_LOGIN_H
#define EXG_AUTH_OAUTH_BROWSER_LOGIN_H

#include "common/auth/oauth/oauth.h"

/* Opens this address, or shows it. */
typedef void (*ExgBrowserOpen)(const char *address, gpointer data);

/* `login_hint`: the user's address, or NULL. */
void exg_browser_login_async(ExgEngine *engine, ExgHttpClient *http, const ExgOauthClient *client,
                             const char *authorize_url, const char *login_hint, ExgBrowserOpen open,
                             gpointer open_data, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer data);
ExgToken *exg_browser_login_finish(GAsyncResult *result, GError **error);

#endif
