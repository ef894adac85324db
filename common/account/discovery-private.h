/* discovery-private.h - `endpoint = auto`: the configured way to find the endpoint.
 *
 * Threads:  the engine's.
 * Errors:   EXG_ERROR_CONFIG, one sentence that names the key.
 */
#ifndef EXG_ACCOUNT_DISCOVERY_PRIVATE_H
#define EXG_ACCOUNT_DISCOVERY_PRIVATE_H

#include "common/base/conf.h"
#include "common/ews/service.h"

/* Whether the endpoint is not configured. */
bool exg_account_discovers(const ExgConf *conf);
bool exg_account_check_discovery(const ExgConf *conf, GError **error);

extern const ExgEwsLocator exg_account_locator;
/* Its data. `http`: as the endpoint is talked to; strings are those of the configuration. */
gpointer exg_account_locator_new(ExgEngine *engine, const ExgConf *conf,
                                 const ExgHttpClientOptions *http);

#endif
