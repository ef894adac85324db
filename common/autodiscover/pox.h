/* pox.h - autodiscover by plain XML, as Outlook and phones ask.
 *
 * Threads:  pure functions.
 * Errors:   EXG_ERROR_PROTOCOL: what came is no answer to this.
 * Limits:   EXG_AUTODISCOVER_MAX_ANSWER_BYTES.
 * Source:   MS-OXDSCLI; MS-ASCMD for the schema of phones.
 */
#ifndef EXG_AUTODISCOVER_POX_H
#define EXG_AUTODISCOVER_POX_H

#include "common/autodiscover/answer.h"

#define EXG_AUTODISCOVER_POX_PATH "/autodiscover/autodiscover.xml"

typedef enum {
    EXG_AUTODISCOVER_OUTLOOK,
    EXG_AUTODISCOVER_MOBILESYNC /* finds ActiveSync's host, which is mostly that of EWS */
} ExgAutodiscoverSchema;

/* (transfer full) */
char *exg_autodiscover_pox_request(const char *address, ExgAutodiscoverSchema schema,
                                   gsize *ret_length);
/* Either schema. The settings have SOAP's names: ExternalEwsUrl of the block for clients outside
 * (EXPR), InternalEwsUrl of that for clients inside (EXCH), UserDisplayName, UserDN,
 * AutoDiscoverSMTPAddress; beside them EwsAuthentication (the block's AuthPackage), TtlHours, and
 * MobileSyncUrl. */
ExgAutodiscoverAnswer *exg_autodiscover_pox_read(const char *xml, gsize length, GError **error);

#endif
