/* power-cut.h - for tests: an SQLite file system under which the death of a process is a power cut.
 *
 * What is written stays in the process's memory until it is synced, so that kill -9 takes away what
 * a power cut may take away. Switched on by fail points (common/base/failpoint.h):
 *
 *     power-cut=error        nothing of what was not synced gets to the disk
 *     power-cut-torn=error   some of it does: each sector by lot, as a cache writes back
 *     power-cut-write, power-cut-sync, power-cut-flush
 *                            pass at each write, at each sync, and in its midst for each sector
 *
 * A process that ends without being killed loses nothing. In a release build there is none of this.
 *
 * Threads:  SQLite's rules.
 * Limits:   what is not synced is in memory, at most as much as the file is long. One connection at
 *           a time: others would have to see what is in that memory, so they find the file locked.
 * Bugs:     making and deleting a file is never lost, which SQLite itself sees to where it matters.
 * Source:   https://sqlite.org/vfs.html, https://sqlite.org/atomiccommit.html (what a disk does)
 */
#ifndef EXG_SQLITE_POWER_CUT_H
#define EXG_SQLITE_POWER_CUT_H

#ifdef EXG_TEST_SEAMS
/* What to open a database with: the name of that VFS if a fail point asks for it, otherwise NULL. */
const char *exg_power_cut_vfs(void);
#else
#define exg_power_cut_vfs() NULL
#endif

#endif
