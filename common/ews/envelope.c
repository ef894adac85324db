#include "common/ews/envelope-private.h"

#include "common/ews/item.h"

#define FIRST_SECOND G_GINT64_CONSTANT(-11644473600) /* 1601-01-01, where the times of MAPI begin */
#define LAST_SECOND  G_GINT64_CONSTANT(253402300799) /* 9999-12-31 23:59:59 */

void
exg_ews_write_leaf(ExgXmlWriter *writer, const char *name, const char *attribute, const char *value)
{
    exg_xml_start(writer, name);
    exg_xml_attribute(writer, attribute, value);
    exg_xml_end(writer);
}

void
exg_ews_envelope_start(ExgXmlWriter *writer, const char *version, const ExgEwsTarget *target)
{
    exg_ews_envelope_start_in_zone(writer, version, target, NULL);
}

void
exg_ews_envelope_start_in_zone(ExgXmlWriter *writer, const char *version,
                               const ExgEwsTarget *target, const char *time_zone)
{
    exg_xml_start(writer, "s:Envelope");
    exg_xml_attribute(writer, "xmlns:s", EXG_EWS_SOAP_SPACE);
    exg_xml_attribute(writer, "xmlns:t", EXG_EWS_TYPES_SPACE);
    exg_xml_attribute(writer, "xmlns:m", EXG_EWS_MESSAGES_SPACE);
    exg_xml_start(writer, "s:Header");
    exg_ews_write_leaf(writer, "t:RequestServerVersion", "Version", version);
    if (target->access == EXG_EWS_IMPERSONATION) {
        exg_xml_start(writer, "t:ExchangeImpersonation");
        exg_xml_start(writer, "t:ConnectingSID");
        exg_xml_element(writer, "t:SmtpAddress", target->mailbox);
        exg_xml_end(writer);
        exg_xml_end(writer);
    }
    if (time_zone != NULL) {
        exg_xml_start(writer, "t:TimeZoneContext");
        exg_ews_write_leaf(writer, "t:TimeZoneDefinition", "Id", time_zone);
        exg_xml_end(writer);
    }
    exg_xml_end(writer);
    exg_xml_start(writer, "s:Body");
}

void
exg_ews_write_folder(ExgXmlWriter *writer, const ExgEwsTarget *target, const char *distinguished_id)
{
    exg_xml_start(writer, "t:DistinguishedFolderId");
    exg_xml_attribute(writer, "Id", distinguished_id);
    if (target->access == EXG_EWS_DELEGATE) {
        exg_xml_start(writer, "t:Mailbox");
        exg_xml_element(writer, "t:EmailAddress", target->mailbox);
        exg_xml_end(writer);
    }
    exg_xml_end(writer);
}

void
exg_ews_write_delivery_key_uri(ExgXmlWriter *writer)
{
    exg_xml_start(writer, "t:ExtendedFieldURI");
    exg_xml_attribute(writer, "PropertySetId", EXG_EWS_DELIVERY_KEY_SET);
    exg_xml_attribute(writer, "PropertyName", EXG_EWS_DELIVERY_KEY_NAME);
    exg_xml_attribute(writer, "PropertyType", "String");
    exg_xml_end(writer);
}

char *
exg_ews_format_time(gint64 seconds)
{
    g_autoptr(GDateTime)
        time = g_date_time_new_from_unix_utc(CLAMP(seconds, FIRST_SECOND, LAST_SECOND));
    return g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ");
}

bool
exg_ews_fits_header(const char *address)
{
    if (address == NULL || address[0] == '\0')
        return false;
    for (const char *at = address; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~') /* a byte above 127 is negative, or larger */
            return false;
    return true;
}
