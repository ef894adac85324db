#include "common/directory/recipient-map.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/directory/recipient-list.h"
#include "common/io/worker.h"
#include "common/mime/address.h"

#include <sys/stat.h>

/* What tells one state of a file from another. */
typedef struct {
    struct timespec changed;
    ino_t inode;
    dev_t device;
    off_t size;
} Stamp;

/* One reading of the file, beside the engine. */
typedef struct {
    ExgRecipientMap *map; /* NULL: it has gone meanwhile */
    char *path;
    Stamp old, stamp;
    GHashTable *table; /* NULL: nothing has changed, or `error` */
    GError *error;
} Reading;

struct ExgRecipientMap {
    char *path;
    ExgWorkerPool *workers;
    GHashTable *table; /* folded address -> ExgRecipientKind */
    Stamp stamp;
    gint64 looked_us;
    Reading *reading; /* under way */
};

/* --- the file --------------------------------------------------------------------------------- */

static Stamp
stamp_of(const char *path)
{
    struct stat status;
    if (stat(path, &status) < 0)
        return (Stamp){0};
    return (Stamp){status.st_ctim, status.st_ino, status.st_dev, status.st_size};
}

static bool
is_same(const Stamp *one, const Stamp *other)
{
    return one->changed.tv_sec == other->changed.tv_sec &&
           one->changed.tv_nsec == other->changed.tv_nsec && one->inode == other->inode &&
           one->device == other->device && one->size == other->size;
}

static bool
take_line(const ExgRecipientLine *line, gpointer data, GError **error)
{
    ExgRecipientKind kind = line->kind == EXG_RECIPIENT_UNKNOWN ? EXG_RECIPIENT_MAILBOX
                                                                : line->kind;
    if (kind != EXG_RECIPIENT_MAILBOX && kind != EXG_RECIPIENT_GROUP)
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "mailbox or group is expected behind the address");
    g_hash_table_replace(data, g_strdup(line->address), GUINT_TO_POINTER(kind));
    return true;
}

static GHashTable *
load(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize length;
    if (!exg_recipient_list_load(path, &text, &length, error))
        return NULL;
    g_autoptr(GHashTable) table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (!exg_recipient_list_read(text, length, take_line, table, error)) {
        g_prefix_error(error, "%s: ", path);
        return NULL;
    }
    return g_steal_pointer(&table);
}

/* --- reading it again ------------------------------------------------------------------------- */

static void
reading_free(Reading *reading)
{
    g_clear_pointer(&reading->table, g_hash_table_unref);
    g_clear_error(&reading->error);
    g_free(reading->path);
    g_free(reading);
}

static void
read_again(gpointer data)
{
    Reading *reading = data;
    reading->stamp = stamp_of(
        reading->path); /* before it is read: what changes then counts later */
    if (!is_same(&reading->stamp, &reading->old))
        reading->table = load(reading->path, &reading->error);
}

static void
has_read(gpointer data)
{
    Reading *reading = data;
    ExgRecipientMap *map = reading->map;
    if (map != NULL) {
        map->reading = NULL;
        map->stamp = reading->stamp;
        if (reading->table != NULL) {
            g_hash_table_unref(map->table);
            map->table = g_steal_pointer(&reading->table);
            exg_log(EXG_LOG_INFO, NULL, "read %s again: %u recipients", map->path,
                    g_hash_table_size(map->table));
        } else if (reading->error != NULL) {
            exg_log(EXG_LOG_WARNING, NULL, "%s; what was read before stays in force",
                    reading->error->message);
        }
    }
    reading_free(reading);
}

static void
look_at_file(ExgRecipientMap *map)
{
    gint64 now_us = exg_clock_monotonic_us();
    if (map->reading != NULL || now_us - map->looked_us < EXG_RECIPIENT_MAP_LOOK_MS * 1000)
        return;
    map->looked_us = now_us;
    Reading *reading = g_new0(Reading, 1);
    reading->map = map;
    reading->path = g_strdup(map->path);
    reading->old = map->stamp;
    if (exg_worker_run(map->workers, read_again, has_read, reading, NULL))
        map->reading = reading;
    else
        reading_free(reading);
}

/* --- the face --------------------------------------------------------------------------------- */

ExgRecipientMap *
exg_recipient_map_new(ExgEngine *engine, const char *path, GError **error)
{
    Stamp stamp = stamp_of(path);
    g_autoptr(GHashTable) table = load(path, error);
    if (table == NULL)
        return NULL;
    ExgRecipientMap *map = g_new0(ExgRecipientMap, 1);
    map->path = g_strdup(path);
    map->workers = exg_worker_pool_new(engine, 1, 1);
    map->table = g_steal_pointer(&table);
    map->stamp = stamp;
    map->looked_us = exg_clock_monotonic_us();
    return map;
}

void
exg_recipient_map_free(ExgRecipientMap *map)
{
    if (map == NULL)
        return;
    if (map->reading != NULL)
        map->reading->map = NULL;
    exg_worker_pool_free(map->workers);
    g_hash_table_unref(map->table);
    g_free(map->path);
    g_free(map);
}

ExgRecipientKind
exg_recipient_map_find(ExgRecipientMap *map, const char *address)
{
    if (map == NULL)
        return EXG_RECIPIENT_UNKNOWN;
    look_at_file(map);
    g_autofree char *key = exg_address_fold(address);
    return (ExgRecipientKind)GPOINTER_TO_UINT(g_hash_table_lookup(map->table, key));
}

guint
exg_recipient_map_count(const ExgRecipientMap *map)
{
    return g_hash_table_size(map->table);
}
