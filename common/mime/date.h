/* date.h - the date and time of a header field.
 *
 * Reads RFC 5322's date-time with its obsolete forms: comments and white space between the words,
 * years of two and three digits, zones by name. As the RFC asks, zones that nobody can know ("CET",
 * military letters) count as UTC.
 *
 * Threads:  pure.
 * Limits:   comments nest up to 8 deep; years 1900 to 9999.
 * Source:   RFC 5322 3.3 and 4.3.
 */
#ifndef EXG_MIME_DATE_H
#define EXG_MIME_DATE_H

#include <glib.h>
#include <stdbool.h>

/* Reads all of `text`. `*ret_seconds` counts from 1970 and may be negative. */
bool exg_date_parse(const char *text, gsize length, gint64 *ret_seconds);
/* Appends "Sat, 21 Nov 2026 20:04:05 +0000", in UTC whatever the locale. `seconds` counts from 1970
 * and lies in the years that exg_date_parse() takes. */
void exg_date_append(GString *text, gint64 seconds);

#endif
