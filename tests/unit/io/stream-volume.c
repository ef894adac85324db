/* Much data through a stream, many streams, and chance. */
#include "tests/unit/io/stream-fixture.h"

#include <malloc.h>

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
    g_test_add("/stream-volume/" name, Fixture, GINT_TO_POINTER(type), set_up, function, tear_down)
    ADD("volume", test_volume, SOCK_STREAM);
    ADD("large-write", test_large_write, SOCK_STREAM);
    ADD("random", test_random, SOCK_STREAM);
    ADD("idle-memory", test_idle_memory, SOCK_STREAM);
    return g_test_run();
}
