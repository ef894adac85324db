#include "tests/exchange-sim/server.h"

#include "tests/exchange-sim/connection.h"

#include <sys/socket.h>
#include <unistd.h>

struct ExgSimServer {
    ExgEngine *engine;
    ExgTlsServer *tls;
    ExgListener *listener;
    ExgSimServerParts parts;
    GHashTable *connections; /* a set */
    guint64 last_number;
};

static void
on_gone(ExgSimConnection *connection, gpointer data)
{
    ExgSimServer *server = data;
    g_hash_table_remove(server->connections, connection);
    exg_sim_record_connection(server->parts.record, false);
    exg_listener_release(server->listener);
}

static void
on_accepted(ExgListener *listener, int fd, const ExgSocketAddress *peer, gpointer data)
{
    ExgSimServer *server = data;
    exg_sim_record_connection(server->parts.record, true);
    ExgSimConnection *connection = exg_sim_connection_new(
        server->engine, fd, server->tls, ++server->last_number, &server->parts, on_gone, server);
    g_hash_table_add(server->connections, connection);
}

ExgSimServer *
exg_sim_server_new(ExgEngine *engine, const ExgSocketAddress *address, ExgTlsServer *tls,
                   const ExgSimServerParts *parts, GError **error)
{
    const ExgListenerOptions options = {
        .owner = (uid_t)-1, .group = (gid_t)-1, .max_connections = EXG_SIM_CONNECTIONS_MAX};
    ExgSimServer *server = g_new0(ExgSimServer, 1);
    server->engine = exg_engine_ref(engine);
    server->tls = exg_tls_server_ref(tls);
    server->parts = *parts;
    server->connections = g_hash_table_new(NULL, NULL);
    server->listener = exg_listener_new(engine, address, &options, on_accepted, server, error);
    if (server->listener == NULL) {
        exg_sim_server_free(server);
        return NULL;
    }
    return server;
}

void
exg_sim_server_free(ExgSimServer *server)
{
    if (server == NULL)
        return;
    g_autoptr(GList) connections = g_hash_table_get_keys(server->connections);
    for (GList *at = connections; at != NULL; at = at->next)
        exg_sim_connection_free(at->data);
    g_hash_table_unref(server->connections);
    exg_listener_free(server->listener);
    exg_tls_server_unref(server->tls);
    exg_engine_unref(server->engine);
    g_free(server);
}

guint16
exg_sim_server_port(const ExgSimServer *server)
{
    return exg_socket_address_port(exg_listener_address(server->listener));
}

guint
exg_sim_server_close_idle(ExgSimServer *server)
{
    guint closed = 0;
    g_autoptr(GList) connections = g_hash_table_get_keys(server->connections);
    for (GList *at = connections; at != NULL; at = at->next)
        closed += exg_sim_connection_close_idle(at->data);
    return closed;
}
