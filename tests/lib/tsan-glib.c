/* What ThreadSanitizer has to be told about GLib.
 *
 * Distributions ship GLib without instrumentation, and its locks are futexes of its own rather than pthread's: the
 * sanitizer sees our memory accesses but not what orders them, and calls every hand-over a race. The functions below
 * stand in front of GLib's, for our code and for GIO's, and report what they order, object by object. What our
 * code does to GLib's containers, unseen likewise, they report as an access to the container.
 *
 * Threads need nothing (GLib starts and joins them with pthread), nor do g_atomic_*() (compiler built-ins), nor wake-ups
 * (an eventfd, which the sanitizer follows). In any other build this file is empty. */
#ifdef __SANITIZE_THREAD__

#include <dlfcn.h>
#include <gio/gio.h>
#include <sanitizer/tsan_interface.h>
#include <stdbool.h>

/* The macros are only for C code that calls these; here are the functions. */
#undef g_once_init_enter
#undef g_once_init_leave

/* GLib's own function of that name. */
#define REAL(name)                                                                                 \
    ({                                                                                             \
        static __typeof__(&name) real;                                                             \
        if (__atomic_load_n(&real, __ATOMIC_RELAXED) == NULL)                                      \
            __atomic_store_n(&real, (__typeof__(&name))dlsym(RTLD_NEXT, #name), __ATOMIC_RELAXED); \
        __atomic_load_n(&real, __ATOMIC_RELAXED);                                                  \
    })

const char *__tsan_default_options(void);
const char *__tsan_default_suppressions(void);
/* What instrumented code calls for an access of any size; the sanitizer's header leaves them out. */
void __tsan_read_range(void *start, long size);
void __tsan_write_range(void *start, long size);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);

const char *
__tsan_default_options(void)
{
    return "second_deadlock_stack=1:history_size=4";
}

/* What GLib allocates and frees under locks of its own, seen only as malloc() and free(). */
const char *
__tsan_default_suppressions(void)
{
    return "race:^g_queue_pop_tail$\n" /* a link of a GAsyncQueue */
           "race:^g_rw_lock_\n"        /* the lock inside a GRWLock, made at its first use */
           "race:^g_rec_mutex_\n";     /* likewise */
}

/* --- locks ------------------------------------------------------------------------------------ */

void
g_mutex_lock(GMutex *mutex)
{
    __tsan_mutex_pre_lock(mutex, __tsan_mutex_linker_init);
    REAL(g_mutex_lock)(mutex);
    __tsan_mutex_post_lock(mutex, __tsan_mutex_linker_init, 0);
}

gboolean
g_mutex_trylock(GMutex *mutex)
{
    const unsigned flags = __tsan_mutex_linker_init | __tsan_mutex_try_lock;
    __tsan_mutex_pre_lock(mutex, flags);
    gboolean locked = REAL(g_mutex_trylock)(mutex);
    __tsan_mutex_post_lock(mutex, locked ? flags : flags | __tsan_mutex_try_lock_failed, 0);
    return locked;
}

void
g_mutex_unlock(GMutex *mutex)
{
    (void)__tsan_mutex_pre_unlock(mutex, 0);
    REAL(g_mutex_unlock)(mutex);
    __tsan_mutex_post_unlock(mutex, 0);
}

void
g_mutex_clear(GMutex *mutex)
{
    __tsan_mutex_destroy(mutex, 0);
    REAL(g_mutex_clear)(mutex);
}

/* A wait gives the mutex back and takes it again, unseen. */
static void
before_wait(GMutex *mutex)
{
    (void)__tsan_mutex_pre_unlock(mutex, 0);
    __tsan_mutex_post_unlock(mutex, 0);
}

static void
after_wait(GMutex *mutex)
{
    __tsan_mutex_pre_lock(mutex, 0);
    __tsan_mutex_post_lock(mutex, 0, 0);
}

void
g_cond_wait(GCond *cond, GMutex *mutex)
{
    before_wait(mutex);
    REAL(g_cond_wait)(cond, mutex);
    after_wait(mutex);
}

gboolean
g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end_time)
{
    before_wait(mutex);
    gboolean signalled = REAL(g_cond_wait_until)(cond, mutex, end_time);
    after_wait(mutex);
    return signalled;
}

/* --- queues ----------------------------------------------------------------------------------- */

void
g_async_queue_push(GAsyncQueue *queue, gpointer data)
{
    __tsan_release(queue);
    REAL(g_async_queue_push)(queue, data);
}

static gpointer
popped(GAsyncQueue *queue, gpointer data)
{
    if (data != NULL)
        __tsan_acquire(queue);
    return data;
}

gpointer
g_async_queue_pop(GAsyncQueue *queue)
{
    return popped(queue, REAL(g_async_queue_pop)(queue));
}

gpointer
g_async_queue_try_pop(GAsyncQueue *queue)
{
    return popped(queue, REAL(g_async_queue_try_pop)(queue));
}

gpointer
g_async_queue_timeout_pop(GAsyncQueue *queue, guint64 timeout_us)
{
    return popped(queue, REAL(g_async_queue_timeout_pop)(queue, timeout_us));
}

/* --- tasks in threads of GIO's ----------------------------------------------------------------- */

static GQuark
function_quark(void)
{
    return g_quark_from_static_string("tsan-task-function");
}

static void
run_task(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    __tsan_acquire(task);
    GTaskThreadFunc function = g_object_get_qdata(G_OBJECT(task), function_quark());
    function(task, source, data, cancellable);
}

void
g_task_run_in_thread(GTask *task, GTaskThreadFunc function)
{
    g_object_set_qdata(G_OBJECT(task), function_quark(), function);
    __tsan_release(task);
    REAL(g_task_run_in_thread)(task, run_task);
}

gpointer
g_task_propagate_pointer(GTask *task, GError **error)
{
    __tsan_acquire(task);
    return REAL(g_task_propagate_pointer)(task, error);
}

gboolean
g_task_propagate_boolean(GTask *task, GError **error)
{
    __tsan_acquire(task);
    return REAL(g_task_propagate_boolean)(task, error);
}

/* What is allocated for that is freed in the other thread, under the context's lock: it is not to be seen. */
#define UNSEEN(result, name, parameters, ...)                                                      \
    result name parameters                                                                         \
    {                                                                                              \
        AnnotateIgnoreWritesBegin(__FILE__, __LINE__);                                             \
        result value = REAL(name)(__VA_ARGS__);                                                    \
        AnnotateIgnoreWritesEnd(__FILE__, __LINE__);                                               \
        return value;                                                                              \
    }

/* clang-format off */
UNSEEN(GSource *, g_idle_source_new, (void))
UNSEEN(guint, g_source_attach, (GSource *source, GMainContext *context), source, context)
/* clang-format on */

/* How GIO hands a task back when its function has ended. */
void
g_source_set_callback(GSource *source, GSourceFunc function, gpointer data, GDestroyNotify notify)
{
    if (data != NULL)
        __tsan_release(data);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
    REAL(g_source_set_callback)(source, function, data, notify);
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
}

/* --- what happens once ------------------------------------------------------------------------ */

typedef struct {
    GOnce *once;
    GThreadFunc function;
    gpointer data;
} OnceCall;

/* The status, which the macro g_once() reads by itself, is the first member. */
static gpointer
call_once(gpointer data)
{
    const OnceCall *call = data;
    gpointer value = call->function(call->data);
    __tsan_release(call->once);
    return value;
}

gpointer
g_once_impl(GOnce *once, GThreadFunc function, gpointer data)
{
    OnceCall call = {once, function, data};
    gpointer value = REAL(g_once_impl)(once, call_once, &call);
    __tsan_acquire(once);
    return value;
}

gboolean
g_once_init_enter(volatile void *location)
{
    gboolean first = REAL(g_once_init_enter)(location);
    if (!first)
        __tsan_acquire((void *)location);
    return first;
}

void
g_once_init_leave(volatile void *location, gsize result)
{
    __tsan_release((void *)location);
    REAL(g_once_init_leave)(location, result);
}

/* --- what is shared ---------------------------------------------------------------------------- */

/* Whoever drops the last reference, closes what others have written to. */
void
g_main_context_unref(GMainContext *context)
{
    __tsan_release(context);
    __tsan_acquire(context);
    REAL(g_main_context_unref)(context);
}

/* --- containers ------------------------------------------------------------------------------- */

/* The libraries have containers, too, and their own ways to guard them. */
static bool
is_ours(const char *caller)
{
    extern const char __executable_start[], etext[];
    return caller >= __executable_start && caller < etext;
}

#define READS(size, result, name, parameters, ...)                                                 \
    result name parameters                                                                         \
    {                                                                                              \
        if (is_ours(__builtin_return_address(0)))                                                  \
            __tsan_read_range(self, size);                                                         \
        return REAL(name)(__VA_ARGS__);                                                            \
    }
#define CHANGES(size, result, name, parameters, ...)                                               \
    result name parameters                                                                         \
    {                                                                                              \
        if (is_ours(__builtin_return_address(0)))                                                  \
            __tsan_write_range(self, size);                                                        \
        return REAL(name)(__VA_ARGS__);                                                            \
    }
#define HASH_TABLE sizeof(gpointer) /* opaque: any part of it stands for it */

/* clang-format off */
CHANGES(sizeof *self, GArray *, g_array_append_vals, (GArray *self, gconstpointer data, guint count), self, data, count)
CHANGES(sizeof *self, GArray *, g_array_set_size, (GArray *self, guint size), self, size)
CHANGES(sizeof *self, GArray *, g_array_remove_index, (GArray *self, guint index), self, index)
CHANGES(sizeof *self, GArray *, g_array_remove_index_fast, (GArray *self, guint index), self, index)
CHANGES(sizeof *self, void, g_ptr_array_add, (GPtrArray *self, gpointer data), self, data)
CHANGES(sizeof *self, void, g_ptr_array_set_size, (GPtrArray *self, gint size), self, size)
CHANGES(sizeof *self, GPtrArray *, g_ptr_array_remove_range, (GPtrArray *self, guint from, guint count), self, from, count)
CHANGES(sizeof *self, gpointer *, g_ptr_array_steal, (GPtrArray *self, gsize *ret_count), self, ret_count)
CHANGES(sizeof *self, gpointer, g_ptr_array_steal_index, (GPtrArray *self, guint index), self, index)
CHANGES(sizeof *self, void, g_queue_push_head, (GQueue *self, gpointer data), self, data)
CHANGES(sizeof *self, void, g_queue_push_tail, (GQueue *self, gpointer data), self, data)
CHANGES(sizeof *self, void, g_queue_push_tail_link, (GQueue *self, GList *link), self, link)
CHANGES(sizeof *self, gpointer, g_queue_pop_head, (GQueue *self), self)
CHANGES(sizeof *self, GList *, g_queue_pop_head_link, (GQueue *self), self)
CHANGES(sizeof *self, void, g_queue_unlink, (GQueue *self, GList *link), self, link)
CHANGES(sizeof *self, gboolean, g_queue_remove, (GQueue *self, gconstpointer data), self, data)
READS(sizeof *self, gpointer, g_queue_peek_head, (GQueue *self), self)
CHANGES(HASH_TABLE, gboolean, g_hash_table_insert, (GHashTable *self, gpointer key, gpointer value), self, key, value)
CHANGES(HASH_TABLE, gboolean, g_hash_table_add, (GHashTable *self, gpointer key), self, key)
CHANGES(HASH_TABLE, gboolean, g_hash_table_remove, (GHashTable *self, gconstpointer key), self, key)
CHANGES(HASH_TABLE, gboolean, g_hash_table_steal, (GHashTable *self, gconstpointer key), self, key)
READS(HASH_TABLE, gpointer, g_hash_table_lookup, (GHashTable *self, gconstpointer key), self, key)
READS(HASH_TABLE, gboolean, g_hash_table_contains, (GHashTable *self, gconstpointer key), self, key)
READS(HASH_TABLE, guint, g_hash_table_size, (GHashTable *self), self)
/* clang-format on */

#endif /* __SANITIZE_THREAD__ */
