#include "common/store/journaled-store.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/failpoint.h"

typedef struct {
    ExgStore store;
    ExgStore *inner;
    ExgJournal *journal;
    ExgDuplicateCheck check;
} JournaledStore;

/* One delivery on its way: begin, perhaps ask, perhaps begin again, deliver, settle. */
typedef struct {
    JournaledStore *self;
    GTask *task; /* owns this */
    char *recipient, *key, *queue_id;
    gint64 received_time;
    GBytes *trace;
    ExgMessage *message;
    gint64 deadline_us;
    bool junk;
    bool asked; /* the inner store was asked for the key and had no such item */
} Passage;

static void
passage_free(gpointer data)
{
    Passage *passage = data;
    g_free(passage->recipient);
    g_free(passage->key);
    g_free(passage->queue_id);
    g_bytes_unref(passage->trace);
    exg_message_unref(passage->message);
    g_free(passage);
}

static void
succeed(Passage *passage, const char *item_id)
{
    g_autoptr(GTask) task = passage->task;
    g_task_return_pointer(task, g_strdup(item_id), g_free);
}

static void
fail(Passage *passage, GError *error)
{
    g_autoptr(GTask) task = passage->task;
    g_task_return_error(task, error);
}

static void begin(Passage *passage);

/* --- deliver and settle ----------------------------------------------------------------------- */

static void
delivered(GObject *source, GAsyncResult *result, gpointer data)
{
    Passage *passage = data;
    ExgJournal *journal = passage->self->journal;
    g_autofree char *item_id = NULL;
    GError *error = NULL;
    EXG_FAIL_POINT("store-answered");
    if (exg_store_deliver_finish(passage->self->inner, result, &item_id, &error)) {
        exg_journal_done(journal, passage->key, item_id);
        EXG_FAIL_POINT("store-done-queued");
        succeed(passage, item_id);
        return;
    }
    if (g_error_matches(error, EXG_ERROR, EXG_ERROR_AMBIGUOUS))
        exg_journal_leave_open(journal, passage->key);
    else
        exg_journal_forget(journal, passage->key);
    fail(passage, error);
}

static void
deliver(Passage *passage)
{
    const ExgStoreDelivery delivery = {
        .recipient = passage->recipient,
        .junk = passage->junk,
        .delivery_key = passage->key,
        .queue_id = passage->queue_id,
        .received_time = passage->received_time,
        .trace = passage->trace,
        .message = passage->message,
    };
    EXG_FAIL_POINT("store-before-send");
    exg_store_deliver_async(passage->self->inner, &delivery, passage->deadline_us,
                            g_task_get_cancellable(passage->task), delivered, passage);
}

/* --- ask -------------------------------------------------------------------------------------- */

static void
asked(GObject *source, GAsyncResult *result, gpointer data)
{
    Passage *passage = data;
    g_autofree char *item_id = NULL;
    GError *error = NULL;
    bool has_intent = passage->asked;
    if (!exg_store_find_finish(passage->self->inner, result, &item_id, &error)) {
        /* Still unknown. A row that was open stays so; one made just now stands for nothing sent. */
        if (has_intent)
            exg_journal_forget(passage->self->journal, passage->key);
        fail(passage, error);
        return;
    }
    if (item_id != NULL) {
        exg_journal_done(passage->self->journal, passage->key, item_id);
        succeed(passage, item_id);
        return;
    }
    passage->asked = true;
    if (has_intent)
        deliver(passage);
    else
        begin(passage);
}

static void
ask(Passage *passage)
{
    exg_store_find_async(passage->self->inner, passage->recipient, passage->key,
                         passage->deadline_us, g_task_get_cancellable(passage->task), asked,
                         passage);
}

/* --- begin ------------------------------------------------------------------------------------ */

/* Whether somebody whose journal this is not may have stored the message already. */
static bool
may_be_retry(const Passage *passage)
{
    if (passage->self->check == EXG_CHECK_ALWAYS || exg_journal_is_suspect(passage->self->journal))
        return true;
    if (passage->self->check == EXG_CHECK_JOURNAL)
        return false;
    gint64 received = exg_message_received_time(passage->message);
    return received >= 0 && exg_clock_real_us() / G_USEC_PER_SEC - received > EXG_DUPLICATE_DELAY_S;
}

static void
begun(const ExgJournalAnswer *answer, gpointer data)
{
    Passage *passage = data;
    switch (answer->verdict) {
    case EXG_JOURNAL_BEGUN:
        if (passage->asked || !may_be_retry(passage)) {
            deliver(passage);
        } else {
            passage->asked = true;
            ask(passage);
        }
        break;
    case EXG_JOURNAL_OPEN:
        ask(passage);
        break;
    case EXG_JOURNAL_DONE:
        succeed(passage, answer->item_id);
        break;
    case EXG_JOURNAL_UNDER_WAY: {
        GError *error = exg_error_new(
            EXG_ERROR_BUSY, "an earlier attempt may still be stored; not tried again for %d s",
            (int)((answer->wait_ms + 999) / 1000));
        exg_error_set_reply(error, 451, "4.4.2");
        exg_error_set_retry_after(error, answer->wait_ms);
        fail(passage, error);
        break;
    }
    case EXG_JOURNAL_FAILED:
        fail(passage, g_error_copy(answer->error));
        break;
    }
}

static void
begin(Passage *passage)
{
    const ExgJournalIntent intent = {
        .key = passage->key,
        .recipient = passage->recipient,
        .message_id = exg_message_id(passage->message),
        .queue_id = passage->queue_id,
        .asked = passage->asked,
        /* Without Received and queue id, a second submission has the key of the first. */
        .renew = exg_message_hops(passage->message) == 0 && passage->queue_id == NULL,
    };
    exg_journal_begin(passage->self->journal, &intent, begun, passage);
}

/* --- the store -------------------------------------------------------------------------------- */

static void
deliver_async(ExgStore *store, const ExgStoreDelivery *delivery, gint64 deadline_us,
              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    Passage *passage = g_new0(Passage, 1);
    passage->self = (JournaledStore *)store;
    passage->recipient = g_strdup(delivery->recipient);
    passage->key = g_strdup(delivery->delivery_key);
    passage->queue_id = g_strdup(delivery->queue_id);
    passage->junk = delivery->junk;
    passage->received_time = delivery->received_time;
    passage->trace = g_bytes_ref(delivery->trace);
    passage->message = exg_message_ref(delivery->message);
    passage->deadline_us = deadline_us;
    passage->task = g_task_new(NULL, cancellable, callback, data);
    g_task_set_check_cancellable(passage->task,
                                 FALSE); /* the inner store decides what can still be cancelled */
    g_task_set_task_data(passage->task, passage, passage_free);
    if (EXG_FAIL_POINT_ERROR("journal-off"))
        deliver(passage); /* what the journal is worth shows without it */
    else
        begin(passage);
}

static bool
deliver_finish(ExgStore *store, GAsyncResult *result, char **ret_item_id, GError **error)
{
    char *item_id = g_task_propagate_pointer(G_TASK(result), error);
    if (item_id == NULL)
        return false;
    *ret_item_id = item_id;
    return true;
}

static void
find_async(ExgStore *store, const char *recipient, const char *delivery_key, gint64 deadline_us,
           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    exg_store_find_async(((JournaledStore *)store)->inner, recipient, delivery_key, deadline_us,
                         cancellable, callback, data);
}

static bool
find_finish(ExgStore *store, GAsyncResult *result, char **ret_item_id, GError **error)
{
    return exg_store_find_finish(((JournaledStore *)store)->inner, result, ret_item_id, error);
}

static void
store_free(ExgStore *store)
{
    exg_store_free(((JournaledStore *)store)->inner);
    g_free(store);
}

static const ExgStoreClass journaled_store_class = {
    .deliver_async = deliver_async,
    .deliver_finish = deliver_finish,
    .find_async = find_async,
    .find_finish = find_finish,
    .free = store_free,
};

ExgStore *
exg_journaled_store_new(ExgStore *inner, ExgJournal *journal, ExgDuplicateCheck check)
{
    JournaledStore *self = g_new0(JournaledStore, 1);
    self->store.class = &journaled_store_class;
    self->inner = inner;
    self->journal = journal;
    self->check = check;
    return &self->store;
}
