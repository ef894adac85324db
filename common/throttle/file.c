#include "common/throttle/file-private.h"

#include "common/base/clock.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/sqlite/database.h"
#include "common/throttle/throttle.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define APPLICATION 0x65786754 /* "exgT" */
#define VERSION     1
/* How far the wall clocks of two threads may differ from the monotonic one that a probe's time was reckoned with. */
#define CLAIM_EARLY_MS 100
#define TEXT_OF(macro) TEXT_OF_(macro)
#define TEXT_OF_(text) #text

/* Rows of what ended that long ago are of no use to anybody. */
#define KEEP_MS        ((gint64)3600 * 1000)
#define PRUNE_EVERY_MS ((gint64)600 * 1000)

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS closed ("
    " scope INTEGER NOT NULL, kind INTEGER NOT NULL, key TEXT NOT NULL,"
    " since_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, interval_ms INTEGER NOT NULL,"
    " asked INTEGER NOT NULL, code TEXT NOT NULL,"
    " PRIMARY KEY (scope, kind, key)) WITHOUT ROWID;"
    "PRAGMA application_id = " TEXT_OF(APPLICATION) ";"
                                                    "PRAGMA user_version = " TEXT_OF(VERSION);

typedef enum { PAUSE, BREAK, MEND, CLAIM, EXISTS, READ, PRUNE, CHANGES, N_STATEMENTS } Statement;

#define INSERT                                                                                     \
    "INSERT INTO closed VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"                                   \
    " ON CONFLICT (scope, kind, key) DO UPDATE SET since_ms = ?4, until_ms = ?5,"                  \
    " interval_ms = ?6, asked = ?7, code = ?8"
#define WHERE_KEY " WHERE scope = ?1 AND kind = ?2 AND key = ?3"

static const char *const statements[N_STATEMENTS] = {
    [PAUSE] = INSERT " WHERE until_ms < ?5", /* of two back-offs the longer one holds */
    [BREAK] = INSERT,
    [MEND] = "DELETE FROM closed" WHERE_KEY,
    [CLAIM] = "UPDATE closed SET until_ms = ?4" WHERE_KEY " AND until_ms <= ?5",
    [EXISTS] = "SELECT 1 FROM closed" WHERE_KEY,
    [READ] = "SELECT scope, kind, key, since_ms, until_ms, interval_ms, asked, code FROM closed"
             " WHERE kind <> 1 OR until_ms > ?1 ORDER BY scope LIMIT ?2",
    [PRUNE] = "DELETE FROM closed WHERE until_ms < ?1",
    [CHANGES] = "PRAGMA data_version",
};

struct ExgThrottleFile {
    char *path;
    ExgDatabase database;
    bool opened_before;
    bool read_before;
    gint64 changes; /* data_version at the last reading */
    gint64 pruned_ms;
};

static gint64
now_ms(void)
{
    return exg_clock_real_us() / 1000;
}

/* --- a visit's rows --------------------------------------------------------------------------- */

static void
row_clear(gpointer data)
{
    g_free(((ExgThrottleRow *)data)->key);
}

static GArray *
rows_new(void)
{
    GArray *rows = g_array_new(FALSE, FALSE, sizeof(ExgThrottleRow));
    g_array_set_clear_func(rows, row_clear);
    return rows;
}

ExgThrottleSync *
exg_throttle_sync_new(void)
{
    ExgThrottleSync *sync = g_new0(ExgThrottleSync, 1);
    sync->write = rows_new();
    return sync;
}

void
exg_throttle_sync_free(ExgThrottleSync *sync)
{
    if (sync == NULL)
        return;
    g_array_unref(sync->write);
    g_clear_pointer(&sync->read, g_array_unref);
    g_free(sync->failure);
    g_free(sync);
}

/* --- opening ---------------------------------------------------------------------------------- */

static bool
is_unusable(int code)
{
    return exg_database_is_corruption(code) || code == SQLITE_ERROR;
}

/* One of another version is replaced; one of another program is left alone, for the name may be a slip in the configuration. */
static int
check_version(ExgDatabase *database)
{
    gint64 tables = 0, application = 0, version = 0;
    int code = exg_database_ask(database, "SELECT count(*) FROM sqlite_master", &tables);
    if (code == SQLITE_OK)
        code = exg_database_ask(database, "PRAGMA application_id", &application);
    if (code == SQLITE_OK)
        code = exg_database_ask(database, "PRAGMA user_version", &version);
    if (code != SQLITE_OK || tables == 0)
        return code;
    if (application != APPLICATION)
        return SQLITE_PERM;
    return version == VERSION ? SQLITE_OK : SQLITE_CORRUPT;
}

/* Answers an SQLite code. */
static int
open_database(ExgThrottleFile *file)
{
    int code = exg_database_open(&file->database, file->path, EXG_THROTTLE_BUSY_TIMEOUT_MS);
    if (code != SQLITE_OK || (code = check_version(&file->database)) != SQLITE_OK ||
        (code = exg_database_use_wal(&file->database, "OFF")) != SQLITE_OK ||
        (code = exg_database_set_up(&file->database, schema, statements, N_STATEMENTS)) !=
            SQLITE_OK)
        return code;
    if (!exg_database_is_in_place(&file->database, file->path))
        return SQLITE_CANTOPEN;
    file->read_before = false;
    file->pruned_ms = 0;
    return SQLITE_OK;
}

/* The last one that was damaged is kept for whoever wants to look. */
static void
set_aside(ExgThrottleFile *file)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *from = g_strconcat(file->path, suffixes[i], NULL);
        g_autofree char *to = g_strconcat(file->path, ".corrupt", suffixes[i], NULL);
        if (rename(from, to) < 0 && (errno != ENOENT || unlink(to) < 0) && errno != ENOENT)
            exg_log(EXG_LOG_DEBUG, NULL, "cannot rename %s: %s", from, g_strerror(errno));
    }
    exg_log(EXG_LOG_DEBUG, NULL, "%s is damaged and is made anew", file->path);
}

static int
ensure_open(ExgThrottleFile *file, ExgThrottleSync *sync)
{
    if (file->database.handle != NULL && exg_database_is_in_place(&file->database, file->path))
        return SQLITE_OK;
    exg_database_close(&file->database);
    int code = open_database(file);
    if (is_unusable(code)) {
        exg_database_close(&file->database);
        set_aside(file);
        code = open_database(file);
    }
    if (code == SQLITE_OK) {
        sync->replaced = file->opened_before;
        file->opened_before = true;
    } else {
        exg_database_close(&file->database);
    }
    return code;
}

ExgThrottleFile *
exg_throttle_file_new(const char *path)
{
    ExgThrottleFile *file = g_new0(ExgThrottleFile, 1);
    file->path = g_strdup(path);
    return file;
}

void
exg_throttle_file_free(ExgThrottleFile *file)
{
    if (file == NULL)
        return;
    exg_database_close(&file->database);
    g_free(file->path);
    g_free(file);
}

/* --- writing ---------------------------------------------------------------------------------- */

static sqlite3_stmt *
bind_key(ExgThrottleFile *file, Statement which, const ExgThrottleRow *row)
{
    sqlite3_stmt *statement = file->database.prepared[which];
    sqlite3_bind_int(statement, 1, (int)row->scope);
    sqlite3_bind_int(statement, 2, (int)row->kind);
    sqlite3_bind_text(statement, 3, row->key, -1, SQLITE_STATIC);
    return statement;
}

/* Who finds no row claims what another process has just mended: let it through. */
static int
claim(ExgThrottleFile *file, ExgThrottleRow *row)
{
    sqlite3_stmt *statement = bind_key(file, CLAIM, row);
    sqlite3_bind_int64(statement, 4, row->until_ms);
    sqlite3_bind_int64(statement, 5, now_ms() + CLAIM_EARLY_MS);
    int code = exg_database_run(statement);
    if (code != SQLITE_OK)
        return code;
    row->won = sqlite3_changes(file->database.handle) > 0;
    if (row->won)
        return SQLITE_OK;
    statement = bind_key(file, EXISTS, row);
    code = sqlite3_step(statement);
    sqlite3_reset(statement);
    row->won = code == SQLITE_DONE;
    return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

static int
write_row(ExgThrottleFile *file, ExgThrottleRow *row)
{
    if (row->claim)
        return claim(file, row);
    if (row->gone)
        return exg_database_run(bind_key(file, MEND, row));
    sqlite3_stmt *statement = bind_key(file, row->kind == EXG_THROTTLE_PAUSED ? PAUSE : BREAK, row);
    sqlite3_bind_int64(statement, 4, row->since_ms);
    sqlite3_bind_int64(statement, 5, row->until_ms);
    sqlite3_bind_int64(statement, 6, row->interval_ms);
    sqlite3_bind_int(statement, 7, row->asked);
    sqlite3_bind_text(statement, 8, row->code, -1, SQLITE_STATIC);
    return exg_database_run(statement);
}

static int
prune(ExgThrottleFile *file)
{
    gint64 now = now_ms();
    if (ABS(now - file->pruned_ms) < PRUNE_EVERY_MS)
        return SQLITE_OK;
    file->pruned_ms = now;
    sqlite3_bind_int64(file->database.prepared[PRUNE], 1, now - KEEP_MS);
    return exg_database_run(file->database.prepared[PRUNE]);
}

static int
write_all(ExgThrottleFile *file, GArray *rows)
{
    if (rows->len == 0)
        return SQLITE_OK;
    int code = exg_database_execute(&file->database, "BEGIN IMMEDIATE");
    for (guint i = 0; i < rows->len && code == SQLITE_OK; i++)
        code = write_row(file, &g_array_index(rows, ExgThrottleRow, i));
    if (code == SQLITE_OK)
        code = prune(file);
    if (code == SQLITE_OK)
        code = exg_database_execute(&file->database, "COMMIT");
    if (code != SQLITE_OK)
        exg_database_roll_back(&file->database);
    return code;
}

/* --- reading ---------------------------------------------------------------------------------- */

static const char *
column_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text != NULL ? text : "";
}

static void
add_row(GArray *rows, sqlite3_stmt *statement)
{
    gint64 now = now_ms();
    gint64 until_ms = sqlite3_column_int64(statement, 4);
    ExgThrottleRow row = {
        .scope = (ExgThrottleScope)sqlite3_column_int(statement, 0),
        .kind = (ExgThrottleRowKind)sqlite3_column_int(statement, 1),
        .key = g_strdup(column_text(statement, 2)),
        .since_ms = sqlite3_column_int64(statement, 3),
        .until_ms = CLAMP(until_ms, 0, now + EXG_THROTTLE_MAX_BACKOFF_MS),
        .interval_ms = CLAMP(sqlite3_column_int64(statement, 5), 1, EXG_THROTTLE_MAX_BACKOFF_MS),
        .asked = sqlite3_column_int(statement, 6) != 0,
    };
    g_strlcpy(row.code, column_text(statement, 7), sizeof row.code);
    g_array_append_val(rows, row);
}

static int
read_all(ExgThrottleFile *file, ExgThrottleSync *sync)
{
    sqlite3_stmt *statement = file->database.prepared[CHANGES];
    int code = sqlite3_step(statement);
    gint64 changes = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    if (code != SQLITE_ROW)
        return code;
    if (file->read_before && changes == file->changes)
        return SQLITE_OK;

    GArray *rows = rows_new();
    statement = file->database.prepared[READ];
    sqlite3_bind_int64(statement, 1, now_ms());
    sqlite3_bind_int(statement, 2, EXG_THROTTLE_MAX_ROWS);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        add_row(rows, statement);
    sqlite3_reset(statement);
    if (code != SQLITE_DONE) {
        g_array_unref(rows);
        return code;
    }
    sync->read = rows;
    /* What was changed between the two statements is read once more: never less. */
    file->changes = changes;
    file->read_before = true;
    return SQLITE_OK;
}

void
exg_throttle_file_visit(ExgThrottleFile *file, ExgThrottleSync *sync)
{
    EXG_FAIL_POINT("throttle-file");
    int code = ensure_open(file, sync);
    if (code == SQLITE_OK)
        code = write_all(file, sync->write);
    if (code == SQLITE_OK)
        code = read_all(file, sync);
    if (code == SQLITE_OK)
        return;
    sync->failure = g_strdup_printf("%s: %s", file->path,
                                    code == SQLITE_PERM ? "it belongs to another program"
                                                        : sqlite3_errstr(code));
    if (is_unusable(code)) {
        /* Damaged while it was in use: the next visit makes it anew. */
        exg_database_close(&file->database);
        set_aside(file);
    }
}
