/* scratch.h - a directory of a test's own, in the system's directory for temporary files.
 *
 * Errors:   end the test.
 */
#ifndef EXG_TESTS_LIB_SCRATCH_H
#define EXG_TESTS_LIB_SCRATCH_H

#include <glib.h>

/* (transfer full), to test_scratch_free() */
char *test_scratch_new(void);
/* Removes what is in it. */
void test_scratch_empty(const char *directory);
/* Removes it, with all that is in it. NULL: nothing is done. */
void test_scratch_free(char *directory);

#endif
