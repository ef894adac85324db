/* A stream is driven from two places only, its watch and the end of the engine's round. Calls of the owner note what is
 * wanted; handler functions are called from the engine alone, never inside a call of the owner. */
#include "common/io/stream.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/io/tls-server-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define SCRATCH_BYTES    (64 * 1024)
#define CHUNK_BYTES      (1024 - sizeof(Chunk)) /* for small writes, gathered; above, malloc() is slow */
#define PIECES_PER_WRITE 64
#define WRITES_PER_ROUND 16 /* a fast reader must not keep the others waiting */
#define LINGER_MS        1000

/* A piece of output: `bytes` from `start` up to `end` are to be written. */
typedef struct Chunk Chunk;
struct Chunk {
    Chunk *next;
    gsize start, end, size;
    guint8 bytes[];
};

typedef enum {
    OPENING, /* TLS handshake */
    OPEN,
    FINISHING, /* what is gathered is written, then the end is announced */
    LINGERING, /* all is said: input is dropped until the peer's end, lest a reset destroy what is under way */
    ENDED, /* `closed` is due, or has been called */
} State;

struct ExgStream {
    ExgEngine *engine;
    int fd;
    ExgWatch *watch;
    ExgTlsSession *tls;
    ExgStreamHandler handler;
    gpointer user;
    ExgLater later;
    ExgTimer linger;
    gsize input_max, output_max;

    guint8 *input; /* unconsumed; from `input_start` up to `input_end` */
    gsize input_start, input_end, input_size;
    Chunk *output, *output_last;
    gsize pending;

    State state;
    GError *failure;
    guint calls; /* of ours that may call the handler; the memory goes when the last one returns */
    bool freed;
    bool paused;          /* by the owner */
    bool finishing;       /* by the owner */
    bool throttled;       /* by the peer, which does not read */
    bool input_ended;     /* by the peer, or by `failure` */
    bool kept_due;        /* offer the unconsumed input again */
    bool record_due;      /* GnuTLS has decrypted input that epoll does not know of */
    bool blocked;         /* no output until the socket is writable */
    bool send_blocked;    /* (TLS) … or rather readable */
    bool receive_blocked; /* (TLS) no input until the socket is writable */
    bool drained_due, closed_called;
};

/* Input of all streams of a thread passes through here. */
static guint8 *
get_scratch(void)
{
    static GPrivate owner = G_PRIVATE_INIT(g_free);
    guint8 *scratch = g_private_get(&owner);
    if (scratch == NULL) {
        scratch = g_malloc(SCRATCH_BYTES);
        g_private_set(&owner, scratch);
    }
    return scratch;
}

/* --- state ------------------------------------------------------------------------------------ */

/* The first reason counts. */
static void
end(ExgStream *stream, GError *failure)
{
    if (stream->state != ENDED && stream->failure == NULL)
        stream->failure = failure;
    else
        g_clear_error(&failure);
    stream->state = ENDED;
}

static bool
may_give(const ExgStream *stream)
{
    return stream->state == OPEN && !stream->freed && !stream->paused && !stream->throttled;
}

static bool
wants_input(const ExgStream *stream)
{
    return may_give(stream) && !stream->input_ended;
}

static void
update_watch(ExgStream *stream)
{
    guint events = 0;
    switch (stream->state) {
    case OPENING:
        events = stream->blocked ? EXG_IO_WRITE : EXG_IO_READ;
        break;
    case OPEN:
    case FINISHING:
        if (wants_input(stream))
            events |= stream->receive_blocked ? EXG_IO_WRITE : EXG_IO_READ;
        if (stream->blocked)
            events |= stream->send_blocked ? EXG_IO_READ : EXG_IO_WRITE;
        break;
    case LINGERING:
        events = EXG_IO_READ;
        break;
    case ENDED:
        break;
    }
    if (stream->watch != NULL)
        exg_watch_set_events(stream->watch, events);
}

static void
drop_output(ExgStream *stream)
{
    while (stream->output != NULL) {
        Chunk *chunk = stream->output;
        stream->output = chunk->next;
        g_free(chunk);
    }
    stream->output_last = NULL;
    stream->pending = 0;
}

/* --- output ----------------------------------------------------------------------------------- */

static void
append_chunk(ExgStream *stream, gsize size)
{
    Chunk *chunk = g_malloc(sizeof(Chunk) + size);
    *chunk = (Chunk){.size = size};
    if (stream->output_last != NULL)
        stream->output_last->next = chunk;
    else
        stream->output = chunk;
    stream->output_last = chunk;
}

static void
discard_written(ExgStream *stream, gsize length)
{
    stream->pending -= length;
    while (length > 0) {
        Chunk *chunk = stream->output;
        gsize here = MIN(length, chunk->end - chunk->start);
        chunk->start += here;
        length -= here;
        if (chunk->start < chunk->end)
            break;
        stream->output = chunk->next;
        if (stream->output == NULL)
            stream->output_last = NULL;
        g_free(chunk);
    }
}

static GError *
socket_error(int reason)
{
    if (reason == EPIPE || reason == ECONNRESET)
        return exg_error_new(EXG_ERROR_UNREACHABLE, "The peer reset the connection");
    return exg_error_new(EXG_ERROR_UNREACHABLE, "The connection failed: %s", g_strerror(reason));
}

static ExgTransfer
send_plain(ExgStream *stream, gsize *ret_length, GError **error)
{
    struct iovec pieces[PIECES_PER_WRITE];
    gsize count = 0;
    for (Chunk *chunk = stream->output; chunk != NULL && count < PIECES_PER_WRITE;
         chunk = chunk->next)
        pieces[count++] = (struct iovec){chunk->bytes + chunk->start, chunk->end - chunk->start};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};
    gssize result;
    do
        result = sendmsg(stream->fd, &message, MSG_NOSIGNAL);
    while (result < 0 && errno == EINTR);
    if (result < 0 && errno == EAGAIN)
        return EXG_TRANSFER_WANTS_WRITE;
    if (result < 0) {
        g_propagate_error(error, socket_error(errno));
        return EXG_TRANSFER_FAILED;
    }
    *ret_length = (gsize)result;
    return EXG_TRANSFER_DONE;
}

static ExgTransfer
send_some(ExgStream *stream, gsize *ret_length, GError **error)
{
    if (stream->tls == NULL)
        return send_plain(stream, ret_length, error);
    const Chunk *chunk = stream->output;
    return exg_tls_session_send(stream->tls, chunk->bytes + chunk->start, chunk->end - chunk->start,
                                ret_length, error);
}

static void
push_output(ExgStream *stream)
{
    if (stream->pending == 0 || stream->blocked ||
        (stream->state != OPEN && stream->state != FINISHING))
        return;
    for (int i = 0; i < WRITES_PER_ROUND && stream->pending > 0; i++) {
        gsize length = 0;
        g_autoptr(GError) error = NULL;
        ExgTransfer transfer = send_some(stream, &length, &error);
        if (transfer == EXG_TRANSFER_FAILED) {
            drop_output(stream);
            end(stream, g_steal_pointer(&error));
            return;
        }
        if (transfer != EXG_TRANSFER_DONE) {
            stream->blocked = true;
            stream->send_blocked = transfer == EXG_TRANSFER_WANTS_READ;
            return;
        }
        discard_written(stream, length);
    }
    if (stream->pending == 0)
        stream->drained_due = true;
    else
        stream->blocked =
            true; /* the others' turn; the socket is still writable in the next round */
}

/* --- input ------------------------------------------------------------------------------------ */

static ExgTransfer
receive(ExgStream *stream, guint8 *buffer, gsize size, gsize *ret_length, GError **error)
{
    if (stream->tls != NULL)
        return exg_tls_session_receive(stream->tls, buffer, size, ret_length, error);
    gssize result;
    do
        result = recv(stream->fd, buffer, size, 0);
    while (result < 0 && errno == EINTR);
    if (result == 0)
        return EXG_TRANSFER_END;
    if (result < 0 && errno == EAGAIN)
        return EXG_TRANSFER_WANTS_READ;
    if (result < 0) {
        g_propagate_error(error, socket_error(errno));
        return EXG_TRANSFER_FAILED;
    }
    *ret_length = (gsize)result;
    return EXG_TRANSFER_DONE;
}

/* One round's input: one read from a plain socket, what fits from TLS, which comes record by record. */
static gsize
fill(ExgStream *stream, guint8 *buffer)
{
    gsize filled = 0;
    ExgTransfer transfer;
    do {
        gsize length = 0;
        transfer = receive(stream, buffer + filled, SCRATCH_BYTES - filled, &length,
                           &stream->failure);
        filled += length;
    } while (stream->tls != NULL && transfer == EXG_TRANSFER_DONE && filled < SCRATCH_BYTES);
    stream->input_ended = transfer == EXG_TRANSFER_END || transfer == EXG_TRANSFER_FAILED;
    stream->receive_blocked = transfer == EXG_TRANSFER_WANTS_WRITE;
    stream->record_due = stream->tls != NULL && transfer == EXG_TRANSFER_DONE;
    return filled;
}

static void
keep_input(ExgStream *stream, const guint8 *data, gsize length)
{
    gsize kept = stream->input_end - stream->input_start;
    if (stream->input_end + length > stream->input_size) {
        /* Moves only when at least as much is free as is moved, so that each byte is moved a few times at most. */
        if (stream->input_start < kept + length) {
            stream->input_size = MAX(kept + length, 2 * kept);
            guint8 *larger = g_malloc(stream->input_size);
            if (kept > 0)
                memcpy(larger, stream->input + stream->input_start, kept);
            g_free(stream->input);
            stream->input = larger;
        } else {
            memmove(stream->input, stream->input + stream->input_start, kept);
        }
        stream->input_start = 0;
        stream->input_end = kept;
    }
    memcpy(stream->input + stream->input_end, data, length);
    stream->input_end += length;
}

static void
drop_input(ExgStream *stream)
{
    g_clear_pointer(&stream->input, g_free);
    stream->input_start = stream->input_end = stream->input_size = 0;
}

/* Gives input to the reader as long as it takes some; answers how much it took. */
static gsize
give(ExgStream *stream, const guint8 *data, gsize length)
{
    gsize taken = 0;
    while (taken < length && may_give(stream)) {
        gsize step = stream->handler.read(stream, data + taken, length - taken, stream->user);
        g_assert(step <= length - taken);
        taken += step;
        if (step > 0 || !may_give(stream))
            continue;
        if (length - taken >= stream->input_max) {
            g_critical("a stream's reader takes nothing of %zu bytes", length - taken);
            end(stream, exg_error_new(EXG_ERROR_UNREACHABLE, "Nothing reads what the peer sends"));
        }
        break;
    }
    return taken;
}

static void
give_kept(ExgStream *stream)
{
    stream->kept_due = false;
    if (stream->input == NULL)
        return;
    gsize taken = give(stream, stream->input + stream->input_start,
                       stream->input_end - stream->input_start);
    stream->input_start += taken;
    if (stream->input_start == stream->input_end)
        drop_input(stream);
}

static void
take_input(ExgStream *stream)
{
    guint8 *buffer = get_scratch();
    gsize length = fill(stream, buffer);
    if (stream->input == NULL) {
        gsize taken = give(stream, buffer, length);
        if (taken < length && !stream->freed)
            keep_input(stream, buffer + taken, length - taken);
    } else {
        keep_input(stream, buffer, length);
        give_kept(stream);
    }
}

/* --- the ends --------------------------------------------------------------------------------- */

static void
continue_handshake(ExgStream *stream)
{
    g_autoptr(GError) error = NULL;
    switch (exg_tls_session_handshake(stream->tls, &error)) {
    case EXG_TRANSFER_DONE:
        stream->state = stream->finishing ? FINISHING : OPEN;
        stream->blocked = false;
        stream->record_due = true; /* a record may have come with the handshake's last */
        exg_later_set(&stream->later);
        break;
    case EXG_TRANSFER_WANTS_WRITE:
        stream->blocked = true;
        break;
    case EXG_TRANSFER_WANTS_READ:
        stream->blocked = false;
        break;
    case EXG_TRANSFER_END:
    case EXG_TRANSFER_FAILED:
        end(stream, g_steal_pointer(&error));
        break;
    }
}

static void
announce_end(ExgStream *stream)
{
    g_autoptr(GError) error = NULL;
    ExgTransfer transfer = stream->tls != NULL ? exg_tls_session_end(stream->tls, &error)
                                               : EXG_TRANSFER_DONE;
    switch (transfer) {
    case EXG_TRANSFER_WANTS_READ:
    case EXG_TRANSFER_WANTS_WRITE:
        stream->blocked = true;
        stream->send_blocked = transfer == EXG_TRANSFER_WANTS_READ;
        return;
    case EXG_TRANSFER_FAILED:
        end(stream, g_steal_pointer(&error));
        return;
    case EXG_TRANSFER_DONE:
    case EXG_TRANSFER_END:
        break;
    }
    if (stream->input_ended || shutdown(stream->fd, SHUT_WR) < 0) {
        end(stream, NULL);
        return;
    }
    stream->state = LINGERING;
    exg_timer_set(&stream->linger, exg_clock_deadline_ms(LINGER_MS));
}

static void
drop_arriving(ExgStream *stream)
{
    gssize result = recv(stream->fd, get_scratch(), SCRATCH_BYTES, 0);
    if (result == 0 || (result < 0 && errno != EAGAIN && errno != EINTR))
        end(stream, NULL);
}

/* All input that will come has been offered to the reader. */
static bool
is_input_over(const ExgStream *stream)
{
    return stream->input_ended && may_give(stream) && !stream->kept_due;
}

static void
report_drained(ExgStream *stream)
{
    if (!stream->drained_due)
        return;
    stream->drained_due = false;
    if (stream->pending == 0 && stream->handler.drained != NULL)
        stream->handler.drained(stream, stream->user);
}

static void
report_closed(ExgStream *stream)
{
    if (stream->state != ENDED || stream->closed_called)
        return;
    stream->closed_called = true;
    exg_later_cancel(&stream->later);
    exg_timer_cancel(&stream->linger);
    drop_output(stream);
    g_autoptr(GError) failure = g_steal_pointer(&stream->failure);
    stream->handler.closed(stream, failure, stream->user);
}

/* Draws the consequences of what has happened. */
static void
settle(ExgStream *stream)
{
    if (stream->throttled && stream->pending <= stream->output_max / 2) {
        stream->throttled = false;
        stream->kept_due = true;
    }
    report_drained(stream);
    if (stream->freed)
        return;
    if (is_input_over(stream) && (stream->failure != NULL || stream->pending == 0))
        end(stream, NULL);
    if (stream->state == FINISHING && stream->pending == 0 && !stream->blocked)
        announce_end(stream);
    if (stream->state != OPENING && stream->state != OPEN)
        drop_input(stream);
    if (may_give(stream) && (stream->kept_due || stream->record_due))
        exg_later_set(&stream->later);
    update_watch(stream);
    report_closed(stream);
}

/* --- what the engine calls -------------------------------------------------------------------- */

static void
leave(ExgStream *stream)
{
    if (!stream->freed)
        settle(stream);
    if (--stream->calls > 0 || !stream->freed)
        return;
    drop_input(stream);
    g_free(stream);
}

static void
on_ready(int fd, guint events, gpointer data)
{
    ExgStream *stream = data;
    stream->calls++;
    if (stream->state == OPENING)
        continue_handshake(stream);
    else if (stream->state == LINGERING)
        drop_arriving(stream);
    else {
        if (stream->blocked &&
            (events & (stream->send_blocked ? EXG_IO_READ : EXG_IO_WRITE)) != 0) {
            stream->blocked = stream->send_blocked = false;
            push_output(stream);
        }
        if (wants_input(stream) &&
            (events & (stream->receive_blocked ? EXG_IO_WRITE : EXG_IO_READ)) != 0)
            take_input(stream);
    }
    leave(stream);
}

static void
on_later(gpointer data)
{
    ExgStream *stream = data;
    stream->calls++;
    push_output(stream);
    if (stream->kept_due && may_give(stream))
        give_kept(stream);
    if (stream->record_due && wants_input(stream))
        take_input(stream);
    leave(stream);
}

static void
on_lingered(gpointer data)
{
    ExgStream *stream = data;
    stream->calls++;
    end(stream, NULL);
    leave(stream);
}

/* --- what the owner calls --------------------------------------------------------------------- */

ExgStream *
exg_stream_new(ExgEngine *engine, int fd, ExgTlsServer *tls, gsize input_max, gsize output_max,
               const ExgStreamHandler *handler, gpointer user)
{
    ExgStream *stream = g_new0(ExgStream, 1);
    stream->engine = exg_engine_ref(engine);
    stream->fd = fd;
    stream->input_max = input_max;
    stream->output_max = output_max;
    stream->handler = *handler;
    stream->user = user;
    (void)g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    if (tls != NULL)
        stream->tls = exg_tls_session_new(tls, fd);
    stream->state = tls != NULL ? OPENING : OPEN;
    exg_later_init(&stream->later, engine, on_later, stream);
    exg_timer_init(&stream->linger, engine, on_lingered, stream);
    stream->watch = exg_watch_new(engine, fd, EXG_IO_READ, on_ready, stream);
    return stream;
}

static void
close_socket(ExgStream *stream)
{
    g_clear_pointer(&stream->watch, exg_watch_free);
    g_clear_pointer(&stream->tls, exg_tls_session_free);
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
}

void
exg_stream_free(ExgStream *stream)
{
    if (stream == NULL || stream->freed)
        return;
    exg_later_cancel(&stream->later);
    exg_timer_cancel(&stream->linger);
    close_socket(stream);
    drop_output(stream);
    g_clear_error(&stream->failure);
    exg_engine_unref(stream->engine);
    stream->freed = true;
    if (stream->calls > 0)
        return; /* the reader may still be looking at its input */
    drop_input(stream);
    g_free(stream);
}

void
exg_stream_write(ExgStream *stream, const void *data, gsize length)
{
    if (stream->finishing || stream->state == ENDED)
        return;
    const guint8 *bytes = data;
    stream->pending += length;
    while (length > 0) {
        Chunk *last = stream->output_last;
        if (last == NULL || last->end == last->size) {
            append_chunk(stream, MAX(length, CHUNK_BYTES));
            continue;
        }
        gsize here = MIN(length, last->size - last->end);
        memcpy(last->bytes + last->end, bytes, here);
        last->end += here;
        bytes += here;
        length -= here;
    }
    if (stream->pending > stream->output_max)
        stream->throttled = true;
    exg_later_set(&stream->later);
}

void
exg_stream_flush(ExgStream *stream)
{
    push_output(stream);
    exg_later_set(&stream->later); /* for what there is to report */
}

gsize
exg_stream_pending(const ExgStream *stream)
{
    return stream->pending;
}

void
exg_stream_pause(ExgStream *stream)
{
    stream->paused = true;
    exg_later_set(&stream->later);
}

void
exg_stream_resume(ExgStream *stream)
{
    stream->paused = false;
    stream->kept_due = true;
    exg_later_set(&stream->later);
}

void
exg_stream_finish(ExgStream *stream)
{
    stream->finishing = true;
    if (stream->state == OPEN)
        stream->state = FINISHING;
    exg_later_set(&stream->later);
}

void
exg_stream_reset(ExgStream *stream)
{
    if (stream->fd >= 0)
        (void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0},
                         sizeof(struct linger));
    drop_output(stream);
    close_socket(stream);
    end(stream, NULL);
    exg_later_set(&stream->later);
}

const char *
exg_stream_tls_server_name(const ExgStream *stream)
{
    return stream->tls != NULL ? exg_tls_session_server_name(stream->tls) : NULL;
}
