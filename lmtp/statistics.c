#include "lmtp/statistics.h"

#include "common/base/error.h"
#include "common/io/stream.h"

#include <string.h>

#define INPUT_MAX_BYTES  4096
#define OUTPUT_MAX_BYTES (64 * 1024)
#define SOCKET_MODE      0660

/* --- the text --------------------------------------------------------------------------------- */

typedef enum { GAUGE, COUNTER } Kind;

static void
begin(GString *text, const char *name, Kind kind)
{
    g_string_append_printf(text, "# TYPE exgate_lmtpd_%s %s\n", name,
                           kind == GAUGE ? "gauge" : "counter");
}

static void
add(GString *text, const char *name, Kind kind, guint64 value)
{
    begin(text, name, kind);
    g_string_append_printf(text, "exgate_lmtpd_%s %" G_GUINT64_FORMAT "\n", name, value);
}

/* One of several values of a name that has begun. */
static void
add_labelled(GString *text, const char *name, const char *label, guint64 value)
{
    g_string_append_printf(text, "exgate_lmtpd_%s{%s} %" G_GUINT64_FORMAT "\n", name, label, value);
}

char *
exg_statistics_to_text(const ExgStatistics *statistics)
{
    const ExgLmtpStatistics *server = &statistics->server;
    const ExgJournalStatistics *journal = &statistics->journal;
    const ExgThrottleStatistics *throttle = &statistics->throttle;
    GString *text = g_string_sized_new(4096);
    add(text, "sessions", GAUGE, server->sessions);
    add(text, "sessions_total", COUNTER, server->sessions_total);
    add(text, "messages_total", COUNTER, server->transactions);
    begin(text, "recipients_total", COUNTER);
    add_labelled(text, "recipients_total", "outcome=\"delivered\"", server->delivered);
    add_labelled(text, "recipients_total", "outcome=\"deferred\"", server->deferred);
    add_labelled(text, "recipients_total", "outcome=\"refused\"", server->refused);
    add(text, "deliveries", GAUGE, server->deliveries);
    add(text, "spool_bytes", GAUGE, statistics->spool_bytes);
    add(text, "journal_open", GAUGE, journal->open);
    add(text, "journal_oldest_open_seconds", GAUGE, (guint64)journal->oldest_open_ms / 1000);
    add(text, "journal_done", GAUGE, journal->done);
    add(text, "journal_commits_total", COUNTER, journal->commits);
    add(text, "exchange_in_flight", GAUGE, throttle->in_flight);
    add(text, "exchange_waiting", GAUGE, throttle->waiting);
    add(text, "exchange_limit", GAUGE, throttle->limit);
    add(text, "exchange_closed_seconds", GAUGE, (guint64)(throttle->closed_ms + 999) / 1000);
    add(text, "exchange_requests_total", COUNTER, throttle->granted);
    add(text, "exchange_held_back_total", COUNTER, throttle->refused);
    add(text, "exchange_throttled_total", COUNTER, throttle->throttled);
    begin(text, "directory_lookups_total", COUNTER);
    add_labelled(text, "directory_lookups_total", "from=\"cache\"", statistics->directory.hits);
    add_labelled(text, "directory_lookups_total", "from=\"exchange\"",
                 statistics->directory.misses);
    add(text, "directory_asked_total", COUNTER, statistics->directory.asked);
    add(text, "directory_stale_total", COUNTER, statistics->directory.stale);
    add(text, "directory_held_back_total", COUNTER,
        statistics->directory.refused + statistics->directory.refused_client);
    return g_string_free(text, FALSE);
}

/* --- the socket ------------------------------------------------------------------------------- */

struct ExgStatisticsSocket {
    ExgEngine *engine;
    ExgListener *listener;
    ExgStatisticsFunc function;
    gpointer data;
    GQueue clients; /* Client.link */
};

typedef struct {
    ExgStatisticsSocket *owner;
    ExgStream *stream;
    GList link;
} Client;

static void
client_free(Client *client)
{
    g_queue_unlink(&client->owner->clients, &client->link);
    exg_stream_free(client->stream);
    exg_listener_release(client->owner->listener);
    g_free(client);
}

static gsize
client_read(ExgStream *stream, const guint8 *data, gsize length, gpointer user)
{
    return length;
}

static void
client_closed(ExgStream *stream, const GError *error, gpointer user)
{
    client_free(user);
}

static const ExgStreamHandler client_handler = {.read = client_read, .closed = client_closed};

static void
accepted(ExgListener *listener, int fd, const ExgSocketAddress *peer, gpointer data)
{
    ExgStatisticsSocket *self = data;
    ExgStatistics statistics = {0};
    self->function(&statistics, self->data);
    g_autofree char *text = exg_statistics_to_text(&statistics);
    Client *client = g_new0(Client, 1);
    client->owner = self;
    client->link.data = client;
    g_queue_push_tail_link(&self->clients, &client->link);
    client->stream = exg_stream_new(self->engine, fd, NULL, INPUT_MAX_BYTES, OUTPUT_MAX_BYTES,
                                    &client_handler, client);
    exg_stream_write(client->stream, text, strlen(text));
    exg_stream_finish(client->stream);
}

ExgStatisticsSocket *
exg_statistics_socket_new(ExgEngine *engine, const char *path, ExgStatisticsFunc function,
                          gpointer data, GError **error)
{
    g_autofree char *name = g_strconcat("unix:", path, NULL);
    ExgSocketAddress address;
    const ExgListenerOptions options = {
        .mode = SOCKET_MODE,
        .owner = (uid_t)-1,
        .group = (gid_t)-1,
        .max_connections = EXG_STATISTICS_MAX_CLIENTS,
    };
    if (!exg_socket_address_parse(name, &address, error))
        return NULL;
    g_autoptr(ExgStatisticsSocket) self = g_new0(ExgStatisticsSocket, 1);
    self->engine = exg_engine_ref(engine);
    self->function = function;
    self->data = data;
    self->listener = exg_listener_new(engine, &address, &options, accepted, self, error);
    return self->listener != NULL ? g_steal_pointer(&self) : NULL;
}

void
exg_statistics_socket_free(ExgStatisticsSocket *self)
{
    if (self == NULL)
        return;
    while (self->clients.head != NULL)
        client_free(self->clients.head->data);
    exg_listener_free(self->listener);
    exg_engine_unref(self->engine);
    g_free(self);
}
