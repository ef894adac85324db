/* The journal's queue and its writer thread; the file itself is journal-file.c's. */
#include "common/store/journal.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/store/journal-file.h"

#include <string.h>

#define BATCH_MAX       512
#define HOUSEKEEPING_US ((gint64)60 * G_USEC_PER_SEC)
/* Nobody waits for an outcome to be durable: for so long it waits for an intent whose commit it can share. */
#define OUTCOME_DELAY_MS 20

typedef enum { BEGIN, DONE, FORGET, LEAVE_OPEN } OperationKind;

typedef struct {
    OperationKind kind;
    char *key;
    char *recipient;
    char *message_id;
    char *queue_id;
    char *item_id; /* DONE: in; BEGIN: the answer's */
    bool asked, renew;
    gint64 asked_ms; /* when the caller asked: outcomes count from then, not from their commit */
    ExgJournalFunc function;
    gpointer data;
    /* the answer of BEGIN */
    ExgJournalVerdict verdict;
    gint64 wait_ms;
    GError *error;
} Operation;

struct ExgJournal {
    ExgEngine *engine;
    ExgJournalFile *file; /* the writer thread's, once it runs */
    GThread *writer;
    ExgTimer outcomes_due;
    GMutex lock; /* for what follows */
    GCond wanted;
    bool idle; /* the writer sleeps */
    bool due;  /* what is queued is to be written */
    bool closing;
    GQueue queue;
    ExgJournalStatistics statistics;
    bool suspect;
};

static void
operation_free(gpointer data)
{
    Operation *operation = data;
    g_free(operation->key);
    g_free(operation->recipient);
    g_free(operation->message_id);
    g_free(operation->queue_id);
    g_free(operation->item_id);
    g_clear_error(&operation->error);
    g_free(operation);
}

/* --- answers, on the engine ------------------------------------------------------------------- */

static void
answer(const Operation *operation)
{
    const ExgJournalAnswer given = {
        .verdict = operation->verdict,
        .item_id = operation->item_id,
        .wait_ms = operation->wait_ms,
        .error = operation->error,
    };
    operation->function(&given, operation->data);
}

static void
answer_batch(gpointer data)
{
    g_autoptr(GPtrArray) operations = data;
    for (guint i = 0; i < operations->len; i++) {
        const Operation *operation = g_ptr_array_index(operations, i);
        if (operation->kind == BEGIN)
            answer(operation);
    }
}

/* --- the writer thread ------------------------------------------------------------------------ */

static bool
apply(ExgJournalFile *file, Operation *operation, GError **error)
{
    switch (operation->kind) {
    case BEGIN: {
        const ExgJournalIntent intent = {
            .key = operation->key,
            .recipient = operation->recipient,
            .message_id = operation->message_id,
            .queue_id = operation->queue_id,
            .asked = operation->asked,
            .renew = operation->renew,
        };
        return exg_journal_file_begin(file, &intent, &operation->verdict, &operation->item_id,
                                      &operation->wait_ms, error);
    }
    case DONE:
        return exg_journal_file_done(file, operation->key, operation->item_id, error);
    case FORGET:
        return exg_journal_file_forget(file, operation->key, error);
    case LEAVE_OPEN:
        return exg_journal_file_leave_open(file, operation->key, operation->asked_ms, error);
    }
    return true;
}

static bool
apply_all(ExgJournalFile *file, GPtrArray *operations, GError **error)
{
    if (!exg_journal_file_start(file, error))
        return false;
    for (guint i = 0; i < operations->len; i++)
        if (!apply(file, g_ptr_array_index(operations, i), error))
            return false;
    return exg_journal_file_commit(file, error);
}

/* Nothing of the batch has happened. Whoever asked to begin must not send; outcomes that could not be written leave
 * open rows behind, which cost a question later, not a message. */
static void
fail_all(GPtrArray *operations, const GError *error)
{
    exg_log(EXG_LOG_ERROR, NULL, "mail waits in the queue until this is mended: %s",
            error->message);
    for (guint i = 0; i < operations->len; i++) {
        Operation *operation = g_ptr_array_index(operations, i);
        operation->verdict = EXG_JOURNAL_FAILED;
        g_clear_pointer(&operation->item_id, g_free);
        operation->error = g_error_copy(error);
    }
}

/* With the lock held. What is queued is due: an intent at once, outcomes along with it or after their delay. So the writer sleeps
 * through outcomes, which would wake it up as often again. */
static void
write_now(ExgJournal *journal)
{
    journal->due = journal->queue.length > 0;
    if (journal->due && journal->idle)
        g_cond_signal(&journal->wanted);
}

static void
outcomes_due(gpointer data)
{
    ExgJournal *journal = data;
    g_mutex_lock(&journal->lock);
    write_now(journal);
    g_mutex_unlock(&journal->lock);
}

/* Waits until what is queued is due, and takes it. */
static GPtrArray *
next_batch(ExgJournal *journal, gint64 until_us, bool *ret_close)
{
    GPtrArray *operations = g_ptr_array_new_with_free_func(operation_free);
    g_mutex_lock(&journal->lock);
    journal->idle = true;
    while (!journal->due && !journal->closing &&
           g_cond_wait_until(&journal->wanted, &journal->lock, until_us))
        ;
    journal->idle = false;
    while (journal->queue.length > 0 && operations->len < BATCH_MAX)
        g_ptr_array_add(operations, g_queue_pop_head(&journal->queue));
    journal->due = journal->queue.length > 0;
    *ret_close = journal->closing && journal->queue.length == 0;
    g_mutex_unlock(&journal->lock);
    return operations;
}

/* For tests: which kind of row has just become durable. */
static void
pass_fail_points(const GPtrArray *operations)
{
    for (guint i = 0; i < operations->len; i++) {
        const Operation *operation = g_ptr_array_index(operations, i);
        if (operation->kind == BEGIN && operation->verdict == EXG_JOURNAL_BEGUN)
            EXG_FAIL_POINT("journal-intent-committed");
        else if (operation->kind == DONE)
            EXG_FAIL_POINT("journal-done-committed");
    }
}

static void
publish(ExgJournal *journal, guint operations, bool count)
{
    ExgJournalStatistics fresh = {0};
    if (count)
        exg_journal_file_count(journal->file, &fresh);
    g_mutex_lock(&journal->lock);
    if (count) {
        journal->statistics.open = fresh.open;
        journal->statistics.done = fresh.done;
        journal->statistics.oldest_open_ms = fresh.oldest_open_ms;
    }
    if (operations > 0) {
        journal->statistics.commits++;
        journal->statistics.operations += operations;
    }
    journal->suspect = exg_journal_file_is_suspect(journal->file);
    g_mutex_unlock(&journal->lock);
}

/* Outcomes are nobody's question, and the last of them come when the engine may not run any more. */
static void
post_answers(ExgJournal *journal, GPtrArray *operations)
{
    for (guint i = 0; i < operations->len; i++) {
        const Operation *operation = g_ptr_array_index(operations, i);
        if (operation->kind == BEGIN) {
            exg_engine_post(journal->engine, answer_batch, operations);
            return;
        }
    }
    g_ptr_array_unref(operations);
}

static gpointer
write_journal(gpointer data)
{
    ExgJournal *journal = data;
    gint64 housekeeping_us = g_get_monotonic_time() + HOUSEKEEPING_US;
    for (bool close = false; !close;) {
        if (g_get_monotonic_time() >= housekeeping_us) {
            exg_journal_file_prune(journal->file);
            publish(journal, 0, true);
            housekeeping_us = g_get_monotonic_time() + HOUSEKEEPING_US;
        }
        GPtrArray *operations = next_batch(journal, housekeeping_us, &close);
        guint count = operations->len;
        if (count == 0) {
            g_ptr_array_unref(operations);
            continue;
        }
        g_autoptr(GError) error = NULL;
        if (apply_all(journal->file, operations, &error))
            pass_fail_points(operations);
        else
            fail_all(operations, error);
        publish(journal, count, false);
        post_answers(journal, operations);
    }
    return NULL;
}

/* --- the face --------------------------------------------------------------------------------- */

ExgJournal *
exg_journal_open(ExgEngine *engine, const ExgJournalOptions *options, GError **error)
{
    ExgJournalFile *file = exg_journal_file_open(options, error);
    if (file == NULL)
        return NULL;
    ExgJournal *journal = g_new0(ExgJournal, 1);
    journal->engine = exg_engine_ref(engine);
    journal->file = file;
    exg_timer_init(&journal->outcomes_due, engine, outcomes_due, journal);
    g_mutex_init(&journal->lock);
    g_cond_init(&journal->wanted);
    exg_journal_file_prune(file);
    publish(journal, 0, true); /* what was left open is known from the start */
    journal->writer = g_thread_new("exgate-journal", write_journal, journal);
    return journal;
}

static Operation *
operation_new(OperationKind kind, const char *key)
{
    Operation *operation = g_new0(Operation, 1);
    operation->kind = kind;
    operation->key = g_strdup(key);
    operation->asked_ms = exg_clock_real_us() / 1000;
    return operation;
}

/* Takes the operation; false, and it is still the caller's: the queue is full. */
static bool
enqueue(ExgJournal *journal, Operation *operation)
{
    g_mutex_lock(&journal->lock);
    bool fits = operation->kind != BEGIN || journal->queue.length < EXG_JOURNAL_MAX_QUEUED;
    if (fits)
        g_queue_push_tail(&journal->queue, operation);
    if (fits && operation->kind == BEGIN)
        write_now(journal);
    g_mutex_unlock(&journal->lock);
    if (fits && operation->kind == BEGIN)
        exg_timer_cancel(&journal->outcomes_due); /* they go with it */
    else if (fits && !exg_timer_is_set(&journal->outcomes_due))
        exg_timer_set(&journal->outcomes_due, exg_clock_deadline_ms(OUTCOME_DELAY_MS));
    return fits;
}

void
exg_journal_close(ExgJournal *journal)
{
    if (journal == NULL)
        return;
    exg_timer_cancel(&journal->outcomes_due);
    g_mutex_lock(&journal->lock);
    journal->closing = true;
    g_cond_signal(&journal->wanted);
    g_mutex_unlock(&journal->lock);
    g_thread_join(journal->writer);
    exg_journal_file_close(journal->file);
    g_cond_clear(&journal->wanted);
    g_mutex_clear(&journal->lock);
    exg_engine_unref(journal->engine);
    g_free(journal);
}

static void
answer_refused(gpointer data)
{
    Operation *operation = data;
    answer(operation);
    operation_free(operation);
}

void
exg_journal_begin(ExgJournal *journal, const ExgJournalIntent *intent, ExgJournalFunc function,
                  gpointer data)
{
    Operation *operation = operation_new(BEGIN, intent->key);
    operation->recipient = g_strdup(intent->recipient);
    operation->message_id = g_strdup(intent->message_id);
    operation->queue_id = g_strdup(intent->queue_id);
    operation->asked = intent->asked;
    operation->renew = intent->renew;
    operation->function = function;
    operation->data = data;
    if (enqueue(journal, operation))
        return;
    operation->verdict = EXG_JOURNAL_FAILED;
    operation->error = exg_error_new(EXG_ERROR_RESOURCES,
                                     "The delivery journal cannot keep up with the mail");
    exg_engine_post(journal->engine, answer_refused, operation);
}

void
exg_journal_done(ExgJournal *journal, const char *key, const char *item_id)
{
    Operation *operation = operation_new(DONE, key);
    operation->item_id = g_strdup(item_id);
    enqueue(journal, operation);
}

void
exg_journal_forget(ExgJournal *journal, const char *key)
{
    enqueue(journal, operation_new(FORGET, key));
}

void
exg_journal_leave_open(ExgJournal *journal, const char *key)
{
    enqueue(journal, operation_new(LEAVE_OPEN, key));
}

bool
exg_journal_is_suspect(ExgJournal *journal)
{
    g_mutex_lock(&journal->lock);
    bool suspect = journal->suspect;
    g_mutex_unlock(&journal->lock);
    return suspect;
}

void
exg_journal_get_statistics(ExgJournal *journal, ExgJournalStatistics *ret_statistics)
{
    g_mutex_lock(&journal->lock);
    *ret_statistics = journal->statistics;
    g_mutex_unlock(&journal->lock);
}
