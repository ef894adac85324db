/* spool-private.h - the bytes of one message: in memory, or in an unlinked file when they grow past
 * a limit.
 *
 * Written once from front to back, sealed, then read at any offset. In memory it is a list of
 * chunks of one size, so growing copies nothing. For the file, worker threads write a few chunks at
 * a time, one job at a time; the writer is told to hold its sender back while too much waits for
 * them.
 *
 * Threads:  appending and sealing on the engine's thread; a sealed spool may be read by any.
 * Memory:   reference counted: its owner and the job that is writing hold one each.
 * Errors:   EXG_ERROR_RESOURCES, one sentence that names the directory, or says that the budget is
 *           used up.
 */
#ifndef EXG_MIME_SPOOL_PRIVATE_H
#define EXG_MIME_SPOOL_PRIVATE_H

#include "common/io/worker.h"
#include "common/mime/spool-budget.h"

/* The sender is held back from so many bytes on that wait for the disk. */
#define EXG_SPOOL_CONGESTED_BYTES (192 * 1024)

typedef struct ExgSpool ExgSpool;

/* `budget`: referenced; NULL: no limit. */
ExgSpool *exg_spool_new(const char *directory, gsize memory_max, ExgWorkerPool *workers,
                        ExgSpoolBudget *budget);
ExgSpool *exg_spool_ref(ExgSpool *spool);
void exg_spool_unref(ExgSpool *spool);

/* After an error of its own or of a job, that error again. */
bool exg_spool_append(ExgSpool *spool, const char *bytes, gsize length, GError **error);
/* See exg_message_builder_is_congested(). `ready` is also called when writing fails. */
bool exg_spool_is_congested(ExgSpool *spool, ExgEngineFunc ready, gpointer data);
/* Everything has been appended. `done` is called when it is all in its place, inside the call if it
 * already is. */
typedef void (*ExgSpoolFunc)(const GError *error, gpointer data);
void exg_spool_seal(ExgSpool *spool, ExgSpoolFunc done, gpointer data);
/* Nobody wants it any more: calls nobody back, and writes and keeps nothing that can be helped. */
void exg_spool_abandon(ExgSpool *spool);

guint64 exg_spool_length(const ExgSpool *spool);
bool exg_spool_is_file(const ExgSpool *spool);
/* Of a sealed spool. As exg_message_read(). */
gssize exg_spool_read(const ExgSpool *spool, guint64 offset, char *buffer, gsize room,
                      GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgSpool, exg_spool_unref)

#endif
