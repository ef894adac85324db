/* database.h - an SQLite file that processes share: opened, set up, asked, closed.
 *
 * The common part of the journal, the caches (cache-database.h) and the throttle's file. Whether a file is
 * theirs, what counts as damage and what is done about it differ between them, and stay with them:
 * between exg_database_open() and exg_database_set_up() the owner looks at what is there.
 *
 * Threads:  one at a time. May block: per statement for `busy_timeout_ms`, and on the disk.
 * Memory:   part of its owner, zeroed at first; what was opened, even in vain, is to be closed.
 * Errors:   functions that answer an int answer an SQLite code, on which the owner's next step
 *           depends; exg_database_message() has the words.
 * Limits:   the owner's; nothing here grows.
 * Source:   https://sqlite.org/c3ref/intro.html, https://sqlite.org/pragma.html
 */
#ifndef EXG_SQLITE_DATABASE_H
#define EXG_SQLITE_DATABASE_H

#include <glib.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct {
    const char *vfs;         /* set before it is opened; NULL: SQLite's own */
    sqlite3 *handle;         /* NULL: not open */
    sqlite3_stmt **prepared; /* as listed by the owner */
    guint n_prepared;
    dev_t device; /* with `inode`: the file last opened; 0 if it was gone at once */
    ino_t inode;
    int busy_timeout_ms;
} ExgDatabase;

/* Makes the file if there is none; follows no symbolic link. What is in it is not looked at yet. */
int exg_database_open(ExgDatabase *database, const char *path, int busy_timeout_ms);
/* SQLITE_CORRUPT also for a file that can be read and yet is not in order. */
int exg_database_check(ExgDatabase *database);
/* Turns the write-ahead log on, and waits for another process that does so. `synchronous`: "OFF", "NORMAL" or "FULL". */
int exg_database_use_wal(ExgDatabase *database, const char *synchronous);
/* Makes the tables, prepares the statements. */
int exg_database_set_up(ExgDatabase *database, const char *schema, const char *const *statements,
                        guint n_statements);
/* Does nothing to one that is closed. */
void exg_database_close(ExgDatabase *database);

/* Any number of statements, without their answers. */
int exg_database_execute(ExgDatabase *database, const char *sql);
/* The first number that a statement answers; SQLITE_DONE if it answers none. */
int exg_database_ask(ExgDatabase *database, const char *sql, gint64 *ret_number);
/* Runs a statement that answers no rows, and clears it for the next time. */
int exg_database_run(sqlite3_stmt *statement);
/* Ends the transaction, if SQLite has not done so by itself. */
void exg_database_roll_back(ExgDatabase *database);

/* Whether `path` still is the file last opened: another process may have replaced it. */
bool exg_database_is_in_place(const ExgDatabase *database, const char *path);
/* Whether `code` means that the file is damaged, or no database. */
bool exg_database_is_corruption(int code);
/* In words, why the last call answered `code`; the code alone once the database is closed. */
const char *exg_database_message(const ExgDatabase *database, int code);

#endif
