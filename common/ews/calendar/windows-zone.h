/* windows-zone.h - the names of time zones: Windows' and the IANA's.
 *
 * Threads:  any.
 * Source:   the Unicode CLDR (windowsZones).
 */
#ifndef EXG_EWS_CALENDAR_WINDOWS_ZONE_H
#define EXG_EWS_CALENDAR_WINDOWS_ZONE_H

#include <glib.h>

/* "W. Europe Standard Time" for "Europe/Vienna"; NULL if there is none. */
const char *exg_ews_windows_zone_find(const char *iana_name);
/* "Europe/Berlin" for "W. Europe Standard Time": the usual one of those that it stands for; NULL if
 * it is not known. (transfer full) */
char *exg_ews_windows_zone_iana_name(const char *windows_id);

#endif
