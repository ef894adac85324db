/* look-up.h - the directory, asked by libmilter's threads: bounded, and by a deadline.
 *
 * A thread that asks waits for the answer, so there are only so many at a time who may. Who comes on
 * top is told what is known, or at once that nobody can tell.
 *
 * Threads:  any but the engine's.
 * Limits:   `max` at a time; each until its deadline.
 */
#ifndef EXG_MILTER_LOOK_UP_H
#define EXG_MILTER_LOOK_UP_H

#include "milter/settings.h"

typedef struct ExgLookUps ExgLookUps;

ExgLookUps *exg_look_ups_new(guint max);
void exg_look_ups_free(ExgLookUps *look_ups);
void exg_look_ups_set_max(ExgLookUps *look_ups, guint max);
/* Those under way. */
guint exg_look_ups_count(ExgLookUps *look_ups);

/* `client`: his address, or NULL. Never NULL; (transfer full). */
ExgDirectoryFinding *exg_look_up(ExgLookUps *look_ups, const ExgMilterSettings *settings,
                                 const char *client, const char *mailbox);

#endif
