#include "common/base/notify.h"

#include "tests/lib/scratch.h"

#include <glib.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void
expect_datagram(const char *path, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, length), ==, 0);
    g_setenv("NOTIFY_SOCKET", path, TRUE);
    exg_notify_systemd(name);
    char received[64] = "";
    g_assert_cmpint(recv(fd, received, sizeof received - 1, MSG_DONTWAIT), ==,
                    (gssize)strlen(name));
    g_assert_cmpstr(received, ==, name);
    g_unsetenv("NOTIFY_SOCKET");
    close(fd);
}

static void
test_systemd(void)
{
    char *directory = test_scratch_new();
    g_autofree char *path = g_build_filename(directory, "socket", NULL);
    expect_datagram(path, "READY=1");
    test_scratch_free(directory);
    g_autofree char *abstract = g_strdup_printf("@exgate-notify-%d", (int)getpid());
    expect_datagram(abstract, "STOPPING=1");
}

/* Nobody asked, or nobody is there: nothing happens. */
static void
test_nobody(void)
{
    static const char *const paths[] = {"/nonexistent/socket", "relative", ""};
    exg_notify_systemd("READY=1");
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_setenv("NOTIFY_SOCKET", paths[i], TRUE);
        exg_notify_systemd("READY=1");
    }
    g_unsetenv("NOTIFY_SOCKET");
    exg_notify_fd(-1);
}

static void
test_fd(void)
{
    int ends[2];
    g_assert_cmpint(pipe(ends), ==, 0);
    exg_notify_fd(ends[1]);
    char received[8];
    g_assert_cmpint(read(ends[0], received, sizeof received), ==, 1);
    g_assert_cmpint(received[0], ==, '\n');
    g_assert_cmpint(read(ends[0], received, sizeof received), ==, 0);
    close(ends[0]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/notify/systemd", test_systemd);
    g_test_add_func("/notify/nobody", test_nobody);
    g_test_add_func("/notify/fd", test_fd);
    return g_test_run();
}
