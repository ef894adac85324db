#include "common/directory/cache-admin.h"

#include "common/base/error.h"
#include "common/directory/cache-file-private.h"
#include "common/sqlite/database.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 10000

typedef enum {
    EACH,
    COUNT,
    TIPS,
    FORGET,
    FORGET_TIPS,
    FLUSH,
    FLUSH_TIPS,
    PUT,
    N_STATEMENTS
} Statement;

#define CHOSEN                                                                                     \
    "(?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR "                                                \
    "substr(address, -length(?2) - 1) = '@' || lower(?2))"

static const char *const statements[N_STATEMENTS] = {
    [EACH] = "SELECT address, kind, found_us, told_us, flags, max_message_bytes, n_members"
             " FROM recipients LEFT JOIN tips USING (address) WHERE " CHOSEN
             " ORDER BY address LIMIT ?3",
    [COUNT] = "SELECT kind, count(*), min(found_us), max(found_us) FROM recipients GROUP BY kind",
    [TIPS] = "SELECT count(*) FROM tips",
    [FORGET] = "DELETE FROM recipients WHERE address = ?1",
    [FORGET_TIPS] = "DELETE FROM tips WHERE address = ?1",
    [FLUSH] = "DELETE FROM recipients WHERE " CHOSEN,
    [FLUSH_TIPS] = "DELETE FROM tips WHERE address NOT IN (SELECT address FROM recipients)",
    [PUT] = "INSERT INTO recipients VALUES (?1, ?2, ?3) ON CONFLICT (address) DO UPDATE"
            " SET kind = excluded.kind, found_us = excluded.found_us"
            " WHERE excluded.found_us > found_us",
};

struct ExgDirectoryAdmin {
    char *path;
    ExgDatabase database;
};

/* --- SQLite ----------------------------------------------------------------------------------- */

static bool
failed(const ExgDirectoryAdmin *admin, int code, GError **error)
{
    const char *why = exg_database_message(&admin->database, code);
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return exg_error_set(error, EXG_ERROR_BUSY,
                             "Another process has the directory cache %s locked; try again",
                             admin->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "%s is damaged, or no directory cache; a service that uses it sets "
                             "a damaged one aside and begins a new one",
                             admin->path);
    case SQLITE_FULL:
    case SQLITE_IOERR:
        return exg_error_set(error, EXG_ERROR_RESOURCES, "Cannot use the directory cache %s: %s",
                             admin->path, why);
    default:
        return exg_error_set(error, EXG_ERROR_CONFIG, "Cannot use the directory cache %s: %s",
                             admin->path, why);
    }
}

static bool
execute(ExgDirectoryAdmin *admin, const char *sql, GError **error)
{
    int code = exg_database_execute(&admin->database, sql);
    return code == SQLITE_OK || failed(admin, code, error);
}

static bool
run(ExgDirectoryAdmin *admin, Statement which, GError **error)
{
    int code = exg_database_run(admin->database.prepared[which]);
    return code == SQLITE_OK || failed(admin, code, error);
}

/* --- opening ---------------------------------------------------------------------------------- */

static int
open_database(ExgDirectoryAdmin *admin)
{
    gint64 application = 0, layout = 0;
    int code;
    if ((code = exg_database_open(&admin->database, admin->path, BUSY_TIMEOUT_MS)) != SQLITE_OK ||
        (code = exg_database_ask(&admin->database, "PRAGMA application_id", &application)) !=
            SQLITE_OK ||
        (code = exg_database_ask(&admin->database, "PRAGMA user_version", &layout)) != SQLITE_OK)
        return code;
    if (application != EXG_DIRECTORY_FILE_APPLICATION || layout != EXG_DIRECTORY_FILE_LAYOUT)
        return SQLITE_NOTADB;
    return exg_database_set_up(&admin->database, exg_directory_file_schema, statements,
                               N_STATEMENTS);
}

ExgDirectoryAdmin *
exg_directory_admin_open(const char *path, bool make, GError **error)
{
    if (access(path, F_OK) < 0 && make) { /* as the services make it */
        g_autoptr(ExgDirectoryFile) file = exg_directory_file_new(path);
        exg_directory_file_forget(file, "");
    }
    if (access(path, F_OK) < 0) {
        exg_error_set(error, EXG_ERROR_CONFIG, "There is no directory cache %s: %s", path,
                      g_strerror(errno));
        return NULL;
    }
    g_autoptr(ExgDirectoryAdmin) admin = g_new0(ExgDirectoryAdmin, 1);
    admin->path = g_strdup(path);
    int code = open_database(admin);
    if (code == SQLITE_OK)
        return g_steal_pointer(&admin);
    failed(admin, code, error);
    return NULL;
}

void
exg_directory_admin_close(ExgDirectoryAdmin *admin)
{
    if (admin == NULL)
        return;
    exg_database_close(&admin->database);
    g_free(admin->path);
    g_free(admin);
}

/* --- looking ---------------------------------------------------------------------------------- */

static void
bind_filter(sqlite3_stmt *statement, const ExgDirectoryFilter *filter)
{
    if (filter->kind != EXG_RECIPIENT_UNKNOWN)
        sqlite3_bind_text(statement, 1, exg_recipient_kind_name(filter->kind), -1, SQLITE_STATIC);
    if (filter->domain != NULL)
        sqlite3_bind_text(statement, 2, filter->domain, -1, SQLITE_STATIC);
}

bool
exg_directory_admin_each(ExgDirectoryAdmin *admin, const ExgDirectoryFilter *filter,
                         ExgDirectoryRecordFunc function, gpointer data, GError **error)
{
    sqlite3_stmt *statement = admin->database.prepared[EACH];
    int code;
    bind_filter(statement, filter);
    sqlite3_bind_int64(statement, 3, filter->limit > 0 ? filter->limit : -1);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        const ExgDirectoryRecord record = {
            .address = (const char *)sqlite3_column_text(statement, 0),
            .kind = exg_recipient_kind_find((const char *)sqlite3_column_text(statement, 1)),
            .found_us = sqlite3_column_int64(statement, 2),
            .tips = exg_directory_file_read_tips(statement, 3),
        };
        function(&record, data);
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return code == SQLITE_DONE || failed(admin, code, error);
}

bool
exg_directory_admin_summarize(ExgDirectoryAdmin *admin, ExgDirectorySummary *ret_summary,
                              GError **error)
{
    sqlite3_stmt *statement = admin->database.prepared[COUNT];
    ExgDirectorySummary summary = {0};
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(statement, 0);
        gint64 oldest_us = sqlite3_column_int64(statement, 2);
        summary.count[exg_recipient_kind_find(name)] += (guint64)sqlite3_column_int64(statement, 1);
        if (summary.oldest_us == 0 || oldest_us < summary.oldest_us)
            summary.oldest_us = oldest_us;
        summary.newest_us = MAX(summary.newest_us, sqlite3_column_int64(statement, 3));
    }
    sqlite3_reset(statement);
    if (code != SQLITE_DONE)
        return failed(admin, code, error);
    gint64 with_tips = 0;
    code = exg_database_ask(&admin->database, statements[TIPS], &with_tips);
    if (code != SQLITE_OK)
        return failed(admin, code, error);
    struct stat status = {0};
    (void)stat(admin->path, &status);
    summary.with_tips = (guint64)with_tips;
    summary.size_bytes = (guint64)status.st_size;
    *ret_summary = summary;
    return true;
}

/* --- changing --------------------------------------------------------------------------------- */

bool
exg_directory_admin_forget(ExgDirectoryAdmin *admin, const char *address, guint *ret_count,
                           GError **error)
{
    static const Statement steps[] = {FORGET_TIPS, FORGET}; /* whose changes are counted last */
    for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
        sqlite3_bind_text(admin->database.prepared[steps[i]], 1, address, -1, SQLITE_STATIC);
        if (!run(admin, steps[i], error))
            return false;
    }
    *ret_count = (guint)sqlite3_changes(admin->database.handle);
    return true;
}

bool
exg_directory_admin_flush(ExgDirectoryAdmin *admin, const ExgDirectoryFilter *filter,
                          guint *ret_count, GError **error)
{
    bind_filter(admin->database.prepared[FLUSH], filter);
    if (!run(admin, FLUSH, error))
        return false;
    *ret_count = (guint)sqlite3_changes(admin->database.handle);
    return run(admin, FLUSH_TIPS, error);
}

bool
exg_directory_admin_begin(ExgDirectoryAdmin *admin, GError **error)
{
    return execute(admin, "BEGIN IMMEDIATE", error);
}

bool
exg_directory_admin_put(ExgDirectoryAdmin *admin, const char *address, ExgRecipientKind kind,
                        gint64 found_us, GError **error)
{
    sqlite3_stmt *statement = admin->database.prepared[PUT];
    sqlite3_bind_text(statement, 1, address, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, exg_recipient_kind_name(kind), -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, found_us);
    return run(admin, PUT, error);
}

bool
exg_directory_admin_commit(ExgDirectoryAdmin *admin, GError **error)
{
    return execute(admin, "COMMIT", error);
}

bool
exg_directory_admin_stamp(ExgDirectoryAdmin *admin, GError **error)
{
    g_autofree char *path = g_strconcat(admin->path, EXG_DIRECTORY_STAMP_SUFFIX, NULL);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = fd >= 0 && futimens(fd, NULL) == 0;
    int code = errno;
    if (fd >= 0)
        close(fd);
    return good || exg_error_set(error, EXG_ERROR_RESOURCES,
                                 "Cannot touch %s, so that services notice later: %s", path,
                                 g_strerror(code));
}
