#include "common/sqlite/database.h"

#include "common/base/clock.h"

#include <sys/stat.h>

#define LOG_RETRY_MS 2

/* --- opening ---------------------------------------------------------------------------------- */

int
exg_database_open(ExgDatabase *database, const char *path, int busy_timeout_ms)
{
    int code = sqlite3_open_v2(path, &database->handle,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                   SQLITE_OPEN_NOFOLLOW,
                               database->vfs);
    if (code != SQLITE_OK)
        return code;
    struct stat status = {0};
    (void)stat(path, &status);
    database->device = status.st_dev;
    database->inode = status.st_ino;
    database->busy_timeout_ms = busy_timeout_ms;
    sqlite3_busy_timeout(database->handle, busy_timeout_ms);
    return SQLITE_OK;
}

int
exg_database_check(ExgDatabase *database)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(database->handle, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        code = g_strcmp0((const char *)sqlite3_column_text(statement, 0), "ok") == 0
                   ? SQLITE_OK
                   : SQLITE_CORRUPT;
    sqlite3_finalize(statement);
    return code;
}

/* SQLite's busy handler is not asked here: of two processes that make a new file at the same time,
 * one would be told at once that it is locked. */
static int
turn_log_on(ExgDatabase *database)
{
    gint64 deadline_us = exg_clock_monotonic_us() + database->busy_timeout_ms * 1000LL;
    int code;
    while ((code = exg_database_execute(database, "PRAGMA journal_mode = WAL")) == SQLITE_BUSY &&
           exg_clock_monotonic_us() < deadline_us)
        sqlite3_sleep(LOG_RETRY_MS);
    return code;
}

int
exg_database_use_wal(ExgDatabase *database, const char *synchronous)
{
    g_autofree char *sql = g_strconcat("PRAGMA synchronous = ", synchronous, NULL);
    int code = turn_log_on(database);
    return code == SQLITE_OK ? exg_database_execute(database, sql) : code;
}

int
exg_database_set_up(ExgDatabase *database, const char *schema, const char *const *statements,
                    guint n_statements)
{
    int code = exg_database_execute(database, schema);
    if (code != SQLITE_OK)
        return code;
    database->prepared = g_new0(sqlite3_stmt *, n_statements);
    database->n_prepared = n_statements;
    for (guint i = 0; i < n_statements && code == SQLITE_OK; i++)
        code = sqlite3_prepare_v3(database->handle, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                                  &database->prepared[i], NULL);
    return code;
}

void
exg_database_close(ExgDatabase *database)
{
    for (guint i = 0; i < database->n_prepared; i++)
        sqlite3_finalize(database->prepared[i]);
    g_clear_pointer(&database->prepared, g_free);
    database->n_prepared = 0;
    g_clear_pointer(&database->handle, sqlite3_close);
}

/* --- statements ------------------------------------------------------------------------------- */

int
exg_database_execute(ExgDatabase *database, const char *sql)
{
    return sqlite3_exec(database->handle, sql, NULL, NULL, NULL);
}

int
exg_database_ask(ExgDatabase *database, const char *sql, gint64 *ret_number)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(database->handle, sql, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        *ret_number = sqlite3_column_int64(statement, 0);
        code = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return code;
}

int
exg_database_run(sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

void
exg_database_roll_back(ExgDatabase *database)
{
    if (!sqlite3_get_autocommit(database->handle))
        (void)exg_database_execute(database, "ROLLBACK");
}

/* --- the file --------------------------------------------------------------------------------- */

bool
exg_database_is_in_place(const ExgDatabase *database, const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && status.st_dev == database->device &&
           status.st_ino == database->inode;
}

bool
exg_database_is_corruption(int code)
{
    return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

const char *
exg_database_message(const ExgDatabase *database, int code)
{
    if (database->handle == NULL)
        return sqlite3_errstr(code);
    int reason = sqlite3_system_errno(database->handle);
    if ((code & 0xff) == SQLITE_CANTOPEN && reason != 0)
        return g_strerror(reason);
    return sqlite3_errmsg(database->handle);
}
