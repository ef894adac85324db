/* device-login.h - signs a user in by a code that is typed in elsewhere (device authorization grant).
 *
 * Threads:  the engine's.
 * Errors:   AUTH: declined, or the code was not used in time; those of reply-private.h;
 *           G_IO_ERROR_CANCELLED. That the token endpoint cannot be reached for a while ends nothing
 *           before the code has expired.
 * Limits:   as long as the server gives for the code, half an hour at most.
 * Source:   RFC 8628.
 */
#ifndef EXG_AUTH_OAUTH_DEVICE_LOGIN_H
#define EXG_AUTH_OAUTH_DEVICE_LOGIN_H

#include "common/auth/oauth/oauth.h"

/* What the user has to do: open `address` in any browser, and type `code`. */
typedef void (*ExgDevicePrompt)(const char *address, const char *code, gpointer data);

/* `client->token_url` is polled; `device_url` gives the code. */
void exg_device_login_async(ExgEngine *engine, ExgHttpClient *http, const ExgOauthClient *client,
                            const char *device_url, ExgDevicePrompt prompt, gpointer prompt_data,
                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
ExgToken *exg_device_login_finish(GAsyncResult *result, GError **error);

#endif
