#include "common/io/listener.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ACCEPTS_PER_ROUND   64
#define PAUSE_MS            100
#define SYSTEMD_FIRST_FD    3
#define SYSTEMD_MAX_SOCKETS 64

struct ExgListener {
    ExgEngine *engine;
    int fd;
    ExgWatch *watch;
    ExgListenerOptions options;
    ExgListenerFunc function;
    gpointer data;
    ExgSocketAddress address;
    char *path; /* of a unix socket that we made, to be removed at the end */
    dev_t device;
    ino_t inode;
    guint connections;
    ExgTimer pause;
    bool starved; /* has said that descriptors ran out */
    bool stopped;
    guint calls; /* under way; freed when the last one ends */
    bool freed;
};

/* --- accepting -------------------------------------------------------------------------------- */

static bool
is_full(const ExgListener *listener)
{
    return listener->options.max_connections != 0 &&
           listener->connections >= listener->options.max_connections;
}

static bool
may_accept(const ExgListener *listener)
{
    return !listener->freed && !listener->stopped && !is_full(listener) &&
           !exg_timer_is_set(&listener->pause);
}

static void
update_watch(ExgListener *listener)
{
    if (!listener->freed)
        exg_watch_set_events(listener->watch, may_accept(listener) ? EXG_IO_READ : 0);
}

static void
end_pause(gpointer data)
{
    update_watch(data);
}

/* Answers whether to try again at once. */
static bool
handle_failure(ExgListener *listener, int reason)
{
    switch (reason) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        if (!listener->starved)
            exg_log(EXG_LOG_DEBUG, NULL, "Cannot accept on %s for now: %s", listener->address.text,
                    g_strerror(reason));
        listener->starved = true;
        exg_timer_set(&listener->pause, exg_clock_deadline_ms(PAUSE_MS));
        return false;
    default:
        /* The connection was gone before we took it (accept(2) lists a dozen reasons). */
        return true;
    }
}

/* Answers whether to try again at once. */
static bool
accept_one(ExgListener *listener)
{
    struct sockaddr_storage native;
    socklen_t length = sizeof native;
    int fd = accept4(listener->fd, (struct sockaddr *)&native, &length,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return handle_failure(listener, errno);
    listener->starved = false;
    ExgSocketAddress peer;
    exg_socket_address_from_native((struct sockaddr *)&native, length, &peer);
    if (peer.kind == EXG_SOCKET_INET)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    listener->connections++;
    listener->function(listener, fd, &peer, listener->data);
    return true;
}

static void
on_readable(int fd, guint events, gpointer data)
{
    ExgListener *listener = data;
    listener->calls++;
    for (int i = 0; i < ACCEPTS_PER_ROUND && may_accept(listener); i++)
        if (!accept_one(listener))
            break;
    listener->calls--;
    if (listener->freed)
        g_free(listener);
    else
        update_watch(listener);
}

/* --- binding ---------------------------------------------------------------------------------- */

typedef enum { NOBODY, LIVE, GONE, UNKNOWN } Presence;

/* Who answers on a unix socket that is in the way. */
static Presence
probe(const ExgSocketAddress *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return UNKNOWN;
    int reason = connect(fd, (const struct sockaddr *)&address->storage, address->length) == 0
                     ? 0
                     : errno;
    close(fd);
    switch (reason) {
    case 0:
    case EAGAIN:     /* its backlog is full */
    case EPROTOTYPE: /* a datagram socket */
        return LIVE;
    case ECONNREFUSED:
        return NOBODY;
    case ENOENT:
        return GONE;
    default:
        errno = reason;
        return UNKNOWN;
    }
}

static const char *
unix_path(const ExgSocketAddress *address)
{
    return ((const struct sockaddr_un *)&address->storage)->sun_path;
}

static bool
remove_stale(const ExgSocketAddress *address, GError **error)
{
    const char *path = unix_path(address);
    struct stat status;
    if (lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode))
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "Cannot listen on %s: there is a file there that is no socket",
                             address->text);
    switch (probe(address)) {
    case GONE:
        return true;
    case LIVE:
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "Cannot listen on %s: another process listens there", address->text);
    case UNKNOWN:
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "Cannot listen on %s: there is a socket there, and it cannot be told "
                             "whether it is in use: %s",
                             address->text, g_strerror(errno));
    case NOBODY:
        break;
    }
    if (unlink(path) < 0 && errno != ENOENT)
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "Cannot listen on %s: the stale socket cannot be removed: %s",
                             address->text, g_strerror(errno));
    return true;
}

bool
exg_listener_make_way(const ExgSocketAddress *address, GError **error)
{
    return address->kind != EXG_SOCKET_UNIX || remove_stale(address, error);
}

static bool
fail_bind(const ExgSocketAddress *address, int reason, GError **error)
{
    const char *text = g_strerror(reason);
    if (reason == ENOENT)
        text = "its directory does not exist";
    else if (reason == EADDRINUSE)
        text = "another process listens there";
    else if (reason == EADDRNOTAVAIL)
        text = "this host has no such address";
    return exg_error_set(error, EXG_ERROR_CONFIG, "Cannot listen on %s: %s", address->text, text);
}

/* Between bind() and listen() nobody can connect, so the socket is never open to more than its mode says. */
static bool
set_permissions(const ExgListener *listener, GError **error)
{
    const ExgListenerOptions *options = &listener->options;
    if ((options->owner != (uid_t)-1 || options->group != (gid_t)-1) &&
        lchown(listener->path, options->owner, options->group) < 0)
        return exg_error_set(error, EXG_ERROR_CONFIG, "Cannot give %s to its owner and group: %s",
                             listener->address.text, g_strerror(errno));
    if (chmod(listener->path, options->mode) < 0)
        return exg_error_set(error, EXG_ERROR_CONFIG, "Cannot set the mode of %s: %s",
                             listener->address.text, g_strerror(errno));
    return true;
}

static bool
bind_unix(ExgListener *listener, GError **error)
{
    const ExgSocketAddress *address = &listener->address;
    const struct sockaddr *native = (const struct sockaddr *)&address->storage;
    int result = bind(listener->fd, native, address->length);
    if (result < 0 && errno == EADDRINUSE) {
        if (!remove_stale(address, error))
            return false;
        result = bind(listener->fd, native, address->length);
    }
    if (result < 0)
        return fail_bind(address, errno, error);
    struct stat status;
    if (lstat(unix_path(address), &status) < 0)
        return fail_bind(address, errno, error);
    listener->path = g_strdup(unix_path(address));
    listener->device = status.st_dev;
    listener->inode = status.st_ino;
    return set_permissions(listener, error);
}

static bool
bind_inet(ExgListener *listener, GError **error)
{
    const ExgSocketAddress *address = &listener->address;
    (void)setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (address->storage.ss_family == AF_INET6)
        (void)setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int));
    if (bind(listener->fd, (const struct sockaddr *)&address->storage, address->length) < 0)
        return fail_bind(address, errno, error);
    return true;
}

/* Whether the socket at our path is still the one that we made. */
static bool
is_ours(const ExgListener *listener)
{
    struct stat status;
    return lstat(listener->path, &status) == 0 && status.st_dev == listener->device &&
           status.st_ino == listener->inode;
}

static bool
open_socket(ExgListener *listener, GError **error)
{
    const ExgSocketAddress *address = &listener->address;
    if (address->kind == EXG_SOCKET_SYSTEMD)
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "Socket 'systemd' stands for sockets that systemd has opened");
    listener->fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                          0);
    if (listener->fd < 0)
        return fail_bind(address, errno, error);
    if (!(address->kind == EXG_SOCKET_UNIX ? bind_unix(listener, error)
                                           : bind_inet(listener, error)))
        return false;
    if (listen(listener->fd,
               listener->options.backlog > 0 ? listener->options.backlog : SOMAXCONN) < 0)
        return fail_bind(address, errno, error);
    /* Another process that started in this instant may have taken our socket for a stale one. */
    if (listener->path != NULL && !is_ours(listener))
        return fail_bind(address, EADDRINUSE, error);
    return true;
}

/* --- the object ------------------------------------------------------------------------------- */

static ExgListener *
listener_alloc(ExgEngine *engine, const ExgListenerOptions *options, ExgListenerFunc function,
               gpointer data)
{
    ExgListener *listener = g_new0(ExgListener, 1);
    listener->engine = exg_engine_ref(engine);
    listener->fd = -1;
    listener->options = *options;
    listener->function = function;
    listener->data = data;
    exg_timer_init(&listener->pause, engine, end_pause, listener);
    return listener;
}

static void
begin(ExgListener *listener)
{
    struct sockaddr_storage native;
    socklen_t length = sizeof native;
    if (getsockname(listener->fd, (struct sockaddr *)&native, &length) == 0)
        exg_socket_address_from_native((struct sockaddr *)&native, length, &listener->address);
    listener->watch = exg_watch_new(listener->engine, listener->fd, EXG_IO_READ, on_readable,
                                    listener);
}

ExgListener *
exg_listener_new(ExgEngine *engine, const ExgSocketAddress *address,
                 const ExgListenerOptions *options, ExgListenerFunc function, gpointer data,
                 GError **error)
{
    g_autoptr(ExgListener) listener = listener_alloc(engine, options, function, data);
    listener->address = *address;
    if (!open_socket(listener, error))
        return NULL;
    begin(listener);
    return g_steal_pointer(&listener);
}

ExgListener *
exg_listener_new_from_fd(ExgEngine *engine, int fd, const ExgListenerOptions *options,
                         ExgListenerFunc function, gpointer data, GError **error)
{
    g_autoptr(ExgListener) listener = listener_alloc(engine, options, function, data);
    listener->fd = fd;
    int listens = 0;
    int type = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &(socklen_t){sizeof listens}) < 0 ||
        listens == 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){sizeof type}) < 0 ||
        type != SOCK_STREAM) {
        exg_error_set(error, EXG_ERROR_CONFIG, "Descriptor %d is not a stream socket that listens",
                      fd);
        return NULL;
    }
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (!g_unix_set_fd_nonblocking(fd, TRUE, NULL)) {
        exg_error_set(error, EXG_ERROR_CONFIG, "Descriptor %d cannot be made non-blocking", fd);
        return NULL;
    }
    begin(listener);
    return g_steal_pointer(&listener);
}

void
exg_listener_free(ExgListener *listener)
{
    if (listener == NULL || listener->freed)
        return;
    exg_timer_cancel(&listener->pause);
    exg_watch_free(listener->watch);
    if (listener->path != NULL && is_ours(listener))
        (void)unlink(listener->path);
    if (listener->fd >= 0)
        close(listener->fd);
    g_free(listener->path);
    exg_engine_unref(listener->engine);
    listener->freed = true;
    if (listener->calls == 0)
        g_free(listener);
}

const ExgSocketAddress *
exg_listener_address(const ExgListener *listener)
{
    return &listener->address;
}

void
exg_listener_release(ExgListener *listener)
{
    g_return_if_fail(listener->connections > 0);
    listener->connections--;
    update_watch(listener);
}

void
exg_listener_stop(ExgListener *listener)
{
    listener->stopped = true;
    exg_timer_cancel(&listener->pause);
    update_watch(listener);
}

static gint64
environment_number(const char *name)
{
    gint64 value;
    const char *text = g_getenv(name);
    return text != NULL && g_ascii_string_to_signed(text, 10, 0, G_MAXINT, &value, NULL) ? value
                                                                                         : 0;
}

GArray *
exg_listener_systemd_fds(void)
{
    GArray *fds = g_array_new(FALSE, FALSE, sizeof(int));
    gint64 count = environment_number("LISTEN_PID") == getpid() ? environment_number("LISTEN_FDS")
                                                                : 0;
    for (int fd = SYSTEMD_FIRST_FD; fd < SYSTEMD_FIRST_FD + MIN(count, SYSTEMD_MAX_SOCKETS); fd++)
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
            g_array_append_val(fds, fd);
    /* Or a child of ours would take them for its own. */
    g_unsetenv("LISTEN_PID");
    g_unsetenv("LISTEN_FDS");
    g_unsetenv("LISTEN_FDNAMES");
    return fds;
}
