/* envelope-private.h - the parts that all requests share: namespaces, SOAP envelope and header,
 * folder ids, times.
 *
 * Source:   SOAP 1.1; MS-OXWSCDATA. The order of elements is the schema's, and Exchange insists on
 *           it.
 */
#ifndef EXG_EWS_ENVELOPE_PRIVATE_H
#define EXG_EWS_ENVELOPE_PRIVATE_H

#include "common/ews/service.h"
#include "common/xml/writer.h"

#define EXG_EWS_SOAP_SPACE     "http://schemas.xmlsoap.org/soap/envelope/"
#define EXG_EWS_TYPES_SPACE    "http://schemas.microsoft.com/exchange/services/2006/types"
#define EXG_EWS_MESSAGES_SPACE "http://schemas.microsoft.com/exchange/services/2006/messages"

/* Begins the document, up to the open s:Body. Prefixes from here on: s, t, m. */
void exg_ews_envelope_start(ExgXmlWriter *writer, const char *version, const ExgEwsTarget *target);
/* The same with the Windows id of the time zone that times without one are in; NULL: none. */
void exg_ews_envelope_start_in_zone(ExgXmlWriter *writer, const char *version,
                                    const ExgEwsTarget *target, const char *time_zone);
/* An empty element with one attribute. */
void exg_ews_write_leaf(ExgXmlWriter *writer, const char *name, const char *attribute,
                        const char *value);
/* t:DistinguishedFolderId in the target's mailbox. */
void exg_ews_write_folder(ExgXmlWriter *writer, const ExgEwsTarget *target,
                          const char *distinguished_id);
/* t:ExtendedFieldURI of the delivery key. */
void exg_ews_write_delivery_key_uri(ExgXmlWriter *writer);

/* "2026-11-21T20:04:05Z". What lies outside the years 1601 to 9999 is moved to their ends.
 * (transfer full) */
char *exg_ews_format_time(gint64 seconds);
/* Whether an address can be the value of a header line: printable ASCII without blanks. */
bool exg_ews_fits_header(const char *address);

#endif
