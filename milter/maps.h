/* maps.h - the listeners of the maps, put together from [maps] of the configuration.
 *
 * Threads:  the engine's, or the creator's while that does not run.
 * Errors:   EXG_ERROR_CONFIG, one sentence that names the key.
 */
#ifndef EXG_MILTER_MAPS_H
#define EXG_MILTER_MAPS_H

#include "common/base/conf.h"
#include "milter/map-server.h"
#include "milter/settings.h"

typedef struct ExgMaps ExgMaps;

/* What can be checked without opening anything. */
bool exg_maps_check(const ExgConf *conf, GError **error);
/* Listens; without an address in the configuration nothing does. */
ExgMaps *exg_maps_new(ExgEngine *engine, const ExgConf *conf, ExgMilterSettings *settings,
                      GError **error);
/* Closes everything, and lets go of the settings. Calls `function` when no look-up is under way,
 * perhaps inside the call. */
void exg_maps_stop(ExgMaps *maps, ExgEngineFunc function, gpointer data);
/* When it has been stopped, or the engine has never run. */
void exg_maps_free(ExgMaps *maps);
/* After a reload. What it listens on stays as it was. */
void exg_maps_configure(ExgMaps *maps, const ExgConf *conf, ExgMilterSettings *settings);
ExgMapStatistics exg_maps_statistics(const ExgMaps *maps);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgMaps, exg_maps_free)

#endif
