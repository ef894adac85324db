/* worker.h - blocking work done beside an engine, by a bounded number of threads.
 *
 * For what may block: spool files, the KDC, PKCS#11. A job runs in a worker thread and then its
 * `done` function on the engine's thread.
 *
 * Threads:  exg_worker_run() on the engine's thread.
 * Limits:   `max_threads` at once, `max_queued` jobs waiting; past that exg_worker_run() refuses.
 */
#ifndef EXG_IO_WORKER_H
#define EXG_IO_WORKER_H

#include "common/io/engine.h"

typedef struct ExgWorkerPool ExgWorkerPool;
typedef void (*ExgWorkerFunc)(gpointer data);

ExgWorkerPool *exg_worker_pool_new(ExgEngine *engine, guint max_threads, guint max_queued);
/* Waits for all jobs, those in the queue too; their `done` functions still run if the engine does.
 * NULL-safe. */
void exg_worker_pool_free(ExgWorkerPool *pool);

/* `done` may be NULL. Errors: EXG_ERROR_RESOURCES when the queue is full; then neither function is
 * called. */
bool exg_worker_run(ExgWorkerPool *pool, ExgWorkerFunc work, ExgWorkerFunc done, gpointer data,
                    GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgWorkerPool, exg_worker_pool_free)

#endif
