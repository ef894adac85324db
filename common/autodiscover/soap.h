/* soap.h - autodiscover by SOAP: GetUserSettings.
 *
 * Threads:  pure functions.
 * Errors:   EXG_ERROR_PROTOCOL: what came is no answer to this.
 * Limits:   EXG_AUTODISCOVER_MAX_ANSWER_BYTES.
 * Source:   MS-OXWSADISC 3.1.4.3.
 */
#ifndef EXG_AUTODISCOVER_SOAP_H
#define EXG_AUTODISCOVER_SOAP_H

#include "common/autodiscover/answer.h"

#define EXG_AUTODISCOVER_SOAP_PATH "/autodiscover/autodiscover.svc"

/* What is asked for where nobody says otherwise, NULL-terminated; and every name there is, sorted. */
extern const char *const exg_autodiscover_usual_settings[];
extern const char *const exg_autodiscover_all_settings[];

/* The request to `url`. (transfer full) */
char *exg_autodiscover_soap_request(const char *url, const char *address,
                                    const char *const *settings, gsize *ret_length);
ExgAutodiscoverAnswer *exg_autodiscover_soap_read(const char *xml, gsize length, GError **error);

#endif
