#include "common/http/connection-private.h"

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/failpoint.h"
#include "common/base/secret.h"
#include "common/http/failure-private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of an answer that nobody reads: the 401s of a handshake. */
#define DROPPED_BODY_MAX_BYTES 65536
/* A body up to this goes out together with the header, in one TLS record; it never counts as partly sent. */
#define JOINED_BODY_MAX_BYTES 8192

/* What libcurl asks the body for at a time. It allocates that much for each request, and wipes it afterwards. */
#define UPLOAD_MIN_BYTES 16384
#define UPLOAD_MAX_BYTES 65536

/* A socket of the connection. There are several only while addresses are being tried. */
typedef struct {
    int fd;
    ExgWatch *watch; /* NULL: not yet. It stays from exchange to exchange */
    bool wanted;     /* by libcurl */
} Socket;

struct ExgHttpConnection {
    ExgEngine *engine;
    const ExgHttpOrigin *origin;
    const char *ca_file, *client_certificate;
    CURLM *multi;
    CURL *easy;
    GArray *sockets; /* of Socket */
    ExgTimer timer;  /* libcurl's */
    ExgLater soon;   /* the same without a delay */
    struct curl_slist *addresses;
    bool handshaking; /* TCP is up, and libcurl waits for the server's part of the TLS handshake */
    bool established;
    int open_errno; /* why a socket could not be made */
    guint answers;
    void (*idle)(gpointer data);
    gpointer idle_data;

    /* The exchange under way. */
    ExgHttpRequest *request;
    ExgHttpExchangeFunc function; /* NULL: none */
    gpointer data;
    struct curl_slist *headers;
    char *joined_body; /* NULL: libcurl asks for the body piece by piece */
    ExgHttpResponse *response;
    bool with_body;
    bool may_be_401;
    bool begun;        /* libcurl has the connection and goes on to send */
    bool answer_begun; /* a line has come */
    bool header_done;  /* the empty line after the last header has come */
    gsize header_bytes;
    gsize body_bytes;   /* received, decoded */
    guint64 body_given; /* of the request's body */
    GError *own_error;  /* why we made libcurl stop */
    char text[CURL_ERROR_SIZE];
};

/* Whether the body of this answer is for nobody. */
static bool
is_dropped(const ExgHttpConnection *self)
{
    return !self->with_body ||
           (self->may_be_401 && exg_http_response_status(self->response) == 401);
}

static gsize
answer_max(const ExgHttpConnection *self)
{
    return is_dropped(self) ? DROPPED_BODY_MAX_BYTES : self->request->response_max;
}

/* --- sockets ---------------------------------------------------------------------------------- */

static Socket *
find_socket(ExgHttpConnection *self, int fd)
{
    for (guint i = 0; i < self->sockets->len; i++) {
        Socket *socket = &g_array_index(self->sockets, Socket, i);
        if (socket->fd == fd)
            return socket;
    }
    return NULL;
}

/* The barrier: an established connection never gets a second socket, so libcurl cannot repeat a request on its own. */
static curl_socket_t
open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
    ExgHttpConnection *self = data;
    if (self->established)
        return CURL_SOCKET_BAD;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) {
        self->open_errno = errno;
        return CURL_SOCKET_BAD;
    }
    Socket entry = {.fd = fd};
    g_array_append_val(self->sockets, entry);
    return fd;
}

static int
close_socket(void *data, curl_socket_t fd)
{
    ExgHttpConnection *self = data;
    for (guint i = 0; i < self->sockets->len; i++) {
        Socket *socket = &g_array_index(self->sockets, Socket, i);
        if (socket->fd == fd) {
            exg_watch_free(socket->watch);
            g_array_remove_index_fast(self->sockets, i);
            break;
        }
    }
    return close(fd);
}

static void drive(ExgHttpConnection *self, int fd, int events);

static void
socket_ready(int fd, guint events, gpointer data)
{
    ExgHttpConnection *self = data;
    const Socket *socket = find_socket(self, fd);
    if (self->function != NULL && socket->wanted)
        drive(self, fd,
              (events & EXG_IO_READ ? CURL_CSELECT_IN : 0) |
                  (events & EXG_IO_WRITE ? CURL_CSELECT_OUT : 0));
    else if (self->function == NULL && self->idle != NULL)
        self->idle(self->idle_data);
    else
        exg_watch_set_events(socket->watch, 0); /* who uses the socket next will see */
}

static void
watch(ExgHttpConnection *self, Socket *socket, guint events)
{
    if (socket->watch == NULL)
        socket->watch = exg_watch_new(self->engine, socket->fd, events, socket_ready, self);
    else
        exg_watch_set_events(socket->watch, events);
}

static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *unused)
{
    ExgHttpConnection *self = data;
    Socket *socket = find_socket(self, fd);
    if (socket == NULL)
        return 0; /* none of ours: libcurl has nothing else to wait for, as it resolves no names */
    guint events = (what & CURL_POLL_IN ? EXG_IO_READ : 0u) |
                   (what & CURL_POLL_OUT ? EXG_IO_WRITE : 0u);
    if (events & EXG_IO_READ && !self->established)
        self->handshaking = true;
    socket->wanted = what != CURL_POLL_REMOVE;
    /* An exchange that is over lets go of the socket, and the next one asks for the same again. But one that did not get as far as
     * that libcurl may have closed already, without a word. */
    if (socket->wanted || self->established)
        watch(self, socket, socket->wanted ? events : EXG_IO_READ);
    else
        g_clear_pointer(&socket->watch, exg_watch_free);
    return 0;
}

static int
set_timer(CURLM *multi, long timeout_ms, void *data)
{
    ExgHttpConnection *self = data;
    exg_timer_cancel(&self->timer);
    exg_later_cancel(&self->soon);
    if (timeout_ms == 0)
        exg_later_set(&self->soon);
    else if (timeout_ms > 0)
        exg_timer_set(&self->timer, exg_clock_deadline_ms(timeout_ms));
    return 0;
}

static void
timer_due(gpointer data)
{
    drive(data, CURL_SOCKET_TIMEOUT, 0);
}

void
exg_http_connection_watch_idle(ExgHttpConnection *self, void (*function)(gpointer data),
                               gpointer data)
{
    g_return_if_fail(self->sockets->len == 1 && self->function == NULL);
    self->idle = function;
    self->idle_data = data;
    watch(self, &g_array_index(self->sockets, Socket, 0), EXG_IO_READ);
}

/* --- the request goes out ----------------------------------------------------------------------- */

/* The connection is up and nothing has been sent of this exchange. A request whose body libcurl will not ask for counts as sent from
 * here on. */
static int
about_to_send(void *data, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    ExgHttpConnection *self = data;
    self->established = true;
    self->begun = true;
    if (self->with_body &&
        (self->joined_body != NULL || exg_http_request_body_length(self->request) == 0))
        self->request->body_sent = true;
    return CURL_PREREQFUNC_OK;
}

static size_t
read_body(char *buffer, size_t size, size_t count, void *data)
{
    ExgHttpConnection *self = data;
    guint64 left = exg_http_request_body_length(self->request) - self->body_given;
    gsize room = (gsize)MIN((guint64)size * count, left);
    if (!self->with_body || room == 0)
        return 0;
    ExgHttpBody *body = self->request->body;
    gssize got = body->class->read(body, buffer, room, &self->own_error);
    if (got == 0)
        exg_error_set(&self->own_error, EXG_ERROR_RESOURCES,
                      "The body of the request is shorter than it said");
    if (got <= 0)
        return CURL_READFUNC_ABORT;
    self->body_given += (guint64)got;
    if (self->body_given == body->length)
        self->request->body_sent = true;
    return (size_t)got;
}

/* Whether to send a body again is for the session to decide, and it does so on a new connection. */
static int
refuse_seek(void *data, curl_off_t offset, int origin)
{
    return CURL_SEEKFUNC_FAIL;
}

/* --- the answer comes in ------------------------------------------------------------------------ */

static size_t
take_header(char *line, size_t size, size_t count, void *data)
{
    ExgHttpConnection *self = data;
    gsize length = size * count;
    if (self->own_error != NULL)
        return 0;
    self->answer_begun = true;
    self->header_bytes += length;
    if (self->header_bytes > EXG_HTTP_MAX_HEADER_BYTES) {
        exg_error_set(&self->own_error, EXG_ERROR_PROTOCOL,
                      "The answer of %s has a header of more than %d bytes", self->origin->host,
                      EXG_HTTP_MAX_HEADER_BYTES);
        return 0;
    }
    if (self->header_done && exg_http_response_status(self->response) >= 200)
        return length; /* a trailer */
    self->header_done = line[0] == '\r' || line[0] == '\n';
    if (!exg_http_response_take_line(self->response, line, length)) {
        exg_error_set(&self->own_error, EXG_ERROR_PROTOCOL,
                      "The answer of %s has a malformed header", self->origin->host);
        return 0;
    }
    return length;
}

static bool
too_large(ExgHttpConnection *self)
{
    if (self->own_error != NULL)
        return true;
    exg_error_set(&self->own_error, EXG_ERROR_PROTOCOL,
                  "The answer of %s is larger than %" G_GSIZE_FORMAT " bytes", self->origin->host,
                  answer_max(self));
    return true;
}

static size_t
take_body(char *piece, size_t size, size_t count, void *data)
{
    ExgHttpConnection *self = data;
    gsize length = size * count;
    if (self->own_error != NULL)
        return 0;
    self->body_bytes += length;
    if (self->body_bytes > answer_max(self) && too_large(self))
        return 0;
    if (is_dropped(self))
        return length;
    const ExgHttpRequest *request = self->request;
    if (request->sink == NULL) {
        exg_http_response_append(self->response, piece, length);
        return length;
    }
    int status = exg_http_response_status(self->response);
    return request->sink(status, piece, length, request->sink_data, &self->own_error) ? length : 0;
}

/* What came over the wire is limited too: a coded body may decode to nothing for ever. */
static int
watch_progress(void *data, curl_off_t total_down, curl_off_t down, curl_off_t total_up,
               curl_off_t up)
{
    ExgHttpConnection *self = data;
    return down > (curl_off_t)answer_max(self) && too_large(self) ? 1 : 0;
}

/* --- driving libcurl ---------------------------------------------------------------------------- */

static GError *
failure(ExgHttpConnection *self, CURLcode code)
{
    const char *stage = exg_http_connection_stage(self);
    if (self->own_error != NULL) {
        if (exg_error_facts(self->own_error) != NULL &&
            exg_error_facts(self->own_error)->stage == NULL)
            exg_error_set_stage(self->own_error, stage);
        return g_steal_pointer(&self->own_error);
    }
    long os_error = self->open_errno;
    if (os_error == 0)
        (void)curl_easy_getinfo(self->easy, CURLINFO_OS_ERRNO, &os_error);
    struct curl_certinfo *chain = NULL;
    (void)curl_easy_getinfo(self->easy, CURLINFO_CERTINFO, &chain);
    ExgHttpFailure facts = {.code = code,
                            .text = self->text,
                            .os_error = (int)os_error,
                            .stage = stage,
                            .host = self->origin->host,
                            .port = self->origin->port,
                            .ca_file = self->ca_file,
                            .client_certificate = self->client_certificate,
                            .chain = chain,
                            .established = self->established,
                            .answered = self->answers > 0 || self->answer_begun,
                            .response_max = (gint64)answer_max(self)};
    return exg_http_failure_to_error(&facts);
}

static void
clear_exchange(ExgHttpConnection *self)
{
    /* One of the lines may be the Authorization, and the body that of a token request. */
    for (struct curl_slist *line = self->headers; line != NULL; line = line->next)
        exg_secret_wipe(line->data, strlen(line->data));
    g_clear_pointer(&self->headers, curl_slist_free_all);
    g_clear_pointer(&self->joined_body, exg_secret_wipe_and_free);
    g_clear_pointer(&self->response, exg_http_response_unref);
    g_clear_pointer(&self->request, exg_http_request_unref);
    g_clear_error(&self->own_error);
}

static void
finish(ExgHttpConnection *self, CURLcode code)
{
    GError *error = NULL;
    if (code == CURLE_OK && exg_http_response_status(self->response) < 200)
        code = CURLE_WEIRD_SERVER_REPLY;
    /* libcurl is content with a header that the end of the connection cut short. */
    if (code == CURLE_OK && !self->header_done)
        code = CURLE_GOT_NOTHING;
    if (code != CURLE_OK)
        error = failure(self, code);
    else
        self->answers++;
    curl_multi_remove_handle(self->multi, self->easy);
    exg_timer_cancel(&self->timer);
    exg_later_cancel(&self->soon);
    g_autoptr(ExgHttpResponse) response = error == NULL ? g_steal_pointer(&self->response) : NULL;
    if (response != NULL)
        exg_http_response_complete(response);
    ExgHttpExchangeFunc function = g_steal_pointer(&self->function);
    clear_exchange(self);
    function(self, response, error, self->data);
}

/* Lets libcurl work, and ends the exchange if it is over. The connection may be gone afterwards. */
static void
drive(ExgHttpConnection *self, int fd, int events)
{
    int running, left;
    curl_multi_socket_action(self->multi, fd, events, &running);
    if (self->request != NULL && self->request->once && self->request->body_sent &&
        !self->answer_begun)
        EXG_FAIL_POINT("http-request-sent");
    for (CURLMsg *message; (message = curl_multi_info_read(self->multi, &left)) != NULL;) {
        if (message->msg == CURLMSG_DONE) {
            finish(self, message->data.result);
            return;
        }
    }
    /* libcurl does not announce an unchanged time-out again, also when it was asked a little too early. */
    long timeout_ms = -1;
    if (!exg_timer_is_set(&self->timer) && !self->soon.set &&
        curl_multi_timeout(self->multi, &timeout_ms) == CURLM_OK && timeout_ms >= 0)
        exg_timer_set(&self->timer, exg_clock_deadline_ms(timeout_ms + 1));
}

/* --- setting it up ---------------------------------------------------------------------------- */

#define SET(option, value) (failed |= curl_easy_setopt(easy, option, value) != CURLE_OK)

static bool
set_connection_options(ExgHttpConnection *self, const ExgHttpConnectionOptions *options)
{
    CURL *easy = self->easy;
    bool failed = false;
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_ACCEPT_ENCODING, "");
    SET(CURLOPT_USERAGENT, options->user_agent);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_RESOLVE, self->addresses);
    SET(CURLOPT_DNS_CACHE_TIMEOUT, -1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)MAX(options->connect_timeout_ms, 1));
    /* The pool closes idle connections; libcurl must not consider them too old before that. */
    SET(CURLOPT_MAXAGE_CONN, (long)(options->idle_timeout_ms / 1000 + 3600));
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, options->tls_verify ? 1L : 0L);
    SET(CURLOPT_SSL_VERIFYHOST, options->tls_verify ? 2L : 0L);
    SET(CURLOPT_CERTINFO, self->origin->tls ? 1L : 0L);
    SET(CURLOPT_CAPATH,
        NULL); /* a directory is read whole for each connection, on top of the file */
    if (options->ca_file != NULL)
        SET(CURLOPT_CAINFO, options->ca_file);
    if (options->client_certificate != NULL) {
        SET(CURLOPT_SSLCERT, options->client_certificate);
        SET(CURLOPT_SSLKEY, options->client_key);
    }
    return !failed;
}

static bool
set_callbacks(ExgHttpConnection *self)
{
    CURL *easy = self->easy;
    bool failed = false;
    SET(CURLOPT_ERRORBUFFER, self->text);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, self);
    SET(CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    SET(CURLOPT_CLOSESOCKETDATA, self);
    SET(CURLOPT_PREREQFUNCTION, about_to_send);
    SET(CURLOPT_PREREQDATA, self);
    SET(CURLOPT_READFUNCTION, read_body);
    SET(CURLOPT_READDATA, self);
    SET(CURLOPT_SEEKFUNCTION, refuse_seek);
    SET(CURLOPT_SEEKDATA, self);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, self);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, self);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, watch_progress);
    SET(CURLOPT_XFERINFODATA, self);
    curl_multi_setopt(self->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(self->multi, CURLMOPT_SOCKETDATA, self);
    curl_multi_setopt(self->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(self->multi, CURLMOPT_TIMERDATA, self);
    curl_multi_setopt(self->multi, CURLMOPT_MAXCONNECTS, 1L);
    curl_multi_setopt(self->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return !failed;
}

/* "host:port:address,[address]": libcurl then looks up nothing. A numeric host needs no help. */
static struct curl_slist *
resolve_list(const ExgHttpOrigin *origin, const char *const *addresses)
{
    if (g_hostname_is_ip_address(origin->host))
        return NULL;
    g_autoptr(GString) line = g_string_new(NULL);
    g_string_printf(line, "%s:%u:", origin->host, origin->port);
    for (guint i = 0; addresses[i] != NULL; i++) {
        bool six = strchr(addresses[i], ':') != NULL;
        g_string_append_printf(line, "%s%s%s%s", i > 0 ? "," : "", six ? "[" : "", addresses[i],
                               six ? "]" : "");
    }
    return curl_slist_append(NULL, line->str);
}

ExgHttpConnection *
exg_http_connection_new(ExgEngine *engine, const ExgHttpConnectionOptions *options, GError **error)
{
    g_autoptr(ExgHttpConnection) self = g_new0(ExgHttpConnection, 1);
    self->engine = engine;
    self->origin = options->origin;
    self->ca_file = options->ca_file;
    self->client_certificate = options->client_certificate;
    self->sockets = g_array_new(FALSE, FALSE, sizeof(Socket));
    exg_timer_init(&self->timer, engine, timer_due, self);
    exg_later_init(&self->soon, engine, timer_due, self);
    self->addresses = resolve_list(options->origin, options->addresses);
    self->multi = curl_multi_init();
    self->easy = curl_easy_init();
    if (self->multi == NULL || self->easy == NULL || !set_connection_options(self, options) ||
        !set_callbacks(self)) {
        exg_error_set(error, EXG_ERROR_RESOURCES, "libcurl cannot set up a connection");
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
exg_http_connection_free(ExgHttpConnection *self)
{
    if (self == NULL)
        return;
    /* libcurl closes the connection in its clean-up, and calls close_socket() for it. */
    if (self->function != NULL)
        curl_multi_remove_handle(self->multi, self->easy);
    if (self->easy != NULL)
        curl_easy_cleanup(self->easy);
    if (self->multi != NULL)
        curl_multi_cleanup(self->multi);
    exg_timer_cancel(&self->timer);
    exg_later_cancel(&self->soon);
    clear_exchange(self);
    curl_slist_free_all(self->addresses);
    g_array_unref(self->sockets);
    g_free(self);
}

static bool
add_line(ExgHttpConnection *self, const char *name, const char *separator, const char *value)
{
    g_autofree char *line = g_strconcat(name, separator, value, NULL);
    struct curl_slist *list = curl_slist_append(self->headers, line);
    exg_secret_wipe(line, strlen(line));
    if (list == NULL)
        return false;
    self->headers = list;
    return true;
}

/* No `Expect: 100-continue`: it costs every large request a round trip, and up to a second with a server that does not know it. What
 * it saves, a second upload after a 401, does not happen here: the legs of a handshake go without the body, and one-leg
 * schemes put their credentials into the first request. It also ends libcurl's own repetition after a 417. */
static bool
set_headers(ExgHttpConnection *self, const char *authorization)
{
    const ExgHttpRequest *request = self->request;
    bool done = add_line(self, "Expect", ":", "");
    if (!exg_http_request_has_header(request, "Content-Type"))
        done = done &&
               add_line(self, "Content-Type", ":", ""); /* or libcurl invents one for a form */
    for (guint i = 0; i < request->headers->len; i++) {
        const ExgHttpField *field = g_ptr_array_index(request->headers, i);
        done = done &&
               add_line(self, field->name, field->value[0] != '\0' ? ": " : ";", field->value);
    }
    if (authorization != NULL)
        done = done && add_line(self, "Authorization", ": ", authorization);
    return done;
}

/* The whole of a small body, or NULL. One that must not be sent twice is handed out when libcurl really sends. */
static char *
read_joined_body(ExgHttpConnection *self)
{
    ExgHttpBody *body = self->request->body;
    guint64 length = exg_http_request_body_length(self->request);
    if (!self->with_body || self->request->once || length == 0 || length > JOINED_BODY_MAX_BYTES)
        return NULL;
    g_autofree char *joined = g_malloc(length);
    for (gsize done = 0; done < length;) {
        gssize got = body->class->read(body, joined + done, length - done, NULL);
        if (got <= 0) {
            body->class->rewind(body); /* to fail when it is its turn */
            return NULL;
        }
        done += (gsize)got;
    }
    return g_steal_pointer(&joined);
}

static bool
set_exchange_options(ExgHttpConnection *self)
{
    CURL *easy = self->easy;
    bool failed = false;
    SET(CURLOPT_URL, self->request->url);
    SET(CURLOPT_HTTPHEADER, self->headers);
    SET(CURLOPT_MAXFILESIZE_LARGE,
        (curl_off_t)MAX(self->request->response_max, DROPPED_BODY_MAX_BYTES));
    if (g_str_equal(self->request->method, "GET")) {
        SET(CURLOPT_HTTPGET, 1L);
    } else {
        guint64 length = self->with_body ? exg_http_request_body_length(self->request) : 0;
        self->joined_body = read_joined_body(self);
        SET(CURLOPT_UPLOAD_BUFFERSIZE, (long)CLAMP(length, UPLOAD_MIN_BYTES, UPLOAD_MAX_BYTES));
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDS, self->joined_body);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
    }
    return !failed;
}

void
exg_http_connection_run(ExgHttpConnection *self, const ExgHttpExchange *exchange,
                        ExgHttpExchangeFunc function, gpointer data)
{
    g_return_if_fail(self->function == NULL);
    self->idle = NULL;
    self->request = exg_http_request_ref(exchange->request);
    self->response = exg_http_response_new();
    self->function = function;
    self->data = data;
    self->with_body = exchange->with_body;
    self->may_be_401 = exchange->may_be_401;
    self->begun = self->answer_begun = self->header_done = false;
    self->header_bytes = self->body_bytes = 0;
    self->body_given = 0;
    self->text[0] = '\0';
    if (!set_headers(self, exchange->authorization) || !set_exchange_options(self))
        g_error("out of memory for a request");
    if (curl_multi_add_handle(self->multi, self->easy) != CURLM_OK)
        g_error("libcurl refuses a request");
}

/* --- what is known ------------------------------------------------------------------------------ */

bool
exg_http_connection_is_established(const ExgHttpConnection *self)
{
    return self->established;
}

bool
exg_http_connection_is_open(const ExgHttpConnection *self)
{
    if (!self->established || self->sockets->len != 1)
        return false;
    /* Between exchanges the server has nothing to say: an end or a word of its own both spoil the connection. */
    char byte;
    int fd = g_array_index(self->sockets, Socket, 0).fd;
    return self->function != NULL ||
           (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN);
}

guint
exg_http_connection_answers(const ExgHttpConnection *self)
{
    return self->answers;
}

bool
exg_http_connection_answer_begun(const ExgHttpConnection *self)
{
    return self->answer_begun;
}

const char *
exg_http_connection_stage(const ExgHttpConnection *self)
{
    if (!self->established)
        return self->handshaking ? "tls" : "connect";
    bool sent = !self->with_body || self->request == NULL || self->request->body_sent;
    return self->begun && sent ? "answer" : "send";
}

GBytes *
exg_http_connection_dup_certificate(const ExgHttpConnection *self)
{
    struct curl_certinfo *chain = NULL;
    (void)curl_easy_getinfo(self->easy, CURLINFO_CERTINFO, &chain);
    const char *pem = exg_http_chain_field(chain, 0, "Cert");
    const char *begin = pem != NULL ? strstr(pem, "-----BEGIN CERTIFICATE-----") : NULL;
    const char *end = begin != NULL ? strstr(begin, "-----END CERTIFICATE-----") : NULL;
    if (end == NULL)
        return NULL;
    begin += strlen("-----BEGIN CERTIFICATE-----");
    g_autofree char *base64 = g_strndup(begin, (gsize)(end - begin));
    gsize length;
    guchar *der = g_base64_decode(base64, &length);
    return g_bytes_new_take(der, length);
}

/* --- origins ------------------------------------------------------------------------------------ */

bool
exg_http_origin_parse(const char *url, ExgHttpOrigin *ret_origin, GError **error)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_ENCODED, NULL);
    const char *scheme = uri != NULL ? g_uri_get_scheme(uri) : "";
    bool tls = g_str_equal(scheme, "https");
    const char *host = uri != NULL ? g_uri_get_host(uri) : NULL;
    g_autofree char *ascii = host != NULL && host[0] != '\0' ? g_hostname_to_ascii(host) : NULL;
    /* The URL itself is left out of the sentence: a query may hold what is secret. */
    if ((!tls && !g_str_equal(scheme, "http")) || ascii == NULL || g_uri_get_userinfo(uri) != NULL)
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "A URL must be http:// or https:// with a host and no user");
    int port = g_uri_get_port(uri);
    *ret_origin = (ExgHttpOrigin){.tls = tls,
                                  .host = g_steal_pointer(&ascii),
                                  .port = (guint16)(port > 0 ? port
                                                    : tls    ? 443
                                                             : 80)};
    return true;
}

void
exg_http_origin_clear(ExgHttpOrigin *origin)
{
    g_clear_pointer(&origin->host, g_free);
}

bool
exg_http_origin_equal(const ExgHttpOrigin *a, const ExgHttpOrigin *b)
{
    return a->tls == b->tls && a->port == b->port && g_ascii_strcasecmp(a->host, b->host) == 0;
}
