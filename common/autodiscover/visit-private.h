/* visit-private.h - asks one autodiscover server, in the protocols that it may be asked in.
 *
 * First the protocol that the URL's path names, then the JSON form, which takes no credentials; then,
 * only where `authenticated` is given, SOAP, and POX where the server does not do SOAP. An HTTP
 * redirection comes back as an answer that redirects; nothing is followed here.
 *
 * Threads:  the engine's.
 * Errors:   UNREACHABLE, AUTH, CONFIG (certificate) as http/client.h; PROTOCOL: a server that is no
 *           autodiscover; G_IO_ERROR_CANCELLED.
 * Limits:   EXG_VISIT_TIMEOUT_MS for each request.
 */
#ifndef EXG_AUTODISCOVER_VISIT_PRIVATE_H
#define EXG_AUTODISCOVER_VISIT_PRIVATE_H

#include "common/autodiscover/answer.h"
#include "common/http/client.h"

#define EXG_VISIT_TIMEOUT_MS 10000

/* What became of a request: `answer` or `error`, and the status where there was one. */
typedef void (*ExgVisitNote)(const char *url, bool authenticated, int status,
                             const ExgAutodiscoverAnswer *answer, const GError *error,
                             gpointer data);

typedef struct {
    ExgHttpClient *plain;         /* without credentials */
    ExgHttpClient *authenticated; /* NULL: the server must not see any */
    const char *url;     /* "https://HOST[:PORT]", perhaps with the path of a protocol */
    const char *address;
    const char *const *settings;
    ExgVisitNote note;
    gpointer note_data;
} ExgVisit;

/* Clients and settings of `visit` must live until it is done. */
void exg_visit_async(const ExgVisit *visit, gint64 deadline_us, GCancellable *cancellable,
                     GAsyncReadyCallback callback, gpointer data);
/* Any kind of answer but NOT_HERE without a reason. (transfer full) */
ExgAutodiscoverAnswer *exg_visit_finish(GAsyncResult *result, GError **error);

/* One GET of plain HTTP without credentials, for the sake of its Location; an answer that redirects,
 * or an error. */
void exg_visit_plain_http_async(const ExgVisit *visit, gint64 deadline_us,
                                GCancellable *cancellable, GAsyncReadyCallback callback,
                                gpointer data);

#endif
