/* cache-file-private.h - the cache's SQLite file: what the processes of one host have found out,
 * over restarts.
 *
 * It is a cache: what cannot be read is not known, what cannot be written is forgotten. A damaged
 * file, or one that is not the cache's, is set aside as PATH.aside and a new one made; one that
 * another process has set aside is left. Where no file can be made (a directory without permission,
 * a full disk), it is tried again after a while.
 *
 * Threads:  one at a time (the file is shared with other processes). May block.
 * Limits:   EXG_DIRECTORY_FILE_MAX_* rows, the latest, are kept; addresses that are somebody's and
 *           those that are nobody's are counted apart.
 */
#ifndef EXG_DIRECTORY_CACHE_FILE_PRIVATE_H
#define EXG_DIRECTORY_CACHE_FILE_PRIVATE_H

#include "common/directory/finding.h"

#include <sqlite3.h>

#define EXG_DIRECTORY_FILE_MAX_KNOWN   200000
#define EXG_DIRECTORY_FILE_MAX_NOBODY  20000
#define EXG_DIRECTORY_FILE_PRUNE_WRITES 1000
/* Tips are worth nothing any more after so long. */
#define EXG_DIRECTORY_FILE_TIPS_US G_TIME_SPAN_DAY

#define EXG_DIRECTORY_FILE_APPLICATION 0x45584744 /* "EXGD" */
#define EXG_DIRECTORY_FILE_LAYOUT      1
extern const char exg_directory_file_schema[];

typedef struct ExgDirectoryFile ExgDirectoryFile;

ExgDirectoryFile *exg_directory_file_new(const char *path);
void exg_directory_file_free(ExgDirectoryFile *file);

/* False if nothing is known. `*ret_found_us`: when it was found out, on the real clock. */
bool exg_directory_file_find(ExgDirectoryFile *file, const char *key, ExgRecipientKind *ret_kind,
                             gint64 *ret_found_us);
void exg_directory_file_store(ExgDirectoryFile *file, const char *key, ExgRecipientKind kind,
                              gint64 found_us);
/* What is kept of the tips for a recipient that is kept. False if there are none. */
bool exg_directory_file_find_tips(ExgDirectoryFile *file, const char *key,
                                  ExgDirectoryTips *ret_tips);
/* From four columns of a row, of which the first is NULL if there are no tips. */
ExgDirectoryTips exg_directory_file_read_tips(sqlite3_stmt *statement, int column);
void exg_directory_file_store_tips(ExgDirectoryFile *file, const char *key,
                                   const ExgDirectoryTips *tips);
void exg_directory_file_forget(ExgDirectoryFile *file, const char *key);
/* Deletes what is too old or too much. Happens by itself at the opening and every
 * EXG_DIRECTORY_FILE_PRUNE_WRITES. */
void exg_directory_file_prune(ExgDirectoryFile *file, guint max_known, guint max_nobody);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgDirectoryFile, exg_directory_file_free)

#endif
