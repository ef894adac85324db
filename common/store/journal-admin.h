/* journal-admin.h - the delivery journal as its administrator sees it: list, look up, settle by
 * hand, prune, beside running services.
 *
 * A connection of its own to the file that the services write (journal.h). It never creates,
 * replaces or repairs a file, which is theirs to do, and it changes nothing unless told to. What it
 * changes it does in short transactions, so that no delivery waits for long.
 *
 * Threads:  one.
 * Errors:   CONFIG: the file cannot be opened or is no delivery journal; BUSY: try again later,
 *           with retry-after where that is known; REJECTED: no key can begin like that, or the row
 *           has its outcome already; RESOURCES: the disk. One sentence that names the file or the
 *           key.
 * Limits:   EXG_JOURNAL_LIST_MAX rows in one list.
 * Bugs:     the owner of a row is looked for in /proc: whoever cannot see the services' processes
 *           there (another PID namespace, hidepid) must not settle rows.
 */
#ifndef EXG_STORE_JOURNAL_ADMIN_H
#define EXG_STORE_JOURNAL_ADMIN_H

#include <glib.h>
#include <stdbool.h>

#define EXG_JOURNAL_LIST_MAX       100000
#define EXG_JOURNAL_PREFIX_MIN_HEX 6

typedef struct ExgJournalAdmin ExgJournalAdmin;

typedef struct {
    const char *path;
    gint64 settle_ms;       /* how long after the last byte an outcome may change */
    bool writable;          /* settle and prune need it */
    gint64 busy_timeout_ms; /* how long to wait for another process's transaction; 0: 10 s */
} ExgJournalAdminOptions;

ExgJournalAdmin *exg_journal_admin_open(const ExgJournalAdminOptions *options, GError **error);
void exg_journal_admin_close(ExgJournalAdmin *admin);

typedef enum {
    EXG_JOURNAL_ROW_OPEN,      /* no outcome: the next retry asks the store */
    EXG_JOURNAL_ROW_SETTLING,  /* no outcome, and it may still change for `wait_ms`: until then retries are put off */
    EXG_JOURNAL_ROW_UNDER_WAY, /* a living process is sending it */
    EXG_JOURNAL_ROW_ABANDONED, /* its process has ended: the next retry starts the time to settle */
    EXG_JOURNAL_ROW_DONE       /* the store has it: retries succeed */
} ExgJournalRowState;

typedef struct {
    char *key;
    char *recipient;
    char *message_id; /* or NULL, as are the next two */
    char *queue_id;
    char *item_id; /* DONE */
    ExgJournalRowState state;
    gint64 begun_ms;   /* the first try, in milliseconds since 1970 */
    gint64 settled_ms; /* DONE: when; OPEN, SETTLING: when the outcome can change no more; otherwise 0 */
    gint64 wait_ms;    /* SETTLING */
    gint64 process;    /* UNDER_WAY, ABANDONED: whose */
    char *owner;       /* as the journal has it */
} ExgJournalRow;

void exg_journal_row_free(ExgJournalRow *row);

typedef struct {
    bool done;             /* rows with an outcome, latest first; or those without, oldest first */
    const char *recipient; /* only this one's, in any case; NULL: all */
    guint limit;           /* 1 to EXG_JOURNAL_LIST_MAX */
} ExgJournalFilter;

/* `*ret_rows`: of ExgJournalRow, (transfer full). `*ret_more`: the limit left some out. */
bool exg_journal_admin_list(ExgJournalAdmin *admin, const ExgJournalFilter *filter,
                            GPtrArray **ret_rows, bool *ret_more, GError **error);

/* Finds the row whose key begins with `prefix`: "v1:" (which may be left out) and at least
 * EXG_JOURNAL_PREFIX_MIN_HEX hexadecimal digits. `*ret_matches`: 0, 1, or 2 for several; `*ret_row`
 * is set for 1. A prefix of another form is REJECTED. */
bool exg_journal_admin_find(ExgJournalAdmin *admin, const char *prefix, ExgJournalRow **ret_row,
                            guint *ret_matches, GError **error);

/* Writes the outcome of a row as it was found: stored under `item_id`, or, with NULL, not stored,
 * which deletes the row. REJECTED if it is done. BUSY if a living process has it under way; if it
 * has changed since it was found; and, for not stored, as long as its outcome may change. An
 * abandoned row then begins to settle. */
bool exg_journal_admin_settle(ExgJournalAdmin *admin, const ExgJournalRow *row, const char *item_id,
                              GError **error);

/* Deletes the rows that have been done for longer than that. On failure some may be gone;
 * `*ret_count` then says how many, too. */
bool exg_journal_admin_prune(ExgJournalAdmin *admin, gint64 older_than_ms, guint64 *ret_count,
                             GError **error);

typedef struct {
    guint64 open;            /* rows without an outcome, those under way included */
    guint64 done;
    gint64 oldest_open_ms;   /* age of the oldest of the open ones; -1: there is none */
    gint64 suspect_until_ms; /* rows may have been lost, see exg_journal_is_suspect(); 0: no */
    guint64 size_bytes;      /* of the file and its write-ahead log */
} ExgJournalSummary;

bool exg_journal_admin_summarize(ExgJournalAdmin *admin, ExgJournalSummary *ret_summary,
                                 GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgJournalAdmin, exg_journal_admin_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgJournalRow, exg_journal_row_free)

#endif
