/* cache.h - what has been found out about recipients: memory in front of a file that all processes
 * of the host share.
 *
 * The cache keeps facts and their age; what they are still worth is for directory.h to say.
 * Addresses that are nobody's, and look-ups that failed, have room of their own: guessing addresses
 * cannot drive out those that exist.
 *
 * Threads:  the engine's. SQLite works in a thread of the cache's own.
 * Memory:   reference counted; the last reference waits for what is still to be written.
 * Limits:   EXG_DIRECTORY_MAX_KNOWN and EXG_DIRECTORY_MAX_NOBODY entries in memory, the least
 *           recently used go first; EXG_DIRECTORY_MAX_QUEUED operations on their way to the file,
 *           past which nothing is read or written.
 */
#ifndef EXG_DIRECTORY_CACHE_H
#define EXG_DIRECTORY_CACHE_H

#include "common/directory/finding.h"
#include "common/io/engine.h"

#define EXG_DIRECTORY_MAX_KNOWN  50000
#define EXG_DIRECTORY_MAX_NOBODY 10000
#define EXG_DIRECTORY_MAX_QUEUED 10000
/* A file beside the cache's: when it is touched, all that is in memory is dropped (cache-admin.h).
 * It is looked at so often at most. */
#define EXG_DIRECTORY_STAMP_SUFFIX ".stamp"
#define EXG_DIRECTORY_STAMP_MS     100
/* So long a mailbox may be taken to exist while nobody can be asked; nothing older is kept. */
#define EXG_DIRECTORY_STALE_US (7 * G_TIME_SPAN_DAY)

typedef struct ExgDirectoryCache ExgDirectoryCache;

/* Times are on the real clock. */
typedef struct {
    ExgDirectoryVerdict verdict;
    ExgRecipientKind kind;
    gint64 found_us;  /* when the verdict was reached; 0: none has been (CANNOT_TELL) */
    gint64 failed_us; /* when a look-up since then told nothing; 0: none */
    GError *why;      /* of that failure, or NULL */
    ExgDirectoryTips tips;
    gint64 tips_failed_us; /* when they were not told, since then; 0: they were */
} ExgDirectoryEntry;

/* `path` NULL: in memory only. `max_known`, `max_nobody`: of entries in memory; 0: the limits
 * above. */
ExgDirectoryCache *exg_directory_cache_new(ExgEngine *engine, const char *path, guint max_known,
                                           guint max_nobody);
ExgDirectoryCache *exg_directory_cache_ref(ExgDirectoryCache *cache);
void exg_directory_cache_unref(ExgDirectoryCache *cache);

/* A key is a folded address (mime/address.h). */

/* From memory; NULL: not there. Valid until the next call. */
const ExgDirectoryEntry *exg_directory_cache_find(ExgDirectoryCache *cache, const char *key);
/* Fetches an entry from the file into memory, unless that has a newer one. Calls back exactly once,
 * perhaps inside the call. */
void exg_directory_cache_fetch(ExgDirectoryCache *cache, const char *key, ExgEngineFunc function,
                               gpointer data);
/* A verdict of the two witnesses, reached now: DELIVERABLE, NO_SUCH or NOT_A_MAILBOX. */
void exg_directory_cache_put(ExgDirectoryCache *cache, const char *key, ExgDirectoryVerdict verdict,
                             ExgRecipientKind kind);
/* A look-up has told nothing just now. That there is somebody stays known, that there is nobody does
 * not; in memory only. */
void exg_directory_cache_fail(ExgDirectoryCache *cache, const char *key, ExgRecipientKind kind,
                              const GError *why);
/* Tips for a recipient that is known, told just now. */
void exg_directory_cache_put_tips(ExgDirectoryCache *cache, const char *key,
                                  const ExgDirectoryTips *tips);
/* They were not told just now; in memory only. */
void exg_directory_cache_fail_tips(ExgDirectoryCache *cache, const char *key);
/* From memory and file. */
void exg_directory_cache_forget(ExgDirectoryCache *cache, const char *key);

typedef struct {
    guint64 hits, misses;   /* questions answered from memory, and others, since the start */
    guint64 asked;          /* look-ups that went to Exchange */
    guint64 stale;          /* answers that a mailbox was there of late, for want of a newer one */
    guint64 refused;        /* look-ups not made: EXG_DIRECTORY_MAX_UNDER_WAY, or the rate for all */
    guint64 refused_client; /* look-ups not made: the rate for one client */
} ExgDirectoryCacheStatistics;
/* Those of all directories that share the cache; they count there. */
ExgDirectoryCacheStatistics *exg_directory_cache_tally(ExgDirectoryCache *cache);
ExgDirectoryCacheStatistics exg_directory_cache_statistics(const ExgDirectoryCache *cache);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgDirectoryCache, exg_directory_cache_unref)

#endif
