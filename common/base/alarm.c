#include "common/base/alarm.h"

#include "common/base/clock.h"
#include "common/base/disposition.h"
#include "common/base/log.h"

#define INTERVAL_US (60 * G_USEC_PER_SEC)

bool
exg_alarm_concerns(const GError *error)
{
    return error->domain == EXG_ERROR &&
           (error->code == EXG_ERROR_AUTH || error->code == EXG_ERROR_DENIED ||
            error->code == EXG_ERROR_CONFIG || error->code == EXG_ERROR_RESOURCES);
}

bool
exg_alarm_raise(ExgAlarm *alarm, const char *consequence, const GError *error)
{
    if (!exg_alarm_concerns(error))
        return false;
    guint code = (guint)error->code;
    gint64 now_us = exg_clock_monotonic_us();
    g_mutex_lock(&alarm->lock);
    bool is_due = alarm->last_us[code] == 0 || now_us - alarm->last_us[code] >= INTERVAL_US;
    guint64 unsaid = alarm->unsaid[code];
    alarm->unsaid[code] = is_due ? 0 : unsaid + 1;
    if (is_due)
        alarm->last_us[code] = now_us;
    g_mutex_unlock(&alarm->lock);
    if (!is_due)
        return false;
    ExgDisposition disposition = exg_disposition_of(error);
    exg_log(EXG_LOG_ERROR, NULL,
            "%s until this is mended: %s: %s (%" G_GUINT64_FORMAT
            " more failed like this since the last such line)",
            consequence, disposition.meaning, error->message, unsaid);
    return true;
}
