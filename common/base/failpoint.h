/* failpoint.h - named places where a test can make the process fail.
 *
 * EXG_FAIL_POINT("store-before-send") does nothing unless the environment says so:
 *
 *     EXGATE_FAILPOINTS="store-before-send=kill,after=3;journal-commit=delay:500"
 *
 * Actions: kill (SIGKILL to self), stop (SIGSTOP), abort, delay:MS (blocks the thread, which is the
 *          point, and is logged at debug),
 *          error (EXG_FAIL_POINT_ERROR() is true).
 * `after=N` lets N passes through first; `times=N` stops acting after N. In a release build the
 * macros are empty and the names are not in the binary.
 *
 * Threads:  any.
 */
#ifndef EXG_BASE_FAILPOINT_H
#define EXG_BASE_FAILPOINT_H

#include <stdbool.h>

#ifdef EXG_TEST_SEAMS
bool exg_failpoint_hit(const char *name);
/* Replaces what EXGATE_FAILPOINTS said; NULL switches all off. For unit tests. */
void exg_failpoint_configure(const char *specification);
#define EXG_FAIL_POINT(name)       ((void)exg_failpoint_hit(name))
#define EXG_FAIL_POINT_ERROR(name) exg_failpoint_hit(name)
#else
#define EXG_FAIL_POINT(name)       ((void)0)
#define EXG_FAIL_POINT_ERROR(name) false
#endif

#endif
