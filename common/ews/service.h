/* service.h - an EWS endpoint as the calls (create-item.h, find-item.h, …) use it: URL, HTTP
 * client, schema version.
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
 * Threads:  the engine's.
 * Limits:   an answer of a call in this directory is at most EXG_EWS_MAX_ANSWER_BYTES.
 */
#ifndef EXG_EWS_SERVICE_H
#define EXG_EWS_SERVICE_H

#include "common/http/client.h"
#include "common/throttle/throttle.h"

#define EXG_EWS_MAX_ANSWER_BYTES (4 * 1024 * 1024)

typedef struct ExgEwsService ExgEwsService;

/* `version`: a RequestServerVersion such as "Exchange2013_SP1". Strings are copied, the client is
 * referenced. */
ExgEwsService *exg_ews_service_new(ExgHttpClient *client, const char *url, const char *version);
ExgEwsService *exg_ews_service_ref(ExgEwsService *service);
void exg_ews_service_unref(ExgEwsService *service);

/* Both are referenced or copied. `account` names the credentials that the client uses. Calls under
 * way go on without. */
void exg_ews_service_set_throttle(ExgEwsService *service, ExgThrottle *throttle,
                                  const char *account);

typedef enum {
    EXG_EWS_IMPERSONATION, /* role ApplicationImpersonation */
    EXG_EWS_DELEGATE,      /* folder rights or full access */
    EXG_EWS_SELF           /* the service account's own view (directory look-ups) */
} ExgEwsAccess;

typedef struct {
    const char *mailbox; /* SMTP address; NULL with EXG_EWS_SELF */
    ExgEwsAccess access;
} ExgEwsTarget;

/* For tests: called with the text of every request (the MIME content included) before it is sent;
 * NULL switches it off. */
typedef void (*ExgEwsTap)(const char *operation, const char *request, gsize length, gpointer data);
void exg_ews_service_set_tap(ExgEwsService *service, ExgEwsTap tap, gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsService, exg_ews_service_unref)

#endif
