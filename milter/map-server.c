#include "milter/map-server.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/stream.h"
#include "milter/policy-service.h"
#include "milter/socketmap.h"
#include "milter/tcp-table.h"

#include <string.h>
#include <unistd.h>

#define INPUT_MAX_BYTES  (32 * 1024)
#define OUTPUT_MAX_BYTES (64 * 1024)
#define LINGER_MS        10000 /* for the last answer to be taken */

typedef struct Listening {
    ExgMapServer *server;
    ExgMapProtocol protocol;
    ExgListener *listener;
} Listening;

struct ExgMapServer {
    ExgEngine *engine;
    ExgMapServerOptions options;
    GPtrArray *listeners;        /* of Listening */
    GQueue connections;          /* who asked last is at the end */
    GQueue orphans;              /* closed while they waited; their answers are thrown away */
    guint asking;                /* questions under way, those of orphans included */
    GString *key, *text, *reply; /* scratch */
    ExgMapStatistics statistics;
    bool draining;
    ExgLater later; /* for `drained` */
    ExgEngineFunc drained;
    gpointer drained_data;
};

typedef struct {
    GList link;           /* in one of the server's lists */
    ExgMapServer *server; /* NULL: freed before the answer came */
    ExgListener *listener;
    ExgStream *stream;
    ExgTimer timer;
    ExgMapProtocol protocol;
    ExgMapKind kind;          /* of the question under way */
    ExgPolicyRequest request; /* of a policy service */
    bool waiting;             /* for an answer */
    bool reading;             /* in stream_read(), which goes on by itself */
    bool ending;
    bool orphan;
} Connection;

/* What one call of read finds. */
typedef struct {
    ExgMapProgress progress;
    gsize used;
    bool asks; /* else `reply` holds the answer */
    ExgMapQuestion question;
} Step;

/* --- the connection's life -------------------------------------------------------------------- */

static void
check_drained(ExgMapServer *server)
{
    if (server->draining && server->connections.length == 0 && server->asking == 0)
        exg_later_set(&server->later);
}

static void
tell_drained(gpointer data)
{
    ExgMapServer *server = data;
    server->drained(server->drained_data);
}

static void
connection_free(Connection *self)
{
    ExgMapServer *server = self->server;
    exg_timer_cancel(&self->timer);
    exg_stream_free(self->stream);
    exg_listener_release(self->listener);
    exg_policy_request_clear(&self->request);
    g_queue_unlink(&server->connections, &self->link);
    if (self->waiting) {
        self->orphan = true;
        g_queue_push_tail_link(&server->orphans, &self->link);
    } else {
        g_free(self);
    }
    check_drained(server);
}

static void
restart_timer(Connection *self)
{
    exg_timer_set(&self->timer, exg_clock_deadline_ms(self->server->options.idle_timeout_ms));
}

static void
end_connection(Connection *self)
{
    self->ending = true;
    exg_timer_set(&self->timer, exg_clock_deadline_ms(LINGER_MS));
    exg_stream_finish(self->stream);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void
format_look_up(Connection *self, ExgMapStatus status)
{
    ExgMapServer *server = self->server;
    if (self->protocol == EXG_MAP_SERVER_SOCKETMAP)
        exg_socketmap_answer(server->reply, status, server->text->str);
    else
        exg_tcp_table_answer(server->reply, status, server->text->str);
}

static void
count(ExgMapStatistics *statistics, ExgMapOutcome outcome)
{
    guint64 *const counters[] = {
        [EXG_MAP_NOT_OURS] = &statistics->not_ours, [EXG_MAP_GOOD] = &statistics->good,
        [EXG_MAP_UNKNOWN] = &statistics->unknown,   [EXG_MAP_REFUSED] = &statistics->refused,
        [EXG_MAP_DEFERRED] = &statistics->deferred, [EXG_MAP_UNSURE] = &statistics->unsure,
    };
    ++*counters[outcome];
}

static void
write_answer(Connection *self, const ExgMapAnswer *answer)
{
    ExgMapServer *server = self->server;
    count(&server->statistics, answer->outcome);
    if (self->protocol == EXG_MAP_SERVER_POLICY) {
        exg_map_action(answer, server->text);
        exg_policy_service_answer(server->reply, server->text->str);
    } else {
        format_look_up(self, exg_map_look_up(self->kind, answer, server->text));
    }
    exg_stream_write(self->stream, server->reply->str, server->reply->len);
    restart_timer(self);
    g_queue_unlink(&server->connections, &self->link);
    g_queue_push_tail_link(&server->connections, &self->link);
}

static void
answered(const ExgMapAnswer *answer, gpointer data)
{
    Connection *self = data;
    ExgMapServer *server = self->server;
    self->waiting = false;
    if (server != NULL)
        server->asking--;
    if (self->orphan) {
        if (server != NULL) {
            g_queue_unlink(&server->orphans, &self->link);
            check_drained(server);
        }
        g_free(self);
        return;
    }
    write_answer(self, answer);
    if (server->draining)
        end_connection(self);
    else if (!self->reading)
        exg_stream_resume(self->stream); /* and has what waits given again */
}

static void
ask(Connection *self, const ExgMapQuestion *question)
{
    ExgMapServer *server = self->server;
    server->statistics.questions++;
    /* Clients that ask and go away at once cannot make it more than those that wait. */
    if (server->asking >= server->options.max_connections) {
        write_answer(self, &(ExgMapAnswer){.outcome = EXG_MAP_UNSURE,
                                           .code = 451,
                                           .enhanced = "4.3.2",
                                           .text = "Too many recipients are being looked up"});
        return;
    }
    self->waiting = true;
    server->asking++;
    exg_timer_cancel(&self->timer);
    server->options.ask(question, server->options.ask_data, answered, self);
}

/* --- requests --------------------------------------------------------------------------------- */

/* A key that is no address is in no table; neither is one with a zero byte in it. */
static void
look_at_key(Connection *self, Step *step)
{
    step->asks = exg_map_is_address(self->server->key->str);
    step->question = (ExgMapQuestion){.recipient = self->server->key->str};
    if (!step->asks) {
        g_string_truncate(self->server->text, 0);
        format_look_up(self, EXG_MAP_NOT_FOUND);
    }
}

static void
read_socketmap(Connection *self, const guint8 *data, gsize length, Step *step)
{
    ExgMapServer *server = self->server;
    ExgSocketmapQuery query;
    step->progress = exg_socketmap_parse(data, length, &query, &step->used);
    if (step->progress == EXG_MAP_BROKEN)
        exg_socketmap_refuse(server->reply, "a request \"MAP KEY\" as a netstring is expected");
    if (step->progress != EXG_MAP_REQUEST)
        return;
    if (!exg_map_kind_find(query.name, query.name_length, &self->kind)) {
        exg_socketmap_refuse(server->reply, "there is no such map; there are: recipients, access, "
                                            "sendmail");
        return;
    }
    g_string_truncate(server->key, 0);
    g_string_append_len(server->key, query.key, (gssize)query.key_length);
    look_at_key(self, step);
}

static void
read_tcp_table(Connection *self, const guint8 *data, gsize length, Step *step)
{
    bool valid = false;
    step->progress = exg_tcp_table_parse(data, length, self->server->key, &valid, &step->used);
    if (step->progress == EXG_MAP_BROKEN || (step->progress == EXG_MAP_REQUEST && !valid))
        exg_tcp_table_refuse(self->server->reply, "a line \"get KEY\" is expected");
    else if (step->progress == EXG_MAP_REQUEST)
        look_at_key(self, step);
}

static void
read_policy(Connection *self, const guint8 *data, gsize length, Step *step)
{
    step->progress = exg_policy_request_feed(&self->request, data, length, &step->used);
    g_string_truncate(self->server->reply, 0);
    if (step->progress != EXG_MAP_REQUEST)
        return;
    step->asks = exg_policy_request_question(&self->request, &step->question) &&
                 exg_map_is_address(step->question.recipient);
    if (!step->asks)
        exg_policy_service_answer(self->server->reply, "DUNNO");
}

static void
read_step(Connection *self, const guint8 *data, gsize length, Step *step)
{
    switch (self->protocol) {
    case EXG_MAP_SERVER_SOCKETMAP:
        read_socketmap(self, data, length, step);
        break;
    case EXG_MAP_SERVER_POLICY:
        read_policy(self, data, length, step);
        break;
    default:
        read_tcp_table(self, data, length, step);
    }
}

static void
handle_step(Connection *self, const Step *step)
{
    static const char *const names[EXG_N_MAP_PROTOCOLS] = {
        [EXG_MAP_SERVER_POLICY] = "policy service",
        [EXG_MAP_SERVER_SOCKETMAP] = "socketmap",
        [EXG_MAP_SERVER_TCP_ACCESS] = "tcp_table",
        [EXG_MAP_SERVER_TCP_RECIPIENTS] = "tcp_table",
    };
    ExgMapServer *server = self->server;
    if (step->progress == EXG_MAP_MORE)
        return;
    if (step->progress == EXG_MAP_REQUEST && step->asks) {
        ask(self, &step->question);
        return;
    }
    exg_stream_write(self->stream, server->reply->str, server->reply->len);
    if (step->progress == EXG_MAP_BROKEN) {
        server->statistics.broken++;
        exg_log(EXG_LOG_WARNING, NULL,
                "%s: a client that does not speak the %s protocol, or says too much, is "
                "disconnected",
                exg_listener_address(self->listener)->text, names[self->protocol]);
        end_connection(self);
        return;
    }
    restart_timer(self);
}

static gsize
stream_read(ExgStream *stream, const guint8 *data, gsize length, gpointer user)
{
    Connection *self = user;
    if (self->ending)
        return length;
    if (self->waiting) {
        /* Read on a little, to notice when the client goes. */
        if (length > INPUT_MAX_BYTES / 2)
            exg_stream_pause(stream);
        return 0;
    }
    Step step = {.progress = EXG_MAP_MORE};
    read_step(self, data, length, &step);
    self->reading = true;
    handle_step(self, &step);
    self->reading = false;
    return step.progress == EXG_MAP_BROKEN ? length : step.used;
}

static void
stream_closed(ExgStream *stream, const GError *error, gpointer user)
{
    connection_free(user);
}

static const ExgStreamHandler stream_handler = {.read = stream_read, .closed = stream_closed};

static void
timer_fired(gpointer data)
{
    connection_free(data);
}

/* --- listeners -------------------------------------------------------------------------------- */

/* Whether there is room for one more. */
static bool
make_room(ExgMapServer *self)
{
    if (self->connections.length < self->options.max_connections)
        return true;
    for (GList *link = self->connections.head; link != NULL; link = link->next) {
        Connection *connection = link->data;
        if (connection->waiting)
            continue;
        connection_free(connection);
        self->statistics.cut++;
        return true;
    }
    return false;
}

static void
accepted(ExgListener *listener, int fd, const ExgSocketAddress *peer, gpointer data)
{
    const Listening *listening = data;
    ExgMapServer *server = listening->server;
    if (!make_room(server)) {
        server->statistics.cut++;
        close(fd);
        exg_listener_release(listener);
        return;
    }
    Connection *self = g_new0(Connection, 1);
    self->server = server;
    self->listener = listener;
    self->protocol = listening->protocol;
    self->kind = listening->protocol == EXG_MAP_SERVER_TCP_RECIPIENTS ? EXG_MAP_RECIPIENTS
                                                                      : EXG_MAP_ACCESS;
    exg_timer_init(&self->timer, server->engine, timer_fired, self);
    self->stream = exg_stream_new(server->engine, fd, NULL, INPUT_MAX_BYTES, OUTPUT_MAX_BYTES,
                                  &stream_handler, self);
    self->link.data = self;
    g_queue_push_tail_link(&server->connections, &self->link);
    server->statistics.connections_total++;
    restart_timer(self);
}

static void
listening_free(gpointer data)
{
    Listening *listening = data;
    exg_listener_free(listening->listener);
    g_free(listening);
}

bool
exg_map_server_listen(ExgMapServer *self, ExgMapProtocol protocol, const ExgSocketAddress *address,
                      const ExgListenerOptions *options, ExgSocketAddress *ret_bound,
                      GError **error)
{
    Listening *listening = g_new0(Listening, 1);
    listening->server = self;
    listening->protocol = protocol;
    listening->listener = exg_listener_new(self->engine, address, options, accepted, listening,
                                           error);
    if (listening->listener == NULL) {
        g_free(listening);
        return false;
    }
    g_ptr_array_add(self->listeners, listening);
    *ret_bound = *exg_listener_address(listening->listener);
    return true;
}

/* --- the server ------------------------------------------------------------------------------- */

ExgMapServer *
exg_map_server_new(ExgEngine *engine, const ExgMapServerOptions *options)
{
    ExgMapServer *self = g_new0(ExgMapServer, 1);
    self->engine = exg_engine_ref(engine);
    self->options = *options;
    self->listeners = g_ptr_array_new_with_free_func(listening_free);
    g_queue_init(&self->connections);
    g_queue_init(&self->orphans);
    exg_later_init(&self->later, engine, tell_drained, self);
    self->key = g_string_new(NULL);
    self->text = g_string_new(NULL);
    self->reply = g_string_new(NULL);
    return self;
}

void
exg_map_server_free(ExgMapServer *self)
{
    if (self == NULL)
        return;
    self->draining = false;
    exg_later_cancel(&self->later);
    while (self->connections.head != NULL)
        connection_free(self->connections.head->data);
    while (self->orphans.head != NULL) {
        Connection *orphan = self->orphans.head->data;
        g_queue_unlink(&self->orphans, &orphan->link);
        orphan->server = NULL;
    }
    g_ptr_array_unref(self->listeners);
    g_string_free(self->key, TRUE);
    g_string_free(self->text, TRUE);
    g_string_free(self->reply, TRUE);
    exg_engine_unref(self->engine);
    g_free(self);
}

void
exg_map_server_drain(ExgMapServer *self, ExgEngineFunc drained, gpointer data)
{
    self->draining = true;
    self->drained = drained;
    self->drained_data = data;
    for (guint i = 0; i < self->listeners->len; i++) {
        const Listening *listening = g_ptr_array_index(self->listeners, i);
        exg_listener_stop(listening->listener);
    }
    for (GList *link = self->connections.head, *next; link != NULL; link = next) {
        Connection *connection = link->data;
        next = link->next;
        if (!connection->waiting && exg_stream_pending(connection->stream) == 0)
            connection_free(connection);
        else if (!connection->waiting && !connection->ending)
            end_connection(connection);
    }
    check_drained(self);
}

void
exg_map_server_set_limits(ExgMapServer *self, guint max_connections, gint64 idle_timeout_ms)
{
    self->options.max_connections = max_connections;
    self->options.idle_timeout_ms = idle_timeout_ms;
}

ExgMapStatistics
exg_map_server_statistics(const ExgMapServer *self)
{
    ExgMapStatistics statistics = self->statistics;
    statistics.connections = self->connections.length;
    return statistics;
}
