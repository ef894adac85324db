#include "common/directory/cache-file-private.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/directory/cache.h"
#include "common/sqlite/database.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

#define BUSY_TIMEOUT_MS 1000
#define REOPEN_US       (60 * G_USEC_PER_SEC)
#define OPEN_ATTEMPTS   3
/* "EXGD": tells the cache's file from somebody else's database, and its layout from a later one's. */
#define APPLICATION_ID 0x45584744
#define LAYOUT         1

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS recipients ("
    " address TEXT PRIMARY KEY NOT NULL,"
    " kind TEXT NOT NULL,"
    " found_us INTEGER NOT NULL"
    ") WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS known ON recipients (found_us) WHERE kind <> 'nobody';"
    "CREATE INDEX IF NOT EXISTS nobody ON recipients (found_us) WHERE kind = 'nobody';";

typedef enum { FIND, STORE, FORGET, PRUNE_OLD, PRUNE_KNOWN, PRUNE_NOBODY, N_STATEMENTS } Statement;

static const char *const statements[N_STATEMENTS] = {
    [FIND] = "SELECT kind, found_us FROM recipients WHERE address = ?1",
    [STORE] = "INSERT INTO recipients VALUES (?1, ?2, ?3) ON CONFLICT (address) DO UPDATE"
              " SET kind = excluded.kind, found_us = excluded.found_us"
              " WHERE excluded.found_us >= found_us",
    [FORGET] = "DELETE FROM recipients WHERE address = ?1",
    [PRUNE_OLD] = "DELETE FROM recipients WHERE found_us < ?1 OR found_us > ?2",
    [PRUNE_KNOWN] = "DELETE FROM recipients WHERE address IN (SELECT address FROM recipients WHERE"
                    " kind <> 'nobody' ORDER BY found_us DESC LIMIT -1 OFFSET ?1)",
    [PRUNE_NOBODY] = "DELETE FROM recipients WHERE address IN (SELECT address FROM recipients WHERE"
                     " kind = 'nobody' ORDER BY found_us DESC LIMIT -1 OFFSET ?1)",
};

struct ExgDirectoryFile {
    char *path;
    ExgDatabase database;
    gint64 reopen_us; /* when opening is worth another attempt */
    guint writes;
};

/* --- opening ---------------------------------------------------------------------------------- */

/* SQLITE_NOTADB for a database that is somebody else's. */
static int
check_owner(ExgDatabase *database)
{
    gint64 application = 0, layout = 0, tables = 0;
    int code;
    if ((code = exg_database_ask(database, "PRAGMA application_id", &application)) != SQLITE_OK ||
        (code = exg_database_ask(database, "PRAGMA user_version", &layout)) != SQLITE_OK ||
        (code = exg_database_ask(database, "SELECT count(*) FROM sqlite_schema", &tables)) !=
            SQLITE_OK ||
        (code = exg_database_check(database)) != SQLITE_OK)
        return code;
    bool is_new = tables == 0 && application == 0 && layout == 0;
    return is_new || (application == APPLICATION_ID && layout == LAYOUT) ? SQLITE_OK
                                                                         : SQLITE_NOTADB;
}

/* Answers an SQLite code. */
static int
open_database(ExgDirectoryFile *file)
{
    int code = exg_database_open(&file->database, file->path, BUSY_TIMEOUT_MS);
    if (code != SQLITE_OK || (code = check_owner(&file->database)) != SQLITE_OK)
        return code;
    /* In one transaction, so that another process sees a file that is empty or complete. */
    g_autofree char *sql = g_strdup_printf(
        "BEGIN IMMEDIATE; PRAGMA application_id = %d; PRAGMA user_version = %d; %s COMMIT",
        APPLICATION_ID, LAYOUT, schema);
    return exg_database_set_up(&file->database, "NORMAL", sql, statements, N_STATEMENTS);
}

/* The last one set aside is kept for whoever wants to look. The log goes first: a new database must not find it. */
static void
set_aside(ExgDirectoryFile *file)
{
    static const char *const suffixes[] = {"-wal", "-shm", ""};
    if (!exg_database_is_in_place(&file->database, file->path))
        return; /* another process was faster */
    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *from = g_strconcat(file->path, suffixes[i], NULL);
        g_autofree char *to = g_strconcat(file->path, ".aside", suffixes[i], NULL);
        if (rename(from, to) < 0 && errno != ENOENT)
            exg_log(EXG_LOG_WARNING, NULL, "cannot rename %s: %s", from, g_strerror(errno));
    }
    exg_log(EXG_LOG_WARNING, NULL,
            "the directory cache %s is damaged, or is another file; it was set aside as %s.aside",
            file->path, file->path);
}

static bool
open_or_replace(ExgDirectoryFile *file)
{
    int code = SQLITE_OK;
    for (guint i = 0; i < OPEN_ATTEMPTS; i++) {
        code = open_database(file);
        if (code == SQLITE_OK) {
            exg_directory_file_prune(file, EXG_DIRECTORY_FILE_MAX_KNOWN,
                                     EXG_DIRECTORY_FILE_MAX_NOBODY);
            return true;
        }
        if (!exg_database_is_corruption(code))
            break;
        exg_database_close(&file->database);
        set_aside(file);
    }
    exg_log(EXG_LOG_WARNING, NULL,
            "cannot open the directory cache %s: %s; findings are kept in memory only", file->path,
            exg_database_message(&file->database, code));
    exg_database_close(&file->database);
    return false;
}

static bool
is_open(ExgDirectoryFile *file)
{
    if (file->database.handle != NULL && !exg_database_is_in_place(&file->database, file->path)) {
        exg_database_close(&file->database);
        file->reopen_us = 0;
    }
    if (file->database.handle != NULL)
        return true;
    if (exg_clock_monotonic_us() < file->reopen_us)
        return false;
    file->reopen_us = exg_clock_monotonic_us() + REOPEN_US;
    return open_or_replace(file);
}

ExgDirectoryFile *
exg_directory_file_new(const char *path)
{
    ExgDirectoryFile *file = g_new0(ExgDirectoryFile, 1);
    file->path = g_strdup(path);
    return file;
}

void
exg_directory_file_free(ExgDirectoryFile *file)
{
    if (file == NULL)
        return;
    exg_database_close(&file->database);
    g_free(file->path);
    g_free(file);
}

/* --- rows ------------------------------------------------------------------------------------- */

/* A file that turns out to be damaged is opened anew the next time, and then set aside. */
static void
check_result(ExgDirectoryFile *file, int code)
{
    if (code == SQLITE_ROW || code == SQLITE_DONE)
        return;
    exg_log(EXG_LOG_DEBUG, NULL, "the directory cache %s: %s", file->path,
            exg_database_message(&file->database, code));
    if (!exg_database_is_corruption(code))
        return;
    exg_database_close(&file->database);
    file->reopen_us = 0;
}

/* Runs a statement that answers no rows. */
static void
run(ExgDirectoryFile *file, sqlite3_stmt *statement)
{
    int code = exg_database_run(statement);
    check_result(file, code == SQLITE_OK ? SQLITE_DONE : code);
}

bool
exg_directory_file_find(ExgDirectoryFile *file, const char *key, ExgRecipientKind *ret_kind,
                        gint64 *ret_found_us)
{
    if (!is_open(file))
        return false;
    sqlite3_stmt *statement = file->database.prepared[FIND];
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
    check_result(file, code);
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
    sqlite3_stmt *statement = file->database.prepared[STORE];
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, exg_recipient_kind_name(kind), -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, found_us);
    run(file, statement);
    if (++file->writes % EXG_DIRECTORY_FILE_PRUNE_WRITES == 0)
        exg_directory_file_prune(file, EXG_DIRECTORY_FILE_MAX_KNOWN, EXG_DIRECTORY_FILE_MAX_NOBODY);
}

void
exg_directory_file_forget(ExgDirectoryFile *file, const char *key)
{
    if (!is_open(file))
        return;
    sqlite3_bind_text(file->database.prepared[FORGET], 1, key, -1, SQLITE_STATIC);
    run(file, file->database.prepared[FORGET]);
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
    };
    for (guint i = 0; i < G_N_ELEMENTS(steps) && is_open(file); i++) {
        sqlite3_stmt *statement = file->database.prepared[steps[i].statement];
        for (int j = 0; j < sqlite3_bind_parameter_count(statement); j++)
            sqlite3_bind_int64(statement, j + 1, steps[i].values[j]);
        run(file, statement);
    }
}
