/* Waiting for a peer, in threads as libmilter starts them. poll() here is the one that it gets. */
#include "milter/patience.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "milter/threads.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What libmilter says by itself. */
#define LONG_MS 7210000
#define LOOK_MS 1
/* Of the patience, what is left when a wait begins that shall end with it. */
#define REST_MS 20

static gint warnings;

static void
count_warnings(ExgLogLevel level, const char *line, gpointer data)
{
    g_atomic_int_add(&warnings, level == EXG_LOG_WARNING);
}

/* --- a libmilter of our own -------------------------------------------------------------------- */

typedef struct {
    GMutex lock;
    GCond changed;
    void (*steps)(int fd);
    int fds[2]; /* ours, the peer's */
    bool is_done;
} Session;

/* Without a session it is one of the crew, and has nothing to do. */
static void *
worker(void *data)
{
    Session *session = data;
    pthread_detach(pthread_self());
    if (session == NULL)
        return NULL;
    session->steps(session->fds[0]);
    g_mutex_lock(&session->lock);
    session->is_done = true;
    g_cond_signal(&session->changed);
    g_mutex_unlock(&session->lock);
    return NULL;
}

static void
session_init(Session *session, void (*steps)(int fd))
{
    *session = (Session){.steps = steps};
    g_mutex_init(&session->lock);
    g_cond_init(&session->changed);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, session->fds), ==, 0);
}

static void
session_clear(Session *session)
{
    close(session->fds[0]);
    close(session->fds[1]);
    g_mutex_clear(&session->lock);
    g_cond_clear(&session->changed);
}

static void
session_start(Session *session)
{
    pthread_t thread;
    g_assert_cmpint(pthread_create(&thread, NULL, worker, session), ==, 0);
}

static void
session_wait(Session *session)
{
    g_mutex_lock(&session->lock);
    while (!session->is_done)
        g_cond_wait(&session->changed, &session->lock);
    g_mutex_unlock(&session->lock);
}

static int
look(int fd, short events, int timeout_ms)
{
    struct pollfd peer = {.fd = fd, .events = events};
    return poll(&peer, 1, timeout_ms);
}

static void
let_pass(gint64 ms)
{
    exg_clock_advance(ms * 1000);
}

static void
take_byte(int fd)
{
    char byte;
    g_assert_cmpint(read(fd, &byte, 1), ==, 1);
}

static void
fill(int fd)
{
    char bytes[4096] = {0};
    while (send(fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        continue;
}

/* --- cases ------------------------------------------------------------------------------------- */

static void
read_half(int fd)
{
    g_assert_cmpint(look(fd, POLLIN, LOOK_MS), ==, 1);
    take_byte(fd);
    let_pass(EXG_PATIENCE_MS - REST_MS);
    g_assert_cmpint(look(fd, POLLIN, LONG_MS), ==, 0);
}

static void
read_drops(int fd)
{
    g_assert_cmpint(look(fd, POLLIN, LOOK_MS), ==, 1);
    take_byte(fd);
    let_pass(EXG_PATIENCE_MS - REST_MS);
    g_assert_cmpint(look(fd, POLLIN, LONG_MS), ==, 1);
    take_byte(fd);
    let_pass(REST_MS);
    g_assert_cmpint(look(fd, POLLIN, LONG_MS), ==, 0);
    /* the next command has its own time */
    g_assert_cmpint(look(fd, POLLIN, LOOK_MS), ==, 1);
    g_assert_cmpint(look(fd, POLLIN, LONG_MS), ==, 1);
}

static void
reply_to_nobody(int fd)
{
    g_assert_cmpint(look(fd, POLLIN, LOOK_MS), ==, 1);
    let_pass(EXG_PATIENCE_MS + 1);
    g_assert_cmpint(look(fd, POLLOUT, LONG_MS), ==, 1); /* late, but there is room */
    fill(fd);
    g_assert_cmpint(look(fd, POLLIN, LOOK_MS), ==, 1);
    let_pass(EXG_PATIENCE_MS - REST_MS);
    g_assert_cmpint(look(fd, POLLOUT, LONG_MS), ==, 0);
}

/* Before a command libmilter's threads wait as long as they like: the one that waits for all. */
static void
wait_for_all(int fd)
{
    let_pass(2 * EXG_PATIENCE_MS);
    g_assert_cmpint(look(fd, POLLIN, LONG_MS), ==, 1);
    g_assert_cmpint(look(fd, POLLIN, -1), ==, 1);
    take_byte(fd);
    g_assert_cmpint(look(fd, POLLIN, 150), ==, 0);
}

typedef struct {
    const char *path;
    void (*steps)(int fd);
    const char *sent; /* by the peer */
    gint warnings;
} Case;

static const Case cases[] = {
    {"/milter/patience/half", read_half, "a", 1},
    {"/milter/patience/drops", read_drops, "abc", 1},
    {"/milter/patience/reply", reply_to_nobody, "a", 1},
    {"/milter/patience/no-command", wait_for_all, "a", 0},
};

static void
test_case(gconstpointer data)
{
    const Case *one = data;
    Session session;
    session_init(&session, one->steps);
    gssize length = (gssize)strlen(one->sent);
    g_assert_cmpint(write(session.fds[1], one->sent, (gsize)length), ==, length);
    g_atomic_int_set(&warnings, 0);
    session_start(&session);
    session_wait(&session);
    g_assert_cmpint(g_atomic_int_get(&warnings), ==, one->warnings);
    session_clear(&session);
}

static void
read_whole(int fd)
{
    g_assert_cmpint(look(fd, POLLIN, LOOK_MS), ==, 1);
    take_byte(fd);
    g_assert_cmpint(look(fd, POLLIN, LONG_MS), ==, 1);
}

/* As before a look-up, others are at hand then. */
static void
test_others_at_hand(void)
{
    Session session;
    session_init(&session, read_whole);
    g_assert_cmpint(write(session.fds[1], "a", 1), ==, 1);
    session_start(&session);
    while (exg_threads_statistics().waiting == 0)
        g_thread_yield();
    g_assert_cmpint(write(session.fds[1], "b", 1), ==, 1);
    session_wait(&session);
    while (exg_threads_statistics().waiting > 0)
        g_thread_yield();
    session_clear(&session);
}

/* Threads of others know nothing of commands. */
static void
test_others(void)
{
    int fds[2];
    g_assert_cmpint(pipe(fds), ==, 0);
    g_assert_cmpint(look(fds[0], POLLIN, 0), ==, 0);
    let_pass(2 * EXG_PATIENCE_MS);
    g_assert_cmpint(write(fds[1], "a", 1), ==, 1);
    g_assert_cmpint(look(fds[0], POLLIN, LONG_MS), ==, 1);
    g_assert_cmpint(look(fds[0], POLLIN, -1), ==, 1);
    close(fds[0]);
    close(fds[1]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    exg_clock_stop();
    exg_log_set_sink(count_warnings, NULL);
    exg_threads_adopt();
    session_start(NULL); /* the crew, by which workers are known */
    session_start(NULL);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        g_test_add_data_func(cases[i].path, &cases[i], test_case);
    g_test_add_func("/milter/patience/others-at-hand", test_others_at_hand);
    g_test_add_func("/milter/patience/others", test_others);
    return g_test_run();
}
