/* filter.h - libmilter's callbacks: what an MTA asks, and what it is told.
 *
 * libmilter has one filter per process and keeps it in globals, and so there is one ExgFilter. From
 * libmilter there is no way back: once it runs, it runs until the process ends. A filter that is
 * stopped answers no more.
 *
 * Threads:  libmilter's own; the callbacks of one connection now in one and then in another.
 *           exg_filter_configure() and exg_filter_stop() on the engine's.
 * Limits:   those of look-up.h, threads.h and connections.h.
 * Source:   RFC 5321, the documentation of libmilter's API, and its protocol version 2 to 6.
 */
#ifndef EXG_MILTER_FILTER_H
#define EXG_MILTER_FILTER_H

#include "milter/look-up.h"

typedef struct ExgFilter ExgFilter;

/* Registers with libmilter, once in a process; its socket can be opened then. NULL: it refuses.
 * `settings` and `look_ups` stay the caller's; the latter as long as the filter. */
ExgFilter *exg_filter_new(ExgEngine *engine, ExgMilterSettings *settings, ExgLookUps *look_ups);
/* Once stopped and drained. */
void exg_filter_free(ExgFilter *filter);

/* Serves, in threads of its own. `failed` is called on the engine's if libmilter gives up. */
void exg_filter_start(ExgFilter *filter, ExgEngineFunc failed, gpointer data);
void exg_filter_configure(ExgFilter *filter, ExgMilterSettings *settings);
/* Nothing is answered from now on but what is under way. Calls `drained` on the engine's thread when
 * that is done, never inside the call. */
void exg_filter_stop(ExgFilter *filter, ExgEngineFunc drained, gpointer data);
/* Whether something is under way. */
bool exg_filter_is_busy(ExgFilter *filter);

#endif
