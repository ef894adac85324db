/* cookies-private.h - the cookies of a service, kept apart by mailbox.
 *
 * Exchange's front end uses cookies to find a mailbox's server again (X-BackEndCookie,
 * X-BackEndOverrideCookie, exchangecookie), and load balancers add theirs. What was set in the
 * answer for one mailbox is sent with requests for that mailbox only, to that endpoint only.
 *
 * They are hints that save a look-up: paths and dates are not kept, and a cookie is forgotten after
 * EXG_EWS_COOKIE_LIFE_US. Values are never logged.
 *
 * Threads:  the engine's.
 * Limits:   EXG_EWS_MAX_JARS mailboxes, the one used longest ago goes first; EXG_EWS_MAX_COOKIES of
 *           EXG_EWS_MAX_COOKIE_BYTES each.
 * Source:   RFC 6265 5; Microsoft's page "How to: Maintain affinity between a group of subscriptions
 *           and the Mailbox server in Exchange".
 */
#ifndef EXG_EWS_COOKIES_PRIVATE_H
#define EXG_EWS_COOKIES_PRIVATE_H

#include <glib.h>

#define EXG_EWS_MAX_JARS         1024
#define EXG_EWS_MAX_COOKIES      16
#define EXG_EWS_MAX_COOKIE_BYTES 4096
#define EXG_EWS_COOKIE_LIFE_US   (600 * G_USEC_PER_SEC)

typedef struct ExgEwsCookies ExgEwsCookies;

ExgEwsCookies *exg_ews_cookies_new(void);
void exg_ews_cookies_free(ExgEwsCookies *cookies);

/* Takes a Set-Cookie value. `mailbox` NULL: the account's own. */
void exg_ews_cookies_take(ExgEwsCookies *cookies, const char *endpoint, const char *mailbox,
                          const char *set_cookie);
/* The value of the Cookie header, or NULL. (transfer full) */
char *exg_ews_cookies_header(ExgEwsCookies *cookies, const char *endpoint, const char *mailbox);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsCookies, exg_ews_cookies_free)

#endif
