/* share-private.h - the thread that visits the shared file, so that the engine never waits for a
 * disk.
 *
 * One visit at a time; its answer comes through a descriptor that the engine watches.
 *
 * Threads:  the engine's; the file's thread is internal.
 */
#ifndef EXG_THROTTLE_SHARE_PRIVATE_H
#define EXG_THROTTLE_SHARE_PRIVATE_H

#include "common/io/engine.h"
#include "common/throttle/file-private.h"

typedef struct ExgThrottleShare ExgThrottleShare;

/* `function(data)` runs on the engine when a visit has ended. NULL if this host is out of threads
 * or descriptors. */
ExgThrottleShare *exg_throttle_share_new(ExgEngine *engine, const char *path,
                                         ExgEngineFunc function, gpointer data);
/* Begins a visit; `sync` must stay until the function has run. */
void exg_throttle_share_visit(ExgThrottleShare *share, ExgThrottleSync *sync);
/* Waits for the visit under way, then makes a last one if `last` is not NULL. The function does not
 * run any more. */
void exg_throttle_share_free(ExgThrottleShare *share, ExgThrottleSync *last);

#endif
