#include "common/io/stream.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    ExgEngine *engine;
    ExgStream *stream;
    int peer;
    GString *seen;
    bool closed;
} Fixture;

static gsize
read_line(ExgStream *stream, const guint8 *data, gsize length, gpointer user)
{
    Fixture *f = user;
    const guint8 *end = memchr(data, '\n', length);
    if (end == NULL)
        return 0;
    gsize n = (gsize)(end - data) + 1;
    g_string_append_len(f->seen, (const char *)data, (gssize)n);
    exg_stream_write(stream, data, n);
    if (strncmp((const char *)data, "quit\n", 5) == 0)
        exg_stream_finish(stream);
    return n;
}

static void
on_closed(ExgStream *stream, const GError *error, gpointer user)
{
    Fixture *f = user;
    g_assert_no_error(error);
    f->closed = true;
}

static void
test_smoke(void)
{
    Fixture f = {.engine = exg_engine_new(NULL), .seen = g_string_new(NULL)};
    int fds[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    f.peer = fds[1];
    f.stream = exg_stream_new(f.engine, fds[0], NULL, 100, 100, &(ExgStreamHandler){read_line, NULL, on_closed}, &f);
    g_assert_cmpint(write(f.peer, "a\nb\nqu", 6), ==, 6);
    exg_engine_iterate(f.engine, true);
    exg_engine_iterate(f.engine, false);
    char buffer[100];
    g_assert_cmpint(recv(f.peer, buffer, 100, MSG_DONTWAIT), ==, 4);
    g_assert_cmpint(write(f.peer, "it\nb\nqu", 7), ==, 7);
    exg_engine_iterate(f.engine, true);
    exg_engine_iterate(f.engine, false);
    g_assert_cmpint(recv(f.peer, buffer, 100, MSG_DONTWAIT), ==, 5);
    g_assert_cmpint(recv(f.peer, buffer, 100, MSG_DONTWAIT), ==, 0);
    close(f.peer);
    while (!f.closed)
        exg_engine_iterate(f.engine, true);
    g_assert_cmpstr(f.seen->str, ==, "a\nb\nquit\n");
    exg_stream_free(f.stream);
    exg_engine_unref(f.engine);
    g_string_free(f.seen, TRUE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stream/smoke", test_smoke);
    return g_test_run();
}
