#include "lmtp/transaction.h"

#include "common/base/clock.h"
#include "common/base/disposition.h"
#include "common/base/error.h"
#include "common/mime/address.h"
#include "common/mime/dot.h"
#include "lmtp/reply.h"

typedef struct Recipient Recipient;
struct Recipient {
    ExgLmtpTransaction *transaction;
    Recipient *original; /* the same mailbox, given before: its answer is this one's too */
    char *address;
    ExgEvent *event;
    GList in_checks; /* while its turn to be told has not come */
    bool checked;
    ExgLmtpReply reply; /* of the check, then of the delivery */
    bool answered;
};

struct ExgLmtpTransaction {
    guint references;
    ExgLmtpServer *server;
    ExgLmtpOptions *options;
    ExgEvent *event;
    const ExgLmtpTransactionHandler *handler;
    gpointer session; /* NULL: it has let go */
    GCancellable *cancellable;

    ExgLmtpEnvelope envelope;
    char *id, *sender, *lhlo, *peer;
    char *forward[EXG_LMTP_N_FORWARDS];
    GPtrArray *recipients;  /* accepted, in their order */
    GHashTable *by_mailbox; /* folded address → its first Recipient */
    GQueue checks;          /* Recipient.in_checks: not told yet, in their order */
    guint next;             /* whose reply is to be taken next */

    ExgDotDecoder dot;
    ExgMessageBuilder *builder;
    GError *failure; /* of the builder: the message cannot be delivered to anyone */
    ExgMessage *message;
    gint64 end_us; /* when the final dot had been read; 0: not yet */
    bool starting; /* the deliveries: their answers are told together */
};

static void
recipient_free(gpointer data)
{
    Recipient *recipient = data;
    g_free(recipient->address);
    exg_event_unref(recipient->event);
    g_free(recipient);
}

static Recipient *
recipient_new(ExgLmtpTransaction *transaction, const char *address)
{
    Recipient *recipient = g_new0(Recipient, 1);
    recipient->transaction = transaction;
    recipient->address = g_strdup(address);
    recipient->in_checks.data = recipient;
    recipient->event = exg_event_new(transaction->event);
    exg_event_set(recipient->event, "to", address);
    return recipient;
}

/* --- life ------------------------------------------------------------------------------------- */

static void
fill_envelope(ExgLmtpTransaction *self, const ExgLmtpOrigin *origin, const ExgLmtpCommand *mail)
{
    self->id = g_strdup_printf("%s.%u", origin->session_id, origin->number);
    self->sender = g_strdup(mail->address);
    self->lhlo = g_strdup(origin->lhlo);
    self->peer = g_strdup(origin->peer);
    for (guint i = 0; origin->forward != NULL && i < EXG_LMTP_N_FORWARDS; i++)
        self->forward[i] = g_strdup(origin->forward[i]);
    self->envelope = (ExgLmtpEnvelope){
        .id = self->id,
        .sender = self->sender,
        .lhlo = self->lhlo,
        .peer = self->peer,
        .queue_id = self->forward[EXG_LMTP_FORWARD_IDENT],
        .client_name = self->forward[EXG_LMTP_FORWARD_NAME],
        .client_address = self->forward[EXG_LMTP_FORWARD_ADDR],
        .client_helo = self->forward[EXG_LMTP_FORWARD_HELO],
        .client_protocol = self->forward[EXG_LMTP_FORWARD_PROTO],
        .declared_size = mail->size,
        .utf8 = mail->utf8,
        .eight_bit = mail->eight_bit,
    };
}

ExgLmtpTransaction *
exg_lmtp_transaction_new(ExgLmtpServer *server, ExgLmtpOptions *options, ExgEvent *session_event,
                         const ExgLmtpOrigin *origin, const ExgLmtpCommand *mail,
                         const ExgLmtpTransactionHandler *handler, gpointer session)
{
    ExgLmtpTransaction *self = g_new0(ExgLmtpTransaction, 1);
    self->references = 1;
    self->server = exg_lmtp_server_ref(server);
    server->transactions++;
    self->options = exg_lmtp_options_ref(options);
    self->handler = handler;
    self->session = session;
    self->cancellable = g_cancellable_new();
    self->recipients = g_ptr_array_new_with_free_func(recipient_free);
    self->by_mailbox = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    fill_envelope(self, origin, mail);

    self->event = exg_event_new(session_event);
    exg_event_set(self->event, "transaction", self->id);
    exg_event_set(self->event, "queue_id", self->envelope.queue_id);
    exg_event_set(self->event, "from", self->sender[0] != '\0' ? self->sender : "<>");
    return self;
}

static ExgLmtpTransaction *
hold(ExgLmtpTransaction *self)
{
    self->references++;
    return self;
}

static void
release(ExgLmtpTransaction *self)
{
    if (--self->references > 0)
        return;
    exg_message_builder_free(self->builder);
    exg_message_unref(self->message);
    g_clear_error(&self->failure);
    g_hash_table_unref(self->by_mailbox);
    g_ptr_array_unref(self->recipients);
    g_object_unref(self->cancellable);
    for (guint i = 0; i < EXG_LMTP_N_FORWARDS; i++)
        g_free(self->forward[i]);
    g_free(self->id);
    g_free(self->sender);
    g_free(self->lhlo);
    g_free(self->peer);
    exg_event_unref(self->event);
    exg_lmtp_options_unref(self->options);
    ExgLmtpServer *server = self->server;
    g_free(self);
    server->transactions--;
    exg_lmtp_server_check_drained(server);
    exg_lmtp_server_unref(server);
}

void
exg_lmtp_transaction_free(ExgLmtpTransaction *self)
{
    if (self == NULL)
        return;
    self->session = NULL;
    g_cancellable_cancel(self->cancellable);
    /* A builder that is completing the message is freed when it has done so. */
    if (self->end_us == 0)
        g_clear_pointer(&self->builder, exg_message_builder_free);
    release(self);
}

const ExgLmtpEnvelope *
exg_lmtp_transaction_envelope(const ExgLmtpTransaction *self)
{
    return &self->envelope;
}

ExgEvent *
exg_lmtp_transaction_event(const ExgLmtpTransaction *self)
{
    return self->event;
}

/* --- recipients ------------------------------------------------------------------------------- */

/* One line and one count for each recipient whose fate is known. */
static void
record_outcome(Recipient *recipient, const ExgLmtpReply *reply)
{
    ExgLmtpTransaction *self = recipient->transaction;
    ExgLmtpStatistics *statistics = &self->server->statistics;
    const char *outcome = "refused";
    if (reply->code < 300) {
        outcome = "delivered";
        statistics->delivered++;
    } else if (reply->code < 500) {
        outcome = "deferred";
        statistics->deferred++;
    } else {
        statistics->refused++;
    }
    if (!exg_log_enabled(EXG_LOG_INFO))
        return;
    if (self->end_us != 0)
        exg_event_set_int(recipient->event, "delay_ms",
                          (exg_clock_monotonic_us() - self->end_us) / 1000);
    g_autofree char *text = g_strdup_printf("%d %s %s", reply->code, reply->enhanced, reply->text);
    exg_event_set(recipient->event, "reply", text);
    exg_log(EXG_LOG_INFO, recipient->event, "%s", outcome);
}

static void
accept_recipient(Recipient *recipient)
{
    ExgLmtpTransaction *self = recipient->transaction;
    g_autofree char *mailbox = exg_address_fold(recipient->address);
    recipient->original = g_hash_table_lookup(self->by_mailbox, mailbox);
    if (recipient->original == NULL)
        g_hash_table_insert(self->by_mailbox, g_steal_pointer(&mailbox), recipient);
    g_ptr_array_add(self->recipients, recipient);
    self->envelope.n_recipients = self->recipients->len;
}

/* Tells as many as are known, in the order of RCPT. */
static void
tell_checked(ExgLmtpTransaction *self)
{
    Recipient *recipient;
    while ((recipient = g_queue_peek_head(&self->checks)) != NULL && recipient->checked) {
        const ExgLmtpReply reply = recipient->reply;
        g_queue_unlink(&self->checks, &recipient->in_checks);
        if (reply.code == 250) {
            accept_recipient(recipient);
        } else {
            if (self->session != NULL)
                record_outcome(recipient, &reply);
            recipient_free(recipient);
        }
        if (self->session != NULL)
            self->handler->checked(&reply, self->session);
    }
}

static void
recipient_checked(const ExgLmtpReply *answer, gpointer data)
{
    Recipient *recipient = data;
    ExgLmtpTransaction *self = recipient->transaction;
    g_return_if_fail(!recipient->checked);
    recipient->checked = true;
    exg_lmtp_reply_clean(answer, &recipient->reply);
    tell_checked(self);
    release(self);
}

void
exg_lmtp_transaction_add_recipient(ExgLmtpTransaction *self, const char *address)
{
    ExgLmtpBackend *backend = self->server->backend;
    Recipient *recipient = recipient_new(self, address);
    g_autofree char *mailbox = exg_address_fold(address);
    bool known = g_hash_table_contains(self->by_mailbox, mailbox);
    g_queue_push_tail_link(&self->checks, &recipient->in_checks);
    hold(self);
    if (!known && backend->class->check != NULL) {
        backend->class->check(backend, &self->envelope, recipient->address, recipient->event,
                              self->cancellable, recipient_checked, recipient);
    } else {
        ExgLmtpReply reply;
        exg_lmtp_reply_set(&reply, 250, "2.1.5", "Ok");
        recipient_checked(&reply, recipient);
    }
}

guint
exg_lmtp_transaction_checks(const ExgLmtpTransaction *self)
{
    return self->checks.length;
}

/* --- content ---------------------------------------------------------------------------------- */

void
exg_lmtp_transaction_begin_content(ExgLmtpTransaction *self)
{
    const ExgLmtpServerOptions *options = &self->options->values;
    ExgMessageOptions message = {
        .size_max = options->max_message_bytes,
        .memory_max = options->spool_memory_bytes,
        .spool_directory = options->spool_directory,
        .workers = options->workers,
        .marks = options->marks,
        .budget = options->spool_budget,
    };
    exg_dot_decoder_init(&self->dot);
    self->builder = exg_message_builder_new(&message);
}

static bool
append_content(const char *content, gsize length, gpointer data)
{
    ExgLmtpTransaction *self = data;
    /* After a failure the rest is read and dropped: the replies have to wait for the final dot. */
    if (self->builder != NULL &&
        !exg_message_builder_append(self->builder, content, length, &self->failure))
        g_clear_pointer(&self->builder, exg_message_builder_free);
    return true;
}

gsize
exg_lmtp_transaction_feed(ExgLmtpTransaction *self, const char *input, gsize length, bool *ret_end)
{
    return exg_dot_decoder_feed(&self->dot, input, length, ret_end, append_content, self);
}

static void
builder_ready(gpointer data)
{
    ExgLmtpTransaction *self = data;
    if (self->session != NULL)
        self->handler->ready(self->session);
}

bool
exg_lmtp_transaction_is_congested(ExgLmtpTransaction *self)
{
    return self->builder != NULL &&
           exg_message_builder_is_congested(self->builder, builder_ready, self);
}

/* --- delivery --------------------------------------------------------------------------------- */

static void
settle(Recipient *recipient, const ExgLmtpReply *reply)
{
    ExgLmtpTransaction *self = recipient->transaction;
    recipient->reply = *reply;
    recipient->answered = true;
    record_outcome(recipient, reply);
    if (!self->starting && self->session != NULL)
        self->handler->answered(self->session);
}

static void
recipient_delivered(const ExgLmtpReply *answer, gpointer data)
{
    Recipient *recipient = data;
    ExgLmtpTransaction *self = recipient->transaction;
    g_return_if_fail(!recipient->answered);
    self->server->statistics.deliveries--;
    ExgLmtpReply reply;
    exg_lmtp_reply_clean(answer, &reply);
    settle(recipient, &reply);
    release(self);
}

/* Why this recipient cannot have the message; false if nothing stands against it. */
static bool
find_obstacle(Recipient *recipient, ExgLmtpReply *reply)
{
    ExgLmtpTransaction *self = recipient->transaction;
    if (self->failure != NULL) {
        ExgDisposition disposition = exg_disposition_of(self->failure);
        exg_lmtp_reply_set(reply, disposition.smtp_code, disposition.enhanced, "%s",
                           disposition.meaning);
    } else if (self->session == NULL) {
        exg_lmtp_reply_set(reply, 451, "4.4.2", "The client went away before the delivery");
    } else if (exg_message_hops(self->message) > self->options->values.max_hops) {
        exg_lmtp_reply_set(reply, 554, "5.4.6", "Too many hops, this message is in a loop");
    } else if (exg_message_was_delivered_to(self->message, recipient->address)) {
        exg_lmtp_reply_set(reply, 554, "5.4.6", "This message has been delivered here before");
    } else {
        return false;
    }
    return true;
}

static void
deliver(Recipient *recipient)
{
    ExgLmtpTransaction *self = recipient->transaction;
    ExgLmtpReply reply;
    if (find_obstacle(recipient, &reply)) {
        settle(recipient, &reply);
        return;
    }
    ExgLmtpBackend *backend = self->server->backend;
    self->server->statistics.deliveries++;
    hold(self);
    backend->class->deliver(backend, &self->envelope, recipient->address, self->message,
                            recipient->event, self->cancellable, recipient_delivered, recipient);
}

static void
deliver_to_all(ExgLmtpTransaction *self)
{
    hold(self);
    if (self->message != NULL) {
        exg_event_set_int(self->event, "size", (gint64)exg_message_length(self->message));
        exg_event_set(self->event, "message_id", exg_message_id(self->message));
    }
    self->starting = true;
    for (guint i = 0; i < self->recipients->len; i++) {
        Recipient *recipient = g_ptr_array_index(self->recipients, i);
        if (recipient->original == NULL)
            deliver(recipient);
    }
    self->starting = false;
    if (self->session != NULL)
        self->handler->answered(self->session);
    release(self);
}

static void
message_complete(ExgMessage *message, const GError *error, gpointer data)
{
    ExgLmtpTransaction *self = data;
    self->message = message;
    if (error != NULL)
        self->failure = g_error_copy(error);
    g_clear_pointer(&self->builder, exg_message_builder_free);
    if (self->failure != NULL && !g_error_matches(self->failure, EXG_ERROR, EXG_ERROR_TOO_LARGE))
        exg_log(EXG_LOG_WARNING, self->event, "%s", self->failure->message);
    deliver_to_all(self);
    release(self);
}

void
exg_lmtp_transaction_finish(ExgLmtpTransaction *self)
{
    self->end_us = exg_clock_monotonic_us();
    self->envelope.received_time = exg_clock_real_us() / G_USEC_PER_SEC;
    self->server->statistics.transactions++;
    hold(self);
    if (self->builder != NULL)
        exg_message_builder_finish_async(self->builder, message_complete, self);
    else
        message_complete(NULL, NULL, self);
}

const ExgLmtpReply *
exg_lmtp_transaction_next_reply(ExgLmtpTransaction *self)
{
    if (self->next == self->recipients->len)
        return NULL;
    const Recipient *recipient = g_ptr_array_index(self->recipients, self->next);
    if (recipient->original != NULL)
        recipient = recipient->original;
    if (!recipient->answered)
        return NULL;
    self->next++;
    return &recipient->reply;
}

bool
exg_lmtp_transaction_is_complete(const ExgLmtpTransaction *self)
{
    return self->end_us != 0 && self->next == self->recipients->len;
}
