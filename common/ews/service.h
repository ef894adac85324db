/* service.h - Exchange Web Services as one account uses them: what all calls (create-item.h,
 * find-item.h, …) share.
 *
 * A service has the endpoints' URLs and an HTTP client, which holds the pool of authenticated
 * connections; what was learned of the server's version; cookies by mailbox; the policy by which
 * calls are repeated; and the throttle. There is one for each set of endpoints and credentials
 * (service-cache.h).
 *
 * A *target* says in whose mailbox a call works, and by what right. With impersonation the call
 * carries ExchangeImpersonation; X-AnchorMailbox names the mailbox in either case.
 *
 * All calls are asynchronous on the engine, complete exactly once with GTask's usual rules, and
 * report in EXG_ERROR (request id, ResponseCode, HTTP status and BackOffMilliseconds or Retry-After
 * as facts) or G_IO_ERROR_CANCELLED.
 *
 * With a throttle, a call waits for its turn before anything is sent, and what comes of it is
 * reported there. It may then end in what the throttle refuses with; nothing was sent in that case.
 *
 * A call is made again where that can help (retry.h): at once in another version (version.h) or at
 * another endpoint, and later with a fault-tolerant policy; no connection is held while it waits.
 * One that changes the mailbox is never sent again once its last byte has been handed out, whatever
 * the answer was; but for 401, by which the server says that it has not looked at it (request.h).
 *
 * Several endpoints stand for the same mailboxes. The first that the throttle does not hold for
 * closed is used, and one that cannot be reached hands the call on to the next.
 *
 * Threads:  the engine's.
 * Limits:   an answer of a call in this directory is at most EXG_EWS_MAX_ANSWER_BYTES.
 */
#ifndef EXG_EWS_SERVICE_H
#define EXG_EWS_SERVICE_H

#include "common/ews/retry.h"
#include "common/http/client.h"
#include "common/throttle/throttle.h"

#define EXG_EWS_MAX_ANSWER_BYTES (4 * 1024 * 1024)

typedef struct ExgEwsService ExgEwsService;

/* `version`: a RequestServerVersion such as "Exchange2013_SP1", or NULL to find out. Strings are
 * copied, the client is referenced. The policy is fail-fast. */
ExgEwsService *exg_ews_service_new(ExgHttpClient *client, const char *url, const char *version);
/* With several endpoints, the preferred one first. */
ExgEwsService *exg_ews_service_new_many(ExgHttpClient *client, const char *const *urls,
                                        const char *version);
/* Where the endpoint is not known and has to be found out. */
typedef struct {
    void (*find)(gpointer data, gint64 deadline_us, GCancellable *cancellable,
                 GAsyncReadyCallback callback, gpointer user_data);
    char *(*find_finish)(GAsyncResult *result, GError **error); /* a URL; (transfer full) */
    void (*forget)(gpointer data); /* the one found last is of no use any more */
    void (*free)(gpointer data);
} ExgEwsLocator;

/* Asks the locator (static; takes `data`) before the first call, and again where an answer says that
 * the mailbox is to be looked for elsewhere, once a minute at most. As long as nothing else is found,
 * the last endpoint is used. */
ExgEwsService *exg_ews_service_new_located(ExgHttpClient *client, const ExgEwsLocator *locator,
                                           gpointer data, const char *version);
/* Asks the locator as a call would, for who wants to look at the endpoint itself. */
void exg_ews_service_locate_async(ExgEwsService *service, gint64 deadline_us,
                                  GCancellable *cancellable, GAsyncReadyCallback callback,
                                  gpointer data);
/* A URL. (transfer full) */
char *exg_ews_service_locate_finish(ExgEwsService *service, GAsyncResult *result, GError **error);
ExgEwsService *exg_ews_service_ref(ExgEwsService *service);
void exg_ews_service_unref(ExgEwsService *service);

/* Both are referenced or copied. `account` names the credentials that the client uses. Calls under
 * way go on without. */
void exg_ews_service_set_throttle(ExgEwsService *service, ExgThrottle *throttle,
                                  const char *account);
/* For the calls from here on. */
void exg_ews_service_set_retry(ExgEwsService *service, const ExgEwsRetryPolicy *policy);

/* Called whenever a call waits before it is made again, with why and how long; for who shows that to a
 * person. NULL: nobody. */
typedef void (*ExgEwsAgainFunc)(const GError *error, gint64 wait_ms, gpointer data);
void exg_ews_service_set_again(ExgEwsService *service, ExgEwsAgainFunc function, gpointer data);

typedef enum {
    EXG_EWS_IMPERSONATION, /* role ApplicationImpersonation */
    EXG_EWS_DELEGATE,      /* folder rights or full access */
    EXG_EWS_SELF           /* the service account's own view (directory look-ups) */
} ExgEwsAccess;

typedef struct {
    const char *mailbox; /* SMTP address; NULL with EXG_EWS_SELF */
    ExgEwsAccess access;
} ExgEwsTarget;

/* What the service knows of the server, from answers so far. */
typedef struct {
    const char *endpoint; /* the URL of the next call; NULL: not found yet */
    char server[264];     /* its host, and its port if it has one: "mail.example.com:8443" */
    const char *speaks;   /* the version that the next call will name: "Exchange2016" */
    char version[32];     /* the version that the server named last, such as "V2017_07_11"; "": none */
    char build[48];       /* "15.2.1544.9"; "": not known yet */
    const char *product;  /* "Exchange 2019 or SE"; NULL: not known */
} ExgEwsServerVersion;
/* Strings are valid as long as the service. */
void exg_ews_service_server_version(ExgEwsService *service, ExgEwsServerVersion *ret_version);

/* The URLs that calls may go to; with a locator the one that was found, or none as long as there is
 * none. (transfer none) */
const char *const *exg_ews_service_endpoints(const ExgEwsService *service);

/* For tests: called with the text of every request (the MIME content included) before it is sent;
 * NULL switches it off. */
typedef void (*ExgEwsTap)(const char *operation, const char *request, gsize length, gpointer data);
void exg_ews_service_set_tap(ExgEwsService *service, ExgEwsTap tap, gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsService, exg_ews_service_unref)

#endif
