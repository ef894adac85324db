/* finder.h - the endpoint of an address: from the cache, or by a discovery that all who ask for the
 * same address share.
 *
 * An endpoint that is known costs no request until somebody says that it is of no use any more.
 * A slow domain holds up nobody but those who ask for it, and neither does a slow disk.
 *
 * Threads:  the engine's. The cache's file is read and written by a thread of the finder's own.
 * Memory:   reference counted; strings of the options must outlive it.
 * Errors:   those of discovery.h; a failure that the cache remembers is told at once, in its words.
 *           UNREACHABLE at the caller's deadline.
 */
#ifndef EXG_AUTODISCOVER_FINDER_H
#define EXG_AUTODISCOVER_FINDER_H

#include "common/autodiscover/cache.h"
#include "common/autodiscover/discovery.h"

typedef struct ExgDiscoveryFinder ExgDiscoveryFinder;

/* `cache` is referenced. */
ExgDiscoveryFinder *exg_discovery_finder_new(ExgEngine *engine, const ExgDiscoveryOptions *options,
                                             ExgDiscoveryCache *cache);
ExgDiscoveryFinder *exg_discovery_finder_ref(ExgDiscoveryFinder *finder);
void exg_discovery_finder_unref(ExgDiscoveryFinder *finder);

void exg_discovery_finder_find_async(ExgDiscoveryFinder *finder, const char *address,
                                     gint64 deadline_us, GCancellable *cancellable,
                                     GAsyncReadyCallback callback, gpointer data);
/* (transfer full) */
char *exg_discovery_finder_find_finish(GAsyncResult *result, GError **error);
/* The endpoint that was found has stopped answering: the next one who asks discovers anew. */
void exg_discovery_finder_forget(ExgDiscoveryFinder *finder, const char *address);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgDiscoveryFinder, exg_discovery_finder_unref)

#endif
