/* harness.h - a client and a backend for the tests of the LMTP server, on one engine in one thread.
 *
 * What the backend does with a recipient is in its name:
 *   unknown… refused at RCPT, 550 5.1.1          busy…  deferred at RCPT, 451 4.3.2
 *   ask…     RCPT is answered by harness_answer()  …later…  likewise, the delivery
 *   full…    delivered: 452 4.2.2                bad…   delivered: 554 5.6.0
 *   soon…    250, but not inside the call        all others: 250 inside the call
 */
#ifndef EXG_TESTS_UNIT_LMTP_HARNESS_H
#define EXG_TESTS_UNIT_LMTP_HARNESS_H

#include "common/base/clock.h"
#include "lmtp/reply.h"
#include "lmtp/session.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct Harness Harness;

/* A check or a delivery that the backend has been asked for. */
typedef struct {
    Harness *harness;
    char *recipient;
    bool delivery, answered;
    ExgMessage *message;
    ExgEvent *event;
    GCancellable *cancellable;
    ExgLmtpAnswer answer;
    gpointer data;
    /* of the envelope at that time */
    char *id, *sender, *lhlo, *peer, *queue_id, *client_address, *client_helo;
    guint64 declared_size;
    guint n_recipients;
    bool utf8, eight_bit;
} Request;

struct Harness {
    ExgLmtpBackend backend;
    ExgEngine *engine;
    ExgWorkerPool *workers;
    char *directory;
    ExgLmtpServerOptions options;
    ExgLmtpServer *server;
    GPtrArray *requests;
    GString *log;
    ExgTimer watchdog;
};

typedef struct {
    Harness *harness;
    int fd;
    GString *received;
    gsize taken; /* of what has been received */
    bool at_end;
} Client;

/* --- the backend ------------------------------------------------------------------------------ */

static inline void
request_free(gpointer data)
{
    Request *request = data;
    g_assert_true(request->answered);
    exg_message_unref(request->message);
    exg_event_unref(request->event);
    g_object_unref(request->cancellable);
    g_free(request->recipient);
    g_free(request->id);
    g_free(request->sender);
    g_free(request->lhlo);
    g_free(request->peer);
    g_free(request->queue_id);
    g_free(request->client_address);
    g_free(request->client_helo);
    g_free(request);
}

static inline void
request_answer(Request *request, int code, const char *enhanced, const char *text)
{
    g_assert_false(request->answered);
    request->answered = true;
    ExgLmtpReply reply;
    exg_lmtp_reply_set(&reply, code, enhanced, "%s", text);
    request->answer(&reply, request->data);
}

static inline Request *
request_new(Harness *harness, const ExgLmtpEnvelope *envelope, const char *recipient,
            ExgEvent *event, GCancellable *cancellable, ExgLmtpAnswer answer, gpointer data)
{
    Request *request = g_new0(Request, 1);
    *request = (Request){
        .harness = harness,
        .recipient = g_strdup(recipient),
        .event = exg_event_ref(event),
        .cancellable = g_object_ref(cancellable),
        .answer = answer,
        .data = data,
        .id = g_strdup(envelope->id),
        .sender = g_strdup(envelope->sender),
        .lhlo = g_strdup(envelope->lhlo),
        .peer = g_strdup(envelope->peer),
        .queue_id = g_strdup(envelope->queue_id),
        .client_address = g_strdup(envelope->client_address),
        .client_helo = g_strdup(envelope->client_helo),
        .declared_size = envelope->declared_size,
        .n_recipients = envelope->n_recipients,
        .utf8 = envelope->utf8,
        .eight_bit = envelope->eight_bit,
    };
    g_ptr_array_add(harness->requests, request);
    return request;
}

static inline void
backend_check(ExgLmtpBackend *self, const ExgLmtpEnvelope *envelope, const char *recipient,
              ExgEvent *event, GCancellable *cancellable, ExgLmtpAnswer answer, gpointer data)
{
    Request *request =
        request_new((Harness *)self, envelope, recipient, event, cancellable, answer, data);
    if (g_str_has_prefix(recipient, "unknown"))
        request_answer(request, 550, "5.1.1", "No such mailbox");
    else if (g_str_has_prefix(recipient, "busy"))
        request_answer(request, 451, "4.3.2", "Later");
    else if (!g_str_has_prefix(recipient, "ask"))
        request_answer(request, 250, "2.1.5", "Ok");
}

static inline void
answer_soon(gpointer data)
{
    request_answer(data, 250, "2.0.0", "Stored soon");
}

static inline void
backend_deliver(ExgLmtpBackend *self, const ExgLmtpEnvelope *envelope, const char *recipient,
                ExgMessage *message, ExgEvent *event, GCancellable *cancellable,
                ExgLmtpAnswer answer, gpointer data)
{
    Harness *harness = (Harness *)self;
    Request *request = request_new(harness, envelope, recipient, event, cancellable, answer, data);
    request->delivery = true;
    request->message = exg_message_ref(message);
    if (g_str_has_prefix(recipient, "full"))
        request_answer(request, 452, "4.2.2", "Mailbox full");
    else if (g_str_has_prefix(recipient, "bad"))
        request_answer(request, 554, "5.6.0", "Refused");
    else if (g_str_has_prefix(recipient, "soon"))
        exg_engine_post(harness->engine, answer_soon, request);
    else if (strstr(recipient, "later") == NULL)
        request_answer(request, 250, "2.0.0", "Stored");
}

/* The n-th delivery (counted from 0), or NULL. */
static inline Request *
harness_delivery(Harness *self, guint n)
{
    for (guint i = 0; i < self->requests->len; i++) {
        Request *request = g_ptr_array_index(self->requests, i);
        if (request->delivery && n-- == 0)
            return request;
    }
    return NULL;
}

static inline guint
harness_n_deliveries(Harness *self)
{
    guint n = 0;
    while (harness_delivery(self, n) != NULL)
        n++;
    return n;
}

/* Answers the oldest open request for this recipient. */
static inline void
harness_answer(Harness *self, const char *recipient, int code, const char *enhanced)
{
    for (guint i = 0; i < self->requests->len; i++) {
        Request *request = g_ptr_array_index(self->requests, i);
        if (request->answered || !g_str_equal(request->recipient, recipient))
            continue;
        request_answer(request, code, enhanced, recipient);
        return;
    }
    g_error("nobody has asked for %s", recipient);
}

static inline char *
message_text(ExgMessage *message)
{
    gsize length = exg_message_length(message);
    g_autoptr(GString) text = g_string_sized_new(length);
    char buffer[4096];
    gssize got;
    while ((got = exg_message_read(message, text->len, buffer, sizeof buffer, NULL)) > 0)
        g_string_append_len(text, buffer, got);
    g_assert_cmpuint(text->len, ==, length);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* --- engine and server ------------------------------------------------------------------------ */

static inline void
watchdog_fired(gpointer data)
{
    g_error("waited in vain");
}

static inline void
take_log(ExgLogLevel level, const char *line, gpointer data)
{
    g_string_append_printf(((Harness *)data)->log, "%s\n", line);
}

static const ExgLmtpBackendClass backend_class = {backend_check, backend_deliver};

static inline Harness *
harness_new(const ExgLmtpServerOptions *options)
{
    Harness *self = g_new0(Harness, 1);
    self->backend.class = &backend_class;
    self->engine = exg_engine_new(NULL);
    self->workers = exg_worker_pool_new(self->engine, 2, 1000);
    self->directory = g_dir_make_tmp("exgate-lmtp-XXXXXX", NULL);
    g_assert_nonnull(self->directory);
    self->requests = g_ptr_array_new_with_free_func(request_free);
    self->log = g_string_new(NULL);
    exg_log_set_level(EXG_LOG_DEBUG);
    exg_log_set_sink(take_log, self);
    if (options != NULL)
        self->options = *options;
    self->options.hostname = "gate.test";
    self->options.workers = self->workers;
    if (self->options.spool_directory == NULL)
        self->options.spool_directory = self->directory;
    self->server = exg_lmtp_server_new(self->engine, &self->options, &self->backend);
    exg_timer_init(&self->watchdog, self->engine, watchdog_fired, NULL);
    return self;
}

/* One round. In vain is an error, unless the clock was moved. */
static inline void
harness_turn(Harness *self)
{
    exg_timer_set(&self->watchdog, exg_clock_deadline_ms(60000));
    exg_engine_iterate(self->engine, true);
    exg_timer_cancel(&self->watchdog);
}

/* Runs until there is nothing to do at this moment. */
static inline void
harness_settle(Harness *self)
{
    while (exg_engine_iterate(self->engine, false))
        ;
}

static inline void
harness_wait_sessions(Harness *self, guint sessions)
{
    while (exg_lmtp_server_statistics(self->server).sessions != sessions)
        harness_turn(self);
}

static inline void
harness_wait_deliveries(Harness *self, guint deliveries)
{
    while (harness_n_deliveries(self) < deliveries)
        harness_turn(self);
}

static inline void
harness_free(Harness *self)
{
    for (guint i = 0; i < self->requests->len; i++) {
        Request *request = g_ptr_array_index(self->requests, i);
        if (!request->answered)
            request_answer(request, 451, "4.3.0", "The test is over");
    }
    exg_lmtp_server_free(self->server);
    harness_settle(self);
    g_ptr_array_unref(self->requests);
    exg_worker_pool_free(self->workers);
    harness_settle(self);
    exg_engine_unref(self->engine);
    exg_log_set_sink(NULL, NULL);
    g_assert_cmpint(rmdir(self->directory), ==, 0);
    g_free(self->directory);
    g_string_free(self->log, TRUE);
    g_free(self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Harness, harness_free)

/* --- the client ------------------------------------------------------------------------------- */

static inline Client *
client_new_for_fd(Harness *harness, int fd)
{
    Client *self = g_new0(Client, 1);
    self->harness = harness;
    self->fd = fd;
    g_assert_cmpint(fcntl(fd, F_SETFL, O_NONBLOCK), ==, 0);
    self->received = g_string_new(NULL);
    return self;
}

static inline Client *
client_new(Harness *harness)
{
    int fds[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==, 0);
    Client *self = client_new_for_fd(harness, fds[0]);
    exg_lmtp_session_start(harness->server, fds[1], "unix:/test", NULL);
    return self;
}

static inline void
client_disconnect(Client *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

static inline void
client_free(Client *self)
{
    client_disconnect(self);
    g_string_free(self->received, TRUE);
    g_free(self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Client, client_free)

static inline void
client_take(Client *self)
{
    char buffer[65536];
    for (;;) {
        gssize got = recv(self->fd, buffer, sizeof buffer, 0);
        if (got > 0) {
            g_string_append_len(self->received, buffer, got);
            continue;
        }
        self->at_end = self->at_end || got == 0 || (errno != EAGAIN && errno != EINTR);
        return;
    }
}

static inline void
client_send_bytes(Client *self, const char *data, gsize length)
{
    while (length > 0) {
        gssize sent = send(self->fd, data, length, MSG_NOSIGNAL);
        if (sent > 0) {
            data += sent;
            length -= (gsize)sent;
        } else if (errno == EAGAIN) {
            client_take(self);
            harness_turn(self->harness);
        } else {
            return; /* the server has closed: the replies tell why */
        }
    }
}

static inline void
client_send(Client *self, const char *text)
{
    client_send_bytes(self, text, strlen(text));
}

/* The next line that has come, without its end, or NULL. Every line is checked for its form. */
static inline char *
client_peek_line(Client *self)
{
    client_take(self);
    const char *start = self->received->str + self->taken;
    const char *end = strstr(start, "\r\n");
    if (end == NULL)
        return NULL;
    self->taken += (gsize)(end - start) + 2;
    g_assert_cmpint(end - start, <, EXG_LMTP_REPLY_MAX_BYTES - 2);
    g_assert_true(g_ascii_isdigit(start[0]) && g_ascii_isdigit(start[1]) &&
                  g_ascii_isdigit(start[2]));
    g_assert_true(start[3] == ' ' || start[3] == '-');
    return g_strndup(start, (gsize)(end - start));
}

static inline char *
client_line(Client *self)
{
    for (;;) {
        char *line = client_peek_line(self);
        if (line != NULL || self->at_end)
            return line;
        harness_turn(self->harness);
    }
}

/* The next reply line begins with this. */
static inline void
client_expect(Client *self, const char *prefix)
{
    g_autofree char *line = client_line(self);
    if (line == NULL || !g_str_has_prefix(line, prefix))
        g_error("expected %s, got %s", prefix, line != NULL ? line : "the end");
}

static inline void
client_expect_nothing(Client *self)
{
    harness_settle(self->harness);
    g_autofree char *line = client_peek_line(self);
    g_assert_cmpstr(line, ==, NULL);
    g_assert_false(self->at_end);
}

/* Nothing more, and the connection is closed. */
static inline void
client_expect_end(Client *self)
{
    g_autofree char *line = client_line(self);
    g_assert_cmpstr(line, ==, NULL);
    client_disconnect(self); /* the server waits a moment for that */
}

static inline void
client_ask(Client *self, const char *command, const char *prefix)
{
    client_send(self, command);
    client_send(self, "\r\n");
    client_expect(self, prefix);
}

/* Greeting and LHLO. */
static inline void
client_greet(Client *self)
{
    client_expect(self, "220 gate.test ");
    client_send(self, "LHLO client.test\r\n");
    for (;;) {
        g_autofree char *line = client_line(self);
        g_assert_nonnull(line);
        g_assert_true(g_str_has_prefix(line, "250"));
        if (line[3] == ' ')
            return;
    }
}

#endif
