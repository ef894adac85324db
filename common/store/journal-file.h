/* journal-file.h - the journal's SQLite file: schema, statements, recovery. Used by the journal's
 * writer thread only.
 *
 * Threads:  one (the file may be shared with other processes).
 * Errors:   RESOURCES when the file cannot be written, CONFIG when it cannot be opened.
 */
#ifndef EXG_STORE_JOURNAL_FILE_H
#define EXG_STORE_JOURNAL_FILE_H

#include "common/store/journal.h"

typedef struct ExgJournalFile ExgJournalFile;

/* Opens or creates the file; one that is corrupt is set aside first. */
ExgJournalFile *exg_journal_file_open(const ExgJournalOptions *options, GError **error);
void exg_journal_file_close(ExgJournalFile *file);

/* Everything between these two is one transaction. When a transaction fails, nothing of it has
 * happened; a file that turned out to be corrupt, or was set aside by another process, is replaced
 * for the next one. */
bool exg_journal_file_start(ExgJournalFile *file, GError **error);
bool exg_journal_file_commit(ExgJournalFile *file, GError **error);

/* `*ret_item_id`: for DONE, (transfer full). */
bool exg_journal_file_begin(ExgJournalFile *file, const ExgJournalIntent *intent,
                            ExgJournalVerdict *ret_verdict, char **ret_item_id, gint64 *ret_wait_ms,
                            GError **error);
bool exg_journal_file_done(ExgJournalFile *file, const char *key, const char *item_id,
                           GError **error);
bool exg_journal_file_forget(ExgJournalFile *file, const char *key, GError **error);
/* `since_ms`: when its outcome became unknown, in milliseconds since 1970. */
bool exg_journal_file_leave_open(ExgJournalFile *file, const char *key, gint64 since_ms,
                                 GError **error);
/* Deletes a bounded number of `done` rows that are too old. Outside a transaction. */
void exg_journal_file_prune(ExgJournalFile *file);

bool exg_journal_file_is_suspect(ExgJournalFile *file);
void exg_journal_file_count(ExgJournalFile *file, ExgJournalStatistics *statistics);

#endif
