#include "common/base/clock.h"
#include "common/base/error.h"
#include "lmtp/delivery.h"

#include <string.h>

/* A store that answers when the test says so. */
typedef struct {
    ExgStore store;
    GTask *task;
    char *key;
    guint deliveries;
} FakeStore;

static void
fake_deliver(ExgStore *store, const ExgStoreDelivery *delivery, gint64 deadline_us,
             GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    FakeStore *fake = (FakeStore *)store;
    g_assert_null(fake->task);
    fake->task = g_task_new(NULL, NULL, callback, data);
    fake->deliveries++;
    g_free(fake->key);
    fake->key = g_strdup(delivery->delivery_key);
    g_assert_true(
        g_str_has_prefix(g_bytes_get_data(delivery->trace, NULL), "Return-Path: <s@x>\r\n"));
}

static bool
fake_finish(ExgStore *store, GAsyncResult *result, char **ret_item_id, GError **error)
{
    char *item_id = g_task_propagate_pointer(G_TASK(result), error);
    if (item_id == NULL)
        return false;
    *ret_item_id = item_id;
    return true;
}

static void
fake_free(ExgStore *store)
{
    FakeStore *fake = (FakeStore *)store;
    g_assert_null(fake->task);
    g_free(fake->key);
    g_free(fake);
}

static const ExgStoreClass fake_class = {
    .deliver_async = fake_deliver, .deliver_finish = fake_finish, .free = fake_free};

static void
take_message(ExgMessage *message, const GError *error, gpointer data)
{
    *(ExgMessage **)data = message;
}

/* A directory of which the test says what it finds. */
typedef struct {
    ExgDirectorySource source;
    ExgErrorCode store;    /* EXG_N_ERRORS: there is such a mailbox */
    ExgRecipientKind kind; /* UNKNOWN: it is silent */
    guint opened, identified;
} FakeSource;

static void
fake_open(ExgDirectorySource *source, const char *address, gint64 deadline_us,
          GCancellable *cancellable, ExgSourceMailboxFunc function, gpointer data)
{
    FakeSource *fake = (FakeSource *)source;
    g_autoptr(GError) error = fake->store != EXG_N_ERRORS
                                  ? exg_error_new(fake->store, "/etc/exgate/password")
                                  : NULL;
    fake->opened++;
    function(error, data);
}

static void
fake_identify(ExgDirectorySource *source, const char *address, gint64 deadline_us,
              GCancellable *cancellable, ExgSourceKindFunc function, gpointer data)
{
    FakeSource *fake = (FakeSource *)source;
    g_autoptr(GError) error = fake->kind == EXG_RECIPIENT_UNKNOWN
                                  ? exg_error_new(EXG_ERROR_UNREACHABLE, "silent")
                                  : NULL;
    fake->identified++;
    function(fake->kind, error, data);
}

static void
fake_source_free(ExgDirectorySource *source)
{
    g_free(source);
}

static const ExgDirectorySourceClass fake_source_class = {
    .open_mailbox = fake_open, .identify = fake_identify, .free = fake_source_free};

typedef struct {
    ExgEngine *engine;
    ExgWorkerPool *workers;
    FakeStore *fake;
    FakeSource *source;
    ExgDeliveryBackend *backend;
    ExgMessage *message;
    ExgEvent *event;
    ExgLmtpReply reply;
    guint answers;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data)
{
    fixture->engine = exg_engine_new(NULL);
    fixture->workers = exg_worker_pool_new(fixture->engine, 1, 10);
    fixture->fake = g_new0(FakeStore, 1);
    fixture->fake->store.class = &fake_class;
    fixture->source = g_new0(FakeSource, 1);
    fixture->source->source.class = &fake_source_class;
    g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(fixture->engine, NULL, 0, 0);
    const ExgDirectoryOptions directory = {
        .source = &fixture->source->source,
        .cache = cache,
        .positive_life_ms = 3600 * 1000,
        .timeout_ms = 1000,
    };
    const ExgDeliveryOptions options = {
        .store = &fixture->fake->store,
        .directory = exg_directory_new(fixture->engine, &directory),
        .hostname = "mx.test",
        .timeout_ms = 10000,
        .bounce_when_full = g_strcmp0(data, "bounce") == 0,
        .check_recipients = g_strcmp0(data, "no check") != 0,
        .defer_unsure = g_strcmp0(data, "defer") == 0,
        .check_timeout_ms = 1000,
    };
    fixture->backend = exg_delivery_backend_new(fixture->engine, &options);
    const ExgMessageOptions message = {.size_max = 1000,
                                       .memory_max = 1000,
                                       .spool_directory = "/nonexistent",
                                       .workers = fixture->workers};
    ExgMessageBuilder *builder = exg_message_builder_new(&message);
    const char *content = "Received: x; Sat, 21 Nov 2026 20:04:05 +0000\r\n\r\nx\r\n";
    g_assert_true(exg_message_builder_append(builder, content, strlen(content), NULL));
    exg_message_builder_finish_async(builder, take_message, &fixture->message);
    exg_message_builder_free(builder);
    fixture->event = exg_event_new(NULL);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    g_assert_cmpuint(exg_delivery_backend_under_way(fixture->backend), ==, 0);
    exg_event_unref(fixture->event);
    exg_message_unref(fixture->message);
    exg_delivery_backend_free(fixture->backend);
    exg_worker_pool_free(fixture->workers);
    exg_engine_unref(fixture->engine);
}

static void
answered(const ExgLmtpReply *reply, gpointer data)
{
    Fixture *fixture = data;
    fixture->answers++;
    fixture->reply = *reply;
}

static void
start(Fixture *fixture)
{
    const ExgLmtpEnvelope envelope = {
        .id = "T1", .sender = "s@x", .lhlo = "client", .peer = "unix:/p", .n_recipients = 1};
    ExgLmtpBackend *interface = exg_delivery_backend_interface(fixture->backend);
    g_main_context_push_thread_default(exg_engine_context(fixture->engine));
    interface->class->deliver(interface, &envelope, "ann@example.com", fixture->message,
                              fixture->event, NULL, answered, fixture);
    g_main_context_pop_thread_default(exg_engine_context(fixture->engine));
}

static void
conclude(Fixture *fixture, GError *error)
{
    GTask *task = g_steal_pointer(&fixture->fake->task);
    if (error != NULL)
        g_task_return_error(task, error);
    else
        g_task_return_pointer(task, g_strdup("item"), g_free);
    g_object_unref(task);
    while (exg_delivery_backend_under_way(fixture->backend) > 0)
        exg_engine_iterate(fixture->engine, true);
}

static void
test_stored(Fixture *fixture, gconstpointer data)
{
    start(fixture);
    conclude(fixture, NULL);
    g_assert_cmpuint(fixture->answers, ==, 1);
    g_assert_cmpint(fixture->reply.code, ==, 250);
    g_assert_cmpstr(fixture->reply.text, ==, "<ann@example.com> stored in Exchange");
    g_assert_cmpuint(strlen(fixture->fake->key), ==, 67);
}

/* Whatever the store says, only what is about this message or mailbox is permanent. */
static void
test_errors(Fixture *fixture, gconstpointer data)
{
    static const struct {
        ExgErrorCode code;
        int smtp_code;
        const char *enhanced;
    } rows[] = {
        {EXG_ERROR_UNREACHABLE, 451, "4.4.1"}, {EXG_ERROR_BUSY, 451, "4.3.2"},
        {EXG_ERROR_AUTH, 451, "4.7.0"},        {EXG_ERROR_DENIED, 451, "4.7.0"},
        {EXG_ERROR_QUOTA, 452, "4.2.2"},       {EXG_ERROR_TOO_LARGE, 552, "5.3.4"},
        {EXG_ERROR_REJECTED, 554, "5.6.0"},    {EXG_ERROR_PROTOCOL, 451, "4.3.5"},
        {EXG_ERROR_CONFIG, 451, "4.3.5"},      {EXG_ERROR_AMBIGUOUS, 451, "4.4.2"},
        {EXG_ERROR_RESOURCES, 452, "4.3.1"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        start(fixture);
        conclude(fixture, exg_error_new(rows[i].code, "/etc/exgate/password"));
        g_assert_cmpuint(fixture->answers, ==, i + 1);
        g_assert_cmpint(fixture->reply.code, ==, rows[i].smtp_code);
        g_assert_cmpstr(fixture->reply.enhanced, ==, rows[i].enhanced);
        /* What the administrator has to mend is not told to strangers. */
        bool is_ours = rows[i].code == EXG_ERROR_AUTH || rows[i].code == EXG_ERROR_DENIED ||
                       rows[i].code == EXG_ERROR_CONFIG || rows[i].code == EXG_ERROR_RESOURCES;
        g_assert_true(is_ours == (strstr(fixture->reply.text, "/etc/") == NULL));
    }
}

static void
test_full(Fixture *fixture, gconstpointer data)
{
    start(fixture);
    conclude(fixture, exg_error_new(EXG_ERROR_QUOTA, "The mailbox is full"));
    g_assert_cmpint(fixture->reply.code, ==, 552);
    g_assert_cmpstr(fixture->reply.enhanced, ==, "5.2.2");
}

/* One witness is not enough; what the second one says decides. */
static void
test_witnesses(Fixture *fixture, gconstpointer data)
{
    static const struct {
        ExgRecipientKind kind;
        int smtp_code;
        const char *enhanced;
    } rows[] = {
        {EXG_RECIPIENT_NOBODY, 550, "5.1.1"},  {EXG_RECIPIENT_GROUP, 550, "5.1.1"},
        {EXG_RECIPIENT_CONTACT, 550, "5.1.1"}, {EXG_RECIPIENT_PUBLIC_FOLDER, 550, "5.1.1"},
        {EXG_RECIPIENT_MAILBOX, 450, "4.2.1"}, {EXG_RECIPIENT_UNKNOWN, 450, "4.2.1"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        fixture->source->kind = rows[i].kind;
        start(fixture);
        conclude(fixture, exg_error_new(EXG_ERROR_NO_MAILBOX, "ErrorNonExistentMailbox"));
        g_assert_cmpuint(fixture->answers, ==, i + 1);
        g_assert_cmpint(fixture->reply.code, ==, rows[i].smtp_code);
        g_assert_cmpstr(fixture->reply.enhanced, ==, rows[i].enhanced);
        g_assert_true(g_str_has_prefix(fixture->reply.text, "<ann@example.com> "));
        g_assert_cmpuint(fixture->source->identified, ==, i + 1); /* each time afresh */
    }
    /* Where the store knows more exactly why, the reply does. */
    GError *disabled = exg_error_new(EXG_ERROR_NO_MAILBOX, "ErrorAccountDisabled");
    exg_error_set_reply(disabled, 550, "5.2.1");
    fixture->source->kind = EXG_RECIPIENT_NOBODY;
    start(fixture);
    conclude(fixture, disabled);
    g_assert_cmpstr(fixture->reply.enhanced, ==, "5.2.1");
}

/* --- at RCPT ---------------------------------------------------------------------------------- */

static void
check(Fixture *fixture, const char *recipient)
{
    const ExgLmtpEnvelope envelope = {.id = "T1", .sender = "s@x"};
    ExgLmtpBackend *interface = exg_delivery_backend_interface(fixture->backend);
    guint answers = fixture->answers;
    interface->class->check(interface, &envelope, recipient, fixture->event, NULL, answered,
                            fixture);
    g_assert_cmpuint(fixture->answers, ==, answers + 1);
}

static void
test_check(Fixture *fixture, gconstpointer policy)
{
    static const struct {
        ExgErrorCode store;
        ExgRecipientKind kind;
        int accept, defer; /* the codes by policy */
        const char *words;
    } rows[] = {
        {EXG_N_ERRORS, EXG_RECIPIENT_MAILBOX, 250, 250, "has a mailbox"},
        {EXG_ERROR_NO_MAILBOX, EXG_RECIPIENT_NOBODY, 550, 550, "no such mailbox"},
        {EXG_ERROR_NO_MAILBOX, EXG_RECIPIENT_GROUP, 550, 550, "is a distribution group"},
        {EXG_ERROR_NO_MAILBOX, EXG_RECIPIENT_CONTACT, 550, 550, "is a mail contact"},
        {EXG_ERROR_NO_MAILBOX, EXG_RECIPIENT_PUBLIC_FOLDER, 550, 550, "is a public folder"},
        {EXG_ERROR_NO_MAILBOX, EXG_RECIPIENT_MAILBOX, 250, 450, NULL},
        {EXG_ERROR_NO_MAILBOX, EXG_RECIPIENT_UNKNOWN, 250, 450, NULL},
        {EXG_ERROR_UNREACHABLE, EXG_RECIPIENT_NOBODY, 250, 450, NULL},
        {EXG_ERROR_BUSY, EXG_RECIPIENT_NOBODY, 250, 450, NULL},
        {EXG_ERROR_AUTH, EXG_RECIPIENT_NOBODY, 250, 450, NULL},
        {EXG_ERROR_DENIED, EXG_RECIPIENT_NOBODY, 250, 450, NULL},
        {EXG_ERROR_CONFIG, EXG_RECIPIENT_NOBODY, 250, 450, NULL},
        {EXG_ERROR_PROTOCOL, EXG_RECIPIENT_NOBODY, 250, 450, NULL},
        {EXG_ERROR_REJECTED, EXG_RECIPIENT_NOBODY, 250, 450, NULL},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *recipient = g_strdup_printf("user%u@example.com", i);
        int code = g_str_equal(policy, "defer") ? rows[i].defer : rows[i].accept;
        fixture->source->store = rows[i].store;
        fixture->source->kind = rows[i].kind;
        check(fixture, recipient);
        g_assert_cmpint(fixture->reply.code, ==, code);
        g_assert_cmpstr(fixture->reply.enhanced, ==,
                        code == 250   ? "2.1.5"
                        : code == 550 ? "5.1.1"
                                      : "4.2.1");
        if (rows[i].words != NULL)
            g_assert_nonnull(strstr(fixture->reply.text, rows[i].words));
        g_assert_null(strstr(fixture->reply.text, "/etc/"));
    }
}

static void
test_no_check(Fixture *fixture, gconstpointer data)
{
    fixture->source->store = EXG_ERROR_NO_MAILBOX;
    fixture->source->kind = EXG_RECIPIENT_NOBODY;
    check(fixture, "ann@example.com");
    g_assert_cmpint(fixture->reply.code, ==, 250);
    g_assert_cmpuint(fixture->source->opened, ==, 0);
}

/* What was found at RCPT does not survive a delivery that finds otherwise. */
static void
test_check_forgets(Fixture *fixture, gconstpointer data)
{
    fixture->source->store = EXG_N_ERRORS;
    check(fixture, "ann@example.com");
    check(fixture, "ann@example.com");
    g_assert_cmpuint(fixture->source->opened, ==, 1);
    start(fixture);
    fixture->source->store = EXG_ERROR_NO_MAILBOX;
    fixture->source->kind = EXG_RECIPIENT_NOBODY;
    conclude(fixture, exg_error_new(EXG_ERROR_NO_MAILBOX, "ErrorNonExistentMailbox"));
    g_assert_cmpint(fixture->reply.code, ==, 550);
    check(fixture, "ann@example.com");
    g_assert_cmpint(fixture->reply.code, ==, 550);
    g_assert_cmpuint(fixture->source->opened, ==, 2);
}

/* At the deadline the client is told to come back; the request goes on, and a retry is kept away from it. */
static void
test_deadline(Fixture *fixture, gconstpointer data)
{
    start(fixture);
    exg_clock_advance((gint64)10001 * 1000);
    while (fixture->answers == 0)
        exg_engine_iterate(fixture->engine, true);
    g_assert_cmpint(fixture->reply.code, ==, 451);
    g_assert_cmpstr(fixture->reply.enhanced, ==, "4.4.2");
    g_assert_cmpuint(exg_delivery_backend_under_way(fixture->backend), ==, 1);

    start(fixture);
    g_assert_cmpuint(fixture->answers, ==, 2);
    g_assert_cmpint(fixture->reply.code, ==, 451);
    g_assert_cmpuint(fixture->fake->deliveries, ==, 1);

    conclude(fixture, NULL);
    g_assert_cmpuint(fixture->answers, ==, 2);
}

static void
discard(ExgLogLevel level, const char *line, gpointer data)
{
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    exg_log_set_sink(discard, NULL);
#define ADD(name, data)                                                                            \
    g_test_add("/delivery/" #name, Fixture, data, set_up, test_##name, tear_down)
    ADD(stored, NULL);
    ADD(errors, NULL);
    ADD(full, "bounce");
    ADD(witnesses, NULL);
    ADD(deadline, NULL);
    g_test_add("/delivery/check-accept", Fixture, "accept", set_up, test_check, tear_down);
    g_test_add("/delivery/check-defer", Fixture, "defer", set_up, test_check, tear_down);
    ADD(no_check, "no check");
    ADD(check_forgets, NULL);
    return g_test_run();
}
