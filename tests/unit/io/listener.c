#include "common/io/listener.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "tests/lib/valgrind.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct {
    ExgEngine *engine;
    char *directory, *path;
    ExgSocketAddress address;
    ExgListenerOptions options;
    GArray *accepted; /* int */
    char peer[160];
    void (*on_accept)(ExgListener *listener);
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    f->engine = exg_engine_new(NULL);
    f->directory = g_dir_make_tmp("exgate-listener-XXXXXX", NULL);
    f->path = g_build_filename(f->directory, "socket", NULL);
    g_autofree char *text = g_strconcat("unix:", f->path, NULL);
    g_assert_true(exg_socket_address_parse(text, &f->address, NULL));
    f->options = (ExgListenerOptions){.mode = 0600, .owner = (uid_t)-1, .group = (gid_t)-1};
    f->accepted = g_array_new(FALSE, FALSE, sizeof(int));
}

static void
close_accepted(Fixture *f)
{
    for (guint i = 0; i < f->accepted->len; i++)
        close(g_array_index(f->accepted, int, i));
    g_array_set_size(f->accepted, 0);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    close_accepted(f);
    g_array_unref(f->accepted);
    exg_engine_unref(f->engine);
    g_assert_cmpint(g_access(f->path, F_OK), <, 0); /* every test leaves nothing behind */
    g_assert_cmpint(g_rmdir(f->directory), ==, 0);
    g_free(f->path);
    g_free(f->directory);
}

static void
on_connection(ExgListener *listener, int fd, const ExgSocketAddress *peer, gpointer data)
{
    Fixture *f = data;
    g_array_append_val(f->accepted, fd);
    g_strlcpy(f->peer, peer->text, sizeof f->peer);
    g_assert_cmpint(fcntl(fd, F_GETFL) & O_NONBLOCK, !=, 0);
    g_assert_cmpint(fcntl(fd, F_GETFD) & FD_CLOEXEC, !=, 0);
    if (f->on_accept != NULL)
        f->on_accept(listener);
}

static ExgListener *
listener_new(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    ExgListener *listener = exg_listener_new(f->engine, &f->address, &f->options, on_connection, f,
                                             &error);
    g_assert_no_error(error);
    g_assert_nonnull(listener);
    return listener;
}

static void
assert_refused(Fixture *f, const char *reason)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(exg_listener_new(f->engine, &f->address, &f->options, on_connection, f, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
    g_assert_nonnull(strstr(error->message, f->address.text));
    if (strstr(error->message, reason) == NULL)
        g_error("'%s' does not say '%s'", error->message, reason);
}

static int
dial(const ExgSocketAddress *address)
{
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(connect(fd, (const struct sockaddr *)&address->storage, address->length), ==,
                    0);
    return fd;
}

static void
spin(Fixture *f)
{
    for (guint i = 0; i < 5; i++)
        exg_engine_iterate(f->engine, false);
}

static int
bind_raw(const Fixture *f, int type)
{
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(fd, (const struct sockaddr *)&f->address.storage, f->address.length), ==,
                    0);
    return fd;
}

/* --- unix ------------------------------------------------------------------------------------- */

static void
test_unix(Fixture *f, gconstpointer data)
{
    ExgListener *listener = listener_new(f);
    g_assert_cmpstr(exg_listener_address(listener)->text, ==, f->address.text);
    int client = dial(&f->address);
    spin(f);
    g_assert_cmpuint(f->accepted->len, ==, 1);
    g_assert_cmpstr(f->peer, ==, "unix:");
    close(client);
    exg_listener_free(listener);
    exg_listener_free(NULL);
}

static void
test_mode(Fixture *f, gconstpointer data)
{
    mode_t before = umask(0077);
    static const mode_t modes[] = {0600, 0660, 0666, 0777};
    for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
        struct stat status;
        f->options.mode = modes[i];
        f->options.owner = getuid();
        f->options.group = getgid();
        ExgListener *listener = listener_new(f);
        g_assert_cmpint(stat(f->path, &status), ==, 0);
        g_assert_cmpuint(status.st_mode & 07777, ==, modes[i]);
        exg_listener_free(listener);
    }
    umask(before);
}

static void
test_stale(Fixture *f, gconstpointer data)
{
    close(bind_raw(f, SOCK_STREAM));
    g_assert_cmpint(g_access(f->path, F_OK), ==, 0);
    ExgListener *listener = listener_new(f);
    close(dial(&f->address));
    exg_listener_free(listener);
}

static void
test_live(Fixture *f, gconstpointer data)
{
    ExgListener *listener = listener_new(f);
    assert_refused(f, "another process listens there");
    spin(f);
    close(dial(&f->address)); /* the first one is unharmed */
    spin(f);
    g_assert_cmpuint(f->accepted->len, ==, 2); /* the probe, too */
    exg_listener_free(listener);
}

/* A backlog that is full is no sign of death. */
static void
test_live_full(Fixture *f, gconstpointer data)
{
    int fd = bind_raw(f, SOCK_STREAM);
    g_assert_cmpint(listen(fd, 0), ==, 0);
    int client = dial(&f->address);
    assert_refused(f, "another process listens there");
    close(client);
    close(fd);
    g_unlink(f->path);
}

static void
test_in_the_way(Fixture *f, gconstpointer data)
{
    int fd = bind_raw(f, SOCK_DGRAM);
    assert_refused(f, "another process listens there");
    close(fd);
    g_unlink(f->path);
    g_assert_true(g_file_set_contents(f->path, "precious", -1, NULL));
    assert_refused(f, "no socket");
    g_assert_cmpint(g_unlink(f->path), ==, 0);
    g_assert_cmpint(g_mkdir(f->path, 0700), ==, 0);
    assert_refused(f, "no socket");
    g_assert_cmpint(g_rmdir(f->path), ==, 0);
    g_assert_cmpint(symlink("/nonexistent/elsewhere", f->path), ==, 0);
    assert_refused(f, "no socket");
    g_assert_cmpint(g_unlink(f->path), ==, 0);
}

static void
set_unix_address(Fixture *f, const char *path)
{
    struct sockaddr_un native = {.sun_family = AF_UNIX};
    g_strlcpy(native.sun_path, path, sizeof native.sun_path);
    exg_socket_address_from_native((struct sockaddr *)&native, sizeof native, &f->address);
}

static void
test_no_place(Fixture *f, gconstpointer data)
{
    g_autofree char *missing = g_build_filename(f->directory, "missing", "socket", NULL);
    set_unix_address(f, missing);
    assert_refused(f, "its directory does not exist");
    set_unix_address(f, "/proc/exgate-socket");
    assert_refused(f, "Cannot listen on");
    f->address = (ExgSocketAddress){.kind = EXG_SOCKET_SYSTEMD, .text = "systemd"};
    assert_refused(f, "systemd has opened");
}

static void
test_no_permission(Fixture *f, gconstpointer data)
{
    if (getuid() != 0) {
        g_assert_cmpint(g_chmod(f->directory, 0500), ==, 0);
        assert_refused(f, "Permission denied");
        g_assert_cmpint(g_chmod(f->directory, 0700), ==, 0);
        f->options.owner = 0;
        assert_refused(f, "Cannot give");
        return;
    }
    g_assert_cmpint(g_chmod(f->directory, 0755), ==, 0);
    g_assert_cmpint(seteuid(65534), ==, 0);
    assert_refused(f, "Permission denied");
    g_assert_cmpint(seteuid(0), ==, 0);
    g_assert_cmpint(chown(f->directory, 65534, (gid_t)-1), ==, 0);
    g_assert_cmpint(seteuid(65534), ==, 0);
    f->options.owner = 0;
    assert_refused(f, "Cannot give");
    g_assert_cmpint(g_access(f->path, F_OK), <, 0);
    g_assert_cmpint(seteuid(0), ==, 0);
}

/* What somebody else has put in our place since is not removed. */
static void
test_replaced(Fixture *f, gconstpointer data)
{
    ExgListener *listener = listener_new(f);
    g_assert_cmpint(g_unlink(f->path), ==, 0);
    ExgListener *second = listener_new(f);
    exg_listener_free(listener);
    close(dial(&f->address));
    exg_listener_free(second);
}

/* --- inet ------------------------------------------------------------------------------------- */

static void
test_inet(Fixture *f, gconstpointer data)
{
    g_assert_true(exg_socket_address_parse("inet:127.0.0.1:0", &f->address, NULL));
    ExgListener *listener = listener_new(f);
    const ExgSocketAddress *bound = exg_listener_address(listener);
    g_assert_cmpuint(exg_socket_address_port(bound), !=, 0);
    int client = dial(bound);
    spin(f);
    g_assert_cmpuint(f->accepted->len, ==, 1);
    g_assert_true(g_str_has_prefix(f->peer, "inet:127.0.0.1:"));
    int nodelay = 0;
    g_assert_cmpint(getsockopt(g_array_index(f->accepted, int, 0), IPPROTO_TCP, TCP_NODELAY,
                               &nodelay, &(socklen_t){sizeof nodelay}),
                    ==, 0);
    g_assert_cmpint(nodelay, !=, 0);
    f->address = *bound;
    assert_refused(f, "another process listens there");
    close_accepted(f); /* first, so that the port is left in TIME_WAIT … */
    close(client);
    exg_listener_free(listener);
    exg_listener_free(listener_new(f)); /* … and can be bound all the same */
    g_assert_true(exg_socket_address_parse("inet:192.0.2.1:0", &f->address, NULL));
    assert_refused(f, "this host has no such address");
}

static void
test_inet6(Fixture *f, gconstpointer data)
{
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    bool have = fd >= 0 && bind(fd, (struct sockaddr *)&loopback, sizeof loopback) == 0;
    if (fd >= 0)
        close(fd);
    if (!have) {
        g_test_skip("no IPv6 here");
        return;
    }
    g_assert_true(exg_socket_address_parse("inet:[::1]:0", &f->address, NULL));
    g_autoptr(ExgListener) listener = listener_new(f);
    close(dial(exg_listener_address(listener)));
    spin(f);
    g_assert_cmpuint(f->accepted->len, ==, 1);
    g_assert_true(g_str_has_prefix(f->peer, "inet:[::1]:"));
}

/* --- limits ----------------------------------------------------------------------------------- */

static void
test_max_connections(Fixture *f, gconstpointer data)
{
    f->options.max_connections = 2;
    g_autoptr(ExgListener) listener = listener_new(f);
    int clients[5];
    for (guint i = 0; i < G_N_ELEMENTS(clients); i++)
        clients[i] = dial(&f->address);
    spin(f);
    g_assert_cmpuint(f->accepted->len, ==, 2);
    g_assert_false(exg_engine_iterate(f->engine, false)); /* does not spin */
    exg_listener_release(listener);
    spin(f);
    g_assert_cmpuint(f->accepted->len, ==, 3);
    exg_listener_release(listener);
    exg_listener_release(listener);
    spin(f);
    g_assert_cmpuint(f->accepted->len, ==, 5);
    for (guint i = 0; i < G_N_ELEMENTS(clients); i++)
        close(clients[i]);
}

static void
test_stop(Fixture *f, gconstpointer data)
{
    g_autoptr(ExgListener) listener = listener_new(f);
    exg_listener_stop(listener);
    close(dial(&f->address)); /* still bound */
    spin(f);
    g_assert_cmpuint(f->accepted->len, ==, 0);
    g_assert_false(exg_engine_iterate(f->engine, false));
}

static void
stop_it(ExgListener *listener)
{
    exg_listener_stop(listener);
}

static void
free_it(ExgListener *listener)
{
    exg_listener_free(listener);
}

static void
test_ended_in_callback(Fixture *f, gconstpointer data)
{
    for (guint round = 0; round < 2; round++) {
        ExgListener *listener = listener_new(f);
        f->on_accept = round == 0 ? stop_it : free_it;
        int first = dial(&f->address);
        int second = dial(&f->address);
        spin(f);
        g_assert_cmpuint(f->accepted->len, ==, 1);
        if (round == 0)
            exg_listener_free(listener);
        close_accepted(f);
        close(first);
        close(second);
    }
}

static void
count_line(ExgLogLevel level, const char *line, gpointer data)
{
    g_assert_cmpint(level, ==, EXG_LOG_DEBUG);
    if (strstr(line, "Cannot accept on unix:") != NULL)
        (*(guint *)data)++;
}

/* When descriptors run out, accepting pauses, says so once, and goes on when there are some again. */
static void
test_no_descriptors(Fixture *f, gconstpointer data)
{
    if (test_skip_under_valgrind("it lets the kernel accept, and only then holds to the limit"))
        return;
    ExgListener *listener = listener_new(f);
    int clients[3];
    for (guint i = 0; i < G_N_ELEMENTS(clients); i++)
        clients[i] = dial(&f->address);
    guint lines = 0;
    exg_log_set_sink(count_line, &lines);
    exg_log_set_level(EXG_LOG_DEBUG);
    struct rlimit before;
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
    struct rlimit tight = {3, before.rlim_max};
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &tight), ==, 0);
    for (guint i = 0; i < 3; i++) {
        spin(f);
        g_assert_false(exg_engine_iterate(f->engine, false));
        exg_clock_advance(100 * 1000);
    }
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
    g_assert_cmpuint(lines, ==, 1);
    g_assert_cmpuint(f->accepted->len, ==, 0);
    while (f->accepted->len < 3)
        exg_engine_iterate(f->engine, true);
    exg_log_set_sink(NULL, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(clients); i++)
        close(clients[i]);
    exg_listener_free(listener);
}

/* --- systemd ---------------------------------------------------------------------------------- */

static void
set_environment(const char *pid, const char *fds)
{
    g_setenv("LISTEN_PID", pid, TRUE);
    g_setenv("LISTEN_FDS", fds, TRUE);
    g_setenv("LISTEN_FDNAMES", "lmtp", TRUE);
}

static void
assert_systemd_fds(guint count)
{
    g_autoptr(GArray) fds = exg_listener_systemd_fds();
    g_assert_cmpuint(fds->len, ==, count);
    for (guint i = 0; i < fds->len; i++) {
        g_assert_cmpint(g_array_index(fds, int, i), ==, 3 + (int)i);
        g_assert_cmpint(fcntl(3 + (int)i, F_GETFD) & FD_CLOEXEC, !=, 0);
    }
    g_assert_null(g_getenv("LISTEN_PID"));
    g_assert_null(g_getenv("LISTEN_FDS"));
    g_assert_null(g_getenv("LISTEN_FDNAMES"));
}

static void
test_systemd_fds(Fixture *f, gconstpointer data)
{
    g_autofree char *self = g_strdup_printf("%d", (int)getpid());
    g_autofree char *other = g_strdup_printf("%d", (int)getpid() + 1);
    int saved[2] = {fcntl(3, F_DUPFD_CLOEXEC, 10), fcntl(4, F_DUPFD_CLOEXEC, 10)};
    g_assert_cmpint(dup2(STDERR_FILENO, 3), ==, 3);
    g_assert_cmpint(dup2(STDERR_FILENO, 4), ==, 4);
    assert_systemd_fds(0);
    set_environment(other, "2");
    assert_systemd_fds(0);
    static const char *const bad[] = {"", "x", "-1", "0", "99999999999", "2x"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        set_environment(self, bad[i]);
        assert_systemd_fds(0);
    }
    set_environment(self, "2");
    assert_systemd_fds(2);
    for (int i = 0; i < 2; i++) {
        if (saved[i] >= 0)
            dup3(saved[i], 3 + i, O_CLOEXEC);
        else
            close(3 + i);
        if (saved[i] >= 0)
            close(saved[i]);
    }
}

static void
test_from_fd(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    int fd = bind_raw(f, SOCK_STREAM);
    g_assert_null(exg_listener_new_from_fd(f->engine, fd, &f->options, on_connection, f, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG); /* does not listen */
    g_assert_cmpint(fcntl(fd, F_GETFD), <, 0);          /* taken all the same */
    g_unlink(f->path);

    fd = bind_raw(f, SOCK_STREAM);
    g_assert_cmpint(listen(fd, 5), ==, 0);
    ExgListener *listener = exg_listener_new_from_fd(f->engine, fd, &f->options, on_connection, f,
                                                     NULL);
    g_assert_cmpstr(exg_listener_address(listener)->text, ==, f->address.text);
    close(dial(&f->address));
    spin(f);
    g_assert_cmpuint(f->accepted->len, ==, 1);
    exg_listener_free(listener);
    g_assert_cmpint(g_unlink(f->path), ==, 0); /* systemd's, so it was left */
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function)                                                                        \
    g_test_add("/listener/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("unix", test_unix);
    ADD("mode", test_mode);
    ADD("stale", test_stale);
    ADD("live", test_live);
    ADD("live-full", test_live_full);
    ADD("in-the-way", test_in_the_way);
    ADD("no-place", test_no_place);
    ADD("no-permission", test_no_permission);
    ADD("replaced", test_replaced);
    ADD("inet", test_inet);
    ADD("inet6", test_inet6);
    ADD("max-connections", test_max_connections);
    ADD("stop", test_stop);
    ADD("ended-in-callback", test_ended_in_callback);
    ADD("no-descriptors", test_no_descriptors);
    ADD("systemd-fds", test_systemd_fds);
    ADD("from-fd", test_from_fd);
    return g_test_run();
}
