#include "lmtp/delivery.h"

#include "common/base/alarm.h"
#include "common/base/clock.h"
#include "common/base/disposition.h"
#include "common/base/error.h"
#include "common/mime/address.h"
#include "common/store/delivery-key.h"
#include "lmtp/group.h"
#include "lmtp/recipient.h"
#include "lmtp/reply.h"
#include "lmtp/trace.h"

#define CONSEQUENCE "mail waits in the queue"
/* After the deadline of the reply, the request may take as long again to settle its row in the journal. */
#define SETTLE_FACTOR 2

/* What is made anew by a reload; a delivery keeps the set that it began with. */
typedef struct {
    gint references;
    ExgStore *store;
    ExgDirectory *directory;
    char *hostname, *delimiters;
    gint64 timeout_ms, check_timeout_ms;
    bool bounce_when_full, check_recipients, expand_groups, defer_unsure;
} Settings;

struct ExgDeliveryBackend {
    ExgLmtpBackend interface;
    ExgEngine *engine;
    Settings *settings;
    GHashTable *under_way; /* delivery keys; owned by their Delivery */
    ExgAlarm alarm;
};

/* A recipient being looked up at RCPT. */
typedef struct {
    ExgDeliveryBackend *backend;
    Settings *settings;
    char *recipient;
    ExgEvent *event;
    ExgLmtpAnswer answer;
    gpointer data;
} Check;

typedef struct {
    ExgDeliveryBackend *backend;
    Settings *settings;
    char *key;
    char *recipient;
    ExgTimer timer; /* the reply's deadline */
    gint64 deadline_us;
    GError *first_witness; /* the store's word that there is no such mailbox */
    ExgEvent *event;
    GCancellable *cancellable;
    ExgLmtpAnswer answer;
    gpointer data;
} Delivery;

/* --- settings --------------------------------------------------------------------------------- */

static Settings *
settings_new(const ExgDeliveryOptions *options)
{
    Settings *settings = g_new0(Settings, 1);
    settings->references = 1;
    settings->store = options->store;
    settings->directory = options->directory;
    settings->hostname = g_strdup(options->hostname);
    settings->delimiters = g_strdup(options->delimiters);
    settings->timeout_ms = options->timeout_ms;
    settings->bounce_when_full = options->bounce_when_full;
    settings->check_recipients = options->check_recipients;
    settings->expand_groups = options->expand_groups;
    settings->defer_unsure = options->defer_unsure;
    settings->check_timeout_ms = options->check_timeout_ms;
    return settings;
}

static Settings *
settings_ref(Settings *settings)
{
    settings->references++;
    return settings;
}

static void
settings_unref(Settings *settings)
{
    if (--settings->references > 0)
        return;
    exg_store_free(settings->store);
    exg_directory_free(settings->directory);
    g_free(settings->hostname);
    g_free(settings->delimiters);
    g_free(settings);
}

/* Whom the directory knows: the recipient without a folder. */
static char *
mailbox_of(const Settings *settings, const char *recipient)
{
    char *mailbox;
    g_autofree char *folder = NULL;
    if (settings->delimiters == NULL ||
        !exg_address_split_detail(recipient, settings->delimiters, &mailbox, &folder))
        mailbox = g_strdup(recipient);
    return mailbox;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* The first of the outcome and the deadline. */
static void
answer_once(Delivery *delivery, const ExgLmtpReply *reply)
{
    exg_timer_cancel(&delivery->timer);
    ExgLmtpAnswer answer = delivery->answer;
    delivery->answer = NULL;
    if (answer != NULL)
        answer(reply, delivery->data);
    else
        exg_log(EXG_LOG_INFO, delivery->event, "settled after its deadline");
}

static void
finish(Delivery *delivery, const ExgLmtpReply *reply)
{
    g_hash_table_remove(delivery->backend->under_way, delivery->key);
    answer_once(delivery, reply);
    settings_unref(delivery->settings);
    g_clear_error(&delivery->first_witness);
    g_clear_object(&delivery->cancellable);
    exg_event_unref(delivery->event);
    g_free(delivery->recipient);
    g_free(delivery->key);
    g_free(delivery);
}

static void
log_facts(ExgEvent *event, const GError *error)
{
    exg_event_set(event, "error", error->message);
    const ExgErrorFacts *facts = exg_error_facts(error);
    if (facts == NULL)
        return;
    exg_event_set(event, "code", facts->service_code);
    exg_event_set(event, "request_id", facts->request_id);
    exg_event_set(event, "stage", facts->stage);
    if (facts->http_status != 0)
        exg_event_set_int(event, "http", facts->http_status);
    if (facts->retry_after_ms >= 0)
        exg_event_set_int(event, "retry_after_s", (facts->retry_after_ms + 999) / 1000);
}

static void
finish_failed(Delivery *delivery, const GError *error)
{
    ExgDisposition disposition = exg_disposition_of(error);
    ExgLmtpReply reply;
    log_facts(delivery->event, error);
    exg_event_set(delivery->event, "outcome", disposition.label);
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        exg_lmtp_reply_set(&reply, 451, "4.4.2",
                           "<%s> the delivery was broken off before it was sent",
                           delivery->recipient);
    } else if (exg_alarm_concerns(error)) {
        /* The sender gets no paths, hosts or account names; the log has them. */
        (void)exg_alarm_raise(&delivery->backend->alarm, CONSEQUENCE, error);
        exg_lmtp_reply_set(&reply, disposition.smtp_code, disposition.enhanced, "<%s> %s",
                           delivery->recipient, disposition.meaning);
    } else if (g_error_matches(error, EXG_ERROR, EXG_ERROR_QUOTA) &&
               delivery->settings->bounce_when_full) {
        exg_lmtp_reply_set(&reply, 552, "5.2.2", "<%s> %s", delivery->recipient, error->message);
    } else {
        exg_lmtp_reply_set(&reply, disposition.smtp_code, disposition.enhanced, "<%s> %s",
                           delivery->recipient, error->message);
    }
    finish(delivery, &reply);
}

/* The MTA must not wait any longer. The request goes on: its answer settles the row, and a retry finds it. */
static void
deadline_passed(gpointer data)
{
    Delivery *delivery = data;
    ExgLmtpReply reply;
    exg_event_set(delivery->event, "outcome", "deadline");
    exg_lmtp_reply_set(&reply, 451, "4.4.2",
                       "<%s> Exchange has not answered within %d s; a later attempt will find out",
                       delivery->recipient, (int)(delivery->settings->timeout_ms / 1000));
    answer_once(delivery, &reply);
}

/* --- the second witness ----------------------------------------------------------------------- */

static void
witnessed(const ExgDirectoryFinding *finding, gpointer data)
{
    Delivery *delivery = data;
    ExgLmtpReply reply;
    log_facts(delivery->event, delivery->first_witness);
    exg_recipient_reply(finding, delivery->recipient, delivery->event, &reply);
    if (finding->verdict == EXG_DIRECTORY_NO_SUCH) { /* the store may know more exactly why */
        ExgDisposition disposition = exg_disposition_of(delivery->first_witness);
        exg_lmtp_reply_set(&reply, disposition.smtp_code, disposition.enhanced,
                           "<%s> no such mailbox", delivery->recipient);
    } else if (finding->kind == EXG_RECIPIENT_GROUP && delivery->settings->expand_groups) {
        /* One that was something else a moment ago: the next attempt expands it. */
        exg_lmtp_reply_set(&reply, 450, "4.2.1", "<%s> has become a distribution group",
                           delivery->recipient);
    }
    finish(delivery, &reply);
}

/* --- the store -------------------------------------------------------------------------------- */

static void
delivered(GObject *source, GAsyncResult *result, gpointer data)
{
    Delivery *delivery = data;
    g_autofree char *item_id = NULL;
    g_autoptr(GError) error = NULL;
    if (exg_store_deliver_finish(delivery->settings->store, result, &item_id, &error)) {
        ExgLmtpReply reply;
        exg_lmtp_reply_set(&reply, 250, "2.0.0", "<%s> stored in Exchange", delivery->recipient);
        exg_event_set(delivery->event, "outcome", "delivered");
        exg_event_set(delivery->event, "item", item_id);
        finish(delivery, &reply);
    } else if (g_error_matches(error, EXG_ERROR, EXG_ERROR_NO_MAILBOX)) {
        delivery->first_witness = g_steal_pointer(&error);
        g_autofree char *mailbox = mailbox_of(delivery->settings, delivery->recipient);
        if (delivery->settings->check_recipients || delivery->settings->expand_groups)
            exg_directory_forget(delivery->settings->directory, mailbox);
        exg_directory_ask(delivery->settings->directory, mailbox, delivery->first_witness,
                          delivery->deadline_us, delivery->cancellable, witnessed, delivery);
    } else {
        finish_failed(delivery, error);
    }
}

static void
deliver_to_mailbox(ExgDeliveryBackend *backend, const ExgLmtpEnvelope *envelope,
                   const char *recipient, ExgMessage *message, ExgEvent *event,
                   GCancellable *cancellable, ExgLmtpAnswer answer, gpointer data)
{
    g_autofree char *key = exg_delivery_key_new(recipient, message, envelope->queue_id);
    if (g_hash_table_contains(backend->under_way, key)) {
        ExgLmtpReply reply;
        exg_event_set(event, "outcome", "under-way");
        exg_lmtp_reply_set(&reply, 451, "4.4.2",
                           "<%s> an earlier attempt to deliver this message has not ended yet",
                           recipient);
        answer(&reply, data);
        return;
    }

    Delivery *delivery = g_new0(Delivery, 1);
    delivery->backend = backend;
    delivery->settings = settings_ref(backend->settings);
    delivery->key = g_steal_pointer(&key);
    delivery->recipient = g_strdup(recipient);
    delivery->deadline_us = exg_clock_deadline_ms(SETTLE_FACTOR * backend->settings->timeout_ms);
    exg_timer_init(&delivery->timer, backend->engine, deadline_passed, delivery);
    exg_timer_set(&delivery->timer, exg_clock_deadline_ms(backend->settings->timeout_ms));
    delivery->event = exg_event_ref(event);
    delivery->cancellable = cancellable != NULL ? g_object_ref(cancellable) : NULL;
    delivery->answer = answer;
    delivery->data = data;
    g_hash_table_add(backend->under_way, delivery->key);
    exg_event_set(event, "key", delivery->key);
    exg_event_set(event, "folder", exg_message_is_marked(message) ? "junkemail" : NULL);

    g_autoptr(GBytes)
        trace = exg_lmtp_trace_new(envelope, recipient, message, backend->settings->hostname);
    const ExgStoreDelivery order = {
        .recipient = recipient,
        .junk = exg_message_is_marked(message),
        .delivery_key = delivery->key,
        .queue_id = envelope->queue_id,
        .received_time = envelope->received_time,
        .trace = trace,
        .message = message,
    };
    exg_store_deliver_async(delivery->settings->store, &order, delivery->deadline_us, cancellable,
                            delivered, delivery);
}

/* --- groups ----------------------------------------------------------------------------------- */

/* A delivery of which is not known yet whether it is for a group. The envelope stays until its answer. */
typedef struct {
    ExgDeliveryBackend *backend;
    Settings *settings;
    const ExgLmtpEnvelope *envelope;
    char *recipient, *mailbox;
    ExgMessage *message;
    ExgEvent *event;
    GCancellable *cancellable;
    ExgLmtpAnswer answer;
    gpointer data;
} Sorting;

static bool
is_group(const ExgDirectoryFinding *finding)
{
    return finding->verdict == EXG_DIRECTORY_NOT_A_MAILBOX && finding->kind == EXG_RECIPIENT_GROUP;
}

static void
sorting_free(Sorting *sorting)
{
    settings_unref(sorting->settings);
    g_clear_object(&sorting->cancellable);
    exg_message_unref(sorting->message);
    exg_event_unref(sorting->event);
    g_free(sorting->recipient);
    g_free(sorting->mailbox);
    g_free(sorting);
}

static void
deliver_to_member(const char *member, ExgEvent *event, ExgLmtpAnswer answer, gpointer answer_data,
                  gpointer data)
{
    Sorting *sorting = data;
    deliver_to_mailbox(sorting->backend, sorting->envelope, member, sorting->message, event,
                       sorting->cancellable, answer, answer_data);
}

static void
group_answered(const ExgLmtpReply *reply, gpointer data)
{
    Sorting *sorting = data;
    sorting->answer(reply, sorting->data);
    sorting_free(sorting);
}

static void
sorted(const ExgDirectoryFinding *finding, gpointer data)
{
    Sorting *sorting = data;
    if (is_group(finding)) {
        exg_group_deliver(sorting->settings->directory, sorting->mailbox, sorting->event,
                          exg_clock_deadline_ms(sorting->settings->check_timeout_ms),
                          sorting->cancellable, deliver_to_member, sorting, group_answered,
                          sorting);
        return;
    }
    /* All else is for the delivery to find out. */
    deliver_to_mailbox(sorting->backend, sorting->envelope, sorting->recipient, sorting->message,
                       sorting->event, sorting->cancellable, sorting->answer, sorting->data);
    sorting_free(sorting);
}

static void
deliver(ExgLmtpBackend *interface, const ExgLmtpEnvelope *envelope, const char *recipient,
        ExgMessage *message, ExgEvent *event, GCancellable *cancellable, ExgLmtpAnswer answer,
        gpointer data)
{
    ExgDeliveryBackend *backend = (ExgDeliveryBackend *)interface;
    Settings *settings = backend->settings;
    if (!settings->expand_groups) {
        deliver_to_mailbox(backend, envelope, recipient, message, event, cancellable, answer, data);
        return;
    }
    Sorting *sorting = g_new(Sorting, 1);
    *sorting = (Sorting){
        .backend = backend,
        .settings = settings_ref(settings),
        .envelope = envelope,
        .recipient = g_strdup(recipient),
        .mailbox = mailbox_of(settings, recipient),
        .message = exg_message_ref(message),
        .event = exg_event_ref(event),
        .cancellable = cancellable != NULL ? g_object_ref(cancellable) : NULL,
        .answer = answer,
        .data = data,
    };
    exg_directory_check(settings->directory, sorting->mailbox,
                        exg_clock_deadline_ms(settings->check_timeout_ms), cancellable, sorted,
                        sorting);
}

/* --- at RCPT ---------------------------------------------------------------------------------- */

static void
looked_up(const ExgDirectoryFinding *finding, gpointer data)
{
    Check *check = data;
    ExgLmtpReply reply;
    exg_recipient_reply(finding, check->recipient, check->event, &reply);
    if (is_group(finding) && check->settings->expand_groups)
        exg_lmtp_reply_set(&reply, 250, "2.1.5", "<%s> is a distribution group", check->recipient);
    else if (finding->verdict == EXG_DIRECTORY_CANNOT_TELL && !check->settings->defer_unsure)
        exg_lmtp_reply_set(&reply, 250, "2.1.5", "<%s> the delivery will tell", check->recipient);
    else if (finding->why != NULL && reply.code / 100 == 4)
        (void)exg_alarm_raise(&check->backend->alarm, CONSEQUENCE, finding->why);
    check->answer(&reply, check->data);
    settings_unref(check->settings);
    exg_event_unref(check->event);
    g_free(check->recipient);
    g_free(check);
}

static void
check(ExgLmtpBackend *interface, const ExgLmtpEnvelope *envelope, const char *recipient,
      ExgEvent *event, GCancellable *cancellable, ExgLmtpAnswer answer, gpointer data)
{
    ExgDeliveryBackend *backend = (ExgDeliveryBackend *)interface;
    Settings *settings = backend->settings;
    if (!settings->check_recipients) {
        ExgLmtpReply reply;
        exg_lmtp_reply_set(&reply, 250, "2.1.5", "Ok");
        answer(&reply, data);
        return;
    }
    Check *order = g_new(Check, 1);
    *order = (Check){
        .backend = backend,
        .settings = settings_ref(settings),
        .recipient = g_strdup(recipient),
        .event = exg_event_ref(event),
        .answer = answer,
        .data = data,
    };
    g_autofree char *mailbox = mailbox_of(settings, recipient);
    exg_directory_check(settings->directory, mailbox,
                        exg_clock_deadline_ms(settings->check_timeout_ms), cancellable, looked_up,
                        order);
}

static const ExgLmtpBackendClass delivery_backend_class = {.check = check, .deliver = deliver};

ExgDeliveryBackend *
exg_delivery_backend_new(ExgEngine *engine, const ExgDeliveryOptions *options)
{
    ExgDeliveryBackend *backend = g_new0(ExgDeliveryBackend, 1);
    backend->interface.class = &delivery_backend_class;
    backend->engine = exg_engine_ref(engine);
    backend->settings = settings_new(options);
    backend->under_way = g_hash_table_new(g_str_hash, g_str_equal);
    return backend;
}

void
exg_delivery_backend_configure(ExgDeliveryBackend *backend, const ExgDeliveryOptions *options)
{
    settings_unref(backend->settings);
    backend->settings = settings_new(options);
}

void
exg_delivery_backend_free(ExgDeliveryBackend *backend)
{
    if (backend == NULL)
        return;
    settings_unref(backend->settings);
    g_hash_table_unref(backend->under_way);
    exg_engine_unref(backend->engine);
    g_free(backend);
}

guint
exg_delivery_backend_under_way(const ExgDeliveryBackend *backend)
{
    return g_hash_table_size(backend->under_way) +
           exg_directory_under_way(backend->settings->directory);
}

ExgLmtpBackend *
exg_delivery_backend_interface(ExgDeliveryBackend *backend)
{
    return &backend->interface;
}
