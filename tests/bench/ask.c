/* Asks about recipients as MTAs do, as fast as the answers come, and says how long each took.
 *
 *     ask milter    PID SOCKET COUNT BUSY IDLE SLOW RECIPIENT [PREFIX]
 *     ask socketmap PID SOCKET COUNT BUSY IDLE SLOW RECIPIENT [PREFIX]
 *
 * BUSY connections ask about RECIPIENT, COUNT times in all, each when it has its answer; IDLE ones
 * are open and say nothing; each of the SLOW ones asks once, before that, about a recipient of its
 * own: PREFIX and a number before the "@" of RECIPIENT. SOCKET is unix:/path, and PID the process
 * behind it. Prints "seconds p50-us p99-us cpu-seconds", the last of that process; what it takes to
 * open the connections does not count. */
#include "tests/bench/usage.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Until those who shall wait do. */
#define SETTLE_US 1000000

#define NO_CONNECT 0x01u /* steps that a milter does not want */
#define NO_HELO    0x02u
#define NO_MAIL    0x04u
#define ALL_STEPS  0x1fffffu
#define ALL_ACTION 0x1ffu

typedef struct {
    bool (*begin)(int fd);                             /* up to the first question */
    GString *(*question)(const char *recipient);       /* (transfer full) */
    gsize (*answer)(const guint8 *data, gsize length); /* bytes of a whole answer; 0: more */
} Protocol;

typedef struct {
    int fd;
    guint8 buffer[1024];
    gsize length;
    double asked;
} Connection;

static void
die(const char *what)
{
    fprintf(stderr, "ask: %s: %s\n", what, g_strerror(errno));
    exit(1);
}

static void
put_all(int fd, const void *data, gsize length)
{
    for (gsize sent = 0; sent < length;) {
        ssize_t count = send(fd, (const char *)data + sent, length - sent, MSG_NOSIGNAL);
        if (count < 0)
            die("send");
        sent += (gsize)count;
    }
}

static void
get_all(int fd, void *data, gsize length)
{
    for (gsize got = 0; got < length;) {
        ssize_t count = recv(fd, (char *)data + got, length - got, 0);
        if (count <= 0)
            die("receive");
        got += (gsize)count;
    }
}

/* --- the milter's protocol, as an MTA speaks it ------------------------------------------------ */

static void
append_packet(GString *bytes, char command, const void *data, gsize length)
{
    guint32 size = g_htonl((guint32)length + 1);
    g_string_append_len(bytes, (const char *)&size, 4);
    g_string_append_c(bytes, command);
    g_string_append_len(bytes, data, (gssize)length);
}

static char
exchange(int fd, char command, const void *data, gsize length, guint8 *answer, gsize answer_max)
{
    g_autoptr(GString) bytes = g_string_new(NULL);
    append_packet(bytes, command, data, length);
    put_all(fd, bytes->str, bytes->len);
    guint32 size;
    get_all(fd, &size, 4);
    size = g_ntohl(size);
    if (size < 1 || size > answer_max)
        die("an answer of a strange size");
    get_all(fd, answer, size);
    return (char)answer[0];
}

static bool
milter_begin(int fd)
{
    static const char connect_data[] = "client.test\0"
                                       "4\0\x19"
                                       "198.51.100.7";
    guint8 answer[1024];
    const guint32 offer[] = {g_htonl(6), g_htonl(ALL_ACTION), g_htonl(ALL_STEPS)};
    if (exchange(fd, 'O', offer, sizeof offer, answer, sizeof answer) != 'O')
        return false;
    guint32 steps;
    memcpy(&steps, answer + 9, 4);
    steps = g_ntohl(steps);
    if (!(steps & NO_CONNECT) &&
        exchange(fd, 'C', connect_data, sizeof connect_data, answer, sizeof answer) != 'c')
        return false;
    if (!(steps & NO_HELO) && exchange(fd, 'H', "client.test", 12, answer, sizeof answer) != 'c')
        return false;
    return (steps & NO_MAIL) ||
           exchange(fd, 'M', "<writer@sink.test>", 19, answer, sizeof answer) == 'c';
}

static GString *
milter_question(const char *recipient)
{
    GString *bytes = g_string_new(NULL);
    g_autofree char *path = g_strdup_printf("<%s>", recipient);
    append_packet(bytes, 'R', path, strlen(path) + 1);
    return bytes;
}

static gsize
milter_answer(const guint8 *data, gsize length)
{
    guint32 size;
    if (length < 5)
        return 0;
    memcpy(&size, data, 4);
    size = g_ntohl(size);
    return length < size + 4 ? 0 : size + 4;
}

/* --- socketmap -------------------------------------------------------------------------------- */

static bool
socketmap_begin(int fd)
{
    return true;
}

static GString *
socketmap_question(const char *recipient)
{
    GString *bytes = g_string_new(NULL);
    g_string_printf(bytes, "%zu:access %s,", strlen("access ") + strlen(recipient), recipient);
    return bytes;
}

static gsize
socketmap_answer(const guint8 *data, gsize length)
{
    const guint8 *comma = memchr(data, ',', length);
    return comma != NULL ? (gsize)(comma - data) + 1 : 0;
}

static const Protocol milter = {milter_begin, milter_question, milter_answer};
static const Protocol socketmap = {socketmap_begin, socketmap_question, socketmap_answer};

/* --- connections ------------------------------------------------------------------------------ */

static Connection *
open_connections(const Protocol *protocol, const char *path, guint count)
{
    Connection *connections = g_new0(Connection, MAX(count, 1));
    for (guint i = 0; i < count; i++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        g_strlcpy(address.sun_path, path, sizeof address.sun_path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
            die("connect");
        connections[i].fd = fd;
        if (!protocol->begin(fd))
            die("the dialogue's beginning");
    }
    return connections;
}

static int
compare(gconstpointer a, gconstpointer b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void
put_question(Connection *connection, const GString *question)
{
    connection->asked = bench_clock(CLOCK_MONOTONIC);
    put_all(connection->fd, question->str, question->len);
}

/* Answers whether one has come. */
static bool
take_answer(Connection *connection, const Protocol *protocol)
{
    ssize_t count = recv(connection->fd, connection->buffer + connection->length,
                         sizeof connection->buffer - connection->length, MSG_DONTWAIT);
    if (count <= 0)
        die("receive");
    connection->length += (gsize)count;
    gsize size = protocol->answer(connection->buffer, connection->length);
    if (size == 0)
        return false;
    connection->length = 0;
    return true;
}

/* The time that each answer took. (transfer full) */
static double *
run(const Protocol *protocol, Connection *busy, guint n_busy, const char *recipient, guint count)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    g_autofree double *taken = g_new(double, count);
    g_autoptr(GString) question = protocol->question(recipient);
    guint asked = 0, answered = 0;
    for (guint i = 0; i < n_busy; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &busy[i]};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, busy[i].fd, &event) < 0)
            die("epoll_ctl");
        if (asked++ < count)
            put_question(&busy[i], question);
    }
    while (answered < count) {
        struct epoll_event events[64];
        int n = epoll_wait(epoll, events, G_N_ELEMENTS(events), 30000);
        if (n <= 0)
            die("nobody answers");
        for (int i = 0; i < n; i++) {
            Connection *connection = events[i].data.ptr;
            if (!take_answer(connection, protocol))
                continue;
            taken[answered++] = bench_clock(CLOCK_MONOTONIC) - connection->asked;
            if (asked++ < count)
                put_question(connection, question);
        }
    }
    close(epoll);
    return g_steal_pointer(&taken);
}

int
main(int argc, char **argv)
{
    if (argc < 9 || !g_str_has_prefix(argv[3], "unix:")) {
        fprintf(stderr, "usage: ask milter|socketmap PID unix:PATH COUNT BUSY IDLE SLOW "
                        "RECIPIENT [PREFIX]\n");
        return 64;
    }
    const Protocol *protocol = g_str_equal(argv[1], "milter") ? &milter : &socketmap;
    const char *path = argv[3] + strlen("unix:"), *recipient = argv[8];
    guint count = (guint)atoi(argv[4]), n_busy = (guint)atoi(argv[5]);
    guint n_idle = (guint)atoi(argv[6]), n_slow = (guint)atoi(argv[7]);
    clockid_t cpu;
    if (clock_getcpuclockid(atoi(argv[2]), &cpu) != 0)
        die("the process's clock");
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    g_autofree Connection *idle = open_connections(protocol, path, n_idle);
    g_autofree Connection *slow = open_connections(protocol, path, n_slow);
    g_autofree Connection *busy = open_connections(protocol, path, n_busy);
    for (guint i = 0; i < n_slow; i++) {
        g_autofree char *own = g_strdup_printf("%s%u%s", argc > 9 ? argv[9] : "slow", i,
                                               strchr(recipient, '@'));
        g_autoptr(GString) question = protocol->question(own);
        put_question(&slow[i], question);
    }
    if (n_slow > 0)
        g_usleep(SETTLE_US);
    double begun = bench_clock(CLOCK_MONOTONIC), used = bench_clock(cpu);
    g_autofree double *taken = run(protocol, busy, n_busy, recipient, count);
    double seconds = bench_clock(CLOCK_MONOTONIC) - begun;
    used = bench_clock(cpu) - used;
    qsort(taken, count, sizeof *taken, compare);
    printf("%.6f %.1f %.1f %.6f\n", seconds, taken[count / 2] * 1e6,
           taken[(gsize)count * 99 / 100] * 1e6, used);
    return 0;
}
