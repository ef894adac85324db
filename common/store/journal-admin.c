#include "common/store/journal-admin.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/store/journal-owner-private.h"
#include "common/store/journal-sql-private.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 10000
#define PRUNE_ROWS      1000
#define KEY_HEX         64

#define COLUMNS                                                                                    \
    "SELECT key, done, recipient, message_id, queue_id, item_id, owner, begun_ms, settled_ms "     \
    "FROM deliveries "

struct ExgJournalAdmin {
    char *path;
    gint64 settle_ms;
    sqlite3 *database;
};

typedef sqlite3_stmt Statement;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Statement, sqlite3_finalize)

static gint64
now_ms(void)
{
    return exg_clock_real_us() / 1000;
}

void
exg_journal_row_free(ExgJournalRow *row)
{
    if (row == NULL)
        return;
    g_free(row->key);
    g_free(row->recipient);
    g_free(row->message_id);
    g_free(row->queue_id);
    g_free(row->item_id);
    g_free(row->owner);
    g_free(row);
}

/* --- SQLite ----------------------------------------------------------------------------------- */

static bool
failed(const ExgJournalAdmin *admin, GError **error)
{
    switch (sqlite3_errcode(admin->database) & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return exg_error_set(error, EXG_ERROR_BUSY,
                             "Another process has the delivery journal %s locked; try again",
                             admin->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "%s is damaged, or no delivery journal; a service that uses it sets "
                             "a damaged one aside and begins a new one",
                             admin->path);
    case SQLITE_FULL:
    case SQLITE_IOERR:
        return exg_error_set(error, EXG_ERROR_RESOURCES, "Cannot use the delivery journal %s: %s",
                             admin->path, sqlite3_errmsg(admin->database));
    default:
        return exg_error_set(error, EXG_ERROR_CONFIG, "Cannot use the delivery journal %s: %s",
                             admin->path, sqlite3_errmsg(admin->database));
    }
}

static bool
execute(ExgJournalAdmin *admin, const char *sql, GError **error)
{
    return sqlite3_exec(admin->database, sql, NULL, NULL, NULL) == SQLITE_OK ||
           failed(admin, error);
}

static Statement *
prepare(ExgJournalAdmin *admin, const char *sql, GError **error)
{
    Statement *statement = NULL;
    if (sqlite3_prepare_v2(admin->database, sql, -1, &statement, NULL) != SQLITE_OK)
        failed(admin, error);
    return statement;
}

/* The text has to outlive the statement's steps. */
static void
bind_text(Statement *statement, int position, const char *text)
{
    if (text != NULL)
        sqlite3_bind_text(statement, position, text, -1, SQLITE_STATIC);
    else
        sqlite3_bind_null(statement, position);
}

static bool
step_to_row(ExgJournalAdmin *admin, Statement *statement, bool *ret_row, GError **error)
{
    int code = sqlite3_step(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return failed(admin, error);
    *ret_row = code == SQLITE_ROW;
    return true;
}

static bool
run(ExgJournalAdmin *admin, Statement *statement, GError **error)
{
    return sqlite3_step(statement) == SQLITE_DONE || failed(admin, error);
}

/* --- opening ---------------------------------------------------------------------------------- */

/* A file of another kind is told as such now, not with the first question. */
static bool
check_is_journal(ExgJournalAdmin *admin, GError **error)
{
    g_autoptr(GError) fault = NULL;
    g_autoptr(Statement) rows = prepare(admin, COLUMNS "LIMIT 0", &fault);
    g_autoptr(Statement)
        facts = rows != NULL ? prepare(admin, EXG_JOURNAL_SQL_SUSPECT_UNTIL, &fault) : NULL;
    if (facts != NULL)
        return true;
    if (sqlite3_errcode(admin->database) == SQLITE_ERROR) /* no such table, no such column */
        return exg_error_set(error, EXG_ERROR_CONFIG, "%s is not a delivery journal", admin->path);
    g_propagate_error(error, g_steal_pointer(&fault));
    return false;
}

ExgJournalAdmin *
exg_journal_admin_open(const ExgJournalAdminOptions *options, GError **error)
{
    /* SQLite has one message for all that can be wrong with a path. Like the services, it follows no links. */
    struct stat status;
    bool usable = lstat(options->path, &status) == 0 &&
                  access(options->path, options->writable ? R_OK | W_OK : R_OK) == 0;
    if (!usable || !S_ISREG(status.st_mode)) {
        exg_error_set(error, EXG_ERROR_CONFIG, "Cannot open the delivery journal %s: %s",
                      options->path, usable ? "Not a regular file" : g_strerror(errno));
        return NULL;
    }
    g_autoptr(ExgJournalAdmin) admin = g_new0(ExgJournalAdmin, 1);
    admin->path = g_strdup(options->path);
    admin->settle_ms = options->settle_ms;
    int mode = options->writable ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    int code = sqlite3_open_v2(options->path, &admin->database,
                               mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
    if (admin->database == NULL) {
        exg_error_set(error, EXG_ERROR_RESOURCES, "Cannot open the delivery journal %s: %s",
                      options->path, sqlite3_errstr(code));
        return NULL;
    }
    gint64 timeout_ms = options->busy_timeout_ms > 0 ? options->busy_timeout_ms : BUSY_TIMEOUT_MS;
    sqlite3_busy_timeout(admin->database, (int)timeout_ms);
    if (code != SQLITE_OK) {
        failed(admin, error);
        return NULL;
    }
    if (!check_is_journal(admin, error) || !execute(admin, "PRAGMA synchronous = FULL", error))
        return NULL;
    return g_steal_pointer(&admin);
}

void
exg_journal_admin_close(ExgJournalAdmin *admin)
{
    if (admin == NULL)
        return;
    sqlite3_close(admin->database);
    g_free(admin->path);
    g_free(admin);
}

/* --- rows ------------------------------------------------------------------------------------- */

static char *
column_text(Statement *statement, int column)
{
    return g_strdup((const char *)sqlite3_column_text(statement, column));
}

/* From a row of COLUMNS. */
static ExgJournalRow *
row_new(const ExgJournalAdmin *admin, Statement *statement)
{
    ExgJournalRow *row = g_new0(ExgJournalRow, 1);
    bool done = sqlite3_column_int(statement, 1) != 0;
    row->key = column_text(statement, 0);
    row->recipient = column_text(statement, 2);
    row->message_id = column_text(statement, 3);
    row->queue_id = column_text(statement, 4);
    row->item_id = done ? column_text(statement, 5) : NULL;
    row->owner = column_text(statement, 6);
    row->begun_ms = sqlite3_column_int64(statement, 7);
    row->settled_ms = sqlite3_column_int64(statement, 8);
    row->process = exg_journal_owner_process(row->owner);
    /* A clock that was set back makes nobody wait for longer than it takes to settle. */
    gint64 wait_ms = MIN(row->settled_ms - now_ms(), admin->settle_ms);
    if (done)
        row->state = EXG_JOURNAL_ROW_DONE;
    else if (row->owner[0] != '\0')
        row->state = exg_journal_owner_is_alive(row->owner) ? EXG_JOURNAL_ROW_UNDER_WAY
                                                            : EXG_JOURNAL_ROW_ABANDONED;
    else
        row->state = wait_ms > 0 ? EXG_JOURNAL_ROW_SETTLING : EXG_JOURNAL_ROW_OPEN;
    if (row->state == EXG_JOURNAL_ROW_SETTLING)
        row->wait_ms = wait_ms;
    return row;
}

static void
free_row(gpointer row)
{
    exg_journal_row_free(row);
}

bool
exg_journal_admin_list(ExgJournalAdmin *admin, const ExgJournalFilter *filter, GPtrArray **ret_rows,
                       bool *ret_more, GError **error)
{
    static const char *const queries[] = {
        COLUMNS "WHERE done = 0 AND (?1 IS NULL OR recipient = ?1 COLLATE NOCASE)"
                " ORDER BY begun_ms, key LIMIT ?2",
        COLUMNS "WHERE done = 1 AND (?1 IS NULL OR recipient = ?1 COLLATE NOCASE)"
                " ORDER BY settled_ms DESC LIMIT ?2",
    };
    guint limit = CLAMP(filter->limit, 1, EXG_JOURNAL_LIST_MAX);
    g_autoptr(Statement) statement = prepare(admin, queries[filter->done ? 1 : 0], error);
    if (statement == NULL)
        return false;
    bind_text(statement, 1, filter->recipient);
    sqlite3_bind_int64(statement, 2, (gint64)limit + 1);
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(free_row);
    for (;;) {
        bool more = false;
        if (!step_to_row(admin, statement, &more, error))
            return false;
        if (!more || rows->len == limit) {
            *ret_more = more;
            *ret_rows = g_steal_pointer(&rows);
            return true;
        }
        g_ptr_array_add(rows, row_new(admin, statement));
    }
}

/* "v1:" and the digits in lower case, or NULL if that is not the beginning of a key. */
static char *
normal_prefix(const char *prefix)
{
    if (g_str_has_prefix(prefix, "v1:"))
        prefix += 3;
    gsize length = strlen(prefix);
    if (length < EXG_JOURNAL_PREFIX_MIN_HEX || length > KEY_HEX ||
        strspn(prefix, "0123456789abcdefABCDEF") != length)
        return NULL;
    g_autofree char *digits = g_ascii_strdown(prefix, (gssize)length);
    return g_strconcat("v1:", digits, NULL);
}

bool
exg_journal_admin_find(ExgJournalAdmin *admin, const char *prefix, ExgJournalRow **ret_row,
                       guint *ret_matches, GError **error)
{
    g_autofree char *from = normal_prefix(prefix);
    if (from == NULL)
        return exg_error_set(error, EXG_ERROR_REJECTED,
                             "%s is not the beginning of a delivery key, which is v1: and at "
                             "least %d hexadecimal digits",
                             prefix, EXG_JOURNAL_PREFIX_MIN_HEX);
    g_autofree char *past = g_strconcat(from, "g", NULL); /* after all digits */
    g_autoptr(Statement)
        statement = prepare(admin, COLUMNS "WHERE key >= ?1 AND key < ?2 LIMIT 2", error);
    if (statement == NULL)
        return false;
    bind_text(statement, 1, from);
    bind_text(statement, 2, past);
    bool found = false, another = false;
    if (!step_to_row(admin, statement, &found, error))
        return false;
    g_autoptr(ExgJournalRow) row = found ? row_new(admin, statement) : NULL;
    if (found && !step_to_row(admin, statement, &another, error))
        return false;
    *ret_matches = another ? 2 : found ? 1 : 0;
    if (*ret_matches == 1)
        *ret_row = g_steal_pointer(&row);
    return true;
}

/* --- settling --------------------------------------------------------------------------------- */

/* The row with exactly this key, or NULL there. */
static bool
read_row(ExgJournalAdmin *admin, const char *key, ExgJournalRow **ret_row, GError **error)
{
    g_autoptr(Statement) statement = prepare(admin, COLUMNS "WHERE key = ?1", error);
    if (statement == NULL)
        return false;
    bind_text(statement, 1, key);
    bool found = false;
    if (!step_to_row(admin, statement, &found, error))
        return false;
    *ret_row = found ? row_new(admin, statement) : NULL;
    return true;
}

static bool
may_settle(const ExgJournalRow *seen, const ExgJournalRow *row, bool stored, GError **error)
{
    if (row == NULL || !g_str_equal(row->owner, seen->owner) ||
        row->settled_ms != seen->settled_ms ||
        (row->state == EXG_JOURNAL_ROW_DONE) != (seen->state == EXG_JOURNAL_ROW_DONE))
        return exg_error_set(error, EXG_ERROR_BUSY,
                             "%s has changed since it was looked at; look again", seen->key);
    if (row->state == EXG_JOURNAL_ROW_DONE)
        return exg_error_set(error, EXG_ERROR_REJECTED, "%s is done already, as %s", row->key,
                             row->item_id);
    if (row->state == EXG_JOURNAL_ROW_UNDER_WAY)
        return exg_error_set(error, EXG_ERROR_BUSY,
                             "%s is under way: the process %" G_GINT64_FORMAT
                             " is sending it and will settle it",
                             row->key, row->process);
    if (row->state == EXG_JOURNAL_ROW_SETTLING && !stored) {
        g_autoptr(GError) wait = exg_error_new(
            EXG_ERROR_BUSY, "Exchange may still be storing %s; try again in %" G_GINT64_FORMAT " s",
            row->key, (row->wait_ms + 999) / 1000);
        exg_error_set_retry_after(wait, row->wait_ms);
        g_propagate_error(error, g_steal_pointer(&wait));
        return false;
    }
    return true;
}

static bool
write_outcome(ExgJournalAdmin *admin, const char *key, const char *item_id, GError **error)
{
    g_autoptr(Statement) statement = prepare(
        admin, item_id != NULL ? EXG_JOURNAL_SQL_DONE : EXG_JOURNAL_SQL_FORGET, error);
    if (statement == NULL)
        return false;
    bind_text(statement, 1, key);
    if (item_id != NULL) {
        bind_text(statement, 2, item_id);
        sqlite3_bind_int64(statement, 3, now_ms());
    }
    return run(admin, statement, error);
}

static bool
start_settling(ExgJournalAdmin *admin, const char *key, GError **error)
{
    g_autoptr(Statement) statement = prepare(admin, EXG_JOURNAL_SQL_TAKE_OVER, error);
    if (statement == NULL)
        return false;
    bind_text(statement, 1, key);
    bind_text(statement, 2, "");
    sqlite3_bind_int64(statement, 3, now_ms() + admin->settle_ms);
    return run(admin, statement, error);
}

/* Inside a transaction. `*ret_begins`: it now begins to settle. */
static bool
settle(ExgJournalAdmin *admin, const ExgJournalRow *seen, const char *item_id, bool *ret_begins,
       GError **error)
{
    g_autoptr(ExgJournalRow) row = NULL;
    if (!read_row(admin, seen->key, &row, error) || !may_settle(seen, row, item_id != NULL, error))
        return false;
    /* As the services do: nobody knows when its last byte left. */
    *ret_begins = row->state == EXG_JOURNAL_ROW_ABANDONED && item_id == NULL;
    return *ret_begins ? start_settling(admin, row->key, error)
                       : write_outcome(admin, row->key, item_id, error);
}

bool
exg_journal_admin_settle(ExgJournalAdmin *admin, const ExgJournalRow *row, const char *item_id,
                         GError **error)
{
    bool begins = false;
    if (!execute(admin, "BEGIN IMMEDIATE", error))
        return false;
    if (!settle(admin, row, item_id, &begins, error) || !execute(admin, "COMMIT", error)) {
        (void)execute(admin, "ROLLBACK", NULL);
        return false;
    }
    if (!begins)
        return true;
    g_autoptr(GError) wait = exg_error_new(
        EXG_ERROR_BUSY,
        "The process that was sending %s has ended, and Exchange may still be storing it; try "
        "again in %" G_GINT64_FORMAT " s",
        row->key, (admin->settle_ms + 999) / 1000);
    exg_error_set_retry_after(wait, admin->settle_ms);
    g_propagate_error(error, g_steal_pointer(&wait));
    return false;
}

/* --- the whole file --------------------------------------------------------------------------- */

bool
exg_journal_admin_prune(ExgJournalAdmin *admin, gint64 older_than_ms, guint64 *ret_count,
                        GError **error)
{
    *ret_count = 0;
    gint64 before_ms = now_ms() - older_than_ms;
    g_autoptr(Statement) statement = prepare(admin, EXG_JOURNAL_SQL_PRUNE, error);
    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, before_ms);
    sqlite3_bind_int(statement, 2, PRUNE_ROWS);
    /* Each step is a transaction: deliveries have their turn between them. */
    int deleted;
    do {
        if (!run(admin, statement, error))
            return false;
        sqlite3_reset(statement);
        deleted = sqlite3_changes(admin->database);
        *ret_count += (guint64)deleted;
    } while (deleted == PRUNE_ROWS);
    return true;
}

static guint64
size_of(const char *path, const char *suffix)
{
    g_autofree char *name = g_strconcat(path, suffix, NULL);
    struct stat status;
    return stat(name, &status) == 0 ? (guint64)status.st_size : 0;
}

bool
exg_journal_admin_summarize(ExgJournalAdmin *admin, ExgJournalSummary *ret_summary, GError **error)
{
    g_autoptr(Statement) count = prepare(admin, EXG_JOURNAL_SQL_COUNT, error);
    g_autoptr(Statement) fact = count != NULL ? prepare(admin, EXG_JOURNAL_SQL_SUSPECT_UNTIL, error)
                                              : NULL;
    if (fact == NULL)
        return false;
    bool counted = false, suspected = false;
    if (!step_to_row(admin, count, &counted, error) || !step_to_row(admin, fact, &suspected, error))
        return false;
    bool any = sqlite3_column_type(count, 2) != SQLITE_NULL;
    gint64 suspect_until_ms = suspected ? sqlite3_column_int64(fact, 0) : 0;
    *ret_summary = (ExgJournalSummary){
        .open = (guint64)sqlite3_column_int64(count, 0),
        .done = (guint64)sqlite3_column_int64(count, 1),
        .oldest_open_ms = any ? MAX(now_ms() - sqlite3_column_int64(count, 2), 0) : -1,
        .suspect_until_ms = suspect_until_ms > now_ms() ? suspect_until_ms : 0,
        .size_bytes = size_of(admin->path, "") + size_of(admin->path, "-wal"),
    };
    return true;
}
