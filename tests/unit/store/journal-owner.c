#include "common/store/journal-owner-private.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
test_self(void)
{
    g_autofree char *owner = exg_journal_owner_new();
    g_assert_cmpint(exg_journal_owner_process(owner), ==, getpid());
    g_assert_true(exg_journal_owner_is_alive(owner));
}

/* The number is in use, by a process that began at another time. */
static void
test_recycled(void)
{
    g_autofree char *owner = exg_journal_owner_new();
    g_autofree char *other = g_strconcat(owner, "1", NULL);
    g_assert_false(exg_journal_owner_is_alive(other));
}

static void
test_ended(void)
{
    int ready[2];
    g_assert_cmpint(pipe(ready), ==, 0);
    pid_t child = fork();
    if (child == 0) {
        g_autofree char *mine = exg_journal_owner_new();
        (void)!write(ready[1], mine, strlen(mine));
        for (;;)
            pause();
    }
    char owner[100] = "";
    g_assert_cmpint(read(ready[0], owner, sizeof owner - 1), >, 0);
    g_assert_cmpint(exg_journal_owner_process(owner), ==, child);
    g_assert_true(exg_journal_owner_is_alive(owner));
    kill(child, SIGKILL);
    g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
    g_assert_false(exg_journal_owner_is_alive(owner));
    close(ready[0]);
    close(ready[1]);
}

static void
test_nobody(void)
{
    static const char *const names[] = {"",    ":",    "x",    "1",
                                        "0:0", "-1:5", "1 :5", "99999999999999999999:1"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_false(exg_journal_owner_is_alive(names[i]));
    g_assert_cmpint(exg_journal_owner_process(""), ==, 0);
    g_assert_cmpint(exg_journal_owner_process("12"), ==, 0);
    g_assert_cmpint(exg_journal_owner_process("12:34"), ==, 12);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/journal-owner/self", test_self);
    g_test_add_func("/journal-owner/recycled", test_recycled);
    g_test_add_func("/journal-owner/ended", test_ended);
    g_test_add_func("/journal-owner/nobody", test_nobody);
    return g_test_run();
}
