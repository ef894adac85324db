#include "common/io/text-socket.h"

#include "common/base/error.h"
#include "common/io/listener.h"
#include "common/io/stream.h"

#include <string.h>

#define INPUT_MAX_BYTES  4096
#define OUTPUT_MAX_BYTES (64 * 1024)
#define SOCKET_MODE      0660

struct ExgTextSocket {
    ExgEngine *engine;
    ExgListener *listener;
    ExgTextFunc function;
    gpointer data;
    GQueue clients; /* Client.link */
};

typedef struct {
    ExgTextSocket *owner;
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
    ExgTextSocket *self = data;
    g_autofree char *text = self->function(self->data);
    Client *client = g_new0(Client, 1);
    client->owner = self;
    client->link.data = client;
    g_queue_push_tail_link(&self->clients, &client->link);
    client->stream = exg_stream_new(self->engine, fd, NULL, INPUT_MAX_BYTES, OUTPUT_MAX_BYTES,
                                    &client_handler, client);
    exg_stream_write(client->stream, text, strlen(text));
    exg_stream_finish(client->stream);
}

ExgTextSocket *
exg_text_socket_new(ExgEngine *engine, const char *path, ExgTextFunc function, gpointer data,
                    GError **error)
{
    g_autofree char *name = g_strconcat("unix:", path, NULL);
    ExgSocketAddress address;
    const ExgListenerOptions options = {
        .mode = SOCKET_MODE,
        .owner = (uid_t)-1,
        .group = (gid_t)-1,
        .max_connections = EXG_TEXT_SOCKET_MAX_CLIENTS,
    };
    if (!exg_socket_address_parse(name, &address, error))
        return NULL;
    g_autoptr(ExgTextSocket) self = g_new0(ExgTextSocket, 1);
    self->engine = exg_engine_ref(engine);
    self->function = function;
    self->data = data;
    self->listener = exg_listener_new(engine, &address, &options, accepted, self, error);
    return self->listener != NULL ? g_steal_pointer(&self) : NULL;
}

bool
exg_text_socket_open(ExgEngine *engine, const ExgConf *conf, const char *group,
                     ExgTextFunc function, gpointer data, ExgTextSocket **ret_socket,
                     GError **error)
{
    const char *path = exg_conf_string(conf, group, "stats_socket");
    ExgTextSocket *self = NULL;
    if (path != NULL) {
        self = exg_text_socket_new(engine, path, function, data, error);
        if (self == NULL) {
            g_autofree char *where = exg_conf_where(conf, group, "stats_socket");
            g_prefix_error(error, "%s: ", where);
            return false;
        }
    }
    *ret_socket = self;
    return true;
}

void
exg_text_socket_free(ExgTextSocket *self)
{
    if (self == NULL)
        return;
    while (self->clients.head != NULL)
        client_free(self->clients.head->data);
    exg_listener_free(self->listener);
    exg_engine_unref(self->engine);
    g_free(self);
}
