/* exgate status: which Exchange answers. */
#include "cli/status.h"

#include "common/base/clock.h"
#include "common/base/error.h"

#include <sysexits.h>

typedef struct {
    ExgEwsServerVersion version;
    char *authentication; /* a line each */
    gint64 answer_ms;
    GError *error;
} Server;

static void
server_clear(Server *server)
{
    g_free(server->authentication);
    g_clear_error(&server->error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Server, server_clear)

static void
ask(ExgTool *tool, Server *server)
{
    gint64 begin_us = exg_clock_monotonic_us();
    exg_tool_ask_for_self(tool, &server->error);
    server->answer_ms = (exg_clock_monotonic_us() - begin_us) / 1000;
    exg_ews_service_server_version(tool->service, &server->version);
    server->authentication = exg_account_describe_authentication(tool->account);
}

static void
add_line(ExgTable *table, const char *name, const char *value)
{
    const char *const cells[] = {name, value, NULL};
    exg_table_add(table, cells);
}

static void
add_server(const ExgTool *tool, const Server *server, ExgTable *table)
{
    const ExgConf *conf = tool->conf;
    g_autofree char *account = g_strdup_printf("%s, by %s", exg_account_name(conf),
                                               exg_conf_string(conf, "exchange", "access"));
    g_autofree char *speaks = g_strdup_printf(
        "%s%s%s", server->version.speaks,
        server->version.version[0] != '\0' ? "; the server's own: " : "", server->version.version);
    g_autofree char *answer = g_strdup_printf("in %" G_GINT64_FORMAT " ms", server->answer_ms);
    add_line(table, "endpoint", server->version.endpoint);
    if (server->error == NULL) {
        add_line(table, "product", server->version.product);
        add_line(table, "build", server->version.build[0] != '\0' ? server->version.build : NULL);
        add_line(table, "API version", speaks);
        add_line(table, "answered", answer);
    } else {
        add_line(table, "answered", server->error->message);
    }
    add_line(table, "account", account);
    add_line(table, "authentication", exg_conf_string(conf, "exchange", "auth"));
    g_auto(GStrv)
        lines = g_strsplit(server->authentication != NULL ? server->authentication : "", "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++)
        if (lines[i][0] != '\0')
            add_line(table, "", lines[i]);
}

static void
append_server(const ExgTool *tool, const Server *server, GString *json)
{
    const ExgEwsServerVersion *version = &server->version;
    exg_json_open(json, "server", '{');
    exg_json_text(json, "endpoint", version->endpoint);
    exg_json_text(json, "product", version->product);
    exg_json_text(json, "build", version->build[0] != '\0' ? version->build : NULL);
    exg_json_text(json, "api_version", version->speaks);
    exg_json_text(json, "schema_version", version->version[0] != '\0' ? version->version : NULL);
    exg_json_number(json, "answer_ms", server->error == NULL ? server->answer_ms : -1);
    exg_json_text(json, "account", exg_account_name(tool->conf));
    exg_json_text(json, "access", exg_conf_string(tool->conf, "exchange", "access"));
    exg_json_text(json, "auth", exg_conf_string(tool->conf, "exchange", "auth"));
    exg_json_text(json, "auth_chosen", server->authentication);
    exg_json_error(json, server->error);
    exg_json_close(json, '{');
}

static void
print(const ExgTool *tool, const Server *server, bool local_only)
{
    if (tool->json) {
        g_autoptr(GString) json = g_string_new("{");
        if (!local_only)
            append_server(tool, server, json);
        exg_status_append_local(tool, json);
        exg_json_close(json, '{');
        exg_json_print(json);
        return;
    }
    g_autoptr(ExgTable) table = exg_table_new(NULL);
    if (!local_only)
        add_server(tool, server, table);
    exg_status_add_local(tool, table);
    exg_table_show(table);
}

int
exg_command_status(int argc, char **argv)
{
    gboolean local_only = FALSE;
    const GOptionEntry own[] = {
        {"local", 0, 0, G_OPTION_ARG_NONE, &local_only, "Only this host; Exchange is not asked",
         NULL},
        G_OPTION_ENTRY_NULL,
    };
    const ExgToolUsage usage = {
        .summary = "Tells which Exchange answers and how things stand on this host.",
        .own = own,
    };
    g_auto(ExgTool) tool = {0};
    g_auto(Server) server = {0};
    int status = exg_tool_parse(&tool, &usage, &argc, &argv);
    if (status == EX_OK && local_only)
        status = exg_tool_configure(&tool);
    else if (status == EX_OK)
        status = exg_tool_open(&tool);
    if (status != EX_OK)
        return status;
    if (!local_only)
        ask(&tool, &server);
    print(&tool, &server, local_only);
    return server.error != NULL ? exg_tool_complain(server.error) : EX_OK;
}
