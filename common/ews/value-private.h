/* value-private.h - the values of an answer: text, numbers, truth, times.
 *
 * Threads:  pure functions.
 * Source:   XML Schema Part 2 (xs:boolean, xs:dateTime, xs:duration), and what servers make of it.
 */
#ifndef EXG_EWS_VALUE_PRIVATE_H
#define EXG_EWS_VALUE_PRIVATE_H

#include "common/xml/tree.h"

/* The text of a child in the types or the messages namespace; "" if there is none. NULL-safe. */
const char *exg_ews_child_text(const ExgXmlNode *parent, const char *name);
/* A copy of it; NULL if there is none. (transfer full) */
char *exg_ews_child_copy(const ExgXmlNode *parent, const char *name);
/* The same as a number within its limits, or `otherwise`. */
gint64 exg_ews_child_number(const ExgXmlNode *parent, const char *name, gint64 min, gint64 max,
                            gint64 otherwise);
bool exg_ews_child_bool(const ExgXmlNode *parent, const char *name, bool otherwise);
/* The same as a time in UTC, in seconds since 1970. */
gint64 exg_ews_child_time(const ExgXmlNode *parent, const char *name, gint64 otherwise);

/* "true", "1" and "on", "false", "0" and "off"; anything else, and NULL, is `otherwise`. */
bool exg_ews_read_bool(const char *text, bool otherwise);
/* A time in seconds since 1970. One without a zone is of `zone`; NULL: UTC. */
bool exg_ews_read_time(const char *text, GTimeZone *zone, gint64 *ret_seconds);
/* A duration of days, hours, minutes and seconds such as "-PT1H30M". */
bool exg_ews_read_duration(const char *text, gint64 *ret_seconds);

#endif
