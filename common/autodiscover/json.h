/* json.h - autodiscover version 2: one GET without credentials.
 *
 * Threads:  pure functions.
 * Errors:   EXG_ERROR_PROTOCOL: what came is no answer to this.
 * Limits:   EXG_AUTODISCOVER_MAX_ANSWER_BYTES.
 * Source:   not documented by Microsoft; what Exchange 2016 CU3 and later, and Online, were seen to
 *           do. Never the only thing asked.
 */
#ifndef EXG_AUTODISCOVER_JSON_H
#define EXG_AUTODISCOVER_JSON_H

#include "common/autodiscover/answer.h"

/* "https://HOST/autodiscover/autodiscover.json/v1.0/ADDRESS?Protocol=EWS". (transfer full) */
char *exg_autodiscover_json_url(const char *host, const char *address, guint redirects);
/* The URL comes as ExternalEwsUrl. */
ExgAutodiscoverAnswer *exg_autodiscover_json_read(const char *json, gsize length, GError **error);

#endif
