#include "common/ews/people/expand-dl-private.h"

#include "common/ews/call-private.h"
#include "common/ews/envelope-private.h"
#include "common/ews/mailbox-private.h"
#include "common/ews/value-private.h"

static const ExgEwsTarget self = {.access = EXG_EWS_SELF};

static void
free_failure(gpointer data)
{
    ExgEwsExpandFailure *failure = data;
    exg_ews_mailbox_free(failure->list);
    g_error_free(failure->error);
    g_free(failure);
}

/* Takes the members. */
static ExgEwsExpansion *
expansion_new(GPtrArray *members, bool complete)
{
    ExgEwsExpansion *expansion = g_new0(ExgEwsExpansion, 1);
    expansion->members = members;
    expansion->failures = g_ptr_array_new_with_free_func(free_failure);
    expansion->complete = complete;
    return expansion;
}

void
exg_ews_expansion_free(ExgEwsExpansion *expansion)
{
    if (expansion == NULL)
        return;
    g_ptr_array_unref(expansion->members);
    g_ptr_array_unref(expansion->failures);
    g_free(expansion);
}

static void
free_expansion(gpointer expansion)
{
    exg_ews_expansion_free(expansion);
}

static void
free_list(gpointer list)
{
    exg_ews_mailbox_free(list);
}

/* --- one level -------------------------------------------------------------------------------- */

static void
write_request(ExgXmlWriter *writer, const ExgEwsTarget *target, gconstpointer list)
{
    exg_xml_start(writer, "m:ExpandDL");
    exg_ews_mailbox_write(writer, "m:Mailbox", list);
}

static bool
decode(const ExgEwsOperation *operation, const ExgXmlNode *message, gpointer context,
       gpointer *ret_result, GError **error)
{
    if (!exg_ews_message_check_names(operation, message, error))
        return false;
    const ExgXmlNode *node = exg_xml_node_child(message, EXG_EWS_MESSAGES_SPACE, "DLExpansion");
    if (node == NULL)
        return exg_ews_answer_senseless(operation, error, "success without a DLExpansion");
    const char *last = exg_xml_node_attribute(node, "IncludesLastItemInRange");
    *ret_result = expansion_new(exg_ews_mailbox_read_all(node, "Mailbox"),
                                exg_ews_read_bool(last, true));
    return true;
}

const ExgEwsOperation exg_ews_expand_dl_operation = {
    .name = "ExpandDL",
    .n_messages = 1,
    .write = write_request,
    .decode = decode,
    .free_result = free_expansion,
};

void
exg_ews_expand_dl_async(ExgEwsService *service, const ExgEwsMailbox *list, gint64 deadline_us,
                        GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
    GError *error = NULL;
    if (!exg_ews_mailbox_check(list, &error)) {
        exg_ews_call_refuse(&exg_ews_expand_dl_operation, error, cancellable, callback, data);
        return;
    }
    exg_ews_call_start(service, &exg_ews_expand_dl_operation, &self, exg_ews_mailbox_copy(list),
                       free_list, deadline_us, cancellable, callback, data);
}

bool
exg_ews_expand_dl_finish(ExgEwsService *service, GAsyncResult *result,
                         ExgEwsExpansion **ret_expansion, GError **error)
{
    gpointer expansion = NULL;
    if (!exg_ews_call_finish(result, &exg_ews_expand_dl_operation, &expansion, error))
        return false;
    *ret_expansion = expansion;
    return true;
}

/* --- all levels ------------------------------------------------------------------------------- */

typedef struct {
    ExgEwsService *service;
    ExgEwsExpansion *expansion; /* so far */
    GPtrArray
        *lists;  /* of ExgEwsMailbox: those found so far, in the order that they are asked for */
    guint asked; /* of them, the last one perhaps not answered yet */
    GHashTable *seen; /* keys of lists and members */
    guint max_members;
    gint64 deadline_us;
} Walk;

static void
walk_free(gpointer data)
{
    Walk *walk = data;
    exg_ews_service_unref(walk->service);
    exg_ews_expansion_free(walk->expansion);
    g_ptr_array_unref(walk->lists);
    g_hash_table_unref(walk->seen);
    g_free(walk);
}

/* Takes in a member that has not been seen before. */
static void
take_member(Walk *walk, const ExgEwsMailbox *member)
{
    bool is_list = exg_ews_mailbox_is_list(member);
    GPtrArray *where = is_list ? walk->lists : walk->expansion->members;
    guint max = is_list ? EXG_EWS_EXPAND_MAX_LISTS : walk->max_members;
    g_autofree char *key = exg_ews_mailbox_key(member);
    if (g_hash_table_contains(walk->seen, key))
        return;
    if (where->len >= max) {
        walk->expansion->complete = false;
        return;
    }
    g_hash_table_add(walk->seen, g_steal_pointer(&key));
    g_ptr_array_add(where, exg_ews_mailbox_copy(member));
}

static void
take_failure(Walk *walk, GError *error)
{
    ExgEwsExpandFailure *failure = g_new0(ExgEwsExpandFailure, 1);
    failure->list = exg_ews_mailbox_copy(g_ptr_array_index(walk->lists, walk->asked - 1));
    failure->error = error;
    g_ptr_array_add(walk->expansion->failures, failure);
    walk->expansion->complete = false;
}

static void on_level(GObject *source, GAsyncResult *result, gpointer data);

/* Takes the task. */
static void
ask_next(GTask *task)
{
    Walk *walk = g_task_get_task_data(task);
    if (walk->asked == walk->lists->len) {
        g_task_return_pointer(task, g_steal_pointer(&walk->expansion), free_expansion);
        g_object_unref(task);
        return;
    }
    const ExgEwsMailbox *list = g_ptr_array_index(walk->lists, walk->asked++);
    exg_ews_expand_dl_async(walk->service, list, walk->deadline_us, g_task_get_cancellable(task),
                            on_level, task);
}

static void
on_level(GObject *source, GAsyncResult *result, gpointer data)
{
    GTask *task = data;
    Walk *walk = g_task_get_task_data(task);
    g_autoptr(ExgEwsExpansion) level = NULL;
    GError *error = NULL;
    if (exg_ews_expand_dl_finish(walk->service, result, &level, &error)) {
        for (guint i = 0; i < level->members->len; i++)
            take_member(walk, g_ptr_array_index(level->members, i));
        walk->expansion->complete = walk->expansion->complete && level->complete;
    } else if (walk->asked == 1 || g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        g_task_return_error(task, error);
        g_object_unref(task);
        return;
    } else {
        take_failure(walk, error);
    }
    ask_next(task);
}

void
exg_ews_expand_dl_recursive_async(ExgEwsService *service, const ExgEwsMailbox *list,
                                  guint max_members, gint64 deadline_us, GCancellable *cancellable,
                                  GAsyncReadyCallback callback, gpointer data)
{
    Walk *walk = g_new0(Walk, 1);
    walk->service = exg_ews_service_ref(service);
    walk->expansion = expansion_new(exg_ews_mailbox_array_new(), true);
    walk->lists = exg_ews_mailbox_array_new();
    walk->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    walk->max_members = max_members;
    walk->deadline_us = deadline_us;
    g_ptr_array_add(walk->lists, exg_ews_mailbox_copy(list));
    g_hash_table_add(walk->seen, exg_ews_mailbox_key(list));
    GTask *task = g_task_new(NULL, cancellable, callback, data);
    g_task_set_source_tag(task, exg_ews_expand_dl_recursive_async);
    g_task_set_task_data(task, walk, walk_free);
    g_task_set_check_cancellable(task, FALSE); /* what came nevertheless is reported */
    ask_next(task);
}

bool
exg_ews_expand_dl_recursive_finish(ExgEwsService *service, GAsyncResult *result,
                                   ExgEwsExpansion **ret_expansion, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, NULL), false);
    g_return_val_if_fail(g_task_get_source_tag(G_TASK(result)) == exg_ews_expand_dl_recursive_async,
                         false);
    ExgEwsExpansion *expansion = g_task_propagate_pointer(G_TASK(result), error);
    if (expansion == NULL)
        return false;
    *ret_expansion = expansion;
    return true;
}
