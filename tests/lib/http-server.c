#include "tests/lib/http-server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_US   (60 * G_TIME_SPAN_SECOND)
#define BODY_KEPT_MAX (1024 * 1024)
#define BODY_READ_MAX (256 * 1024 * 1024)
#define HEAD_READ_MAX (256 * 1024)

typedef struct {
    char *head;
    char *body;
} Received;

struct TestServer {
    int fd;
    guint16 port;
    gnutls_certificate_credentials_t credentials;
    char *priority;
    char *url;
    GThread *acceptor;
    GMutex lock;
    GCond changed;
    GPtrArray *scripts; /* of TestStep * */
    bool repeat;
    bool ending;
    guint connections, ended, holding, passes;
    guint64 body_bytes;
    GPtrArray *received; /* of Received */
    GPtrArray *threads;
    GArray *open; /* descriptors of connections, to wake them at the end */
};

struct TestPeer {
    TestServer *server;
    const TestStep *steps;
    int fd;
    gnutls_session_t tls;
    guint8 buffer[16384];
    gsize start, end;
};

/* --- bytes ------------------------------------------------------------------------------------ */

static gssize
receive(TestPeer *peer)
{
    gssize got;
    do {
        got = peer->tls != NULL ? gnutls_record_recv(peer->tls, peer->buffer, sizeof peer->buffer)
                                : recv(peer->fd, peer->buffer, sizeof peer->buffer, 0);
    } while (peer->tls != NULL ? got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED
                               : got < 0 && errno == EINTR);
    peer->start = 0;
    peer->end = got > 0 ? (gsize)got : 0;
    return got;
}

static int
next_byte(TestPeer *peer)
{
    if (peer->start == peer->end && receive(peer) <= 0)
        return -1;
    return peer->buffer[peer->start++];
}

/* Reads `count` bytes, keeps the first of them in `kept` if there is one, and counts them. */
static bool
read_body(TestPeer *peer, guint64 count, GString *kept)
{
    while (count > 0) {
        if (peer->start == peer->end && receive(peer) <= 0)
            return false;
        gsize some = (gsize)MIN(count, peer->end - peer->start);
        if (kept != NULL && kept->len < BODY_KEPT_MAX)
            g_string_append_len(kept, (const char *)peer->buffer + peer->start, (gssize)some);
        peer->start += some;
        count -= some;
        g_mutex_lock(&peer->server->lock);
        peer->server->body_bytes += some;
        g_mutex_unlock(&peer->server->lock);
    }
    return true;
}

bool
test_peer_send(TestPeer *peer, const void *data, gsize length)
{
    const char *at = data;
    while (length > 0) {
        gssize sent = peer->tls != NULL ? gnutls_record_send(peer->tls, at, length)
                                        : send(peer->fd, at, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        length -= (gsize)sent;
    }
    return true;
}

/* --- requests --------------------------------------------------------------------------------- */

char *
test_head_value(const char *head, const char *name)
{
    g_auto(GStrv) lines = g_strsplit(head, "\r\n", -1);
    gsize length = strlen(name);
    for (guint i = 1; lines[i] != NULL; i++)
        if (g_ascii_strncasecmp(lines[i], name, length) == 0 && lines[i][length] == ':')
            return g_strdup(g_strstrip(lines[i] + length + 1));
    return NULL;
}

static char *
read_head(TestPeer *peer)
{
    g_autoptr(GString) head = g_string_new(NULL);
    while (head->len < HEAD_READ_MAX && !g_str_has_suffix(head->str, "\r\n\r\n")) {
        int c = next_byte(peer);
        if (c < 0)
            return NULL;
        g_string_append_c(head, (char)c);
    }
    return g_string_free(g_steal_pointer(&head), FALSE);
}

bool
test_peer_read(TestPeer *peer, char **ret_head, char **ret_body)
{
    g_autofree char *head = read_head(peer);
    if (head == NULL)
        return false;
    g_autofree char *length = test_head_value(head, "Content-Length");
    guint64 count = length != NULL ? g_ascii_strtoull(length, NULL, 10) : 0;
    g_autoptr(GString) body = g_string_new(NULL);
    if (count > BODY_READ_MAX || !read_body(peer, count, body))
        return false;

    Received *received = g_new0(Received, 1);
    received->head = g_strdup(head);
    received->body = g_strdup(body->str);
    g_mutex_lock(&peer->server->lock);
    g_ptr_array_add(peer->server->received, received);
    g_cond_broadcast(&peer->server->changed);
    g_mutex_unlock(&peer->server->lock);
    if (ret_head != NULL)
        *ret_head = g_steal_pointer(&head);
    if (ret_body != NULL)
        *ret_body = g_string_free(g_steal_pointer(&body), FALSE);
    return true;
}

/* --- scripts ---------------------------------------------------------------------------------- */

static void
hold(TestServer *server)
{
    g_mutex_lock(&server->lock);
    server->holding++;
    g_cond_broadcast(&server->changed);
    while (server->passes == 0 && !server->ending)
        g_cond_wait(&server->changed, &server->lock);
    if (server->passes > 0)
        server->passes--;
    server->holding--;
    g_mutex_unlock(&server->lock);
}

static void
reset(TestPeer *peer)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

/* False ends the script. */
static bool
run_step(TestPeer *peer, const TestStep *step, bool *ret_graceful)
{
    g_autofree char *head = NULL;
    switch (step->action) {
    case TEST_READ:
        return test_peer_read(peer, NULL, NULL);
    case TEST_READ_HEAD:
        head = read_head(peer);
        return head != NULL;
    case TEST_READ_BYTES:
        return read_body(peer, step->count, NULL);
    case TEST_SEND:
        return test_peer_send(peer, step->text, strlen(step->text));
    case TEST_SEND_MANY:
        for (gsize i = 0; i < step->count; i++)
            if (!test_peer_send(peer, step->text, strlen(step->text)))
                return false;
        return true;
    case TEST_HOLD:
        hold(peer->server);
        return true;
    case TEST_CALL:
        step->function(peer, step->data);
        return true;
    case TEST_RESET:
        reset(peer);
        *ret_graceful = false;
        return false;
    case TEST_CLOSE:
    case TEST_END:
        break;
    }
    return false;
}

static bool
tls_begin(TestPeer *peer)
{
    TestServer *server = peer->server;
    if (server->credentials == NULL)
        return true;
    int result = gnutls_init(&peer->tls, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
    g_assert_cmpint(result, ==, 0);
    result = gnutls_priority_set_direct(peer->tls, server->priority, NULL);
    g_assert_cmpint(result, ==, 0);
    gnutls_credentials_set(peer->tls, GNUTLS_CRD_CERTIFICATE, server->credentials);
    gnutls_transport_set_int(peer->tls, peer->fd);
    do
        result = gnutls_handshake(peer->tls);
    while (result < 0 && !gnutls_error_is_fatal(result));
    return result == 0;
}

static gpointer
peer_main(gpointer data)
{
    TestPeer *peer = data;
    TestServer *server = peer->server;
    bool graceful = true;
    if (tls_begin(peer))
        for (const TestStep *step = peer->steps; step != NULL && run_step(peer, step, &graceful);
             step++)
            continue;
    if (peer->tls != NULL) {
        if (graceful)
            (void)gnutls_bye(peer->tls, GNUTLS_SHUT_WR);
        gnutls_deinit(peer->tls);
    }
    g_mutex_lock(&server->lock);
    for (guint i = 0; i < server->open->len; i++)
        if (g_array_index(server->open, int, i) == peer->fd) {
            g_array_remove_index_fast(server->open, i);
            break;
        }
    close(peer->fd);
    server->ended++;
    g_cond_broadcast(&server->changed);
    g_mutex_unlock(&server->lock);
    g_free(peer);
    return NULL;
}

/* --- the server ------------------------------------------------------------------------------- */

static void
serve(TestServer *server, int fd)
{
    TestPeer *peer = g_new0(TestPeer, 1);
    peer->server = server;
    peer->fd = fd;
    g_mutex_lock(&server->lock);
    guint index = server->connections++;
    if (server->repeat && server->scripts->len > 0)
        index = MIN(index, server->scripts->len - 1);
    if (index < server->scripts->len)
        peer->steps = g_ptr_array_index(server->scripts, index);
    g_array_append_val(server->open, fd);
    g_ptr_array_add(server->threads, g_thread_new("test-peer", peer_main, peer));
    g_cond_broadcast(&server->changed);
    g_mutex_unlock(&server->lock);
}

static gpointer
accept_main(gpointer data)
{
    TestServer *server = data;
    for (;;) {
        int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 && errno == EINTR)
            continue;
        if (fd < 0)
            return NULL; /* shut down */
        serve(server, fd);
    }
}

static void
received_free(gpointer data)
{
    Received *received = data;
    g_free(received->head);
    g_free(received->body);
    g_free(received);
}

TestServer *
test_server_new(const TestIdentity *identity)
{
    TestServer *server = g_new0(TestServer, 1);
    g_mutex_init(&server->lock);
    g_cond_init(&server->changed);
    server->scripts = g_ptr_array_new_with_free_func(g_free);
    server->received = g_ptr_array_new_with_free_func(received_free);
    server->threads = g_ptr_array_new();
    server->open = g_array_new(FALSE, FALSE, sizeof(int));
    server->priority = g_strdup("NORMAL");
    if (identity != NULL) {
        g_assert_cmpint(gnutls_certificate_allocate_credentials(&server->credentials), ==, 0);
        gnutls_x509_crt_t chain[1] = {identity->certificate};
        g_assert_cmpint(
            gnutls_certificate_set_x509_key(server->credentials, chain, 1, identity->key), ==, 0);
    }
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    g_assert_cmpint(bind(server->fd, (struct sockaddr *)&address, length), ==, 0);
    g_assert_cmpint(listen(server->fd, 512), ==, 0);
    g_assert_cmpint(getsockname(server->fd, (struct sockaddr *)&address, &length), ==, 0);
    server->port = ntohs(address.sin_port);
    server->acceptor = g_thread_new("test-acceptor", accept_main, server);
    return server;
}

void
test_server_set_priority(TestServer *server, const char *priority)
{
    g_free(server->priority);
    server->priority = g_strdup(priority);
}

void
test_server_free(TestServer *server)
{
    if (server == NULL)
        return;
    shutdown(server->fd, SHUT_RDWR);
    g_thread_join(server->acceptor);
    close(server->fd);
    g_mutex_lock(&server->lock);
    server->ending = true;
    for (guint i = 0; i < server->open->len; i++)
        shutdown(g_array_index(server->open, int, i), SHUT_RDWR);
    g_cond_broadcast(&server->changed);
    g_mutex_unlock(&server->lock);
    for (guint i = 0; i < server->threads->len; i++)
        g_thread_join(g_ptr_array_index(server->threads, i));
    g_ptr_array_unref(server->scripts);
    g_ptr_array_unref(server->received);
    g_ptr_array_unref(server->threads);
    g_array_unref(server->open);
    if (server->credentials != NULL)
        gnutls_certificate_free_credentials(server->credentials);
    g_mutex_clear(&server->lock);
    g_cond_clear(&server->changed);
    g_free(server->priority);
    g_free(server->url);
    g_free(server);
}

guint16
test_server_port(const TestServer *server)
{
    return server->port;
}

char *
test_server_url(const TestServer *server, const char *host, const char *path)
{
    TestServer *self = (TestServer *)server;
    g_free(self->url);
    self->url = g_strdup_printf("%s://%s:%u%s", server->credentials != NULL ? "https" : "http",
                                host != NULL ? host : "127.0.0.1", server->port, path);
    return self->url;
}

void
test_server_add(TestServer *server, const TestStep *steps)
{
    gsize count = 1;
    while (steps[count - 1].action != TEST_END)
        count++;
    g_mutex_lock(&server->lock);
    g_ptr_array_add(server->scripts, g_memdup2(steps, count * sizeof *steps));
    g_mutex_unlock(&server->lock);
}

void
test_server_repeat(TestServer *server)
{
    g_mutex_lock(&server->lock);
    server->repeat = true;
    g_mutex_unlock(&server->lock);
}

void
test_server_release(TestServer *server)
{
    g_mutex_lock(&server->lock);
    server->passes++;
    g_cond_broadcast(&server->changed);
    g_mutex_unlock(&server->lock);
}

/* --- what happened ---------------------------------------------------------------------------- */

static bool
wait_for(TestServer *server, const guint *counter, guint count)
{
    gint64 until = g_get_monotonic_time() + PATIENCE_US;
    bool there = true;
    g_mutex_lock(&server->lock);
    while (*counter < count && there)
        there = g_cond_wait_until(&server->changed, &server->lock, until);
    there = *counter >= count;
    g_mutex_unlock(&server->lock);
    return there;
}

bool
test_server_wait_connections(TestServer *server, guint count)
{
    return wait_for(server, &server->connections, count);
}

bool
test_server_wait_requests(TestServer *server, guint count)
{
    return wait_for(server, &server->received->len, count);
}

bool
test_server_wait_ended(TestServer *server, guint count)
{
    return wait_for(server, &server->ended, count);
}

bool
test_server_wait_holding(TestServer *server, guint count)
{
    return wait_for(server, &server->holding, count);
}

guint
test_server_connections(TestServer *server)
{
    g_mutex_lock(&server->lock);
    guint count = server->connections;
    g_mutex_unlock(&server->lock);
    return count;
}

guint
test_server_holding(TestServer *server)
{
    g_mutex_lock(&server->lock);
    guint count = server->holding;
    g_mutex_unlock(&server->lock);
    return count;
}

guint
test_server_requests(TestServer *server)
{
    g_mutex_lock(&server->lock);
    guint count = server->received->len;
    g_mutex_unlock(&server->lock);
    return count;
}

guint64
test_server_body_bytes(TestServer *server)
{
    g_mutex_lock(&server->lock);
    guint64 count = server->body_bytes;
    g_mutex_unlock(&server->lock);
    return count;
}

static char *
copy_of(TestServer *server, guint index, bool body)
{
    g_mutex_lock(&server->lock);
    char *copy = NULL;
    if (index < server->received->len) {
        const Received *received = g_ptr_array_index(server->received, index);
        copy = g_strdup(body ? received->body : received->head);
    }
    g_mutex_unlock(&server->lock);
    return copy;
}

char *
test_server_head(TestServer *server, guint index)
{
    return copy_of(server, index, false);
}

char *
test_server_body(TestServer *server, guint index)
{
    return copy_of(server, index, true);
}

char *
test_server_field(TestServer *server, guint index, const char *name)
{
    g_autofree char *body = test_server_body(server, index);
    g_autoptr(GHashTable) fields = g_uri_parse_params(body, -1, "&", G_URI_PARAMS_WWW_FORM, NULL);
    g_assert_nonnull(fields);
    return g_strdup(g_hash_table_lookup(fields, name));
}

void
test_server_assert_field(TestServer *server, guint index, const char *name, const char *value)
{
    g_autofree char *found = test_server_field(server, index, name);
    g_assert_cmpstr(found, ==, value);
}
