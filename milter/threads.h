/* threads.h - libmilter's worker threads: not too many, never too few, and never refused.
 *
 * libmilter makes a thread whenever a session has something to do and no thread is idle, as many as
 * there are sessions. If a thread cannot be made, the session is neither served nor closed any more.
 * And it counts a thread as idle until that has woken up, so that sessions may be left to a thread
 * which is busy with a look-up, although others would be made for the asking.
 *
 * So libmilter's threads are made here (seams.c). There are at most `max` workers; a session beyond
 * them, or one whose thread the system refuses to make, gets its thread as soon as there is one to
 * be had. And before a worker waits, for a look-up or a peer, it makes sure that EXG_THREADS_SPARE
 * others are at hand, which serve whatever was left to it.
 *
 * Threads:  any. There is one libmilter in a process, and so one set of its threads.
 * Limits:   `max` workers with stacks of EXG_THREADS_STACK_BYTES, plus three threads of libmilter's.
 * Source:   libmilter 8.17: worker.c has the pool; its workers are what it starts twice without a
 *           session. One without a pool (a thread for each connection) is left alone.
 */
#ifndef EXG_MILTER_THREADS_H
#define EXG_MILTER_THREADS_H

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>

#define EXG_THREADS_SPARE       2
#define EXG_THREADS_STACK_BYTES (256 * 1024)

typedef void *(*ExgThreadRoutine)(void *argument);
/* The C library's pthread_create(3), or a test's. */
typedef int (*ExgThreadCreate)(pthread_t *thread, const pthread_attr_t *attributes,
                               ExgThreadRoutine routine, void *argument);

/* Whether so many threads can be made, by making them. Errors: EXG_ERROR_RESOURCES. */
bool exg_threads_try(guint count, GError **error);

void exg_threads_set_max(guint max);
/* From now on the calling thread is libmilter's main one: what it starts is looked at. */
void exg_threads_adopt(void);
/* Every pthread_create(3) of the process comes by here. Without attributes, as libmilter calls it,
 * and for a worker, it answers 0 and the thread comes when it can. */
int exg_threads_create(ExgThreadCreate create, pthread_t *thread, const pthread_attr_t *attributes,
                       ExgThreadRoutine routine, void *argument);

/* Whether libmilter has started the calling thread: a worker, or the one that waits for all. */
bool exg_threads_is_libmilters(void);

/* Around whatever makes a worker wait. */
void exg_threads_begin_wait(void);
void exg_threads_end_wait(void);

typedef struct {
    guint workers; /* now */
    guint waiting; /* of those, for a look-up or a peer */
    guint pending; /* sessions for which there is no thread yet */
} ExgThreadsStatistics;

ExgThreadsStatistics exg_threads_statistics(void);

#endif
