/* That ThreadSanitizer, as told by tests/lib/tsan-glib.c, is silent about hand-overs through GLib and still sees races
 * beside them. A false report ends this program with the sanitizer's exit status; in other builds only the hand-overs
 * themselves are tested. */
#include <gio/gio.h>
#include <stdbool.h>

#define ROUNDS 1000

typedef struct {
    GMutex lock, other_lock;
    GCond changed;
    GAsyncQueue *queue;
    GArray *values;
    GHashTable *table;
    gint64 value;   /* what the threads contend for */
    bool ready;     /* of `lock` */
    gint unordered; /* set and read in a way that orders nothing else */
} Site;

static void
site_init(Site *site)
{
    *site = (Site){
        .queue = g_async_queue_new(),
        .values = g_array_new(FALSE, FALSE, sizeof(gint64)),
        .table = g_hash_table_new(NULL, NULL),
    };
    g_mutex_init(&site->lock);
    g_mutex_init(&site->other_lock);
    g_cond_init(&site->changed);
}

static void
site_clear(Site *site)
{
    g_hash_table_unref(site->table);
    g_array_unref(site->values);
    g_async_queue_unref(site->queue);
    g_cond_clear(&site->changed);
    g_mutex_clear(&site->lock);
    g_mutex_clear(&site->other_lock);
}

/* Runs one function in a thread of its own beside another in this one. */
static gint64
run_both(GThreadFunc there, void (*here)(Site *))
{
    Site site;
    site_init(&site);
    GThread *thread = g_thread_new("there", there, &site);
    here(&site);
    g_thread_join(thread);
    gint64 value = site.value;
    site_clear(&site);
    return value;
}

/* --- hand-overs ------------------------------------------------------------------------------- */

static void
count_locked(Site *site)
{
    for (guint i = 0; i < ROUNDS; i++) {
        if (i % 2 == 0)
            g_mutex_lock(&site->lock);
        else
            while (!g_mutex_trylock(&site->lock))
                g_thread_yield();
        site->value++;
        g_mutex_unlock(&site->lock);
    }
}

static gpointer
count_locked_there(gpointer data)
{
    count_locked(data);
    return NULL;
}

static void
test_lock(void)
{
    g_assert_cmpint(run_both(count_locked_there, count_locked), ==, 2 * ROUNDS);
}

/* Waits until it is this side's turn, counts, and gives the turn to the other. */
static void
take_turns(Site *site, bool mine)
{
    g_mutex_lock(&site->lock);
    for (guint i = 0; i < ROUNDS; i++) {
        while (site->ready != mine) {
            if (i % 2 == 0)
                g_cond_wait(&site->changed, &site->lock);
            else
                (void)g_cond_wait_until(&site->changed, &site->lock,
                                        g_get_monotonic_time() + G_USEC_PER_SEC);
        }
        site->value++;
        site->ready = !mine;
        g_cond_signal(&site->changed);
    }
    g_mutex_unlock(&site->lock);
}

static void
take_turns_here(Site *site)
{
    take_turns(site, false);
}

static gpointer
take_turns_there(gpointer data)
{
    take_turns(data, true);
    return NULL;
}

static void
test_condition(void)
{
    g_assert_cmpint(run_both(take_turns_there, take_turns_here), ==, 2 * ROUNDS);
}

static void
push_all(Site *site)
{
    for (gint64 i = 1; i <= ROUNDS; i++)
        g_async_queue_push(site->queue, g_memdup2(&i, sizeof i));
}

static gpointer
pop_all(gpointer data)
{
    Site *site = data;
    for (guint i = 0; i < ROUNDS; i++) {
        gint64 *item = i % 2 == 0 ? g_async_queue_try_pop(site->queue)
                                  : g_async_queue_timeout_pop(site->queue, G_USEC_PER_SEC);
        if (item == NULL)
            item = g_async_queue_pop(site->queue);
        site->value += (*item)++;
        g_free(item);
    }
    return NULL;
}

static void
test_queue(void)
{
    g_assert_cmpint(run_both(pop_all, push_all), ==, (gint64)ROUNDS * (ROUNDS + 1) / 2);
}

static void
count_in_task(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    Site *site = data;
    site->value++;
    g_task_return_pointer(task, &site->value, NULL);
}

static void
on_counted(GObject *object, GAsyncResult *result, gpointer data)
{
    gint64 *value = g_task_propagate_pointer(G_TASK(result), NULL);
    Site *site = data;
    ++*value;
    site->ready = true;
}

static void
test_task(void)
{
    Site site;
    site_init(&site);
    for (guint i = 0; i < 100; i++) {
        g_autoptr(GTask) task = g_task_new(NULL, NULL, on_counted, &site);
        g_task_set_task_data(task, &site, NULL);
        site.ready = false;
        site.value++;
        g_task_run_in_thread(task, count_in_task);
        while (!site.ready)
            g_main_context_iteration(NULL, TRUE);
    }
    g_assert_cmpint(site.value, ==, 300);
    site_clear(&site);
}

static gpointer
reach(gpointer value)
{
    *(gint64 *)value = 1;
    return value;
}

static gint64
reach_at_first(void)
{
    static gsize entered;
    static gint64 reached;
    if (g_once_init_enter(&entered)) {
        reached = 1;
        g_once_init_leave(&entered, 1);
    }
    return reached;
}

static gpointer
reach_once(gpointer data)
{
    static GOnce once = G_ONCE_INIT;
    static gint64 reached;
    gint64 *seen = g_once(&once, reach, &reached);
    return GINT_TO_POINTER((int)(*seen + reach_at_first()));
}

static void
test_once(void)
{
    GThread *threads[4];
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("once", reach_once, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(threads[i])), ==, 2);
}

#ifdef __SANITIZE_THREAD__

/* --- races: each of them happens for certain, and only the sanitizer can know ------------------ */

static void
signal_unordered(Site *site)
{
    __atomic_store_n(&site->unordered, 1, __ATOMIC_RELAXED);
}

static void
await_unordered(Site *site)
{
    while (__atomic_load_n(&site->unordered, __ATOMIC_RELAXED) == 0)
        g_thread_yield();
}

static gpointer
count_unlocked_there(gpointer data)
{
    Site *site = data;
    site->value++;
    signal_unordered(site);
    return NULL;
}

static void
count_unlocked(Site *site)
{
    await_unordered(site);
    site->value++;
}

static gpointer
count_under_lock_there(gpointer data)
{
    Site *site = data;
    g_mutex_lock(&site->lock);
    site->value++;
    g_mutex_unlock(&site->lock);
    signal_unordered(site);
    return NULL;
}

static void
count_under_other_lock(Site *site)
{
    await_unordered(site);
    g_mutex_lock(&site->other_lock);
    site->value++;
    g_mutex_unlock(&site->other_lock);
}

static gpointer
pop_and_look_there(gpointer data)
{
    Site *site = data;
    gint64 *item = g_async_queue_pop(site->queue);
    await_unordered(site);
    *item += 1;
    return NULL;
}

static void
push_and_change(Site *site)
{
    g_async_queue_push(site->queue, &site->value);
    site->value++;
    signal_unordered(site);
}

static void
on_nothing(GObject *object, GAsyncResult *result, gpointer data)
{
    ((Site *)data)->ready = g_task_propagate_pointer(G_TASK(result), NULL) == NULL;
}

static void
look_in_task(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    Site *site = data;
    await_unordered(site);
    g_assert_cmpint(site->value, ==, 1);
    g_task_return_pointer(task, NULL, NULL);
}

static gpointer
nothing_there(gpointer data)
{
    return NULL;
}

static void
run_and_change(Site *site)
{
    g_autoptr(GTask) task = g_task_new(NULL, NULL, on_nothing, site);
    g_task_set_task_data(task, site, NULL);
    g_task_run_in_thread(task, look_in_task);
    site->value++;
    signal_unordered(site);
    while (!site->ready)
        g_main_context_iteration(NULL, TRUE);
}

static gpointer
append_there(gpointer data)
{
    Site *site = data;
    g_array_append_val(site->values, site->value);
    signal_unordered(site);
    return NULL;
}

static void
look_into_array(Site *site)
{
    await_unordered(site);
    g_assert_cmpuint(site->values->len, ==, 1);
}

static gpointer
insert_there(gpointer data)
{
    Site *site = data;
    g_hash_table_add(site->table, site);
    signal_unordered(site);
    return NULL;
}

static void
look_into_table(Site *site)
{
    await_unordered(site);
    g_assert_true(g_hash_table_contains(site->table, site));
}

typedef struct {
    const char *path;
    GThreadFunc there;
    void (*here)(Site *);
} Race;

static const Race races[] = {
    {"/tsan-glib/race/no-lock", count_unlocked_there, count_unlocked},
    {"/tsan-glib/race/another-lock", count_under_lock_there, count_under_other_lock},
    {"/tsan-glib/race/changed-after-push", pop_and_look_there, push_and_change},
    {"/tsan-glib/race/changed-after-run", nothing_there, run_and_change},
    {"/tsan-glib/race/array", append_there, look_into_array},
    {"/tsan-glib/race/hash-table", insert_there, look_into_table},
};

static void
test_race(gconstpointer data)
{
    const Race *race = data;
    if (g_test_subprocess()) {
        (void)run_both(race->there, race->here);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*WARNING: ThreadSanitizer: data race*reported 1 warnings*");
}

#endif /* __SANITIZE_THREAD__ */

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tsan-glib/lock", test_lock);
    g_test_add_func("/tsan-glib/condition", test_condition);
    g_test_add_func("/tsan-glib/queue", test_queue);
    g_test_add_func("/tsan-glib/task", test_task);
    g_test_add_func("/tsan-glib/once", test_once);
#ifdef __SANITIZE_THREAD__
    for (guint i = 0; i < G_N_ELEMENTS(races); i++)
        g_test_add_data_func(races[i].path, &races[i], test_race);
#endif
    return g_test_run();
}
