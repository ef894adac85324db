/* configured.h - the directory that exgate.conf describes, for all programs alike.
 *
 * Threads:  the engine's.
 * Errors:   EXG_ERROR_CONFIG.
 */
#ifndef EXG_DIRECTORY_CONFIGURED_H
#define EXG_DIRECTORY_CONFIGURED_H

#include "common/account/account.h"
#include "common/base/conf.h"
#include "common/directory/directory.h"

/* `is_gate`: as in ExgDirectoryOptions. Reads the map, which may block. */
ExgDirectory *exg_directory_new_configured(ExgEngine *engine, const ExgConf *conf,
                                           ExgAccount *account, ExgDirectoryCache *cache,
                                           bool is_gate, GError **error);

#endif
