/* maps.h - the listeners of the maps, put together from [maps] of the configuration.
 *
 * Threads:  the engine's.
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
/* Descriptors that they take. */
guint exg_maps_max_descriptors(const ExgConf *conf);
/* Listens; without an address in the configuration nothing does. */
ExgMaps *exg_maps_new(ExgEngine *engine, const ExgConf *conf, ExgMilterSettings *settings,
                      GError **error);
void exg_maps_free(ExgMaps *maps);
/* What is under way is answered, and nothing else. Calls `drained` when that is done, never inside
 * the call. */
void exg_maps_stop(ExgMaps *maps, ExgEngineFunc drained, gpointer data);
/* After a reload. What they listen on stays as it was. */
void exg_maps_configure(ExgMaps *maps, const ExgConf *conf, ExgMilterSettings *settings);
ExgMapStatistics exg_maps_statistics(const ExgMaps *maps);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgMaps, exg_maps_free)

#endif
