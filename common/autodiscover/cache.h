/* cache.h - what discovery has found, by domain: memory in front of a file that the processes of the
 * host share.
 *
 * An entry is an endpoint, good for a day, or a kind of failure, kept for ten minutes. The file
 * holds no secret and nobody's address. One that is damaged, or is something else, is set aside and
 * made anew; without a file the cache works in memory.
 *
 * Threads:  any; one at a time is in the file. All functions may wait for the disk: they are not for
 *           an engine's thread (finder.h is).
 * Limits:   EXG_DISCOVERY_MAX_ENTRIES in memory and in the file. A process that holds the file is
 *           waited for 200 ms at most; then the file is done without.
 */
#ifndef EXG_AUTODISCOVER_CACHE_H
#define EXG_AUTODISCOVER_CACHE_H

#include "common/base/error.h"

#include <glib.h>
#include <stdbool.h>

#define EXG_DISCOVERY_MAX_ENTRIES     10000
#define EXG_DISCOVERY_LIFE_US         G_TIME_SPAN_DAY
#define EXG_DISCOVERY_FAILURE_LIFE_US (10 * G_TIME_SPAN_MINUTE)

typedef struct ExgDiscoveryCache ExgDiscoveryCache;

/* Times are on the real clock. */
typedef struct {
    char *domain;
    char *endpoint; /* NULL: a failure */
    char *kind;     /* by which step: "host", "srv"; or what failed: "unreachable", "auth" */
    char *scheme;   /* how it wants to be signed in to: "basic"; "" not known */
    gint64 learned_us, expires_us;
} ExgDiscoveryEntry;

void exg_discovery_entry_free(ExgDiscoveryEntry *entry);

/* `path` NULL: in memory only. */
ExgDiscoveryCache *exg_discovery_cache_new(const char *path);
ExgDiscoveryCache *exg_discovery_cache_ref(ExgDiscoveryCache *cache);
void exg_discovery_cache_unref(ExgDiscoveryCache *cache);

/* The endpoint of a domain, or NULL. (transfer full) */
ExgDiscoveryEntry *exg_discovery_cache_find(ExgDiscoveryCache *cache, const char *domain);
/* Whether discovery failed in that way a while ago. */
bool exg_discovery_cache_has_failed(ExgDiscoveryCache *cache, const char *domain,
                                    ExgErrorCode code);
/* A discovery has come to its end. What failed before is forgotten once an endpoint is known. */
void exg_discovery_cache_put(ExgDiscoveryCache *cache, const char *domain, const char *endpoint,
                             const char *kind, const char *scheme);
/* Only UNREACHABLE and AUTH are kept: others are about one user, or about us. */
void exg_discovery_cache_fail(ExgDiscoveryCache *cache, const char *domain, ExgErrorCode code);
/* All that is known of a domain. */
void exg_discovery_cache_forget(ExgDiscoveryCache *cache, const char *domain);
void exg_discovery_cache_clear(ExgDiscoveryCache *cache);
/* Of ExgDiscoveryEntry, what is in the file (or in memory without one), by domain. (transfer full) */
GPtrArray *exg_discovery_cache_list(ExgDiscoveryCache *cache);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgDiscoveryEntry, exg_discovery_entry_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgDiscoveryCache, exg_discovery_cache_unref)

#endif
