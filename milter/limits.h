/* limits.h - what the process may use: found out and set before libmilter runs into it.
 *
 * Threads:  the main one.
 * Errors:   EXG_ERROR_CONFIG, one sentence that names the key to lower or the limit to raise.
 */
#ifndef EXG_MILTER_LIMITS_H
#define EXG_MILTER_LIMITS_H

#include "common/base/conf.h"

/* Raises the limit of descriptors to what the configuration takes, `others` besides, and tries
 * whether there can be as many threads. */
bool exg_limits_prepare(const ExgConf *conf, guint others, GError **error);

/* Workers that [milter] allows. */
guint exg_limits_max_workers(const ExgConf *conf);

#endif
