#include "tests/lib/valgrind.h"

#include <glib.h>

bool
test_under_valgrind(void)
{
    const char *command = g_getenv("EXG_VALGRIND");
    return command != NULL && command[0] != '\0';
}

bool
test_skip_under_valgrind(const char *reason)
{
    bool skips = test_under_valgrind();
    if (skips)
        g_test_skip(reason);
    return skips;
}
