#include "common/store/journal-owner-private.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* In clock ticks since boot, field 22 of /proc/PID/stat; 0 if there is no such process. */
static guint64
start_of(gint64 process)
{
    char path[64], line[1024];
    g_snprintf(path, sizeof path, "/proc/%" G_GINT64_FORMAT "/stat", process);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    size_t length = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[length] = '\0';
    const char *at = strrchr(line, ')'); /* the name may hold anything */
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at != NULL ? g_ascii_strtoull(at + 1, NULL, 10) : 0;
}

static bool
parse(const char *owner, gint64 *ret_process, guint64 *ret_start)
{
    char *colon;
    gint64 process = g_ascii_strtoll(owner, &colon, 10);
    if (process <= 0 || *colon != ':')
        return false;
    *ret_process = process;
    *ret_start = g_ascii_strtoull(colon + 1, NULL, 10);
    return true;
}

char *
exg_journal_owner_new(void)
{
    return g_strdup_printf("%d:%" G_GUINT64_FORMAT, (int)getpid(), start_of(getpid()));
}

bool
exg_journal_owner_is_alive(const char *owner)
{
    gint64 process;
    guint64 start;
    if (!parse(owner, &process, &start))
        return false;
    guint64 running = start_of(process);
    return running != 0 && running == start;
}

gint64
exg_journal_owner_process(const char *owner)
{
    gint64 process = 0;
    guint64 start;
    return parse(owner, &process, &start) ? process : 0;
}
