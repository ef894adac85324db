#include "tests/lib/web.h"

#include "tests/lib/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIFE     (24L * 60 * 60)
#define HEAD_MAX (64 * 1024)
#define BODY_MAX (1024 * 1024)
#define CHUNK    16384

typedef struct {
    char *scheme, *host, *path;
    TestWebAction action;
    char *text;
    gsize amount;
    bool spent;
} Rule;

typedef struct {
    char *url, *host, *head;
    bool credentials;
} Visit;

/* One of the two ports. */
typedef struct {
    TestWeb *web;
    const char *scheme;
    int fd;
    guint16 port;
    GThread *acceptor;
} Door;

struct TestWeb {
    const TestIdentity *authority;
    gnutls_certificate_credentials_t credentials;
    GPtrArray *identities;
    GHashTable *black_holes;
    Door https, http;
    GMutex lock;
    GCond changed;
    bool ending, released;
    GPtrArray *rules;  /* of Rule */
    GPtrArray *visits; /* of Visit */
    GPtrArray *threads;
    GArray *open; /* descriptors of connections */
};

typedef struct {
    Door *door;
    int fd;
    gnutls_session_t tls;
    bool reset;
} Guest;

/* --- connections ------------------------------------------------------------------------------ */

static gssize
receive(Guest *guest, char *buffer, gsize size)
{
    gssize got;
    do
        got = guest->tls != NULL ? gnutls_record_recv(guest->tls, buffer, size)
                                 : recv(guest->fd, buffer, size, 0);
    while (guest->tls != NULL ? got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED
                              : got < 0 && errno == EINTR);
    return got;
}

static bool
send_all(Guest *guest, const char *text, gsize length)
{
    while (length > 0) {
        gssize sent = guest->tls != NULL ? gnutls_record_send(guest->tls, text, length)
                                         : send(guest->fd, text, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        text += sent;
        length -= (gsize)sent;
    }
    return true;
}

/* Until the client goes, or the web ends. */
static void
stay_silent(Guest *guest)
{
    char buffer[1024];
    while (recv(guest->fd, buffer, sizeof buffer, 0) > 0)
        continue;
}

/* A black hole is known by the name in the client's hello, before an answer to it. */
static int
on_hello(gnutls_session_t tls)
{
    Guest *guest = gnutls_session_get_ptr(tls);
    char name[256];
    gsize size = sizeof name;
    unsigned type;
    if (gnutls_server_name_get(tls, name, &size, &type, 0) != GNUTLS_E_SUCCESS ||
        !g_hash_table_contains(guest->door->web->black_holes, name))
        return 0;
    stay_silent(guest);
    return GNUTLS_E_INTERNAL_ERROR;
}

static bool
shake_hands(Guest *guest)
{
    if (g_str_equal(guest->door->scheme, "http"))
        return true;
    g_assert_cmpint(gnutls_init(&guest->tls, GNUTLS_SERVER | GNUTLS_NO_SIGNAL), ==, 0);
    g_assert_cmpint(gnutls_set_default_priority(guest->tls), ==, 0);
    gnutls_credentials_set(guest->tls, GNUTLS_CRD_CERTIFICATE, guest->door->web->credentials);
    gnutls_certificate_server_set_request(guest->tls, GNUTLS_CERT_REQUEST);
    gnutls_session_set_ptr(guest->tls, guest);
    gnutls_handshake_set_post_client_hello_function(guest->tls, on_hello);
    gnutls_transport_set_int(guest->tls, guest->fd);
    int result;
    do
        result = gnutls_handshake(guest->tls);
    while (result < 0 && !gnutls_error_is_fatal(result));
    return result == 0;
}

/* --- requests --------------------------------------------------------------------------------- */

static char *
header(const char *head, const char *name)
{
    g_autofree char *pattern = g_strdup_printf("(?im)^%s:[ \t]*([^\r\n]*)", name);
    g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_RAW, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    return g_regex_match(regex, head, 0, &match) ? g_match_info_fetch(match, 1) : NULL;
}

/* The head; the body is read and forgotten. (transfer full) */
static char *
read_request(Guest *guest)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char buffer[CHUNK];
    const char *end = NULL;
    while (end == NULL) {
        gssize got = receive(guest, buffer, sizeof buffer);
        if (got <= 0 || text->len > HEAD_MAX)
            return NULL;
        g_string_append_len(text, buffer, got);
        end = strstr(text->str, "\r\n\r\n");
    }
    gsize head = (gsize)(end - text->str) + 4;
    g_autofree char *length = header(text->str, "Content-Length");
    guint64 body = length != NULL ? g_ascii_strtoull(length, NULL, 10) : 0;
    guint64 have = text->len - head;
    while (have < MIN(body, BODY_MAX)) {
        gssize got = receive(guest, buffer, sizeof buffer);
        if (got <= 0)
            return NULL;
        have += (guint64)got;
    }
    return g_strndup(text->str, head);
}

static void
visit_free(gpointer data)
{
    Visit *visit = data;
    g_free(visit->url);
    g_free(visit->host);
    g_free(visit->head);
    g_free(visit);
}

/* Notes the request and finds its rule, which lives as long as the web. */
static const Rule *
judge(Guest *guest, const char *head)
{
    TestWeb *web = guest->door->web;
    g_auto(GStrv) words = g_strsplit_set(head, " \r", 3);
    g_autofree char *host = header(head, "Host");
    g_autofree char *credentials = header(head, "Authorization");
    const char *path = words[0] != NULL && words[1] != NULL ? words[1] : "";
    char *colon = host != NULL ? strchr(host, ':') : NULL;
    if (colon != NULL)
        *colon = '\0';
    Visit *visit = g_new0(Visit, 1);
    visit->url = g_strdup_printf("%s://%s%s", guest->door->scheme, host, path);
    visit->host = g_steal_pointer(&host);
    visit->head = g_strdup(head);
    bool certified = guest->tls != NULL && gnutls_certificate_get_peers(guest->tls, NULL) != NULL;
    visit->credentials = credentials != NULL || certified;
    Rule *found = NULL;
    g_mutex_lock(&web->lock);
    g_ptr_array_add(web->visits, visit);
    for (guint i = 0; i < web->rules->len && found == NULL; i++) {
        Rule *rule = g_ptr_array_index(web->rules, i);
        if (!rule->spent && g_str_equal(rule->scheme, guest->door->scheme) &&
            g_strcmp0(rule->host, visit->host) == 0 &&
            g_ascii_strncasecmp(path, rule->path, strlen(rule->path)) == 0)
            found = rule;
    }
    if (found != NULL && found->action == TEST_WEB_ONCE)
        found->spent = true;
    g_mutex_unlock(&web->lock);
    return found;
}

static void
sleep_for(TestWeb *web, gint64 ms)
{
    gint64 until_us = g_get_monotonic_time() + ms * 1000;
    g_mutex_lock(&web->lock);
    while (!web->ending && g_cond_wait_until(&web->changed, &web->lock, until_us))
        continue;
    g_mutex_unlock(&web->lock);
}

static void
await_release(TestWeb *web)
{
    g_mutex_lock(&web->lock);
    while (!web->ending && !web->released)
        g_cond_wait(&web->changed, &web->lock);
    g_mutex_unlock(&web->lock);
}

static bool
flood(Guest *guest, const Rule *rule)
{
    g_autofree char *head = g_strdup_printf("HTTP/1.1 200 x\r\nContent-Type: text/xml\r\n"
                                            "Content-Length: %" G_GSIZE_FORMAT "\r\n\r\n",
                                            rule->amount);
    bool alive = send_all(guest, head, strlen(head));
    gsize length = strlen(rule->text);
    for (gsize sent = 0; alive && sent < rule->amount; sent += length)
        alive = send_all(guest, rule->text, MIN(length, rule->amount - sent));
    return alive;
}

/* Whether the connection goes on. */
static bool
answer(Guest *guest)
{
    static const char nothing[] = "HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n";
    g_autofree char *head = read_request(guest);
    if (head == NULL)
        return false;
    const Rule *rule = judge(guest, head);
    if (rule == NULL)
        return send_all(guest, nothing, strlen(nothing));
    switch (rule->action) {
    case TEST_WEB_ANSWER:
    case TEST_WEB_ONCE:
        break;
    case TEST_WEB_SILENT:
        stay_silent(guest);
        return false;
    case TEST_WEB_RESET:
        (void)send_all(guest, rule->text, MIN(rule->amount, strlen(rule->text)));
        guest->reset = true;
        return false;
    case TEST_WEB_FLOOD:
        return flood(guest, rule);
    case TEST_WEB_DELAY:
        sleep_for(guest->door->web, (gint64)rule->amount);
        break;
    case TEST_WEB_HOLD:
        await_release(guest->door->web);
        break;
    }
    return send_all(guest, rule->text, strlen(rule->text));
}

static gpointer
guest_main(gpointer data)
{
    Guest *guest = data;
    TestWeb *web = guest->door->web;
    if (shake_hands(guest))
        while (answer(guest))
            continue;
    if (guest->reset) {
        struct linger linger = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(guest->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    }
    if (guest->tls != NULL)
        gnutls_deinit(guest->tls);
    g_mutex_lock(&web->lock);
    for (guint i = 0; i < web->open->len; i++)
        if (g_array_index(web->open, int, i) == guest->fd) {
            g_array_remove_index_fast(web->open, i);
            break;
        }
    close(guest->fd);
    g_mutex_unlock(&web->lock);
    g_free(guest);
    return NULL;
}

/* --- doors ------------------------------------------------------------------------------------ */

static gpointer
accept_main(gpointer data)
{
    Door *door = data;
    TestWeb *web = door->web;
    for (;;) {
        int fd = accept4(door->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 && errno == EINTR)
            continue;
        if (fd < 0)
            return NULL; /* shut down */
        Guest *guest = g_new0(Guest, 1);
        guest->door = door;
        guest->fd = fd;
        g_mutex_lock(&web->lock);
        g_array_append_val(web->open, fd);
        g_ptr_array_add(web->threads, g_thread_new("web-guest", guest_main, guest));
        g_mutex_unlock(&web->lock);
    }
}

static void
open_door(TestWeb *web, Door *door, const char *scheme)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    door->web = web;
    door->scheme = scheme;
    door->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(door->fd, (struct sockaddr *)&address, length), ==, 0);
    g_assert_cmpint(listen(door->fd, 512), ==, 0);
    g_assert_cmpint(getsockname(door->fd, (struct sockaddr *)&address, &length), ==, 0);
    door->port = ntohs(address.sin_port);
    door->acceptor = g_thread_new("web-door", accept_main, door);
}

static void
close_door(Door *door)
{
    shutdown(door->fd, SHUT_RDWR);
    g_thread_join(door->acceptor);
    close(door->fd);
}

/* --- the web ---------------------------------------------------------------------------------- */

static void
rule_free(gpointer data)
{
    Rule *rule = data;
    g_free(rule->scheme);
    g_free(rule->host);
    g_free(rule->path);
    g_free(rule->text);
    g_free(rule);
}

static void
identity_free(gpointer data)
{
    test_identity_free(data);
}

static void
show_certificate(TestWeb *web, const TestIdentity *identity)
{
    gnutls_x509_crt_t chain[1] = {identity->certificate};
    g_assert_cmpint(gnutls_certificate_set_x509_key(web->credentials, chain, 1, identity->key), >=,
                    0);
}

TestWeb *
test_web_new(const TestIdentity *authority)
{
    TestWeb *web = g_new0(TestWeb, 1);
    web->authority = authority;
    g_mutex_init(&web->lock);
    g_cond_init(&web->changed);
    web->identities = g_ptr_array_new_with_free_func(identity_free);
    web->black_holes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    web->rules = g_ptr_array_new_with_free_func(rule_free);
    web->visits = g_ptr_array_new_with_free_func(visit_free);
    web->threads = g_ptr_array_new();
    web->open = g_array_new(FALSE, FALSE, sizeof(int));
    g_assert_cmpint(gnutls_certificate_allocate_credentials(&web->credentials), ==, 0);
    test_names_begin();
    /* Whoever has no certificate of his own shows this one. */
    test_web_add_host(web, "other.invalid");
    open_door(web, &web->https, "https");
    open_door(web, &web->http, "http");
    return web;
}

void
test_web_free(TestWeb *web)
{
    if (web == NULL)
        return;
    close_door(&web->https);
    close_door(&web->http);
    g_mutex_lock(&web->lock);
    web->ending = true;
    for (guint i = 0; i < web->open->len; i++)
        shutdown(g_array_index(web->open, int, i), SHUT_RDWR);
    g_cond_broadcast(&web->changed);
    g_mutex_unlock(&web->lock);
    for (guint i = 0; i < web->threads->len; i++)
        g_thread_join(g_ptr_array_index(web->threads, i));
    test_names_end();
    gnutls_certificate_free_credentials(web->credentials);
    g_ptr_array_unref(web->identities);
    g_hash_table_unref(web->black_holes);
    g_ptr_array_unref(web->rules);
    g_ptr_array_unref(web->visits);
    g_ptr_array_unref(web->threads);
    g_array_unref(web->open);
    g_mutex_clear(&web->lock);
    g_cond_clear(&web->changed);
    g_free(web);
}

guint16
test_web_https_port(const TestWeb *web)
{
    return web->https.port;
}

guint16
test_web_http_port(const TestWeb *web)
{
    return web->http.port;
}

void
test_web_add_host(TestWeb *web, const char *host)
{
    TestIdentity *identity = test_identity_new_server(web->authority, host, -LIFE, LIFE);
    g_ptr_array_add(web->identities, identity);
    test_web_add_impostor(web, host, identity);
}

void
test_web_add_impostor(TestWeb *web, const char *host, const TestIdentity *identity)
{
    test_names_add(host, "127.0.0.1");
    if (identity != NULL)
        show_certificate(web, identity);
}

void
test_web_add_black_hole(TestWeb *web, const char *host)
{
    test_names_add(host, "127.0.0.1");
    g_hash_table_add(web->black_holes, g_strdup(host));
}

void
test_web_add_refusal(TestWeb *web, const char *host)
{
    test_names_add(host, "127.0.0.2"); /* the doors are at 127.0.0.1 */
}

void
test_web_add_silent_name(TestWeb *web, const char *host)
{
    test_names_add(host, NULL);
}

void
test_web_add_srv(TestWeb *web, const char *domain, guint priority, guint weight, guint port,
                 const char *target)
{
    g_autofree char *name = g_strconcat("_autodiscover._tcp.", domain, NULL);
    test_names_add_srv(name, priority, weight, port, target);
}

void
test_web_rule(TestWeb *web, const char *scheme, const char *host, const char *path,
              TestWebAction action, const char *text, gsize amount)
{
    Rule *rule = g_new0(Rule, 1);
    *rule = (Rule){.scheme = g_strdup(scheme),
                   .host = g_strdup(host),
                   .path = g_strdup(path),
                   .action = action,
                   .text = g_strdup(text),
                   .amount = amount};
    g_mutex_lock(&web->lock);
    g_ptr_array_add(web->rules, rule);
    g_mutex_unlock(&web->lock);
}

void
test_web_release(TestWeb *web)
{
    g_mutex_lock(&web->lock);
    web->released = true;
    g_cond_broadcast(&web->changed);
    g_mutex_unlock(&web->lock);
}

char *
test_web_answer(int status, const char *header_line, const char *type, const char *body)
{
    return g_strdup_printf("HTTP/1.1 %d x\r\n%s%sContent-Type: %s\r\n"
                           "Content-Length: %" G_GSIZE_FORMAT "\r\n\r\n%s",
                           status, header_line != NULL ? header_line : "",
                           header_line != NULL ? "\r\n" : "", type, strlen(body), body);
}

/* --- what happened ---------------------------------------------------------------------------- */

char *
test_web_log(TestWeb *web)
{
    g_autoptr(GString) log = g_string_new(NULL);
    g_mutex_lock(&web->lock);
    for (guint i = 0; i < web->visits->len; i++) {
        const Visit *visit = g_ptr_array_index(web->visits, i);
        g_string_append_printf(log, "%s%s\n", visit->url,
                               visit->credentials ? " with credentials" : "");
    }
    g_mutex_unlock(&web->lock);
    return g_string_free(g_steal_pointer(&log), FALSE);
}

GStrv
test_web_headers(TestWeb *web, const char *url, const char *name)
{
    g_autoptr(GStrvBuilder) values = g_strv_builder_new();
    g_mutex_lock(&web->lock);
    for (guint i = 0; i < web->visits->len; i++) {
        const Visit *visit = g_ptr_array_index(web->visits, i);
        g_autofree char *value = header(visit->head, name);
        if (g_str_has_prefix(visit->url, url))
            g_strv_builder_add(values, value != NULL ? value : "");
    }
    g_mutex_unlock(&web->lock);
    return g_strv_builder_end(values);
}

guint
test_web_connections(TestWeb *web)
{
    g_mutex_lock(&web->lock);
    guint n = web->open->len;
    g_mutex_unlock(&web->lock);
    return n;
}

static guint
count(TestWeb *web, const char *host, bool credentials)
{
    guint n = 0;
    g_mutex_lock(&web->lock);
    for (guint i = 0; i < web->visits->len; i++) {
        const Visit *visit = g_ptr_array_index(web->visits, i);
        n += g_strcmp0(visit->host, host) == 0 && (visit->credentials || !credentials);
    }
    g_mutex_unlock(&web->lock);
    return n;
}

guint
test_web_requests(TestWeb *web, const char *host)
{
    return count(web, host, false);
}

guint
test_web_credentials(TestWeb *web, const char *host)
{
    return count(web, host, true);
}

char *
test_web_trusted(TestWeb *web)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_mutex_lock(&web->lock);
    for (guint i = 0; i < web->visits->len; i++) {
        const Visit *visit = g_ptr_array_index(web->visits, i);
        if (visit->credentials &&
            !g_ptr_array_find_with_equal_func(names, visit->host, g_str_equal, NULL))
            g_ptr_array_add(names, visit->host);
    }
    g_ptr_array_add(names, NULL);
    char *text = g_strjoinv(" ", (char **)names->pdata);
    g_mutex_unlock(&web->lock);
    return text;
}
