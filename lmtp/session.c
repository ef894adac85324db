#include "lmtp/session.h"

#include "common/base/clock.h"
#include "common/base/failpoint.h"
#include "common/io/stream.h"
#include "common/mime/address.h"
#include "lmtp/reply.h"
#include "lmtp/transaction.h"

#include <string.h>

#define INPUT_MAX_BYTES  (64 * 1024)
#define OUTPUT_MAX_BYTES (64 * 1024)
#define MAX_CHECKS       50    /* recipients that are looked up at a time */
#define LINGER_MS        10000 /* for the last reply to be taken */

#define SHUTTING_DOWN "The service is shutting down"

typedef enum {
    STATE_COMMAND,
    STATE_CONTENT, /* after 354 */
    STATE_WAITING, /* for the backend: what comes from the client has to wait, too */
    STATE_ENDING   /* the last reply has been said */
} State;

struct ExgLmtpSession {
    GList link; /* in the server's list */
    ExgLmtpServer *server;
    ExgLmtpOptions *options;
    ExgListener *listener;
    ExgStream *stream;
    ExgEvent *event;
    ExgTimer timer;
    char *id, *peer, *lhlo;
    char **forward; /* what XFORWARD told for the next transaction, or NULL */
    ExgLmtpTransaction *transaction;
    gint64 message_deadline_us;
    guint64 skip_bytes; /* of a payload that nobody asked for */
    guint n_transactions;
    guint bad_commands;
    State state;
    bool too_long; /* the line under way; the rest of it is skipped */
    bool reading;  /* in stream_read(), which goes on by itself */
};

static void resume_reading(ExgLmtpSession *self);

/* --- replies ---------------------------------------------------------------------------------- */

static guint
checks_under_way(const ExgLmtpSession *self)
{
    return self->transaction != NULL ? exg_lmtp_transaction_checks(self->transaction) : 0;
}

static void
write_reply(ExgLmtpSession *self, const ExgLmtpReply *reply)
{
    char line[EXG_LMTP_REPLY_MAX_BYTES];
    bool utf8 = self->transaction != NULL && exg_lmtp_transaction_envelope(self->transaction)->utf8;
    exg_stream_write(self->stream, line, exg_lmtp_reply_format(reply, utf8, line));
    if (reply->code >= 400)
        exg_log(EXG_LOG_DEBUG,
                self->transaction != NULL ? exg_lmtp_transaction_event(self->transaction)
                                          : self->event,
                "replied %d %s %s", reply->code, reply->enhanced, reply->text);
}

static void
say(ExgLmtpSession *self, int code, const char *enhanced, const char *text)
{
    ExgLmtpReply reply;
    exg_lmtp_reply_set(&reply, code, enhanced, "%s", text);
    write_reply(self, &reply);
}

static void
drop_transaction(ExgLmtpSession *self)
{
    exg_lmtp_transaction_free(g_steal_pointer(&self->transaction));
    if (self->forward != NULL)
        for (guint i = 0; i < EXG_LMTP_N_FORWARDS; i++)
            g_clear_pointer(&self->forward[i], g_free);
    g_clear_pointer(&self->forward, g_free);
}

/* Says the last reply. What the client may still send is not read. */
static void
end_session(ExgLmtpSession *self, int code, const char *enhanced, const char *text)
{
    say(self, code, enhanced, text);
    self->state = STATE_ENDING;
    drop_transaction(self);
    exg_timer_set(&self->timer, exg_clock_deadline_ms(LINGER_MS));
    exg_stream_finish(self->stream);
}

static void
end_if_draining(ExgLmtpSession *self)
{
    /* In the middle of a transaction, too: its client has been promised nothing yet. */
    if (self->server->draining && self->state == STATE_COMMAND && checks_under_way(self) == 0)
        end_session(self, 421, "4.3.2", SHUTTING_DOWN);
}

static void
say_bad(ExgLmtpSession *self, const ExgLmtpReply *reply)
{
    write_reply(self, reply);
    if (++self->bad_commands >= self->options->values.max_bad_commands)
        end_session(self, 421, "4.7.0", "Too many bad commands");
}

static void
say_bad_sequence(ExgLmtpSession *self, const char *text)
{
    ExgLmtpReply reply;
    exg_lmtp_reply_set(&reply, 503, "5.5.1", "%s", text);
    say_bad(self, &reply);
}

/* --- what the transaction tells --------------------------------------------------------------- */

static void
recipient_checked(const ExgLmtpReply *reply, gpointer data)
{
    ExgLmtpSession *self = data;
    write_reply(self, reply);
    if (self->state == STATE_WAITING || checks_under_way(self) == 0)
        resume_reading(self);
}

static void
content_ready(gpointer data)
{
    ExgLmtpSession *self = data;
    exg_stream_resume(self->stream);
}

static void
recipient_answered(gpointer data)
{
    ExgLmtpSession *self = data;
    const ExgLmtpReply *reply;
    bool written = false;
    while ((reply = exg_lmtp_transaction_next_reply(self->transaction)) != NULL) {
        EXG_FAIL_POINT("lmtp-before-reply");
        write_reply(self, reply);
        written = true;
    }
    if (!written)
        return;
    bool complete = exg_lmtp_transaction_is_complete(self->transaction);
    if (complete) {
        drop_transaction(self);
        self->bad_commands = 0;
    }
    /* Not at the end of the round: a message whose reply is lost is delivered twice. */
    exg_stream_flush(self->stream);
    EXG_FAIL_POINT("lmtp-reply-written");
    if (complete)
        resume_reading(self);
    else
        EXG_FAIL_POINT("lmtp-between-replies");
}

static const ExgLmtpTransactionHandler transaction_handler = {
    .checked = recipient_checked, .ready = content_ready, .answered = recipient_answered};

/* --- commands --------------------------------------------------------------------------------- */

static void
handle_lhlo(ExgLmtpSession *self, const ExgLmtpCommand *command)
{
    drop_transaction(self);
    g_free(self->lhlo);
    self->lhlo = g_strdup(command->name);
    /* The same for every client and at every time: an MTA encodes a message by what is offered, and a retry has to be
     * byte for byte the first try. Shorter than Exim's buffer. */
    g_autofree char *answer = g_strdup_printf(
        "250-%s\r\n"
        "250-PIPELINING\r\n"
        "250-8BITMIME\r\n"
        "250-SIZE %" G_GUINT64_FORMAT "\r\n"
        "250-ENHANCEDSTATUSCODES\r\n"
        "250-SMTPUTF8\r\n"
        "250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE\r\n",
        self->options->values.hostname, self->options->values.max_message_bytes);
    exg_stream_write(self->stream, answer, strlen(answer));
}

static void
handle_xforward(ExgLmtpSession *self, ExgLmtpCommand *command)
{
    if (self->lhlo == NULL || self->transaction != NULL) {
        say_bad_sequence(self, self->lhlo == NULL ? "Say LHLO first"
                                                  : "XFORWARD has to come before MAIL");
        return;
    }
    if (self->forward == NULL)
        self->forward = g_new0(char *, EXG_LMTP_N_FORWARDS);
    for (guint i = 0; i < EXG_LMTP_N_FORWARDS; i++) {
        if (!command->forward_given[i])
            continue;
        g_free(self->forward[i]);
        self->forward[i] = g_steal_pointer(&command->forward[i]);
    }
    say(self, 250, "2.0.0", "Ok");
}

static void
handle_mail(ExgLmtpSession *self, const ExgLmtpCommand *command)
{
    if (self->lhlo == NULL || self->transaction != NULL) {
        say_bad_sequence(self, self->lhlo == NULL ? "Say LHLO first" : "There has been a MAIL");
        return;
    }
    if (command->size > self->options->values.max_message_bytes) {
        say(self, 552, "5.3.4", "The message is too large");
        return;
    }
    ExgSpoolBudget *budget = self->options->values.spool_budget;
    if (budget != NULL && !exg_spool_budget_has(budget, command->size)) {
        say(self, 452, "4.3.1", "Too much mail is waiting for Exchange");
        return;
    }
    ExgLmtpOrigin origin = {
        .session_id = self->id,
        .number = ++self->n_transactions,
        .lhlo = self->lhlo,
        .peer = self->peer,
        .forward = self->forward,
    };
    self->transaction = exg_lmtp_transaction_new(self->server, self->options, self->event, &origin,
                                                 command, &transaction_handler, self);
    say(self, 250, "2.1.0", "Ok");
}

static void
handle_rcpt(ExgLmtpSession *self, const ExgLmtpCommand *command)
{
    if (self->transaction == NULL) {
        say_bad_sequence(self, "RCPT has to come after MAIL");
        return;
    }
    const ExgLmtpEnvelope *envelope = exg_lmtp_transaction_envelope(self->transaction);
    if (command->utf8 && !envelope->utf8) {
        say(self, 553, "5.6.7", "This address needs SMTPUTF8");
        return;
    }
    if (envelope->n_recipients >= self->options->values.max_recipients) {
        say(self, 452, "4.5.3", "Too many recipients");
        return;
    }
    g_autofree char *address = exg_address_complete(command->address,
                                                    self->options->values.recipient_domain);
    exg_lmtp_transaction_add_recipient(self->transaction, address);
}

static void
handle_data(ExgLmtpSession *self)
{
    if (self->transaction == NULL) {
        say_bad_sequence(self, "DATA has to come after RCPT");
        return;
    }
    if (exg_lmtp_transaction_envelope(self->transaction)->n_recipients == 0) {
        /* Not a mistake of the client: it has sent DATA together with the RCPTs that were refused. */
        say(self, 503, "5.5.1", "No recipient has been accepted");
        return;
    }
    say(self, 354, "", "End the message with <CRLF>.<CRLF>");
    exg_lmtp_transaction_begin_content(self->transaction);
    self->message_deadline_us = exg_clock_deadline_ms(self->options->values.message_timeout_ms);
    self->state = STATE_CONTENT;
}

static void
handle_bdat(ExgLmtpSession *self, const ExgLmtpCommand *command)
{
    ExgLmtpReply reply;
    exg_lmtp_reply_set(&reply, 500, "5.5.1", "BDAT is not offered");
    self->skip_bytes = command->size;
    say_bad(self, &reply);
}

static void
handle_command(ExgLmtpSession *self, ExgLmtpCommand *command)
{
    switch (command->verb) {
    case EXG_LMTP_LHLO:
        handle_lhlo(self, command);
        break;
    case EXG_LMTP_XFORWARD:
        handle_xforward(self, command);
        break;
    case EXG_LMTP_MAIL:
        handle_mail(self, command);
        break;
    case EXG_LMTP_RCPT:
        handle_rcpt(self, command);
        break;
    case EXG_LMTP_DATA:
        handle_data(self);
        break;
    case EXG_LMTP_RSET:
        drop_transaction(self);
        say(self, 250, "2.0.0", "Ok");
        break;
    case EXG_LMTP_NOOP:
        say(self, 250, "2.0.0", "Ok");
        break;
    case EXG_LMTP_VRFY:
        say(self, 252, "2.3.3", "Ask with RCPT");
        break;
    case EXG_LMTP_HELP:
        say(self, 214, "2.0.0", "LHLO XFORWARD MAIL RCPT DATA RSET NOOP VRFY HELP QUIT");
        break;
    case EXG_LMTP_QUIT:
        end_session(self, 221, "2.0.0", "Bye");
        break;
    case EXG_LMTP_BDAT:
        handle_bdat(self, command);
        break;
    }
}

/* --- input ------------------------------------------------------------------------------------ */

static void
restart_timer(ExgLmtpSession *self)
{
    gint64 due_us = exg_clock_deadline_ms(self->options->values.idle_timeout_ms);
    if (checks_under_way(self) > 0) {
        exg_timer_cancel(&self->timer); /* it is for us to speak */
        return;
    }
    if (self->state == STATE_CONTENT)
        due_us = MIN(due_us, self->message_deadline_us);
    exg_timer_set(&self->timer, due_us);
}

static bool
parse_line(const ExgLmtpSession *self, const char *line, gsize length, ExgLmtpCommand *ret_command,
           ExgLmtpReply *ret_reply)
{
    if (self->too_long || length > EXG_LMTP_COMMAND_MAX_BYTES) {
        exg_lmtp_reply_set(ret_reply, 500, "5.5.2", "The line is too long");
        return false;
    }
    if (length > 0 && line[length - 1] == '\r')
        length--;
    return exg_lmtp_command_parse(line, length, ret_command, ret_reply);
}

/* While recipients are looked up, only another one joins them: all other replies come after theirs. */
static bool
has_to_wait(const ExgLmtpSession *self, const char *line, gsize length)
{
    guint checks = checks_under_way(self);
    if (checks == 0 || checks >= MAX_CHECKS)
        return checks > 0;
    g_auto(ExgLmtpCommand) command = {.verb = EXG_LMTP_NOOP};
    ExgLmtpReply reply;
    const ExgLmtpEnvelope *envelope = exg_lmtp_transaction_envelope(self->transaction);
    return !parse_line(self, line, length, &command, &reply) || command.verb != EXG_LMTP_RCPT ||
           (command.utf8 && !envelope->utf8) ||
           envelope->n_recipients + checks >= self->options->values.max_recipients;
}

static void
handle_line(ExgLmtpSession *self, const char *line, gsize length)
{
    g_auto(ExgLmtpCommand) command = {.verb = EXG_LMTP_NOOP};
    ExgLmtpReply reply;
    bool good = parse_line(self, line, length, &command, &reply);
    self->too_long = false;
    if (good)
        handle_command(self, &command);
    else
        say_bad(self, &reply);
}

/* Takes one line, if it is complete; the time it has is counted from the reply before it. */
static gsize
read_command(ExgLmtpSession *self, const char *data, gsize length)
{
    if (self->skip_bytes > 0) {
        gsize skipped = (gsize)MIN(self->skip_bytes, length);
        self->skip_bytes -= skipped;
        return skipped;
    }
    const char *end = memchr(data, '\n', length);
    if (end == NULL) {
        if (length <= EXG_LMTP_COMMAND_MAX_BYTES && !self->too_long)
            return 0;
        self->too_long = true;
        return length;
    }
    if (has_to_wait(self, data, (gsize)(end - data))) {
        self->state = STATE_WAITING;
        return 0;
    }
    handle_line(self, data, (gsize)(end - data));
    if (self->state == STATE_COMMAND || self->state == STATE_CONTENT)
        restart_timer(self);
    end_if_draining(self);
    return (gsize)(end - data) + 1;
}

static gsize
read_content(ExgLmtpSession *self, const char *data, gsize length)
{
    bool end = false;
    gsize used = exg_lmtp_transaction_feed(self->transaction, data, length, &end);
    if (end) {
        self->state = STATE_WAITING;
        exg_timer_cancel(&self->timer);
        EXG_FAIL_POINT("lmtp-message-received");
        exg_lmtp_transaction_finish(self->transaction);
        return used;
    }
    restart_timer(self);
    if (exg_lmtp_transaction_is_congested(self->transaction))
        exg_stream_pause(self->stream);
    return used;
}

/* The backend has answered: the next command's turn. */
static void
resume_reading(ExgLmtpSession *self)
{
    self->state = STATE_COMMAND;
    restart_timer(self);
    if (self->reading)
        return;
    end_if_draining(self);
    if (self->state == STATE_COMMAND)
        exg_stream_resume(self->stream); /* and has what waits given again */
}

static gsize
stream_read(ExgStream *stream, const guint8 *data, gsize length, gpointer user)
{
    ExgLmtpSession *self = user;
    gsize used = 0;
    self->reading = true;
    switch (self->state) {
    case STATE_COMMAND:
        used = read_command(self, (const char *)data, length);
        break;
    case STATE_CONTENT:
        used = read_content(self, (const char *)data, length);
        break;
    case STATE_WAITING:
        break;
    case STATE_ENDING:
        used = length;
        break;
    }
    /* Read on a little, to notice when the client goes. */
    if (self->state == STATE_WAITING && used == 0 && length > INPUT_MAX_BYTES / 2)
        exg_stream_pause(stream);
    self->reading = false;
    return used;
}

static void
stream_closed(ExgStream *stream, const GError *error, gpointer user)
{
    ExgLmtpSession *self = user;
    exg_log(EXG_LOG_DEBUG, self->event, "disconnected%s%s", error != NULL ? ": " : "",
            error != NULL ? error->message : "");
    exg_lmtp_session_free(self);
}

static const ExgStreamHandler stream_handler = {.read = stream_read, .closed = stream_closed};

static void
timer_fired(gpointer data)
{
    ExgLmtpSession *self = data;
    if (self->state == STATE_ENDING)
        exg_lmtp_session_free(self);
    else if (self->server->draining && self->state == STATE_CONTENT)
        end_session(self, 421, "4.3.2", SHUTTING_DOWN);
    else
        end_session(self, 421, "4.4.2",
                    self->state == STATE_CONTENT ? "The message took too long" : "Idle too long");
}

/* --- life ------------------------------------------------------------------------------------- */

void
exg_lmtp_session_start(ExgLmtpServer *server, int fd, const char *peer, ExgListener *listener)
{
    ExgLmtpSession *self = g_new0(ExgLmtpSession, 1);
    self->server = exg_lmtp_server_ref(server);
    self->options = exg_lmtp_options_ref(server->options);
    self->listener = listener;
    self->id = exg_lmtp_server_make_id(server);
    self->peer = g_strdup(peer);
    self->event = exg_event_new(NULL);
    exg_event_set(self->event, "session", self->id);
    exg_event_set(self->event, "client", self->peer);
    exg_timer_init(&self->timer, server->engine, timer_fired, self);
    self->stream = exg_stream_new(server->engine, fd, NULL, INPUT_MAX_BYTES, OUTPUT_MAX_BYTES,
                                  &stream_handler, self);
    self->link.data = self;
    g_queue_push_tail_link(&server->sessions, &self->link);
    server->statistics.sessions_total++;
    exg_log(EXG_LOG_DEBUG, self->event, "connected");

    const ExgLmtpServerOptions *options = &self->options->values;
    if (options->max_sessions > 0 && server->sessions.length > options->max_sessions) {
        end_session(self, 421, "4.3.2", "Too many connections");
        return;
    }
    ExgLmtpReply greeting;
    exg_lmtp_reply_set(&greeting, 220, "", "%s %s", options->hostname, options->greeting);
    write_reply(self, &greeting);
    restart_timer(self);
    end_if_draining(self);
}

void
exg_lmtp_session_drain(ExgLmtpSession *self)
{
    /* One that is in the middle of a command looks for itself when it is done with it. */
    if (self->reading)
        return;
    if (self->state == STATE_CONTENT) {
        gint64 end_us = exg_clock_deadline_ms(EXG_LMTP_DRAIN_GRACE_MS);
        self->message_deadline_us = MIN(self->message_deadline_us, end_us);
        restart_timer(self);
    }
    end_if_draining(self);
}

void
exg_lmtp_session_free(ExgLmtpSession *self)
{
    ExgLmtpServer *server = self->server;
    exg_timer_cancel(&self->timer);
    exg_stream_free(self->stream);
    drop_transaction(self);
    g_queue_unlink(&server->sessions, &self->link);
    if (self->listener != NULL)
        exg_listener_release(self->listener);
    exg_event_unref(self->event);
    exg_lmtp_options_unref(self->options);
    g_free(self->id);
    g_free(self->peer);
    g_free(self->lhlo);
    g_free(self);
    exg_lmtp_server_check_drained(server);
    exg_lmtp_server_unref(server);
}
