#include "common/directory/cache-file-private.h"

#include "common/base/clock.h"
#include "common/directory/cache.h"
#include "common/sqlite/cache-database.h"

#include <sqlite3.h>

const char exg_directory_file_schema[] =
    "CREATE TABLE IF NOT EXISTS recipients ("
    " address TEXT PRIMARY KEY NOT NULL,"
    " kind TEXT NOT NULL,"
    " found_us INTEGER NOT NULL"
    ") WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS known ON recipients (found_us) WHERE kind <> 'nobody';"
    "CREATE INDEX IF NOT EXISTS nobody ON recipients (found_us) WHERE kind = 'nobody';"
    "CREATE TABLE IF NOT EXISTS tips ("
    " address TEXT PRIMARY KEY NOT NULL,"
    " told_us INTEGER NOT NULL,"
    " flags INTEGER NOT NULL,"
    " max_message_bytes INTEGER NOT NULL,"
    " n_members INTEGER NOT NULL"
    ") WITHOUT ROWID;";

typedef enum {
    FIND,
    STORE,
    FORGET,
    FIND_TIPS,
    STORE_TIPS,
    FORGET_TIPS,
    PRUNE_OLD,
    PRUNE_KNOWN,
    PRUNE_NOBODY,
    PRUNE_TIPS,
    N_STATEMENTS
} Statement;

/* In the file: the numbers stay. */
typedef enum { FULL = 1, RESTRICTED = 2, MODERATED = 4, OUT_OF_OFFICE = 8 } TipFlag;

static const char *const statements[N_STATEMENTS] = {
    [FIND] = "SELECT kind, found_us FROM recipients WHERE address = ?1",
    [STORE] = "INSERT INTO recipients VALUES (?1, ?2, ?3) ON CONFLICT (address) DO UPDATE"
              " SET kind = excluded.kind, found_us = excluded.found_us"
              " WHERE excluded.found_us >= found_us",
    [FORGET] = "DELETE FROM recipients WHERE address = ?1",
    [FIND_TIPS] = "SELECT told_us, flags, max_message_bytes, n_members FROM tips WHERE address = "
                  "?1",
    [STORE_TIPS] = "INSERT INTO tips VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (address) DO UPDATE"
                   " SET told_us = excluded.told_us, flags = excluded.flags,"
                   " max_message_bytes = excluded.max_message_bytes,"
                   " n_members = excluded.n_members WHERE excluded.told_us >= told_us",
    [FORGET_TIPS] = "DELETE FROM tips WHERE address = ?1",
    [PRUNE_OLD] = "DELETE FROM recipients WHERE found_us < ?1 OR found_us > ?2",
    [PRUNE_KNOWN] = "DELETE FROM recipients WHERE address IN (SELECT address FROM recipients WHERE"
                    " kind <> 'nobody' ORDER BY found_us DESC LIMIT -1 OFFSET ?1)",
    [PRUNE_NOBODY] = "DELETE FROM recipients WHERE address IN (SELECT address FROM recipients WHERE"
                     " kind = 'nobody' ORDER BY found_us DESC LIMIT -1 OFFSET ?1)",
    [PRUNE_TIPS] = "DELETE FROM tips WHERE told_us < ?1 OR told_us > ?2"
                   " OR NOT EXISTS (SELECT 1 FROM recipients WHERE"
                   " recipients.address = tips.address AND kind <> 'nobody')",
};

struct ExgDirectoryFile {
    ExgCacheDatabase cache;
    guint writes;
};

static const ExgCacheDatabaseKind kind_of_file = {
    .name = "the directory cache",
    .without = "findings are kept in memory only",
    .application_id = EXG_DIRECTORY_FILE_APPLICATION,
    .layout = EXG_DIRECTORY_FILE_LAYOUT,
    .busy_timeout_ms = 1000,
    .schema = exg_directory_file_schema,
    .statements = statements,
    .n_statements = N_STATEMENTS,
};

static bool
is_open(ExgDirectoryFile *file)
{
    bool opened;
    bool usable = exg_cache_database_is_open(&file->cache, &opened);
    if (opened)
        exg_directory_file_prune(file, EXG_DIRECTORY_FILE_MAX_KNOWN, EXG_DIRECTORY_FILE_MAX_NOBODY);
    return usable;
}

ExgDirectoryFile *
exg_directory_file_new(const char *path)
{
    ExgDirectoryFile *file = g_new0(ExgDirectoryFile, 1);
    exg_cache_database_init(&file->cache, &kind_of_file, path);
    return file;
}

void
exg_directory_file_free(ExgDirectoryFile *file)
{
    if (file == NULL)
        return;
    exg_cache_database_clear(&file->cache);
    g_free(file);
}

/* --- rows ------------------------------------------------------------------------------------- */

/* Runs a statement that answers no rows. */
static void
run(ExgDirectoryFile *file, sqlite3_stmt *statement)
{
    exg_cache_database_note(&file->cache, exg_database_run(statement));
}

bool
exg_directory_file_find(ExgDirectoryFile *file, const char *key, ExgRecipientKind *ret_kind,
                        gint64 *ret_found_us)
{
    if (!is_open(file))
        return false;
    sqlite3_stmt *statement = file->cache.database.prepared[FIND];
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    int code = sqlite3_step(statement);
    ExgRecipientKind kind = EXG_RECIPIENT_UNKNOWN;
    gint64 found_us = 0;
    if (code == SQLITE_ROW) {
        kind = exg_recipient_kind_find((const char *)sqlite3_column_text(statement, 0));
        found_us = sqlite3_column_int64(statement, 1);
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    exg_cache_database_note(&file->cache, code);
    if (kind == EXG_RECIPIENT_UNKNOWN)
        return false;
    *ret_kind = kind;
    *ret_found_us = found_us;
    return true;
}

void
exg_directory_file_store(ExgDirectoryFile *file, const char *key, ExgRecipientKind kind,
                         gint64 found_us)
{
    if (!is_open(file))
        return;
    sqlite3_stmt *statement = file->cache.database.prepared[STORE];
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, exg_recipient_kind_name(kind), -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, found_us);
    run(file, statement);
    if (++file->writes % EXG_DIRECTORY_FILE_PRUNE_WRITES == 0)
        exg_directory_file_prune(file, EXG_DIRECTORY_FILE_MAX_KNOWN, EXG_DIRECTORY_FILE_MAX_NOBODY);
}

ExgDirectoryTips
exg_directory_file_read_tips(sqlite3_stmt *statement, int column)
{
    gint64 flags = sqlite3_column_int64(statement, column + 1);
    if (sqlite3_column_type(statement, column) == SQLITE_NULL)
        return (ExgDirectoryTips){0};
    return (ExgDirectoryTips){
        .known = true,
        .told_us = sqlite3_column_int64(statement, column),
        .full = flags & FULL,
        .restricted = flags & RESTRICTED,
        .moderated = flags & MODERATED,
        .out_of_office = flags & OUT_OF_OFFICE,
        .max_message_bytes = MAX(sqlite3_column_int64(statement, column + 2), 0),
        .n_members = MAX(sqlite3_column_int64(statement, column + 3), 0),
    };
}

bool
exg_directory_file_find_tips(ExgDirectoryFile *file, const char *key, ExgDirectoryTips *ret_tips)
{
    if (!is_open(file))
        return false;
    sqlite3_stmt *statement = file->cache.database.prepared[FIND_TIPS];
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    int code = sqlite3_step(statement);
    bool found = code == SQLITE_ROW;
    if (found)
        *ret_tips = exg_directory_file_read_tips(statement, 0);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    exg_cache_database_note(&file->cache, code);
    return found;
}

void
exg_directory_file_store_tips(ExgDirectoryFile *file, const char *key, const ExgDirectoryTips *tips)
{
    if (!is_open(file))
        return;
    int flags = (tips->full ? FULL : 0) | (tips->restricted ? RESTRICTED : 0) |
                (tips->moderated ? MODERATED : 0) | (tips->out_of_office ? OUT_OF_OFFICE : 0);
    sqlite3_stmt *statement = file->cache.database.prepared[STORE_TIPS];
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, tips->told_us);
    sqlite3_bind_int(statement, 3, flags);
    sqlite3_bind_int64(statement, 4, tips->max_message_bytes);
    sqlite3_bind_int64(statement, 5, tips->n_members);
    run(file, statement);
}

void
exg_directory_file_forget(ExgDirectoryFile *file, const char *key)
{
    static const Statement steps[] = {FORGET, FORGET_TIPS};
    for (guint i = 0; i < G_N_ELEMENTS(steps) && is_open(file); i++) {
        sqlite3_stmt *statement = file->cache.database.prepared[steps[i]];
        sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
        run(file, statement);
    }
}

void
exg_directory_file_prune(ExgDirectoryFile *file, guint max_known, guint max_nobody)
{
    const struct {
        Statement statement;
        gint64 values[2];
    } steps[] = {
        {PRUNE_OLD, {exg_clock_real_us() - EXG_DIRECTORY_STALE_US, exg_clock_real_us()}},
        {PRUNE_KNOWN, {max_known}},
        {PRUNE_NOBODY, {max_nobody}},
        {PRUNE_TIPS, {exg_clock_real_us() - EXG_DIRECTORY_FILE_TIPS_US, exg_clock_real_us()}},
    };
    for (guint i = 0; i < G_N_ELEMENTS(steps) && is_open(file); i++) {
        sqlite3_stmt *statement = file->cache.database.prepared[steps[i].statement];
        for (int j = 0; j < sqlite3_bind_parameter_count(statement); j++)
            sqlite3_bind_int64(statement, j + 1, steps[i].values[j]);
        run(file, statement);
    }
}
