#include "common/store/ews-store.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/ews/items/create-item.h"
#include "common/ews/folders/find-folder.h"
#include "common/ews/items/find-item.h"
#include "common/mime/address.h"
#include "common/store/folder-cache.h"
#include "common/store/wrapping.h"

typedef struct {
    ExgStore store;
    ExgAccount *account;
    char *delimiters; /* between user and folder in a recipient; NULL: none */
    ExgFolderCache *folders;
} EwsStore;

/* Where a recipient's mail goes. The data of every task begins with it. */
typedef struct {
    EwsStore *self;
    char *mailbox;
    char *folder;    /* the name that the recipient has in it, or NULL */
    char *folder_id; /* NULL: the inbox */
    gint64 deadline_us;
    void (*go_on)(GTask *task); /* once the folder is known */
} Place;

/* One delivery: as it is, or wrapped if Exchange's converter refuses it. */
typedef struct {
    Place place;
    char *key;
    gint64 received_time;
    GBytes *trace;
    ExgMessage *message;
    bool junk, wrapped;
} Passage;

/* One question whether there is an item. */
typedef struct {
    Place place;
    char *key;
} Search;

static ExgEwsService *
service_of(const EwsStore *self)
{
    return exg_account_ews(self->account);
}

/* --- the folder ------------------------------------------------------------------------------- */

static void
place_init(Place *place, EwsStore *self, const char *recipient, gint64 deadline_us)
{
    place->self = self;
    place->deadline_us = deadline_us;
    if (self->delimiters == NULL ||
        !exg_address_split_detail(recipient, self->delimiters, &place->mailbox, &place->folder))
        place->mailbox = g_strdup(recipient);
}

static void
place_clear(Place *place)
{
    g_free(place->mailbox);
    g_free(place->folder);
    g_free(place->folder_id);
}

/* A definite answer that may be the folder's fault: the inbox will tell. */
static bool
may_be_folders(const GError *error)
{
    const ExgErrorFacts *facts = exg_error_facts(error);
    if (facts == NULL || facts->service_code == NULL)
        return false;
    return error->code == EXG_ERROR_DENIED || error->code == EXG_ERROR_NO_MAILBOX ||
           error->code == EXG_ERROR_PROTOCOL ||
           (error->code == EXG_ERROR_BUSY && g_str_equal(facts->enhanced, "4.2.0"));
}

static void
folder_found(GObject *source, GAsyncResult *result, gpointer data)
{
    GTask *task = data;
    Place *place = g_task_get_task_data(task);
    GError *error = NULL;
    if (exg_ews_find_folder_finish(service_of(place->self), result, &place->folder_id, &error)) {
        exg_folder_cache_put(place->self->folders, place->mailbox, place->folder, place->folder_id);
    } else if (may_be_folders(error)) {
        exg_log(EXG_LOG_DEBUG, NULL, "no folder was looked for in %s: %s", place->mailbox,
                error->message);
        g_error_free(error);
    } else {
        g_task_return_error(task, error);
        g_object_unref(task);
        return;
    }
    place->go_on(task);
}

/* Finds the folder, where the recipient names one, and goes on. Takes the task. */
static void
find_folder(GTask *task)
{
    Place *place = g_task_get_task_data(task);
    const char *known = NULL;
    if (place->folder == NULL ||
        exg_folder_cache_find(place->self->folders, place->mailbox, place->folder, &known)) {
        place->folder_id = g_strdup(known);
        place->go_on(task);
        return;
    }
    ExgEwsTarget target = exg_account_target(place->self->account, place->mailbox);
    exg_ews_find_folder_async(service_of(place->self), &target, place->folder, place->deadline_us,
                              g_task_get_cancellable(task), folder_found, task);
}

/* It is not what it was: the inbox instead, and the next one looks anew. */
static void
give_up_folder(Place *place)
{
    exg_folder_cache_forget(place->self->folders, place->mailbox, place->folder);
    g_clear_pointer(&place->folder_id, g_free);
}

/* --- deliver ---------------------------------------------------------------------------------- */

static void create(GTask *task);

static void
passage_free(gpointer data)
{
    Passage *passage = data;
    place_clear(&passage->place);
    g_free(passage->key);
    g_bytes_unref(passage->trace);
    exg_message_unref(passage->message);
    g_free(passage);
}

/* 5.6.x is about the content and its conversion; size, malware and policy are final as they are. */
static bool
is_conversion(const GError *error)
{
    return g_error_matches(error, EXG_ERROR, EXG_ERROR_REJECTED) &&
           g_str_has_prefix(exg_error_facts(error)->enhanced, "5.6.");
}

/* What can be tried in another way, under the same key: the refusal is definite, so nothing was
 * stored. */
static bool
change_course(Passage *passage, const GError *error)
{
    Place *place = &passage->place;
    if (place->folder_id != NULL && may_be_folders(error)) {
        exg_log(EXG_LOG_DEBUG, NULL, "delivering to the inbox of %s: %s", place->mailbox,
                error->message);
        give_up_folder(place);
        return true;
    }
    if (passage->wrapped || !is_conversion(error))
        return false;
    exg_log(EXG_LOG_DEBUG, NULL, "delivering to %s as an attachment: %s", place->mailbox,
            error->message);
    ExgMessage *original = passage->message;
    passage->message = exg_store_wrap(original, place->mailbox, error->message,
                                      passage->received_time);
    passage->wrapped = true;
    exg_message_unref(original);
    return true;
}

static void
created(GObject *source, GAsyncResult *result, gpointer data)
{
    GTask *task = data;
    Passage *passage = g_task_get_task_data(task);
    char *item_id = NULL;
    GError *error = NULL;
    if (exg_ews_create_item_finish(service_of(passage->place.self), result, &item_id, &error)) {
        g_task_return_pointer(task, item_id, g_free);
        g_object_unref(task);
    } else if (change_course(passage, error)) {
        g_error_free(error);
        create(task);
    } else {
        g_task_return_error(task, error);
        g_object_unref(task);
    }
}

static void
create(GTask *task)
{
    Passage *passage = g_task_get_task_data(task);
    const Place *place = &passage->place;
    ExgEwsTarget target = exg_account_target(place->self->account, place->mailbox);
    ExgEwsNewMessage message = {
        .folder = passage->junk ? "junkemail" : "inbox",
        .folder_id = place->folder_id,
        .delivery_key = passage->key,
        .delivery_time = passage->received_time,
        .trace = passage->trace,
        .message = passage->message,
    };
    exg_ews_create_item_async(service_of(place->self), &target, &message, place->deadline_us,
                              g_task_get_cancellable(task), created, task);
}

static void
deliver_async(ExgStore *store, const ExgStoreDelivery *delivery, gint64 deadline_us,
              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    Passage *passage = g_new0(Passage, 1);
    place_init(&passage->place, (EwsStore *)store, delivery->recipient, deadline_us);
    passage->place.go_on = create;
    passage->key = g_strdup(delivery->delivery_key);
    passage->junk = delivery->junk;
    passage->received_time = delivery->received_time;
    passage->trace = g_bytes_ref(delivery->trace);
    passage->message = exg_message_ref(delivery->message);
    GTask *task = g_task_new(NULL, cancellable, callback, data);
    g_task_set_check_cancellable(task, FALSE); /* the call decides what can still be cancelled */
    g_task_set_task_data(task, passage, passage_free);
    if (passage->junk)
        create(task);
    else
        find_folder(task);
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
search_free(gpointer data)
{
    Search *search = data;
    place_clear(&search->place);
    g_free(search->key);
    g_free(search);
}

static void
searched(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GTask) task = data;
    Place *place = g_task_get_task_data(task);
    g_auto(GStrv) ids = NULL;
    GError *error = NULL;
    if (exg_ews_find_item_finish(service_of(place->self), result, &ids, &error)) {
        g_task_return_pointer(task, g_strdup(ids[0]), g_free);
        return;
    }
    /* One that has gone must not stand in the way of the next question. */
    if (place->folder_id != NULL)
        give_up_folder(place);
    g_task_return_error(task, error);
}

static void
search_items(GTask *task)
{
    const Search *search = g_task_get_task_data(task);
    const Place *place = &search->place;
    ExgEwsTarget target = exg_account_target(place->self->account, place->mailbox);
    exg_ews_find_item_async(service_of(place->self), &target, EXG_EWS_BY_DELIVERY_KEY, search->key,
                            place->folder_id, 0, place->deadline_us, g_task_get_cancellable(task),
                            searched, task);
}

static void
find_async(ExgStore *store, const char *recipient, const char *delivery_key, gint64 deadline_us,
           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    Search *search = g_new0(Search, 1);
    place_init(&search->place, (EwsStore *)store, recipient, deadline_us);
    search->place.go_on = search_items;
    search->key = g_strdup(delivery_key);
    GTask *task = g_task_new(NULL, cancellable, callback, data);
    g_task_set_check_cancellable(task, FALSE);
    g_task_set_task_data(task, search, search_free);
    find_folder(task);
}

static bool
find_finish(ExgStore *store, GAsyncResult *result, char **ret_item_id, GError **error)
{
    GError *failure = NULL;
    char *item_id = g_task_propagate_pointer(G_TASK(result), &failure);
    if (failure != NULL) {
        g_propagate_error(error, failure);
        return false;
    }
    *ret_item_id = item_id;
    return true;
}

static void
store_free(ExgStore *store)
{
    EwsStore *self = (EwsStore *)store;
    exg_account_unref(self->account);
    exg_folder_cache_free(self->folders);
    g_free(self->delimiters);
    g_free(self);
}

static const ExgStoreClass ews_store_class = {
    .deliver_async = deliver_async,
    .deliver_finish = deliver_finish,
    .find_async = find_async,
    .find_finish = find_finish,
    .free = store_free,
};

ExgStore *
exg_ews_store_new(ExgAccount *account, const char *delimiters)
{
    EwsStore *self = g_new0(EwsStore, 1);
    self->store.class = &ews_store_class;
    self->account = exg_account_ref(account);
    self->delimiters = g_strdup(delimiters);
    self->folders = exg_folder_cache_new();
    return &self->store;
}
