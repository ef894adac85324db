#include "common/ews/batch-private.h"

#include "common/base/error.h"
#include "common/ews/call-private.h"

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
    GPtrArray *results; /* as many; NULL: not known yet */
    guint asked;        /* things of calls that have been started */
    guint calls;        /* under way */
    GError *stop;       /* why nothing more is asked */
    gint64 deadline_us;
} Run;

/* One call of a run. */
typedef struct {
    GTask *task;
    guint first, count;
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
    g_clear_error(&run->stop);
    g_free(run->mailbox);
    g_free(run);
}

static void
fail_things(Run *run, guint first, guint count, const GError *error)
{
    for (guint i = first; i < first + count; i++)
        run->results->pdata[i] = failed_result(run->batch, g_error_copy(error));
}

static void
finish(GTask *task)
{
    Run *run = g_task_get_task_data(task);
    if (g_error_matches(run->stop, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        g_task_return_error(task, g_steal_pointer(&run->stop));
    } else {
        fail_things(run, run->asked, run->things->len - run->asked, run->stop);
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

/* How many of the things from `first` on one call asks for. */
static guint
portion_from(const Run *run, guint first)
{
    guint most = MIN(run->things->len - first, run->batch->max_portion);
    if (run->batch->bytes_of == NULL)
        return most;
    gsize bytes = 0;
    guint count = 0;
    while (count < most) {
        bytes += run->batch->bytes_of(run->things->pdata[first + count]);
        if (count > 0 && bytes > EXG_EWS_BATCH_BYTES)
            break;
        count++;
    }
    return count;
}

static void go_on(GTask *task);

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
        for (guint i = 0; i < leg->count; i++)
            run->results->pdata[leg->first + i] = g_steal_pointer(&results->pdata[i]);
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
    while (run->stop == NULL && run->calls < EXG_EWS_BATCH_CALLS && run->asked < run->things->len) {
        Leg *leg = g_new0(Leg, 1);
        leg->task = task;
        leg->first = run->asked;
        leg->count = portion_from(run, run->asked);
        ExgEwsPortion *portion = g_new0(ExgEwsPortion, 1);
        portion->question = run->question;
        portion->things = (gconstpointer const *)run->things->pdata + leg->first;
        portion->count = leg->count;
        run->asked += leg->count;
        run->calls++;
        exg_ews_call_start(run->service, run->operation, &run->target, portion, g_free,
                           run->deadline_us, g_task_get_cancellable(task), on_answer, leg);
    }
    if (run->calls == 0)
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
