/* journal-sql-private.h - the statements that both the services' writer and the administrator's
 * functions use on the journal.
 *
 * The table is in journal-file.c. Parameters: ?1 is the key, unless said otherwise.
 */
#ifndef EXG_STORE_JOURNAL_SQL_PRIVATE_H
#define EXG_STORE_JOURNAL_SQL_PRIVATE_H

/* ?2: the owner, or ''; ?3: when its outcome can change no more */
#define EXG_JOURNAL_SQL_TAKE_OVER                                                                  \
    "UPDATE deliveries SET done = 0, owner = ?2, settled_ms = ?3 WHERE key = ?1"
/* ?2: the item's id; ?3: now */
#define EXG_JOURNAL_SQL_DONE                                                                       \
    "UPDATE deliveries SET done = 1, owner = '', item_id = ?2, settled_ms = ?3 WHERE key = ?1"
#define EXG_JOURNAL_SQL_FORGET "DELETE FROM deliveries WHERE key = ?1 AND done = 0"
/* ?1: rows done before then; ?2: how many at most */
#define EXG_JOURNAL_SQL_PRUNE                                                                      \
    "DELETE FROM deliveries WHERE key IN (SELECT key FROM deliveries WHERE done = 1 AND "          \
    "settled_ms < ?1 LIMIT ?2)"
/* no parameter; answers rows without an outcome, rows done, and when the oldest of the first
 * began */
#define EXG_JOURNAL_SQL_COUNT                                                                      \
    "SELECT (SELECT count(*) FROM deliveries WHERE done = 0), (SELECT count(*) FROM deliveries "   \
    "WHERE done = 1),"                                                                             \
    " (SELECT min(begun_ms) FROM deliveries WHERE done = 0)"
/* no parameter; no row if it never was */
#define EXG_JOURNAL_SQL_SUSPECT_UNTIL "SELECT value FROM facts WHERE name = 'suspect_until_ms'"

#endif
