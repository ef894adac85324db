#include "common/store/journal-file.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/sqlite/database.h"
#include "common/sqlite/power-cut.h"
#include "common/store/journal-owner-private.h"
#include "common/store/journal-sql-private.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 10000
#define PRUNE_ROWS      1000

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS deliveries ("
    " key TEXT PRIMARY KEY NOT NULL,"
    " done INTEGER NOT NULL," /* 0: intent, 1: done */
    " recipient TEXT NOT NULL, message_id TEXT, queue_id TEXT, item_id TEXT,"
    " owner TEXT NOT NULL," /* the process that has it under way, or '' */
    " begun_ms INTEGER NOT NULL,"
    " settled_ms INTEGER NOT NULL" /* done: when; intent: when its outcome can change no more */
    ");"
    "CREATE INDEX IF NOT EXISTS by_state ON deliveries (done, settled_ms);"
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL);";

typedef enum {
    START,
    COMMIT,
    FIND,
    INSERT,
    TAKE_OVER,
    DONE,
    FORGET,
    LEAVE_OPEN,
    PRUNE,
    COUNT,
    N_STATEMENTS
} Statement;

static const char *const statements[N_STATEMENTS] = {
    [START] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [FIND] = "SELECT done, owner, settled_ms, item_id FROM deliveries WHERE key = ?1",
    [INSERT] = "INSERT INTO deliveries (key, done, recipient, message_id, queue_id, owner, "
               "begun_ms, settled_ms)"
               " VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6, 0)",
    [TAKE_OVER] = EXG_JOURNAL_SQL_TAKE_OVER,
    [DONE] = EXG_JOURNAL_SQL_DONE,
    [FORGET] = EXG_JOURNAL_SQL_FORGET,
    [LEAVE_OPEN] = "UPDATE deliveries SET owner = '', settled_ms = ?2 WHERE key = ?1 AND done = 0",
    [PRUNE] = EXG_JOURNAL_SQL_PRUNE,
    [COUNT] = EXG_JOURNAL_SQL_COUNT,
};

struct ExgJournalFile {
    char *path;
    gint64 keep_ms, settle_ms;
    bool volatile_rows;
    char *owner; /* this process: "pid:start time" */
    ExgDatabase database;
    ino_t inode; /* of the one last opened with success */
    gint64 suspect_until_ms;
    bool broken; /* reopen before the next transaction */
};

static gint64
now_ms(void)
{
    return exg_clock_real_us() / 1000;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Answers an SQLite code. */
static int
open_database(ExgJournalFile *file)
{
    bool synced = !file->volatile_rows && !EXG_FAIL_POINT_ERROR("journal-unsynced");
    file->database.vfs = exg_power_cut_vfs();
    int code = exg_database_open(&file->database, file->path, BUSY_TIMEOUT_MS);
    if (code != SQLITE_OK ||
        (code = exg_database_use_wal(&file->database, synced ? "FULL" : "OFF")) != SQLITE_OK ||
        (code = exg_database_check(&file->database)) != SQLITE_OK ||
        (code = exg_database_set_up(&file->database, schema, statements, N_STATEMENTS)) !=
            SQLITE_OK)
        return code;
    struct stat status;
    file->inode = stat(file->path, &status) == 0 ? status.st_ino : 0;
    file->suspect_until_ms = 0;
    (void)exg_database_ask(&file->database, EXG_JOURNAL_SQL_SUSPECT_UNTIL, &file->suspect_until_ms);
    file->broken = false;
    return SQLITE_OK;
}

/* The corrupt file is kept for whoever wants to look; its write-ahead log goes with it. */
static void
set_aside(ExgJournalFile *file)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    g_autofree char *aside = g_strdup_printf("%s.corrupt-%" G_GINT64_FORMAT, file->path,
                                             now_ms() / 1000);
    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *from = g_strconcat(file->path, suffixes[i], NULL);
        g_autofree char *to = g_strconcat(aside, suffixes[i], NULL);
        if (rename(from, to) < 0 && errno != ENOENT)
            exg_log(EXG_LOG_ERROR, NULL, "cannot rename %s: %s", from, g_strerror(errno));
    }
    exg_log(EXG_LOG_ERROR, NULL,
            "the delivery journal %s is damaged and was set aside as %s; until a new one covers "
            "the time in which mail is "
            "retried, Exchange is asked before every delivery that could be a repetition",
            file->path, aside);
}

static bool
remember_suspicion(ExgJournalFile *file)
{
    file->suspect_until_ms = now_ms() + file->keep_ms;
    g_autofree char *sql = g_strdup_printf(
        "INSERT OR REPLACE INTO facts VALUES ('suspect_until_ms', %" G_GINT64_FORMAT ")",
        file->suspect_until_ms);
    return exg_database_execute(&file->database, sql) == SQLITE_OK;
}

/* Whether a person has to act, or the disk may have room and another process may be done later. */
static ExgErrorCode
kind_of_failure(const ExgJournalFile *file, int code)
{
    int reason = sqlite3_system_errno(file->database.handle); /* 0 without a handle */
    bool may_pass = reason == ENOSPC || reason == EDQUOT || reason == ENFILE || reason == EMFILE;
    switch (code & 0xff) {
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return may_pass ? EXG_ERROR_RESOURCES : EXG_ERROR_CONFIG;
    default:
        return EXG_ERROR_RESOURCES;
    }
}

static bool
open_or_replace(ExgJournalFile *file, GError **error)
{
    int code = open_database(file);
    if (exg_database_is_corruption(code)) {
        exg_database_close(&file->database);
        set_aside(file);
        code = open_database(file);
        if (code == SQLITE_OK && !remember_suspicion(file))
            code = sqlite3_errcode(file->database.handle);
    }
    if (code == SQLITE_OK)
        return true;
    exg_error_set(error, kind_of_failure(file, code), "Cannot open the delivery journal %s: %s",
                  file->path, exg_database_message(&file->database, code));
    exg_database_close(&file->database);
    return false;
}

ExgJournalFile *
exg_journal_file_open(const ExgJournalOptions *options, GError **error)
{
    ExgJournalFile *file = g_new0(ExgJournalFile, 1);
    file->path = g_strdup(options->path);
    file->keep_ms = options->keep_ms;
    file->settle_ms = options->settle_ms;
    file->volatile_rows = options->volatile_rows;
    file->owner = exg_journal_owner_new();
    if (!open_or_replace(file, error)) {
        exg_journal_file_close(file);
        return NULL;
    }
    return file;
}

void
exg_journal_file_close(ExgJournalFile *file)
{
    if (file == NULL)
        return;
    exg_database_close(&file->database);
    g_free(file->path);
    g_free(file->owner);
    g_free(file);
}

/* --- transactions ----------------------------------------------------------------------------- */

static bool
failed(ExgJournalFile *file, GError **error)
{
    int code = sqlite3_errcode(file->database.handle);
    exg_error_set(error, EXG_ERROR_RESOURCES, "Cannot write the delivery journal %s: %s",
                  file->path, exg_database_message(&file->database, code));
    if (exg_database_is_corruption(code))
        file->broken = true;
    exg_database_roll_back(&file->database);
    return false;
}

/* Runs a statement that answers no rows. */
static bool
run(ExgJournalFile *file, sqlite3_stmt *statement, GError **error)
{
    return exg_database_run(statement) == SQLITE_OK || failed(file, error);
}

bool
exg_journal_file_start(ExgJournalFile *file, GError **error)
{
    struct stat status;
    bool replaced = stat(file->path, &status) < 0 || status.st_ino != file->inode;
    if (file->broken || replaced || file->database.handle == NULL) {
        exg_database_close(&file->database);
        if (!open_or_replace(file, error))
            return false;
        /* Somebody removed the file, or another process replaced it: rows of ours may be gone with the old one. */
        if (replaced && !remember_suspicion(file))
            return failed(file, error);
    }
    return run(file, file->database.prepared[START], error);
}

bool
exg_journal_file_commit(ExgJournalFile *file, GError **error)
{
    EXG_FAIL_POINT("journal-before-commit");
    if (EXG_FAIL_POINT_ERROR("journal-commit-fails")) {
        (void)exg_database_execute(&file->database, "ROLLBACK");
        return exg_error_set(error, EXG_ERROR_RESOURCES,
                             "Cannot write the delivery journal %s: a test says so", file->path);
    }
    if (!run(file, file->database.prepared[COMMIT], error))
        return false;
    EXG_FAIL_POINT("journal-after-commit");
    return true;
}

static void
bind_text(sqlite3_stmt *statement, int position, const char *text)
{
    if (text != NULL)
        sqlite3_bind_text(statement, position, text, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(statement, position);
}

static bool
insert(ExgJournalFile *file, const ExgJournalIntent *intent, GError **error)
{
    sqlite3_stmt *statement = file->database.prepared[INSERT];
    bind_text(statement, 1, intent->key);
    bind_text(statement, 2, intent->recipient);
    bind_text(statement, 3, intent->message_id);
    bind_text(statement, 4, intent->queue_id);
    bind_text(statement, 5, file->owner);
    sqlite3_bind_int64(statement, 6, now_ms());
    return run(file, statement, error);
}

static bool
set_owner(ExgJournalFile *file, const char *key, const char *owner, gint64 settled_ms,
          GError **error)
{
    sqlite3_stmt *statement = file->database.prepared[TAKE_OVER];
    bind_text(statement, 1, key);
    bind_text(statement, 2, owner);
    sqlite3_bind_int64(statement, 3, settled_ms);
    return run(file, statement, error);
}

bool
exg_journal_file_begin(ExgJournalFile *file, const ExgJournalIntent *intent,
                       ExgJournalVerdict *ret_verdict, char **ret_item_id, gint64 *ret_wait_ms,
                       GError **error)
{
    sqlite3_stmt *statement = file->database.prepared[FIND];
    bind_text(statement, 1, intent->key);
    int code = sqlite3_step(statement);
    bool exists = code == SQLITE_ROW;
    bool done = exists && sqlite3_column_int(statement, 0) != 0;
    g_autofree char *owner = exists ? g_strdup((const char *)sqlite3_column_text(statement, 1))
                                    : NULL;
    gint64 settled_ms = exists ? sqlite3_column_int64(statement, 2) : 0;
    g_autofree char *item_id = done ? g_strdup((const char *)sqlite3_column_text(statement, 3))
                                    : NULL;
    sqlite3_reset(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return failed(file, error);

    if (!exists) {
        *ret_verdict = EXG_JOURNAL_BEGUN;
        return insert(file, intent, error);
    }
    if (done && intent->renew) {
        *ret_verdict = EXG_JOURNAL_BEGUN;
        return set_owner(file, intent->key, file->owner, 0, error);
    }
    if (done) {
        *ret_verdict = EXG_JOURNAL_DONE;
        *ret_item_id = g_steal_pointer(&item_id);
        return true;
    }
    gint64 now = now_ms();
    if (owner[0] != '\0') {
        *ret_verdict = EXG_JOURNAL_UNDER_WAY;
        *ret_wait_ms = file->settle_ms;
        if (!g_str_equal(owner, file->owner) && exg_journal_owner_is_alive(owner))
            return true;
        /* Its process is gone, or its outcome could not be written. Nobody knows when the last byte left, so the time to
         * settle begins now. */
        return set_owner(file, intent->key, "", now + file->settle_ms, error);
    }
    /* A clock that was set back must not make us wait for longer than it takes to settle. */
    gint64 wait_ms = MIN(settled_ms - now, file->settle_ms);
    if (wait_ms > 0) {
        *ret_verdict = EXG_JOURNAL_UNDER_WAY;
        *ret_wait_ms = wait_ms;
        return true;
    }
    if (!intent->asked) {
        *ret_verdict = EXG_JOURNAL_OPEN;
        return true;
    }
    *ret_verdict = EXG_JOURNAL_BEGUN;
    return set_owner(file, intent->key, file->owner, 0, error);
}

bool
exg_journal_file_done(ExgJournalFile *file, const char *key, const char *item_id, GError **error)
{
    sqlite3_stmt *statement = file->database.prepared[DONE];
    bind_text(statement, 1, key);
    bind_text(statement, 2, item_id);
    sqlite3_bind_int64(statement, 3, now_ms());
    return run(file, statement, error);
}

bool
exg_journal_file_forget(ExgJournalFile *file, const char *key, GError **error)
{
    sqlite3_stmt *statement = file->database.prepared[FORGET];
    bind_text(statement, 1, key);
    return run(file, statement, error);
}

bool
exg_journal_file_leave_open(ExgJournalFile *file, const char *key, gint64 since_ms, GError **error)
{
    sqlite3_stmt *statement = file->database.prepared[LEAVE_OPEN];
    bind_text(statement, 1, key);
    sqlite3_bind_int64(statement, 2, since_ms + file->settle_ms);
    return run(file, statement, error);
}

void
exg_journal_file_prune(ExgJournalFile *file)
{
    if (file->database.handle == NULL)
        return;
    sqlite3_stmt *statement = file->database.prepared[PRUNE];
    sqlite3_bind_int64(statement, 1, now_ms() - file->keep_ms);
    sqlite3_bind_int(statement, 2, PRUNE_ROWS);
    g_autoptr(GError) error = NULL;
    if (!run(file, statement, &error))
        exg_log(EXG_LOG_DEBUG, NULL, "%s", error->message);
}

/* --- facts ------------------------------------------------------------------------------------ */

bool
exg_journal_file_is_suspect(ExgJournalFile *file)
{
    return now_ms() < file->suspect_until_ms;
}

void
exg_journal_file_count(ExgJournalFile *file, ExgJournalStatistics *statistics)
{
    if (file->database.handle == NULL)
        return;
    sqlite3_stmt *statement = file->database.prepared[COUNT];
    if (sqlite3_step(statement) == SQLITE_ROW) {
        statistics->open = (guint64)sqlite3_column_int64(statement, 0);
        statistics->done = (guint64)sqlite3_column_int64(statement, 1);
        bool any = sqlite3_column_type(statement, 2) != SQLITE_NULL;
        statistics->oldest_open_ms = any ? MAX(now_ms() - sqlite3_column_int64(statement, 2), 0)
                                         : 0;
    }
    sqlite3_reset(statement);
}

const char *
exg_journal_library_version(void)
{
    static char text[32];
    g_snprintf(text, sizeof text, "SQLite %s", sqlite3_libversion());
    return text;
}
