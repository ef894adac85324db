/* cache-admin.h - the cache's file in the hands of an administrator: what is in there, out with it,
 * in with it; also while services use it.
 *
 * Services notice within EXG_DIRECTORY_STAMP_MS of their next question what was flushed or put in:
 * they drop what they have in memory. A stamp beside the file, PATH.stamp, tells them.
 *
 * Threads:  one at a time; blocks.
 * Errors:   BUSY: another process has it locked; RESOURCES: the disk; CONFIG: there is none, or it
 *           is damaged or another file.
 */
#ifndef EXG_DIRECTORY_CACHE_ADMIN_H
#define EXG_DIRECTORY_CACHE_ADMIN_H

#include "common/directory/cache.h"

typedef struct ExgDirectoryAdmin ExgDirectoryAdmin;

/* `make`: a file that is not there yet is made. */
ExgDirectoryAdmin *exg_directory_admin_open(const char *path, bool make, GError **error);
/* NULL-safe. */
void exg_directory_admin_close(ExgDirectoryAdmin *admin);

typedef struct {
    const char *address; /* folded */
    ExgRecipientKind kind;
    gint64 found_us; /* on the real clock */
    ExgDirectoryTips tips;
} ExgDirectoryRecord;

/* Which records. All zero: all. */
typedef struct {
    ExgRecipientKind kind;   /* UNKNOWN: any */
    const char *domain;      /* NULL: any */
    gint64 limit;            /* 0: none */
} ExgDirectoryFilter;

typedef void (*ExgDirectoryRecordFunc)(const ExgDirectoryRecord *record, gpointer data);

/* By address. A record is valid while its function runs. */
bool exg_directory_admin_each(ExgDirectoryAdmin *admin, const ExgDirectoryFilter *filter,
                              ExgDirectoryRecordFunc function, gpointer data, GError **error);

typedef struct {
    guint64 count[EXG_N_RECIPIENT_KINDS]; /* by kind */
    guint64 with_tips;
    gint64 oldest_us, newest_us; /* found; 0: there are none */
    guint64 size_bytes;
} ExgDirectorySummary;
bool exg_directory_admin_summarize(ExgDirectoryAdmin *admin, ExgDirectorySummary *ret_summary,
                                   GError **error);

/* Forgets one address (folded), or what the filter names; its limit does not count. */
bool exg_directory_admin_forget(ExgDirectoryAdmin *admin, const char *address, guint *ret_count,
                                GError **error);
bool exg_directory_admin_flush(ExgDirectoryAdmin *admin, const ExgDirectoryFilter *filter,
                               guint *ret_count, GError **error);

/* All that is put in between these is put in, or none of it. What is known from later stays. */
bool exg_directory_admin_begin(ExgDirectoryAdmin *admin, GError **error);
bool exg_directory_admin_put(ExgDirectoryAdmin *admin, const char *address, ExgRecipientKind kind,
                             gint64 found_us, GError **error);
bool exg_directory_admin_commit(ExgDirectoryAdmin *admin, GError **error);

/* Has the services look again. */
bool exg_directory_admin_stamp(ExgDirectoryAdmin *admin, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgDirectoryAdmin, exg_directory_admin_close)

#endif
