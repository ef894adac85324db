#include "common/sqlite/cache-database.h"

#include "common/base/clock.h"
#include "common/base/log.h"

#include <errno.h>
#include <stdio.h>

#define REOPEN_US     (60 * G_USEC_PER_SEC)
#define OPEN_ATTEMPTS 3

void
exg_cache_database_init(ExgCacheDatabase *self, const ExgCacheDatabaseKind *kind, const char *path)
{
    *self = (ExgCacheDatabase){.kind = kind, .path = g_strdup(path)};
}

void
exg_cache_database_clear(ExgCacheDatabase *self)
{
    exg_database_close(&self->database);
    g_clear_pointer(&self->path, g_free);
}

/* SQLITE_NOTADB for a database that is somebody else's. */
static int
read_owner(ExgCacheDatabase *self)
{
    ExgDatabase *database = &self->database;
    gint64 application = 0, layout = 0, tables = 0;
    int code;
    if ((code = exg_database_ask(database, "PRAGMA application_id", &application)) != SQLITE_OK ||
        (code = exg_database_ask(database, "PRAGMA user_version", &layout)) != SQLITE_OK ||
        (code = exg_database_ask(database, "SELECT count(*) FROM sqlite_schema", &tables)) !=
            SQLITE_OK ||
        (code = exg_database_check(database)) != SQLITE_OK)
        return code;
    bool is_new = tables == 0 && application == 0 && layout == 0;
    bool is_ours = application == self->kind->application_id && layout == self->kind->layout;
    return is_new || is_ours ? SQLITE_OK : SQLITE_NOTADB;
}

/* In one transaction: what another process is making is seen empty or complete. */
static int
check_owner(ExgCacheDatabase *self)
{
    int code = exg_database_execute(&self->database, "BEGIN");
    if (code == SQLITE_OK)
        code = read_owner(self);
    exg_database_roll_back(&self->database);
    return code;
}

/* Answers an SQLite code. */
static int
open_database(ExgCacheDatabase *self)
{
    const ExgCacheDatabaseKind *kind = self->kind;
    int code = exg_database_open(&self->database, self->path, kind->busy_timeout_ms);
    if (code != SQLITE_OK || (code = check_owner(self)) != SQLITE_OK ||
        (code = exg_database_use_wal(&self->database, "NORMAL")) != SQLITE_OK)
        return code;
    /* In one transaction, so that another process sees a file that is empty or complete. */
    g_autofree char *sql = g_strdup_printf(
        "BEGIN IMMEDIATE; PRAGMA application_id = %u; PRAGMA user_version = %u; %s COMMIT",
        kind->application_id, kind->layout, kind->schema);
    return exg_database_set_up(&self->database, sql, kind->statements, kind->n_statements);
}

/* The log goes first: a new database must not find it. */
static void
set_aside(ExgCacheDatabase *self)
{
    static const char *const suffixes[] = {"-wal", "-shm", ""};
    if (!exg_database_is_in_place(&self->database, self->path))
        return; /* another process was faster */
    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *from = g_strconcat(self->path, suffixes[i], NULL);
        g_autofree char *to = g_strconcat(self->path, ".aside", suffixes[i], NULL);
        if (rename(from, to) < 0 && errno != ENOENT)
            exg_log(EXG_LOG_WARNING, NULL, "cannot rename %s: %s", from, g_strerror(errno));
    }
    exg_log(EXG_LOG_WARNING, NULL,
            "%s %s is damaged, or is another file; it was set aside as %s.aside", self->kind->name,
            self->path, self->path);
}

static bool
open_or_replace(ExgCacheDatabase *self)
{
    int code = SQLITE_OK;
    for (guint i = 0; i < OPEN_ATTEMPTS; i++) {
        code = open_database(self);
        if (code == SQLITE_OK)
            return true;
        if (!exg_database_is_corruption(code))
            break;
        exg_database_close(&self->database);
        set_aside(self);
    }
    exg_log(EXG_LOG_WARNING, NULL, "cannot open %s %s: %s; %s", self->kind->name, self->path,
            exg_database_message(&self->database, code), self->kind->without);
    exg_database_close(&self->database);
    return false;
}

bool
exg_cache_database_is_open(ExgCacheDatabase *self, bool *ret_opened)
{
    if (ret_opened != NULL)
        *ret_opened = false;
    if (self->database.handle != NULL && !exg_database_is_in_place(&self->database, self->path)) {
        exg_database_close(&self->database);
        self->reopen_us = 0;
    }
    if (self->database.handle != NULL)
        return true;
    if (exg_clock_monotonic_us() < self->reopen_us)
        return false;
    self->reopen_us = exg_clock_monotonic_us() + REOPEN_US;
    bool opened = open_or_replace(self);
    if (ret_opened != NULL)
        *ret_opened = opened;
    return opened;
}

void
exg_cache_database_note(ExgCacheDatabase *self, int code)
{
    if (code == SQLITE_ROW || code == SQLITE_DONE || code == SQLITE_OK)
        return;
    exg_log(EXG_LOG_DEBUG, NULL, "%s %s: %s", self->kind->name, self->path,
            exg_database_message(&self->database, code));
    if (!exg_database_is_corruption(code))
        return;
    exg_database_close(&self->database);
    self->reopen_us = 0;
}
