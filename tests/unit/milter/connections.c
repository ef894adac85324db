/* What is accepted, and what waits. accept() here is the one that libmilter gets. */
#include "milter/connections.h"

#include "common/base/log.h"
#include "tests/lib/valgrind.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct {
    char *directory;
    struct sockaddr_un address;
    int listener;
} Fixture;

static guint warnings;

static void
count_warnings(ExgLogLevel level, const char *line, gpointer data)
{
    warnings += level == EXG_LOG_WARNING;
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
    fixture->directory = g_dir_make_tmp("exgate-connections-XXXXXX", NULL);
    fixture->address.sun_family = AF_UNIX;
    g_snprintf(fixture->address.sun_path, sizeof fixture->address.sun_path, "%s/socket",
               fixture->directory);
    fixture->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(
        bind(fixture->listener, (struct sockaddr *)&fixture->address, sizeof fixture->address), ==,
        0);
    g_assert_cmpint(listen(fixture->listener, 100), ==, 0);
    exg_connections_set_max(2);
    exg_log_set_sink(count_warnings, NULL);
    warnings = 0;
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    exg_log_set_sink(NULL, NULL);
    close(fixture->listener);
    g_unlink(fixture->address.sun_path);
    g_assert_cmpint(g_rmdir(fixture->directory), ==, 0);
    g_free(fixture->directory);
}

static int
call(const Fixture *fixture)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(
        connect(fd, (const struct sockaddr *)&fixture->address, sizeof fixture->address), ==, 0);
    return fd;
}

static int
take(const Fixture *fixture)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    return accept(fixture->listener, (struct sockaddr *)&address, &length);
}

/* Held back, so that libmilter does not spin. */
static void
assert_held_back(const Fixture *fixture)
{
    gint64 before_us = g_get_monotonic_time();
    g_assert_cmpint(take(fixture), ==, -1);
    g_assert_cmpint(errno, ==, EAGAIN);
    g_assert_cmpint(g_get_monotonic_time() - before_us, >=, 50 * 1000);
}

static void
limit(Fixture *fixture, gconstpointer data)
{
    guint64 total = exg_connections_statistics().total;
    int clients[] = {call(fixture), call(fixture), call(fixture), call(fixture)};
    int one = take(fixture), two = take(fixture);
    g_assert_cmpint(one, >=, 0);
    g_assert_cmpint(two, >=, 0);
    g_assert_cmpint(fcntl(one, F_GETFD) & FD_CLOEXEC, !=, 0);
    assert_held_back(fixture);
    assert_held_back(fixture);
    g_assert_cmpuint(warnings, ==, 1);
    g_assert_cmpuint(exg_connections_statistics().open, ==, 2);

    close(one);
    int three = take(fixture); /* with the number of the one that is closed */
    g_assert_cmpint(three, >=, 0);
    assert_held_back(fixture);
    g_assert_cmpuint(warnings, ==, 2);

    /* a descriptor that has become something else is none of ours */
    g_assert_cmpint(dup2(fixture->listener, two), ==, two);
    int four = take(fixture);
    g_assert_cmpint(four, >=, 0);
    g_assert_cmpuint(exg_connections_statistics().open, ==, 2);
    g_assert_cmpuint(exg_connections_statistics().total, ==, total + 4);
    close(two);
    close(three);
    close(four);
    g_assert_cmpuint(exg_connections_statistics().open, ==, 0);
    for (guint i = 0; i < G_N_ELEMENTS(clients); i++)
        close(clients[i]);
}

/* Somebody has used up the descriptors all the same. */
static void
starved(Fixture *fixture, gconstpointer data)
{
    if (test_skip_under_valgrind("it lets the kernel accept, and only then holds to the limit"))
        return;
    int client = call(fixture);
    struct rlimit before, none;
    getrlimit(RLIMIT_NOFILE, &before);
    int next = dup(client);
    none = before;
    none.rlim_cur = (rlim_t)next;
    close(next);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
    assert_held_back(fixture);
    assert_held_back(fixture);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
    g_assert_cmpuint(warnings, ==, 1);
    int fd = take(fixture);
    g_assert_cmpint(fd, >=, 0);
    close(fd);
    close(client);
}

/* Runs last: there is no way back. */
static void
refusing(Fixture *fixture, gconstpointer data)
{
    int client = call(fixture);
    exg_connections_refuse();
    assert_held_back(fixture);
    g_assert_cmpuint(warnings, ==, 0);
    close(client);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/milter/connections/1-limit", Fixture, NULL, set_up, limit, tear_down);
    g_test_add("/milter/connections/2-starved", Fixture, NULL, set_up, starved, tear_down);
    g_test_add("/milter/connections/3-refusing", Fixture, NULL, set_up, refusing, tear_down);
    return g_test_run();
}
