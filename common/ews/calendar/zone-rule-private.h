/* zone-rule-private.h - a rule in requests and answers. */
#ifndef EXG_EWS_CALENDAR_ZONE_RULE_PRIVATE_H
#define EXG_EWS_CALENDAR_ZONE_RULE_PRIVATE_H

#include "common/ews/calendar/zone-rule.h"
#include "common/xml/tree.h"
#include "common/xml/writer.h"

/* The element t:TimeZone. */
void exg_ews_zone_rule_write(ExgXmlWriter *writer, const ExgEwsZoneRule *rule);
/* What is missing or makes no sense is as in a zone without daylight time. NULL-safe. */
void exg_ews_zone_rule_read(const ExgXmlNode *node, ExgEwsZoneRule *ret_rule);

#endif
