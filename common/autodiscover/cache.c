#include "common/autodiscover/cache.h"

#include "common/base/clock.h"
#include "common/base/failpoint.h"
#include "common/sqlite/cache-database.h"

#include <string.h>

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS discoveries ("
    " domain TEXT NOT NULL,"
    " failure TEXT NOT NULL," /* "": an endpoint */
    " endpoint TEXT NOT NULL,"
    " kind TEXT NOT NULL,"
    " scheme TEXT NOT NULL,"
    " learned_us INTEGER NOT NULL,"
    " expires_us INTEGER NOT NULL,"
    " sum TEXT NOT NULL," /* SQLite does not notice damage inside of a text */
    " PRIMARY KEY (domain, failure)"
    ") WITHOUT ROWID;";

#define COLUMNS "domain, failure, endpoint, kind, scheme, learned_us, expires_us, sum"

typedef enum { FIND, STORE, FORGET, CLEAR, PRUNE, LIST, N_STATEMENTS } Statement;

static const char *const statements[N_STATEMENTS] = {
    [FIND] = "SELECT " COLUMNS " FROM discoveries WHERE domain = ?1 AND failure = ?2",
    [STORE] = "INSERT OR REPLACE INTO discoveries VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [FORGET] = "DELETE FROM discoveries WHERE domain = ?1",
    [CLEAR] = "DELETE FROM discoveries",
    [PRUNE] =
        "DELETE FROM discoveries WHERE expires_us < ?1 OR learned_us > ?1 OR (domain, failure)"
        " IN (SELECT domain, failure FROM discoveries ORDER BY learned_us DESC"
        " LIMIT -1 OFFSET ?2)",
    [LIST] = "SELECT " COLUMNS " FROM discoveries ORDER BY domain, failure LIMIT ?1",
};

struct ExgDiscoveryCache {
    gint references;
    GMutex lock;
    GHashTable *memory;    /* "DOMAIN FAILURE" to ExgDiscoveryEntry */
    ExgCacheDatabase file; /* without a path: in memory only */
};

/* --- entries ---------------------------------------------------------------------------------- */

void
exg_discovery_entry_free(ExgDiscoveryEntry *entry)
{
    if (entry == NULL)
        return;
    g_free(entry->domain);
    g_free(entry->endpoint);
    g_free(entry->kind);
    g_free(entry->scheme);
    g_free(entry);
}

static void
entry_free(gpointer entry)
{
    exg_discovery_entry_free(entry);
}

static ExgDiscoveryEntry *
entry_copy(const ExgDiscoveryEntry *entry)
{
    ExgDiscoveryEntry *copy = g_new0(ExgDiscoveryEntry, 1);
    *copy = (ExgDiscoveryEntry){
        .domain = g_strdup(entry->domain),
        .endpoint = g_strdup(entry->endpoint),
        .kind = g_strdup(entry->kind),
        .scheme = g_strdup(entry->scheme),
        .learned_us = entry->learned_us,
        .expires_us = entry->expires_us,
    };
    return copy;
}

/* Also one that a clock set back has put into the future is of no use. */
static bool
is_fresh(const ExgDiscoveryEntry *entry)
{
    gint64 now_us = exg_clock_real_us();
    return entry->learned_us <= now_us && now_us < entry->expires_us;
}

/* Whoever can write the file could send the credentials anywhere that is not https. */
static bool
is_sound(const ExgDiscoveryEntry *entry)
{
    static const char scheme[] = "https://";
    return entry->endpoint == NULL ||
           g_ascii_strncasecmp(entry->endpoint, scheme, strlen(scheme)) == 0;
}

static char *
key_of(const char *domain, const char *failure)
{
    return g_strdup_printf("%s %s", domain, failure);
}

static const char *
failure_of(const ExgDiscoveryEntry *entry)
{
    return entry->endpoint == NULL ? entry->kind : "";
}

/* (transfer full) */
static char *
sum_of(const ExgDiscoveryEntry *entry)
{
    g_autofree char *text = g_strdup_printf(
        "%s\n%s\n%s\n%s\n%" G_GINT64_FORMAT "\n%" G_GINT64_FORMAT, entry->domain,
        entry->endpoint != NULL ? entry->endpoint : "", entry->kind, entry->scheme,
        entry->learned_us, entry->expires_us);
    return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}

/* --- the file --------------------------------------------------------------------------------- */

static const ExgCacheDatabaseKind kind_of_file = {
    .name = "the discovery cache",
    .without = "endpoints are kept in memory only",
    .application_id = 0x45584741, /* "EXGA" */
    .layout = 1,
    .busy_timeout_ms = 200,
    .schema = schema,
    .statements = statements,
    .n_statements = N_STATEMENTS,
};

static bool
is_open(ExgDiscoveryCache *cache)
{
    if (cache->file.path == NULL)
        return false;
    EXG_FAIL_POINT("discovery-file");
    return exg_cache_database_is_open(&cache->file, NULL);
}

static ExgDiscoveryEntry *
entry_of_row(sqlite3_stmt *row)
{
    const char *texts[5];
    for (int i = 0; i < 5; i++) {
        texts[i] = (const char *)sqlite3_column_text(row, i);
        if (texts[i] == NULL || !g_utf8_validate(texts[i], -1, NULL))
            return NULL;
    }
    g_autoptr(ExgDiscoveryEntry) entry = g_new0(ExgDiscoveryEntry, 1);
    entry->domain = g_strdup(texts[0]);
    entry->endpoint = texts[1][0] == '\0' ? g_strdup(texts[2]) : NULL;
    entry->kind = g_strdup(texts[3]);
    entry->scheme = g_strdup(texts[4]);
    entry->learned_us = sqlite3_column_int64(row, 5);
    entry->expires_us = sqlite3_column_int64(row, 6);
    g_autofree char *sum = sum_of(entry);
    bool whole = g_strcmp0(sum, (const char *)sqlite3_column_text(row, 7)) == 0;
    return whole && is_sound(entry) ? g_steal_pointer(&entry) : NULL;
}

static ExgDiscoveryEntry *
find_in_file(ExgDiscoveryCache *cache, const char *domain, const char *failure)
{
    if (!is_open(cache))
        return NULL;
    sqlite3_stmt *statement = cache->file.database.prepared[FIND];
    sqlite3_bind_text(statement, 1, domain, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, failure, -1, SQLITE_STATIC);
    int code = sqlite3_step(statement);
    ExgDiscoveryEntry *entry = code == SQLITE_ROW ? entry_of_row(statement) : NULL;
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    exg_cache_database_note(&cache->file, code);
    return entry;
}

static void
store_in_file(ExgDiscoveryCache *cache, const ExgDiscoveryEntry *entry)
{
    if (!is_open(cache))
        return;
    sqlite3_stmt *statement = cache->file.database.prepared[STORE];
    const char *endpoint = entry->endpoint != NULL ? entry->endpoint : "";
    const char *const texts[] = {entry->domain, failure_of(entry), endpoint, entry->kind,
                                 entry->scheme};
    for (int i = 0; i < (int)G_N_ELEMENTS(texts); i++)
        sqlite3_bind_text(statement, i + 1, texts[i], -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 6, entry->learned_us);
    sqlite3_bind_int64(statement, 7, entry->expires_us);
    g_autofree char *sum = sum_of(entry);
    sqlite3_bind_text(statement, 8, sum, -1, SQLITE_STATIC);
    exg_cache_database_note(&cache->file, exg_database_run(statement));
    if (!is_open(cache))
        return;
    statement = cache->file.database.prepared[PRUNE];
    sqlite3_bind_int64(statement, 1, exg_clock_real_us());
    sqlite3_bind_int64(statement, 2, EXG_DISCOVERY_MAX_ENTRIES);
    exg_cache_database_note(&cache->file, exg_database_run(statement));
}

/* --- the cache -------------------------------------------------------------------------------- */

ExgDiscoveryCache *
exg_discovery_cache_new(const char *path)
{
    ExgDiscoveryCache *cache = g_new0(ExgDiscoveryCache, 1);
    cache->references = 1;
    g_mutex_init(&cache->lock);
    exg_cache_database_init(&cache->file, &kind_of_file, path);
    cache->memory = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
    return cache;
}

ExgDiscoveryCache *
exg_discovery_cache_ref(ExgDiscoveryCache *cache)
{
    g_atomic_int_inc(&cache->references);
    return cache;
}

void
exg_discovery_cache_unref(ExgDiscoveryCache *cache)
{
    if (cache == NULL || !g_atomic_int_dec_and_test(&cache->references))
        return;
    exg_cache_database_clear(&cache->file);
    g_hash_table_unref(cache->memory);
    g_mutex_clear(&cache->lock);
    g_free(cache);
}

static void
remember(ExgDiscoveryCache *cache, ExgDiscoveryEntry *entry)
{
    if (g_hash_table_size(cache->memory) >= EXG_DISCOVERY_MAX_ENTRIES)
        g_hash_table_remove_all(cache->memory);
    g_hash_table_replace(cache->memory, key_of(entry->domain, failure_of(entry)), entry);
}

/* (transfer full) */
static ExgDiscoveryEntry *
find(ExgDiscoveryCache *cache, const char *domain, const char *failure)
{
    g_autofree char *key = key_of(domain, failure);
    g_mutex_lock(&cache->lock);
    const ExgDiscoveryEntry *known = g_hash_table_lookup(cache->memory, key);
    if (known == NULL || !is_fresh(known)) {
        g_hash_table_remove(cache->memory, key);
        ExgDiscoveryEntry *read = find_in_file(cache, domain, failure);
        known = read;
        if (read != NULL)
            remember(cache, read);
    }
    ExgDiscoveryEntry *found = known != NULL && is_fresh(known) ? entry_copy(known) : NULL;
    g_mutex_unlock(&cache->lock);
    return found;
}

ExgDiscoveryEntry *
exg_discovery_cache_find(ExgDiscoveryCache *cache, const char *domain)
{
    return find(cache, domain, "");
}

/* The name of a failure that is kept, or NULL. */
static const char *
failure_name(ExgErrorCode code)
{
    return code == EXG_ERROR_UNREACHABLE ? "unreachable" : code == EXG_ERROR_AUTH ? "auth" : NULL;
}

bool
exg_discovery_cache_has_failed(ExgDiscoveryCache *cache, const char *domain, ExgErrorCode code)
{
    const char *name = failure_name(code);
    g_autoptr(ExgDiscoveryEntry) entry = name != NULL ? find(cache, domain, name) : NULL;
    return entry != NULL;
}

static void
forget_in_lock(ExgDiscoveryCache *cache, const char *domain)
{
    static const char *const failures[] = {"", "unreachable", "auth"};
    for (guint i = 0; i < G_N_ELEMENTS(failures); i++) {
        g_autofree char *key = key_of(domain, failures[i]);
        g_hash_table_remove(cache->memory, key);
    }
    if (!is_open(cache))
        return;
    sqlite3_bind_text(cache->file.database.prepared[FORGET], 1, domain, -1, SQLITE_STATIC);
    exg_cache_database_note(&cache->file, exg_database_run(cache->file.database.prepared[FORGET]));
}

static void
put(ExgDiscoveryCache *cache, const ExgDiscoveryEntry *entry)
{
    g_mutex_lock(&cache->lock);
    if (entry->endpoint != NULL)
        forget_in_lock(cache, entry->domain);
    remember(cache, entry_copy(entry));
    store_in_file(cache, entry);
    g_mutex_unlock(&cache->lock);
}

void
exg_discovery_cache_put(ExgDiscoveryCache *cache, const char *domain, const char *endpoint,
                        const char *kind, const char *scheme)
{
    gint64 now_us = exg_clock_real_us();
    const ExgDiscoveryEntry entry = {
        .domain = (char *)domain,
        .endpoint = (char *)endpoint,
        .kind = (char *)kind,
        .scheme = (char *)(scheme != NULL ? scheme : ""),
        .learned_us = now_us,
        .expires_us = now_us + EXG_DISCOVERY_LIFE_US,
    };
    g_return_if_fail(is_sound(&entry));
    put(cache, &entry);
}

void
exg_discovery_cache_fail(ExgDiscoveryCache *cache, const char *domain, ExgErrorCode code)
{
    gint64 now_us = exg_clock_real_us();
    const ExgDiscoveryEntry entry = {
        .domain = (char *)domain,
        .kind = (char *)failure_name(code),
        .scheme = (char *)"",
        .learned_us = now_us,
        .expires_us = now_us + EXG_DISCOVERY_FAILURE_LIFE_US,
    };
    if (entry.kind != NULL)
        put(cache, &entry);
}

void
exg_discovery_cache_forget(ExgDiscoveryCache *cache, const char *domain)
{
    g_mutex_lock(&cache->lock);
    forget_in_lock(cache, domain);
    g_mutex_unlock(&cache->lock);
}

void
exg_discovery_cache_clear(ExgDiscoveryCache *cache)
{
    g_mutex_lock(&cache->lock);
    g_hash_table_remove_all(cache->memory);
    if (is_open(cache))
        exg_cache_database_note(&cache->file,
                                exg_database_run(cache->file.database.prepared[CLEAR]));
    g_mutex_unlock(&cache->lock);
}

/* --- listing ---------------------------------------------------------------------------------- */

static int
by_domain(gconstpointer a, gconstpointer b)
{
    const ExgDiscoveryEntry *const *left = a, *const *right = b;
    int order = strcmp((*left)->domain, (*right)->domain);
    return order != 0 ? order : strcmp(failure_of(*left), failure_of(*right));
}

static void
list_file(ExgDiscoveryCache *cache, GPtrArray *entries)
{
    sqlite3_stmt *statement = cache->file.database.prepared[LIST];
    sqlite3_bind_int64(statement, 1, EXG_DISCOVERY_MAX_ENTRIES);
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        ExgDiscoveryEntry *entry = entry_of_row(statement);
        if (entry != NULL)
            g_ptr_array_add(entries, entry);
    }
    sqlite3_reset(statement);
    exg_cache_database_note(&cache->file, code);
}

static void
list_memory(ExgDiscoveryCache *cache, GPtrArray *entries)
{
    GHashTableIter iter;
    gpointer entry;
    g_hash_table_iter_init(&iter, cache->memory);
    while (g_hash_table_iter_next(&iter, NULL, &entry))
        g_ptr_array_add(entries, entry_copy(entry));
    g_ptr_array_sort(entries, by_domain);
}

GPtrArray *
exg_discovery_cache_list(ExgDiscoveryCache *cache)
{
    GPtrArray *entries = g_ptr_array_new_with_free_func(entry_free);
    g_mutex_lock(&cache->lock);
    if (is_open(cache))
        list_file(cache, entries);
    else
        list_memory(cache, entries);
    g_mutex_unlock(&cache->lock);
    return entries;
}
