/* valgrind.h - what a test cannot do, or need not, under `make valgrind`.
 *
 * valgrind runs threads one at a time and everything some thirty times slower, and keeps limits of its own before the
 * kernel's. `make check` never skips for that.
 */
#ifndef EXG_TESTS_LIB_VALGRIND_H
#define EXG_TESTS_LIB_VALGRIND_H

#include <stdbool.h>

bool test_under_valgrind(void);
/* Under valgrind the test that runs is skipped for this reason: it returns at once. */
bool test_skip_under_valgrind(const char *reason);

#endif
