#include "common/io/resolver.h"

#include "common/base/clock.h"
#include "common/base/error.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define MAX_HOST_BYTES 253

/* What a look-up under way holds on to. It belongs to its GCancellable, and so to the GTask, which may outlive us. */
typedef struct {
    ExgResolver *resolver; /* NULL: nobody is interested any more */
    const char *host;
} Lookup;

/* A host whose addresses are known, or being looked up. */
typedef struct {
    char *host;
    GStrv addresses; /* NULL: not yet */
    gint64 keep_until_us;
    GCancellable *cancellable; /* of the look-up under way, else NULL */
    Lookup *lookup;
    GQueue waiters;
} Name;

typedef struct {
    ExgResolver *resolver;
    Name *name;
    guint id;
    ExgResolverFunc function;
    gpointer data;
    ExgTimer deadline;
    GList link; /* in the name's waiters */
} Waiter;

struct ExgResolver {
    gint references;
    ExgEngine *engine;
    GResolver *system;
    GHashTable *names;   /* host, in lower case, to Name */
    GHashTable *waiters; /* id to Waiter */
    guint last_id;
};

/* --- waiters ---------------------------------------------------------------------------------- */

static void
waiter_free(Waiter *waiter)
{
    exg_timer_cancel(&waiter->deadline);
    g_queue_unlink(&waiter->name->waiters, &waiter->link);
    g_hash_table_remove(waiter->resolver->waiters, GUINT_TO_POINTER(waiter->id));
    g_free(waiter);
}

static void
name_free(gpointer data)
{
    Name *name = data;
    while (name->waiters.length > 0)
        waiter_free(g_queue_peek_head(&name->waiters));
    if (name->cancellable != NULL) {
        name->lookup->resolver = NULL;
        g_cancellable_cancel(name->cancellable);
        g_object_unref(name->cancellable);
    }
    g_free(name->host);
    g_strfreev(name->addresses);
    g_free(name);
}

static void
answer(Waiter *waiter, const char *const *addresses, const GError *error)
{
    ExgResolverFunc function = waiter->function;
    gpointer data = waiter->data;
    waiter_free(waiter);
    function(addresses, error, data);
}

static GError *
unreachable(const char *host, const char *reason)
{
    GError *error = exg_error_new(EXG_ERROR_UNREACHABLE, "Cannot find the address of %s: %s", host,
                                  reason);
    exg_error_set_stage(error, "resolve");
    return error;
}

static void
on_deadline(gpointer data)
{
    Waiter *waiter = data;
    g_autoptr(GError) error = unreachable(waiter->name->host, "no answer in time");
    answer(waiter, NULL, error);
}

static guint
wait_for(ExgResolver *resolver, Name *name, gint64 deadline_us, ExgResolverFunc function,
         gpointer data)
{
    Waiter *waiter = g_new0(Waiter, 1);
    do
        waiter->id = ++resolver->last_id;
    while (waiter->id == 0 ||
           g_hash_table_contains(resolver->waiters, GUINT_TO_POINTER(waiter->id)));
    waiter->resolver = resolver;
    waiter->name = name;
    waiter->function = function;
    waiter->data = data;
    waiter->link.data = waiter;
    g_queue_push_tail_link(&name->waiters, &waiter->link);
    g_hash_table_insert(resolver->waiters, GUINT_TO_POINTER(waiter->id), waiter);
    exg_timer_init(&waiter->deadline, resolver->engine, on_deadline, waiter);
    exg_timer_set(&waiter->deadline, deadline_us);
    return waiter->id;
}

/* --- asking the system ------------------------------------------------------------------------ */

static GStrv
to_texts(GList *addresses)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new();
    for (GList *at = addresses; at != NULL && texts->len < EXG_RESOLVER_MAX_ADDRESSES;
         at = at->next)
        g_ptr_array_add(texts, g_inet_address_to_string(at->data));
    g_ptr_array_add(texts, NULL);
    return (GStrv)g_ptr_array_steal(texts, NULL);
}

static Name *
name_new(const char *host)
{
    Name *name = g_new0(Name, 1);
    name->host = g_strdup(host);
    return name;
}

static void
keep(ExgResolver *resolver, const char *host, const char *const *addresses)
{
    Name *name = name_new(host);
    name->addresses = g_strdupv((GStrv)addresses);
    name->keep_until_us = exg_clock_deadline_ms(EXG_RESOLVER_KEEP_MS);
    g_hash_table_insert(resolver->names, name->host, name);
}

/* The name leaves the table before its waiters are told: they may look it up again, forget it or drop the resolver. */
static void
complete(ExgResolver *resolver, const char *host, const char *const *addresses, const GError *error)
{
    exg_resolver_ref(resolver);
    Name *name = g_hash_table_lookup(resolver->names, host);
    g_hash_table_steal(resolver->names, host);
    name->lookup->resolver = NULL;
    if (addresses != NULL)
        keep(resolver, name->host, addresses);
    while (name->waiters.length > 0)
        answer(g_queue_peek_head(&name->waiters), addresses, error);
    name_free(name);
    exg_resolver_unref(resolver);
}

/* GLib's sentence names the host once more. */
static const char *
reason_of(const GError *error)
{
    if (g_error_matches(error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND))
        return "there is no such name, or it has no address";
    if (g_error_matches(error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_TEMPORARY_FAILURE))
        return "the name server gave no answer";
    return error->message;
}

static void
on_resolved(GObject *source, GAsyncResult *result, gpointer data)
{
    const Lookup *lookup = data;
    g_autoptr(GError) reason = NULL;
    GList *found = g_resolver_lookup_by_name_finish(G_RESOLVER(source), result, &reason);
    if (lookup->resolver != NULL && found != NULL) {
        g_auto(GStrv) texts = to_texts(found);
        complete(lookup->resolver, lookup->host, (const char *const *)texts, NULL);
    } else if (lookup->resolver != NULL) {
        g_autoptr(GError) error = unreachable(lookup->host, reason_of(reason));
        complete(lookup->resolver, lookup->host, NULL, error);
    }
    g_resolver_free_addresses(found);
}

static Name *
ask_system(ExgResolver *resolver, const char *host)
{
    Name *name = name_new(host);
    name->cancellable = g_cancellable_new();
    name->lookup = g_new0(Lookup, 1);
    *name->lookup = (Lookup){resolver, name->host};
    g_object_set_data_full(G_OBJECT(name->cancellable), "exg-lookup", name->lookup, g_free);
    g_hash_table_insert(resolver->names, name->host, name);
    GMainContext *context = exg_engine_context(resolver->engine);
    g_main_context_push_thread_default(context);
    g_resolver_lookup_by_name_async(resolver->system, host, name->cancellable, on_resolved,
                                    name->lookup);
    g_main_context_pop_thread_default(context);
    return name;
}

/* --- what is known without asking ------------------------------------------------------------- */

static bool
is_localhost(const char *host)
{
    return g_str_equal(host, "localhost") || g_str_equal(host, "localhost.") ||
           g_str_has_suffix(host, ".localhost");
}

/* The text of a numeric address, with or without brackets, or NULL. */
static char *
parse_numeric(const char *host)
{
    gsize length = strlen(host);
    bool bracketed = length > 2 && host[0] == '[' && host[length - 1] == ']';
    g_autofree char *inner = bracketed ? g_strndup(host + 1, length - 2) : g_strdup(host);
    unsigned char binary[sizeof(struct in6_addr)];
    char text[INET6_ADDRSTRLEN];
    if (!bracketed && inet_pton(AF_INET, inner, binary) == 1)
        return g_strdup(inet_ntop(AF_INET, binary, text, sizeof text));
    if (inet_pton(AF_INET6, inner, binary) == 1)
        return g_strdup(inet_ntop(AF_INET6, binary, text, sizeof text));
    return NULL;
}

static bool
is_host_name(const char *host)
{
    gsize length = strlen(host);
    if (length == 0 || length > MAX_HOST_BYTES)
        return false;
    for (gsize i = 0; i < length; i++)
        if (g_ascii_iscntrl(host[i]) || strchr(" []:/@", host[i]) != NULL)
            return false;
    return true;
}

/* A name that is kept and still fresh, or under way. */
static Name *
find(ExgResolver *resolver, const char *host)
{
    Name *name = g_hash_table_lookup(resolver->names, host);
    if (name == NULL || name->addresses == NULL || exg_clock_monotonic_us() < name->keep_until_us)
        return name;
    g_hash_table_remove(resolver->names, host);
    return NULL;
}

/* Drops the name kept longest if the table is full; answers whether there is room now. */
static bool
make_room(ExgResolver *resolver)
{
    if (g_hash_table_size(resolver->names) < EXG_RESOLVER_MAX_NAMES)
        return true;
    GHashTableIter iterator;
    gpointer value;
    const Name *oldest = NULL;
    g_hash_table_iter_init(&iterator, resolver->names);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        const Name *name = value;
        if (name->addresses != NULL &&
            (oldest == NULL || name->keep_until_us < oldest->keep_until_us))
            oldest = name;
    }
    if (oldest != NULL)
        g_hash_table_remove(resolver->names, oldest->host);
    return oldest != NULL;
}

/* --- the object ------------------------------------------------------------------------------- */

ExgResolver *
exg_resolver_new(ExgEngine *engine)
{
    ExgResolver *resolver = g_new0(ExgResolver, 1);
    resolver->references = 1;
    resolver->engine = exg_engine_ref(engine);
    resolver->system = g_resolver_get_default();
    resolver->names = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, name_free);
    resolver->waiters = g_hash_table_new(NULL, NULL);
    return resolver;
}

ExgResolver *
exg_resolver_ref(ExgResolver *resolver)
{
    g_atomic_int_inc(&resolver->references);
    return resolver;
}

void
exg_resolver_unref(ExgResolver *resolver)
{
    if (resolver == NULL || !g_atomic_int_dec_and_test(&resolver->references))
        return;
    g_hash_table_unref(resolver->names);
    g_hash_table_unref(resolver->waiters);
    g_object_unref(resolver->system);
    exg_engine_unref(resolver->engine);
    g_free(resolver);
}

static guint
answer_at_once(const char *const *addresses, const GError *error, ExgResolverFunc function,
               gpointer data)
{
    function(addresses, error, data);
    return 0;
}

guint
exg_resolver_lookup(ExgResolver *resolver, const char *host, gint64 deadline_us,
                    ExgResolverFunc function, gpointer data)
{
    static const char *const loopback[] = {"127.0.0.1", "::1", NULL};
    g_autofree char *numeric = parse_numeric(host);
    if (numeric != NULL)
        return answer_at_once((const char *const[]){numeric, NULL}, NULL, function, data);
    g_autofree char *key = g_ascii_strdown(host, -1);
    if (is_localhost(key))
        return answer_at_once(loopback, NULL, function, data);
    const char *fault = NULL;
    Name *name = NULL;
    if (!is_host_name(key))
        fault = "it is not a host name";
    else if ((name = find(resolver, key)) == NULL && !make_room(resolver))
        fault = "too many other look-ups are under way";
    if (fault != NULL) {
        g_autoptr(GError) error = unreachable(host, fault);
        return answer_at_once(NULL, error, function, data);
    }
    if (name != NULL && name->addresses != NULL) {
        g_auto(GStrv) copy = g_strdupv(name->addresses); /* the function may forget them */
        return answer_at_once((const char *const *)copy, NULL, function, data);
    }
    return wait_for(resolver, name != NULL ? name : ask_system(resolver, key), deadline_us,
                    function, data);
}

void
exg_resolver_cancel(ExgResolver *resolver, guint lookup)
{
    Waiter *waiter = g_hash_table_lookup(resolver->waiters, GUINT_TO_POINTER(lookup));
    if (waiter != NULL)
        waiter_free(waiter);
}

void
exg_resolver_forget(ExgResolver *resolver, const char *host)
{
    g_autofree char *key = g_ascii_strdown(host, -1);
    const Name *name = g_hash_table_lookup(resolver->names, key);
    if (name != NULL && name->addresses != NULL)
        g_hash_table_remove(resolver->names, key);
}
