/* alarm.h - what only the administrator can mend: said aloud, but not once per message.
 *
 * Threads:  any.
 * Memory:   embedded; all zero at the beginning.
 * Limits:   one line per kind of error and minute.
 */
#ifndef EXG_BASE_ALARM_H
#define EXG_BASE_ALARM_H

#include "common/base/error.h"

typedef struct {
    GMutex lock;
    gint64 last_us[EXG_N_ERRORS];
    guint64 unsaid[EXG_N_ERRORS];
} ExgAlarm;

/* Logs an error of ours (AUTH, DENIED, CONFIG, RESOURCES), and ignores others. "CONSEQUENCE until
 * this is mended: …". */
bool exg_alarm_raise(ExgAlarm *alarm, const char *consequence, const GError *error);
/* Whether it is one that the administrator has to mend. */
bool exg_alarm_concerns(const GError *error);

#endif
