/* map-check.h - what the maps are told: the directory and the administrator's policy, asked without
 * a thread that waits.
 *
 * The same rules decide as in the milter. What a map's client does not tell (the policy service
 * tells everything, a table nothing but the recipient) does not count: no rule about size, sender
 * or client is applied then.
 *
 * Threads:  the engine's.
 * Memory:   a question keeps the settings that it began with, and outlives the object.
 */
#ifndef EXG_MILTER_MAP_CHECK_H
#define EXG_MILTER_MAP_CHECK_H

#include "milter/map-server.h"
#include "milter/settings.h"

typedef struct ExgMapCheck ExgMapCheck;

ExgMapCheck *exg_map_check_new(ExgMilterSettings *settings);
void exg_map_check_free(ExgMapCheck *check);
/* For the questions that come from now on. */
void exg_map_check_configure(ExgMapCheck *check, ExgMilterSettings *settings);

/* An ExgMapAskFunc; `check` is an ExgMapCheck. */
void exg_map_check_ask(const ExgMapQuestion *question, gpointer check, ExgMapAnswerFunc function,
                       gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgMapCheck, exg_map_check_free)

#endif
