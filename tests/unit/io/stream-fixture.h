/* stream-fixture.h - one stream on the engine with its peer, and an owner that does what a test
 * tells it to. For the two test programs of the stream, stream.c and stream-volume.c.
 *
 * Threads:  the test's.
 */
#ifndef EXG_TESTS_UNIT_IO_STREAM_FIXTURE_H
#define EXG_TESTS_UNIT_IO_STREAM_FIXTURE_H

#include "common/io/stream.h"

#include "common/base/error.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define INPUT_MAX  1000
#define OUTPUT_MAX 10000

typedef enum { NOTHING, PAUSE, FINISH, FREE, RESET } Act;

typedef struct {
    ExgEngine *engine;
    ExgStream *stream;
    int peer;
    GString *seen; /* what the reader consumed */
    guint reads, drains, closes;
    GError *failure;
    gsize appetite; /* bytes a read consumes at most; 0: whole lines */
    gsize searched; /* bytes of what is not consumed that hold no end of a line */
    const guint8 *at;
    guint moves; /* of the input */
    bool echo;
    Act on_read, on_drained, on_closed;
} Fixture;

/* --- the stream's owner ----------------------------------------------------------------------- */

static G_GNUC_UNUSED void
act(Fixture *f, Act what)
{
    switch (what) {
    case NOTHING:
        break;
    case PAUSE:
        exg_stream_pause(f->stream);
        break;
    case FINISH:
        exg_stream_finish(f->stream);
        break;
    case FREE:
        exg_stream_free(g_steal_pointer(&f->stream));
        break;
    case RESET:
        exg_stream_reset(f->stream);
        break;
    }
}

static G_GNUC_UNUSED gsize
on_read(ExgStream *stream, const guint8 *data, gsize length, gpointer user)
{
    Fixture *f = user;
    g_assert_true(stream == f->stream);
    g_assert_cmpuint(length, >, 0);
    f->reads++;
    f->moves += data != f->at;
    f->at = data;
    gsize step = MIN(length, f->appetite);
    if (f->appetite == 0) {
        const guint8 *end = memchr(data + f->searched, '\n', length - f->searched);
        step = end != NULL ? (gsize)(end - data) + 1 : 0;
        f->searched = end != NULL ? 0 : length;
    }
    g_string_append_len(f->seen, (const char *)data, (gssize)step);
    if (f->echo)
        exg_stream_write(stream, data, step);
    if (step > 0)
        act(f, f->on_read);
    return step;
}

static G_GNUC_UNUSED void
on_drained(ExgStream *stream, gpointer user)
{
    Fixture *f = user;
    g_assert_cmpuint(exg_stream_pending(stream), ==, 0);
    f->drains++;
    act(f, f->on_drained);
}

static G_GNUC_UNUSED void
on_closed(ExgStream *stream, const GError *error, gpointer user)
{
    Fixture *f = user;
    f->closes++;
    f->failure = error != NULL ? g_error_copy(error) : NULL;
    act(f, f->on_closed);
}

static const ExgStreamHandler handler = {on_read, on_drained, on_closed};

/* --- fixture ---------------------------------------------------------------------------------- */

static G_GNUC_UNUSED void
open_stream(Fixture *f, int fd, int peer)
{
    f->peer = peer;
    f->stream = exg_stream_new(f->engine, fd, NULL, INPUT_MAX, OUTPUT_MAX, &handler, f);
}

static G_GNUC_UNUSED void
set_up(Fixture *f, gconstpointer type)
{
    int fds[2];
    f->engine = exg_engine_new(NULL);
    f->seen = g_string_new(NULL);
    f->echo = true;
    g_assert_cmpint(socketpair(AF_UNIX, GPOINTER_TO_INT(type) | SOCK_CLOEXEC, 0, fds), ==, 0);
    open_stream(f, fds[0], fds[1]);
}

static G_GNUC_UNUSED void
tear_down(Fixture *f, gconstpointer type)
{
    exg_stream_free(f->stream);
    g_assert_false(exg_engine_iterate(f->engine, false)); /* nothing is left behind */
    exg_engine_unref(f->engine);
    g_string_free(f->seen, TRUE);
    g_clear_error(&f->failure);
    if (f->peer >= 0)
        close(f->peer);
}

/* TCP, for what unix sockets do not have: resets. */
static G_GNUC_UNUSED void
use_tcp(Fixture *f)
{
    exg_stream_free(f->stream);
    close(f->peer);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(listening, (struct sockaddr *)&address, length), ==, 0);
    g_assert_cmpint(listen(listening, 1), ==, 0);
    g_assert_cmpint(getsockname(listening, (struct sockaddr *)&address, &length), ==, 0);
    int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(peer, (struct sockaddr *)&address, length), ==, 0);
    int fd = accept(listening, NULL, NULL);
    g_assert_cmpint(fd, >=, 0);
    close(listening);
    open_stream(f, fd, peer);
}

static G_GNUC_UNUSED void
spin(Fixture *f)
{
    for (guint i = 0; i < 10; i++)
        exg_engine_iterate(f->engine, false);
}

static G_GNUC_UNUSED void
await_closed(Fixture *f)
{
    while (f->closes == 0)
        exg_engine_iterate(f->engine, true);
    spin(f);
    g_assert_cmpuint(f->closes, ==, 1);
}

static G_GNUC_UNUSED void
peer_sends(Fixture *f, const char *text)
{
    g_assert_cmpint(send(f->peer, text, strlen(text), 0), ==, (gssize)strlen(text));
}

/* What one recv() gives, "" at the end, or NULL if there is nothing now. */
static G_GNUC_UNUSED char *
peer_receives(Fixture *f)
{
    char buffer[65536];
    gssize got = recv(f->peer, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0)
        g_assert_cmpint(errno, ==, EAGAIN);
    return got < 0 ? NULL : g_strndup(buffer, (gsize)got);
}

static G_GNUC_UNUSED void
expect_received(Fixture *f, const char *text)
{
    g_autofree char *received = peer_receives(f);
    g_assert_cmpstr(received, ==, text);
}

static G_GNUC_UNUSED void
expect_failure(Fixture *f, const char *part)
{
    g_assert_error(f->failure, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    g_assert_nonnull(strstr(f->failure->message, part));
}

#endif
