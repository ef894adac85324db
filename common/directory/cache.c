#include "common/directory/cache.h"

#include "common/base/clock.h"
#include "common/base/failpoint.h"
#include "common/directory/cache-file-private.h"

#include <sys/stat.h>

/* An entry in memory. */
typedef struct {
    char *key;
    ExgDirectoryEntry entry;
    GQueue *queue; /* that it is in, the most recently used first */
    GList link;
} Node;

struct ExgDirectoryCache {
    ExgDirectoryCacheStatistics statistics;
    guint references;
    ExgEngine *engine;
    GHashTable *nodes; /* by key */
    GQueue known, nobody;
    guint max_known, max_nobody;
    GThread *thread; /* NULL: no file */
    GAsyncQueue *queue;
    ExgDirectoryFile *file; /* the thread's */
    char *stamp_path;       /* NULL: no file */
    struct timespec stamp;  /* when it was touched last; 0: never */
    gint64 looked_us;
};

typedef enum { READ, WRITE, WRITE_TIPS, DELETE, CLOSE } OperationKind;

typedef struct {
    OperationKind kind;
    ExgDirectoryCache *cache;
    char *key;
    ExgRecipientKind recipient;
    gint64 found_us;
    bool found;
    ExgDirectoryTips tips;
    ExgEngineFunc function;
    gpointer data;
} Operation;

/* --- memory ----------------------------------------------------------------------------------- */

static void
node_free(gpointer data)
{
    Node *node = data;
    if (node->queue != NULL)
        g_queue_unlink(node->queue, &node->link);
    g_clear_error(&node->entry.why);
    g_free(node->key);
    g_free(node);
}

/* Puts it at the front of the queue where it belongs, and drops what is too much there. */
static void
place(ExgDirectoryCache *cache, Node *node)
{
    bool is_known = node->entry.verdict == EXG_DIRECTORY_DELIVERABLE ||
                    node->entry.verdict == EXG_DIRECTORY_NOT_A_MAILBOX;
    if (node->queue != NULL)
        g_queue_unlink(node->queue, &node->link);
    node->queue = is_known ? &cache->known : &cache->nobody;
    g_queue_push_head_link(node->queue, &node->link);
    guint max = is_known ? cache->max_known : cache->max_nobody;
    while (node->queue->length > max) {
        const Node *last = node->queue->tail->data;
        g_hash_table_remove(cache->nodes, last->key);
    }
}

/* The node for a key, new if need be, and to be placed by the caller. */
static Node *
provide(ExgDirectoryCache *cache, const char *key)
{
    Node *node = g_hash_table_lookup(cache->nodes, key);
    if (node != NULL)
        return node;
    node = g_new0(Node, 1);
    node->key = g_strdup(key);
    node->link.data = node;
    node->entry.verdict = EXG_DIRECTORY_CANNOT_TELL;
    g_hash_table_insert(cache->nodes, node->key, node);
    return node;
}

static void
set_verdict(ExgDirectoryCache *cache, const char *key, ExgDirectoryVerdict verdict,
            ExgRecipientKind kind, gint64 found_us)
{
    Node *node = provide(cache, key);
    ExgDirectoryEntry entry = {.verdict = verdict, .kind = kind, .found_us = found_us};
    if (verdict != EXG_DIRECTORY_NO_SUCH) {
        entry.tips = node->entry.tips;
        entry.tips_failed_us = node->entry.tips_failed_us;
    }
    g_clear_error(&node->entry.why);
    node->entry = entry;
    place(cache, node);
}

/* False: nothing is known of the recipient that tips could be about. */
static bool
set_tips(ExgDirectoryCache *cache, const char *key, const ExgDirectoryTips *tips)
{
    Node *node = g_hash_table_lookup(cache->nodes, key);
    if (node == NULL || node->entry.found_us == 0 || node->entry.verdict == EXG_DIRECTORY_NO_SUCH)
        return false;
    node->entry.tips = *tips;
    node->entry.tips_failed_us = 0;
    return true;
}

static struct timespec
stamp_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_mtim : (struct timespec){0};
}

/* An administrator may have changed the file: what is in memory then counts no more. */
static void
look_at_stamp(ExgDirectoryCache *cache)
{
    gint64 now_us = exg_clock_monotonic_us();
    if (cache->stamp_path == NULL || now_us - cache->looked_us < EXG_DIRECTORY_STAMP_MS * 1000)
        return;
    cache->looked_us = now_us;
    struct timespec stamp = stamp_of(cache->stamp_path);
    if (stamp.tv_sec == cache->stamp.tv_sec && stamp.tv_nsec == cache->stamp.tv_nsec)
        return;
    cache->stamp = stamp;
    g_hash_table_remove_all(cache->nodes);
}

const ExgDirectoryEntry *
exg_directory_cache_find(ExgDirectoryCache *cache, const char *key)
{
    look_at_stamp(cache);
    Node *node = g_hash_table_lookup(cache->nodes, key);
    if (node == NULL)
        return NULL;
    place(cache, node);
    return &node->entry;
}

/* --- the file --------------------------------------------------------------------------------- */

static void
operation_free(gpointer data)
{
    Operation *operation = data;
    g_free(operation->key);
    g_free(operation);
}

/* Back on the engine: what the file knows is good if memory has nothing as new. */
static void
take_record(gpointer data)
{
    Operation *operation = data;
    ExgDirectoryCache *cache = operation->cache;
    const Node *node = g_hash_table_lookup(cache->nodes, operation->key);
    gint64 told_us = node != NULL ? node->entry.tips.told_us : 0;
    if (operation->found && (node == NULL || node->entry.found_us < operation->found_us)) {
        bool deliverable = operation->recipient == EXG_RECIPIENT_MAILBOX;
        set_verdict(cache, operation->key,
                    deliverable ? EXG_DIRECTORY_DELIVERABLE
                                : exg_directory_verdict_without_mailbox(operation->recipient),
                    operation->recipient, operation->found_us);
    }
    if (operation->tips.known && told_us < operation->tips.told_us)
        set_tips(cache, operation->key, &operation->tips);
    operation->function(operation->data);
    operation_free(operation);
    exg_directory_cache_unref(cache);
}

static gpointer
serve_file(gpointer data)
{
    ExgDirectoryCache *cache = data;
    for (bool close = false; !close;) {
        Operation *operation = g_async_queue_pop(cache->queue);
        close = operation->kind == CLOSE;
        EXG_FAIL_POINT("directory-file");
        switch (operation->kind) {
        case READ:
            operation->found = exg_directory_file_find(cache->file, operation->key,
                                                       &operation->recipient, &operation->found_us);
            if (operation->found && operation->recipient != EXG_RECIPIENT_NOBODY)
                exg_directory_file_find_tips(cache->file, operation->key, &operation->tips);
            exg_engine_post(cache->engine, take_record, operation);
            continue;
        case WRITE:
            exg_directory_file_store(cache->file, operation->key, operation->recipient,
                                     operation->found_us);
            break;
        case WRITE_TIPS:
            exg_directory_file_store_tips(cache->file, operation->key, &operation->tips);
            break;
        case DELETE:
            exg_directory_file_forget(cache->file, operation->key);
            break;
        case CLOSE:
            break;
        }
        operation_free(operation);
    }
    return NULL;
}

static Operation *
operation_new(OperationKind kind, const char *key)
{
    Operation *operation = g_new0(Operation, 1);
    operation->kind = kind;
    operation->key = g_strdup(key);
    return operation;
}

static bool
has_room(const ExgDirectoryCache *cache)
{
    return cache->thread != NULL && g_async_queue_length(cache->queue) < EXG_DIRECTORY_MAX_QUEUED;
}

void
exg_directory_cache_fetch(ExgDirectoryCache *cache, const char *key, ExgEngineFunc function,
                          gpointer data)
{
    if (!has_room(cache)) {
        function(data);
        return;
    }
    Operation *operation = operation_new(READ, key);
    operation->cache = exg_directory_cache_ref(cache);
    operation->function = function;
    operation->data = data;
    g_async_queue_push(cache->queue, operation);
}

/* --- the face --------------------------------------------------------------------------------- */

void
exg_directory_cache_put(ExgDirectoryCache *cache, const char *key, ExgDirectoryVerdict verdict,
                        ExgRecipientKind kind)
{
    g_return_if_fail(verdict != EXG_DIRECTORY_CANNOT_TELL);
    gint64 now_us = exg_clock_real_us();
    set_verdict(cache, key, verdict, kind, now_us);
    if (!has_room(cache))
        return;
    Operation *operation = operation_new(WRITE, key);
    operation->recipient = kind;
    operation->found_us = now_us;
    g_async_queue_push(cache->queue, operation);
}

void
exg_directory_cache_fail(ExgDirectoryCache *cache, const char *key, ExgRecipientKind kind,
                         const GError *why)
{
    Node *node = provide(cache, key);
    if (node->entry.verdict != EXG_DIRECTORY_DELIVERABLE &&
        node->entry.verdict != EXG_DIRECTORY_NOT_A_MAILBOX) {
        node->entry.verdict = EXG_DIRECTORY_CANNOT_TELL;
        node->entry.kind = kind;
        node->entry.found_us = 0;
    }
    node->entry.failed_us = exg_clock_real_us();
    g_clear_error(&node->entry.why);
    node->entry.why = why != NULL ? g_error_copy(why) : NULL;
    place(cache, node);
}

void
exg_directory_cache_put_tips(ExgDirectoryCache *cache, const char *key,
                             const ExgDirectoryTips *tips)
{
    ExgDirectoryTips told = *tips;
    told.known = true;
    told.told_us = exg_clock_real_us();
    if (!set_tips(cache, key, &told) || !has_room(cache))
        return;
    Operation *operation = operation_new(WRITE_TIPS, key);
    operation->tips = told;
    g_async_queue_push(cache->queue, operation);
}

void
exg_directory_cache_fail_tips(ExgDirectoryCache *cache, const char *key)
{
    Node *node = g_hash_table_lookup(cache->nodes, key);
    if (node != NULL)
        node->entry.tips_failed_us = exg_clock_real_us();
}

void
exg_directory_cache_forget(ExgDirectoryCache *cache, const char *key)
{
    g_hash_table_remove(cache->nodes, key);
    if (has_room(cache))
        g_async_queue_push(cache->queue, operation_new(DELETE, key));
}

ExgDirectoryCache *
exg_directory_cache_new(ExgEngine *engine, const char *path, guint max_known, guint max_nobody)
{
    ExgDirectoryCache *cache = g_new0(ExgDirectoryCache, 1);
    cache->references = 1;
    cache->engine = exg_engine_ref(engine);
    cache->nodes = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, node_free);
    cache->max_known = max_known > 0 ? max_known : EXG_DIRECTORY_MAX_KNOWN;
    cache->max_nobody = max_nobody > 0 ? max_nobody : EXG_DIRECTORY_MAX_NOBODY;
    if (path != NULL) {
        cache->stamp_path = g_strconcat(path, EXG_DIRECTORY_STAMP_SUFFIX, NULL);
        cache->stamp = stamp_of(cache->stamp_path);
        cache->file = exg_directory_file_new(path);
        cache->queue = g_async_queue_new_full(operation_free);
        cache->thread = g_thread_new("exgate-directory", serve_file, cache);
    }
    return cache;
}

ExgDirectoryCache *
exg_directory_cache_ref(ExgDirectoryCache *cache)
{
    cache->references++;
    return cache;
}

void
exg_directory_cache_unref(ExgDirectoryCache *cache)
{
    if (cache == NULL || --cache->references > 0)
        return;
    if (cache->thread != NULL) {
        g_async_queue_push(cache->queue, operation_new(CLOSE, NULL));
        g_thread_join(cache->thread);
        g_async_queue_unref(cache->queue);
        exg_directory_file_free(cache->file);
    }
    g_hash_table_unref(cache->nodes);
    g_free(cache->stamp_path);
    exg_engine_unref(cache->engine);
    g_free(cache);
}

ExgDirectoryCacheStatistics *
exg_directory_cache_tally(ExgDirectoryCache *cache)
{
    return &cache->statistics;
}

ExgDirectoryCacheStatistics
exg_directory_cache_statistics(const ExgDirectoryCache *cache)
{
    return cache->statistics;
}
