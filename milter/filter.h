/* filter.h - libmilter's callbacks: what an MTA asks, and what it is told.
 *
 * libmilter has one filter per process and keeps it in globals, and so there is one ExgFilter.
 *
 * Threads:  exg_filter_run() blocks in the main thread; the callbacks run in threads of libmilter's,
 *           those of one connection now in one and then in another. exg_filter_configure() and
 *           exg_filter_stop() are for any thread.
 * Errors:   EXG_ERROR_CONFIG, one sentence that names the socket.
 */
#ifndef EXG_MILTER_FILTER_H
#define EXG_MILTER_FILTER_H

#include "milter/look-up.h"
#include "milter/settings.h"

typedef struct ExgFilter ExgFilter;

typedef struct {
    const char *listen; /* as libmilter writes it */
    mode_t mode;        /* of a unix socket */
    uid_t owner;        /* (uid_t)-1: leave */
    gid_t group;        /* (gid_t)-1: leave */
} ExgFilterSocket;

/* Opens the socket. */
ExgFilter *exg_filter_new(const ExgFilterSocket *socket, ExgMilterSettings *settings,
                          ExgLookUps *look_ups, GError **error);
void exg_filter_free(ExgFilter *filter);

/* Serves until exg_filter_stop(). When it returns no callback runs, and none will any more. Answers
 * whether libmilter ended well. */
bool exg_filter_run(ExgFilter *filter);
void exg_filter_configure(ExgFilter *filter, ExgMilterSettings *settings);
void exg_filter_stop(ExgFilter *filter);

#endif
