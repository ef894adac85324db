#include "milter/limits.h"

#include "common/base/error.h"
#include "milter/threads.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

/* Databases, log, engine, resolver and libraries; measured: 40 at rest. */
#define OWN_DESCRIPTORS 128
/* Workers that hand over to each other while all look-ups wait, and sessions that begin and end. */
#define MORE_WORKERS 16

guint
exg_limits_max_workers(const ExgConf *conf)
{
    return (guint)exg_conf_int(conf, "milter", "max_threads") + MORE_WORKERS;
}

static bool
raise_descriptors(const ExgConf *conf, guint others, GError **error)
{
    rlim_t needed = (rlim_t)exg_conf_int(conf, "milter", "max_connections") +
                    (rlim_t)exg_conf_int(conf, "exchange", "max_connections") + others +
                    OWN_DESCRIPTORS;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return exg_error_set(error, EXG_ERROR_CONFIG, "Cannot read the limit of descriptors: %s",
                             g_strerror(errno));
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= needed)
        return true;
    g_autofree char *where = exg_conf_where(conf, "milter", "max_connections");
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < needed)
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "%s = %d takes %d descriptors in all, and this process may have %d; "
                             "lower it, or raise the limit (LimitNOFILE= in the unit)",
                             where, (int)exg_conf_int(conf, "milter", "max_connections"),
                             (int)needed, (int)limit.rlim_max);
    limit.rlim_cur = needed;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return true;
    return exg_error_set(error, EXG_ERROR_CONFIG,
                         "%s: cannot raise the limit of descriptors to %d: %s", where, (int)needed,
                         g_strerror(errno));
}

bool
exg_limits_prepare(const ExgConf *conf, guint others, GError **error)
{
    if (!raise_descriptors(conf, others, error))
        return false;
    g_autoptr(GError) shortage = NULL;
    if (exg_threads_try(exg_limits_max_workers(conf), &shortage))
        return true;
    g_autofree char *where = exg_conf_where(conf, "milter", "max_threads");
    return exg_error_set(error, EXG_ERROR_CONFIG,
                         "%s = %d: %s; lower it, or raise the limit (TasksMax= in the unit)", where,
                         (int)exg_conf_int(conf, "milter", "max_threads"), shortage->message);
}
