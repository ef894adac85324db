#include "common/base/clock.h"
#include "common/base/error.h"
#include "lmtp/delivery.h"

#include <glib/gstdio.h>
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

typedef struct {
    ExgEngine *engine;
    ExgWorkerPool *workers;
    FakeStore *fake;
    ExgDeliveryBackend *backend;
    ExgMessage *message;
    ExgEvent *event;
    ExgLmtpReply reply;
    guint answers;
} Fixture;

static void
take_message(ExgMessage *message, const GError *error, gpointer data)
{
    *(ExgMessage **)data = message;
}

/* Nobody listens there: the directory cannot be asked. */
static ExgDirectory *
silent_directory(ExgEngine *engine)
{
    g_autofree char *file = NULL;
    g_assert_true(g_close(g_file_open_tmp("exgate-password-XXXXXX", &file, NULL), NULL));
    g_assert_true(g_file_set_contents(file, "secret", -1, NULL));
    g_autofree char *conf_text = g_strdup_printf(
        "[exchange]\nendpoint = http://127.0.0.1:1/\nusername = u\npassword_file = %s\n"
        "throttle_file = /nonexistent/throttle.db\n",
        file);
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgConf) conf = exg_conf_parse(conf_text, strlen(conf_text), "test", &error);
    g_assert_no_error(error);
    g_autoptr(ExgAccount) account = exg_account_new(engine, conf, &error);
    g_assert_no_error(error);
    g_unlink(file);
    return exg_directory_new(account);
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
    fixture->engine = exg_engine_new(NULL);
    fixture->workers = exg_worker_pool_new(fixture->engine, 1, 10);
    fixture->fake = g_new0(FakeStore, 1);
    fixture->fake->store.class = &fake_class;
    const ExgDeliveryOptions options = {
        .store = &fixture->fake->store,
        .directory = silent_directory(fixture->engine),
        .hostname = "mx.test",
        .timeout_ms = 10000,
        .bounce_when_full = data != NULL,
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

/* One witness is not enough. */
static void
test_one_witness(Fixture *fixture, gconstpointer data)
{
    start(fixture);
    conclude(fixture, exg_error_new(EXG_ERROR_NO_MAILBOX, "ErrorNonExistentMailbox"));
    g_assert_cmpuint(fixture->answers, ==, 1);
    g_assert_cmpint(fixture->reply.code, ==, 450);
    g_assert_cmpstr(fixture->reply.enhanced, ==, "4.2.1");
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
    ADD(one_witness, NULL);
    ADD(deadline, NULL);
    return g_test_run();
}
