#include "common/sqlite/power-cut.h"

#ifdef EXG_TEST_SEAMS
#include "common/base/failpoint.h"

#include <glib.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

#define VFS_NAME     "power-cut"
#define SECTOR_BYTES 512

typedef struct {
    gint64 number; /* the table's key */
    guint8 bytes[SECTOR_BYTES];
} Sector;

/* Behind it lies the real file, in the same piece of SQLite's memory. */
typedef struct {
    sqlite3_file file;
    GHashTable *unsynced; /* Sector by number: what covers the real file */
    gint64 size_bytes;
    gint64 valid_bytes; /* so much of the real file has not been truncated */
    bool torn;
} CoveredFile;

static sqlite3_file *
real_of(sqlite3_file *file)
{
    return (sqlite3_file *)((CoveredFile *)file + 1);
}

/* --- sectors ---------------------------------------------------------------------------------- */

/* What is on the disk, with zeros behind its end. */
static int
read_real(CoveredFile *covered, guint8 *buffer, gint64 length, gint64 offset)
{
    gint64 there = CLAMP(covered->valid_bytes - offset, 0, length);
    memset(buffer + there, 0, (gsize)(length - there));
    if (there == 0)
        return SQLITE_OK;
    sqlite3_file *real = real_of(&covered->file);
    int code = real->pMethods->xRead(real, buffer, (int)there, offset);
    return code == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : code;
}

static int
write_real(CoveredFile *covered, const Sector *sector)
{
    gint64 offset = sector->number * SECTOR_BYTES;
    gint64 length = MIN(SECTOR_BYTES, covered->size_bytes - offset);
    sqlite3_file *real = real_of(&covered->file);
    return real->pMethods->xWrite(real, sector->bytes, (int)length, offset);
}

static int
cover(CoveredFile *covered, gint64 number, Sector **ret_sector)
{
    Sector *sector = g_hash_table_lookup(covered->unsynced, &number);
    if (sector == NULL) {
        sector = g_new(Sector, 1);
        sector->number = number;
        int code = read_real(covered, sector->bytes, SECTOR_BYTES, number * SECTOR_BYTES);
        if (code != SQLITE_OK) {
            g_free(sector);
            return code;
        }
        g_hash_table_insert(covered->unsynced, &sector->number, sector);
    }
    *ret_sector = sector;
    return SQLITE_OK;
}

/* In no order, as a disk may. */
static int
flush(CoveredFile *covered)
{
    sqlite3_file *real = real_of(&covered->file);
    sqlite3_int64 real_bytes = 0;
    int code = real->pMethods->xFileSize(real, &real_bytes);
    if (code == SQLITE_OK && real_bytes > covered->valid_bytes)
        code = real->pMethods->xTruncate(real, covered->valid_bytes);
    GHashTableIter iterator;
    gpointer sector;
    g_hash_table_iter_init(&iterator, covered->unsynced);
    while (code == SQLITE_OK && g_hash_table_iter_next(&iterator, NULL, &sector)) {
        EXG_FAIL_POINT("power-cut-flush");
        code = write_real(covered, sector);
    }
    /* It may end with zeros that nobody wrote. */
    if (code == SQLITE_OK)
        code = real->pMethods->xTruncate(real, covered->size_bytes);
    if (code == SQLITE_OK) {
        g_hash_table_remove_all(covered->unsynced);
        covered->valid_bytes = covered->size_bytes;
    }
    return code;
}

/* --- a file ----------------------------------------------------------------------------------- */

static int
file_close(sqlite3_file *file)
{
    CoveredFile *covered = (CoveredFile *)file;
    sqlite3_file *real = real_of(file);
    int flushed = flush(covered);
    int closed = real->pMethods->xClose(real);
    g_clear_pointer(&covered->unsynced, g_hash_table_unref);
    return flushed != SQLITE_OK ? flushed : closed;
}

static int
file_read(sqlite3_file *file, void *buffer, int length, sqlite3_int64 offset)
{
    CoveredFile *covered = (CoveredFile *)file;
    guint8 *bytes = buffer;
    gint64 end = offset + length;
    int code = read_real(covered, bytes, length, offset);
    for (gint64 number = offset / SECTOR_BYTES; code == SQLITE_OK && number * SECTOR_BYTES < end;
         number++) {
        const Sector *sector = g_hash_table_lookup(covered->unsynced, &number);
        if (sector == NULL)
            continue;
        gint64 from = MAX(offset, number * SECTOR_BYTES);
        gint64 to = MIN(end, (number + 1) * SECTOR_BYTES);
        memcpy(bytes + (from - offset), sector->bytes + (from - number * SECTOR_BYTES),
               (gsize)(to - from));
    }
    return code == SQLITE_OK && end > covered->size_bytes ? SQLITE_IOERR_SHORT_READ : code;
}

static int
file_write(sqlite3_file *file, const void *buffer, int length, sqlite3_int64 offset)
{
    CoveredFile *covered = (CoveredFile *)file;
    const guint8 *bytes = buffer;
    gint64 end = offset + length;
    int code = SQLITE_OK;
    EXG_FAIL_POINT("power-cut-write");
    covered->size_bytes = MAX(covered->size_bytes, end);
    for (gint64 number = offset / SECTOR_BYTES; code == SQLITE_OK && number * SECTOR_BYTES < end;
         number++) {
        Sector *sector = NULL;
        code = cover(covered, number, &sector);
        if (code != SQLITE_OK)
            break;
        gint64 from = MAX(offset, number * SECTOR_BYTES);
        gint64 to = MIN(end, (number + 1) * SECTOR_BYTES);
        memcpy(sector->bytes + (from - number * SECTOR_BYTES), bytes + (from - offset),
               (gsize)(to - from));
        if (covered->torn && g_random_boolean())
            code = write_real(covered, sector);
    }
    return code;
}

static gboolean
is_beyond(gpointer key, gpointer value, gpointer size_bytes)
{
    return ((const Sector *)value)->number * SECTOR_BYTES >= *(const gint64 *)size_bytes;
}

static int
file_truncate(sqlite3_file *file, sqlite3_int64 size_bytes)
{
    CoveredFile *covered = (CoveredFile *)file;
    gint64 size = size_bytes;
    gint64 number = size / SECTOR_BYTES;
    covered->size_bytes = size;
    covered->valid_bytes = MIN(covered->valid_bytes, size);
    g_hash_table_foreach_remove(covered->unsynced, is_beyond, &size);
    Sector *last = g_hash_table_lookup(covered->unsynced, &number);
    if (last != NULL)
        memset(last->bytes + size % SECTOR_BYTES, 0, (gsize)(SECTOR_BYTES - size % SECTOR_BYTES));
    return SQLITE_OK;
}

/* It is enough that the kernel has it, which goes on living. */
static int
file_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    EXG_FAIL_POINT("power-cut-sync");
    return flush((CoveredFile *)file);
}

static int
file_size(sqlite3_file *file, sqlite3_int64 *ret_bytes)
{
    *ret_bytes = ((CoveredFile *)file)->size_bytes;
    return SQLITE_OK;
}

/* --- what the real file does by itself -------------------------------------------------------- */

static int
file_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int
file_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int
file_check_reserved_lock(sqlite3_file *file, int *ret_reserved)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), ret_reserved);
}

static int
file_control(sqlite3_file *file, int operation, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int
file_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int
file_device_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int
file_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **ret_memory)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), region, size, extend, ret_memory);
}

static int
file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void
file_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int
file_shm_unmap(sqlite3_file *file, int delete)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), delete);
}

/* Version 2: without memory maps, which would write behind our back. */
static const sqlite3_io_methods covered_file_methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_device_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* --- the file system -------------------------------------------------------------------------- */

static sqlite3_vfs *
real_vfs(const sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

static int
open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    CoveredFile *covered = (CoveredFile *)file;
    sqlite3_file *real = real_of(file);
    memset(covered, 0, sizeof *covered);
    sqlite3_int64 size_bytes = 0;
    int code = real_vfs(vfs)->xOpen(real_vfs(vfs), name, real, flags, ret_flags);
    if (code == SQLITE_OK)
        code = real->pMethods->xFileSize(real, &size_bytes);
    if (code != SQLITE_OK) {
        if (real->pMethods != NULL)
            (void)real->pMethods->xClose(real);
        return code;
    }
    covered->file.pMethods = &covered_file_methods;
    covered->unsynced = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    covered->size_bytes = covered->valid_bytes = size_bytes;
    covered->torn = EXG_FAIL_POINT_ERROR("power-cut-torn");
    return SQLITE_OK;
}

/* On top of the VFS that lets one process in and has the wal-index in its memory. */
static gpointer
register_vfs(gpointer data)
{
    static sqlite3_vfs vfs;
    sqlite3_vfs *real = sqlite3_vfs_find("unix-excl");
    g_assert(real != NULL);
    vfs = *real;
    vfs.pNext = NULL;
    vfs.zName = VFS_NAME;
    vfs.szOsFile = (int)sizeof(CoveredFile) + real->szOsFile;
    vfs.pAppData = real;
    vfs.xOpen = open_file;
    sqlite3_vfs_register(&vfs, 0);
    return NULL;
}

const char *
exg_power_cut_vfs(void)
{
    static GOnce once = G_ONCE_INIT;
    bool whole = EXG_FAIL_POINT_ERROR("power-cut");
    bool torn = EXG_FAIL_POINT_ERROR("power-cut-torn");
    if (!whole && !torn)
        return NULL;
    g_once(&once, register_vfs, NULL);
    return VFS_NAME;
}
#endif
