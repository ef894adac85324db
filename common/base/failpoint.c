#include "common/base/failpoint.h"

#ifdef EXG_TEST_SEAMS
#include "common/base/log.h"

#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef enum { KILL, STOP, ABORT, DELAY, ERROR } Action;

typedef struct {
    char *name;
    Action action;
    guint delay_ms;
    guint after;
    guint times; /* 0: without limit */
    guint passes;
} FailPoint;

static GMutex lock;
static GPtrArray *points; /* of FailPoint; NULL: the environment has not been read */

static void
fail_point_free(gpointer data)
{
    FailPoint *point = data;
    g_free(point->name);
    g_free(point);
}

static FailPoint *
parse(const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    char *equals = words[0] != NULL ? strchr(words[0], '=') : NULL;
    if (equals == NULL)
        g_error("fail point '%s' is not of the form NAME=ACTION", text);
    *equals = '\0';
    FailPoint *point = g_new0(FailPoint, 1);
    point->name = g_strdup(words[0]);
    const char *action = equals + 1;
    if (g_str_equal(action, "kill"))
        point->action = KILL;
    else if (g_str_equal(action, "stop"))
        point->action = STOP;
    else if (g_str_equal(action, "abort"))
        point->action = ABORT;
    else if (g_str_equal(action, "error"))
        point->action = ERROR;
    else if (g_str_has_prefix(action, "delay:")) {
        point->action = DELAY;
        point->delay_ms = (guint)strtoul(action + strlen("delay:"), NULL, 10);
    } else
        g_error("fail point '%s' has no action '%s'", point->name, action);
    for (guint i = 1; words[i] != NULL; i++) {
        if (g_str_has_prefix(words[i], "after="))
            point->after = (guint)strtoul(words[i] + strlen("after="), NULL, 10);
        else if (g_str_has_prefix(words[i], "times="))
            point->times = (guint)strtoul(words[i] + strlen("times="), NULL, 10);
        else
            g_error("fail point '%s' has no option '%s'", point->name, words[i]);
    }
    return point;
}

static void
configure_locked(const char *specification)
{
    g_clear_pointer(&points, g_ptr_array_unref);
    points = g_ptr_array_new_with_free_func(fail_point_free);
    g_auto(GStrv) entries = g_strsplit(specification != NULL ? specification : "", ";", -1);
    for (guint i = 0; entries[i] != NULL; i++)
        if (entries[i][0] != '\0')
            g_ptr_array_add(points, parse(entries[i]));
}

void
exg_failpoint_configure(const char *specification)
{
    g_mutex_lock(&lock);
    configure_locked(specification);
    g_mutex_unlock(&lock);
}

bool
exg_failpoint_hit(const char *name)
{
    bool act = false;
    Action action = ERROR;
    guint delay_ms = 0;

    g_mutex_lock(&lock);
    if (points == NULL)
        configure_locked(g_getenv("EXGATE_FAILPOINTS"));
    for (guint i = 0; i < points->len; i++) {
        FailPoint *point = g_ptr_array_index(points, i);
        if (!g_str_equal(point->name, name))
            continue;
        guint pass = point->passes++;
        if (pass < point->after || (point->times != 0 && pass >= point->after + point->times))
            continue;
        act = true;
        action = point->action;
        delay_ms = point->delay_ms;
    }
    g_mutex_unlock(&lock);

    if (!act)
        return false;
    switch (action) {
    case KILL:
        kill(getpid(), SIGKILL);
        break;
    case STOP:
        kill(getpid(), SIGSTOP);
        break;
    case ABORT:
        abort();
    case DELAY:
        exg_log(EXG_LOG_DEBUG, NULL, "Fail point %s: %u ms", name, delay_ms);
        g_usleep((gulong)delay_ms * 1000);
        break;
    case ERROR:
        break;
    }
    return action == ERROR;
}
#endif
