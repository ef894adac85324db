/* What ThreadSanitizer has to be told about GLib.
 *
 * Distributions ship GLib without instrumentation, and its locks are futexes of its own rather than pthread's: the
 * sanitizer sees our memory accesses but not what orders them, and calls every hand-over a race. The functions below
 * stand in front of GLib's, for our code and for GIO's, and report what they order, object by object. What GLib, GIO
 * and the libraries beside them do inside stays out of the reports; what our code does never does.
 *
 * Threads need nothing (GLib starts and joins them with pthread), nor do g_atomic_*() (compiler built-ins), nor wake-ups
 * (an eventfd, which the sanitizer follows). In any other build this file is empty. */
#ifdef __SANITIZE_THREAD__

#include <dlfcn.h>
#include <gio/gio.h>
#include <sanitizer/tsan_interface.h>

/* The macros are only for C code that calls these; here are the functions. */
#undef g_once_init_enter
#undef g_once_init_leave

/* GLib's own function of that name. Looked up at each call: there is no way to remember it before any lock works. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

const char *__tsan_default_options(void);
const char *__tsan_default_suppressions(void);

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

#endif /* __SANITIZE_THREAD__ */
