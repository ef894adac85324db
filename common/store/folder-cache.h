/* folder-cache.h - which folders of which mailboxes have which ids, as far as it was asked of late.
 *
 * A folder that is not there is remembered as well, for less long: who makes one waits for mail in
 * it.
 *
 * Threads:  one at a time.
 * Limits:   EXG_FOLDER_CACHE_MAX entries, the least recently put go first.
 */
#ifndef EXG_STORE_FOLDER_CACHE_H
#define EXG_STORE_FOLDER_CACHE_H

#include <glib.h>
#include <stdbool.h>

#define EXG_FOLDER_CACHE_MAX       10000
#define EXG_FOLDER_CACHE_FOUND_MS  ((gint64)10 * 60 * 1000)
#define EXG_FOLDER_CACHE_ABSENT_MS ((gint64)60 * 1000)

typedef struct ExgFolderCache ExgFolderCache;

ExgFolderCache *exg_folder_cache_new(void);
void exg_folder_cache_free(ExgFolderCache *cache);

/* False if nothing is known. `*ret_id`: NULL if there is no such folder; valid until the next
 * call. */
bool exg_folder_cache_find(ExgFolderCache *cache, const char *mailbox, const char *name,
                           const char **ret_id);
/* `id` NULL: there is no such folder. */
void exg_folder_cache_put(ExgFolderCache *cache, const char *mailbox, const char *name,
                          const char *id);
void exg_folder_cache_forget(ExgFolderCache *cache, const char *mailbox, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgFolderCache, exg_folder_cache_free)

#endif
