/* journal.h - what has been sent and what has been stored: the memory that makes a delivery happen
 * exactly once.
 *
 * A row per delivery key goes intent -> done. The intent is durable before the request leaves;
 * `done` rows stay for `keep_ms` and answer a retry; a row is deleted only when an answer has
 * proved that nothing was stored. A row that is neither done nor under way is *open*: its
 * delivery's outcome is not known, so the store must be asked before it is tried again, and not
 * before `settle_ms` after the last byte, since Exchange may still be storing.
 *
 * All rows are written by one thread, which commits whatever has gathered in one transaction
 * (SQLite, WAL, synchronous=FULL). The processes of one host share the file: a row belongs to the
 * process that has it under way, and is taken over when that process is gone.
 *
 * Threads:  the engine's; the writer thread is internal.
 * Errors:   RESOURCES when a row cannot be made durable: then nothing may be sent. CONFIG when the
 *           file cannot be opened.
 * Faults:   a corrupt file is set aside under another name, an alarm is logged, and
 *           exg_journal_is_suspect() is true until `keep_ms` have passed.
 * Limits:   EXG_JOURNAL_MAX_QUEUED operations waiting; past that they fail at once.
 */
#ifndef EXG_STORE_JOURNAL_H
#define EXG_STORE_JOURNAL_H

#include "common/io/engine.h"

#define EXG_JOURNAL_MAX_QUEUED 100000

typedef struct ExgJournal ExgJournal;

typedef struct {
    const char *path;
    gint64 keep_ms;    /* how long `done` rows answer retries */
    gint64 settle_ms;  /* how long after the last byte the outcome may still change */
    bool volatile_rows; /* commit without waiting for the disk: for benchmarks only */
} ExgJournalOptions;

ExgJournal *exg_journal_open(ExgEngine *engine, const ExgJournalOptions *options, GError **error);
/* Writes what is queued, then closes. Call it after the last delivery has ended. */
void exg_journal_close(ExgJournal *journal);

typedef enum {
    EXG_JOURNAL_BEGUN,    /* the intent is durable: send */
    EXG_JOURNAL_DONE,     /* stored before, under `item_id`: answer success */
    EXG_JOURNAL_UNDER_WAY, /* somebody is sending it, or its outcome may still change: `wait_ms` */
    EXG_JOURNAL_OPEN,     /* ask the store, then settle the row, or begin with `asked` */
    EXG_JOURNAL_FAILED    /* `error`: the journal cannot be written; send nothing */
} ExgJournalVerdict;

typedef struct {
    ExgJournalVerdict verdict;
    const char *item_id; /* DONE */
    gint64 wait_ms;      /* UNDER_WAY */
    const GError *error; /* FAILED */
} ExgJournalAnswer;

typedef void (*ExgJournalFunc)(const ExgJournalAnswer *answer, gpointer data);

typedef struct {
    const char *key;
    const char *recipient;
    const char *message_id; /* or NULL */
    const char *queue_id;   /* or NULL */
    bool asked;             /* the store was asked for this key and has no such item */
    bool renew;             /* the key does not tell a retry from a second message: a `done` row does not answer */
} ExgJournalIntent;

/* Makes the intent durable, or says why not to send. A process has at most one delivery of a key
 * under way at a time, which its callers see to. The answer comes from the engine, never inside the
 * call. */
void exg_journal_begin(ExgJournal *journal, const ExgJournalIntent *intent, ExgJournalFunc function,
                       gpointer data);

/* What came of it; queued, in order, without an answer. It is written with the next intent, a moment
 * later if there is none, or when the journal is closed. */
void exg_journal_done(ExgJournal *journal, const char *key, const char *item_id);
/* An answer proved that nothing was stored. */
void exg_journal_forget(ExgJournal *journal, const char *key);
/* The outcome is not known; the last byte left just now or earlier. */
void exg_journal_leave_open(ExgJournal *journal, const char *key);

/* Rows may have been lost, so the store should be asked for every message that could be a retry. */
bool exg_journal_is_suspect(ExgJournal *journal);

typedef struct {
    guint64 open;             /* rows without an outcome, those under way included */
    gint64 oldest_open_ms;    /* age of the oldest of them; 0: none */
    guint64 done;
    guint64 commits, operations; /* since the start */
} ExgJournalStatistics;
/* Rows are counted when the journal is opened and once a minute. */
void exg_journal_get_statistics(ExgJournal *journal, ExgJournalStatistics *ret_statistics);

/* "SQLite 3.40.1": for --version. Static. */
const char *exg_journal_library_version(void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgJournal, exg_journal_close)

#endif
