#include "common/io/stream.h"

#include "common/base/clock.h"
#include "common/base/error.h"

#include <errno.h>
#include <malloc.h>
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
    bool echo;
    Act on_read, on_drained, on_closed;
} Fixture;

/* --- the stream's owner ----------------------------------------------------------------------- */

static void
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

static gsize
on_read(ExgStream *stream, const guint8 *data, gsize length, gpointer user)
{
    Fixture *f = user;
    g_assert_true(stream == f->stream);
    g_assert_cmpuint(length, >, 0);
    f->reads++;
    gsize step = MIN(length, f->appetite);
    if (f->appetite == 0) {
        const guint8 *end = memchr(data, '\n', length);
        step = end != NULL ? (gsize)(end - data) + 1 : 0;
    }
    g_string_append_len(f->seen, (const char *)data, (gssize)step);
    if (f->echo)
        exg_stream_write(stream, data, step);
    if (step > 0)
        act(f, f->on_read);
    return step;
}

static void
on_drained(ExgStream *stream, gpointer user)
{
    Fixture *f = user;
    g_assert_cmpuint(exg_stream_pending(stream), ==, 0);
    f->drains++;
    act(f, f->on_drained);
}

static void
on_closed(ExgStream *stream, const GError *error, gpointer user)
{
    Fixture *f = user;
    f->closes++;
    f->failure = error != NULL ? g_error_copy(error) : NULL;
    act(f, f->on_closed);
}

static const ExgStreamHandler handler = {on_read, on_drained, on_closed};

/* --- fixture ---------------------------------------------------------------------------------- */

static void
open_stream(Fixture *f, int fd, int peer)
{
    f->peer = peer;
    f->stream = exg_stream_new(f->engine, fd, NULL, INPUT_MAX, OUTPUT_MAX, &handler, f);
}

static void
set_up(Fixture *f, gconstpointer type)
{
    int fds[2];
    f->engine = exg_engine_new(NULL);
    f->seen = g_string_new(NULL);
    f->echo = true;
    g_assert_cmpint(socketpair(AF_UNIX, GPOINTER_TO_INT(type) | SOCK_CLOEXEC, 0, fds), ==, 0);
    open_stream(f, fds[0], fds[1]);
}

static void
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
static void
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

static void
spin(Fixture *f)
{
    for (guint i = 0; i < 10; i++)
        exg_engine_iterate(f->engine, false);
}

static void
await_closed(Fixture *f)
{
    while (f->closes == 0)
        exg_engine_iterate(f->engine, true);
    spin(f);
    g_assert_cmpuint(f->closes, ==, 1);
}

static void
peer_sends(Fixture *f, const char *text)
{
    g_assert_cmpint(send(f->peer, text, strlen(text), 0), ==, (gssize)strlen(text));
}

/* What one recv() gives, "" at the end, or NULL if there is nothing now. */
static char *
peer_receives(Fixture *f)
{
    char buffer[65536];
    gssize got = recv(f->peer, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0)
        g_assert_cmpint(errno, ==, EAGAIN);
    return got < 0 ? NULL : g_strndup(buffer, (gsize)got);
}

static void
expect_received(Fixture *f, const char *text)
{
    g_autofree char *received = peer_receives(f);
    g_assert_cmpstr(received, ==, text);
}

static void
expect_failure(Fixture *f, const char *part)
{
    g_assert_error(f->failure, EXG_ERROR, EXG_ERROR_UNREACHABLE);
    g_assert_nonnull(strstr(f->failure->message, part));
}

/* --- input ------------------------------------------------------------------------------------ */

static void
test_bytes(Fixture *f, gconstpointer type)
{
    static const char text[] = "one\n\ntwo\nthree\nrest";
    for (gsize i = 0; i < strlen(text); i++) {
        peer_sends(f, (char[]){text[i], '\0'});
        spin(f);
    }
    g_assert_cmpstr(f->seen->str, ==, "one\n\ntwo\nthree\n");
    expect_received(f, "one\n\ntwo\nthree\n");
    g_assert_cmpuint(f->closes, ==, 0);
}

/* However the input is cut, the reader sees the same. */
static void
test_cut(Fixture *f, gconstpointer type)
{
    static const char text[] = "one\n\ntwo\nthree\n";
    for (gsize cut = 0; cut <= strlen(text); cut++) {
        g_autofree char *first = g_strndup(text, cut);
        g_string_truncate(f->seen, 0);
        peer_sends(f, first);
        spin(f);
        peer_sends(f, text + cut);
        spin(f);
        g_assert_cmpstr(f->seen->str, ==, text);
    }
}

typedef struct {
    const guint8 *last;
    guint moves;
    gsize taken;
} TailReader;

/* Takes all, once it ends in a newline. Looks at the new end only: searching all of it again for each piece would be
 * what this test is about. */
static gsize
take_tail(ExgStream *stream, const guint8 *data, gsize length, gpointer user)
{
    TailReader *reader = user;
    reader->moves += data != reader->last;
    reader->last = data;
    if (data[length - 1] != '\n')
        return 0;
    reader->taken += length;
    return length;
}

static void
ignore_closed(ExgStream *stream, const GError *error, gpointer user)
{
}

/* An unconsumed tail is put together piece by piece, without copying it all for each piece. */
static void
test_long_tail(Fixture *f, gconstpointer type)
{
    const gsize size = 4 * 1024 * 1024;
    const ExgStreamHandler tail_handler = {take_tail, NULL, ignore_closed};
    TailReader reader = {NULL, 0, 0};
    exg_stream_free(f->stream);
    close(f->peer);
    int fds[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    f->peer = fds[1];
    f->stream = exg_stream_new(f->engine, fds[0], NULL, size, OUTPUT_MAX, &tail_handler, &reader);
    g_autofree char *piece = g_strnfill(500, 'x');
    gsize sent = 0;
    for (; sent < size - 1000; sent += 500) {
        peer_sends(f, piece);
        exg_engine_iterate(f->engine, false);
    }
    g_assert_cmpuint(reader.taken, ==, 0);
    peer_sends(f, "\n");
    spin(f);
    g_assert_cmpuint(reader.taken, ==, sent + 1);
    g_assert_cmpuint(reader.moves, <=, 32); /* of more than 8000 pieces */
}

/* A reader that takes nothing of a full buffer is a fault of the program, and ends the stream. */
static void
test_stuck_reader(Fixture *f, gconstpointer type)
{
    g_autofree char *almost = g_strnfill(INPUT_MAX - 1, 'x');
    peer_sends(f, almost);
    spin(f);
    g_assert_cmpuint(f->closes, ==, 0);
    g_test_expect_message("exgate", G_LOG_LEVEL_CRITICAL, "*reader takes nothing of 1000 bytes*");
    peer_sends(f, "x");
    await_closed(f);
    g_test_assert_expected_messages();
    expect_failure(f, "Nothing reads");
}

static void
test_pause(Fixture *f, gconstpointer type)
{
    f->on_read = PAUSE;
    peer_sends(f, "a\nb\nc\n");
    spin(f);
    g_assert_cmpstr(f->seen->str, ==, "a\n");
    expect_received(f, "a\n"); /* output goes on */
    peer_sends(f, "d\n");
    spin(f);
    g_assert_cmpstr(f->seen->str, ==, "a\n");
    g_assert_false(exg_engine_iterate(f->engine, false)); /* and nothing spins */

    exg_stream_resume(f->stream);
    g_assert_cmpstr(f->seen->str, ==, "a\n"); /* from the engine only */
    spin(f);
    g_assert_cmpstr(f->seen->str, ==, "a\nb\n");
    f->on_read = NOTHING;
    exg_stream_resume(f->stream);
    spin(f);
    g_assert_cmpstr(f->seen->str, ==, "a\nb\nc\nd\n");

    exg_stream_pause(f->stream);
    peer_sends(f, "e\n");
    spin(f);
    g_assert_cmpstr(f->seen->str, ==, "a\nb\nc\nd\n");
    exg_stream_resume(f->stream);
    exg_stream_pause(f->stream);
    exg_stream_resume(f->stream);
    spin(f);
    g_assert_cmpstr(f->seen->str, ==, "a\nb\nc\nd\ne\n");
}

/* The end of input waits until the reader has been offered all that came before it. */
static void
test_pause_at_end(Fixture *f, gconstpointer type)
{
    f->on_read = PAUSE;
    peer_sends(f, "a\nb\nc");
    shutdown(f->peer, SHUT_WR);
    spin(f);
    g_assert_cmpuint(f->closes, ==, 0);
    exg_stream_resume(f->stream);
    spin(f);
    g_assert_cmpuint(f->closes, ==, 0);
    exg_stream_resume(f->stream);
    await_closed(f);
    g_assert_no_error(f->failure);
    g_assert_cmpstr(f->seen->str, ==, "a\nb\n");
}

/* --- output ----------------------------------------------------------------------------------- */

/* On a socket that keeps messages apart one sees what was one write: all replies to one batch. */
static void
test_batch(Fixture *f, gconstpointer type)
{
    peer_sends(f, "a\nb\nc\nd\n");
    spin(f);
    expect_received(f, "a\nb\nc\nd\n");
    expect_received(f, NULL);
    g_assert_cmpuint(f->drains, ==, 1);
    g_autoptr(GString) expected = g_string_new(NULL);
    for (guint i = 0; i < 1000; i++) { /* more than a chunk */
        exg_stream_write(f->stream, "reply\r\n", 7);
        g_string_append(expected, "reply\r\n");
    }
    g_assert_cmpuint(exg_stream_pending(f->stream), ==, 7000);
    expect_received(f, NULL);
    spin(f);
    expect_received(f, expected->str);
    expect_received(f, NULL);
    g_assert_cmpuint(f->drains, ==, 2);
}

static void
test_flush(Fixture *f, gconstpointer type)
{
    exg_stream_write(f->stream, "now", 3);
    exg_stream_flush(f->stream);
    g_assert_cmpuint(exg_stream_pending(f->stream), ==, 0);
    g_assert_cmpuint(f->drains, ==, 0); /* told from the engine only */
    expect_received(f, "now");
    spin(f);
    g_assert_cmpuint(f->drains, ==, 1);
    exg_stream_write(f->stream, "", 0);
    exg_stream_flush(f->stream);
    spin(f);
    expect_received(f, NULL);
    g_assert_cmpuint(f->drains, ==, 1);
}

/* --- the ends --------------------------------------------------------------------------------- */

static void
test_peer_ends(Fixture *f, gconstpointer type)
{
    peer_sends(f, "a\nb");
    close(f->peer);
    f->peer = -1;
    f->echo = false;
    await_closed(f);
    g_assert_no_error(f->failure);
    g_assert_cmpstr(f->seen->str, ==, "a\n");
    exg_stream_write(f->stream, "x", 1); /* in vain, and harmless */
    exg_stream_flush(f->stream);
    exg_stream_pause(f->stream);
    exg_stream_resume(f->stream);
    exg_stream_finish(f->stream);
    spin(f);
    g_assert_cmpuint(exg_stream_pending(f->stream), ==, 0);
    g_assert_cmpuint(f->closes, ==, 1);
}

/* A peer that has ended its side still gets its replies: printf … | nc. */
static void
test_half_close(Fixture *f, gconstpointer type)
{
    peer_sends(f, "a\nb\n");
    shutdown(f->peer, SHUT_WR);
    await_closed(f);
    g_assert_no_error(f->failure);
    expect_received(f, "a\nb\n");
}

/* … also when it takes them slowly, and we notice its end before all is written. */
static void
test_half_close_slow(Fixture *f, gconstpointer type)
{
    const gsize total = 1000000;
    g_autofree char *block = g_strnfill(total, 'x');
    int fds[2];
    exg_stream_free(f->stream);
    close(f->peer);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    f->peer = fds[1];
    f->stream = exg_stream_new(f->engine, fds[0], NULL, INPUT_MAX, total, &handler, f);
    f->on_closed = FREE;
    exg_stream_write(f->stream, block, total);
    shutdown(f->peer, SHUT_WR);
    gsize received = 0;
    gssize got;
    do {
        spin(f);
        got = recv(f->peer, block, 1000, MSG_DONTWAIT);
        g_assert_cmpint(got, >=, 0);
        received += (gsize)got;
    } while (got > 0);
    g_assert_cmpuint(received, ==, total);
    g_assert_cmpuint(f->closes, ==, 1);
    g_assert_no_error(f->failure);
}

static void
test_peer_resets(Fixture *f, gconstpointer type)
{
    use_tcp(f);
    g_assert_cmpint(
        setsockopt(f->peer, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)),
        ==, 0);
    close(f->peer);
    f->peer = -1;
    await_closed(f);
    expect_failure(f, "reset");
}

static void
test_write_to_nobody(Fixture *f, gconstpointer type)
{
    exg_stream_pause(f->stream); /* so that it is the write that finds out */
    spin(f);
    close(f->peer);
    f->peer = -1;
    exg_stream_write(f->stream, "x", 1);
    exg_stream_flush(f->stream);
    g_assert_cmpuint(f->closes, ==, 0);
    await_closed(f);
    expect_failure(f, "reset");
}

static void
test_finish(Fixture *f, gconstpointer type)
{
    f->on_read = FINISH;
    peer_sends(f, "a\nb\nc\n");
    spin(f);
    g_assert_cmpstr(f->seen->str, ==, "a\n");
    expect_received(f, "a\n");
    expect_received(f, "");
    exg_stream_write(f->stream, "late", 4);
    peer_sends(f, "d\n");
    spin(f);
    g_assert_cmpuint(f->closes, ==, 0); /* it lingers */
    close(f->peer);
    f->peer = -1;
    await_closed(f);
    g_assert_no_error(f->failure);
    g_assert_cmpstr(f->seen->str, ==, "a\n");
}

/* A peer that does not end its side is not waited for any longer than a moment. */
static void
test_finish_lingers(Fixture *f, gconstpointer type)
{
    exg_stream_finish(f->stream);
    spin(f);
    exg_stream_finish(f->stream);
    expect_received(f, "");
    g_assert_cmpuint(f->closes, ==, 0);
    exg_clock_advance(1001 * 1000);
    await_closed(f);
    g_assert_no_error(f->failure);
}

static gpointer
send_and_read_all(gpointer data)
{
    int fd = GPOINTER_TO_INT(data);
    g_autofree char *block = g_strnfill(65536, 'x');
    block[65535] = '\n';
    /* Goes on sending after the other side has decided to end, as a client in the middle of a body does. */
    for (guint i = 0; i < 100; i++)
        if (send(fd, block, 65536, MSG_NOSIGNAL) < 0)
            break;
    shutdown(fd, SHUT_WR);
    GString *all = g_string_new(NULL);
    gssize got;
    while ((got = recv(fd, block, 65536, 0)) > 0)
        g_string_append_len(all, block, got);
    g_assert_cmpint(got, ==, 0); /* no reset */
    return all;
}

/* The last reply reaches a peer that is still sending when we finish. */
static void
test_finish_under_fire(Fixture *f, gconstpointer type)
{
    use_tcp(f);
    f->echo = false;
    f->appetite = 10;
    f->on_read = FINISH;
    exg_stream_write(f->stream, "421 too much\r\n", 14);
    GThread *peer = g_thread_new("peer", send_and_read_all, GINT_TO_POINTER(f->peer));
    await_closed(f);
    g_assert_no_error(f->failure);
    g_clear_pointer(&f->stream, exg_stream_free);
    GString *all = g_thread_join(peer);
    g_assert_cmpstr(all->str, ==, "421 too much\r\n");
    g_string_free(all, TRUE);
}

static void
test_reset(Fixture *f, gconstpointer type)
{
    use_tcp(f);
    f->on_read = RESET;
    peer_sends(f, "a\nb\n");
    await_closed(f);
    g_assert_no_error(f->failure);
    char byte;
    g_assert_cmpint(recv(f->peer, &byte, 1, 0), <, 0);
    g_assert_cmpint(errno, ==, ECONNRESET);
    exg_stream_reset(f->stream);
    spin(f);
    g_assert_cmpuint(f->closes, ==, 1);
}

/* --- from within the handler ------------------------------------------------------------------ */

static void
test_freed_in_read(Fixture *f, gconstpointer type)
{
    f->on_read = FREE;
    peer_sends(f, "half");
    spin(f); /* so that the reader is given the stream's own buffer */
    peer_sends(f, "\nb\n");
    spin(f);
    g_assert_null(f->stream);
    g_assert_cmpuint(f->reads, ==, 2);
    g_assert_cmpuint(f->closes + f->drains, ==, 0);
    expect_received(f, ""); /* what was not yet written is dropped */
}

static void
test_freed_in_drained(Fixture *f, gconstpointer type)
{
    f->on_drained = FREE;
    peer_sends(f, "a\n");
    spin(f);
    g_assert_null(f->stream);
    expect_received(f, "a\n");
}

static void
test_freed_in_closed(Fixture *f, gconstpointer type)
{
    f->on_closed = FREE;
    shutdown(f->peer, SHUT_WR);
    await_closed(f);
    g_assert_null(f->stream);
}

static void
test_finished_in_drained(Fixture *f, gconstpointer type)
{
    f->on_drained = FINISH;
    f->on_closed = FREE;
    peer_sends(f, "a\n");
    spin(f);
    expect_received(f, "a\n");
    expect_received(f, "");
    shutdown(f->peer, SHUT_WR);
    await_closed(f);
}

/* --- volume ----------------------------------------------------------------------------------- */

#define VOLUME (16 * 1024 * 1024)

static guint8
pattern(gsize offset)
{
    return (guint8)((offset * 31 + offset / 257) & 0xff);
}

static gpointer
send_volume(gpointer data)
{
    g_autofree guint8 *block = g_malloc(100000);
    for (gsize sent = 0; sent < VOLUME;) {
        gsize length = MIN(100000, VOLUME - sent);
        for (gsize i = 0; i < length; i++)
            block[i] = pattern(sent + i);
        for (gsize done = 0; done < length;) {
            gssize step = send(GPOINTER_TO_INT(data), block + done, length - done, MSG_NOSIGNAL);
            g_assert_cmpint(step, >, 0);
            done += (gsize)step;
        }
        sent += length;
    }
    shutdown(GPOINTER_TO_INT(data), SHUT_WR);
    return NULL;
}

static gpointer
receive_volume(gpointer data)
{
    g_autofree guint8 *block = g_malloc(30000);
    gsize total = 0;
    gssize got;
    while ((got = recv(GPOINTER_TO_INT(data), block, 30000, 0)) > 0) {
        for (gssize i = 0; i < got; i++)
            g_assert_cmpuint(block[i], ==, pattern(total + (gsize)i));
        total += (gsize)got;
    }
    return GSIZE_TO_POINTER(total);
}

static gsize
echo_all(ExgStream *stream, const guint8 *data, gsize length, gpointer user)
{
    Fixture *f = user;
    f->reads++;
    exg_stream_write(stream, data, length);
    /* One read's worth at most beyond what stops the input. */
    g_assert_cmpuint(exg_stream_pending(stream), <=, OUTPUT_MAX + 65536);
    return length;
}

/* All is echoed, in order, to a peer that reads only after the kernel's buffers and ours are full. */
static void
test_volume(Fixture *f, gconstpointer type)
{
    int fds[2];
    exg_stream_free(f->stream);
    close(f->peer);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    f->peer = fds[1];
    f->stream = exg_stream_new(f->engine, fds[0], NULL, INPUT_MAX, OUTPUT_MAX,
                               &(ExgStreamHandler){echo_all, on_drained, on_closed}, f);
    GThread *sender = g_thread_new("sender", send_volume, GINT_TO_POINTER(f->peer));
    guint before;
    do {
        before = f->reads;
        for (guint i = 0; i < 20; i++) {
            exg_engine_iterate(f->engine, false);
            g_thread_yield();
        }
    } while (f->reads != before || exg_stream_pending(f->stream) <= OUTPUT_MAX);
    g_assert_cmpuint(exg_stream_pending(f->stream), <=, OUTPUT_MAX + 65536);
    GThread *receiver = g_thread_new("receiver", receive_volume, GINT_TO_POINTER(f->peer));
    await_closed(f);
    g_assert_no_error(f->failure);
    g_clear_pointer(&f->stream, exg_stream_free);
    g_thread_join(sender);
    g_assert_cmpuint(GPOINTER_TO_SIZE(g_thread_join(receiver)), ==, VOLUME);
}

/* One large write, and finish right behind it: all of it arrives. */
static void
test_large_write(Fixture *f, gconstpointer type)
{
    g_autofree guint8 *block = g_malloc(VOLUME);
    for (gsize i = 0; i < VOLUME; i++)
        block[i] = pattern(i);
    exg_stream_write(f->stream, block, 10);
    exg_stream_write(f->stream, block + 10, VOLUME - 20);
    exg_stream_write(f->stream, block + VOLUME - 10, 10);
    exg_stream_finish(f->stream);
    g_assert_cmpuint(exg_stream_pending(f->stream), ==, VOLUME);
    GThread *receiver = g_thread_new("receiver", receive_volume, GINT_TO_POINTER(f->peer));
    while (exg_stream_pending(f->stream) > 0)
        exg_engine_iterate(f->engine, true);
    g_assert_cmpuint(GPOINTER_TO_SIZE(g_thread_join(receiver)), ==, VOLUME);
    shutdown(f->peer, SHUT_WR);
    await_closed(f);
    g_assert_no_error(f->failure);
    g_assert_cmpuint(f->drains, ==, 1);
}

/* The owner pauses, resumes and flushes, and the peer cuts and stalls, as chance has it; what is echoed stays the same. */
static void
test_random(Fixture *f, gconstpointer type)
{
    enum { TOTAL = 3000000 };
    gsize sent = 0;
    gsize received = 0;
    guint8 block[50000];
    while (received < TOTAL) {
        f->appetite = (gsize)g_test_rand_int_range(1, 30000);
        switch (g_test_rand_int_range(0, 8)) {
        case 0:
            exg_stream_pause(f->stream);
            break;
        case 1:
            exg_stream_flush(f->stream);
            break;
        case 2:
            f->on_read = g_test_rand_bit() ? PAUSE : NOTHING;
            break;
        default:
            exg_stream_resume(f->stream);
            break;
        }
        gsize length = (gsize)g_test_rand_int_range(0, sizeof block);
        length = MIN(length, TOTAL - sent);
        for (gsize i = 0; i < length; i++)
            block[i] = pattern(sent + i);
        gssize step = length > 0 ? send(f->peer, block, length, MSG_DONTWAIT) : 0;
        sent += (gsize)MAX(step, 0);
        for (gint32 i = g_test_rand_int_range(0, 4); i > 0; i--)
            exg_engine_iterate(f->engine, false);
        step = recv(f->peer, block, (gsize)g_test_rand_int_range(1, sizeof block), MSG_DONTWAIT);
        for (gssize i = 0; i < step; i++)
            g_assert_cmpuint(block[i], ==, pattern(received + (gsize)i));
        received += (gsize)MAX(step, 0);
    }
    g_assert_cmpuint(sent, ==, TOTAL);
    g_assert_cmpuint(f->seen->len, ==, TOTAL);
    g_assert_cmpuint(f->closes, ==, 0);
    exg_stream_resume(f->stream);
    shutdown(f->peer, SHUT_WR);
    await_closed(f);
    g_assert_no_error(f->failure);
}

static void
test_idle_memory(Fixture *f, gconstpointer type)
{
    enum { COUNT = 400 };
    Fixture *idle = g_new0(Fixture, COUNT);
    int fds[COUNT][2];
    for (guint i = 0; i < COUNT; i++)
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds[i]), ==, 0);
    peer_sends(f, "a\n"); /* what is allocated once */
    spin(f);
    gsize before = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (guint i = 0; i < COUNT; i++) {
        idle[i].engine = f->engine;
        idle[i].seen = f->seen;
        idle[i].echo = true;
        open_stream(&idle[i], fds[i][0], fds[i][1]);
        peer_sends(&idle[i], "used, and then idle\n");
    }
    spin(f);
    gsize used = mallinfo2().uordblks + mallinfo2().hblkhd - before;
    for (guint i = 0; i < COUNT; i++) {
        g_assert_cmpuint(idle[i].drains, ==, 1);
        exg_stream_free(idle[i].stream);
        close(idle[i].peer);
    }
    g_free(idle);
    if (before == 0)
        g_test_skip("this allocator does not count");
    g_test_message("%zu bytes for each idle stream", used / COUNT);
    g_assert_cmpuint(used / COUNT, <, 1024);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function, type)                                                                  \
    g_test_add("/stream/" name, Fixture, GINT_TO_POINTER(type), set_up, function, tear_down)
    ADD("bytes", test_bytes, SOCK_STREAM);
    ADD("cut", test_cut, SOCK_STREAM);
    ADD("long-tail", test_long_tail, SOCK_STREAM);
    ADD("stuck-reader", test_stuck_reader, SOCK_STREAM);
    ADD("pause", test_pause, SOCK_STREAM);
    ADD("pause-at-end", test_pause_at_end, SOCK_STREAM);
    ADD("batch", test_batch, SOCK_SEQPACKET);
    ADD("flush", test_flush, SOCK_SEQPACKET);
    ADD("peer-ends", test_peer_ends, SOCK_STREAM);
    ADD("half-close", test_half_close, SOCK_STREAM);
    ADD("half-close-slow", test_half_close_slow, SOCK_STREAM);
    ADD("peer-resets", test_peer_resets, SOCK_STREAM);
    ADD("write-to-nobody", test_write_to_nobody, SOCK_STREAM);
    ADD("finish", test_finish, SOCK_STREAM);
    ADD("finish-lingers", test_finish_lingers, SOCK_STREAM);
    ADD("finish-under-fire", test_finish_under_fire, SOCK_STREAM);
    ADD("reset", test_reset, SOCK_STREAM);
    ADD("freed-in-read", test_freed_in_read, SOCK_STREAM);
    ADD("freed-in-drained", test_freed_in_drained, SOCK_STREAM);
    ADD("freed-in-closed", test_freed_in_closed, SOCK_STREAM);
    ADD("finished-in-drained", test_finished_in_drained, SOCK_STREAM);
    ADD("volume", test_volume, SOCK_STREAM);
    ADD("large-write", test_large_write, SOCK_STREAM);
    ADD("random", test_random, SOCK_STREAM);
    ADD("idle-memory", test_idle_memory, SOCK_STREAM);
    return g_test_run();
}
