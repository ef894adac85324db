#include "tests/lib/names.h"

typedef GResolver Names;
typedef GResolverClass NamesClass;
static GType names_get_type(void);
G_DEFINE_TYPE(Names, names, G_TYPE_RESOLVER)

typedef struct {
    char *name, *target;
    guint16 priority, weight, port;
} Record;

static GResolver *before;
static GHashTable *hosts;  /* to an address, or "" */
static GPtrArray *records; /* of Record */
static GString *questions;

static void
record_free(gpointer data)
{
    Record *record = data;
    g_free(record->name);
    g_free(record->target);
    g_free(record);
}

static void
free_addresses(gpointer data)
{
    g_resolver_free_addresses(data);
}

static void
free_targets(gpointer data)
{
    g_resolver_free_targets(data);
}

static gboolean
on_given_up(GCancellable *cancellable, gpointer data)
{
    (void)g_task_return_error_if_cancelled(data);
    return G_SOURCE_REMOVE;
}

/* Nobody answers; the question ends when it is cancelled. */
static void
never(GTask *task)
{
    GCancellable *cancellable = g_task_get_cancellable(task);
    if (cancellable == NULL)
        return;
    g_autoptr(GSource) source = g_cancellable_source_new(cancellable);
    g_source_set_callback(source, G_SOURCE_FUNC(on_given_up), g_object_ref(task), g_object_unref);
    g_source_attach(source, g_task_get_context(task));
}

static void
unknown(GTask *task)
{
    g_task_return_new_error(task, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "no such name");
}

static void
lookup_by_name_async(GResolver *self, const char *host, GCancellable *cancellable,
                     GAsyncReadyCallback callback, gpointer data)
{
    g_autoptr(GTask) task = g_task_new(self, cancellable, callback, data);
    g_autofree char *name = g_ascii_strdown(host, -1);
    g_string_append_printf(questions, "%s\n", name);
    const char *address = g_hash_table_lookup(hosts, name);
    if (address == NULL)
        unknown(task);
    else if (address[0] == '\0')
        never(task);
    else
        g_task_return_pointer(task, g_list_append(NULL, g_inet_address_new_from_string(address)),
                              free_addresses);
}

static void
lookup_service_async(GResolver *self, const char *name, GCancellable *cancellable,
                     GAsyncReadyCallback callback, gpointer data)
{
    g_autoptr(GTask) task = g_task_new(self, cancellable, callback, data);
    GList *targets = NULL;
    g_string_append_printf(questions, "SRV %s\n", name);
    for (guint i = 0; i < records->len; i++) {
        const Record *record = g_ptr_array_index(records, i);
        if (g_ascii_strcasecmp(record->name, name) != 0)
            continue;
        if (record->target == NULL) {
            never(task);
            return;
        }
        targets = g_list_append(targets, g_srv_target_new(record->target, record->port,
                                                          record->priority, record->weight));
    }
    if (targets == NULL)
        unknown(task);
    else
        g_task_return_pointer(task, targets, free_targets);
}

static GList *
finish(GResolver *self, GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

static void
names_class_init(NamesClass *class)
{
    class->lookup_by_name_async = lookup_by_name_async;
    class->lookup_by_name_finish = finish;
    class->lookup_service_async = lookup_service_async;
    class->lookup_service_finish = finish;
}

static void
names_init(Names *names)
{
}

void
test_names_begin(void)
{
    g_autoptr(GResolver) names = g_object_new(names_get_type(), NULL);
    before = g_resolver_get_default();
    hosts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    records = g_ptr_array_new_with_free_func(record_free);
    questions = g_string_new(NULL);
    g_resolver_set_default(names);
}

void
test_names_end(void)
{
    g_resolver_set_default(before);
    g_clear_object(&before);
    g_clear_pointer(&hosts, g_hash_table_unref);
    g_clear_pointer(&records, g_ptr_array_unref);
    g_string_free(questions, TRUE);
}

void
test_names_add(const char *host, const char *address)
{
    g_hash_table_insert(hosts, g_ascii_strdown(host, -1), g_strdup(address != NULL ? address : ""));
}

void
test_names_add_srv(const char *name, guint priority, guint weight, guint port, const char *target)
{
    Record *record = g_new0(Record, 1);
    *record = (Record){.name = g_strdup(name),
                       .target = g_strdup(target),
                       .priority = (guint16)priority,
                       .weight = (guint16)weight,
                       .port = (guint16)port};
    g_ptr_array_add(records, record);
}

const char *
test_names_asked(void)
{
    return questions->str;
}
