#include "common/ews/batch-private.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/ews/call-private.h"
#include "common/ews/service-private.h"

/* --- answers ---------------------------------------------------------------------------------- */

static gpointer
failed_result(const ExgEwsBatch *batch, GError *error)
{
    gpointer result = g_malloc0(batch->result_size);
    *(GError **)result = error;
    return result;
}

bool
exg_ews_batch_read(const ExgEwsBatch *batch, const ExgEwsOperation *operation,
                   const ExgXmlNode *first, const ExgEwsPortion *portion, ExgEwsReadOne read,
                   gpointer *ret_results, GError **error)
{
    g_autoptr(GPtrArray) results = g_ptr_array_new_with_free_func(batch->free_result);
    for (const ExgXmlNode *node = first; node != NULL; node = node->next) {
        gpointer result = g_malloc0(batch->result_size);
        GError *failure = NULL;
        if (!read(operation, node, portion, result, &failure)) {
            batch->free_result(result);
            exg_error_set_stage(failure, "answer");
            result = failed_result(batch, failure);
        }
        g_ptr_array_add(results, result);
    }
    if (results->len != portion->count)
        return exg_ews_answer_senseless(operation, error, "it has %u results instead of %u",
                                        results->len, portion->count);
    *ret_results = g_steal_pointer(&results);
    return true;
}

/* --- calls ------------------------------------------------------------------------------------ */

typedef struct {
    ExgEwsService *service;
    const ExgEwsOperation *operation;
    const ExgEwsBatch *batch;
    ExgEwsTarget target;
    char *mailbox; /* the target's */
    gpointer question;
    GDestroyNotify free_question;
    GPtrArray *things;
    GPtrArray *results;      /* as many; NULL: not known yet */
    GArray *round;           /* of guint, places in `results`: what is asked for now … */
    GPtrArray *round_things; /* … and the things themselves */
    guint asked;             /* of these, in calls that have been started */
    guint calls;             /* under way */
    GError *stop;            /* why nothing more is asked */
    gint64 deadline_us;
    /* Things that have to be asked for again */
    GArray *again; /* of guint, places in `results` */
    ExgEwsRetry retry, next_retry;
    gint64 wait_ms;
    ExgTimer wait;
    GSource *cancelled; /* while it waits */
} Run;

/* One call of a run. */
typedef struct {
    GTask *task;
    guint first, count; /* in the round */
} Leg;

static void
run_free(gpointer data)
{
    Run *run = data;
    exg_ews_service_unref(run->service);
    if (run->free_question != NULL)
        run->free_question(run->question);
    g_ptr_array_unref(run->things);
    g_ptr_array_unref(run->results);
    g_array_unref(run->round);
    g_ptr_array_unref(run->round_things);
    g_array_unref(run->again);
    g_clear_error(&run->stop);
    g_free(run->mailbox);
    g_free(run);
}

static guint
place_of(const Run *run, guint in_round)
{
    return g_array_index(run->round, guint, in_round);
}

static void
fail_things(Run *run, guint first, guint count, const GError *error)
{
    for (guint i = first; i < first + count; i++)
        run->results->pdata[place_of(run, i)] = failed_result(run->batch, g_error_copy(error));
}

static void
finish(GTask *task)
{
    Run *run = g_task_get_task_data(task);
    if (g_error_matches(run->stop, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        g_task_return_error(task, g_steal_pointer(&run->stop));
    } else {
        fail_things(run, run->asked, run->round->len - run->asked, run->stop);
        g_task_return_pointer(task, g_ptr_array_ref(run->results),
                              (GDestroyNotify)g_ptr_array_unref);
    }
    g_object_unref(task);
}

static bool
concerns_all(const GError *error)
{
    return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
           g_error_matches(error, EXG_ERROR, EXG_ERROR_AUTH) ||
           g_error_matches(error, EXG_ERROR, EXG_ERROR_CONFIG);
}

static void go_on(GTask *task);

/* --- again ------------------------------------------------------------------------------------ */

/* Notes a thing whose own error may pass. Each has the same chance, however many there are. */
static void
note_failure(Run *run, guint place, GError *error)
{
    ExgEwsRetry retry = run->retry;
    gint64 wait_ms;
    ExgEwsRemedy remedy = exg_ews_remedy_of(error, run->service->proven);
    if (run->operation->once || !exg_ews_retry_wait(&retry, remedy, error, &wait_ms))
        return;
    if (run->service->again != NULL)
        run->service->again(error, wait_ms, run->service->again_data);
    g_array_append_val(run->again, place);
    run->wait_ms = MAX(run->wait_ms, wait_ms);
    run->next_retry.wait_ms = MAX(run->next_retry.wait_ms, retry.wait_ms);
    run->next_retry.doubtful = MAX(run->next_retry.doubtful, retry.doubtful);
}

static void
add_to_round(Run *run, guint place)
{
    g_array_append_val(run->round, place);
    g_ptr_array_add(run->round_things, run->things->pdata[place]);
}

static void
wait_over(gpointer data)
{
    GTask *task = data;
    Run *run = g_task_get_task_data(task);
    exg_timer_cancel(&run->wait);
    if (run->cancelled != NULL) {
        g_source_destroy(run->cancelled);
        g_clear_pointer(&run->cancelled, g_source_unref);
    }
    go_on(task);
}

/* The calls will see for themselves that they are cancelled. */
static gboolean
cancelled_waiting(GCancellable *cancellable, gpointer data)
{
    wait_over(data);
    return G_SOURCE_REMOVE;
}

/* Begins another round, after a while. */
static void
ask_again(GTask *task)
{
    Run *run = g_task_get_task_data(task);
    ExgEngine *engine = exg_http_client_engine(run->service->client);
    GCancellable *cancellable = g_task_get_cancellable(task);
    g_array_set_size(run->round, 0);
    g_ptr_array_set_size(run->round_things, 0);
    run->asked = 0;
    for (guint i = 0; i < run->again->len; i++) {
        guint place = g_array_index(run->again, guint, i);
        run->batch->free_result(g_steal_pointer(&run->results->pdata[place]));
        add_to_round(run, place);
    }
    g_array_set_size(run->again, 0);
    run->retry = run->next_retry;
    exg_timer_init(&run->wait, engine, wait_over, task);
    exg_timer_set(&run->wait, exg_clock_deadline_ms(run->wait_ms));
    run->wait_ms = 0;
    if (cancellable == NULL)
        return;
    run->cancelled = g_cancellable_source_new(cancellable);
    g_source_set_callback(run->cancelled, G_SOURCE_FUNC(cancelled_waiting), task, NULL);
    g_source_attach(run->cancelled, exg_engine_context(engine));
}

/* --- a round ---------------------------------------------------------------------------------- */

/* How many of the things from `first` on one call asks for. */
static guint
portion_from(const Run *run, guint first)
{
    guint most = MIN(run->round->len - first, run->batch->max_portion);
    if (run->batch->bytes_of == NULL)
        return most;
    gsize bytes = 0;
    guint count = 0;
    while (count < most) {
        bytes += run->batch->bytes_of(run->round_things->pdata[first + count]);
        if (count > 0 && bytes > EXG_EWS_BATCH_BYTES)
            break;
        count++;
    }
    return count;
}

static void
on_answer(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autofree Leg *leg = data;
    Run *run = g_task_get_task_data(leg->task);
    gpointer made = NULL;
    GError *error = NULL;
    run->calls--;
    if (exg_ews_call_finish(result, run->operation, &made, &error)) {
        g_autoptr(GPtrArray) results = made;
        for (guint i = 0; i < leg->count; i++) {
            guint place = place_of(run, leg->first + i);
            gpointer one = g_steal_pointer(&results->pdata[i]);
            run->results->pdata[place] = one;
            if (*(GError **)one != NULL)
                note_failure(run, place, *(GError **)one);
        }
    } else {
        fail_things(run, leg->first, leg->count, error);
        if (run->stop == NULL && concerns_all(error))
            run->stop = g_steal_pointer(&error);
        g_clear_error(&error);
    }
    go_on(leg->task);
}

/* Asks for what may be asked for now. Takes the task where nothing is left to wait for. */
static void
go_on(GTask *task)
{
    Run *run = g_task_get_task_data(task);
    while (run->stop == NULL && run->calls < EXG_EWS_BATCH_CALLS && run->asked < run->round->len) {
        Leg *leg = g_new0(Leg, 1);
        leg->task = task;
        leg->first = run->asked;
        leg->count = portion_from(run, run->asked);
        ExgEwsPortion *portion = g_new0(ExgEwsPortion, 1);
        portion->question = run->question;
        portion->things = (gconstpointer const *)run->round_things->pdata + leg->first;
        portion->count = leg->count;
        run->asked += leg->count;
        run->calls++;
        exg_ews_call_start(run->service, run->operation, &run->target, portion, g_free,
                           run->deadline_us, g_task_get_cancellable(task), on_answer, leg);
    }
    if (run->calls > 0)
        return;
    if (run->stop == NULL && run->again->len > 0)
        ask_again(task);
    else
        finish(task);
}

void
exg_ews_batch_start(ExgEwsService *service, const ExgEwsOperation *operation,
                    const ExgEwsBatch *batch, const ExgEwsTarget *target, gpointer question,
                    GDestroyNotify free_question, GPtrArray *things, gint64 deadline_us,
                    GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    Run *run = g_new0(Run, 1);
    run->service = exg_ews_service_ref(service);
    run->operation = operation;
    run->batch = batch;
    run->mailbox = g_strdup(target->mailbox);
    run->target = *target;
    run->target.mailbox = run->mailbox;
    run->question = question;
    run->free_question = free_question;
    run->things = things;
    run->results = g_ptr_array_new_with_free_func(batch->free_result);
    g_ptr_array_set_size(run->results, (gint)things->len);
    run->round = g_array_new(FALSE, FALSE, sizeof(guint));
    run->round_things = g_ptr_array_new();
    run->again = g_array_new(FALSE, FALSE, sizeof(guint));
    for (guint i = 0; i < things->len; i++)
        add_to_round(run, i);
    exg_ews_retry_init(&run->retry, &service->retry, deadline_us);
    run->next_retry = run->retry;
    run->deadline_us = deadline_us;
    GTask *task = g_task_new(NULL, cancellable, callback, data);
    g_task_set_source_tag(task, (gpointer)batch);
    g_task_set_name(task, operation->name);
    g_task_set_task_data(task, run, run_free);
    g_task_set_check_cancellable(task, FALSE); /* the calls know what it still means */
    go_on(task);
}

void
exg_ews_batch_refuse(const ExgEwsBatch *batch, GError *error, GCancellable *cancellable,
                     GAsyncReadyCallback callback, gpointer data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, data);
    g_task_set_source_tag(task, (gpointer)batch);
    g_task_return_error(task, error);
}

bool
exg_ews_batch_finish(GAsyncResult *result, const ExgEwsBatch *batch, GPtrArray **ret_results,
                     GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, NULL), false);
    g_return_val_if_fail(g_task_get_source_tag(G_TASK(result)) == batch, false);
    GPtrArray *results = g_task_propagate_pointer(G_TASK(result), error);
    if (results == NULL)
        return false;
    *ret_results = results;
    return true;
}
