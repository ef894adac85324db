#include "milter/maps.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/io/listener-conf.h"
#include "milter/map-check.h"

struct ExgMaps {
    ExgMapCheck *check;
    ExgMapServer *server;
};

static const char *const keys[EXG_N_MAP_PROTOCOLS] = {
    [EXG_MAP_SERVER_POLICY] = "policy_listen",
    [EXG_MAP_SERVER_SOCKETMAP] = "socketmap_listen",
    [EXG_MAP_SERVER_TCP_ACCESS] = "access_listen",
    [EXG_MAP_SERVER_TCP_RECIPIENTS] = "recipients_listen",
};

/* With `server` NULL the addresses are only read. */
static bool
listen_on(ExgMapServer *server, const ExgConf *conf, const char *key, ExgMapProtocol protocol,
          const ExgListenerOptions *options, GError **error)
{
    const char *const *texts = exg_conf_list(conf, "maps", key);
    for (guint i = 0; texts[i] != NULL; i++) {
        ExgSocketAddress address;
        bool good = exg_socket_address_parse(texts[i], &address, error);
        if (good && address.kind == EXG_SOCKET_SYSTEMD)
            good = exg_error_set(error, EXG_ERROR_CONFIG,
                                 "sockets of systemd are not for the maps; unix:/path or "
                                 "inet:address:port is expected");
        if (good && server != NULL)
            good = exg_map_server_listen(server, protocol, &address, options, &address, error);
        if (!good) {
            g_autofree char *where = exg_conf_where(conf, "maps", key);
            g_prefix_error(error, "%s: ", where);
            return false;
        }
        if (server != NULL)
            exg_log(EXG_LOG_INFO, NULL, "listening on %s as %s says", address.text, key);
    }
    return true;
}

static bool
listen_all(ExgMapServer *server, const ExgConf *conf, GError **error)
{
    ExgListenerOptions options;
    if (!exg_listener_options_read(conf, "maps", &options, error))
        return false;
    for (guint i = 0; i < EXG_N_MAP_PROTOCOLS; i++)
        if (!listen_on(server, conf, keys[i], (ExgMapProtocol)i, &options, error))
            return false;
    return true;
}

bool
exg_maps_check(const ExgConf *conf, GError **error)
{
    return listen_all(NULL, conf, error);
}

guint
exg_maps_max_descriptors(const ExgConf *conf)
{
    for (guint i = 0; i < EXG_N_MAP_PROTOCOLS; i++)
        if (exg_conf_list(conf, "maps", keys[i])[0] != NULL)
            return (guint)exg_conf_int(conf, "maps", "max_connections");
    return 0;
}

ExgMaps *
exg_maps_new(ExgEngine *engine, const ExgConf *conf, ExgMilterSettings *settings, GError **error)
{
    g_autoptr(ExgMaps) maps = g_new0(ExgMaps, 1);
    maps->check = exg_map_check_new(settings);
    const ExgMapServerOptions options = {
        .ask = exg_map_check_ask,
        .ask_data = maps->check,
        .max_connections = (guint)exg_conf_int(conf, "maps", "max_connections"),
        .idle_timeout_ms = exg_conf_int(conf, "maps", "idle_timeout"),
    };
    maps->server = exg_map_server_new(engine, &options);
    return listen_all(maps->server, conf, error) ? g_steal_pointer(&maps) : NULL;
}

void
exg_maps_free(ExgMaps *maps)
{
    if (maps == NULL)
        return;
    exg_map_server_free(maps->server);
    exg_map_check_free(maps->check);
    g_free(maps);
}

void
exg_maps_stop(ExgMaps *maps, ExgEngineFunc drained, gpointer data)
{
    exg_map_server_drain(maps->server, drained, data);
}

void
exg_maps_configure(ExgMaps *maps, const ExgConf *conf, ExgMilterSettings *settings)
{
    exg_map_check_configure(maps->check, settings);
    exg_map_server_set_limits(maps->server, (guint)exg_conf_int(conf, "maps", "max_connections"),
                              exg_conf_int(conf, "maps", "idle_timeout"));
}

ExgMapStatistics
exg_maps_statistics(const ExgMaps *maps)
{
    return exg_map_server_statistics(maps->server);
}
