/* A socket that tells something. */
#include "common/io/text-socket.h"

#include "common/base/clock.h"
#include "common/base/error.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char *
tell(gpointer data)
{
    guint *calls = data;
    return g_strdup_printf("told %u\n", ++*calls);
}

static int
connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    return fd;
}

static char *
read_all(ExgEngine *engine, int fd)
{
    GString *text = g_string_new(NULL);
    gint64 deadline_us = exg_clock_deadline_ms(20000);
    for (;;) {
        char buffer[1024];
        gssize got = recv(fd, buffer, sizeof buffer, 0);
        if (got == 0)
            break;
        if (got > 0)
            g_string_append_len(text, buffer, got);
        else
            exg_engine_iterate(engine, false);
        g_assert_cmpint(exg_clock_monotonic_us(), <, deadline_us);
    }
    close(fd);
    return g_string_free(text, FALSE);
}

static void
test_socket(void)
{
    g_autofree char *directory = g_dir_make_tmp("exgate-text-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(directory, "stats", NULL);
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    guint calls = 0;
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgTextSocket) sockets = exg_text_socket_new(engine, path, tell, &calls, &error);
    g_assert_no_error(error);
    for (guint i = 1; i <= 3; i++) {
        g_autofree char *wanted = g_strdup_printf("told %u\n", i);
        int fd = connect_to(path);
        if (i == 2) /* not looked at */
            g_assert_cmpint(send(fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL), ==, 18);
        g_autofree char *text = read_all(engine, fd);
        g_assert_cmpstr(text, ==, wanted);
    }
    int gone = connect_to(path); /* freed with a client */
    while (calls < 4)
        exg_engine_iterate(engine, false);
    exg_text_socket_free(g_steal_pointer(&sockets));
    close(gone);
    g_unlink(path);
    g_assert_cmpint(g_rmdir(directory), ==, 0);
}

static void
test_refused(void)
{
    g_autoptr(ExgEngine) engine = exg_engine_new(NULL);
    g_autoptr(GError) error = NULL;
    g_assert_null(exg_text_socket_new(engine, "/nonexistent/stats", tell, NULL, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_CONFIG);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/io/text-socket/told", test_socket);
    g_test_add_func("/io/text-socket/refused", test_refused);
    return g_test_run();
}
