#include "common/store/ews-store.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/ews/create-item.h"
#include "common/ews/find-item.h"
#include "common/store/wrapping.h"

typedef struct {
    ExgStore store;
    ExgAccount *account;
} EwsStore;

/* One delivery: as it is, or wrapped if Exchange's converter refuses it. */
typedef struct {
    ExgAccount *account;
    char *recipient, *key;
    gint64 received_time;
    GBytes *trace;
    ExgMessage *message;
    gint64 deadline_us;
    bool junk, wrapped;
} Passage;

static void
passage_free(gpointer data)
{
    Passage *passage = data;
    exg_account_unref(passage->account);
    g_free(passage->recipient);
    g_free(passage->key);
    g_bytes_unref(passage->trace);
    exg_message_unref(passage->message);
    g_free(passage);
}

static ExgEwsService *
service_of(ExgStore *store)
{
    return exg_account_ews(((EwsStore *)store)->account);
}

/* --- deliver ---------------------------------------------------------------------------------- */

static void create(GTask *task);

/* 5.6.x is about the content and its conversion; size, malware and policy are final as they are. */
static bool
is_conversion(const GError *error)
{
    return g_error_matches(error, EXG_ERROR, EXG_ERROR_REJECTED) &&
           g_str_has_prefix(exg_error_facts(error)->enhanced, "5.6.");
}

static void
created(GObject *source, GAsyncResult *result, gpointer data)
{
    GTask *task = data;
    Passage *passage = g_task_get_task_data(task);
    char *item_id = NULL;
    GError *error = NULL;
    if (exg_ews_create_item_finish(exg_account_ews(passage->account), result, &item_id, &error)) {
        g_task_return_pointer(task, item_id, g_free);
        g_object_unref(task);
        return;
    }
    if (!passage->wrapped && is_conversion(error)) {
        /* The refusal is definite, so nothing was stored, and the key is free for the other form. */
        exg_log(EXG_LOG_DEBUG, NULL, "delivering to %s as an attachment: %s", passage->recipient,
                error->message);
        ExgMessage *original = passage->message;
        passage->message = exg_store_wrap(original, passage->recipient, error->message,
                                          passage->received_time);
        passage->wrapped = true;
        exg_message_unref(original);
        g_error_free(error);
        create(task);
        return;
    }
    g_task_return_error(task, error);
    g_object_unref(task);
}

static void
create(GTask *task)
{
    Passage *passage = g_task_get_task_data(task);
    ExgEwsTarget target = exg_account_target(passage->account, passage->recipient);
    ExgEwsNewMessage message = {
        .folder = passage->junk ? "junkemail" : "inbox",
        .delivery_key = passage->key,
        .delivery_time = passage->received_time,
        .trace = passage->trace,
        .message = passage->message,
    };
    exg_ews_create_item_async(exg_account_ews(passage->account), &target, &message,
                              passage->deadline_us, g_task_get_cancellable(task), created, task);
}

static void
deliver_async(ExgStore *store, const ExgStoreDelivery *delivery, gint64 deadline_us,
              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    Passage *passage = g_new0(Passage, 1);
    passage->account = exg_account_ref(((EwsStore *)store)->account);
    passage->recipient = g_strdup(delivery->recipient);
    passage->key = g_strdup(delivery->delivery_key);
    passage->junk = delivery->junk;
    passage->received_time = delivery->received_time;
    passage->trace = g_bytes_ref(delivery->trace);
    passage->message = exg_message_ref(delivery->message);
    passage->deadline_us = deadline_us;
    GTask *task = g_task_new(NULL, cancellable, callback, data);
    g_task_set_check_cancellable(task, FALSE); /* the call decides what can still be cancelled */
    g_task_set_task_data(task, passage, passage_free);
    create(task);
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

/* --- find ------------------------------------------------------------------------------------- */

static void
find_async(ExgStore *store, const char *recipient, const char *delivery_key, gint64 deadline_us,
           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    ExgEwsTarget target = exg_account_target(((EwsStore *)store)->account, recipient);
    exg_ews_find_item_async(service_of(store), &target, EXG_EWS_BY_DELIVERY_KEY, delivery_key, 0,
                            deadline_us, cancellable, callback, data);
}

static bool
find_finish(ExgStore *store, GAsyncResult *result, char **ret_item_id, GError **error)
{
    g_auto(GStrv) ids = NULL;
    if (!exg_ews_find_item_finish(service_of(store), result, &ids, error))
        return false;
    *ret_item_id = g_strdup(ids[0]);
    return true;
}

static void
store_free(ExgStore *store)
{
    exg_account_unref(((EwsStore *)store)->account);
    g_free(store);
}

static const ExgStoreClass ews_store_class = {
    .deliver_async = deliver_async,
    .deliver_finish = deliver_finish,
    .find_async = find_async,
    .find_finish = find_finish,
    .free = store_free,
};

ExgStore *
exg_ews_store_new(ExgAccount *account)
{
    EwsStore *self = g_new0(EwsStore, 1);
    self->store.class = &ews_store_class;
    self->account = exg_account_ref(account);
    return &self->store;
}
