#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/store/journaled-store.h"
#include "tests/lib/scratch.h"

#include <string.h>

#define SETTLE_MS ((gint64)90000)

/* A store whose next outcomes a test dictates. */
typedef struct {
    ExgStore store;
    ExgErrorCode outcome; /* of a delivery; EXG_N_ERRORS: success */
    bool stores;          /* whether the item is there afterwards, whatever the answer says */
    bool find_fails;
    bool find_lies; /* index lag */
    guint deliveries, finds, stored;
} FakeStore;

static void
fake_deliver(ExgStore *store, const ExgStoreDelivery *delivery, gint64 deadline_us,
             GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    FakeStore *fake = (FakeStore *)store;
    g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, data);
    fake->deliveries++;
    if (fake->stores)
        fake->stored++;
    if (fake->outcome == EXG_N_ERRORS)
        g_task_return_pointer(task, g_strdup("item"), g_free);
    else
        g_task_return_error(task, exg_error_new(fake->outcome, "a test says so"));
}

static void
fake_find(ExgStore *store, const char *recipient, const char *key, gint64 deadline_us,
          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    FakeStore *fake = (FakeStore *)store;
    g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, data);
    fake->finds++;
    if (fake->find_fails)
        g_task_return_error(task, exg_error_new(EXG_ERROR_UNREACHABLE, "a test says so"));
    else
        g_task_return_pointer(task, fake->stored > 0 && !fake->find_lies ? g_strdup("found") : NULL,
                              g_free);
}

static bool
fake_finish(ExgStore *store, GAsyncResult *result, char **ret_item_id, GError **error)
{
    g_autoptr(GError) mine = NULL;
    char *item_id = g_task_propagate_pointer(G_TASK(result), &mine);
    if (mine != NULL) {
        g_propagate_error(error, g_steal_pointer(&mine));
        return false;
    }
    *ret_item_id = item_id;
    return true;
}

static void
fake_free(ExgStore *store)
{
}

static const ExgStoreClass fake_class = {
    .deliver_async = fake_deliver,
    .deliver_finish = fake_finish,
    .find_async = fake_find,
    .find_finish = fake_finish,
    .free = fake_free,
};

typedef struct {
    char *directory;
    ExgEngine *engine;
    ExgJournal *journal;
    FakeStore fake;
    ExgStore *store;
    ExgWorkerPool *workers;
    ExgMessage *message;
} Fixture;

static void
take_message(ExgMessage *message, const GError *error, gpointer data)
{
    g_assert_no_error(error);
    *(ExgMessage **)data = message;
}

static ExgMessage *
message_new(Fixture *fixture, const char *content)
{
    const ExgMessageOptions options = {.size_max = 100000,
                                       .memory_max = 100000,
                                       .spool_directory = "/nonexistent",
                                       .workers = fixture->workers};
    ExgMessageBuilder *builder = exg_message_builder_new(&options);
    ExgMessage *message = NULL;
    g_assert_true(exg_message_builder_append(builder, content, strlen(content), NULL));
    exg_message_builder_finish_async(builder, take_message, &message);
    exg_message_builder_free(builder);
    g_assert_nonnull(message);
    return message;
}

static ExgMessage *
message_received(Fixture *fixture, gint64 age_s)
{
    g_autoptr(GDateTime)
        time = g_date_time_new_from_unix_utc(exg_clock_real_us() / G_USEC_PER_SEC - age_s);
    g_autofree char *date = g_date_time_format(time, "%a, %d %b %Y %H:%M:%S +0000");
    g_autofree char *content = g_strdup_printf(
        "Received: from a by b; %s\r\nMessage-ID: <1@a>\r\n\r\nx\r\n", date);
    return message_new(fixture, content);
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
    fixture->directory = test_scratch_new();
    fixture->engine = exg_engine_new(NULL);
    fixture->workers = exg_worker_pool_new(fixture->engine, 1, 10);
    g_autofree char *path = g_build_filename(fixture->directory, "journal.db", NULL);
    const ExgJournalOptions options = {
        .path = path, .keep_ms = 7 * 24 * 3600 * (gint64)1000, .settle_ms = SETTLE_MS};
    fixture->journal = exg_journal_open(fixture->engine, &options, NULL);
    fixture->fake = (FakeStore){
        .store.class = &fake_class, .outcome = EXG_N_ERRORS, .stores = true};
    fixture->store = exg_journaled_store_new(&fixture->fake.store, fixture->journal,
                                             EXG_CHECK_DELAYED);
    fixture->message = message_received(fixture, 0);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    exg_message_unref(fixture->message);
    exg_store_free(fixture->store);
    exg_journal_close(fixture->journal);
    exg_worker_pool_free(fixture->workers);
    exg_engine_unref(fixture->engine);
    test_scratch_free(fixture->directory);
}

static void
keep_result(GObject *source, GAsyncResult *result, gpointer data)
{
    *(GAsyncResult **)data = g_object_ref(result);
}

/* The outcome of one attempt: EXG_N_ERRORS is success. */
static int
attempt(Fixture *fixture)
{
    g_autoptr(GBytes) trace = g_bytes_new_static("", 0);
    const ExgStoreDelivery delivery = {.recipient = "a@example.com",
                                       .delivery_key = "v1:key",
                                       .trace = trace,
                                       .message = fixture->message};
    GAsyncResult *result = NULL;
    g_main_context_push_thread_default(exg_engine_context(fixture->engine));
    exg_store_deliver_async(fixture->store, &delivery, EXG_NO_DEADLINE, NULL, keep_result, &result);
    g_main_context_pop_thread_default(exg_engine_context(fixture->engine));
    while (result == NULL)
        exg_engine_iterate(fixture->engine, true);
    g_autofree char *item_id = NULL;
    g_autoptr(GError) error = NULL;
    bool good = exg_store_deliver_finish(fixture->store, result, &item_id, &error);
    g_object_unref(result);
    g_assert_true(good == (error == NULL));
    if (!good) {
        g_assert_true(error->domain == EXG_ERROR);
        return error->code;
    }
    g_assert_nonnull(item_id);
    return EXG_N_ERRORS;
}

static void
settle(void)
{
    exg_clock_advance((SETTLE_MS + 1) * 1000);
}

static void
test_retry_of_done(Fixture *fixture, gconstpointer data)
{
    g_assert_cmpint(attempt(fixture), ==, EXG_N_ERRORS);
    g_assert_cmpint(attempt(fixture), ==, EXG_N_ERRORS);
    g_assert_cmpuint(fixture->fake.stored, ==, 1);
    g_assert_cmpuint(fixture->fake.finds, ==, 0);
}

/* The answer was lost after the item was stored. */
static void
test_stored_unanswered(Fixture *fixture, gconstpointer data)
{
    fixture->fake.outcome = EXG_ERROR_AMBIGUOUS;
    g_assert_cmpint(attempt(fixture), ==, EXG_ERROR_AMBIGUOUS);
    fixture->fake.outcome = EXG_N_ERRORS;
    g_assert_cmpint(attempt(fixture), ==, EXG_ERROR_BUSY);
    g_assert_cmpuint(fixture->fake.finds, ==, 0);
    settle();
    g_assert_cmpint(attempt(fixture), ==, EXG_N_ERRORS);
    g_assert_cmpuint(fixture->fake.finds, ==, 1);
    g_assert_cmpuint(fixture->fake.stored, ==, 1);
    g_assert_cmpint(attempt(fixture), ==, EXG_N_ERRORS);
    g_assert_cmpuint(fixture->fake.finds, ==, 1);
}

/* The request was lost with its answer: nothing was stored. */
static void
test_sent_not_stored(Fixture *fixture, gconstpointer data)
{
    fixture->fake.outcome = EXG_ERROR_AMBIGUOUS;
    fixture->fake.stores = false;
    g_assert_cmpint(attempt(fixture), ==, EXG_ERROR_AMBIGUOUS);
    fixture->fake.outcome = EXG_N_ERRORS;
    fixture->fake.stores = true;
    settle();
    fixture->fake.find_fails = true;
    g_assert_cmpint(attempt(fixture), ==, EXG_ERROR_UNREACHABLE);
    g_assert_cmpint(attempt(fixture), ==, EXG_ERROR_UNREACHABLE);
    g_assert_cmpuint(fixture->fake.deliveries, ==, 1);
    fixture->fake.find_fails = false;
    g_assert_cmpint(attempt(fixture), ==, EXG_N_ERRORS);
    g_assert_cmpuint(fixture->fake.stored, ==, 1);
}

/* An index that lags is a duplicate, never a loss. */
static void
test_find_lies(Fixture *fixture, gconstpointer data)
{
    fixture->fake.outcome = EXG_ERROR_AMBIGUOUS;
    attempt(fixture);
    fixture->fake.outcome = EXG_N_ERRORS;
    fixture->fake.find_lies = true;
    settle();
    g_assert_cmpint(attempt(fixture), ==, EXG_N_ERRORS);
    g_assert_cmpuint(fixture->fake.stored, ==, 2);
}

/* A definite refusal leaves no trace: the next try goes straight out. */
static void
test_refused(Fixture *fixture, gconstpointer data)
{
    static const ExgErrorCode codes[] = {EXG_ERROR_UNREACHABLE, EXG_ERROR_BUSY, EXG_ERROR_QUOTA};
    fixture->fake.stores = false;
    for (guint i = 0; i < G_N_ELEMENTS(codes); i++) {
        fixture->fake.outcome = codes[i];
        g_assert_cmpint(attempt(fixture), ==, codes[i]);
    }
    fixture->fake.outcome = EXG_N_ERRORS;
    fixture->fake.stores = true;
    g_assert_cmpint(attempt(fixture), ==, EXG_N_ERRORS);
    g_assert_cmpuint(fixture->fake.finds, ==, 0);
}

/* Another host may have stored a message that has been on its way for long. */
static void
test_old_message(Fixture *fixture, gconstpointer data)
{
    exg_message_unref(fixture->message);
    fixture->message = message_received(fixture, EXG_DUPLICATE_DELAY_S + 60);
    fixture->fake.find_fails = true;
    g_assert_cmpint(attempt(fixture), ==, EXG_ERROR_UNREACHABLE);
    fixture->fake.find_fails = false;
    fixture->fake.stored = 1; /* by the other host */
    g_assert_cmpint(attempt(fixture), ==, EXG_N_ERRORS);
    g_assert_cmpuint(fixture->fake.deliveries, ==, 0);
    g_assert_cmpuint(fixture->fake.finds, ==, 2);
}

/* Without Received and queue id two submissions look alike, and both must arrive. */
static void
test_weak_key(Fixture *fixture, gconstpointer data)
{
    exg_message_unref(fixture->message);
    fixture->message = message_new(fixture, "Subject: x\r\n\r\nx\r\n");
    g_assert_cmpint(attempt(fixture), ==, EXG_N_ERRORS);
    g_assert_cmpint(attempt(fixture), ==, EXG_N_ERRORS);
    g_assert_cmpuint(fixture->fake.stored, ==, 2);
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
#define ADD(name)                                                                                  \
    g_test_add("/journaled-store/" #name, Fixture, NULL, set_up, test_##name, tear_down)
    ADD(retry_of_done);
    ADD(stored_unanswered);
    ADD(sent_not_stored);
    ADD(find_lies);
    ADD(refused);
    ADD(old_message);
    ADD(weak_key);
    return g_test_run();
}
