#include "tests/unit/io/stream-fixture.h"

#include "common/base/clock.h"

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

/* An unconsumed tail is put together piece by piece, without copying it all for each piece. */
static void
test_long_tail(Fixture *f, gconstpointer type)
{
    const gsize size = 4 * 1024 * 1024;
    exg_stream_free(f->stream);
    close(f->peer);
    int fds[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    f->peer = fds[1];
    f->echo = false;
    f->stream = exg_stream_new(f->engine, fds[0], NULL, size, OUTPUT_MAX, &handler, f);
    g_autofree char *piece = g_strnfill(500, 'x');
    for (gsize sent = 0; sent < size - 1000; sent += 500) {
        peer_sends(f, piece);
        exg_engine_iterate(f->engine, false);
    }
    g_assert_cmpuint(f->seen->len, ==, 0);
    peer_sends(f, "\n");
    spin(f);
    g_assert_cmpuint(f->seen->len, >, size - 1500);
    g_assert_cmpuint(f->moves, <=, 32); /* in more than 8000 reads */
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
    return g_test_run();
}
