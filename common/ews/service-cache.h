/* service-cache.h - the services of a process, so that there is one for each set of endpoints and
 * credentials.
 *
 * The same key always gives the same service, and so the same pool of connections and the same
 * knowledge of the server. The settings of whoever comes second are not looked at. What could not be
 * made is remembered too, for EXG_EWS_FAILURE_LIFE_US, so that a wrong configuration is not tried
 * over and over.
 *
 * This is for a program with many accounts. exgate-lmtpd and exgate have one, which makes and holds its
 * service itself (account.h): a reload has to look at all settings again, and a stream of
 * notifications wants a client of its own, so neither may be handed what an earlier one has made.
 *
 * A key is what identifies an account, spelled out, and nothing that changes while it is used. Its
 * secret is kept as a digest under a random key of the cache's own.
 *
 * Threads:  the engine's: making a service does not wait, so there is never a second one on its way.
 * Memory:   the cache holds a reference to each service until it is forgotten.
 * Limits:   EXG_EWS_MAX_SERVICES; past that all are forgotten, and made anew when asked for.
 * Errors:   what `make` says.
 */
#ifndef EXG_EWS_SERVICE_CACHE_H
#define EXG_EWS_SERVICE_CACHE_H

#include "common/base/secret.h"
#include "common/ews/service.h"

#define EXG_EWS_MAX_SERVICES    256
#define EXG_EWS_FAILURE_LIFE_US (60 * G_USEC_PER_SEC)

typedef struct ExgEwsServiceCache ExgEwsServiceCache;

typedef struct {
    const char *const *endpoints; /* in their order */
    const char *scheme;           /* how the credentials are proved: "basic" */
    const char *user;             /* its name, or a client's id */
    const char *tenant;           /* or NULL */
    const ExgSecret *secret;      /* or NULL */
} ExgEwsServiceKey;

ExgEwsServiceCache *exg_ews_service_cache_new(void);
void exg_ews_service_cache_free(ExgEwsServiceCache *cache);

/* Makes a service, which the cache will hold. */
typedef ExgEwsService *(*ExgEwsServiceMake)(gpointer data, GError **error);
/* Finds or makes it. (transfer full) */
ExgEwsService *exg_ews_service_cache_get(ExgEwsServiceCache *cache, const ExgEwsServiceKey *key,
                                         ExgEwsServiceMake make, gpointer data, GError **error);
/* Forgets one, service or failure; calls under way go on. */
void exg_ews_service_cache_forget(ExgEwsServiceCache *cache, const ExgEwsServiceKey *key);
/* Closes the connections that are idle, and forgets all. */
void exg_ews_service_cache_clear(ExgEwsServiceCache *cache);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgEwsServiceCache, exg_ews_service_cache_free)

#endif
