/* The system's resolver is replaced by one that answers when, and what, the test says. */
#include "common/io/resolver.h"

#include "common/base/clock.h"
#include "common/base/error.h"

#include <string.h>

/* --- a resolver on strings -------------------------------------------------------------------- */

typedef GResolver Puppet;
typedef GResolverClass PuppetClass;
static GType puppet_get_type(void);
G_DEFINE_TYPE(Puppet, puppet, G_TYPE_RESOLVER)

static GPtrArray *asked; /* GTask, its data the name */

static void
puppet_lookup_async(GResolver *self, const char *host, GCancellable *cancellable,
                    GAsyncReadyCallback callback, gpointer data)
{
    GTask *task = g_task_new(self, cancellable, callback, data);
    g_task_set_task_data(task, g_strdup(host), g_free);
    g_ptr_array_add(asked, task);
}

static GList *
puppet_lookup_finish(GResolver *self, GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

static void
puppet_class_init(PuppetClass *class)
{
    class->lookup_by_name_async = puppet_lookup_async;
    class->lookup_by_name_finish = puppet_lookup_finish;
}

static void
puppet_init(Puppet *puppet)
{
}

static void
free_addresses(gpointer data)
{
    g_resolver_free_addresses(data);
}

/* Answers the oldest question: `count` addresses from 192.0.2.0 on, or an error if 0. */
static void
system_answers(guint count)
{
    g_assert_cmpuint(asked->len, >, 0);
    g_autoptr(GTask) task = g_object_ref(g_ptr_array_index(asked, 0));
    g_ptr_array_remove_index(asked, 0);
    if (count == 0) {
        g_task_return_new_error(task, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND,
                                "no such thing");
        return;
    }
    GList *addresses = NULL;
    for (guint i = 0; i < count; i++) {
        g_autofree char *text = g_strdup_printf("192.0.2.%u", i);
        addresses = g_list_append(addresses, g_inet_address_new_from_string(text));
    }
    g_task_return_pointer(task, addresses, free_addresses);
}

/* --- the tests' side -------------------------------------------------------------------------- */

typedef struct {
    ExgEngine *engine;
    ExgResolver *resolver;
} Fixture;

typedef struct {
    Fixture *f;
    guint calls;
    char *addresses; /* joined by spaces, or NULL */
    char *fault;
    guint cancels; /* another look-up */
    const char *forgets, *asks;
    bool drops; /* the resolver */
} Caller;

static void
set_up(Fixture *f, gconstpointer data)
{
    f->engine = exg_engine_new(NULL);
    f->resolver = exg_resolver_new(f->engine);
    g_assert_cmpuint(asked->len, ==, 0);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_clear_pointer(&f->resolver, exg_resolver_unref);
    while (asked->len > 0)
        system_answers(1);
    while (exg_engine_iterate(f->engine, false))
        continue;
    exg_engine_unref(f->engine);
}

static void on_answer(const char *const *addresses, const GError *error, gpointer data);

static guint
lookup(Fixture *f, const char *host, Caller *caller)
{
    *caller = (Caller){.f = f};
    return exg_resolver_lookup(f->resolver, host, exg_clock_deadline_ms(5000), on_answer, caller);
}

static void
on_answer(const char *const *addresses, const GError *error, gpointer data)
{
    Caller *caller = data;
    caller->calls++;
    g_assert_true((addresses != NULL) != (error != NULL));
    if (caller->forgets != NULL)
        exg_resolver_forget(caller->f->resolver, caller->forgets);
    if (caller->cancels != 0)
        exg_resolver_cancel(caller->f->resolver, caller->cancels);
    if (caller->drops)
        g_clear_pointer(&caller->f->resolver, exg_resolver_unref);
    if (addresses != NULL) {
        caller->addresses = g_strjoinv(" ", (GStrv)addresses);
    } else {
        g_assert_error(error, EXG_ERROR, EXG_ERROR_UNREACHABLE);
        g_assert_cmpstr(exg_error_facts(error)->stage, ==, "resolve");
        caller->fault = g_strdup(error->message);
    }
    if (caller->asks != NULL) {
        Caller again;
        lookup(caller->f, caller->asks, &again);
        g_assert_cmpuint(again.calls, ==, 1); /* known by now */
        g_free(again.addresses);
    }
}

static void
caller_clear(Caller *caller)
{
    g_free(caller->addresses);
    g_free(caller->fault);
}

static void
spin(Fixture *f)
{
    for (guint i = 0; i < 5; i++)
        exg_engine_iterate(f->engine, false);
}

static void
expect(Caller *caller, const char *addresses)
{
    g_assert_cmpuint(caller->calls, ==, 1);
    g_assert_cmpstr(caller->fault, ==, NULL);
    g_assert_cmpstr(caller->addresses, ==, addresses);
    caller_clear(caller);
}

static void
expect_fault(Caller *caller, const char *host, const char *part)
{
    g_assert_cmpuint(caller->calls, ==, 1);
    g_assert_nonnull(caller->fault);
    g_assert_nonnull(strstr(caller->fault, host));
    g_assert_nonnull(strstr(caller->fault, part));
    caller_clear(caller);
}

static void
test_at_once(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *host, *addresses;
    } rows[] = {
        {"192.0.2.7", "192.0.2.7"},       {"2001:DB8::7", "2001:db8::7"},
        {"[2001:db8::7]", "2001:db8::7"}, {"::1", "::1"},
        {"localhost", "127.0.0.1 ::1"},   {"LOCALHOST", "127.0.0.1 ::1"},
        {"localhost.", "127.0.0.1 ::1"},  {"a.localhost", "127.0.0.1 ::1"},
    };
    Caller caller;
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpuint(lookup(f, rows[i].host, &caller), ==, 0);
        expect(&caller, rows[i].addresses);
    }
    g_autofree char *long_name = g_strnfill(254, 'a');
    const char *const bad[] = {"",    long_name, "a b", "[192.0.2.7]", "[::1",
                               "::g", "a\nb",    "a/b", "u@h",         "h:25"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_cmpuint(lookup(f, bad[i], &caller), ==, 0);
        expect_fault(&caller, bad[i], "not a host name");
    }
    g_assert_cmpuint(asked->len, ==, 0);
}

/* One question for all who ask while it is under way; its answer is kept for a while. */
static void
test_shared_and_kept(Fixture *f, gconstpointer data)
{
    Caller callers[3];
    g_assert_cmpuint(lookup(f, "mail.example", &callers[0]), !=, 0);
    g_assert_cmpuint(lookup(f, "MAIL.example", &callers[1]), !=, 0);
    g_assert_cmpuint(asked->len, ==, 1);
    g_assert_cmpstr(g_task_get_task_data(g_ptr_array_index(asked, 0)), ==, "mail.example");
    spin(f);
    g_assert_cmpuint(callers[0].calls, ==, 0);
    system_answers(2);
    g_assert_cmpuint(callers[0].calls, ==, 0); /* only from the engine */
    spin(f);
    expect(&callers[0], "192.0.2.0 192.0.2.1");
    expect(&callers[1], "192.0.2.0 192.0.2.1");

    exg_clock_advance((EXG_RESOLVER_KEEP_MS - 1000) * 1000);
    g_assert_cmpuint(lookup(f, "mail.example", &callers[2]), ==, 0);
    expect(&callers[2], "192.0.2.0 192.0.2.1");
    exg_clock_advance(1000 * 1000);
    g_assert_cmpuint(lookup(f, "mail.example", &callers[2]), !=, 0);
    system_answers(1);
    spin(f);
    expect(&callers[2], "192.0.2.0");
    exg_resolver_forget(f->resolver, "Mail.Example");
    g_assert_cmpuint(lookup(f, "mail.example", &callers[2]), !=, 0);
    exg_resolver_forget(f->resolver, "mail.example"); /* does not disturb the question under way */
    system_answers(EXG_RESOLVER_MAX_ADDRESSES + 10);
    spin(f);
    g_assert_nonnull(strstr(callers[2].addresses, "192.0.2.15"));
    g_assert_null(strstr(callers[2].addresses, "192.0.2.16"));
    caller_clear(&callers[2]);
}

static void
test_failure_not_kept(Fixture *f, gconstpointer data)
{
    Caller caller;
    for (guint i = 0; i < 2; i++) {
        g_assert_cmpuint(lookup(f, "nowhere.example", &caller), !=, 0);
        system_answers(0);
        spin(f);
        expect_fault(&caller, "nowhere.example", "there is no such name");
    }
}

static void
test_deadline(Fixture *f, gconstpointer data)
{
    Caller caller;
    Caller patient;
    g_assert_cmpuint(lookup(f, "slow.example", &caller), !=, 0);
    patient = (Caller){.f = f};
    exg_resolver_lookup(f->resolver, "slow.example", EXG_NO_DEADLINE, on_answer, &patient);
    exg_clock_advance(5001 * 1000);
    spin(f);
    expect_fault(&caller, "slow.example", "no answer in time");
    g_assert_cmpuint(patient.calls, ==, 0);
    system_answers(1);
    spin(f);
    expect(&patient, "192.0.2.0");
    g_assert_cmpuint(lookup(f, "slow.example", &caller), ==, 0);
    expect(&caller, "192.0.2.0");
}

static void
test_cancel(Fixture *f, gconstpointer data)
{
    Caller callers[3];
    guint ids[3];
    for (guint i = 0; i < 3; i++)
        ids[i] = lookup(f, "mail.example", &callers[i]);
    callers[0].cancels = ids[1];
    exg_resolver_cancel(f->resolver, ids[2]);
    exg_resolver_cancel(f->resolver, ids[2]);
    exg_resolver_cancel(f->resolver, 0);
    exg_resolver_cancel(f->resolver, 4711);
    system_answers(1);
    spin(f);
    expect(&callers[0], "192.0.2.0");
    g_assert_cmpuint(callers[1].calls + callers[2].calls, ==, 0);
}

/* A function that is told may forget the host, ask for it again, or drop the resolver. */
static void
test_from_callback(Fixture *f, gconstpointer data)
{
    Caller callers[3];
    for (guint i = 0; i < 3; i++)
        lookup(f, "mail.example", &callers[i]);
    callers[0].asks = "mail.example";
    callers[1].forgets = "mail.example";
    system_answers(1);
    spin(f);
    for (guint i = 0; i < 3; i++)
        expect(&callers[i], "192.0.2.0");
    lookup(f, "mail.example", &callers[0]);
    g_assert_cmpuint(asked->len, ==, 1); /* forgotten indeed */
    lookup(f, "mail.example", &callers[1]);
    callers[0].drops = true;
    system_answers(1);
    spin(f);
    expect(&callers[0], "192.0.2.0");
    expect(&callers[1], "192.0.2.0");

    f->resolver = exg_resolver_new(f->engine);
    lookup(f, "mail.example", &callers[0]);
    system_answers(1);
    spin(f);
    caller_clear(&callers[0]);
    callers[0] = (Caller){
        .f = f, .forgets = "mail.example"}; /* inside the call, of what it is being given */
    exg_resolver_lookup(f->resolver, "mail.example", 0, on_answer, &callers[0]);
    expect(&callers[0], "192.0.2.0");
}

/* Dropped while questions are under way: nobody is called, and the answers that come later do no harm. */
static void
test_dropped(Fixture *f, gconstpointer data)
{
    Caller callers[2];
    lookup(f, "a.example", &callers[0]);
    lookup(f, "b.example", &callers[1]);
    g_clear_pointer(&f->resolver, exg_resolver_unref);
    system_answers(1);
    spin(f);
    g_assert_cmpuint(callers[0].calls + callers[1].calls, ==, 0);
    exg_resolver_unref(NULL);
}

static void
test_bound(Fixture *f, gconstpointer data)
{
    Caller caller;
    g_autofree Caller *callers = g_new(Caller, EXG_RESOLVER_MAX_NAMES);
    for (guint i = 0; i < EXG_RESOLVER_MAX_NAMES; i++) {
        g_autofree char *host = g_strdup_printf("h%u.example", i);
        g_assert_cmpuint(lookup(f, host, &callers[i]), !=, 0);
    }
    g_assert_cmpuint(lookup(f, "more.example", &caller), ==, 0);
    expect_fault(&caller, "more.example", "too many");
    for (guint i = 0; i < EXG_RESOLVER_MAX_NAMES; i++) {
        system_answers(1);
        spin(f);
        expect(&callers[i], "192.0.2.0");
        exg_clock_advance(1);
    }
    g_assert_cmpuint(lookup(f, "more.example", &caller), !=, 0); /* the oldest makes room */
    system_answers(1);
    spin(f);
    expect(&caller, "192.0.2.0");
    g_assert_cmpuint(lookup(f, "h1.example", &caller), ==, 0);
    expect(&caller, "192.0.2.0");
    g_assert_cmpuint(lookup(f, "h0.example", &caller), !=, 0);
    exg_resolver_cancel(f->resolver, 0);
    system_answers(1);
    spin(f);
    expect(&caller, "192.0.2.0");
}

/* The real one, with a name that never exists (RFC 6761): it fails or runs into its deadline, with or without a network. */
static void
test_system(gconstpointer system)
{
    g_autoptr(GResolver) puppet = g_resolver_get_default();
    g_resolver_set_default((GResolver *)system);
    Fixture f = {.engine = exg_engine_new(NULL)};
    f.resolver = exg_resolver_new(f.engine);
    Caller caller = {.f = &f};
    exg_resolver_lookup(f.resolver, "exgate-test.invalid", exg_clock_deadline_ms(500), on_answer,
                        &caller);
    while (caller.calls == 0)
        exg_engine_iterate(f.engine, true);
    expect_fault(&caller, "exgate-test.invalid", "");
    exg_resolver_unref(f.resolver);
    exg_engine_unref(f.engine);
    g_resolver_set_default(puppet);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    asked = g_ptr_array_new_with_free_func(g_object_unref);
    g_autoptr(GResolver) system = g_resolver_get_default();
    g_autoptr(GResolver) puppet = g_object_new(puppet_get_type(), NULL);
    g_resolver_set_default(puppet);
    g_test_add_data_func("/resolver/system", system, test_system);
#define ADD(name, function)                                                                        \
    g_test_add("/resolver/puppet/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("at-once", test_at_once);
    ADD("shared-and-kept", test_shared_and_kept);
    ADD("failure-not-kept", test_failure_not_kept);
    ADD("deadline", test_deadline);
    ADD("cancel", test_cancel);
    ADD("from-callback", test_from_callback);
    ADD("dropped", test_dropped);
    ADD("bound", test_bound);
    int result = g_test_run();
    g_resolver_set_default(system);
    g_ptr_array_unref(asked);
    return result;
}
