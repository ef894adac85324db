#include "common/store/folder-cache.h"

#include "common/base/clock.h"
#include "common/mime/address.h"

struct ExgFolderCache {
    GHashTable *entries; /* key -> Entry */
    GQueue by_age;       /* Entry.link, the oldest at the head */
};

typedef struct {
    char *key;
    char *id; /* NULL: there is none */
    gint64 until_us;
    GList link;
} Entry;

ExgFolderCache *
exg_folder_cache_new(void)
{
    ExgFolderCache *cache = g_new0(ExgFolderCache, 1);
    cache->entries = g_hash_table_new(g_str_hash, g_str_equal);
    g_queue_init(&cache->by_age);
    return cache;
}

static void
remove_entry(ExgFolderCache *cache, Entry *entry)
{
    g_hash_table_remove(cache->entries, entry->key);
    g_queue_unlink(&cache->by_age, &entry->link);
    g_free(entry->key);
    g_free(entry->id);
    g_free(entry);
}

void
exg_folder_cache_free(ExgFolderCache *cache)
{
    if (cache == NULL)
        return;
    while (cache->by_age.head != NULL)
        remove_entry(cache, cache->by_age.head->data);
    g_hash_table_unref(cache->entries);
    g_free(cache);
}

/* A line break stands in neither part. */
static char *
key_of(const char *mailbox, const char *name)
{
    g_autofree char *folded_mailbox = exg_address_fold(mailbox);
    g_autofree char *folded_name = g_utf8_casefold(name, -1);
    return g_strconcat(folded_mailbox, "\n", folded_name, NULL);
}

static Entry *
look_up(ExgFolderCache *cache, const char *mailbox, const char *name)
{
    g_autofree char *key = key_of(mailbox, name);
    return g_hash_table_lookup(cache->entries, key);
}

bool
exg_folder_cache_find(ExgFolderCache *cache, const char *mailbox, const char *name,
                      const char **ret_id)
{
    const Entry *entry = look_up(cache, mailbox, name);
    if (entry == NULL || exg_clock_monotonic_us() >= entry->until_us)
        return false;
    *ret_id = entry->id;
    return true;
}

void
exg_folder_cache_put(ExgFolderCache *cache, const char *mailbox, const char *name, const char *id)
{
    exg_folder_cache_forget(cache, mailbox, name);
    if (cache->by_age.length >= EXG_FOLDER_CACHE_MAX)
        remove_entry(cache, cache->by_age.head->data);
    Entry *entry = g_new0(Entry, 1);
    entry->key = key_of(mailbox, name);
    entry->id = g_strdup(id);
    entry->until_us = exg_clock_deadline_ms(id != NULL ? EXG_FOLDER_CACHE_FOUND_MS
                                                       : EXG_FOLDER_CACHE_ABSENT_MS);
    entry->link.data = entry;
    g_hash_table_insert(cache->entries, entry->key, entry);
    g_queue_push_tail_link(&cache->by_age, &entry->link);
}

void
exg_folder_cache_forget(ExgFolderCache *cache, const char *mailbox, const char *name)
{
    Entry *entry = look_up(cache, mailbox, name);
    if (entry != NULL)
        remove_entry(cache, entry);
}
