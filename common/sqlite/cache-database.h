/* cache-database.h - a database file of what can be found out again: a cache that processes share.
 *
 * It is opened when it is first needed. One that is damaged, or somebody else's, is set aside as
 * PATH.aside (the last one is kept, for whoever wants to look) and made anew; one that cannot be
 * opened is tried again after a minute, and done without until then. One that another process has
 * replaced is opened anew.
 *
 * Threads:  one at a time. May block: as database.h.
 * Memory:   part of its owner.
 * Errors:   none: who cannot have the file goes on without it. The log says so, once per attempt.
 */
#ifndef EXG_SQLITE_CACHE_DATABASE_H
#define EXG_SQLITE_CACHE_DATABASE_H

#include "common/sqlite/database.h"

/* What a kind of cache is. Static. */
typedef struct {
    const char *name;           /* "the directory cache", for the log */
    const char *without;        /* what happens where it cannot be opened: "findings are kept in memory only" */
    guint32 application_id;     /* tells the file from somebody else's database, … */
    guint layout;               /* … and its layout from a later one's */
    int busy_timeout_ms;
    const char *schema;
    const char *const *statements;
    guint n_statements;
} ExgCacheDatabaseKind;

typedef struct {
    const ExgCacheDatabaseKind *kind;
    char *path;
    ExgDatabase database;
    gint64 reopen_us; /* when opening is worth another attempt */
} ExgCacheDatabase;

/* `path` is copied. Opens nothing yet. */
void exg_cache_database_init(ExgCacheDatabase *self, const ExgCacheDatabaseKind *kind,
                             const char *path);
void exg_cache_database_clear(ExgCacheDatabase *self);

/* Whether its statements can be used now. `*ret_opened` (or NULL): it has just been opened. */
bool exg_cache_database_is_open(ExgCacheDatabase *self, bool *ret_opened);
/* Takes notice of what a statement came to: a file that turns out to be damaged is opened anew the
 * next time, and then set aside. */
void exg_cache_database_note(ExgCacheDatabase *self, int code);

#endif
